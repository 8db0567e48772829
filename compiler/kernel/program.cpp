#include "compiler/kernel/program.h"

#include <algorithm>

namespace descent {

std::vector<std::string> CoveredNodes(const Kernel& kernel) {
  std::vector<std::string> nodes;
  for (const Stage& stage : kernel.stages)
    for (const std::string& node : stage.nodes)
      if (std::find(nodes.begin(), nodes.end(), node) == nodes.end()) nodes.push_back(node);
  return nodes;
}

bool PrefixForm::operator==(const PrefixForm& other) const {
  const auto same = [](const Scalar& a, const Scalar& b) {
    return a && b ? SameScalar(a, b) : a == b;
  };
  return axis == other.axis && exclusive == other.exclusive && reverse == other.reverse &&
         same(init, other.init) && same(step, other.step) && same(result, other.result);
}

std::vector<const std::vector<Step>*> InnerSteps(const Step& step) {
  if (const auto* loop = std::get_if<Loop>(&step.what)) return {&loop->body};
  if (const auto* branch = std::get_if<Branch>(&step.what))
    return {&branch->then_steps, &branch->else_steps};
  return {};
}

}  // namespace descent

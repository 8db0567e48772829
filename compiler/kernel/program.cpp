#include "compiler/kernel/program.h"

namespace descent {

std::vector<const std::vector<Step>*> InnerSteps(const Step& step) {
  if (const auto* loop = std::get_if<Loop>(&step.what)) return {&loop->body};
  if (const auto* branch = std::get_if<Branch>(&step.what))
    return {&branch->then_steps, &branch->else_steps};
  return {};
}

}  // namespace descent

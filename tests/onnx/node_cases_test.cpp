// Each importer gives the values that ONNX's references state, under the reference interpreter.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "compiler/graph/specialize.h"
#include "frontends/onnx/import.h"
#include "ir/interpreter.h"
#include "ir/op_def.h"
#include "tests/onnx/case_file.h"

namespace descent::test {
namespace {

/// The cases by the operator of their first node.
const std::map<std::string, std::vector<OnnxCase>>& Cases() {
  static const auto kCases = [] {
    std::map<std::string, std::vector<OnnxCase>> cases;
    for (OnnxCase& each : ReadCases(DESCENT_SOURCE_DIR "/tests/onnx/cases.bin.gz"))
      cases[each.op].push_back(std::move(each));
    return cases;
  }();
  return kCases;
}

std::vector<std::string> Operators() {
  std::vector<std::string> names;
  for (const auto& [op, cases] : Cases()) names.push_back(op);
  return names;
}

/// As ONNX's own runner compares, with room for numbers near 0.
void ExpectClose(const Tensor& got, const Tensor& want) {
  ASSERT_EQ(ToString(got.type()), ToString(want.type()));
  const bool exact = !Info(want.dtype()).is_float;
  for (int64_t i = 0; i < want.elements(); ++i) {
    const double g = got.GetDouble(i), w = want.GetDouble(i);
    if (std::isnan(w) && std::isnan(g)) continue;
    if (exact || std::isinf(w)) {
      ASSERT_EQ(g, w) << "element " << i;
    } else {
      ASSERT_NEAR(g, w, 1e-3 * std::abs(w) + 1e-6) << "element " << i;
    }
  }
}

/// In the order of the graph's inputs: data, and the parameters' own values.
std::vector<Tensor> InputsOf(const Model& model, const Graph& graph,
                             const std::vector<Tensor>& data) {
  std::vector<Tensor> inputs;
  for (const NamedValue& input : graph.inputs()) {
    if (const Slot* slot = model.FindSlot(input.name)) {
      inputs.push_back(*slot->initializer.data);
    } else {
      const auto place = std::ranges::find(model.inputs, input.name, &InputBinding::name);
      inputs.push_back(data.at(place - model.inputs.begin()));
    }
  }
  return inputs;
}

class NodeCases : public testing::TestWithParam<std::string> {};

TEST_P(NodeCases, GiveTheReferencesValues) {
  for (const OnnxCase& each : Cases().at(GetParam())) {
    SCOPED_TRACE(each.name);
    const auto model = onnx::ParseModel(each.model, each.name + ".onnx");
    if (!model) {
      ADD_FAILURE() << model.error().ToString();
      continue;
    }
    const auto entry = Specialize(*model, {.entry = "run"});
    ASSERT_TRUE(entry) << entry.error().ToString();
    const auto run = Interpret(entry->graph, InputsOf(*model, entry->graph, each.inputs));
    ASSERT_TRUE(run) << run.error().ToString();
    ASSERT_EQ(run->outputs.size(), each.outputs.size());
    for (size_t i = 0; i < each.outputs.size(); ++i) ExpectClose(run->outputs[i], each.outputs[i]);
  }
}

TEST(BatchNormalization, SumsTheNumbersOfABatchInF64) {
  int means = 0;
  for (const OnnxCase& each : Cases().at("BatchNormalization")) {
    if (!each.name.contains("training_mode")) continue;
    const auto model = onnx::ParseModel(each.model, each.name + ".onnx");
    ASSERT_TRUE(model) << model.error().ToString();
    for (const Node& node : model->graph.nodes()) {
      if (node.op->name != "mean") continue;
      EXPECT_EQ(node.types[0].dtype, DType::kF64) << each.name;
      ++means;
    }
  }
  EXPECT_EQ(means, 4);  // mean and variance of two cases
}

INSTANTIATE_TEST_SUITE_P(All, NodeCases, testing::ValuesIn(Operators()),
                         [](const auto& info) { return info.param; });

}  // namespace
}  // namespace descent::test

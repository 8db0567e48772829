#include "compiler/graph/mixed_precision.h"

#include <gtest/gtest.h>

#include "compiler/graph/pipeline.h"
#include "ir/interpreter.h"
#include "ir/io/text_parser.h"
#include "ir/io/text_printer.h"

namespace descent {
namespace {

Model Parsed(const std::string& statements) {
  auto model = ParseText("descent 1\nmodel m {\n" + statements + "}\n", "m.descent");
  DESCENT_CHECK(model.has_value(), model.error().ToString());
  return *std::move(model);
}

Model Optimized(const std::string& statements, const std::string& entry,
                FactorPrecision precision = FactorPrecision::kBF16) {
  const Model model = Parsed(statements);
  auto optimized =
      RunPasses(model, StandardPasses(model),
                {.pass = {.entry = entry, .precision = precision}, .verify_each = true});
  DESCENT_CHECK(optimized.has_value(), optimized.error().ToString());
  return *std::move(optimized);
}

/// Names of the values that are rounded to bf16, "%" for those without.
std::string Rounded(const Model& model) {
  std::string names;
  for (const Node& node : model.graph.nodes()) {
    if (node.types[0].dtype != DType::kBF16) continue;
    const std::string name = model.graph.NameOf(node.operands[0]);
    names += (names.empty() ? "" : " ") + (name.starts_with('%') ? "%" : name);
  }
  return names;
}

constexpr const char* kPerceptron = R"(  batch 4
  input x: f32[batch, 3] from features
  input t: f32[batch, 2] from label
  parameter V: f32[3, 8] = ones
  parameter W: f32[8, 2] = ones
  z = matmul(x, V)
  h = tanh(z)
  y = matmul(h, W)
  s = sum(y)
  l = mse(y, t)
  predict y
  train l with sgd(learning_rate=0.1)
)";

TEST(MixedPrecision, RoundsFactorsAndResultsOfProducts) {
  const Model model = Optimized(kPerceptron, "predict");
  EXPECT_EQ(Rounded(model), "x V z h W %");
}

TEST(MixedPrecision, F32ChangesNothing) {
  EXPECT_EQ(Rounded(Optimized(kPerceptron, "train_step", FactorPrecision::kF32)), "");
}

/// Gradients of parameters and the update stay f32, and so do the parameters themselves.
TEST(MixedPrecision, KeepsMasterCopies) {
  const Model model = Optimized(kPerceptron, "train_step");
  const std::string names = " " + Rounded(model) + " ";
  for (const char* name : {" grad.V ", " grad.W ", " next.V ", " next.W "})
    EXPECT_EQ(names.find(name), std::string::npos) << names;
  for (const NamedValue& output : model.graph.outputs())
    EXPECT_NE(model.graph.type(output.value).dtype, DType::kBF16) << output.name;
}

TEST(MixedPrecision, ComputesWhatItSays) {
  const Model model = Optimized(
      "  input x: f32[2, 2]\n  parameter W: f32[2, 2] = ones\n"
      "  y = matmul(x, W)\n  output y\n",
      "run");
  const auto matrix = [](std::vector<double> values) {
    return Tensor::FromDoubles({DType::kF32, {2, 2}}, values);
  };
  // 1 + 2^-9 is rounded to 1; 1 (1 + 2^-7) + 3 is 4 + 2^-7, and that is rounded to 4.
  const auto run = Interpret(
      model.graph, std::vector{matrix({1 + 0x1p-9, 3, 0, 0}), matrix({1 + 0x1p-7, 0, 1, 0})});
  ASSERT_TRUE(run) << run.error().ToString();
  EXPECT_EQ(run->outputs[0].GetDouble(0), 4);
}

/// Depthwise convolutions and inner products use no factor again.
TEST(MixedPrecision, LeavesOtherSumsAlone) {
  EXPECT_EQ(Rounded(Optimized("  input x: f32[4, 3]\n  parameter w: f32[4, 3] = ones\n"
                              "  p = mul(x, w)\n  y = sum(p, axes=[1])\n  output y\n",
                              "run")),
            "");
  EXPECT_EQ(Rounded(Optimized("  input x: f64[4, 3]\n  parameter w: f64[3, 2] = ones\n"
                              "  y = matmul(x, w)\n  output y\n",
                              "run")),
            "");
}

/// What only moves elements is not rounded again.
TEST(MixedPrecision, RoundsBelowTransposes) {
  EXPECT_EQ(Rounded(Optimized("  input x: f32[4, 3]\n  parameter w: f32[4, 2] = ones\n"
                              "  e = exp(x)\n  t = transpose(e, permutation=[1, 0])\n"
                              "  y = matmul(t, w)\n  output y\n",
                              "run")),
            "e w %");
}

}  // namespace
}  // namespace descent

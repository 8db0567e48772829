// Every operator against its samples: types, definitions, values. Gradients stand in
// gradients_test.cpp, row masks in row_masks_test.cpp.
#include <gtest/gtest.h>

#include <set>

#include "ir/expr.h"
#include "tests/ir/expect_values.h"
#include "tests/ir/samples/parameters.h"

namespace descent {
namespace {

// ---- the table itself --------------------------------------------------------------------------

TEST(Registry, EveryOperatorIsComplete) {
  for (const auto& [family, op] : AllOperators()) {
    SCOPED_TRACE(op->name);
    EXPECT_FALSE(op->doc.empty());
    EXPECT_NE(op->infer, nullptr);
    const int meanings = (op->leaf != Leaf::kNone) + (op->control != Control::kNone) +
                         (op->define != nullptr || op->expand != nullptr);
    EXPECT_EQ(meanings, 1);
    const bool differentiable = op->vjp != nullptr || op->expand != nullptr;
    EXPECT_TRUE(differentiable || !op->no_gradient.empty()) << "no gradient and no reason";
    EXPECT_FALSE(op->vjp != nullptr && !op->no_gradient.empty());
    for (const AttributeSpec& attribute : op->signature.attributes)
      EXPECT_FALSE(attribute.doc.empty()) << attribute.name;
  }
}

TEST(Registry, EveryOperatorHasSamples) {
  std::set<std::string_view> sampled, refused;
  for (const OpSample& sample : AllSamples()) sampled.insert(sample.op);
  for (const ErrorSample& sample : AllErrorSamples()) refused.insert(sample.op);
  for (const auto& [family, op] : AllOperators()) {
    EXPECT_TRUE(sampled.contains(op->name)) << op->name << " has no sample";
    EXPECT_TRUE(refused.contains(op->name) || op->leaf != Leaf::kNone)
        << op->name << " has no error sample";
  }
  for (const auto& names : {sampled, refused})
    for (const std::string_view name : names)
      EXPECT_NE(FindOp(name), nullptr) << "a sample of " << name << ", which is no operator";
}

/// One family's samples.
class Conformance : public testing::TestWithParam<OpFamily> {};
INSTANTIATE_TEST_SUITE_P(All, Conformance, testing::ValuesIn(OpFamilies()), FamilyName());

TEST_P(Conformance, ErrorsNameTheRule) {
  for (const ErrorSample& sample : ErrorSamplesOf(GetParam())) {
    GraphBuilder b;
    std::vector<Value> operands;
    for (const TensorType& type : sample.operands)
      operands.push_back(b.Input(fmt::format("x{}", operands.size()), type));
    const auto results = b.TryAdd(sample.op, operands, sample.attributes);
    ASSERT_FALSE(results) << sample.op << " accepts what must fail with: " << sample.message;
    EXPECT_NE(results.error().message.find(sample.message), std::string::npos)
        << results.error().message << "\n  expected: " << sample.message;
  }
}

// ---- meaning -----------------------------------------------------------------------------------

TEST_P(Conformance, DefinitionsAndExpansionsHaveTheInferredTypes) {
  for (const OpSample& sample : SamplesOf(GetParam())) {
    SCOPED_TRACE(Describe(sample));
    const auto graph = SampleGraph(sample);
    ASSERT_TRUE(graph) << graph.error().message;
    const Node& node = graph->node(graph->outputs()[0].value);
    const OpContext context{sample.operands, node.attributes};
    if (node.op->define != nullptr) {
      const TensorExpr expr = node.op->define(context);
      EXPECT_EQ(Violation(expr, sample.operands), "");
      EXPECT_EQ(Shape(expr.axes.begin(), expr.axes.begin() + expr.rank), node.types[0].shape);
      ASSERT_EQ(expr.results.size(), node.types.size());
      for (size_t i = 0; i < node.types.size(); ++i)
        EXPECT_EQ(expr.results[i]->dtype, node.types[i].dtype);
    }
    for (const auto replace : {node.op->expand, node.op->inference}) {
      if (replace == nullptr) continue;
      GraphBuilder b;
      std::vector<Value> operands;
      for (const TensorType& type : sample.operands)
        operands.push_back(b.Input(fmt::format("x{}", operands.size()), type));
      const std::vector<Value> results = replace(b, context, operands);
      ASSERT_EQ(results.size(), node.types.size());
      for (size_t i = 0; i < results.size(); ++i) EXPECT_EQ(b.type(results[i]), node.types[i]);
    }
  }
}

TEST_P(Conformance, InterpreterGivesTheStatedValues) {
  for (const OpSample& sample : SamplesOf(GetParam())) {
    SCOPED_TRACE(Describe(sample));
    const auto graph = SampleGraph(sample);
    ASSERT_TRUE(graph) << graph.error().message;
    for (const Precision precision : {Precision::kExact, Precision::kTyped}) {
      const auto run =
          Interpret(*graph, SampleOperands(sample, precision), kSampleValues, precision);
      ASSERT_TRUE(run) << run.error().message;
      EXPECT_EQ(run->bad_index, sample.bad_index);
      EXPECT_EQ(run->not_finite, sample.not_finite);
      for (size_t i = 0; i < sample.expected.size(); ++i)
        if (!sample.expected[i].empty() || run->outputs[i].elements() == 0)
          ExpectValues(run->outputs[i], sample.expected[i], fmt::format("y{}", i));
    }
  }
}

}  // namespace
}  // namespace descent

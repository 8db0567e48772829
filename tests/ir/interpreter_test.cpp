#include "ir/interpreter.h"

#include <gtest/gtest.h>

#include <map>

#include "ir/expr.h"
#include "ir/op_def.h"

namespace descent {
namespace {

TEST(Interpreter, RoundsAtEachNodeInTypedModeOnly) {
  GraphBuilder b;
  const Expr x(b, b.Input("x", {DType::kF32, {}}));
  b.Output("y", (x + 1.0) - 1.0);
  const Graph graph = std::move(b).Build();
  const Tensor tiny = Tensor::Scalar(DType::kF64, 1e-9);
  const auto exact = Interpret(graph, {{tiny}}, {}, Precision::kExact);
  EXPECT_NEAR(exact->outputs[0].GetDouble(0), 1e-9, 1e-15);
  EXPECT_EQ(exact->outputs[0].dtype(), DType::kF64);
  const auto typed = Interpret(graph, {{Tensor::Scalar(DType::kF32, 1e-9)}});
  EXPECT_EQ(typed->outputs[0].GetDouble(0), 0);
  EXPECT_EQ(typed->outputs[0].dtype(), DType::kF32);
}

TEST(Interpreter, TracesNamedValues) {
  GraphBuilder b;
  const Value x = b.Input("x", {DType::kF32, {}});
  const Value z = b.Add("neg", {x}, {}, "z");
  b.Output("y", b.Add("exp", {z}));
  std::map<std::string, double> seen;
  const auto run = Interpret(
      std::move(b).Build(), {{Tensor::Scalar(DType::kF32, 0)}}, {}, Precision::kTyped,
      [&](std::string_view name, const Tensor& value) { seen.emplace(name, value.GetDouble(0)); });
  ASSERT_TRUE(run);
  EXPECT_EQ(seen, (std::map<std::string, double>{{"x", 0}, {"y", 1}, {"z", 0}}));
}

TEST(Interpreter, RefusesInputsThatDoNotFit) {
  GraphBuilder b;
  b.Output("y", b.Input("x", {DType::kF32, {2}}));
  const Graph graph = std::move(b).Build();
  EXPECT_EQ(Interpret(graph, {}).error().message, "the graph takes 1 inputs, not 0");
  EXPECT_EQ(Interpret(graph, {{Tensor::Full({DType::kI32, {2}}, 1)}}).error().message,
            "input 'x' must be f32[2], not i32[2]");
}

TEST(Interpreter, LoopStepIsTheSliceAlsoInReverse) {
  GraphBuilder body;
  body.Input("x", {DType::kF32, {}});
  body.Output("step", body.Add("loop_step", {}));
  const auto shared = std::make_shared<const Graph>(std::move(body).Build());
  for (const bool reverse : {false, true}) {
    GraphBuilder b;
    const Value x = b.Input("x", {DType::kF32, {3}});
    b.Output("y", b.Add("scan", {x},
                        {{"body", shared},
                         {"sliced", int64_t{1}},
                         {"stacked", int64_t{1}},
                         {"reverse", reverse}}));
    const auto run = Interpret(std::move(b).Build(), {{Tensor::Full({DType::kF32, {3}}, 0)}});
    EXPECT_EQ(run->outputs[0], Tensor::FromInts({DType::kI64, {3}}, {{0, 1, 2}}));
  }
}

/// The values shown for sums, by hand.
TEST(Interpreter, MetricsFinish) {
  struct Row {
    std::string_view op;
    std::vector<TensorType> operands;
    std::vector<double> sums, shown;
  };
  const TensorType f{DType::kF32, {3}}, scores{DType::kF32, {3, 2}}, i{DType::kI64, {3}};
  const std::vector<Row> rows = {
      {"loss_mean", {{DType::kF32, {}}}, {3, 4}, {0.75}},
      {"accuracy", {scores, i}, {9, 10}, {0.9}},
      {"binary_accuracy", {f, f}, {1, 4}, {0.25}},
      {"precision", {f, f}, {0, 0}, {0}},
      {"recall", {f, f}, {3, 4}, {0.75}},
      {"confusion_matrix", {scores, i}, {1, 2, 3, 4}, {1, 2, 3, 4}},
      {"mean_absolute_error", {f, f}, {3, 6}, {0.5}},
      {"r2", {f, f}, {2, 9, 35, 3}, {0.75}},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.op);
    const OpDef& op = *FindOp(row.op);
    Attributes attributes;
    const auto types = InferTypes(op, row.operands, attributes);
    ASSERT_TRUE(types) << types.error().message;
    GraphBuilder b;
    const Value sums = b.Input("sums", (*types)[0]);
    for (const Value value : op.finish(b, {row.operands, attributes}, sums)) b.Output("", value);
    const auto run =
        Interpret(std::move(b).Build(), {{Tensor::FromDoubles((*types)[0], row.sums)}});
    ASSERT_TRUE(run);
    for (size_t k = 0; k < row.shown.size(); ++k)
      EXPECT_DOUBLE_EQ(run->outputs[0].GetDouble(static_cast<int64_t>(k)), row.shown[k]);
  }
}

}  // namespace
}  // namespace descent

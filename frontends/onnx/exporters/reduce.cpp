// Reductions and running sums.
#include "frontends/onnx/exporters/families.h"
#include "ir/expr.h"
#include "ir/ops/shapes.h"

namespace descent::onnx {
namespace {

using Node = ExportedNode;
using Values = std::vector<Value>;

std::string As(const Node& n, const std::string& x, DType dtype) {
  return n.w.Add("Cast", {x}, {{"to", int64_t{DTypeNumber(dtype)}}});
}
/// The row's target.
std::string Reduced(const Node& n, const std::string& x) {
  return n.w.Add(n.target, {x, n.w.Ints(n.Axes())},
                 {{"keepdims", int64_t{n.Flag("keepdims")}}, {"noop_with_empty_axes", int64_t{1}}});
}
Names Reduce(const Node& n) { return {Reduced(n, n.In(0))}; }
/// The largest or smallest element. Integers of 16 bits it does not have; of none of them it is
/// their own limit.
Names Extremum(const Node& n) {
  const DType dtype = n.dtype();
  if (!Info(dtype).is_integer || Info(dtype).bytes != 2) return Reduce(n);
  const auto limit = [&](int64_t value) {
    return n.w.Scalar(DType::kI32, static_cast<double>(value));
  };
  const std::string y = Reduced(n, As(n, n.In(0), DType::kI32));
  return {As(n, n.w.Add("Clip", {y, limit(LowestInteger(dtype)), limit(HighestInteger(dtype))}),
             dtype)};
}
/// Of bools, as numbers.
Names ReduceBools(const Node& n) {
  const std::string reduced = Reduced(n, As(n, n.In(0), DType::kI32));
  // Of no elements the largest is the smallest number there is.
  return {n.w.Add("Greater", {reduced, n.w.Scalar(DType::kI32, 0)})};
}
Names ArgReduce(const Node& n) {
  return {n.w.Add(n.target, {n.In(0)},
                  {{"axis", n.Int("axis")}, {"keepdims", int64_t{n.Flag("keepdims")}}})};
}
Names CumSum(const Node& n) {
  return {n.w.Add(
      "CumSum",
      {n.In(0), n.w.Constant(Tensor::FromInts({DType::kI64, {}}, std::vector{n.Int("axis")}))},
      {{"exclusive", int64_t{n.Flag("exclusive")}}, {"reverse", int64_t{n.Flag("reverse")}}})};
}
/// A scan along the axis that carries the result: `next` gets it and a slice of each operand.
template <Expr (*next)(Expr state, std::span<const Expr> slices), int kStart>
Values ExpandPrefix(GraphBuilder& b, const OpContext& op, std::span<const Value> operands) {
  const int axis = KnownAxis(op.attributes.Int("axis"), op.operands[0].rank());
  std::vector<int64_t> to_front = {axis}, back;
  for (int i = 0; i < op.operands[0].rank(); ++i)
    if (i != axis) to_front.push_back(i);
  for (int i = 1; i < op.operands[0].rank(); ++i) back.push_back(i);
  back.insert(back.begin() + axis, 0);
  TensorType slice = op.operands[0];
  slice.shape.erase(slice.shape.begin() + axis);
  GraphBuilder step;
  const Expr state(step, step.Input("state", slice));
  Values outside = {Filled(b, slice.shape, slice.dtype, kStart)};
  std::vector<Expr> slices;
  for (const Value operand : operands) {
    outside.push_back(Transpose({b, operand}, to_front));
    slices.emplace_back(step, step.Input(fmt::format("x{}", slices.size()), slice));
  }
  const Expr result = next(state, slices);
  step.Output("next", result);
  step.Output("y", op.attributes.Bool("exclusive") ? state : result);
  const Values results =
      b.AddMulti("scan", std::move(outside),
                 {{"body", std::make_shared<const Graph>(std::move(step).Build())},
                  {"carried", int64_t{1}},
                  {"sliced", static_cast<int64_t>(slices.size())},
                  {"stacked", int64_t{1}},
                  {"reverse", op.attributes.Bool("reverse")}});
  return {Transpose({b, results[1]}, back)};
}
Expr NextProduct(Expr state, std::span<const Expr> x) { return state * x[0]; }
Expr NextOfRecurrence(Expr state, std::span<const Expr> x) { return x[0] * state + x[1]; }

}  // namespace

std::span<const OpExporter> ReduceExporters() {
  static constexpr OpExporter kExporters[] = {
      {"all", ReduceBools, "ReduceMin"},
      {"any", ReduceBools, "ReduceMax"},
      {"argmax", ArgReduce, "ArgMax"},
      {"argmin", ArgReduce, "ArgMin"},
      {.name = "cumprod", .expand = ExpandPrefix<NextProduct, 1>},
      {.name = "cumsum", .write = CumSum, .via = RingType},
      {.name = "linear_recurrence", .expand = ExpandPrefix<NextOfRecurrence, 0>},
      {"max", Extremum, "ReduceMax"},
      {"mean", Reduce, "ReduceMean"},
      {"min", Extremum, "ReduceMin"},
      {.name = "prod", .write = Reduce, .target = "ReduceProd", .via = RingType},
      {.name = "sum", .write = Reduce, .target = "ReduceSum", .via = RingType},
  };
  return kExporters;
}

}  // namespace descent::onnx

#include "frontends/onnx/exporters.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "ir/ops/shapes.h"

namespace descent::onnx {
namespace {

using Node = ExportedNode;

constexpr int64_t kEnd = std::numeric_limits<int64_t>::min();

bool IsFloat(const Node& n) { return Info(n.op.dtype(0)).is_float; }

/// The row's target on all operands.
Names Same(const Node& n) { return {n.w.Add(n.target, n.operands)}; }

/// Of floats alone: ONNX has no such operator for integers.
Names OfFloats(const Node& n) {
  return IsFloat(n) ? Names{n.w.Add(n.target, n.operands)} : Names{};
}

// ---- elementwise -------------------------------------------------------------------------------

Names NotEqual(const Node& n) { return {n.w.Add("Not", {n.w.Add("Equal", n.operands)})}; }
Names Square(const Node& n) { return {n.w.Add("Mul", {n.In(0), n.In(0)})}; }
Names Rsqrt(const Node& n) { return {n.w.Add("Reciprocal", {n.w.Add("Sqrt", n.operands)})}; }
Names Trunc(const Node& n) {
  return {
      n.w.Add("Mul", {n.w.Add("Sign", {n.In(0)}), n.w.Add("Floor", {n.w.Add("Abs", {n.In(0)})})})};
}
Names Exp2(const Node& n) { return {n.w.Add("Pow", {n.w.Scalar(n.op.dtype(0), 2), n.In(0)})}; }
/// `near` where |x| < 1/2, else `far`.
Names Near0(const Node& n, const std::string& near, const std::string& far) {
  const std::string is_near =
      n.w.Add("Less", {n.w.Add("Abs", {n.In(0)}), n.w.Scalar(n.op.dtype(0), 0.5)});
  return {n.w.Add("Where", {is_near, near, far})};
}
/// exp(x) - 1; near 0, where that cancels, 2 sinh(x / 2) exp(x / 2).
Names Expm1(const Node& n) {
  const DType dtype = n.op.dtype(0);
  const std::string half = n.w.Add("Mul", {n.In(0), n.w.Scalar(dtype, 0.5)});
  const std::string product = n.w.Add("Mul", {n.w.Add("Sinh", {half}), n.w.Add("Exp", {half})});
  return Near0(n, n.w.Add("Mul", {product, n.w.Scalar(dtype, 2)}),
               n.w.Add("Sub", {n.w.Add("Exp", {n.In(0)}), n.w.Scalar(dtype, 1)}));
}
/// log(1 + x); near 0, where the sum rounds, 2 atanh(x / (2 + x)).
Names Log1p(const Node& n) {
  const DType dtype = n.op.dtype(0);
  const std::string two = n.w.Scalar(dtype, 2);
  const std::string ratio = n.w.Add("Div", {n.In(0), n.w.Add("Add", {n.In(0), two})});
  return Near0(n, n.w.Add("Mul", {n.w.Add("Atanh", {ratio}), two}),
               n.w.Add("Log", {n.w.Add("Add", {n.In(0), n.w.Scalar(dtype, 1)})}));
}
Names Log2(const Node& n) {
  return {
      n.w.Add("Mul", {n.w.Add("Log", {n.In(0)}), n.w.Scalar(n.op.dtype(0), 1.4426950408889634)})};
}
Names Erfc(const Node& n) {
  return {n.w.Add("Sub", {n.w.Scalar(n.op.dtype(0), 1), n.w.Add("Erf", {n.In(0)})})};
}
Names IsFinite(const Node& n) {
  return {
      n.w.Add("Not", {n.w.Add("Or", {n.w.Add("IsNaN", {n.In(0)}), n.w.Add("IsInf", {n.In(0)})})})};
}
Names Fmod(const Node& n) { return {n.w.Add("Mod", n.operands, {{"fmod", int64_t{1}}})}; }
/// ONNX's Mod of floats truncates: a rest of the other sign than the divisor lacks one divisor.
Names Remainder(const Node& n) {
  if (!IsFloat(n)) return {n.w.Add("Mod", n.operands)};
  const std::string rest = n.w.Add("Mod", n.operands, {{"fmod", int64_t{1}}});
  const std::string product = n.w.Add("Mul", {n.w.Add("Sign", {rest}), n.w.Add("Sign", {n.In(1)})});
  const std::string apart = n.w.Add("Less", {product, n.w.Scalar(n.op.dtype(0), 0)});
  return {n.w.Add("Where", {apart, n.w.Add("Add", {rest, n.In(1)}), rest})};
}
/// The target is the direction.
Names Shift(const Node& n) {
  if (!Info(n.op.dtype(0)).is_unsigned) return {};
  return {n.w.Add("BitShift", n.operands, {{"direction", std::string(n.target)}})};
}
Names Clamp(const Node& n) {
  const DType dtype = n.op.dtype(0);
  if (!Info(dtype).is_float) return {};
  return {n.w.Add(
      "Clip", {n.In(0), n.w.Scalar(dtype, n.Float("low")), n.w.Scalar(dtype, n.Float("high"))})};
}
Names Cast(const Node& n) {
  return {n.w.Add("Cast", n.operands, {{"to", int64_t{DTypeNumber(n.results[0].dtype)}}})};
}
Names LeakyRelu(const Node& n) {
  return {n.w.Add("LeakyRelu", n.operands, {{"alpha", n.Float("slope")}})};
}
Names Elu(const Node& n) { return {n.w.Add("Elu", n.operands, {{"alpha", n.Float("alpha")}})}; }

// ---- reductions --------------------------------------------------------------------------------

std::vector<int64_t> AxesOf(const Node& n) {
  std::vector<int64_t> axes = n.Ints("axes");
  if (axes.empty())
    for (int axis = 0; axis < n.op.operands[0].rank(); ++axis) axes.push_back(axis);
  return axes;
}
Names Reduce(const Node& n) {
  return {
      n.w.Add(n.target, {n.In(0), n.w.Ints(AxesOf(n))},
              {{"keepdims", int64_t{n.Flag("keepdims")}}, {"noop_with_empty_axes", int64_t{1}}})};
}
/// Of bools, as numbers.
Names ReduceBools(const Node& n) {
  const std::string numbers =
      n.w.Add("Cast", {n.In(0)}, {{"to", int64_t{proto::TensorProto::INT32}}});
  const std::string reduced =
      n.w.Add(n.target, {numbers, n.w.Ints(AxesOf(n))},
              {{"keepdims", int64_t{n.Flag("keepdims")}}, {"noop_with_empty_axes", int64_t{1}}});
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

// ---- layout ------------------------------------------------------------------------------------

Names Reshape(const Node& n) {
  return {n.w.Add("Reshape", {n.In(0), n.w.Ints(n.Ints("shape"))}, {{"allowzero", int64_t{1}}})};
}
Names Transpose(const Node& n) {
  return {n.w.Add("Transpose", n.operands, {{"perm", n.Ints("permutation")}})};
}
Names Expand(const Node& n) { return {n.w.Add("Expand", {n.In(0), n.w.Ints(n.Ints("shape"))})}; }
/// 0, 1, 2, ... in a shape of its own, which is spread over the others.
Names Iota(const Node& n) {
  const std::vector<int64_t>& shape = n.Ints("shape");
  const auto axis = static_cast<size_t>(*NormalAxis(n.Int("axis"), static_cast<int>(shape.size())));
  std::vector<int64_t> line(shape.size(), 1);
  line[axis] = shape[axis];
  const auto integer = [&](double value) { return n.w.Scalar(DType::kI64, value); };
  const std::string count =
      n.w.Constant(Tensor::FromInts({DType::kI64, {}}, std::vector{shape[axis]}));
  std::string y = n.w.Add("Range", {integer(0), count, integer(1)});
  if (shape.size() > 1)
    y = n.w.Add("Expand", {n.w.Add("Reshape", {y, n.w.Ints(line)}, {{"allowzero", int64_t{1}}}),
                           n.w.Ints(shape)});
  if (n.results[0].dtype == DType::kI64) return {y};
  return {n.w.Add("Cast", {y}, {{"to", int64_t{DTypeNumber(n.results[0].dtype)}}})};
}
Names Concat(const Node& n) { return {n.w.Add("Concat", n.operands, {{"axis", n.Int("axis")}})}; }
Names Flip(const Node& n) {
  const std::vector<int64_t> axes = AxesOf(n);
  if (axes.empty()) return {n.w.Add("Identity", n.operands)};
  const std::vector<int64_t> last(axes.size(), -1), end(axes.size(), kEnd);
  return {
      n.w.Add("Slice", {n.In(0), n.w.Ints(last), n.w.Ints(end), n.w.Ints(axes), n.w.Ints(last)})};
}
Names Slice(const Node& n) {
  const Shape& shape = n.op.shape(0);
  std::vector<int64_t> axes, steps = n.Ints("steps"), stops = n.Ints("stops");
  if (shape.empty()) return {n.w.Add("Identity", n.operands)};
  steps.resize(shape.size(), 1);
  for (size_t axis = 0; axis < shape.size(); ++axis) {
    axes.push_back(static_cast<int64_t>(axis));
    if (steps[axis] < 0 && stops[axis] == -shape[axis] - 1) stops[axis] = kEnd;
  }
  return {n.w.Add("Slice", {n.In(0), n.w.Ints(n.Ints("starts")), n.w.Ints(stops), n.w.Ints(axes),
                            n.w.Ints(steps)})};
}
Names PadConstant(const Node& n) {
  if (std::ranges::any_of(n.Ints("interior"), [](int64_t each) { return each != 0; })) return {};
  std::vector<int64_t> pads = n.Ints("low");
  pads.insert(pads.end(), n.Ints("high").begin(), n.Ints("high").end());
  if (pads.empty()) return {n.w.Add("Identity", n.operands)};
  return {n.w.Add("Pad", {n.In(0), n.w.Ints(pads), n.w.Scalar(n.op.dtype(0), n.Float("value"))})};
}

// ---- contractions ------------------------------------------------------------------------------

std::string Turned(const Node& n, int operand, bool transposed) {
  if (!transposed) return n.In(operand);
  std::vector<int64_t> permutation;
  for (int axis = 0; axis < n.op.operands[operand].rank(); ++axis) permutation.push_back(axis);
  std::swap(permutation[permutation.size() - 1], permutation[permutation.size() - 2]);
  return n.w.Add("Transpose", {n.In(operand)}, {{"perm", permutation}});
}
Names Matmul(const Node& n) {
  const bool a = n.Flag("transpose_a") && n.op.operands[0].rank() > 1;
  const bool b = n.Flag("transpose_b") && n.op.operands[1].rank() > 1;
  return {n.w.Add("MatMul", {Turned(n, 0, a), Turned(n, 1, b)})};
}

/// Attributes of windows; nullopt where ONNX has no such window.
std::optional<GraphWriter::Attributes> WindowAttributes(const Node& n, bool in_result) {
  const Attributes& a = n.op.attributes;
  if (a.String("layout") != "nchw" || a.String("auto_pad") == "same") return std::nullopt;
  std::vector<int64_t> pads = n.Ints("padding");
  if (a.String("auto_pad") == "valid") std::ranges::fill(pads, 0);
  if (!in_result && std::ranges::any_of(pads, [](int64_t pad) { return pad < 0; }))
    return std::nullopt;
  return GraphWriter::Attributes{
      {"strides", n.Ints("stride")}, {"pads", pads}, {"dilations", n.Ints("dilation")}};
}
Names Conv(const Node& n) {
  auto attributes = WindowAttributes(n, false);
  if (!attributes ||
      std::ranges::any_of(n.Ints("input_dilation"), [](int64_t each) { return each != 1; }))
    return {};
  attributes->push_back({"group", n.Int("groups")});
  return {n.w.Add("Conv", n.operands, *attributes)};
}
Names MaxPool(const Node& n) {
  auto attributes = WindowAttributes(n, false);
  if (!attributes) return {};
  if (n.Ints("stride").empty()) (*attributes)[0].second = n.Ints("kernel");
  attributes->push_back({"kernel_shape", n.Ints("kernel")});
  attributes->push_back({"ceil_mode", int64_t{n.Flag("ceil_mode")}});
  return {n.w.Add("MaxPool", n.operands, *attributes)};
}

// ---- indexing ----------------------------------------------------------------------------------

Names Gather(const Node& n) { return {n.w.Add("Gather", n.operands, {{"axis", n.Int("axis")}})}; }
Names GatherElements(const Node& n) {
  return {n.w.Add("GatherElements", n.operands, {{"axis", n.Int("axis")}})};
}
Names GatherNd(const Node& n) {
  return {n.w.Add("GatherND", n.operands, {{"batch_dims", n.Int("batch_dims")}})};
}
Names TopK(const Node& n) {
  if (!n.Flag("sorted")) return {};  // ONNX leaves the order open
  return n.w.AddMulti(
      "TopK", {n.In(0), n.w.Ints({n.Int("k")})}, 2,
      {{"axis", n.Int("axis")}, {"largest", int64_t{n.Flag("largest")}}, {"sorted", int64_t{1}}});
}

// ---- composites that ONNX has, too -------------------------------------------------------------

Names AlongAxis(const Node& n) {
  return {n.w.Add(n.target, n.operands, {{"axis", n.Int("axis")}})};
}
Names LayerNorm(const Node& n) {
  if (n.operands.size() < 2) return {};
  return {n.w.Add("LayerNormalization", n.operands,
                  {{"axis", n.Int("axis")}, {"epsilon", n.Float("epsilon")}})};
}
/// Its statistics stay as they are.
Names BatchNorm(const Node& n) {
  if (n.Int("axis") != 1) return {};
  return {n.w.Add("BatchNormalization", n.operands, {{"epsilon", n.Float("epsilon")}}), n.In(3),
          n.In(4)};
}
Names First(const Node& n) { return {n.In(0)}; }
Names Softplus(const Node& n) {
  return n.Float("beta") == 1 ? Names{n.w.Add("Softplus", n.operands)} : Names{};
}
Names Embedding(const Node& n) { return {n.w.Add("Gather", n.operands, {{"axis", int64_t{0}}})}; }

constexpr OpExporter kExporters[] = {
    {"abs", Same, "Abs"},
    {"acos", Same, "Acos"},
    {"acosh", Same, "Acosh"},
    {"add", Same, "Add"},
    {"all", ReduceBools, "ReduceMin"},
    {"any", ReduceBools, "ReduceMax"},
    {"argmax", ArgReduce, "ArgMax"},
    {"argmin", ArgReduce, "ArgMin"},
    {"asin", Same, "Asin"},
    {"asinh", Same, "Asinh"},
    {"assert_finite", First},
    {"atan", Same, "Atan"},
    {"atanh", Same, "Atanh"},
    {"barrier", First},
    {"batch_norm", BatchNorm},
    {"bitwise_and", Same, "BitwiseAnd"},
    {"bitwise_not", Same, "BitwiseNot"},
    {"bitwise_or", Same, "BitwiseOr"},
    {"bitwise_xor", Same, "BitwiseXor"},
    {"cast", Cast},
    {"ceil", OfFloats, "Ceil"},
    {"clamp", Clamp},
    {"concat", Concat},
    {"conv1d", Conv},
    {"conv2d", Conv},
    {"conv3d", Conv},
    {"cos", Same, "Cos"},
    {"cosh", Same, "Cosh"},
    {"cumsum", CumSum},
    {"div", Same, "Div"},
    {"dropout", First},
    {"elu", Elu},
    {"embedding", Embedding},
    {"equal", Same, "Equal"},
    {"erf", Same, "Erf"},
    {"erfc", Erfc},
    {"exp", Same, "Exp"},
    {"exp2", Exp2},
    {"expand", Expand},
    {"expm1", Expm1},
    {"flip", Flip},
    {"floor", OfFloats, "Floor"},
    {"fmod", Fmod},
    {"gather", Gather},
    {"gather_elements", GatherElements},
    {"gather_nd", GatherNd},
    {"greater", Same, "Greater"},
    {"greater_equal", Same, "GreaterOrEqual"},
    {"hard_swish", OfFloats, "HardSwish"},
    {"iota", Iota},
    {"is_finite", IsFinite},
    {"is_inf", Same, "IsInf"},
    {"is_nan", Same, "IsNaN"},
    {"layer_norm", LayerNorm},
    {"leaky_relu", LeakyRelu},
    {"less", Same, "Less"},
    {"less_equal", Same, "LessOrEqual"},
    {"log", Same, "Log"},
    {"log1p", Log1p},
    {"log2", Log2},
    {"log_softmax", AlongAxis, "LogSoftmax"},
    {"logical_and", Same, "And"},
    {"logical_not", Same, "Not"},
    {"logical_or", Same, "Or"},
    {"logical_xor", Same, "Xor"},
    {"matmul", Matmul},
    {"max", Reduce, "ReduceMax"},
    {"max_pool1d", MaxPool},
    {"max_pool2d", MaxPool},
    {"max_pool3d", MaxPool},
    {"maximum", Same, "Max"},
    {"mean", Reduce, "ReduceMean"},
    {"min", Reduce, "ReduceMin"},
    {"minimum", Same, "Min"},
    {"mish", OfFloats, "Mish"},
    {"mul", Same, "Mul"},
    {"neg", Same, "Neg"},
    {"not_equal", NotEqual},
    {"pad_constant", PadConstant},
    {"pow", Same, "Pow"},
    {"prod", Reduce, "ReduceProd"},
    {"reciprocal", Same, "Reciprocal"},
    {"relu", Same, "Relu"},
    {"remainder", Remainder},
    {"reshape", Reshape},
    {"round", OfFloats, "Round"},
    {"rsqrt", Rsqrt},
    {"shift_left", Shift, "LEFT"},
    {"shift_right", Shift, "RIGHT"},
    {"sigmoid", Same, "Sigmoid"},
    {"sign", Same, "Sign"},
    {"sin", Same, "Sin"},
    {"sinh", Same, "Sinh"},
    {"slice", Slice},
    {"softmax", AlongAxis, "Softmax"},
    {"softplus", Softplus},
    {"softsign", OfFloats, "Softsign"},
    {"sqrt", Same, "Sqrt"},
    {"square", Square},
    {"stop_gradient", First},
    {"sub", Same, "Sub"},
    {"sum", Reduce, "ReduceSum"},
    {"tan", Same, "Tan"},
    {"tanh", Same, "Tanh"},
    {"top_k", TopK},
    {"transpose", Transpose},
    {"trunc", Trunc},
    {"where", Same, "Where"},
};

}  // namespace

const OpExporter* FindExporter(std::string_view name) {
  const auto* row = std::ranges::lower_bound(kExporters, name, {}, &OpExporter::name);
  return row != std::end(kExporters) && row->name == name ? row : nullptr;
}

}  // namespace descent::onnx

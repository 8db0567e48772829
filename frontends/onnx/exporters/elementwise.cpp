// Elementwise operators.
#include <cmath>
#include <numbers>

#include "frontends/onnx/exporters/families.h"
#include "ir/expr.h"
#include "ir/scalar_eval.h"

namespace descent::onnx {
namespace {

using Node = ExportedNode;
using Values = std::vector<Value>;
using Operands = std::span<const Value>;

bool IsFloat(const Node& n) { return Info(n.op.dtype(0)).is_float; }

/// The row's target on all operands.
Names Same(const Node& n) { return {n.w.Add(n.target, n.operands)}; }

/// Of floats alone: ONNX has no such operator for integers.
Names OfFloats(const Node& n) {
  return IsFloat(n) ? Names{n.w.Add(n.target, n.operands)} : Names{};
}

DType SignedType(DType dtype) { return Info(dtype).is_unsigned ? RingType(dtype) : dtype; }
/// Exponents stay what they are, but for those of 2^63 and above.
DType PowerType(DType dtype) { return dtype == DType::kU32 ? DType::kI64 : RingType(dtype); }
DType NoF16(DType dtype) { return dtype == DType::kF16 ? DType::kF32 : dtype; }

Names Relu(const Node& n) {
  return {Info(n.dtype()).is_unsigned ? n.In(0) : n.w.Add("Relu", n.operands)};
}
/// Of bools, which few choose between, by logic.
Names Where(const Node& n) {
  if (n.op.dtype(1) != DType::kBool) return {n.w.Add("Where", n.operands)};
  const std::string no = n.w.Add("Not", {n.In(0)});
  return {n.w.Add("Or", {n.w.Add("And", {n.In(0), n.In(1)}), n.w.Add("And", {no, n.In(2)})})};
}
Names NotEqual(const Node& n) { return {n.w.Add("Not", {n.w.Add("Equal", n.operands)})}; }
Names Square(const Node& n) { return {n.w.Add("Mul", {n.In(0), n.In(0)})}; }
Names Rsqrt(const Node& n) { return {n.w.Add("Reciprocal", {n.w.Add("Sqrt", n.operands)})}; }
/// Of NaN ours is 0.
Names Sign(const Node& n) {
  const std::string sign = n.w.Add("Sign", {n.In(0)});
  if (!IsFloat(n)) return {sign};
  return {n.w.Add("Where", {n.w.Add("IsNaN", {n.In(0)}), n.w.Scalar(n.op.dtype(0), 0), sign})};
}
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
/// x as a limit of the type: integers are rounded inward before, and saturate.
std::string Limit(const Node& n, double x) {
  const DType dtype = n.dtype();
  if (Info(dtype).is_float) return n.w.Scalar(dtype, x);
  const int64_t whole = EvaluateCast(DType::kF64, dtype, NumberCell(x)).integer;
  return n.w.Constant(Tensor::FromInts({dtype, {}}, std::vector{whole}));
}
Names Clamp(const Node& n) {
  const bool whole = !IsFloat(n);
  const double low = n.Float("low"), high = n.Float("high");
  return {n.w.Add("Clip", {n.In(0), Limit(n, whole ? std::ceil(low) : low),
                           Limit(n, whole ? std::floor(high) : high)})};
}

/// The target is the direction; `fits` is 1 or 0: ONNX shifts unsigned integers by less than their
/// width.
Names Shift(const Node& n) {
  const DType dtype = n.dtype();
  if (!Info(dtype).is_unsigned) return {};
  const std::string width = n.w.Scalar(dtype, Info(dtype).digits);
  const std::string fits =
      n.w.Add("Cast", {n.w.Add("Less", {n.In(1), width})}, {{"to", int64_t{DTypeNumber(dtype)}}});
  const std::string shifted = n.w.Add("BitShift", {n.In(0), n.w.Add("Mul", {n.In(1), fits})},
                                      {{"direction", std::string(n.target)}});
  return {n.w.Add("Mul", {shifted, fits})};
}
DType UnsignedOf(DType dtype) {
  switch (Info(dtype).bytes) {
    case 1:
      return DType::kU8;
    case 2:
      return DType::kU16;
    case 4:
      return DType::kU32;
    default:
      return DType::kU64;
  }
}
/// Of signed integers, as unsigned ones: no width is as large as those of negative numbers.
Expr ShiftOfBits(std::string_view op, Expr x, Expr by) {
  GraphBuilder& b = x.builder();
  const DType dtype = x.dtype(), bits = UnsignedOf(dtype);
  return CastTo({b, b.Add(op, {CastTo(x, bits), CastTo(by, bits)})}, dtype);
}
Values ExpandShiftLeft(GraphBuilder& b, const OpContext&, Operands x) {
  return {ShiftOfBits("shift_left", {b, x[0]}, {b, x[1]})};
}
/// The complement of a negative number is shifted: its sign comes in.
Values ExpandShiftRight(GraphBuilder& b, const OpContext&, Operands operands) {
  const Expr x(b, operands[0]), by(b, operands[1]);
  const auto complement = [&](Expr y) { return Expr(b, b.Add("bitwise_not", {y})); };
  const Expr negative = Less(x, 0.0);
  const Expr shifted = ShiftOfBits("shift_right", Where(negative, complement(x), x), by);
  return {Where(negative, complement(shifted), shifted)};
}

/// The angle of the point in the first octant, then mirrored into the octant where (x, y) lies.
Values ExpandAtan2(GraphBuilder& b, const OpContext&, Operands operands) {
  constexpr double kPi = std::numbers::pi;
  const Expr y(b, operands[0]), x(b, operands[1]), height = Abs(y), width = Abs(x);
  const auto is_negative = [](Expr v) {  // -0 is, too
    return Or(Less(v, 0.0), And(Equal(v, 0.0), Less(1.0 / v, 0.0)));
  };
  const Expr larger = Maximum(height, width), smaller = Minimum(height, width);
  // 0 / 0 and infinity / infinity are none.
  const Expr ratio =
      Where(Equal(larger, 0.0), 0.0, Where(Equal(height, width), 1.0, smaller / larger));
  Expr angle(b, b.Add("atan", {ratio}));
  angle = Where(Greater(height, width), kPi / 2 - angle, angle);
  angle = Where(is_negative(x), kPi - angle, angle);
  return {Where(is_negative(y), -angle, angle)};
}

Names Cast(const Node& n) {
  return {n.w.Add("Cast", n.operands, {{"to", int64_t{DTypeNumber(n.results[0].dtype)}}})};
}
Names LeakyRelu(const Node& n) {
  return {n.w.Add("LeakyRelu", n.operands, {{"alpha", n.Float("slope")}})};
}
Names Elu(const Node& n) { return {n.w.Add("Elu", n.operands, {{"alpha", n.Float("alpha")}})}; }
Names Softplus(const Node& n) {
  return n.Float("beta") == 1 ? Names{n.w.Add("Softplus", n.operands)} : Names{};
}
}  // namespace

std::span<const OpExporter> ElementwiseExporters() {
  static constexpr OpExporter kExporters[] = {
      {"abs", Same, "Abs"},
      {"acos", Same, "Acos"},
      {"acosh", Same, "Acosh"},
      {"add", Same, "Add"},
      {"asin", Same, "Asin"},
      {"asinh", Same, "Asinh"},
      {"atan", Same, "Atan"},
      {.name = "atan2", .expand = ExpandAtan2},
      {"atanh", Same, "Atanh"},
      {"bitwise_and", Same, "BitwiseAnd"},
      {"bitwise_not", Same, "BitwiseNot"},
      {"bitwise_or", Same, "BitwiseOr"},
      {"bitwise_xor", Same, "BitwiseXor"},
      {.name = "cast", .write = Cast, .keeps_bf16 = true},
      {"ceil", OfFloats, "Ceil"},
      {"clamp", Clamp},
      {"cos", Same, "Cos"},
      {"cosh", Same, "Cosh"},
      {"div", Same, "Div"},
      {"elu", Elu},
      {"equal", Same, "Equal"},
      {"erf", Same, "Erf"},
      {"erfc", Erfc},
      {"exp", Same, "Exp"},
      {"exp2", Exp2},
      {"expm1", Expm1},
      {"floor", OfFloats, "Floor"},
      {"fmod", Fmod},
      {"greater", Same, "Greater"},
      {"greater_equal", Same, "GreaterOrEqual"},
      {"hard_swish", OfFloats, "HardSwish"},
      {.name = "is_finite", .write = IsFinite, .via = NoF16},
      {.name = "is_inf", .write = Same, .target = "IsInf", .via = NoF16},
      {"is_nan", Same, "IsNaN"},
      {"leaky_relu", LeakyRelu},
      {"less", Same, "Less"},
      {"less_equal", Same, "LessOrEqual"},
      {"log", Same, "Log"},
      {"log1p", Log1p},
      {"log2", Log2},
      {"logical_and", Same, "And"},
      {"logical_not", Same, "Not"},
      {"logical_or", Same, "Or"},
      {"logical_xor", Same, "Xor"},
      {"maximum", Same, "Max"},
      {"minimum", Same, "Min"},
      {"mish", OfFloats, "Mish"},
      {"mul", Same, "Mul"},
      {.name = "neg", .write = Same, .target = "Neg", .via = SignedType},
      {"not_equal", NotEqual},
      {.name = "pow", .write = Same, .target = "Pow", .via = PowerType},
      {"reciprocal", Same, "Reciprocal"},
      {"relu", Relu},
      {"remainder", Remainder},
      {"round", OfFloats, "Round"},
      {"rsqrt", Rsqrt},
      {"shift_left", Shift, "LEFT", ExpandShiftLeft},
      {"shift_right", Shift, "RIGHT", ExpandShiftRight},
      {"sigmoid", Same, "Sigmoid"},
      {"sign", Sign},
      {"sin", Same, "Sin"},
      {"sinh", Same, "Sinh"},
      {"softplus", Softplus},
      {"softsign", OfFloats, "Softsign"},
      {"sqrt", Same, "Sqrt"},
      {"square", Square},
      {"sub", Same, "Sub"},
      {"tan", Same, "Tan"},
      {"tanh", Same, "Tanh"},
      {"trunc", Trunc},
      {"where", Where},
  };
  return kExporters;
}

}  // namespace descent::onnx

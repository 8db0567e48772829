// Element by element: arithmetic, comparisons, logic, elementary functions, choice, conversion.
#include <algorithm>
#include <cmath>

#include "frontends/onnx/ops/families.h"
#include "frontends/onnx/tensor_reader.h"

namespace descent::onnx {
namespace {

/// The target of the row on all operands.
Outputs Same(OnnxNode& n) { return n.Add(n.importer().target, n.Operands()); }

/// Before version 7 the second operand broadcast only on demand, from `axis` on.
Value LegacyOperand(OnnxNode& n) {
  const Value a = n.In(0), b = n.In(1);
  if (!n.Flag("broadcast") || !n.HasAttribute("axis")) return b;
  const int64_t axis = n.Axis(n.Int("axis", 0), n.rank(a));
  Shape shape = n.shape(b);
  if (axis + static_cast<int64_t>(shape.size()) > n.rank(a))
    return n.Fail("operand 1, {}, does not fit from axis {} of {}", ToString(n.type(b)), axis,
                  ToString(n.type(a)));
  shape.resize(n.rank(a) - axis, 1);
  return n.Reshape(b, std::move(shape));
}
Outputs Legacy(OnnxNode& n) { return n.Add(n.importer().target, {n.In(0), LegacyOperand(n)}); }

/// Operands of a fold: sum, max, min of one or more.
Value Folded(OnnxNode& n) {
  const std::vector<Value> operands = n.Operands();
  if (operands.empty()) return n.Fail("needs at least one operand");
  Value result = operands.front();
  for (size_t i = 1; i < operands.size(); ++i)
    result = n.Add(n.importer().target, {result, operands[i]});
  return result;
}
Outputs Fold(OnnxNode& n) { return Folded(n); }
Outputs Mean(OnnxNode& n) {
  const Value sum = Folded(n);
  return n.Over(sum, n.Like(sum, n.operand_count()));
}

/// Whether a float of this type tells which integers among these exponents are odd.
bool KeepsParity(OnnxNode& n, Value exponent, DType dtype) {
  const DType from = n.dtype(exponent);
  if (Info(from).is_float || dtype == DType::kF64) return true;
  const int digits = dtype == DType::kF32 ? 24 : dtype == DType::kF16 ? 11 : 8;
  const auto known = n.scope().Static(exponent);
  if (!known) return 8 * Info(from).bytes <= digits;
  const double most = std::ldexp(1, digits);
  for (int64_t i = 0; i < known->elements(); ++i)
    if (std::abs(known->GetDouble(i)) > most) return false;
  return true;
}

/// Integers are divided as C does: toward zero, as div does.
Outputs Pow(OnnxNode& n) {
  const Value base = n.In(0), exponent = n.In(1);
  if (n.IsFloat(base)) {
    const DType dtype = KeepsParity(n, exponent, n.dtype(base)) ? n.dtype(base) : DType::kF64;
    return n.Cast(n.Add("pow", {n.Cast(base, dtype), n.Cast(exponent, dtype)}), n.dtype(base));
  }
  if (!n.IsFloat(exponent)) return n.Add("pow", {base, n.Cast(exponent, n.dtype(base))});
  // An integer to a fractional power: computed in the exponent's type, then rounded toward zero.
  const Value power = n.Add("pow", {n.Cast(base, n.dtype(exponent)), exponent});
  return n.Cast(power, n.dtype(base));
}

Outputs Mod(OnnxNode& n) {
  return n.Add(n.Flag("fmod") ? "fmod" : "remainder", {n.In(0), n.In(1)});
}

/// Of NaN it is NaN, as ONNX's reference has it; ours is 0, as PyTorch's.
Outputs Sign(OnnxNode& n) {
  const Value x = n.In(0), sign = n.Add("sign", {x});
  if (!n.IsFloat(x)) return sign;
  return n.Add("where", {n.Add("is_nan", {x}), n.Like(x, std::nan("")), sign});
}

Outputs Erf(OnnxNode& n) {
  const Value x = n.In(0);
  if (!n.IsFloat(x)) return n.Unsupported("of {} it is not supported", ToString(n.type(x)));
  return n.Add("erf", {x});
}

Outputs BitShift(OnnxNode& n) {
  const std::string direction = n.Word("direction", "");
  if (direction != "LEFT" && direction != "RIGHT")
    return n.Fail("direction must be LEFT or RIGHT, not {}", Quoted(direction));
  return n.Add(direction == "LEFT" ? "shift_left" : "shift_right", {n.In(0), n.In(1)});
}

Outputs IsInf(OnnxNode& n) {
  const Value x = n.In(0);
  const bool positive = n.Flag("detect_positive", true), negative = n.Flag("detect_negative", true);
  const Value infinite = n.Add("is_inf", {x});
  if (positive && negative) return infinite;
  if (!positive && !negative)
    return n.Add("logical_and", {infinite, n.Add("logical_not", {infinite})});
  const Value side = n.Add(positive ? "greater" : "less", {x, n.Like(x, 0)});
  return n.Add("logical_and", {infinite, side});
}

Outputs Where(OnnxNode& n) { return n.Add("where", n.Operands()); }

Outputs Cast(OnnxNode& n) {
  // Before version 6 the type was a word.
  const std::string word = n.version() < 6 ? n.Word("to", "") : "";
  for (int type = 1; type < proto::TensorProto::DataType_ARRAYSIZE && !word.empty(); ++type)
    if (proto::TensorProto::DataType_Name(static_cast<proto::TensorProto::DataType>(type)) == word)
      return n.Cast(n.In(0), n.Take(ReadDType(type)));
  return n.Cast(n.In(0), n.Take(ReadDType(static_cast<int>(n.Int("to", 0)))));
}
Outputs CastLike(OnnxNode& n) { return n.Cast(n.In(0), n.dtype(n.In(1))); }

/// The same bits as another type of their width. Integers wrap to it; what else is known now is
/// read again.
Outputs BitCast(OnnxNode& n) {
  const Value x = n.In(0);
  const DType from = n.dtype(x), to = n.Take(ReadDType(static_cast<int>(n.Int("to", 0))));
  if (n.failed()) return Value{};
  if (Info(from).bytes != Info(to).bytes)
    return n.Fail("{} and {} have not the same width", Info(from).name, Info(to).name);
  if (from == to) return x;
  if (to == DType::kBool) return n.Unsupported("a bool has not all bits of {}", Info(from).name);
  if (!Info(from).is_float && !Info(to).is_float) return n.Cast(x, to);
  const auto known = n.Known(0);
  if (!known)
    return n.Unsupported("the bits of {} as {} are read of integers and constants only",
                         Info(from).name, Info(to).name);
  return n.Constant(Tensor({to, known->shape()}, {known->bytes().begin(), known->bytes().end()}));
}

Outputs Identity(OnnxNode& n) {
  if (n.IsSequence(0)) return Outputs::OfSequence(n.SequenceIn(0));
  return n.In(0);
}

const std::vector<std::string_view> kLegacyBroadcast = {"broadcast", "axis"};

}  // namespace

std::span<const OpImporter> ElementwiseImporters() {
  static const std::vector<OpImporter> kImporters = {
      {"Abs", 1, kNewest, 1, {}, Same, "abs"},
      {"Acos", 7, kNewest, 1, {}, Same, "acos"},
      {"Acosh", 9, kNewest, 1, {}, Same, "acosh"},
      {"Add", 1, 6, 2, kLegacyBroadcast, Legacy, "add"},
      {"Add", 7, kNewest, 2, {}, Same, "add"},
      {"And", 1, 6, 2, kLegacyBroadcast, Legacy, "logical_and"},
      {"And", 7, kNewest, 2, {}, Same, "logical_and"},
      {"Asin", 7, kNewest, 1, {}, Same, "asin"},
      {"Asinh", 9, kNewest, 1, {}, Same, "asinh"},
      {"Atan", 7, kNewest, 1, {}, Same, "atan"},
      {"Atanh", 9, kNewest, 1, {}, Same, "atanh"},
      {"BitCast", 26, kNewest, 1, {"to"}, BitCast},
      {"BitShift", 11, kNewest, 2, {"direction"}, BitShift},
      {"BitwiseAnd", 18, kNewest, 2, {}, Same, "bitwise_and"},
      {"BitwiseNot", 18, kNewest, 1, {}, Same, "bitwise_not"},
      {"BitwiseOr", 18, kNewest, 2, {}, Same, "bitwise_or"},
      {"BitwiseXor", 18, kNewest, 2, {}, Same, "bitwise_xor"},
      {"Cast", 1, kNewest, 1, {"to", "saturate", "round_mode"}, Cast},
      {"CastLike", 15, kNewest, 2, {"saturate", "round_mode"}, CastLike},
      {"Ceil", 1, kNewest, 1, {}, Same, "ceil"},
      {"Cos", 7, kNewest, 1, {}, Same, "cos"},
      {"Cosh", 9, kNewest, 1, {}, Same, "cosh"},
      {"Div", 1, 6, 2, kLegacyBroadcast, Legacy, "div"},
      {"Div", 7, kNewest, 2, {}, Same, "div"},
      {"Equal", 1, 6, 2, kLegacyBroadcast, Legacy, "equal"},
      {"Equal", 7, kNewest, 2, {}, Same, "equal"},
      {"Erf", 9, kNewest, 1, {}, Erf, "erf"},
      {"Exp", 1, kNewest, 1, {}, Same, "exp"},
      {"Floor", 1, kNewest, 1, {}, Same, "floor"},
      {"Greater", 1, 6, 2, kLegacyBroadcast, Legacy, "greater"},
      {"Greater", 7, kNewest, 2, {}, Same, "greater"},
      {"GreaterOrEqual", 12, kNewest, 2, {}, Same, "greater_equal"},
      {"Identity", 1, kNewest, 1, {}, Identity},
      {"IsInf", 10, kNewest, 1, {"detect_positive", "detect_negative"}, IsInf},
      {"IsNaN", 9, kNewest, 1, {}, Same, "is_nan"},
      {"Less", 1, 6, 2, kLegacyBroadcast, Legacy, "less"},
      {"Less", 7, kNewest, 2, {}, Same, "less"},
      {"LessOrEqual", 12, kNewest, 2, {}, Same, "less_equal"},
      {"Log", 1, kNewest, 1, {}, Same, "log"},
      {"Max", 1, kNewest, kVariadic, {}, Fold, "maximum"},
      {"Mean", 1, kNewest, kVariadic, {}, Mean, "add"},
      {"Min", 1, kNewest, kVariadic, {}, Fold, "minimum"},
      {"Mod", 10, kNewest, 2, {"fmod"}, Mod},
      {"Mul", 1, 6, 2, kLegacyBroadcast, Legacy, "mul"},
      {"Mul", 7, kNewest, 2, {}, Same, "mul"},
      {"Neg", 1, kNewest, 1, {}, Same, "neg"},
      {"Not", 1, kNewest, 1, {}, Same, "logical_not"},
      {"Or", 1, 6, 2, kLegacyBroadcast, Legacy, "logical_or"},
      {"Or", 7, kNewest, 2, {}, Same, "logical_or"},
      {"Pow", 1, 6, 2, kLegacyBroadcast, Legacy, "pow"},
      {"Pow", 7, kNewest, 2, {}, Pow},
      {"Reciprocal", 1, kNewest, 1, {}, Same, "reciprocal"},
      {"Round", 11, kNewest, 1, {}, Same, "round"},
      {"Sign", 9, kNewest, 1, {}, Sign},
      {"Sin", 7, kNewest, 1, {}, Same, "sin"},
      {"Sinh", 9, kNewest, 1, {}, Same, "sinh"},
      {"Sqrt", 1, kNewest, 1, {}, Same, "sqrt"},
      {"Sub", 1, 6, 2, kLegacyBroadcast, Legacy, "sub"},
      {"Sub", 7, kNewest, 2, {}, Same, "sub"},
      {"Sum", 1, kNewest, kVariadic, {}, Fold, "add"},
      {"Tan", 7, kNewest, 1, {}, Same, "tan"},
      {"Where", 9, kNewest, 3, {}, Where},
      {"Xor", 1, 6, 2, kLegacyBroadcast, Legacy, "logical_xor"},
      {"Xor", 7, kNewest, 2, {}, Same, "logical_xor"},
  };
  return kImporters;
}

}  // namespace descent::onnx

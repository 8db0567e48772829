// Elementwise operators that compare, choose, convert, and work on bools and bits.

#include <array>
#include <limits>

#include "ir/ops/elementwise.h"
#include "ir/ops/families.h"

namespace descent {

Result<std::vector<TensorType>> InferBroadcast(const OpContext& op) {
  DESCENT_TRY(shape, BroadcastShapes(op.operands));
  return OneResult(op.dtype(0), std::move(shape));
}

Result<std::vector<TensorType>> InferComparison(const OpContext& op) {
  DESCENT_TRY(shape, BroadcastShapes(op.operands));
  return OneResult(DType::kBool, std::move(shape));
}

namespace {

using enum ScalarOp;
using Values = std::vector<Value>;

Result<std::vector<TensorType>> InferWhere(const OpContext& op) {
  DESCENT_TRY(shape, BroadcastShapes(op.operands));
  return OneResult(op.dtype(1), std::move(shape));
}

Result<std::vector<TensorType>> InferCast(const OpContext& op) {
  return OneResult(op.attributes.Type("to"), op.shape(0));
}

// ---- definitions -------------------------------------------------------------------------------

Scalar LogicalNot(const Scalar& x) { return Call(kXor, {x, ConstantInt(DType::kBool, 1)}); }
Scalar BitwiseNot(const Scalar& x) { return Call(kXor, {x, ConstantInt(x->dtype, -1)}); }

Scalar Infinity(const Scalar& like) {
  return Number(like, std::numeric_limits<double>::infinity());
}
Scalar IsNan(const Scalar& x) { return Call(kNe, {x, x}); }
Scalar IsInf(const Scalar& x) { return Call(kEq, {Call(kAbs, {x}), Infinity(x)}); }
Scalar IsFinite(const Scalar& x) { return Call(kLt, {Call(kAbs, {x}), Infinity(x)}); }

TensorExpr DefineCast(const OpContext& op) {
  return Elementwise(op, [&](Reads x) { return Cast(op.attributes.Type("to"), x[0]); });
}

// ---- gradients ---------------------------------------------------------------------------------

Values VjpWhere(const VjpContext& v) {
  const Expr condition = Operand(v, 0), g = Gradient(v);
  return {Value(), Where(condition, g, 0.0), Where(condition, 0.0, g)};
}

Values VjpCast(const VjpContext& v) {
  if (!Info(v.op.dtype(0)).is_float) return {Value()};
  return {CastTo(Gradient(v), v.op.dtype(0))};
}

constexpr std::string_view kBoolResult = "the result is bool";

OpDef Comparison(std::string_view name, std::string_view doc, std::string_view example,
                 DTypeClass dtypes, TensorExpr (*define)(const OpContext&)) {
  return {.name = name,
          .doc = doc,
          .example = example,
          .signature = Binary(dtypes),
          .infer = InferComparison,
          .define = define,
          .no_gradient = kBoolResult};
}

/// Of one operand.
OpDef Predicate(std::string_view name, std::string_view doc, std::string_view example,
                DTypeClass dtypes, TensorExpr (*define)(const OpContext&)) {
  OpDef op = Comparison(name, doc, example, dtypes, define);
  op.signature = Unary(dtypes);
  return op;
}

OpDef OnBits(std::string_view name, std::string_view doc, std::string_view example,
             TensorExpr (*define)(const OpContext&)) {
  return {.name = name,
          .doc = doc,
          .example = example,
          .signature = Binary(DTypeClass::kInteger),
          .infer = InferBroadcast,
          .define = define,
          .no_gradient = "operands are integers"};
}

}  // namespace

// NOLINTNEXTLINE(readability-function-size): a table
std::span<const OpDef> ElementwiseOps() {
  using enum DTypeClass;
  static const std::array kOps = {
      Comparison("equal",
                 "Whether a = b.\n\n`y = (a = b)` (IEEE 754 compareQuietEqual, numpy.equal), "
                 "broadcast as NumPy does; false where either is NaN.",
                 "equal([1, 2, 3], [2, 2, 2]) = [false, true, false]", kAny, Define<kEq>),
      Comparison("not_equal",
                 "Whether a and b differ.\n\n`y = not (a = b)` (IEEE 754 compareQuietNotEqual, "
                 "numpy.not_equal), broadcast as NumPy does; true where either is NaN.",
                 "not_equal([1, 2, 3], [2, 2, 2]) = [true, false, true]", kAny, Define<kNe>),
      Comparison("less",
                 "Whether a < b.\n\n`y = (a < b)` (IEEE 754 compareQuietLess, numpy.less), "
                 "broadcast as NumPy does; false where either is NaN.",
                 "less([1, 2, 3], [2, 2, 2]) = [true, false, false]", kNumeric, Define<kLt>),
      Comparison("less_equal",
                 "Whether a <= b.\n\n`y = (a <= b)` (IEEE 754 compareQuietLessEqual, "
                 "numpy.less_equal), broadcast as NumPy does; false where either is NaN.",
                 "less_equal([1, 2, 3], [2, 2, 2]) = [true, true, false]", kNumeric, Define<kLe>),
      Comparison("greater",
                 "Whether a > b.\n\n`y = (a > b)` (IEEE 754 compareQuietGreater, numpy.greater), "
                 "broadcast as NumPy does; false where either is NaN.",
                 "greater([1, 2, 3], [2, 2, 2]) = [false, false, true]", kNumeric, Define<kGt>),
      Comparison("greater_equal",
                 "Whether a >= b.\n\n`y = (a >= b)` (IEEE 754 compareQuietGreaterEqual, "
                 "numpy.greater_equal), broadcast as NumPy does; false where either is NaN.",
                 "greater_equal([1, 2, 3], [2, 2, 2]) = [false, true, true]", kNumeric,
                 Define<kGe>),
      Comparison(
          "logical_and",
          "Whether both are true.\n\n`y = a and b` (numpy.logical_and), broadcast as NumPy does.",
          "logical_and(bool [true, true, false], bool [true, false, false]) = [true, false, false]",
          kBool, Define<kAnd>),
      Comparison(
          "logical_or",
          "Whether at least one is true.\n\n`y = a or b` (numpy.logical_or), broadcast as NumPy "
          "does.",
          "logical_or(bool [true, true, false], bool [true, false, false]) = [true, true, false]",
          kBool, Define<kOr>),
      Comparison(
          "logical_xor",
          "Whether exactly one is true.\n\n`y = a xor b` (numpy.logical_xor), broadcast as NumPy "
          "does.",
          "logical_xor(bool [true, true, false], bool [true, false, false]) = [false, true, false]",
          kBool, Define<kXor>),
      Predicate("logical_not", "Whether x is false.\n\n`y = not x` (numpy.logical_not).",
                "logical_not(bool [true, false]) = [false, true]", kBool, DefineUnary<LogicalNot>),
      OnBits("bitwise_and",
             "And of each bit.\n\n`y = a and b` (numpy.bitwise_and) bit by bit, broadcast as NumPy "
             "does.",
             "bitwise_and(i32 [12, 7], i32 [10, 1]) = [8, 1]", Define<kAnd>),
      OnBits(
          "bitwise_or",
          "Or of each bit.\n\n`y = a or b` (numpy.bitwise_or) bit by bit, broadcast as NumPy does.",
          "bitwise_or(i32 [12, 7], i32 [10, 1]) = [14, 7]", Define<kOr>),
      OnBits("bitwise_xor",
             "Exclusive or of each bit.\n\n`y = a xor b` (numpy.bitwise_xor) bit by bit, broadcast "
             "as NumPy does.",
             "bitwise_xor(i32 [12, 7], i32 [10, 1]) = [6, 6]", Define<kXor>),
      OpDef{
          .name = "bitwise_not",
          .doc = "Complement of each bit.\n\n`y = -1 - x` (numpy.bitwise_not) in two's complement.",
          .example = "bitwise_not(i32 [0, 5]) = [-1, -6]",
          .signature = Unary(kInteger),
          .infer = InferBroadcast,
          .define = DefineUnary<BitwiseNot>,
          .no_gradient = "operands are integers"},
      OnBits("shift_left",
             "Bits moved up.\n\n`y = a * 2^b` (numpy.left_shift), wrapping, broadcast as NumPy "
             "does. 0 where b is negative or not below the width of the type.",
             "shift_left(i32 [3, 1], i32 [2, 32]) = [12, 0]", Define<kShl>),
      OnBits("shift_right",
             "Bits moved down.\n\n`y = floor(a / 2^b)` (numpy.right_shift), broadcast as NumPy "
             "does: signed types fill with the sign, unsigned ones with 0. Where b is negative or "
             "not below the width of the type, only the fill is left: 0, or -1 for a negative a.",
             "shift_right(i32 [12, -5], i32 [2, 1]) = [3, -3]", Define<kShr>),
      Predicate("is_nan",
                "Whether x is not a number.\n\n`y = (x != x)` (IEEE 754 isNaN, numpy.isnan).",
                "is_nan([1, nan, inf]) = [false, true, false]", kFloat, DefineUnary<IsNan>),
      Predicate("is_inf",
                "Whether x is infinite.\n\n`y = (|x| = infinity)` (IEEE 754 isInfinite, "
                "numpy.isinf), of either sign.",
                "is_inf([1, nan, -inf]) = [false, false, true]", kFloat, DefineUnary<IsInf>),
      Predicate("is_finite",
                "Whether x is a number and not infinite.\n\n`y = (|x| < infinity)` (IEEE 754 "
                "isFinite, numpy.isfinite).",
                "is_finite([1, nan, inf]) = [true, false, false]", kFloat, DefineUnary<IsFinite>),
      OpDef{.name = "where",
            .doc = "Choice between two tensors.\n\n`y = a` where the condition is true, else `b`; "
                   "the three broadcast as NumPy does. The side that is not chosen has no "
                   "influence, NaN included. Gradient: `g` to the chosen side, 0 to the other "
                   "(numpy.where).",
            .example = "where(bool [true, false], [1, 2], [3, 4]) = [1, 4]",
            .signature = {.operands = {{"condition", kBool, -1}, {"a"}, {"b"}}},
            .infer = InferWhere,
            .define = Define<kSelect>,
            .vjp = VjpWhere},
      OpDef{.name = "cast",
            .doc = "Conversion to another element type.\n\nFloats become integers by truncation "
                   "and saturation, NaN becomes 0; integers wrap to narrower ones; to a float the "
                   "nearest one is taken, of two the even one; a number is true as bool unless it "
                   "is 0 (docs/ir.md, Element types). Gradient: `g` converted back between "
                   "floats, none otherwise.",
            .example = "cast([1.9, -1.9], to=i32) = [1, -1]",
            .signature = Unary(
                kAny, {{"to", AttributeKind::kDType, std::nullopt, "element type of the result"}}),
            .infer = InferCast,
            .define = DefineCast,
            .vjp = VjpCast},
  };
  return kOps;
}

}  // namespace descent

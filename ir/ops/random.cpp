// Random numbers: a function of seed, step, loop step, stream and the element's place alone.
// How words are made: docs/design.md, Randomness.

#include "ir/ops/random.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

#include "ir/ops/families.h"
#include "ir/ops/shapes.h"

namespace descent {

Expr RandomUnit(GraphBuilder& b, const Shape& shape, DType dtype, int64_t stream) {
  return {b, b.Add("random_unit", {b.Add("seed", {}), b.Add("step", {}), b.Add("loop_step", {})},
                   {{"shape", shape}, {"dtype", dtype}, {"stream", stream}})};
}

Expr RandomUniform(GraphBuilder& b, const Shape& shape, DType dtype, int64_t stream, double low,
                   double high) {
  return RandomUnit(b, shape, dtype, stream) * (high - low) + low;
}

Expr RandomNormal(GraphBuilder& b, const Shape& shape, DType dtype, int64_t stream, double mean,
                  double deviation) {
  const Expr radius = Sqrt(Log(1.0 - RandomUnit(b, shape, dtype, stream)) * -2.0);
  const Expr angle = RandomUnit(b, shape, dtype, stream + kSecondWord) * (2 * std::numbers::pi);
  return radius * Cos(angle) * deviation + mean;
}

namespace {

using enum ScalarOp;
using Values = std::vector<Value>;

constexpr std::string_view kNoOperands = "it does not depend on anything";

const std::vector<AttributeSpec> kTypeAttributes = {
    {"shape", AttributeKind::kInts, std::nullopt, "extents of the result"},
    {"dtype", AttributeKind::kDType, Attribute(DType::kF32), "a float type"},
    {"stream", AttributeKind::kInt, Attribute(int64_t{0}),
     "number that keeps random nodes apart, below 2^30"}};

Signature RandomSignature(std::vector<AttributeSpec> own) {
  own.insert(own.begin(), kTypeAttributes.begin(), kTypeAttributes.end());
  return {.operands = {}, .attributes = std::move(own)};
}

Result<void> CheckStream(const Attributes& attributes, int64_t limit = kStreamLimit) {
  const int64_t stream = attributes.Int("stream");
  if (stream < 0 || stream >= limit)
    return Error("stream must be between 0 and {}, not {}", limit - 1, stream);
  return {};
}

Result<std::vector<TensorType>> InferFloats(const OpContext& op) {
  if (!Info(op.attributes.Type("dtype")).is_float)
    return Error("dtype must be a float type, not {}", Info(op.attributes.Type("dtype")).name);
  return OneResult(op.attributes.Type("dtype"), op.attributes.Ints("shape"));
}

Result<std::vector<TensorType>> InferUnit(const OpContext& op) {
  for (const TensorType& operand : op.operands)
    if (operand != TensorType{DType::kI64, {}})
      return Error("seed, step and loop_step must be i64[], not {}", ToString(operand));
  DESCENT_RETURN_IF_ERROR(CheckStream(op.attributes, int64_t{1} << 32));
  return InferFloats(op);
}

Result<std::vector<TensorType>> InferRandom(const OpContext& op) {
  DESCENT_RETURN_IF_ERROR(CheckStream(op.attributes));
  return InferFloats(op);
}

/// The upper bits of the element's word, as many as are exact in the type (24 at most), as a
/// fraction.
TensorExpr DefineUnit(const OpContext& op) {
  const DType dtype = op.attributes.Type("dtype");
  TensorExpr expr{.axes = op.attributes.Ints("shape")};
  expr.rank = static_cast<int>(expr.axes.size());
  Index position = ConstantIndex(0);
  for (int i = 0; i < expr.rank; ++i) position = position * expr.axes[i] + Axis(i);
  std::vector<Scalar> arguments;
  for (int i = 0; i < 3; ++i) {
    expr.reads.push_back({.operand = i});
    arguments.push_back(ReadScalar(i, DType::kI64));
  }
  arguments.push_back(ConstantInt(DType::kI64, op.attributes.Int("stream")));
  arguments.push_back(IndexScalar(position));
  const int digits = std::min(24, Info(dtype).digits);
  const Scalar bits = Call(kDiv, {Call(kPhilox, std::move(arguments)),
                                  ConstantInt(DType::kI64, int64_t{1} << (32 - digits))});
  expr.results = {Call(kMul, {Cast(dtype, bits), ConstantScalar(dtype, std::ldexp(1, -digits))})};
  return expr;
}

Values ExpandUniform(GraphBuilder& b, const OpContext& op, std::span<const Value>) {
  const Attributes& a = op.attributes;
  return {RandomUniform(b, a.Ints("shape"), a.Type("dtype"), a.Int("stream"), a.Float("low"),
                        a.Float("high"))};
}

Values ExpandNormal(GraphBuilder& b, const OpContext& op, std::span<const Value>) {
  const Attributes& a = op.attributes;
  return {RandomNormal(b, a.Ints("shape"), a.Type("dtype"), a.Int("stream"), a.Float("mean"),
                       a.Float("std"))};
}

Result<std::vector<TensorType>> InferDropout(const OpContext& op) {
  DESCENT_RETURN_IF_ERROR(CheckStream(op.attributes));
  const double rate = op.attributes.Float("rate");
  if (!(rate >= 0 && rate < 1)) return Error("rate must be at least 0 and below 1, not {}", rate);
  return OneResult(op.dtype(0), op.shape(0));
}

Values ExpandDropout(GraphBuilder& b, const OpContext& op, std::span<const Value> operands) {
  const Expr x(b, operands[0]);
  const double rate = op.attributes.Float("rate");
  const Expr unit = RandomUnit(b, op.shape(0), op.dtype(0), op.attributes.Int("stream"));
  return {Where(GreaterEqual(unit, rate), x * (1 / (1 - rate)), 0.0)};
}

}  // namespace

std::span<const OpDef> RandomOps() {
  static const std::array kOps = {
      OpDef{.name = "random_unit",
            .doc = "Uniform random numbers in [0, 1), the source of all others.\n\n`(word >> 8) * "
                   "2^-24`, where `word` is the Philox4x32-10 word of the element's row-major "
                   "index (docs/design.md, Randomness): it depends on seed, step, loop step and "
                   "stream, not on layout, tiles or threads. The 16-bit floats take the word's "
                   "upper 8 (bf16) or 11 (f16) bits instead of 24, so that no number rounds up "
                   "to 1.",
            .signature = {.operands = {{"seed", DTypeClass::kInteger},
                                       {"step", DTypeClass::kInteger},
                                       {"loop_step", DTypeClass::kInteger}},
                          .attributes = kTypeAttributes},
            .infer = InferUnit,
            .define = DefineUnit,
            .no_gradient = "its operands are integers"},
      OpDef{.name = "uniform",
            .doc = "Uniform random numbers.\n\n`low + u * (high - low)`, u from random_unit.",
            .signature = RandomSignature(
                {{"low", AttributeKind::kFloat, Attribute(0.0), "lower end, included"},
                 {"high", AttributeKind::kFloat, Attribute(1.0), "upper end"}}),
            .infer = InferRandom,
            .expand = ExpandUniform,
            .no_gradient = kNoOperands},
      OpDef{.name = "normal",
            .doc = "Normally distributed random numbers.\n\n`mean + std * sqrt(-2 log(1 - u)) * "
                   "cos(2 pi v)`, u and v from random_unit with streams `stream` and `stream + "
                   "2^31` (Box and Muller, 1958). At most 5.8 standard deviations from the mean.",
            .signature = RandomSignature(
                {{"mean", AttributeKind::kFloat, Attribute(0.0), "mean"},
                 {"std", AttributeKind::kFloat, Attribute(1.0), "standard deviation"}}),
            .infer = InferRandom,
            .expand = ExpandNormal,
            .no_gradient = kNoOperands},
      OpDef{.name = "dropout",
            .doc = "Random elements set to 0 while training.\n\nWith probability `rate` an element "
                   "becomes 0, else it is scaled by `1 / (1 - rate)`, so that the expected value "
                   "stays (Srivastava et al., Dropout, JMLR 2014). Outside training: x. Gradient: "
                   "`g` scaled alike where x was kept, else 0.",
            .signature = {.operands = {{"x", DTypeClass::kFloat}},
                          .attributes = {{"rate", AttributeKind::kFloat, Attribute(0.5),
                                          "probability of 0, at least 0 and below 1"},
                                         kTypeAttributes[2]}},
            .infer = InferDropout,
            .expand = ExpandDropout,
            .inference = [](GraphBuilder&, const OpContext&,
                            std::span<const Value> operands) { return Values{operands[0]}; }},
  };
  return kOps;
}

}  // namespace descent

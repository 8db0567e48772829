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
namespace {

using enum ScalarOp;
using Values = std::vector<Value>;
using Operands = std::span<const Value>;
using Ints = std::vector<int64_t>;

constexpr std::string_view kNoOperands = "it does not depend on anything";

AttributeSpec ShapeAttribute() {
  return {"shape", AttributeKind::kInts, std::nullopt, "extents of the result"};
}

/// Of operators that may take their shape from an operand.
AttributeSpec OwnShapeAttribute() {
  return {"shape", AttributeKind::kInts, Attribute(Ints{}),
          "extents of the result, without an operand"};
}

/// Only its shape counts.
const OperandSpec kLike = {.name = "like", .dtype_group = -1, .optional = true};

AttributeSpec TypeAttribute(DType dtype, std::string_view doc) {
  return {"dtype", AttributeKind::kDType, Attribute(dtype), doc};
}

AttributeSpec Number(std::string_view name, double value, std::string_view doc) {
  return {name, AttributeKind::kFloat, Attribute(value), doc};
}

Signature RandomSignature(std::vector<AttributeSpec> own) {
  const std::array all = {OwnShapeAttribute(), TypeAttribute(DType::kF32, "a float type"),
                          StreamAttribute()};
  own.insert(own.begin(), all.begin(), all.end());
  return {.operands = {kLike}, .attributes = std::move(own)};
}

/// Of the operand, where there is one, which then alone says it.
Result<Shape> ShapeOf(const OpContext& op) {
  const Shape& own = op.attributes.Ints("shape");
  if (op.operands.empty()) return own;
  if (own.empty()) return op.shape(0);
  return Error("the shape follows from the operand: leave out {}", ToString(own));
}

/// The results do not depend on elements of the operand.
Values NoDependence(const VjpContext& v) { return Values(v.operands.size()); }

// ---- words and units ---------------------------------------------------------------------------

Result<void> CheckFloatType(const OpContext& op) {
  if (Info(op.attributes.Type("dtype")).is_float) return {};
  return Error("dtype must be a float type, not {}", Info(op.attributes.Type("dtype")).name);
}

Result<void> CheckCounters(const OpContext& op) {
  for (const TensorType& operand : op.operands)
    if (operand.rank() != 0)
      return Error("seed, step and loop_step must be scalars, not {}", ToString(operand));
  return CheckStream(op.attributes, int64_t{1} << 32);
}

Result<std::vector<TensorType>> InferWord(const OpContext& op) {
  DESCENT_RETURN_IF_ERROR(CheckCounters(op));
  return OneResult(DType::kI64, op.attributes.Ints("shape"));
}

Result<std::vector<TensorType>> InferUnit(const OpContext& op) {
  DESCENT_RETURN_IF_ERROR(CheckCounters(op));
  DESCENT_RETURN_IF_ERROR(CheckFloatType(op));
  return OneResult(op.attributes.Type("dtype"), op.attributes.Ints("shape"));
}

TensorExpr DefineWord(const OpContext& op) {
  TensorExpr expr{.axes = op.attributes.Ints("shape")};
  expr.rank = static_cast<int>(expr.axes.size());
  Index position = ConstantIndex(0);
  for (int i = 0; i < expr.rank; ++i) position = position * expr.axes[i] + Axis(i);
  std::vector<Scalar> arguments;
  for (int i = 0; i < 3; ++i) {
    expr.reads.push_back({.operand = i});
    arguments.push_back(Cast(DType::kI64, ReadScalar(i, op.dtype(i))));
  }
  arguments.push_back(ConstantInt(DType::kI64, op.attributes.Int("stream")));
  arguments.push_back(IndexScalar(position));
  expr.results = {Call(kPhilox, std::move(arguments))};
  return expr;
}

/// The upper bits of the element's word, as many as are exact in the type (24 at most), as a
/// fraction.
TensorExpr DefineUnit(const OpContext& op) {
  const DType dtype = op.attributes.Type("dtype");
  TensorExpr expr = DefineWord(op);
  const int digits = std::min(24, Info(dtype).digits);
  const Scalar bits =
      Call(kDiv, {expr.results[0], ConstantInt(DType::kI64, int64_t{1} << (32 - digits))});
  expr.results = {Call(kMul, {Cast(dtype, bits), ConstantScalar(dtype, std::ldexp(1, -digits))})};
  return expr;
}

// ---- distributions of floats -------------------------------------------------------------------

Result<std::vector<TensorType>> InferRandom(const OpContext& op) {
  DESCENT_RETURN_IF_ERROR(CheckStream(op.attributes));
  DESCENT_RETURN_IF_ERROR(CheckFloatType(op));
  DESCENT_RETURN_IF_ERROR(CheckParameters(op.attributes));
  DESCENT_TRY(shape, ShapeOf(op));
  return OneResult(op.attributes.Type("dtype"), std::move(shape));
}

/// Shape, type and stream of a node.
struct Draws {
  explicit Draws(const OpContext& op) : op(op), attributes(op.attributes) {}
  const OpContext& op;
  const Attributes& attributes;

  const Shape& shape() const {
    return op.operands.empty() ? attributes.Ints("shape") : op.shape(0);
  }
  DType dtype() const { return attributes.Type("dtype"); }
  int64_t stream() const { return attributes.Int("stream"); }
  double operator()(std::string_view name) const { return attributes.Float(name); }
};

Values ExpandUniform(GraphBuilder& b, const OpContext& op, Operands) {
  const Draws d(op);
  return {RandomUniform(b, d.shape(), d.dtype(), d.stream(), d("low"), d("high"))};
}

Values ExpandNormal(GraphBuilder& b, const OpContext& op, Operands) {
  const Draws d(op);
  return {RandomNormal(b, d.shape(), d.dtype(), d.stream(), d("mean"), d("std"))};
}

Values ExpandGumbel(GraphBuilder& b, const OpContext& op, Operands) {
  const Draws d(op);
  return {RandomGumbel(b, d.shape(), d.dtype(), d.stream()) * d("scale") + d("location")};
}

/// The interval in standard deviations from the mean and its ends' probabilities, turned round
/// where it lies above the mean: small probabilities are exact.
struct Truncation {
  explicit Truncation(const Attributes& attributes) {
    const double mean = attributes.Float("mean"), std = attributes.Float("std");
    double low = (attributes.Float("low") - mean) / std;
    double high = (attributes.Float("high") - mean) / std;
    if (low > 0) {
      sign = -1;
      std::swap(low, high);
      low = -low, high = -high;
    }
    from = std::erfc(-low / std::numbers::sqrt2) / 2;
    to = std::erfc(-high / std::numbers::sqrt2) / 2;
  }
  double sign = 1, from = 0, to = 0;
};

Result<std::vector<TensorType>> InferTruncatedNormal(const OpContext& op) {
  DESCENT_TRY(types, InferRandom(op));
  const Attributes& a = op.attributes;
  if (!(a.Float("std") > 0)) return Error("std must be above 0, not {}", a.Float("std"));
  if (!(a.Float("low") < a.Float("high")))
    return Error("low must be below high, not {} and {}", a.Float("low"), a.Float("high"));
  const Truncation bounds(a);
  if (!(bounds.from < bounds.to))
    return Error("the interval from {} to {} is too far from the mean {} for its deviation {}",
                 a.Float("low"), a.Float("high"), a.Float("mean"), a.Float("std"));
  return types;
}

Values ExpandTruncatedNormal(GraphBuilder& b, const OpContext& op, Operands) {
  const Draws d(op);
  const Truncation bounds(op.attributes);
  const Expr unit = RandomUnit(b, d.shape(), DType::kF64, d.stream());
  const Expr normal = NormalQuantile(unit * (bounds.to - bounds.from) + bounds.from);
  const Expr x = normal * (bounds.sign * d("std")) + d("mean");
  return {CastTo(Minimum(Maximum(x, d("low")), d("high")), d.dtype())};
}

// ---- distributions of whole numbers ------------------------------------------------------------

Result<std::vector<TensorType>> InferBernoulli(const OpContext& op) {
  DESCENT_RETURN_IF_ERROR(CheckStream(op.attributes));
  const double probability = op.attributes.Float("probability");
  if (!(probability >= 0 && probability <= 1))
    return Error("probability must be between 0 and 1, not {}", probability);
  DESCENT_TRY(shape, ShapeOf(op));
  return OneResult(op.attributes.Type("dtype"), std::move(shape));
}

Values ExpandBernoulli(GraphBuilder& b, const OpContext& op, Operands x) {
  const Draws d(op);
  const bool given = !x.empty();
  const Expr unit = RandomUnit(b, d.shape(), given ? op.dtype(0) : DType::kF32, d.stream());
  const Expr hit = given ? Less(unit, {b, x[0]}) : Less(unit, d("probability"));
  return {CastTo(hit, d.dtype())};
}

Result<std::vector<TensorType>> InferRandInt(const OpContext& op) {
  DESCENT_RETURN_IF_ERROR(CheckStream(op.attributes));
  const int64_t low = op.attributes.Int("low"), high = op.attributes.Int("high");
  const DType dtype = op.attributes.Type("dtype");
  if (!Info(dtype).is_integer)
    return Error("dtype must be an integer type, not {}", Info(dtype).name);
  if (low >= high) return Error("low must be below high, not {} and {}", low, high);
  if (static_cast<uint64_t>(high) - static_cast<uint64_t>(low) > uint64_t{1} << 31)
    return Error("high must be at most 2^31 above low, not {} and {}", low, high);
  for (const int64_t end : {low, high - 1})
    if (Tensor::FromInts({dtype, {}}, {{end}}).GetInt(0) != end)
      return Error("{} does not fit {}", end, Info(dtype).name);
  DESCENT_TRY(shape, ShapeOf(op));
  return OneResult(dtype, std::move(shape));
}

Values ExpandRandInt(GraphBuilder& b, const OpContext& op, Operands) {
  const Draws d(op);
  const int64_t low = op.attributes.Int("low"), high = op.attributes.Int("high");
  const Expr first(b, b.Constant(Tensor::FromInts({DType::kI64, {}}, {{low}})));
  return {CastTo(RandomBelow(b, d.shape(), d.stream(), high - low) + first, d.dtype())};
}

Result<std::vector<TensorType>> InferPermutation(const OpContext& op) {
  DESCENT_RETURN_IF_ERROR(CheckStream(op.attributes));
  const int64_t n = op.attributes.Int("n");
  if (n < 0) return Error("n must be at least 0, not {}", n);
  return OneResult(DType::kI64, {n});
}

/// The rank of each element among all. The 63-bit keys are distinct but for one in 2^63 pairs, of
/// which the earlier one comes first.
Values ExpandPermutation(GraphBuilder& b, const OpContext& op, Operands) {
  const int64_t n = op.attributes.Int("n"), stream = op.attributes.Int("stream");
  const Expr keys =
      RandomWord(b, {n}, stream) * 2147483648.0 + RandomWord(b, {n}, stream + kSecondWord) / 2.0;
  return {b.Add("sort_rank", {keys})};
}

Result<std::vector<TensorType>> InferCategorical(const OpContext& op) {
  DESCENT_RETURN_IF_ERROR(CheckStream(op.attributes));
  DESCENT_TRY(axis, NormalAxis(op.attributes.Int("axis"), op.operands[0].rank()));
  Shape shape = op.shape(0);
  if (shape[axis] == 0)
    return Error("axis {} of {} has no classes to choose from", axis, ToString(shape));
  shape.erase(shape.begin() + axis);
  return OneResult(DType::kI64, std::move(shape));
}

Values ExpandCategorical(GraphBuilder& b, const OpContext& op, Operands x) {
  const Expr noise = RandomGumbel(b, op.shape(0), op.dtype(0), op.attributes.Int("stream"));
  return {ArgMax(Expr(b, x[0]) + noise, op.attributes.Int("axis"))};
}

}  // namespace

// NOLINTNEXTLINE(readability-function-size): a table
std::span<const OpDef> RandomGenerators() {
  static const Signature kCounters{.operands = {{"seed", DTypeClass::kInteger},
                                                {"step", DTypeClass::kInteger},
                                                {"loop_step", DTypeClass::kInteger}}};
  static const std::array kOps = {
      OpDef{.name = "random_word",
            .doc = "Random 32-bit words as i64, the source of random whole numbers.\n\nThe "
                   "Philox4x32-10 word of the element's row-major index (Salmon et al., Parallel "
                   "random numbers: as easy as 1, 2, 3, 2011; docs/design.md, Randomness): it "
                   "depends on seed, step, loop step and stream, not on layout, tiles or threads.",
            .example = "random_word(i64 1, i64 0, i64 0, shape=[2]) = [1250917786, 407699270]",
            .signature = {.operands = kCounters.operands,
                          .attributes = {ShapeAttribute(), StreamAttribute()}},
            .infer = InferWord,
            .define = DefineWord,
            .no_gradient = "its operands are integers"},
      OpDef{
          .name = "random_unit",
          .doc = "Uniform random numbers in [0, 1), the source of random floats.\n\n`(word >> 8) * "
                 "2^-24` (24 bits, as torch.rand has), where `word` is that of random_word. The "
                 "16-bit floats take its upper 8 (bf16) or 11 (f16) bits instead of 24, so that no "
                 "number rounds up to 1.",
          .example = "random_unit(i64 1, i64 0, i64 0, shape=[3]) = [0.29125, 0.09492, 0.08871]",
          .signature = {.operands = kCounters.operands,
                        .attributes = {ShapeAttribute(), TypeAttribute(DType::kF32, "a float type"),
                                       StreamAttribute()}},
          .infer = InferUnit,
          .define = DefineUnit,
          .no_gradient = "its operands are integers"},
      OpDef{.name = "uniform",
            .doc = "Uniform random numbers.\n\n`y = low + u * (high - low)` "
                   "(numpy.random.Generator.uniform), u from random_unit. Here and below an "
                   "operand `like` may give the shape, so that a model's noise has as many rows as "
                   "its batch; its elements are not read, and have no gradient.",
            .example = "uniform(shape=[3]) = [0.29125, 0.09492, 0.08871]",
            .signature = RandomSignature(
                {Number("low", 0, "lower end, included"), Number("high", 1, "upper end")}),
            .infer = InferRandom,
            .expand = ExpandUniform,
            .vjp = NoDependence},
      OpDef{.name = "normal",
            .doc = "Normally distributed random numbers.\n\n`mean + std * sqrt(-2 log(1 - u)) * "
                   "cos(2 pi v)`, u and v from random_unit with streams `stream` and `stream + "
                   "2^31` (Box and Muller, 1958). At most 5.8 standard deviations from the mean. "
                   "With mean and deviation as tensors: `add(mean, mul(std, normal(mean)))`, which "
                   "has their gradients.",
            .example = "normal(shape=[3]) = [0.8205, -0.4461, -0.2734]",
            .signature = RandomSignature(
                {Number("mean", 0, "mean"), Number("std", 1, "standard deviation")}),
            .infer = InferRandom,
            .expand = ExpandNormal,
            .vjp = NoDependence},
      OpDef{.name = "truncated_normal",
            .doc = "Normally distributed random numbers within an interval.\n\n`mean + std * "
                   "Q(p)`, Q the quantile function of the standard normal distribution, p uniform "
                   "between the probabilities that the normal distribution has below `low` and "
                   "below `high`, made of random_unit; both ends are values, not multiples of "
                   "`std` (as PyTorch's trunc_normal_). Q is Wichura's Algorithm AS 241 (1988), "
                   "computed in f64 whatever the dtype.",
            .example = "truncated_normal(shape=[3]) = [-0.5222, -1.2089, -1.2403]",
            .signature =
                RandomSignature({Number("mean", 0, "mean before truncation"),
                                 Number("std", 1, "standard deviation before truncation"),
                                 Number("low", -2, "lower end"), Number("high", 2, "upper end")}),
            .infer = InferTruncatedNormal,
            .expand = ExpandTruncatedNormal,
            .vjp = NoDependence},
      OpDef{.name = "gumbel",
            .doc = "Gumbel distributed random numbers.\n\n`y = location - scale * log(-log(u))` "
                   "(numpy.random.Generator.gumbel), u from random_unit, but 2^-25 instead of 0. "
                   "Standard ones lie between -2.9 and 16.7.",
            .example = "gumbel(shape=[3]) = [-0.2099, -0.8564, -0.8848]",
            .signature =
                RandomSignature({Number("location", 0, "mode"), Number("scale", 1, "factor")}),
            .infer = InferRandom,
            .expand = ExpandGumbel,
            .vjp = NoDependence},
      OpDef{.name = "bernoulli",
            .doc =
                "1 with a given probability, else 0.\n\n`u < probability`, u from random_unit; so "
                "probabilities count in steps of 2^-24. They are an operand, of which the "
                "result has the shape, or the attribute. Gradient: 0, as PyTorch has it: the "
                "result is a step function of the probability.",
            .example = "bernoulli([0.9, 0.1, 0.1, 0.9], stream=2) = [1, 0, 0, 1]",
            .signature = {.operands = {{.name = "probabilities",
                                        .dtypes = DTypeClass::kFloat,
                                        .optional = true}},
                          .attributes = {OwnShapeAttribute(),
                                         TypeAttribute(DType::kF32, "any type"), StreamAttribute(),
                                         Number("probability", 0.5, "without an operand")}},
            .infer = InferBernoulli,
            .expand = ExpandBernoulli,
            .vjp = NoDependence},
      OpDef{.name = "randint",
            .doc =
                "Random whole numbers in [low, high).\n\n`low + floor(w * (high - low) / 2^64)`, w "
                "the 64 bits of two words of random_word, with streams `stream` and `stream + "
                "2^31` (Lemire, Fast random integer generation in an interval, 2019, without "
                "rejection). `high - low` is at most 2^31, so the probability of a number is "
                "off by less than 2^-33 of itself.",
            .example = "randint(shape=[6], high=10) = [2, 0, 0, 0, 1, 2]",
            .signature = {.operands = {kLike},
                          .attributes = {OwnShapeAttribute(),
                                         TypeAttribute(DType::kI64, "an integer type"),
                                         StreamAttribute(),
                                         {"low", AttributeKind::kInt, Attribute(int64_t{0}),
                                          "smallest number"},
                                         {"high", AttributeKind::kInt, std::nullopt,
                                          "end, not included"}}},
            .infer = InferRandInt,
            .expand = ExpandRandInt,
            .no_gradient = "the result is an integer"},
      OpDef{.name = "permutation",
            .doc = "The numbers 0 to n - 1 in random order.\n\nPlace i holds the rank of i's key "
                   "among n random 63-bit keys, of two words of random_word with streams `stream` "
                   "and `stream + 2^31`; of equal keys, the earlier has the smaller rank "
                   "(torch.randperm). Rows in random order: `gather(x, permutation(n=...))`.",
            .example = "permutation(n=5) = [4, 2, 1, 0, 3]",
            .signature = {.operands = {},
                          .attributes = {{"n", AttributeKind::kInt, std::nullopt, "how many"},
                                         StreamAttribute()}},
            .infer = InferPermutation,
            .expand = ExpandPermutation,
            .no_gradient = kNoOperands},
      OpDef{.name = "categorical",
            .doc = "A random class for each row of logits, i64.\n\n`y = argmax(logits + gumbel)` "
                   "along `axis`, so that class j has probability softmax(logits)_j (the "
                   "Gumbel-max trick: Maddison et al., A* sampling, 2014). A logit of -infinity "
                   "is never chosen.",
            .example = "categorical([[0, 1, 2], [2, 1, 0]]) = [2, 0]",
            .signature = {.operands = {{"logits", DTypeClass::kFloat}},
                          .attributes = {{"axis", AttributeKind::kInt, Attribute(int64_t{-1}),
                                          "axis of classes, negative ones count from the end"},
                                         StreamAttribute()}},
            .infer = InferCategorical,
            .expand = ExpandCategorical,
            .no_gradient = "the result is an integer"},
  };
  return kOps;
}

}  // namespace descent

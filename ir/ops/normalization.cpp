// Normalization by statistics of the batch.

#include <algorithm>
#include <array>

#include "ir/expr.h"
#include "ir/ops/families.h"
#include "ir/ops/shapes.h"

namespace descent {
namespace {

using Values = std::vector<Value>;

enum Operands { kX, kScale, kBias, kRunningMean, kRunningVariance };

int AxisOf(const OpContext& op) {
  return KnownAxis(op.attributes.Int("axis"), op.operands[kX].rank());
}

std::vector<int64_t> OtherAxes(const OpContext& op) {
  std::vector<int64_t> axes;
  for (int i = 0; i < op.operands[kX].rank(); ++i)
    if (i != AxisOf(op)) axes.push_back(i);
  return axes;
}

Result<std::vector<TensorType>> InferBatchNorm(const OpContext& op) {
  DESCENT_TRY(axis, NormalAxis(op.attributes.Int("axis"), op.operands[kX].rank()));
  if (op.operands[kX].rank() < 2)
    return Error("x needs rows and channels, not {}", ToString(op.shape(kX)));
  const Shape channels = {op.shape(kX)[axis]};
  static constexpr std::string_view kNames[] = {"x", "scale", "bias", "running_mean",
                                                "running_var"};
  for (int i = kScale; i <= kRunningVariance; ++i)
    if (op.shape(i) != channels)
      return Error("{} must be {}, one number per channel of x {}, not {}", kNames[i],
                   ToString(channels), ToString(op.shape(kX)), ToString(op.shape(i)));
  const TensorType statistics{op.dtype(kX), channels};
  return std::vector<TensorType>{op.operands[kX], statistics, statistics};
}

/// A vector of channels as a tensor that broadcasts to x.
Expr AlongAxis(const OpContext& op, Expr channels) {
  Shape shape(op.operands[kX].rank(), 1);
  shape[AxisOf(op)] = op.shape(kX)[AxisOf(op)];
  return Reshape(channels, shape);
}

Expr Vector(const OpContext& op, Expr kept) { return Reshape(kept, {op.shape(kX)[AxisOf(op)]}); }

/// Of the batch, with extents 1 beside the channels.
struct Statistics {
  Expr mean, variance;  ///< biased
  Expr count;           ///< elements per channel, a scalar
};

/// `valid_rows` and `batch_axis`: what to leave out; nothing for an axis below 0.
Statistics BatchStatistics(const OpContext& op, Expr x, const ValidRows& valid_rows = {},
                           int batch_axis = -1) {
  const std::vector<int64_t> axes = OtherAxes(op);
  Shape others = op.shape(kX);
  others[AxisOf(op)] = 1;
  if (batch_axis < 0) {
    const Expr mean = Mean(x, axes, true);
    return {mean, Mean(Square(x - mean), axes, true),
            x.Like(static_cast<double>(Elements(others)))};
  }
  GraphBuilder& b = x.builder();
  const Expr mask = RowMask(b, op.shape(kX), batch_axis, valid_rows);
  const Expr count = ValidElements(b, others, batch_axis, valid_rows, x.dtype());
  const Expr mean = Sum(Where(mask, x, 0.0), axes, true) / count;
  return {mean, Sum(Where(mask, Square(x - mean), 0.0), axes, true) / count, count};
}

Expr Deviation(const OpContext& op, Expr variance) {
  return Sqrt(variance + op.attributes.Float("epsilon"));
}

Expr Normalized(const OpContext& op, std::span<const Value> operands, Expr x, Expr mean,
                Expr variance) {
  const Expr scale = AlongAxis(op, {x.builder(), operands[kScale]});
  const Expr bias = AlongAxis(op, {x.builder(), operands[kBias]});
  return (x - mean) / Deviation(op, variance) * scale + bias;
}

Values Results(const OpContext& op, std::span<const Value> operands, Expr x,
               const Statistics& batch) {
  const double momentum = op.attributes.Float("momentum");
  const auto next = [&](int running, Expr statistic) {
    return Expr(x.builder(), operands[running]) * (1 - momentum) + Vector(op, statistic) * momentum;
  };
  const Expr unbiased = batch.variance * (batch.count / Maximum(batch.count - 1.0, 1.0));
  return {Normalized(op, operands, x, batch.mean, batch.variance), next(kRunningMean, batch.mean),
          next(kRunningVariance, unbiased)};
}

Values ExpandBatchNorm(GraphBuilder& b, const OpContext& op, std::span<const Value> operands) {
  const Expr x(b, operands[kX]);
  return Results(op, operands, x, BatchStatistics(op, x));
}

Values InferenceBatchNorm(GraphBuilder& b, const OpContext& op, std::span<const Value> operands) {
  const Expr x(b, operands[kX]);
  const Expr mean = AlongAxis(op, {b, operands[kRunningMean]});
  const Expr variance = AlongAxis(op, {b, operands[kRunningVariance]});
  return {Normalized(op, operands, x, mean, variance), operands[kRunningMean],
          operands[kRunningVariance]};
}

/// Differentiated as it is written, so the next statistics are constants here as in the vjp.
Values MaskedBatchNorm(const MaskContext& m) {
  const Expr x(m.b, m.operands[kX]);
  Values results =
      Results(m.op, m.operands, x, BatchStatistics(m.op, x, m.valid_rows, m.batch_axes[kX]));
  for (size_t i = 1; i < results.size(); ++i) results[i] = m.b.Add("stop_gradient", {results[i]});
  return results;
}

/// Through y alone: the next statistics are state.
Values VjpBatchNorm(const VjpContext& v) {
  Values gradients(5);
  if (!v.gradients[0].valid()) return gradients;
  const std::vector<int64_t> axes = OtherAxes(v.op);
  const Expr x = Operand(v, kX), g = Gradient(v);
  const Statistics batch = BatchStatistics(v.op, x);
  const Expr deviation = Deviation(v.op, batch.variance);
  const Expr normal = (x - batch.mean) / deviation;
  const Expr g_sum = Sum(g, axes, true), g_normal_sum = Sum(g * normal, axes, true);
  const Expr scale = AlongAxis(v.op, Operand(v, kScale));
  gradients[kX] =
      scale / deviation * (g - g_sum / batch.count - normal * (g_normal_sum / batch.count));
  gradients[kScale] = Vector(v.op, g_normal_sum);
  gradients[kBias] = Vector(v.op, g_sum);
  return gradients;
}

}  // namespace

std::span<const OpDef> NormalizationOps() {
  static const std::array kOps = {OpDef{
      .name = "batch_norm",
      .doc = "Normalization of each channel over the batch.\n\n`y = (x - mean) / sqrt(var + "
             "epsilon) * scale + bias` with mean and biased variance over all axes but `axis`. "
             "`next_mean = (1 - momentum) * running_mean + momentum * mean`, `next_var` alike with "
             "the unbiased variance (n / (n - 1); as it is for n = 1), as PyTorch. Outside "
             "training the running statistics normalize and stay. Padded rows are left out. "
             "Gradient (n elements per channel, x' normalized): to x, `scale / sqrt(var + "
             "epsilon) * (g - sum g / n - x' * sum(g x') / n)`; to scale, `sum(g x')`; to bias, "
             "`sum g`; none through the statistics, which are state (Ioffe and Szegedy, Batch "
             "normalization, 2015).",
      .example = "batch_norm([[1], [3]], [2], [10], [0], [1]) = [[8], [12]], [0.2], [1.1]",
      .signature = {.operands = {{"x", DTypeClass::kFloat},
                                 {"scale", DTypeClass::kFloat},
                                 {"bias", DTypeClass::kFloat},
                                 {"running_mean", DTypeClass::kFloat},
                                 {"running_var", DTypeClass::kFloat}},
                    .attributes = {{"axis", AttributeKind::kInt, Attribute(int64_t{1}),
                                    "axis of channels"},
                                   {"epsilon", AttributeKind::kFloat, Attribute(1e-5),
                                    "added to the variance"},
                                   {"momentum", AttributeKind::kFloat, Attribute(0.1),
                                    "weight of the batch in the running statistics"}},
                    .results = {"y", "next_mean", "next_var"}},
      .infer = InferBatchNorm,
      .expand = ExpandBatchNorm,
      .vjp = VjpBatchNorm,
      .inference = InferenceBatchNorm,
      .mask_rows = MaskedBatchNorm}};
  return kOps;
}

}  // namespace descent

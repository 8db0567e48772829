// Normalizations, and what is dropped while training.
#include <algorithm>
#include <cmath>
#include <numeric>

#include "frontends/onnx/graph_importer.h"
#include "frontends/onnx/ops/families.h"

namespace descent::onnx {
namespace {

/// Numbers with fewer bits are normalized as f32.
DType WideType(DType dtype) { return ArithmeticType(dtype); }

struct Moments {
  Value centered, mean, variance;  ///< the moments keep their axes
};

/// `summed` is the type of the sums.
Moments MomentsOf(OnnxNode& n, Value x, const std::vector<int64_t>& axes, DType summed) {
  const DType dtype = n.dtype(x);
  const auto mean_of = [&](Value v) {
    return n.Cast(n.Add("mean", {n.Cast(v, summed)}, {{"axes", axes}, {"keepdims", true}}), dtype);
  };
  const Value mean = mean_of(x);
  const Value centered = n.Minus(x, mean);
  return {centered, mean, mean_of(n.Add("square", {centered}))};
}

Value Deviation(OnnxNode& n, Value variance, double epsilon) {
  return n.Add("sqrt", {n.Plus(variance, n.Like(variance, epsilon))});
}

/// Whether statistics are taken from the batch, as the file stands. Before version 14 the results
/// that are asked for tell.
bool UsesBatch(OnnxNode& n) {
  return n.version() < 14 ? n.Wants(1) && !n.Flag("is_test") : n.Flag("training_mode");
}

/// The batch's own statistics normalize, and move the running ones: by its biased variance. A batch
/// has many numbers for a channel, whose sums are f64, as PyTorch's are on CPUs.
Outputs NormalizeByBatch(OnnxNode& n, Value x, const std::vector<Value>& rest, DType dtype,
                         bool spatial) {
  const double epsilon = n.Float("epsilon", 1e-5f), momentum = n.Float("momentum", 0.9f);
  std::vector<int64_t> axes(std::max(n.rank(x), 1));
  std::iota(axes.begin(), axes.end(), 0);
  if (!spatial) axes.resize(1);
  if (spatial && axes.size() > 1) axes.erase(axes.begin() + 1);
  const Moments moments = MomentsOf(n, x, axes, DType::kF64);
  const auto laid = [&](Value v) { return spatial ? n.AlongAxis(v, 1, n.rank(x)) : v; };
  const Value normalized = n.Over(moments.centered, Deviation(n, moments.variance, epsilon));
  const Value y = n.Plus(n.Times(normalized, laid(rest[0])), laid(rest[1]));
  std::vector<Value> results = {n.Reshape(n.Cast(y, dtype), n.shape(n.In(0)))};
  for (int i = 0; i < 2; ++i) {
    const Value batch = n.Reshape(i == 0 ? moments.mean : moments.variance, n.shape(rest[2 + i]));
    const Value running = n.In(3 + i);
    const Value next = n.Plus(n.Times(rest[2 + i], n.Like(rest[2 + i], momentum)),
                              n.Times(batch, n.Like(batch, 1 - momentum)));
    results.push_back(n.Cast(next, n.dtype(running)));
    if (!n.failed()) n.scope().MakeStatistic(running, results.back());
  }
  for (int i = 1; i < 3 && n.version() < 14; ++i)
    results.push_back(n.Reshape(i == 1 ? moments.mean : moments.variance, n.shape(rest[1 + i])));
  return results;
}

/// Running statistics normalize. In training of ours `batch_norm` takes those of the batch and
/// moves the running ones, as PyTorch does.
Outputs BatchNormalization(OnnxNode& n) {
  Value x = n.In(0);
  const DType dtype = n.dtype(x), wide = WideType(dtype);
  std::vector<Value> rest;
  for (int i = 1; i < 5; ++i) rest.push_back(n.Cast(n.In(i), wide));
  x = n.Cast(x, wide);
  const bool spatial = n.Flag("spatial", true);
  const Shape shape = n.shape(x);
  if (spatial && shape.size() == 1) x = n.Unsqueeze(x, {1});  // rows of one channel
  if (UsesBatch(n)) return NormalizeByBatch(n, x, rest, dtype, spatial);
  const double epsilon = n.Float("epsilon", 1e-5f);
  if (!spatial) {
    const Value normalized = n.Over(n.Minus(x, rest[2]), Deviation(n, rest[3], epsilon));
    return n.Cast(n.Plus(n.Times(normalized, rest[0]), rest[1]), dtype);
  }
  const std::vector<Value> results =
      n.AddMulti("batch_norm", {x, rest[0], rest[1], rest[2], rest[3]},
                 {{"epsilon", epsilon}, {"momentum", 1 - n.Float("momentum", 0.9f)}});
  if (results.size() < 3) return Value{};
  for (int i = 0; i < 2; ++i) n.scope().MakeStatistic(n.In(3 + i), results[1 + i]);
  return n.Reshape(n.Cast(results[0], dtype), shape);
}

Outputs InstanceNormalization(OnnxNode& n) {
  return n.Add("instance_norm", {n.In(0), n.In(1), n.In(2)},
               {{"epsilon", n.Float("epsilon", 1e-5f)}});
}

/// Before version 21 scale and bias had a number for each group rather than for each channel.
Outputs GroupNormalization(OnnxNode& n) {
  const Value x = n.In(0);
  const int64_t groups = n.Int("num_groups", 0);
  if (n.rank(x) < 2 || groups <= 0 || n.shape(x)[1] % groups != 0)
    return n.Fail("{} groups of {} are not possible", groups, ToString(n.type(x)));
  const int64_t channels = n.shape(x)[1];
  const auto by_channel = [&](Value v) {
    if (n.version() >= 21) return v;
    return n.Reshape(n.Expand(n.Reshape(v, {groups, 1}), {groups, channels / groups}), {channels});
  };
  const DType wide = WideType(n.dtype(x));
  const auto widened = [&](Value v) { return n.Cast(v, wide); };
  const Value y =
      n.Add("group_norm", {widened(x), widened(by_channel(n.In(1))), widened(by_channel(n.In(2)))},
            {{"groups", groups}, {"epsilon", n.Float("epsilon", 1e-5f)}});
  return n.Cast(y, n.dtype(x));
}

/// `target` over the axes from `axis` on, scaled and moved. Scale and bias are parts of the
/// operator where they have its extents and type; they may broadcast to them.
Value NormalizeRows(OnnxNode& n, Value x, int64_t axis) {
  const DType dtype = n.dtype(x), wide = WideType(dtype);
  const Attributes attributes = {{"axis", axis}, {"epsilon", n.Float("epsilon", 1e-5f)}};
  const Shape shape = n.shape(x);
  const Shape row(shape.begin() + std::min<int64_t>(axis, n.rank(x)), shape.end());
  std::vector<Value> affine;
  bool fits = dtype == wide;
  for (int i = 1; n.Has(i) && i < 3; ++i) {
    affine.push_back(n.In(i));
    fits &= n.shape(affine.back()) == row && n.dtype(affine.back()) == dtype;
  }
  std::vector<Value> operands = {n.Cast(x, wide)};
  if (fits) operands.insert(operands.end(), affine.begin(), affine.end());
  Value y = n.Cast(n.Add(n.importer().target, std::move(operands), attributes), dtype);
  if (fits || affine.empty()) return y;
  y = n.Times(n.Cast(y, n.dtype(affine[0])), affine[0]);
  return affine.size() > 1 ? n.Plus(y, affine[1]) : y;
}

Outputs LayerNormalization(OnnxNode& n) {
  const Value x = n.In(0);
  const int64_t axis = n.Axis(n.Int("axis", -1), n.rank(x));
  std::vector<Value> results = {NormalizeRows(n, x, axis)};
  if (!n.Wants(1) && !n.Wants(2)) return results;
  std::vector<int64_t> axes(n.rank(x) - axis);
  std::iota(axes.begin(), axes.end(), axis);
  const DType wide = WideType(n.dtype(x));
  const Moments moments = MomentsOf(n, n.Cast(x, wide), axes, wide);
  results.push_back(moments.mean);
  results.push_back(
      n.Add("reciprocal", {Deviation(n, moments.variance, n.Float("epsilon", 1e-5f))}));
  return results;
}

Outputs RmsNormalization(OnnxNode& n) {
  const Value x = n.In(0);
  return NormalizeRows(n, x, n.Axis(n.Int("axis", -1), n.rank(x)));
}

/// Vectors of length 1; those of length 0 stay.
Outputs LpNormalization(OnnxNode& n) {
  const Value x = n.In(0);
  const int64_t p = n.Int("p", 2);
  if (p != 1 && p != 2) return n.Fail("p must be 1 or 2, not {}", p);
  const Value norm = n.Add("norm", {x},
                           {{"p", static_cast<double>(p)},
                            {"axes", std::vector{n.Axis(n.Int("axis", -1), n.rank(x))}},
                            {"keepdims", true}});
  const Value zero = n.Add("equal", {norm, n.Like(norm, 0)});
  return n.Over(x, n.Add("where", {zero, n.Like(norm, 1), norm}));
}

Outputs MeanVarianceNormalization(OnnxNode& n) {
  const Value x = n.In(0);
  const Moments moments = MomentsOf(n, x, n.Axes(n.Ints("axes", {0, 2, 3}), n.rank(x)), n.dtype(x));
  const Value deviation = n.Add("sqrt", {moments.variance});
  return n.Over(moments.centered, n.Plus(deviation, n.Like(deviation, 1e-9)));
}

Outputs Lrn(OnnxNode& n) {
  Value x = n.In(0);
  const int64_t size = n.Int("size", 0);
  // Of an even number of channels, one more lies behind: before, seen from the other end.
  const bool even = size % 2 == 0;
  const Attributes channels = {{"axes", std::vector<int64_t>{1}}};
  if (even) x = n.Add("flip", {x}, channels);
  const Value y = n.Add("local_response_norm", {x},
                        {{"size", size},
                         {"alpha", n.Float("alpha", 1e-4f)},
                         {"beta", n.Float("beta", 0.75)},
                         {"k", n.Float("bias", 1)}});
  return even ? n.Add("flip", {y}, channels) : y;
}

/// What is not in training: everything is kept, and `dropout` drops in training of ours.
Outputs KeepAll(OnnxNode& n, Value x, double ratio) {
  std::vector<Value> results = {x};
  if (ratio > 0 && ratio < 1)
    results[0] = n.Add("dropout", {x}, {{"rate", ratio}, {"stream", n.graph().NextStream()}});
  if (n.Wants(1))
    results.push_back(
        n.Expand(n.Scalar(n.version() < 10 ? n.dtype(x) : DType::kBool, 1), n.shape(x)));
  return results;
}

Outputs LegacyDropout(OnnxNode& n) { return KeepAll(n, n.In(0), n.Float("ratio", 0.5)); }

/// Ratio and mode are operands: they may be known only at run time.
Outputs Dropout(OnnxNode& n) {
  const Value x = n.In(0);
  const auto ratio = n.Known(1), training = n.Known(2);
  const auto known = [](const std::optional<Tensor>& tensor, double otherwise) {
    return tensor && tensor->elements() == 1 ? tensor->GetDouble(0) : otherwise;
  };
  if (!n.Has(2) || (training && known(training, 0) == 0))
    return KeepAll(n, x, ratio || !n.Has(1) ? known(ratio, 0.5) : 0);
  if (ratio && known(ratio, 0.5) == 0) return KeepAll(n, x, 0);
  const bool always =
      training && (ratio || !n.Has(1)) && !(n.Wants(1) && n.graph().IsRead(n.proto().output(1)));
  if (always && n.graph().options().for_task) return KeepAll(n, x, known(ratio, 0.5));
  const DType dtype = n.dtype(x);
  const Value active = n.Reshape(n.In(2), {}), rate = n.Cast(n.InOr(1, dtype, 0.5), DType::kF32);
  const Value chance =
      n.Add("uniform", {}, {{"shape", n.shape(x)}, {"stream", n.graph().NextStream()}});
  const Value keeps = n.Add("greater_equal", {chance, n.Reshape(rate, {})});
  const Value mask = n.Add("logical_or", {keeps, n.Add("logical_not", {active})});
  const Value one = n.Like(rate, 1);
  const Value factor =
      n.Add("where", {active, n.Over(one, n.Minus(one, n.Reshape(rate, {}))), one});
  const Value kept = n.Times(x, n.Cast(factor, dtype));
  return std::vector{n.Add("where", {mask, kept, n.Like(x, 0)}), mask};
}

}  // namespace

std::span<const OpImporter> NormalizationImporters() {
  static const std::vector<OpImporter> kImporters = {
      {"BatchNormalization",
       1,
       8,
       5,
       {"epsilon", "momentum", "is_test", "spatial"},
       BatchNormalization},
      {"BatchNormalization", 9, 13, 5, {"epsilon", "momentum"}, BatchNormalization},
      {"BatchNormalization",
       14,
       kNewest,
       5,
       {"epsilon", "momentum", "training_mode"},
       BatchNormalization},
      {"Dropout", 1, 11, 1, {"ratio", "is_test"}, LegacyDropout},
      {"Dropout", 12, kNewest, 3, {"seed"}, Dropout},
      {"GroupNormalization",
       18,
       kNewest,
       3,
       {"epsilon", "num_groups", "stash_type"},
       GroupNormalization},
      {"InstanceNormalization", 1, kNewest, 3, {"epsilon"}, InstanceNormalization},
      {"LRN", 1, kNewest, 1, {"size", "alpha", "beta", "bias"}, Lrn},
      {"LayerNormalization",
       17,
       kNewest,
       3,
       {"axis", "epsilon", "stash_type"},
       LayerNormalization,
       "layer_norm"},
      {"LpNormalization", 1, kNewest, 1, {"axis", "p"}, LpNormalization},
      {"MeanVarianceNormalization", 9, kNewest, 1, {"axes"}, MeanVarianceNormalization},
      {"RMSNormalization",
       23,
       kNewest,
       2,
       {"axis", "epsilon", "stash_type"},
       RmsNormalization,
       "rms_norm"},
  };
  return kImporters;
}

}  // namespace descent::onnx

// Reductions, running sums, and the places of extremes.
#include <algorithm>

#include "frontends/onnx/ops/families.h"
#include "ir/ops/shapes.h"

namespace descent::onnx {
namespace {

/// What is reduced, and how.
struct Reduction {
  Value x;
  Attributes attributes;
};

/// Without axes all are reduced, or none: then an axis of extent 1 that is added for it, so that
/// what else an operator does (a square, a logarithm) is done.
Reduction ReductionOf(OnnxNode& n) {
  Value x = n.In(0);
  std::vector<int64_t> axes = n.IntsOf("axes", 1);
  bool keepdims = n.Flag("keepdims", true);
  if (axes.empty() && n.Flag("noop_with_empty_axes")) {
    axes = {n.rank(x)};
    x = n.Unsqueeze(x, axes);
    keepdims = false;
  }
  return {x, {{"axes", std::move(axes)}, {"keepdims", keepdims}}};
}

Outputs Reduce(OnnxNode& n) {
  const Reduction r = ReductionOf(n);
  return n.Add(n.importer().target, {r.x}, r.attributes);
}

/// False is less than true.
Outputs Extreme(OnnxNode& n) {
  const Reduction r = ReductionOf(n);
  const std::string_view of_numbers = n.importer().target;
  const std::string_view of_bools = of_numbers == "max" ? "any" : "all";
  return n.Add(n.dtype(r.x) == DType::kBool ? of_bools : of_numbers, {r.x}, r.attributes);
}

/// Integers are divided toward zero.
Outputs Mean(OnnxNode& n) {
  const Reduction r = ReductionOf(n);
  if (n.IsFloat(r.x)) return n.Add("mean", {r.x}, r.attributes);
  const Value sum = n.Add("sum", {r.x}, r.attributes);
  const int64_t results = std::max<int64_t>(n.type(sum).elements(), 1);
  return n.Over(sum, n.Like(sum, static_cast<double>(n.type(r.x).elements() / results)));
}

Outputs SumSquare(OnnxNode& n) {
  const Reduction r = ReductionOf(n);
  return n.Add("sum", {n.Times(r.x, r.x)}, r.attributes);
}

/// What is defined for floats: of integers it is computed in f64 and rounded toward zero.
template <Value (*Of)(OnnxNode&, Reduction)>
Outputs InFloats(OnnxNode& n) {
  Reduction r = ReductionOf(n);
  const DType dtype = n.dtype(r.x);
  if (!n.IsFloat(r.x)) r.x = n.Cast(r.x, DType::kF64);
  return n.Cast(Of(n, std::move(r)), dtype);
}
Value L2(OnnxNode& n, Reduction r) {
  r.attributes.Set("p", 2.0);
  return n.Add("norm", {r.x}, r.attributes);
}
Value LogSum(OnnxNode& n, Reduction r) { return n.Add("log", {n.Add("sum", {r.x}, r.attributes)}); }
Value LogSumExp(OnnxNode& n, Reduction r) { return n.Add("logsumexp", {r.x}, r.attributes); }

Outputs L1(OnnxNode& n) {
  const Reduction r = ReductionOf(n);
  return n.Add("sum", {n.Add("abs", {r.x})}, r.attributes);
}

// ---- places of extremes

/// The last of several is the first from the other end.
Outputs ArgExtreme(OnnxNode& n) {
  const Value x = n.In(0);
  const int64_t axis = n.Axis(n.Int("axis", 0), n.rank(x));
  if (n.failed()) return Value{};
  const bool last = n.Flag("select_last_index");
  const Value from = last ? n.Add("flip", {x}, {{"axes", std::vector{axis}}}) : x;
  const Value place =
      n.Add(n.importer().target, {from}, {{"axis", axis}, {"keepdims", n.Flag("keepdims", true)}});
  if (!last) return place;
  return n.Minus(n.Like(place, static_cast<double>(n.shape(x)[axis] - 1)), place);
}

// ---- running reductions

Outputs Running(OnnxNode& n) {
  const Value x = n.In(0);
  const std::vector<int64_t> axis = n.StaticInts(1);
  if (axis.size() != 1) return n.Fail("axis must be one number");
  return n.Add(n.importer().target, {x},
               {{"axis", n.Axis(axis[0], n.rank(x))},
                {"exclusive", n.Flag("exclusive")},
                {"reverse", n.Flag("reverse")}});
}

const std::vector<std::string_view> kAttributes = {"axes", "keepdims"};
const std::vector<std::string_view> kOperandAxes = {"keepdims", "noop_with_empty_axes"};
const std::vector<std::string_view> kArg = {"axis", "keepdims"};
const std::vector<std::string_view> kArgLast = {"axis", "keepdims", "select_last_index"};

}  // namespace

std::span<const OpImporter> ReduceImporters() {
  static const std::vector<OpImporter> kImporters = {
      {"ArgMax", 1, 11, 1, kArg, ArgExtreme, "argmax"},
      {"ArgMax", 12, kNewest, 1, kArgLast, ArgExtreme, "argmax"},
      {"ArgMin", 1, 11, 1, kArg, ArgExtreme, "argmin"},
      {"ArgMin", 12, kNewest, 1, kArgLast, ArgExtreme, "argmin"},
      {"CumProd", 26, kNewest, 2, {"exclusive", "reverse"}, Running, "cumprod"},
      {"CumSum", 11, kNewest, 2, {"exclusive", "reverse"}, Running, "cumsum"},
      {"ReduceL1", 1, 17, 1, kAttributes, L1},
      {"ReduceL1", 18, kNewest, 2, kOperandAxes, L1},
      {"ReduceL2", 1, 17, 1, kAttributes, InFloats<L2>},
      {"ReduceL2", 18, kNewest, 2, kOperandAxes, InFloats<L2>},
      {"ReduceLogSum", 1, 17, 1, kAttributes, InFloats<LogSum>},
      {"ReduceLogSum", 18, kNewest, 2, kOperandAxes, InFloats<LogSum>},
      {"ReduceLogSumExp", 1, 17, 1, kAttributes, InFloats<LogSumExp>},
      {"ReduceLogSumExp", 18, kNewest, 2, kOperandAxes, InFloats<LogSumExp>},
      {"ReduceMax", 1, 17, 1, kAttributes, Extreme, "max"},
      {"ReduceMax", 18, kNewest, 2, kOperandAxes, Extreme, "max"},
      {"ReduceMean", 1, 17, 1, kAttributes, Mean},
      {"ReduceMean", 18, kNewest, 2, kOperandAxes, Mean},
      {"ReduceMin", 1, 17, 1, kAttributes, Extreme, "min"},
      {"ReduceMin", 18, kNewest, 2, kOperandAxes, Extreme, "min"},
      {"ReduceProd", 1, 17, 1, kAttributes, Reduce, "prod"},
      {"ReduceProd", 18, kNewest, 2, kOperandAxes, Reduce, "prod"},
      {"ReduceSum", 1, 12, 1, kAttributes, Reduce, "sum"},
      {"ReduceSum", 13, kNewest, 2, kOperandAxes, Reduce, "sum"},
      {"ReduceSumSquare", 1, 17, 1, kAttributes, SumSquare},
      {"ReduceSumSquare", 18, kNewest, 2, kOperandAxes, SumSquare},
  };
  return kImporters;
}

}  // namespace descent::onnx

// checkpointed_scan: a scan in segments, so that the gradient keeps little.

#include <algorithm>
#include <array>

#include "ir/expr.h"
#include "ir/ops/families.h"

namespace descent {
namespace {

using Values = std::vector<Value>;

Attributes ScanAttributes(const Attributes& attributes) {
  Attributes scan = attributes;
  scan.Erase("every");
  scan.Set("first_step", int64_t{0});
  scan.Set("continues", false);
  return scan;
}

LoopForm FormOf(const OpContext& op) {
  const Attributes scan = ScanAttributes(op.attributes);
  return FindOp("scan")->loop({op.operands, scan});
}

Result<std::vector<TensorType>> InferCheckpointedScan(const OpContext& op) {
  const Attributes scan = ScanAttributes(op.attributes);
  if (const int64_t every = op.attributes.Int("every"); every < 1)
    return Error("every must be at least 1, not {}", every);
  DESCENT_TRY(results, FindOp("scan")->infer({op.operands, scan}));
  const LoopForm form = FormOf(op);
  results.resize(form.carried + form.stacked);  // histories are not kept
  // Segments have an axis more.
  const auto fits = [](const TensorType& type) { return type.rank() < kMaxRank; };
  if (!std::ranges::all_of(op.operands, fits) || !std::ranges::all_of(results, fits))
    return Error("operands and results must have at most {} axes", kMaxRank - 1);
  return results;
}

/// Some iterations of a scan, in segments of `length`; one segment is a plain scan.
class Segments {
 public:
  Segments(GraphBuilder& b, const OpContext& op, const LoopForm& form)
      : b_(b), op_(op), form_(form) {}

  /// Slices [begin, begin + count * length) of `operands`: the carried values behind them, then
  /// the stacked slices.
  Values Run(const Values& operands, int64_t begin, int64_t count, int64_t length) {
    Values parts = operands;
    for (int i = form_.carried; i < form_.carried + form_.sliced; ++i) {
      const Expr part = SliceAxis({b_, operands[i]}, 0, begin, begin + count * length);
      parts[i] = count == 1 ? part : Cut(part, count, length);
    }
    Attributes inner = Scan(length, begin);
    if (count == 1) return Kept(b_.AddMulti("scan", std::move(parts), std::move(inner)));
    inner.Set("continues", true);
    Attributes outer = Scan(count, 0);
    outer.Set("body", Segment(parts, std::move(inner)));
    Values results = Kept(b_.AddMulti("scan", std::move(parts), std::move(outer)));
    for (int i = form_.carried; i < form_.carried + form_.stacked; ++i)
      results[i] = Join({b_, results[i]});
    return results;
  }

 private:
  static Expr Cut(Expr x, int64_t count, int64_t length) {
    Shape shape = x.shape();
    shape[0] = count;
    shape.insert(shape.begin() + 1, length);
    return Reshape(x, std::move(shape));
  }
  static Expr Join(Expr x) {
    Shape shape = x.shape();
    shape[1] *= shape[0];
    shape.erase(shape.begin());
    return Reshape(x, std::move(shape));
  }

  Attributes Scan(int64_t trip_count, int64_t first_step) const {
    Attributes scan = ScanAttributes(op_.attributes);
    scan.Set("trip_count", trip_count);
    scan.Set("first_step", first_step);
    return scan;
  }
  Values Kept(Values results) const {
    results.resize(form_.carried + form_.stacked);
    return results;
  }

  /// The body of the outer scan: a scan over one segment.
  std::shared_ptr<const Graph> Segment(const Values& parts, Attributes inner) const {
    GraphBuilder b;
    Values inputs;
    for (int i = 0; i < static_cast<int>(parts.size()); ++i) {
      TensorType type = b_.type(parts[i]);
      if (i >= form_.carried && i < form_.carried + form_.sliced)
        type.shape.erase(type.shape.begin());
      inputs.push_back(b.Input(fmt::format("x{}", i), std::move(type)));
    }
    const Values results = Kept(b.AddMulti("scan", std::move(inputs), std::move(inner)));
    for (size_t i = 0; i < results.size(); ++i) b.Output(fmt::format("y{}", i), results[i]);
    return std::make_shared<const Graph>(std::move(b).Build());
  }

  GraphBuilder& b_;
  const OpContext& op_;
  const LoopForm& form_;
};

/// A scan over segments, and one over the slices that are left, which come last.
Values ExpandCheckpointedScan(GraphBuilder& b, const OpContext& op,
                              std::span<const Value> operands) {
  const LoopForm form = FormOf(op);
  const int64_t every = std::min(op.attributes.Int("every"), std::max<int64_t>(form.trip_count, 1));
  const int64_t count = form.trip_count / every, rest = form.trip_count % every;
  Segments segments(b, op, form);
  const Values whole(operands.begin(), operands.end());
  Values results = segments.Run(whole, form.reverse ? rest : 0, count, every);
  if (rest == 0) return results;
  Values behind = whole;
  std::copy_n(results.begin(), form.carried, behind.begin());
  const Values last = segments.Run(behind, form.reverse ? 0 : count * every, 1, rest);
  for (int i = 0; i < static_cast<int>(results.size()); ++i) {
    const std::array parts = {Expr(b, results[i]), Expr(b, last[i])};
    const std::array reversed = {parts[1], parts[0]};
    results[i] = i < form.carried ? last[i] : Value(Concat(form.reverse ? reversed : parts, 0));
  }
  return results;
}

}  // namespace

OpDef CheckpointedScanOp() {
  return {.name = "checkpointed_scan",
          .doc =
              "A scan whose steps are computed again for the gradient.\n\nOperands, body and "
              "values are those of scan, without the histories. The gradient keeps what is "
              "carried before every segment of `every` iterations instead of before every "
              "iteration, and computes a segment again before it is differentiated (Chen et al., "
              "Training deep nets with sublinear memory cost, 2016): with `every` near the root "
              "of the number of iterations least is kept. `every` should divide it, else parts "
              "of sliced operands are copied. It expands to a scan over segments.",
          .example =
              "checkpointed_scan(0, [1, 2, 3, 4], carried=1, sliced=1, every=2) "
              "body(total: f32, x: f32) {\n"
              "  next = add(total, x)\n"
              "  return next\n"
              "} = 10",
          .signature = {.operands = {{"operands", DTypeClass::kAny, -1, false, true}},
                        .attributes = {{"body", AttributeKind::kGraph, std::nullopt,
                                        "graph of one iteration"},
                                       {"every", AttributeKind::kInt, std::nullopt,
                                        "number of iterations of a segment"},
                                       {"carried", AttributeKind::kInt, Attribute(int64_t{0}),
                                        "number of carried values"},
                                       {"sliced", AttributeKind::kInt, Attribute(int64_t{0}),
                                        "number of sliced tensors"},
                                       {"stacked", AttributeKind::kInt, Attribute(int64_t{0}),
                                        "number of stacked results"},
                                       {"reverse", AttributeKind::kBool, Attribute(false),
                                        "whether the last slice comes first"},
                                       {"trip_count", AttributeKind::kInt, Attribute(int64_t{-1}),
                                        "number of iterations, where nothing is sliced"}},
                        .results = {"results"}},
          .infer = InferCheckpointedScan,
          .expand = ExpandCheckpointedScan};
}

}  // namespace descent

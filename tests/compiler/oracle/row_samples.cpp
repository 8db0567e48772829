#include "tests/compiler/oracle/row_samples.h"

#include <algorithm>

#include "compiler/graph/transcribe.h"
#include "ir/batch_axis.h"
#include "ir/expansion.h"
#include "tests/compiler/oracle/compiled_case.h"

namespace descent {
namespace {

constexpr int kAttempts = 8;
/// One in so many tries may mix rows without a rule.
constexpr int kMixing = 100;

bool Chance(Random& random, int one_in) { return random() % one_in == 0; }

/// Axes of one extent, that of a random axis of a random operand; the first one more often.
std::optional<std::vector<int>> DrawAxes(const OpSample& sample, Random& random) {
  if (sample.operands.empty()) return std::nullopt;
  const size_t first = random() % sample.operands.size();
  const int rank = sample.operands[first].rank();
  if (rank == 0) return std::nullopt;
  const int axis = Chance(random, 2) ? 0 : static_cast<int>(random() % rank);
  const int64_t extent = sample.operands[first].shape[axis];
  std::vector<int> axes;
  for (size_t i = 0; i < sample.operands.size(); ++i) {
    const Shape& shape = sample.operands[i].shape;
    const auto place = std::ranges::find(shape, extent);
    const bool same = axis < static_cast<int>(shape.size()) && shape[axis] == extent;
    if (i == first || (same && !Chance(random, 4)))
      axes.push_back(axis);
    else
      axes.push_back(place == shape.end() || Chance(random, 2)
                         ? kNoBatchAxis
                         : static_cast<int>(place - shape.begin()));
  }
  return axes;
}

std::vector<TensorType> TypesWith(std::vector<TensorType> types, std::span<const int> axes,
                                  int64_t rows) {
  for (size_t i = 0; i < types.size(); ++i)
    if (axes[i] != kNoBatchAxis) types[i].shape[axes[i]] = rows;
  return types;
}

/// The element that a random operator gives to a row depends on the rows' number unless rows are
/// outermost.
bool DrawsRandomNumbers(const Attributes& attributes) {
  for (const auto& [name, value] : attributes) {
    if (name == "stream") return true;
    const auto* body = std::get_if<std::shared_ptr<const Graph>>(&value);
    if (body == nullptr) continue;
    for (const Node& node : (*body)->nodes())
      if (DrawsRandomNumbers(node.attributes)) return true;
  }
  return false;
}

bool HasMaskRule(const Node& node, std::span<const TensorType> types, std::span<const int> axes,
                 int64_t rows) {
  if (node.op->mask_rows == nullptr) return false;
  GraphBuilder b;
  std::vector<Value> operands;
  for (const TensorType& type : types)
    operands.push_back(b.Input(fmt::format("x{}", operands.size()), type));
  const ValidRows valid_rows{b.Add("valid_rows", {}), rows};
  return !BuildInArithmeticType(
              b, *node.op, OpContext{types, node.attributes}, operands,
              [&](const OpContext& wide, std::span<const Value> values) {
                return node.op->mask_rows(MaskContext{b, wide, values, axes, valid_rows});
              })
              .empty();
}

/// The sample's operator over other operands, its bodies included.
Result<Graph> Over(const OpSample& sample, std::span<const TensorType> types) {
  DESCENT_TRY(single, SampleGraph(sample));
  return TranscribeOver(single, types, KeepNode);
}

const Node& OnlyNode(const Graph& single) { return single.node(single.outputs()[0].value); }

/// Whether valid rows of the results change with the number of rows though not with what stands in
/// others (a weight's output channels as rows, cut into groups). What padded rows do change is left
/// to be found.
bool CountsRows(const RowSample& placed, const Graph& whole, const Graph& valid,
                const Batch& batch) {
  const std::vector<Tensor> values = SampleOperands(placed.sample);
  std::vector<Tensor> fewer, repeated;
  for (size_t i = 0; i < values.size(); ++i) {
    const int axis = placed.operand_axes[i];
    fewer.push_back(axis == kNoBatchAxis
                        ? values[i]
                        : CornerOf(values[i], valid.type(valid.inputs()[i].value).shape));
    repeated.push_back(axis == kNoBatchAxis ? values[i]
                                            : WithFirstRowRepeated(values[i], axis, batch.valid));
  }
  const auto run = [](const Graph& graph, const std::vector<Tensor>& inputs) {
    const auto done = Interpret(graph, inputs, kSampleValues);
    DESCENT_CHECK(done.has_value(), "a valid node can be interpreted");
    return done->outputs;
  };
  const auto truth = run(valid, fewer), one = run(whole, values), other = run(whole, repeated);
  bool same = true, independent = true;
  for (size_t i = 0; i < truth.size(); ++i) {
    const Tensor rows = CornerOf(one[i], truth[i].shape());
    same &= rows == truth[i];
    independent &= rows == CornerOf(other[i], truth[i].shape());
  }
  return independent && !same;
}

std::optional<RowSample> TryAxes(const OpSample& sample, const std::vector<int>& axes,
                                 const Batch& batch, Random& random) {
  const auto types = TypesWith(sample.operands, axes, batch.rows);
  const auto whole = Over(sample, types);
  const auto valid = Over(sample, TypesWith(sample.operands, axes, batch.valid));
  if (!whole || !valid) return std::nullopt;
  const Node& node = OnlyNode(*whole);
  RowSample result{.sample = sample, .operand_axes = axes, .result_axes = {}};
  result.sample.operands = types;
  result.sample.attributes = node.attributes;
  if (!SmallResults(result.sample)) return std::nullopt;
  const bool outermost = std::ranges::max(axes) <= 0;
  if (!outermost && DrawsRandomNumbers(node.attributes)) return std::nullopt;
  const RowFlow flow = FlowOfRows(*node.op, types, node.attributes,
                                  std::vector<BatchAxis>(axes.begin(), axes.end()));
  if (flow.mixes && !HasMaskRule(node, types, axes, batch.rows) && !Chance(random, kMixing))
    return std::nullopt;
  for (const BatchAxis& axis : flow.axes) {
    if (!axis.is_plain()) return std::nullopt;
    result.result_axes.push_back(axis.axis);
  }
  const std::vector<TensorType>& fewer = OnlyNode(*valid).types;
  for (size_t i = 0; i < fewer.size(); ++i)
    if (fewer[i].rank() != node.types[i].rank()) return std::nullopt;
  // Of rows that an operator takes only some, there are as many whatever the batch.
  if (TypesWith(node.types, result.result_axes, batch.rows) != node.types) return std::nullopt;
  if (TypesWith(node.types, result.result_axes, batch.valid) != fewer) return std::nullopt;
  Refit(result.sample);
  if (!flow.mixes && CountsRows(result, *whole, *valid, batch)) return std::nullopt;
  return result;
}

}  // namespace

std::optional<RowSample> WithRows(const OpSample& sample, const Batch& batch, Random& random) {
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    const auto axes = DrawAxes(sample, random);
    if (!axes) continue;
    if (auto found = TryAxes(sample, *axes, batch, random)) return found;
  }
  return std::nullopt;
}

}  // namespace descent

#include "ir/batch_axis.h"

#include <algorithm>
#include <optional>

#include "ir/index_map.h"
#include "ir/op_def.h"
#include "ir/ops/shapes.h"

namespace descent {
namespace {

bool AnyBatched(std::span<const BatchAxis> axes) {
  return std::ranges::any_of(axes, &BatchAxis::holds_rows);
}

/// The first node that mixes rows, or null.
const RowFlow* FirstMix(std::span<const RowFlow> flows) {
  const auto place = std::ranges::find_if(flows, &RowFlow::mixes);
  return place == flows.end() ? nullptr : &*place;
}

const BatchAxis& AxisOf(std::span<const RowFlow> flows, Value value) {
  return flows[value.node].axes[value.result];
}

/// Units stay axes, too.
Shape WithoutUnits(Shape extents) {
  for (int64_t& extent : extents) extent = std::max<int64_t>(extent, 2);
  return extents;
}

/// `row`, the number of one of `rows` rows, as positions of one parallel axis, if it is
/// i / stride % rows or the same as (i % (rows * stride)) / stride.
std::optional<BatchAxis> PositionsOf(Index row, const TensorExpr& expr, int64_t rows) {
  int64_t stride = 1;
  if (row->kind == IndexKind::kMod && row->value == rows) row = row->a;
  if (row->kind == IndexKind::kFloorDiv) {
    stride = row->value;
    row = row->a;
    if (row->kind == IndexKind::kMod && row->value == rows * stride) row = row->a;
  }
  if (row->kind != IndexKind::kAxis || row->value >= expr.rank) return std::nullopt;
  const int64_t extent = expr.axes[row->value];
  if (extent % (rows * stride) != 0) return std::nullopt;
  return BatchAxis(static_cast<int>(row->value), stride, extent / (rows * stride));
}

/// The parallel axis along which a read of `shape` takes row i for row i of the result, or none.
BatchAxis AxisOfRead(const TensorExpr& expr, const Read& read, const BatchAxis& from,
                     const Shape& shape) {
  const Index& position = read.coordinates[from.axis];
  const int64_t rows = from.Rows(shape);
  if (from.is_plain()) {
    const Index row = Simplify(position, WithoutUnits(expr.axes));
    if (row->kind == IndexKind::kAxis && row->value < expr.rank) return BatchAxis(row->value);
    // With a batch of one, broadcasting operators read row 0: the axis is the one aligned with it.
    const int aligned = expr.rank - static_cast<int>(read.coordinates.size()) + from.axis;
    const bool single = rows == 1 && aligned >= 0 && expr.axes[aligned] == 1;
    if (single && row->kind == IndexKind::kConstant) return aligned;
  }
  if (rows <= 1) return kNoBatchAxis;
  const Index row = Simplify(Mod(FloorDiv(position, from.stride), rows), expr.axes);
  return PositionsOf(row, expr, rows).value_or(kNoBatchAxis);
}

/// Rows stay apart if every read of a batched operand takes row i for row i of the result, along
/// the same parallel axis for all.
RowFlow FlowOfExpr(const OpDef& op, const TensorExpr& expr, std::span<const TensorType> operands,
                   std::span<const BatchAxis> operand_axes) {
  RowFlow flow{.axes = std::vector<BatchAxis>(expr.results.size())};
  BatchAxis axis;
  for (const Read& read : expr.reads) {
    const BatchAxis& from = operand_axes[read.operand];
    if (!from.holds_rows()) continue;
    const BatchAxis found = AxisOfRead(expr, read, from, operands[read.operand].shape);
    if (!found.holds_rows() || (axis.holds_rows() && found != axis)) {
      flow.mixes = true;
      flow.where = op.name;
      if (found.holds_rows()) return flow;  // two axes hold rows: no axis does
      continue;
    }
    axis = found;
  }
  std::ranges::fill(flow.axes, axis);
  return flow;
}

RowFlow FlowOfComposite(const OpDef& op, std::span<const TensorType> operands,
                        const Attributes& attributes, std::span<const BatchAxis> operand_axes) {
  GraphBuilder b;
  std::vector<Value> inputs;
  for (size_t i = 0; i < operands.size(); ++i)
    inputs.push_back(b.Input(fmt::format("operand{}", i), operands[i]));
  const std::vector<Value> results = op.expand(b, OpContext{operands, attributes}, inputs);
  for (size_t i = 0; i < results.size(); ++i) b.Output(fmt::format("result{}", i), results[i]);
  const Graph graph = std::move(b).Build();
  const std::vector<RowFlow> inner = FlowOfRows(graph, operand_axes);
  RowFlow flow;
  if (const RowFlow* mix = FirstMix(inner)) {
    flow.mixes = true;
    flow.where = mix->where;
  }
  for (const NamedValue& output : graph.outputs()) flow.axes.push_back(AxisOf(inner, output.value));
  return flow;
}

/// Of an operator whose elements meet along one axis alone: the rows' own axis, if all operands
/// that have one agree on another than that.
std::optional<BatchAxis> AxisApart(const OpDef& op, std::span<const TensorType> operands,
                                   const Attributes& attributes,
                                   std::span<const BatchAxis> operand_axes) {
  if (op.meets_along == nullptr) return std::nullopt;
  BatchAxis common;
  for (size_t i = 0; i < operands.size(); ++i) {
    if (!operand_axes[i].holds_rows()) continue;
    const auto meeting = NormalAxis(attributes.Int(op.meets_along), operands[i].rank());
    if (common.holds_rows() && common != operand_axes[i]) return std::nullopt;
    if (!meeting || *meeting == operand_axes[i].axis) return std::nullopt;
    common = operand_axes[i];
  }
  return common;
}

BatchAxis Moved(const BatchAxis& axis, int by) {
  return {axis.axis + by, axis.stride, axis.blocks};
}

/// The body's inputs have their operands' axes, sliced ones one less; what a carried value gets
/// from the body may turn a value without rows (zeros) into one with rows, so this runs until
/// nothing changes.
RowFlow FlowOfLoop(const OpDef& op, std::span<const TensorType> operands,
                   const Attributes& attributes, std::span<const BatchAxis> operand_axes) {
  const LoopForm form = op.loop(OpContext{operands, attributes});
  const Graph* body = nullptr;
  for (const auto& [name, value] : attributes)
    if (const auto* graph = std::get_if<std::shared_ptr<const Graph>>(&value)) body = graph->get();
  DESCENT_CHECK(body != nullptr, "a loop has a body");
  RowFlow flow;
  std::vector<BatchAxis> axes(operand_axes.begin(), operand_axes.end());
  for (int i = form.carried; i < form.carried + form.sliced; ++i) {
    if (axes[i].axis == 0) flow.mixes = true;  // the loop runs over rows
    axes[i] = axes[i].axis > 0 ? Moved(axes[i], -1) : kNoBatchAxis;
  }
  std::vector<RowFlow> inner;
  for (int round = 0; round <= form.carried + 1; ++round) {
    inner = FlowOfRows(*body, axes);
    for (int i = 0; i < form.carried; ++i) {
      const BatchAxis next = AxisOf(inner, body->outputs()[i].value);
      if (axes[i] == next) continue;
      if (axes[i].holds_rows()) flow.mixes = true;
      axes[i] = next;
    }
  }
  const RowFlow* mix = FirstMix(inner);
  flow.mixes |= mix != nullptr;
  flow.where = mix != nullptr ? mix->where : std::string(op.name);
  const auto shifted = [](const BatchAxis& axis) {
    return axis.holds_rows() ? Moved(axis, 1) : axis;
  };
  for (int i = 0; i < form.carried; ++i) flow.axes.push_back(axes[i]);
  for (int i = 0; i < form.stacked; ++i)
    flow.axes.push_back(shifted(AxisOf(inner, body->outputs()[form.carried + i].value)));
  for (int i = 0; i < form.carried; ++i) flow.axes.push_back(shifted(axes[i]));
  return flow;
}

/// The bodies' inputs have the axes of the operands behind the condition. A result that holds no
/// rows on one side (zeros) holds those of the other.
RowFlow FlowOfBranch(const OpDef& op, const Attributes& attributes,
                     std::span<const BatchAxis> operand_axes) {
  RowFlow flow{.where = std::string(op.name)};
  for (const std::string_view name : {"then_body", "else_body"}) {
    const Graph& body = attributes.Body(name);
    const std::vector<RowFlow> inner = FlowOfRows(body, operand_axes.subspan(1));
    if (const RowFlow* mix = FirstMix(inner)) {
      flow.mixes = true;
      flow.where = mix->where;
    }
    flow.axes.resize(body.outputs().size());
    for (size_t i = 0; i < flow.axes.size(); ++i) {
      const BatchAxis axis = AxisOf(inner, body.outputs()[i].value);
      if (!axis.holds_rows() || axis == flow.axes[i]) continue;
      flow.mixes |= flow.axes[i].holds_rows();
      flow.axes[i] = axis;
    }
  }
  return flow;
}

size_t ResultCount(const OpDef& op, std::span<const TensorType> operands,
                   const Attributes& attributes) {
  auto types = op.infer(OpContext{operands, attributes});
  DESCENT_CHECK(types.has_value(), "types of a checked node");
  return types->size();
}

}  // namespace

RowFlow FlowOfRows(const OpDef& op, std::span<const TensorType> operands,
                   const Attributes& attributes, std::span<const BatchAxis> operand_axes) {
  if (!AnyBatched(operand_axes)) {
    const size_t results = ResultCount(op, operands, attributes);
    return {.axes = std::vector<BatchAxis>(results)};
  }
  if (const auto apart = AxisApart(op, operands, attributes, operand_axes))
    return {.axes = std::vector<BatchAxis>(ResultCount(op, operands, attributes), *apart)};
  if (op.loop != nullptr) return FlowOfLoop(op, operands, attributes, operand_axes);
  if (op.control == Control::kBranch) return FlowOfBranch(op, attributes, operand_axes);
  if (op.define != nullptr)
    return FlowOfExpr(op, op.define(OpContext{operands, attributes}), operands, operand_axes);
  if (op.expand != nullptr) return FlowOfComposite(op, operands, attributes, operand_axes);
  return {.axes = std::vector<BatchAxis>(ResultCount(op, operands, attributes)),
          .mixes = true,
          .where = std::string(op.name)};
}

std::vector<RowFlow> FlowOfRows(const Graph& graph, std::span<const BatchAxis> input_axes) {
  std::vector<RowFlow> flows(graph.nodes().size());
  for (size_t i = 0; i < input_axes.size(); ++i)
    flows[graph.inputs()[i].value.node].axes = {input_axes[i]};
  for (size_t number = 0; number < flows.size(); ++number) {
    if (!flows[number].axes.empty()) continue;
    const Node& node = graph.nodes()[number];
    std::vector<TensorType> types;
    std::vector<BatchAxis> axes;
    for (const Value operand : node.operands) {
      types.push_back(graph.type(operand));
      axes.push_back(AxisOf(flows, operand));
    }
    flows[number] = FlowOfRows(*node.op, types, node.attributes, axes);
  }
  return flows;
}

std::vector<BatchAxis> InputBatchAxes(const Model& model) {
  std::vector<BatchAxis> axes;
  for (const NamedValue& input : model.graph.inputs()) {
    const InputBinding* binding = model.FindInput(input.name);
    axes.emplace_back(binding != nullptr ? binding->batch_axis : kNoBatchAxis);
  }
  return axes;
}

std::vector<int> OutputBatchAxes(const Model& model) {
  const std::vector<RowFlow> flows = FlowOfRows(model.graph, InputBatchAxes(model));
  std::vector<int> axes;
  for (const NamedValue& output : model.graph.outputs()) {
    const BatchAxis& axis = AxisOf(flows, output.value);
    const auto known = model.output_rows.find(output.name);
    if (known != model.output_rows.end())
      axes.push_back(known->second);
    else
      axes.push_back(axis.is_plain() ? axis.axis : kNoBatchAxis);
  }
  return axes;
}

}  // namespace descent

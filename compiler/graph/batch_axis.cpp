#include "compiler/graph/batch_axis.h"

#include <algorithm>
#include <optional>

#include "ir/index_map.h"
#include "ir/op_def.h"

namespace descent {
namespace {

/// Where the rows of one value are.
struct Rows {
  int axis = kNoBatchAxis;
  RowLayout layout;
  bool operator==(const Rows&) const = default;
};

std::vector<Rows> Paired(std::span<const int> axes, std::span<const RowLayout> layouts) {
  std::vector<Rows> rows;
  for (size_t i = 0; i < axes.size(); ++i)
    rows.push_back({axes[i], layouts.empty() ? RowLayout() : layouts[i]});
  return rows;
}

/// A flow of one entry per result.
RowFlow FlowTo(std::span<const Rows> results) {
  RowFlow flow;
  for (const Rows& rows : results) {
    flow.axes.push_back(rows.axis);
    flow.layouts.push_back(rows.layout);
  }
  return flow;
}

RowFlow FlowToNone(size_t results) { return FlowTo(std::vector<Rows>(results)); }

bool AnyBatched(std::span<const int> axes) {
  return std::ranges::any_of(axes, [](int axis) { return axis != kNoBatchAxis; });
}

/// The first node that mixes rows, or null.
const RowFlow* FirstMix(std::span<const RowFlow> flows) {
  const auto place = std::ranges::find_if(flows, &RowFlow::mixes);
  return place == flows.end() ? nullptr : &*place;
}

int AxisOf(std::span<const RowFlow> flows, Value value) {
  return flows[value.node].axes[value.result];
}

RowLayout LayoutOf(std::span<const RowFlow> flows, Value value) {
  return flows[value.node].layouts[value.result];
}

/// Every node of `graph`, given where its inputs have their rows.
std::vector<RowFlow> FlowsOfGraph(const Graph& graph, std::span<const int> input_axes,
                                  std::span<const RowLayout> input_layouts) {
  std::vector<RowFlow> flows(graph.nodes().size());
  const std::vector<Rows> inputs = Paired(input_axes, input_layouts);
  for (size_t i = 0; i < inputs.size(); ++i)
    flows[graph.inputs()[i].value.node] = FlowTo(std::span(inputs).subspan(i, 1));
  for (size_t number = 0; number < flows.size(); ++number) {
    if (!flows[number].axes.empty()) continue;
    const Node& node = graph.nodes()[number];
    std::vector<TensorType> types;
    std::vector<int> axes;
    std::vector<RowLayout> layouts;
    for (const Value operand : node.operands) {
      types.push_back(graph.type(operand));
      axes.push_back(AxisOf(flows, operand));
      layouts.push_back(LayoutOf(flows, operand));
    }
    flows[number] = FlowOfRows(*node.op, types, node.attributes, axes, layouts);
  }
  return flows;
}

/// The parallel axis and its layout of which the index gives the row.
std::optional<Rows> RowsOfIndex(const Index& row, int rank) {
  Rows rows;
  const IndexNode* index = row.get();
  if (index->kind == IndexKind::kMod) {
    rows.layout.period = index->value;
    index = index->a.get();
  }
  if (index->kind == IndexKind::kFloorDiv) {
    rows.layout.block = index->value;
    index = index->a.get();
  }
  if (index->kind != IndexKind::kAxis || index->value >= rank) return std::nullopt;
  rows.axis = static_cast<int>(index->value);
  return rows;
}

/// Where the result has the rows that a read takes from operand rows `from`, if it keeps them.
std::optional<Rows> RowsOfRead(const TensorExpr& expr, const Read& read, Rows from,
                               int64_t slices) {
  Index index = FloorDiv(read.coordinates[from.axis], from.layout.block);
  if (from.layout.period != 0) index = Mod(index, from.layout.period);
  Shape extents = expr.axes;
  for (int64_t& extent : extents) extent = std::max<int64_t>(extent, 2);  // units stay axes, too
  const Index row = Simplify(index, extents);
  if (const auto rows = RowsOfIndex(row, expr.rank)) return rows;
  // With a batch of one, broadcasting operators read row 0: the axis is the one aligned with it.
  const int aligned = expr.rank - static_cast<int>(read.coordinates.size()) + from.axis;
  const bool single = slices == 1 && aligned >= 0 && expr.axes[aligned] == 1;
  if (single && row->kind == IndexKind::kConstant) return Rows{aligned};
  // Reshaping puts units where rows do not care.
  return RowsOfIndex(Simplify(index, expr.axes), expr.rank);
}

/// Rows stay apart if every read of a batched operand takes row i for row i of the result, along
/// the same parallel axis for all.
RowFlow FlowOfExpr(const OpDef& op, const TensorExpr& expr, std::span<const TensorType> operands,
                   std::span<const Rows> operand_rows) {
  std::optional<Rows> rows;
  std::string where;
  for (const Read& read : expr.reads) {
    const Rows from = operand_rows[read.operand];
    if (from.axis == kNoBatchAxis) continue;
    const auto found = RowsOfRead(expr, read, from, operands[read.operand].shape[from.axis]);
    if (!found || (rows && found != rows)) where = op.name;
    if (found && rows && found != rows) {  // two axes hold rows: no axis does
      rows.reset();
      break;
    }
    if (found) rows = found;
  }
  RowFlow flow = FlowTo(std::vector<Rows>(expr.results.size(), rows.value_or(Rows{})));
  flow.mixes = !where.empty();
  flow.where = where;
  return flow;
}

RowFlow FlowOfComposite(const OpDef& op, std::span<const TensorType> operands,
                        const Attributes& attributes, std::span<const int> operand_axes,
                        std::span<const RowLayout> operand_layouts) {
  GraphBuilder b;
  std::vector<Value> inputs;
  for (size_t i = 0; i < operands.size(); ++i)
    inputs.push_back(b.Input(fmt::format("operand{}", i), operands[i]));
  const std::vector<Value> results = op.expand(b, OpContext{operands, attributes}, inputs);
  for (size_t i = 0; i < results.size(); ++i) b.Output(fmt::format("result{}", i), results[i]);
  const Graph graph = std::move(b).Build();
  const std::vector<RowFlow> inner = FlowsOfGraph(graph, operand_axes, operand_layouts);
  RowFlow flow;
  if (const RowFlow* mix = FirstMix(inner)) {
    flow.mixes = true;
    flow.where = mix->where;
  }
  for (const NamedValue& output : graph.outputs()) {
    flow.axes.push_back(AxisOf(inner, output.value));
    flow.layouts.push_back(LayoutOf(inner, output.value));
  }
  return flow;
}

/// The body's inputs have their operands' axes, sliced ones one less; what a carried value gets
/// from the body may turn a value without rows (zeros) into one with rows, so this runs until
/// nothing changes.
RowFlow FlowOfLoop(const OpDef& op, std::span<const TensorType> operands,
                   const Attributes& attributes, std::span<const int> operand_axes) {
  const LoopForm form = op.loop(OpContext{operands, attributes});
  const Graph* body = nullptr;
  for (const auto& [name, value] : attributes)
    if (const auto* graph = std::get_if<std::shared_ptr<const Graph>>(&value)) body = graph->get();
  DESCENT_CHECK(body != nullptr, "a loop has a body");
  RowFlow flow;
  std::vector<int> axes(operand_axes.begin(), operand_axes.end());
  for (int i = form.carried; i < form.carried + form.sliced; ++i) {
    if (axes[i] == 0) flow.mixes = true;  // the loop runs over rows
    axes[i] = axes[i] > 0 ? axes[i] - 1 : kNoBatchAxis;
  }
  std::vector<RowFlow> inner;
  for (int round = 0; round <= form.carried + 1; ++round) {
    inner = FlowOfRows(*body, axes);
    for (int i = 0; i < form.carried; ++i) {
      const int next = AxisOf(inner, body->outputs()[i].value);
      flow.mixes |= !LayoutOf(inner, body->outputs()[i].value).plain();
      if (axes[i] == next) continue;
      if (axes[i] != kNoBatchAxis) flow.mixes = true;
      axes[i] = next;
    }
  }
  const RowFlow* mix = FirstMix(inner);
  flow.mixes |= mix != nullptr;
  flow.where = mix != nullptr ? mix->where : std::string(op.name);
  const auto shifted = [](int axis) { return axis == kNoBatchAxis ? axis : axis + 1; };
  for (int i = 0; i < form.carried; ++i) flow.axes.push_back(axes[i]);
  for (int i = 0; i < form.stacked; ++i) {
    flow.axes.push_back(shifted(AxisOf(inner, body->outputs()[form.carried + i].value)));
    flow.mixes |= !LayoutOf(inner, body->outputs()[form.carried + i].value).plain();
  }
  for (int i = 0; i < form.carried; ++i) flow.axes.push_back(shifted(axes[i]));
  flow.layouts.resize(flow.axes.size());
  return flow;
}

/// The bodies' inputs have the axes of the operands behind the condition. A result that holds no
/// rows on one side (zeros) holds those of the other.
RowFlow FlowOfBranch(const OpDef& op, const Attributes& attributes,
                     std::span<const int> operand_axes) {
  RowFlow flow{.where = std::string(op.name)};
  for (const std::string_view name : {"then_body", "else_body"}) {
    const Graph& body = attributes.Body(name);
    const std::vector<RowFlow> inner = FlowOfRows(body, operand_axes.subspan(1));
    if (const RowFlow* mix = FirstMix(inner)) {
      flow.mixes = true;
      flow.where = mix->where;
    }
    flow.axes.resize(body.outputs().size(), kNoBatchAxis);
    for (size_t i = 0; i < flow.axes.size(); ++i) {
      const int axis = AxisOf(inner, body.outputs()[i].value);
      flow.mixes |= !LayoutOf(inner, body.outputs()[i].value).plain();
      if (axis == kNoBatchAxis || axis == flow.axes[i]) continue;
      flow.mixes |= flow.axes[i] != kNoBatchAxis;
      flow.axes[i] = axis;
    }
  }
  flow.layouts.resize(flow.axes.size());
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
                   const Attributes& attributes, std::span<const int> operand_axes,
                   std::span<const RowLayout> operand_layouts) {
  if (!AnyBatched(operand_axes)) return FlowToNone(ResultCount(op, operands, attributes));
  const bool plain = std::ranges::all_of(operand_layouts, &RowLayout::plain);
  if (op.loop != nullptr && plain) return FlowOfLoop(op, operands, attributes, operand_axes);
  if (op.control == Control::kBranch && plain) return FlowOfBranch(op, attributes, operand_axes);
  if (op.define != nullptr)
    return FlowOfExpr(op, op.define(OpContext{operands, attributes}), operands,
                      Paired(operand_axes, operand_layouts));
  if (op.expand != nullptr)
    return FlowOfComposite(op, operands, attributes, operand_axes, operand_layouts);
  RowFlow flow = FlowToNone(ResultCount(op, operands, attributes));
  flow.mixes = true;
  flow.where = op.name;
  return flow;
}

std::vector<RowFlow> FlowOfRows(const Graph& graph, std::span<const int> input_axes) {
  return FlowsOfGraph(graph, input_axes, {});
}

std::vector<int> InputBatchAxes(const Model& model) {
  std::vector<int> axes;
  for (const NamedValue& input : model.graph.inputs()) {
    const InputBinding* binding = model.FindInput(input.name);
    axes.push_back(binding != nullptr ? binding->batch_axis : kNoBatchAxis);
  }
  return axes;
}

std::vector<int> OutputBatchAxes(const Model& model) {
  const std::vector<RowFlow> flows = FlowOfRows(model.graph, InputBatchAxes(model));
  std::vector<int> axes;
  for (const NamedValue& output : model.graph.outputs())
    axes.push_back(LayoutOf(flows, output.value).plain() ? AxisOf(flows, output.value)
                                                         : kNoBatchAxis);
  return axes;
}

}  // namespace descent

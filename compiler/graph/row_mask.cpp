#include "compiler/graph/row_mask.h"

#include <optional>

#include "compiler/graph/transcribe.h"
#include "ir/batch_axis.h"
#include "ir/expansion.h"

namespace descent {
namespace {

Diagnostic MixesRows(const Graph& graph, int32_t number, const RowFlow& flow,
                     const std::string& entry) {
  const Node& node = graph.nodes()[number];
  const std::string inner =
      flow.where == node.op->name ? "" : fmt::format(" (in its {})", flow.where);
  return {.message = fmt::format(
              "{}: {}{} of {} mixes rows of the batch and has no rule that leaves padded rows out",
              entry, node.op->name, inner, Quoted(graph.NameOf({number, 0}))),
          .location = node.label.location,
          .hint = entry == "train_step"
                      ? "drop keep_partial_batch: training then skips the last, partial batch"
                  : entry == "run"
                      ? "give run a batch of 1, or keep rows apart"
                      : fmt::format("give {} a batch of 1, keep rows apart, or compile training "
                                    "alone: --entry initialize --entry train_step",
                                    entry)};
}

/// The input with every padded row replaced by row 0.
Value RepeatFirstRow(GraphBuilder& b, Value input, int batch_axis, Value valid_rows) {
  const Shape shape = b.shape(input);
  Shape mask_shape(shape.size(), 1);
  mask_shape[batch_axis] = shape[batch_axis];
  const Value row = b.Add(
      "iota", {}, {{"shape", mask_shape}, {"axis", int64_t{batch_axis}}, {"dtype", DType::kI64}});
  Shape stops = shape;
  stops[batch_axis] = 1;
  const Value first = b.Add(
      "slice", {input},
      {{"starts", Shape(shape.size(), 0)}, {"stops", stops}, {"steps", Shape(shape.size(), 1)}});
  return b.Add("where", {b.Add("less", {row, valid_rows}), input, first});
}

}  // namespace

Result<Graph> BindRowMask(const Model& model, const RowMaskOptions& options) {
  const Graph& graph = model.graph;
  const std::vector<BatchAxis> input_axes = InputBatchAxes(model);
  const std::vector<RowFlow> flows = FlowOfRows(graph, input_axes);
  const std::vector<Value> outputs = OutputValues(graph);

  GraphBuilder b;
  ValueMap map = CopyInputs(graph, b);
  const Value valid_rows = b.Add("valid_rows", {});
  for (size_t i = 0; i < input_axes.size(); ++i) {
    const NamedValue& input = graph.inputs()[i];
    if (!input_axes[i].holds_rows()) continue;
    if (Info(graph.type(input.value).dtype).is_float && !options.repeat_floats) continue;
    b.SetOrigin(input.name, Section::kForward);
    map.Set(input.value.node,
            {RepeatFirstRow(b, map.At(input.value), input_axes[i].axis, valid_rows)});
  }
  b.SetOrigin("", Section::kForward);

  const auto rule =
      [&](GraphBuilder& builder, const Node& node,
          std::span<const Value> operands) -> Result<std::optional<std::vector<Value>>> {
    // Nodes of bodies are not in the graph: a loop whose body mixes rows has been refused as a
    // whole.
    if (&node < graph.nodes().data() || &node >= graph.nodes().data() + graph.nodes().size())
      return std::nullopt;
    const auto number = static_cast<int32_t>(&node - graph.nodes().data());
    if (!flows[number].mixes) return std::nullopt;
    std::vector<TensorType> types;
    std::vector<int> axes;
    std::optional<ValidRows> valid;
    bool has_rule = node.op->mask_rows != nullptr;
    for (const Value operand : node.operands) {
      const BatchAxis& axis = flows[operand.node].axes[operand.result];
      types.push_back(graph.type(operand));
      axes.push_back(axis.axis);
      if (!axis.holds_rows()) continue;
      const ValidRows here{valid_rows, axis.Rows(types.back().shape), axis.stride};
      has_rule &= !valid || (valid->rows == here.rows && valid->stride == here.stride);
      valid = here;
    }
    if (!has_rule) return std::unexpected(MixesRows(graph, number, flows[number], model.entry));
    auto masked = BuildInArithmeticType(
        builder, *node.op, OpContext{types, node.attributes}, operands,
        [&](const OpContext& wide, std::span<const Value> values) {
          return node.op->mask_rows(MaskContext{builder, wide, values, axes, *valid});
        });
    if (masked.empty())
      return std::unexpected(MixesRows(graph, number, flows[number], model.entry));
    return masked;
  };
  DESCENT_RETURN_IF_ERROR(Transcribe(graph, outputs, rule, map, b));
  for (const NamedValue& output : graph.outputs()) b.Output(output.name, map.At(output.value));
  return std::move(b).Build();
}

}  // namespace descent

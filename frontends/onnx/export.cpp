#include "frontends/onnx/export.h"

#include <algorithm>
#include <optional>
#include <set>

#include "frontends/onnx/exporters.h"
#include "frontends/onnx/graph_writer.h"
#include "frontends/onnx/symbolic_batch.h"
#include "ir/expansion.h"
#include "ir/expr.h"

namespace descent::onnx {
namespace {

constexpr int64_t kIrVersion = 8;  ///< that of operator set 18

/// Whether the node is written in f32, which is what it means: few of ONNX's operators, and fewer
/// of those who run them, know bf16. Bodies have their types.
bool IsWidened(const ExportedNode& node, const OpDef& op, const OpExporter* row) {
  const auto is_bf16 = [](const TensorType& type) { return type.dtype == DType::kBF16; };
  const auto is_body = [](const AttributeSpec& attribute) {
    return attribute.kind == AttributeKind::kGraph;
  };
  return (row == nullptr || !row->keeps_bf16) &&
         std::ranges::none_of(op.signature.attributes, is_body) &&
         (std::ranges::any_of(node.op.operands, is_bf16) ||
          std::ranges::any_of(node.results, is_bf16));
}

/// The node on operands of another type than that of operand 0.
std::vector<Value> Via(DType dtype, const OpDef& op, GraphBuilder& b, const OpContext& context,
                       std::span<const Value> operands) {
  std::vector<Value> inside(operands.begin(), operands.end());
  for (size_t i = 0; i < inside.size(); ++i)
    if (context.operands[i].dtype == context.dtype(0)) inside[i] = CastTo({b, inside[i]}, dtype);
  const auto types = op.infer(context);
  DESCENT_CHECK(types.has_value(), "the types of a node were inferred before");
  std::vector<Value> results = b.AddMulti(op.name, std::move(inside), context.attributes);
  for (size_t i = 0; i < results.size(); ++i)
    results[i] = CastTo({b, results[i]}, (*types)[i].dtype);
  return results;
}

/// Of each node, which of its results something reads.
std::vector<std::vector<bool>> WantedResults(const Graph& graph) {
  std::vector<std::vector<bool>> wanted;
  for (const descent::Node& node : graph.nodes()) wanted.emplace_back(node.types.size(), false);
  for (const descent::Node& node : graph.nodes())
    for (const Value operand : node.operands) wanted[operand.node][operand.result] = true;
  for (const NamedValue& output : graph.outputs())
    wanted[output.value.node][output.value.result] = true;
  return wanted;
}

class Exporter {
 public:
  const std::set<std::string>& missing() const { return missing_; }

  /// Writes what the outputs need; gives their names. Inputs are called by `inputs`, in order.
  Names Write(GraphWriter& writer, const Graph& graph, const Names& inputs,
              const std::string& loop_step = "") {
    std::vector<Names> names(graph.nodes().size());
    const std::vector<std::vector<bool>> wanted = WantedResults(graph);
    for (size_t i = 0; i < inputs.size(); ++i) names[graph.inputs()[i].value.node] = {inputs[i]};
    for (size_t number = 0; number < graph.nodes().size(); ++number) {
      const descent::Node& node = graph.nodes()[number];
      if (node.op->leaf == Leaf::kInput) continue;
      Names operands;
      std::vector<TensorType> types;
      for (const Value operand : node.operands) {
        operands.push_back(names[operand.node][operand.result]);
        types.push_back(graph.type(operand));
      }
      names[number] = WriteNode({writer,
                                 {types, node.attributes},
                                 node.types,
                                 operands,
                                 {},
                                 wanted[number],
                                 write_graph_,
                                 loop_step},
                                *node.op);
    }
    Names outputs;
    for (const NamedValue& output : graph.outputs())
      outputs.push_back(names[output.value.node][output.value.result]);
    return outputs;
  }

 private:
  Names WriteNode(ExportedNode node, const OpDef& op) {
    if (op.leaf == Leaf::kConstant) return {node.w.Constant(node.op.attributes.Literal("value"))};
    if (op.leaf == Leaf::kLoopStep)
      return {node.loop_step.empty() ? node.w.Scalar(DType::kI64, 0) : node.loop_step};
    if (op.leaf != Leaf::kNone) return Missing(node, op);
    const OpExporter* row = FindExporter(op.name);
    const bool is_narrow =
        row != nullptr && row->via != nullptr && row->via(node.dtype()) != node.dtype();
    if (is_narrow || IsWidened(node, op, row)) return WriteInOtherType(node, op, row);
    if (row != nullptr && row->write != nullptr) {
      node.target = row->target;
      const Names names = row->write(node);
      if (!names.empty()) return names;
    }
    if (row != nullptr && row->expand != nullptr) return Replaced(node, op, row->expand);
    if (op.inference != nullptr) return Replaced(node, op, op.inference);
    if (op.is_composite()) return Replaced(node, op, op.expand);
    return Missing(node, op);
  }

  /// In the type of the row, or else that of a body, which Replaced gives.
  Names WriteInOtherType(const ExportedNode& node, const OpDef& op, const OpExporter* row) {
    return Replaced(
        node, op, [&](GraphBuilder& b, const OpContext& context, std::span<const Value> operands) {
          if (row != nullptr && row->via != nullptr)
            return Via(row->via(context.dtype(0)), op, b, context, operands);
          return b.AddMulti(op.name, {operands.begin(), operands.end()}, context.attributes);
        });
  }

  Names Missing(const ExportedNode& node, const OpDef& op) {
    missing_.insert(std::string(op.name));
    return Names(node.results.size(), "");
  }

  /// The node as other operators.
  template <typename Rule>
  Names Replaced(const ExportedNode& node, const OpDef& op, Rule rule) {
    GraphBuilder b;
    std::vector<Value> inputs;
    for (const TensorType& type : node.op.operands)
      inputs.push_back(b.Input(fmt::format("{}", inputs.size()), type));
    const std::vector<Value> results = BuildInArithmeticType(
        b, op, node.op, inputs, [&](const OpContext& context, std::span<const Value> values) {
          return rule(b, context, values);
        });
    for (size_t i = 0; i < results.size(); ++i) b.Output(fmt::format("o{}", i), results[i]);
    return Write(node.w, std::move(b).Build(), node.operands, node.loop_step);
  }

  std::set<std::string> missing_;
  const WriteGraph write_graph_ = [this](GraphWriter& writer, const Graph& graph,
                                         const Names& inputs, const std::string& loop_step) {
    return Write(writer, graph, inputs, loop_step);
  };
};

/// The graph with the outputs that are exported alone, for so many rows.
Result<Graph> Selected(const Model& model, int64_t rows) {
  GraphBuilder b;
  std::vector<Value> inputs;
  for (const NamedValue& input : model.graph.inputs()) {
    TensorType type = model.graph.type(input.value);
    const InputBinding* binding = model.FindInput(input.name);
    if (binding != nullptr && binding->batch_axis >= 0) type.shape[binding->batch_axis] = rows;
    inputs.push_back(b.Input(input.name, std::move(type)));
  }
  DESCENT_TRY(values, Inline(model.graph, inputs, b));
  const auto is_wanted = [&](const std::string& name) {
    if (model.has_loss())
      return std::ranges::find(model.predictions, name, &Prediction::name) !=
             model.predictions.end();
    return model.FindReplaced(name) == nullptr;
  };
  for (const NamedValue& output : model.graph.outputs())
    if (is_wanted(output.name))
      b.Output(output.name, values[output.value.node][output.value.result]);
  return std::move(b).Build();
}

/// What is exported: a form, its graph as a message.
struct Draft {
  proto::GraphProto graph;
  OnnxForm form;
};

/// (x - shift) * factor in f64, as the runtime has it, for each position of the first axis behind
/// the batch. Numbers that training finds are initializers.
std::string Normalized(const InputBinding& input, GraphWriter& w, Draft& draft) {
  const TensorType& type = input.type;
  const int axis = input.batch_axis == 0 ? 1 : 0;
  Shape shape(std::max(type.rank() - axis, 0), 1);
  if (!shape.empty()) shape[0] = type.shape[axis];
  const auto number = [&](const std::string& part) {
    const std::string name = fmt::format("{}{}/{}", kNormalizationPrefix, input.name, part);
    proto::TensorProto tensor;
    WriteTensorType({DType::kF64, shape}, name, tensor);
    draft.form.initializers.push_back({name, tensor.SerializeAsString()});
    w.Reserve(name);
    return name;
  };
  const auto cast = [&](const std::string& x, DType to) {
    return w.Add("Cast", {x}, {{"to", int64_t{DTypeNumber(to)}}});
  };
  std::string x = cast(input.name, DType::kF64);
  if (input.normalization != Normalization::kScale) x = w.Add("Sub", {x, number("shift")});
  x = w.Add("Mul",
            {x, input.normalization == Normalization::kScale ? w.Scalar(DType::kF64, input.scale)
                                                             : number("factor")});
  return cast(x, type.dtype);
}

/// Inputs that the graph reads; slots of the model become the form's initializers.
Names WriteInputs(const Model& model, const Graph& graph, GraphWriter& writer, Draft& draft) {
  Names names;
  const std::vector<std::vector<bool>> wanted = WantedResults(graph);
  for (const NamedValue& input : graph.inputs()) writer.Reserve(input.name);
  for (const NamedValue& input : graph.inputs()) {
    names.push_back(input.name);
    if (!wanted[input.value.node][0]) continue;
    const TensorType& type = graph.type(input.value);
    if (model.FindSlot(input.name) == nullptr) {
      WriteType(type, input.name, *draft.graph.add_input());
      const InputBinding* binding = model.FindInput(input.name);
      if (binding != nullptr && binding->normalization != Normalization::kNone)
        names.back() = Normalized(*binding, writer, draft);
      continue;
    }
    proto::TensorProto tensor;
    WriteTensorType(type, input.name, tensor);
    draft.form.initializers.push_back({input.name, tensor.SerializeAsString()});
  }
  return names;
}

Result<Draft> DraftOf(const Model& model, int64_t rows) {
  Draft draft;
  draft.graph.set_name(model.name);
  DESCENT_TRY(graph, Selected(model, rows));
  Exporter exporter;
  GraphWriter writer(draft.graph);
  for (const NamedValue& output : graph.outputs()) writer.Reserve(output.name);
  const Names inputs = WriteInputs(model, graph, writer, draft);
  const Names outputs = exporter.Write(writer, graph, inputs);
  if (!exporter.missing().empty())
    draft.form.missing =
        fmt::format("ONNX has no form for {}", fmt::join(exporter.missing(), ", "));
  for (size_t i = 0; i < outputs.size(); ++i) {
    const NamedValue& output = graph.outputs()[i];
    writer.Deliver(outputs[i], output.name);
    WriteType(graph.type(output.value), output.name, *draft.graph.add_output());
  }
  return draft;
}

/// The model for any number of rows; nothing where its operators hold the batch fast.
std::optional<Draft> DraftOfAnyBatch(const Model& model) {
  // Primes that no other extent is likely to be a multiple of.
  constexpr int64_t kRows = 10007, kOtherRows = 10009;
  auto one = DraftOf(model, kRows), other = DraftOf(model, kOtherRows);
  if (!one || !other || !one->form.missing.empty() ||
      !NameBatch({one->graph, kRows}, {other->graph, kOtherRows}))
    return std::nullopt;
  return *std::move(one);
}

}  // namespace

Result<OnnxForm> FormOfModel(const Model& model) {
  std::optional<Draft> draft;
  if (model.batch > 0) draft = DraftOfAnyBatch(model);
  if (!draft) {
    DESCENT_TRY(fixed, DraftOf(model, model.batch));
    draft = std::move(fixed);
  }
  if (!draft->form.missing.empty()) return OnnxForm{.missing = std::move(draft->form.missing)};
  proto::ModelProto file;
  file.set_ir_version(kIrVersion);
  file.set_producer_name("descent");
  file.add_opset_import()->set_version(kExportedOpset);
  draft->form.model = file.SerializeAsString();
  draft->form.graph = draft->graph.SerializeAsString();
  return std::move(draft->form);
}

}  // namespace descent::onnx

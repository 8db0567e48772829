#include "frontends/onnx/export.h"

#include <algorithm>
#include <optional>
#include <set>

#include "frontends/onnx/exporters.h"
#include "frontends/onnx/graph_writer.h"
#include "frontends/onnx/symbolic_batch.h"
#include "ir/expansion.h"

namespace descent::onnx {
namespace {

constexpr int64_t kIrVersion = 8;  ///< that of operator set 18

class Exporter {
 public:
  explicit Exporter(proto::GraphProto& graph) : writer_(graph) {}
  GraphWriter& writer() { return writer_; }
  const std::set<std::string>& missing() const { return missing_; }

  /// Writes what the outputs need; gives their names. Inputs are called by `inputs`, in order.
  Names Write(const Graph& graph, const Names& inputs) {
    std::vector<Names> names(graph.nodes().size());
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
      names[number] = WriteNode(node, types, operands);
    }
    Names outputs;
    for (const NamedValue& output : graph.outputs())
      outputs.push_back(names[output.value.node][output.value.result]);
    return outputs;
  }

 private:
  Names WriteNode(const descent::Node& node, std::span<const TensorType> types,
                  const Names& operands) {
    const OpDef& op = *node.op;
    if (op.leaf == Leaf::kConstant) return {writer_.Constant(node.attributes.Literal("value"))};
    if (op.leaf != Leaf::kNone) return Missing(node);
    const OpContext context{types, node.attributes};
    if (const OpExporter* exporter = FindExporter(op.name)) {
      const Names names =
          exporter->write({writer_, context, node.types, operands, exporter->target});
      if (!names.empty()) return names;
    }
    if (op.inference != nullptr) return Replaced(node, context, operands, op.inference);
    if (op.is_composite()) return Replaced(node, context, operands, nullptr);
    return Missing(node);
  }

  Names Missing(const descent::Node& node) {
    missing_.insert(std::string(node.op->name));
    return Names(node.types.size(), "");
  }

  /// The node as other operators: by its inference rule, or its expansion.
  Names Replaced(const descent::Node& node, const OpContext& context, const Names& operands,
                 decltype(OpDef::inference) inference) {
    GraphBuilder b;
    std::vector<Value> inputs;
    for (size_t i = 0; i < operands.size(); ++i)
      inputs.push_back(b.Input(fmt::format("{}", i), context.operands[i]));
    const std::vector<Value> results =
        inference != nullptr
            ? BuildInArithmeticType(b, *node.op, context, inputs,
                                    [&](const OpContext& op, std::span<const Value> values) {
                                      return inference(b, op, values);
                                    })
            : ExpandOperator(b, *node.op, context, inputs);
    for (size_t i = 0; i < results.size(); ++i) b.Output(fmt::format("o{}", i), results[i]);
    return Write(std::move(b).Build(), operands);
  }

  GraphWriter writer_;
  std::set<std::string> missing_;
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

std::vector<bool> ReadInputs(const Graph& graph) {
  std::vector<bool> read(graph.nodes().size(), false);
  for (const descent::Node& node : graph.nodes())
    for (const Value operand : node.operands) read[operand.node] = true;
  for (const NamedValue& output : graph.outputs()) read[output.value.node] = true;
  return read;
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
  const std::vector<bool> read = ReadInputs(graph);
  for (const NamedValue& input : graph.inputs()) writer.Reserve(input.name);
  for (const NamedValue& input : graph.inputs()) {
    names.push_back(input.name);
    if (!read[input.value.node]) continue;
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
  Exporter exporter(draft.graph);
  for (const NamedValue& output : graph.outputs()) exporter.writer().Reserve(output.name);
  const Names inputs = WriteInputs(model, graph, exporter.writer(), draft);
  const Names outputs = exporter.Write(graph, inputs);
  if (!exporter.missing().empty())
    draft.form.missing =
        fmt::format("ONNX has no form for {}", fmt::join(exporter.missing(), ", "));
  for (size_t i = 0; i < outputs.size(); ++i) {
    const NamedValue& output = graph.outputs()[i];
    exporter.writer().Deliver(outputs[i], output.name);
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

#include "frontends/onnx/export.h"

#include <algorithm>
#include <set>

#include "frontends/onnx/exporters.h"
#include "frontends/onnx/graph_writer.h"
#include "ir/expansion.h"
#include "ir/interpreter.h"

namespace descent::onnx {
namespace {

constexpr int64_t kIrVersion = 8;  ///< that of operator set 18
/// What takes no operand is computed here: eye, iota and the like.
constexpr int64_t kMaxComputedElements = int64_t{1} << 24;

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
    if (operands.empty() && !op.is_composite()) return Computed(node);
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

  Names Computed(const descent::Node& node) {
    if (node.types[0].elements() > kMaxComputedElements || node.op->control != Control::kNone)
      return Missing(node);
    GraphBuilder b;
    const auto results = b.Copy(node, {});
    if (!results) return Missing(node);
    b.Output("y", (*results)[0]);
    const auto run = Interpret(std::move(b).Build(), {});
    return run ? Names{writer_.Constant(run->outputs[0])} : Missing(node);
  }

  GraphWriter writer_;
  std::set<std::string> missing_;
};

/// The graph with the outputs that are exported alone.
Result<Graph> Selected(const Model& model) {
  GraphBuilder b;
  std::vector<Value> inputs;
  for (const NamedValue& input : model.graph.inputs())
    inputs.push_back(b.Input(input.name, model.graph.type(input.value)));
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

Result<Names> WriteInputs(const Model& model, const Graph& graph,
                          const std::map<std::string, Tensor>& values, GraphWriter& writer,
                          proto::GraphProto& to) {
  Names names;
  const std::vector<bool> read = ReadInputs(graph);
  for (const NamedValue& input : graph.inputs()) {
    names.push_back(input.name);
    writer.Reserve(input.name);
    if (!read[input.value.node]) continue;
    if (model.FindSlot(input.name) == nullptr) {
      WriteType(graph.type(input.value), input.name, *to.add_input());
      continue;
    }
    const auto value = values.find(input.name);
    if (value == values.end()) return Error("parameter {} has no value", Quoted(input.name));
    WriteTensor(value->second, input.name, *to.add_initializer());
  }
  return names;
}

}  // namespace

Result<std::string> ExportModel(const Model& model, const std::map<std::string, Tensor>& values) {
  proto::ModelProto file;
  file.set_ir_version(kIrVersion);
  file.set_producer_name("descent");
  auto& opset = *file.add_opset_import();
  opset.set_version(kExportedOpset);
  proto::GraphProto& to = *file.mutable_graph();
  to.set_name(model.name);
  DESCENT_TRY(graph, Selected(model));
  Exporter exporter(to);
  for (const NamedValue& output : graph.outputs()) exporter.writer().Reserve(output.name);
  DESCENT_TRY(inputs, WriteInputs(model, graph, values, exporter.writer(), to));
  const Names outputs = exporter.Write(graph, inputs);
  if (!exporter.missing().empty())
    return ErrorWithStatus(ExitStatus::kUnsupported, "ONNX has no form for {}",
                           fmt::join(exporter.missing(), ", "));
  for (size_t i = 0; i < outputs.size(); ++i) {
    const NamedValue& output = graph.outputs()[i];
    exporter.writer().Deliver(outputs[i], output.name);
    WriteType(graph.type(output.value), output.name, *to.add_output());
  }
  std::string bytes;
  if (!file.SerializeToString(&bytes))
    return Error("model {} is too large for one ONNX file: 2 GiB", Quoted(model.name));
  return bytes;
}

}  // namespace descent::onnx

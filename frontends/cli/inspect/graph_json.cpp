#include "frontends/cli/inspect/graph_json.h"

#include "compiler/graph/flops.h"
#include "ir/float16.h"
#include "ir/op_def.h"

namespace descent::cli {
namespace {

constexpr int64_t kTensorElements = 16;

void WriteNodes(JsonWriter& json, const Graph& graph);

void WriteTensor(JsonWriter& json, const Tensor& tensor) {
  json.BeginObject();
  json.Key("type").String(ToString(tensor.type()));
  if (tensor.elements() <= kTensorElements) {
    json.Key("values").BeginArray();
    for (int64_t i = 0; i < tensor.elements(); ++i) {
      if (Info(tensor.dtype()).is_float)
        json.Number(ShortestDecimal(tensor.dtype(), tensor.GetDouble(i)));
      else if (tensor.dtype() == DType::kU64)
        json.Unsigned(static_cast<uint64_t>(tensor.GetInt(i)));
      else
        json.Integer(tensor.GetInt(i));
    }
    json.EndArray();
  }
  json.EndObject();
}

struct AttributeVisitor {
  JsonWriter& json;

  void operator()(bool value) const { json.Bool(value); }
  void operator()(int64_t value) const { json.Integer(value); }
  void operator()(double value) const { json.Number(value); }
  void operator()(const std::string& value) const { json.String(value); }
  void operator()(const std::vector<int64_t>& values) const { json.Numbers(values); }
  void operator()(const std::vector<double>& values) const {
    json.BeginArray();
    for (const double value : values) json.Number(value);
    json.EndArray();
  }
  void operator()(DType dtype) const { json.String(Info(dtype).name); }
  void operator()(const Tensor& tensor) const { WriteTensor(json, tensor); }
  void operator()(const std::shared_ptr<const Graph>& body) const {
    json.BeginObject();
    WriteNodes(json, *body);
    json.EndObject();
  }
};

void WriteNode(JsonWriter& json, const Graph& graph, int32_t number) {
  const Node& node = graph.nodes()[number];
  json.Key("id").Integer(number);
  json.Key("names").BeginArray();
  for (int32_t result = 0; result < static_cast<int32_t>(node.types.size()); ++result)
    json.String(graph.NameOf({number, result}));
  json.EndArray();
  json.Key("op").String(node.op->name);
  json.Key("operands").BeginArray();
  for (const Value operand : node.operands)
    json.Numbers(std::vector<int64_t>{operand.node, operand.result});
  json.EndArray();
  json.Key("attributes").BeginObject();
  for (const auto& [name, value] : node.attributes) {
    json.Key(name);
    std::visit(AttributeVisitor{json}, value);
  }
  json.EndObject();
  json.Key("types").BeginArray();
  for (const TensorType& type : node.types) json.String(ToString(type));
  json.EndArray();
  json.Key("section").String(ToString(node.label.section));
  json.Key("origin").String(node.label.origin);
  json.Key("flops").Integer(FlopsOf(graph, node));
}

/// A body: its nodes and outputs.
void WriteNodes(JsonWriter& json, const Graph& graph) {
  json.Key("nodes").BeginArray();
  for (int32_t number = 0; number < static_cast<int32_t>(graph.nodes().size()); ++number) {
    json.BeginObject();
    WriteNode(json, graph, number);
    json.EndObject();
  }
  json.EndArray();
  json.Key("outputs").BeginArray();
  for (const NamedValue& output : graph.outputs())
    json.Numbers(std::vector<int64_t>{output.value.node, output.value.result});
  json.EndArray();
}

void WriteInputs(JsonWriter& json, const Model& model) {
  json.Key("inputs").BeginArray();
  for (const InputBinding& input : model.inputs) {
    json.BeginObject();
    json.Key("name").String(input.name);
    json.Key("type").String(ToString(input.type));
    json.Key("batch_axis").Integer(input.batch_axis);
    json.Key("column").String(input.column);
    json.Key("normalization").String(ToString(input.normalization));
    json.EndObject();
  }
  json.EndArray();
}

void WriteSlots(JsonWriter& json, const Model& model) {
  json.Key("slots").BeginArray();
  for (const Slot& slot : model.slots) {
    json.BeginObject();
    json.Key("name").String(slot.name);
    json.Key("type").String(ToString(slot.type));
    json.Key("kind").String(ToString(slot.kind));
    json.Key("trainable").Bool(slot.kind == SlotKind::kParameter && slot.trainable);
    json.Key("initializer").String(slot.initializer.op);
    json.Key("next").String(slot.next);
    json.EndObject();
  }
  json.EndArray();
}

}  // namespace

void WriteJsonHead(JsonWriter& json, std::string_view stage, const Model& model) {
  json.Key("schema").String("descent.inspect");
  json.Key("version").Integer(kJsonVersion);
  json.Key("stage").String(stage);
  json.Key("model").String(model.name);
  json.Key("entry").String(model.entry);
  json.Key("batch").Integer(model.batch);
}

void WriteGraph(JsonWriter& json, const GraphView& view) {
  const Model& model = *view.model;
  WriteInputs(json, model);
  WriteSlots(json, model);
  json.Key("outputs").BeginArray();
  for (const NamedValue& output : model.graph.outputs()) {
    json.BeginObject();
    json.Key("name").String(output.name);
    json.Key("value").Numbers(std::vector<int64_t>{output.value.node, output.value.result});
    json.EndObject();
  }
  json.EndArray();
  json.Key("nodes").BeginArray();
  for (const NodeView& node : view.nodes) {
    json.BeginObject();
    WriteNode(json, model.graph, node.number);
    json.Key("role").String(ToString(node.role));
    json.Key("kept_for_backward").Bool(node.kept);
    json.EndObject();
  }
  json.EndArray();
}

}  // namespace descent::cli

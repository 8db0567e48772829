#include "ir/io/model_proto.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/tokenizer.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <google/protobuf/stubs/logging.h>
#include <google/protobuf/text_format.h>

#include <algorithm>

#include "graph.pb.h"
#include "ir/io/limits.h"
#include "ir/io/text_syntax.h"
#include "ir/op_def.h"
#include "ir/utf8.h"

namespace descent {
namespace {

// Enumerations of the schema follow ours in order; dtypes leave 0 to "unspecified".
proto::DType ToProto(DType dtype) { return static_cast<proto::DType>(static_cast<int>(dtype) + 1); }

template <typename Ours, typename Theirs>
Result<Ours> EnumFrom(Theirs value, int count, std::string_view what) {
  if (value < 0 || value >= count)
    return Error("unknown {} number {}", what, static_cast<int>(value));
  return static_cast<Ours>(value);
}

Result<DType> DTypeFrom(proto::DType dtype) {
  const int number = static_cast<int>(dtype) - 1;
  if (number < 0 || number >= static_cast<int>(AllDTypes().size()))
    return Error("unknown element type number {}", static_cast<int>(dtype));
  return static_cast<DType>(number);
}

// ---- writing ------------------------------------------------------------------------------------

class Writer {
 public:
  explicit Writer(ProtoContent content) : all_(content == ProtoContent::kAll) {}

  void Write(const Model& model, proto::Model& out) const;

 private:
  template <typename From, typename To>
  void Comments(const From& from, To& to) const {
    if (!all_) return;
    to.set_comment(from.comment);
    to.set_trailing(from.trailing);
  }

  static void Write(const TensorType& type, proto::TensorType& out) {
    out.set_dtype(ToProto(type.dtype));
    for (const int64_t extent : type.shape) out.add_shape(extent);
  }
  static void Write(const Tensor& tensor, proto::Tensor& out) {
    Write(tensor.type(), *out.mutable_type());
    out.set_data(tensor.bytes().data(), tensor.bytes().size());
  }
  void Write(const Attribute& attribute, proto::Attribute& out) const;
  template <typename Repeated>
  void Write(const Attributes& attributes, Repeated& out) const {
    for (const auto& [name, value] : attributes) {
      proto::Attribute& entry = *out.Add();
      entry.set_name(name);
      Write(value, entry);
    }
  }
  void Write(const Node& node, const StatementOrder& order, proto::Node& out) const;
  void Write(const Graph& graph, proto::Graph& out) const;
  void Write(const InputBinding& input, proto::InputBinding& out) const;
  void Write(const Slot& slot, proto::Slot& out) const;
  void Write(const Metric& metric, proto::Metric& out) const;
  void Write(const Update& update, proto::Update& out) const;

  bool all_;
};

void Writer::Write(const Attribute& attribute, proto::Attribute& out) const {
  std::visit(
      [&](const auto& value) {
        using T = std::decay_t<decltype(value)>;
        if constexpr (std::is_same_v<T, bool>) {
          out.set_boolean(value);
        } else if constexpr (std::is_same_v<T, int64_t>) {
          out.set_integer(value);
        } else if constexpr (std::is_same_v<T, double>) {
          out.set_number(value);
        } else if constexpr (std::is_same_v<T, std::string>) {
          out.set_text(value);
        } else if constexpr (std::is_same_v<T, std::vector<int64_t>>) {
          out.mutable_integers()->mutable_values()->Add(value.begin(), value.end());
        } else if constexpr (std::is_same_v<T, std::vector<double>>) {
          out.mutable_numbers()->mutable_values()->Add(value.begin(), value.end());
        } else if constexpr (std::is_same_v<T, DType>) {
          out.set_dtype(ToProto(value));
        } else if constexpr (std::is_same_v<T, Tensor>) {
          Write(value, *out.mutable_tensor());
        } else {
          Write(*value, *out.mutable_graph());
        }
      },
      attribute);
}

void Writer::Write(const Node& node, const StatementOrder& order, proto::Node& out) const {
  out.set_op(std::string(node.op->name));
  for (const Value operand : node.operands) {
    proto::Value& value = *out.add_operands();
    value.set_node(order.position[operand.node]);
    value.set_result(operand.result);
  }
  Write(node.attributes, *out.mutable_attributes());
  for (const TensorType& type : node.types) Write(type, *out.add_types());
  if (!all_) return;
  const auto& names = node.label.names;
  if (std::ranges::any_of(names, [](const std::string& name) { return !name.empty(); }))
    for (const std::string& name : names) out.add_names(name);
  out.set_origin(node.label.origin);
  out.set_section(static_cast<proto::Section>(node.label.section));
  Comments(node.label, out);
}

void Writer::Write(const Graph& graph, proto::Graph& out) const {
  const StatementOrder order = all_ ? OrderStatements(graph) : OrderByStructure(graph);
  for (const int32_t number : order.nodes) Write(graph.nodes()[number], order, *out.add_nodes());
  const auto named = [&](const NamedValue& from, proto::NamedValue& to) {
    to.set_name(from.name);
    to.mutable_value()->set_node(order.position[from.value.node]);
    to.mutable_value()->set_result(from.value.result);
  };
  for (const NamedValue& input : graph.inputs()) named(input, *out.add_inputs());
  for (const NamedValue& output : graph.outputs()) named(output, *out.add_outputs());
}

void Writer::Write(const InputBinding& input, proto::InputBinding& out) const {
  out.set_name(input.name);
  Write(input.type, *out.mutable_type());
  if (input.batch_axis >= 0) out.set_batch_axis(input.batch_axis);
  out.set_column(input.column);
  out.set_normalization(static_cast<proto::Normalization>(input.normalization));
  if (input.normalization == Normalization::kScale) out.set_scale(input.scale);
  Comments(input, out);
}

void Writer::Write(const Slot& slot, proto::Slot& out) const {
  out.set_name(slot.name);
  Write(slot.type, *out.mutable_type());
  out.set_kind(static_cast<proto::SlotKind>(slot.kind));
  const Initializer& initializer = slot.initializer;
  if (initializer.data) {
    Write(*initializer.data, *out.mutable_initializer()->mutable_data());
  } else if (!initializer.file.empty()) {
    out.mutable_initializer()->set_file(initializer.file);
  } else if (!initializer.op.empty()) {
    out.mutable_initializer()->set_op(initializer.op);
    Write(initializer.attributes, *out.mutable_initializer()->mutable_attributes());
  }
  out.set_next(slot.next);
  out.set_frozen(!slot.trainable);
  out.set_l1(slot.l1);
  out.set_l2(slot.l2);
  if (slot.weight_decay) out.set_weight_decay(*slot.weight_decay);
  Comments(slot, out);
}

void Writer::Write(const Metric& metric, proto::Metric& out) const {
  out.set_name(metric.name);
  out.set_op(metric.op);
  for (const std::string& operand : metric.operands) out.add_operands(operand);
  Write(metric.attributes, *out.mutable_attributes());
  Comments(metric, out);
}

void Writer::Write(const Update& update, proto::Update& out) const {
  out.set_loss(update.loss);
  out.set_parameters(update.parameters);
  out.set_optimizer(update.optimizer);
  Write(update.hyperparameters, *out.mutable_hyperparameters());
  out.set_schedule(update.schedule);
  Write(update.schedule_parameters, *out.mutable_schedule_parameters());
  if (update.clip_value) out.set_clip_value(*update.clip_value);
  if (update.clip_norm) out.set_clip_norm(*update.clip_norm);
  out.set_every(update.every);
  Comments(update, out);
}

void Writer::Write(const Model& model, proto::Model& out) const {
  out.set_format_version(static_cast<uint32_t>(model.format_version));
  out.set_name(model.name);
  if (all_) {
    out.set_comment(model.comment);
    for (const StatementComment& comment : model.comments) {
      proto::StatementComment& entry = *out.add_comments();
      entry.set_statement(comment.statement);
      Comments(comment, entry);
    }
  }
  out.set_batch(model.batch);
  out.set_evaluate_batch(model.evaluate_batch);
  out.set_predict_batch(model.predict_batch);
  out.set_keep_partial_batch(model.keep_partial_batch);
  for (const InputBinding& input : model.inputs) Write(input, *out.add_inputs());
  for (const Slot& slot : model.slots) Write(slot, *out.add_slots());
  Write(model.graph, *out.mutable_graph());
  for (const Prediction& prediction : model.predictions) {
    proto::Prediction& entry = *out.add_predictions();
    entry.set_name(prediction.name);
    entry.set_kind(static_cast<proto::PredictionKind>(prediction.kind));
    Comments(prediction, entry);
  }
  for (const Metric& metric : model.metrics) Write(metric, *out.add_metrics());
  for (const Update& update : model.updates) Write(update, *out.add_updates());
  out.set_entry(model.entry);
  for (const std::string& gradient : model.gradients) out.add_gradients(gradient);
}

// ---- reading ------------------------------------------------------------------------------------

/// Puts the place of an error before it: "node 3 ('h'): ...".
template <typename T>
Result<T> In(Result<T> result, std::string_view place) {
  if (!result) result.error().message = fmt::format("{}: {}", place, result.error().message);
  return result;
}

class Reader {
 public:
  Result<Model> Read(const proto::Model& in);

 private:
  Result<TensorType> Read(const proto::TensorType& in);
  Result<Tensor> Read(const proto::Tensor& in);
  Result<Attribute> Read(const proto::Attribute& in);
  template <typename Repeated>
  Result<Attributes> ReadAttributes(const Repeated& in);
  Result<Attributes> ReadHyperparameters(
      const google::protobuf::RepeatedPtrField<proto::Attribute>& in);
  Result<Graph> Read(const proto::Graph& in);
  Result<Label> ReadLabel(const proto::Node& in);
  Result<void> Inputs(const proto::Graph& in, GraphBuilder& builder);
  Result<std::vector<Value>> ReadNode(const proto::Node& in, GraphBuilder& builder);
  Result<Value> Find(const proto::Value& in);
  Result<InputBinding> Read(const proto::InputBinding& in);
  Result<Slot> Read(const proto::Slot& in);
  Result<Initializer> Read(const proto::Initializer& in);
  Result<Metric> Read(const proto::Metric& in);
  Result<Update> Read(const proto::Update& in);
  Result<void> Lists(const proto::Model& in, Model& model);

  int depth_ = 0;
  int64_t nodes_ = 0;
  std::vector<std::vector<Value>> values_;  ///< of the graph being read, by the file's node numbers
};

Result<TensorType> Reader::Read(const proto::TensorType& in) {
  TensorType type;
  DESCENT_TRY(dtype, DTypeFrom(in.dtype()));
  type.dtype = dtype;
  if (in.shape_size() > kMaxRank)
    return Error("a tensor of {} axes; at most {} are allowed", in.shape_size(), kMaxRank);
  type.shape.assign(in.shape().begin(), in.shape().end());
  if (!CheckedElements(type.shape))
    return Error(
        "{} is not a valid shape: extents are at least 0 and a tensor has at most {} elements",
        ToString(type.shape), kMaxElements);
  return type;
}

Result<Tensor> Reader::Read(const proto::Tensor& in) {
  DESCENT_TRY(type, Read(in.type()));
  if (in.data().size() != static_cast<size_t>(type.bytes()))
    return Error("a tensor of {} has {} bytes, not {}", ToString(type), type.bytes(),
                 in.data().size());
  const auto* begin = reinterpret_cast<const std::byte*>(in.data().data());
  std::vector<std::byte> data(begin, begin + in.data().size());
  if (type.dtype == DType::kBool &&
      std::ranges::any_of(data, [](std::byte byte) { return byte > std::byte{1}; }))
    return Error("an element of a bool tensor is neither 0 nor 1");
  return Tensor(std::move(type), std::move(data));
}

Result<Attribute> Reader::Read(const proto::Attribute& in) {
  switch (in.value_case()) {
    case proto::Attribute::kBoolean:
      return in.boolean();
    case proto::Attribute::kInteger:
      return in.integer();
    case proto::Attribute::kNumber:
      return in.number();
    case proto::Attribute::kText:
      return in.text();
    case proto::Attribute::kIntegers:
      return std::vector<int64_t>(in.integers().values().begin(), in.integers().values().end());
    case proto::Attribute::kNumbers:
      return std::vector<double>(in.numbers().values().begin(), in.numbers().values().end());
    case proto::Attribute::kDtype: {
      DESCENT_TRY(dtype, DTypeFrom(in.dtype()));
      return dtype;
    }
    case proto::Attribute::kTensor: {
      DESCENT_TRY(tensor, Read(in.tensor()));
      return tensor;
    }
    case proto::Attribute::kGraph: {
      DESCENT_TRY(graph, Read(in.graph()));
      return std::make_shared<const Graph>(std::move(graph));
    }
    case proto::Attribute::VALUE_NOT_SET:
      break;
  }
  return Error("it has no value");
}

template <typename Repeated>
Result<Attributes> Reader::ReadAttributes(const Repeated& in) {
  Attributes attributes;
  for (const proto::Attribute& entry : in) {
    const std::string place = fmt::format("attribute {}", Quoted(entry.name()));
    if (attributes.Find(entry.name()) != nullptr) return Error("{} is given twice", place);
    DESCENT_TRY(value, In(Read(entry), place));
    attributes.Set(entry.name(), std::move(value));
  }
  return attributes;
}

/// Numbers become floats, as ir/model.h promises.
Result<Attributes> Reader::ReadHyperparameters(
    const google::protobuf::RepeatedPtrField<proto::Attribute>& in) {
  DESCENT_TRY(read, ReadAttributes(in));
  Attributes attributes;
  for (const auto& [name, value] : read) {
    if (const auto* integer = std::get_if<int64_t>(&value)) {
      attributes.Set(name, static_cast<double>(*integer));
    } else if (const auto* list = std::get_if<std::vector<int64_t>>(&value)) {
      attributes.Set(name, std::vector<double>(list->begin(), list->end()));
    } else {
      attributes.Set(name, value);
    }
  }
  return attributes;
}

Result<Value> Reader::Find(const proto::Value& in) {
  const bool known = in.node() >= 0 && static_cast<size_t>(in.node()) < values_.size() &&
                     in.result() >= 0 &&
                     static_cast<size_t>(in.result()) < values_[in.node()].size();
  if (!known)
    return Error("there is no earlier value {}.{}; operands stand before their users", in.node(),
                 in.result());
  return values_[in.node()][in.result()];
}

Result<Label> Reader::ReadLabel(const proto::Node& in) {
  Label label = {.names = {in.names().begin(), in.names().end()},
                 .origin = in.origin(),
                 .comment = in.comment(),
                 .trailing = in.trailing()};
  DESCENT_TRY(section, (EnumFrom<Section>(in.section(), 3, "section")));
  label.section = section;
  return label;
}

Result<void> Reader::Inputs(const proto::Graph& in, GraphBuilder& builder) {
  if (in.inputs_size() > in.nodes_size())
    return Error("{} inputs, but {} nodes", in.inputs_size(), in.nodes_size());
  for (int i = 0; i < in.inputs_size(); ++i) {
    const proto::NamedValue& input = in.inputs(i);
    const proto::Node& node = in.nodes(i);
    const OpDef* op = FindOp(node.op());
    if (op == nullptr || op->leaf != Leaf::kInput || input.value().node() != i ||
        input.value().result() != 0 || node.types_size() != 1)
      return Error("input {} must be node {}, of the operator input and with one type",
                   Quoted(input.name()), i);
    DESCENT_TRY(type, In(Read(node.types(0)), fmt::format("input {}", Quoted(input.name()))));
    DESCENT_TRY(label, ReadLabel(node));
    values_.push_back({builder.Input(input.name(), std::move(type), std::move(label))});
  }
  return {};
}

Result<std::vector<Value>> Reader::ReadNode(const proto::Node& in, GraphBuilder& builder) {
  const OpDef* op = FindOp(in.op());
  if (op == nullptr)
    return ErrorWithStatus(ExitStatus::kInvalid, "unknown operator {}", Quoted(in.op()));
  if (op->leaf == Leaf::kInput) return Error("an input must be listed among the inputs");
  std::vector<Value> operands;
  for (const proto::Value& operand : in.operands()) {
    DESCENT_TRY(value, Find(operand));
    operands.push_back(value);
  }
  DESCENT_TRY(attributes, ReadAttributes(in.attributes()));
  DESCENT_TRY(label, ReadLabel(in));
  builder.SetOrigin("", label.section);
  DESCENT_TRY(values, builder.TryAdd(in.op(), std::move(operands), std::move(attributes),
                                     std::move(label)));
  if (in.types_size() > 0 && static_cast<size_t>(in.types_size()) != values.size())
    return Error("{} has {} results, not {}", in.op(), values.size(), in.types_size());
  for (int i = 0; i < in.types_size(); ++i) {
    DESCENT_TRY(type, Read(in.types(i)));
    if (type != builder.type(values[i]))
      return Error("result {} of {} is {}, not {}", i, in.op(), ToString(builder.type(values[i])),
                   ToString(type));
  }
  return values;
}

Result<Graph> Reader::Read(const proto::Graph& in) {
  if (depth_ > kMaxBodyDepth) return Error("bodies are nested more than {} deep", kMaxBodyDepth);
  nodes_ += in.nodes_size();
  if (nodes_ > kMaxNodes) return Error("a model has at most {} nodes", kMaxNodes);
  ++depth_;
  auto outer = std::exchange(values_, {});
  GraphBuilder builder;
  DESCENT_RETURN_IF_ERROR(Inputs(in, builder));
  for (int i = in.inputs_size(); i < in.nodes_size(); ++i) {
    const proto::Node& node = in.nodes(i);
    const std::string name = node.names_size() > 0 ? " " + Quoted(node.names(0)) : "";
    DESCENT_TRY(values, In(ReadNode(node, builder), fmt::format("node {}{}", i, name)));
    values_.push_back(std::move(values));
  }
  for (const proto::NamedValue& output : in.outputs()) {
    DESCENT_TRY(value, In(Find(output.value()), fmt::format("output {}", Quoted(output.name()))));
    builder.Output(output.name(), value);
  }
  values_ = std::move(outer);
  --depth_;
  return std::move(builder).Build();
}

Result<InputBinding> Reader::Read(const proto::InputBinding& in) {
  InputBinding input = {.name = in.name(), .comment = in.comment(), .trailing = in.trailing()};
  DESCENT_TRY(type, Read(in.type()));
  input.type = std::move(type);
  if (in.has_batch_axis()) input.batch_axis = in.batch_axis();
  if (!in.column().empty()) input.column = in.column();
  DESCENT_TRY(normalization, (EnumFrom<Normalization>(in.normalization(), 4, "normalization")));
  input.normalization = normalization;
  if (in.has_scale()) input.scale = in.scale();
  return input;
}

Result<Initializer> Reader::Read(const proto::Initializer& in) {
  Initializer initializer = {.op = in.op(), .file = in.file()};
  DESCENT_TRY(attributes, ReadAttributes(in.attributes()));
  initializer.attributes = std::move(attributes);
  if (in.has_data()) {
    DESCENT_TRY(data, Read(in.data()));
    initializer.data = std::move(data);
  }
  return initializer;
}

Result<Slot> Reader::Read(const proto::Slot& in) {
  Slot slot = {.name = in.name(),
               .next = in.next(),
               .trainable = !in.frozen(),
               .l1 = in.l1(),
               .l2 = in.l2(),
               .comment = in.comment(),
               .trailing = in.trailing()};
  DESCENT_TRY(type, Read(in.type()));
  slot.type = std::move(type);
  DESCENT_TRY(kind, (EnumFrom<SlotKind>(in.kind(), 3, "slot kind")));
  slot.kind = kind;
  DESCENT_TRY(initializer, Read(in.initializer()));
  slot.initializer = std::move(initializer);
  if (in.has_weight_decay()) slot.weight_decay = in.weight_decay();
  return slot;
}

Result<Metric> Reader::Read(const proto::Metric& in) {
  Metric metric = {.name = in.name(),
                   .op = in.op(),
                   .operands = {in.operands().begin(), in.operands().end()},
                   .comment = in.comment(),
                   .trailing = in.trailing()};
  DESCENT_TRY(attributes, ReadAttributes(in.attributes()));
  metric.attributes = std::move(attributes);
  return metric;
}

Result<Update> Reader::Read(const proto::Update& in) {
  Update update = {.loss = in.loss(),
                   .optimizer = in.optimizer(),
                   .comment = in.comment(),
                   .trailing = in.trailing()};
  if (!in.parameters().empty()) update.parameters = in.parameters();
  if (!in.schedule().empty()) update.schedule = in.schedule();
  DESCENT_TRY(hyperparameters, ReadHyperparameters(in.hyperparameters()));
  update.hyperparameters = std::move(hyperparameters);
  DESCENT_TRY(schedule_parameters, ReadHyperparameters(in.schedule_parameters()));
  update.schedule_parameters = std::move(schedule_parameters);
  if (in.has_clip_value()) update.clip_value = in.clip_value();
  if (in.has_clip_norm()) update.clip_norm = in.clip_norm();
  if (in.every() != 0) update.every = in.every();
  return update;
}

Result<void> Reader::Lists(const proto::Model& in, Model& model) {
  for (const proto::InputBinding& entry : in.inputs()) {
    DESCENT_TRY(input, In(Read(entry), fmt::format("input {}", Quoted(entry.name()))));
    model.inputs.push_back(std::move(input));
  }
  for (const proto::Slot& entry : in.slots()) {
    DESCENT_TRY(slot, In(Read(entry), fmt::format("slot {}", Quoted(entry.name()))));
    model.slots.push_back(std::move(slot));
  }
  for (const proto::Prediction& entry : in.predictions()) {
    DESCENT_TRY(kind, (EnumFrom<PredictionKind>(entry.kind(), 3, "prediction kind")));
    model.predictions.push_back({entry.name(), kind, entry.comment(), entry.trailing()});
  }
  for (const proto::Metric& entry : in.metrics()) {
    DESCENT_TRY(metric, In(Read(entry), fmt::format("metric {}", Quoted(entry.name()))));
    model.metrics.push_back(std::move(metric));
  }
  for (const proto::Update& entry : in.updates()) {
    DESCENT_TRY(update, In(Read(entry), fmt::format("update of {}", Quoted(entry.loss()))));
    model.updates.push_back(std::move(update));
  }
  return {};
}

Result<Model> Reader::Read(const proto::Model& in) {
  if (in.format_version() == 0) return Error("this is not a model: it has no format version");
  if (in.format_version() > static_cast<uint32_t>(kFormatVersion))
    return ErrorWithStatus(ExitStatus::kUnsupported,
                           "format version {} is newer than {}, the newest known here",
                           in.format_version(), kFormatVersion);
  Model model = {.name = in.name(),
                 .comment = in.comment(),
                 .batch = in.batch(),
                 .evaluate_batch = in.evaluate_batch(),
                 .predict_batch = in.predict_batch(),
                 .keep_partial_batch = in.keep_partial_batch(),
                 .entry = in.entry(),
                 .gradients = {in.gradients().begin(), in.gradients().end()}};
  for (const proto::StatementComment& comment : in.comments())
    model.comments.push_back({comment.statement(), comment.comment(), comment.trailing()});
  std::ranges::stable_sort(model.comments, {}, &StatementComment::statement);
  DESCENT_RETURN_IF_ERROR(Lists(in, model));
  DESCENT_TRY(graph, Read(in.graph()));
  model.graph = std::move(graph);
  return model;
}

// ---- protobuf's own input and output
// --------------------------------------------------------------

/// The first complaint of protobuf's text parser.
class FirstError : public google::protobuf::io::ErrorCollector {
 public:
  void AddError(int line, google::protobuf::io::ColumnNumber column,
                const std::string& message) override {
    if (found) return;
    found = true;
    diagnostic.message = message;
    while (diagnostic.message.ends_with('.')) diagnostic.message.pop_back();
    diagnostic.location.line = line + 1;
    diagnostic.location.column = column + 1;
  }
  void AddWarning(int, google::protobuf::io::ColumnNumber, const std::string&) override {}

  bool found = false;
  Diagnostic diagnostic;
};

std::unexpected<Diagnostic> InFile(Diagnostic diagnostic, const std::string& file) {
  diagnostic.location.file = file;
  return std::unexpected(std::move(diagnostic));
}

Result<Model> FromMessage(proto::Model& message, const std::string& file) {
  // What a file says and this version does not know is not silently dropped.
  if (message.format_version() <= static_cast<uint32_t>(kFormatVersion)) {
    const size_t bytes = message.ByteSizeLong();
    message.DiscardUnknownFields();
    if (message.ByteSizeLong() != bytes)
      return InFile({.message = "the file has fields that format version 1 does not define"}, file);
  }
  auto model = Reader().Read(message);
  if (!model) return InFile(std::move(model).error(), file);
  return model;
}

Result<void> CheckSize(size_t bytes, const std::string& file) {
  if (bytes <= kMaxModelBytes) return {};
  return InFile(
      {.message = fmt::format("the file has {} bytes; at most {} are read", bytes, kMaxModelBytes)},
      file);
}

}  // namespace

Result<std::string> SerializeBinary(const Model& model, ProtoContent content) {
  const google::protobuf::LogSilencer silence;
  proto::Model message;
  Writer(content).Write(model, message);
  if (message.ByteSizeLong() > kMaxModelBytes)
    return Error("the model has {} bytes; a model file has at most {}", message.ByteSizeLong(),
                 kMaxModelBytes);
  std::string bytes;
  {
    google::protobuf::io::StringOutputStream stream(&bytes);
    google::protobuf::io::CodedOutputStream coded(&stream);
    coded.SetSerializationDeterministic(true);
    message.SerializeWithCachedSizes(&coded);
  }
  return bytes;
}

Result<std::string> SerializeProtoText(const Model& model) {
  const google::protobuf::LogSilencer silence;
  proto::Model message;
  Writer(ProtoContent::kAll).Write(model, message);
  google::protobuf::TextFormat::Printer printer;
  printer.SetUseUtf8StringEscaping(true);
  std::string text;
  if (!printer.PrintToString(message, &text)) return Error("the model could not be printed");
  return "# proto-file: ir/graph.proto\n# proto-message: descent.proto.Model\n\n" + text;
}

Result<Model> ParseBinary(std::string_view bytes, const std::string& file) {
  const google::protobuf::LogSilencer silence;
  DESCENT_RETURN_IF_ERROR(CheckSize(bytes.size(), file));
  proto::Model message;
  if (!message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())))
    return InFile({.message = "this is not a model in protobuf's binary form, or it is damaged"},
                  file);
  return FromMessage(message, file);
}

Result<Model> ParseProtoText(std::string_view text, const std::string& file) {
  const google::protobuf::LogSilencer silence;
  DESCENT_RETURN_IF_ERROR(CheckSize(text.size(), file));
  if (FirstInvalidUtf8(text)) return InFile({.message = "the file is not UTF-8"}, file);
  proto::Model message;
  FirstError errors;
  google::protobuf::TextFormat::Parser parser;
  parser.RecordErrorsTo(&errors);
  // A body lies four messages below the graph around it.
  parser.SetRecursionLimit(4 * kMaxBodyDepth + 16);
  google::protobuf::io::ArrayInputStream stream(text.data(), static_cast<int>(text.size()));
  if (!parser.Parse(&stream, &message)) {
    if (!errors.found) errors.diagnostic.message = "this is not a model in protobuf's text form";
    return InFile(std::move(errors.diagnostic), file);
  }
  return FromMessage(message, file);
}

}  // namespace descent

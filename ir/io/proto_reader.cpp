#include "ir/io/proto_reader.h"

#include <algorithm>
#include <utility>

#include "ir/io/limits.h"
#include "ir/io/text_syntax.h"
#include "ir/op_def.h"

namespace descent {
namespace {

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

/// Puts the place of an error before it: "node 3 ('h'): ...".
template <typename T>
Result<T> In(Result<T> result, std::string_view place) {
  if (!result) result.error().message = fmt::format("{}: {}", place, result.error().message);
  return result;
}

}  // namespace

Result<TensorType> ProtoReader::Read(const proto::TensorType& in) {
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

Result<Tensor> ProtoReader::Read(const proto::Tensor& in) {
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

Result<Attribute> ProtoReader::Read(const proto::Attribute& in) {
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
Result<Attributes> ProtoReader::ReadAttributes(const Repeated& in) {
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
Result<Attributes> ProtoReader::ReadHyperparameters(
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

Result<Value> ProtoReader::Find(const proto::Value& in) {
  const bool known = in.node() >= 0 && static_cast<size_t>(in.node()) < values_.size() &&
                     in.result() >= 0 &&
                     static_cast<size_t>(in.result()) < values_[in.node()].size();
  if (!known)
    return Error("there is no earlier value {}.{}; operands stand before their users", in.node(),
                 in.result());
  return values_[in.node()][in.result()];
}

Result<Label> ProtoReader::ReadLabel(const proto::Node& in) {
  Label label = {.names = {in.names().begin(), in.names().end()},
                 .origin = in.origin(),
                 .comment = in.comment(),
                 .trailing = in.trailing()};
  DESCENT_TRY(section, (EnumFrom<Section>(in.section(), 3, "section")));
  label.section = section;
  return label;
}

Result<void> ProtoReader::Inputs(const proto::Graph& in, GraphBuilder& builder) {
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

Result<std::vector<Value>> ProtoReader::ReadNode(const proto::Node& in, GraphBuilder& builder) {
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

Result<Graph> ProtoReader::Read(const proto::Graph& in) {
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

Result<InputBinding> ProtoReader::Read(const proto::InputBinding& in) {
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

Result<Initializer> ProtoReader::Read(const proto::Initializer& in) {
  Initializer initializer = {.op = in.op(), .file = in.file()};
  DESCENT_TRY(attributes, ReadAttributes(in.attributes()));
  initializer.attributes = std::move(attributes);
  if (in.has_data()) {
    DESCENT_TRY(data, Read(in.data()));
    initializer.data = std::move(data);
  }
  return initializer;
}

Result<Slot> ProtoReader::Read(const proto::Slot& in) {
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

Result<Metric> ProtoReader::Read(const proto::Metric& in) {
  Metric metric = {.name = in.name(),
                   .op = in.op(),
                   .operands = {in.operands().begin(), in.operands().end()},
                   .comment = in.comment(),
                   .trailing = in.trailing()};
  DESCENT_TRY(attributes, ReadAttributes(in.attributes()));
  metric.attributes = std::move(attributes);
  return metric;
}

Result<Update> ProtoReader::Read(const proto::Update& in) {
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

Result<void> ProtoReader::Lists(const proto::Model& in, Model& model) {
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

Result<Model> ProtoReader::Read(const proto::Model& in) {
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
                 .gradients = {in.gradients().begin(), in.gradients().end()},
                 .expanded = in.expanded()};
  for (const proto::StatementComment& comment : in.comments())
    model.comments.push_back({comment.statement(), comment.comment(), comment.trailing()});
  SortByStatement(model.comments);
  DESCENT_RETURN_IF_ERROR(Lists(in, model));
  DESCENT_TRY(graph, Read(in.graph()));
  model.graph = std::move(graph);
  return model;
}

}  // namespace descent

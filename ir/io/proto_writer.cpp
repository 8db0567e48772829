#include "ir/io/proto_writer.h"

#include <algorithm>

#include "ir/op_def.h"

namespace descent {
namespace {

// Enumerations of the schema follow ours in order; dtypes leave 0 to "unspecified".
proto::DType ToProto(DType dtype) { return static_cast<proto::DType>(static_cast<int>(dtype) + 1); }

}  // namespace

void ProtoWriter::Write(const TensorType& type, proto::TensorType& out) {
  out.set_dtype(ToProto(type.dtype));
  for (const int64_t extent : type.shape) out.add_shape(extent);
}

void ProtoWriter::Write(const Tensor& tensor, proto::Tensor& out) {
  Write(tensor.type(), *out.mutable_type());
  out.set_data(tensor.bytes().data(), tensor.bytes().size());
}

void ProtoWriter::Write(const Attribute& attribute, proto::Attribute& out) const {
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

void ProtoWriter::Write(const Node& node, const StatementOrder& order, proto::Node& out) const {
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

void ProtoWriter::Write(const Graph& graph, proto::Graph& out) const {
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

void ProtoWriter::Write(const InputBinding& input, proto::InputBinding& out) const {
  out.set_name(input.name);
  Write(input.type, *out.mutable_type());
  if (input.batch_axis >= 0) out.set_batch_axis(input.batch_axis);
  out.set_column(input.column);
  out.set_normalization(static_cast<proto::Normalization>(input.normalization));
  if (input.normalization == Normalization::kScale) out.set_scale(input.scale);
  Comments(input, out);
}

void ProtoWriter::Write(const Slot& slot, proto::Slot& out) const {
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

void ProtoWriter::Write(const Metric& metric, proto::Metric& out) const {
  out.set_name(metric.name);
  out.set_op(metric.op);
  for (const std::string& operand : metric.operands) out.add_operands(operand);
  Write(metric.attributes, *out.mutable_attributes());
  Comments(metric, out);
}

void ProtoWriter::Write(const Update& update, proto::Update& out) const {
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

void ProtoWriter::Write(const Model& model, proto::Model& out) const {
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
  out.set_expanded(model.expanded);
}

}  // namespace descent

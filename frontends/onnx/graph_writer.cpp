#include "frontends/onnx/graph_writer.h"

#include <algorithm>

namespace descent::onnx {

void WriteTensorType(const TensorType& type, const std::string& name, proto::TensorProto& to) {
  to.set_name(name);
  to.set_data_type(DTypeNumber(type.dtype));
  for (const int64_t extent : type.shape) to.add_dims(extent);
}

void WriteTensor(const Tensor& tensor, const std::string& name, proto::TensorProto& to) {
  WriteTensorType(tensor.type(), name, to);
  const auto bytes = tensor.bytes();
  to.set_raw_data(bytes.data(), bytes.size());
}

void WriteType(const TensorType& type, const std::string& name, proto::ValueInfoProto& to) {
  to.set_name(name);
  auto& tensor = *to.mutable_type()->mutable_tensor_type();
  tensor.set_elem_type(DTypeNumber(type.dtype));
  auto& shape = *tensor.mutable_shape();
  for (const int64_t extent : type.shape) shape.add_dim()->set_dim_value(extent);
}

namespace {

using proto::AttributeProto;

void SetAttribute(int64_t value, AttributeProto& to) {
  to.set_type(AttributeProto::INT);
  to.set_i(value);
}
void SetAttribute(double value, AttributeProto& to) {
  to.set_type(AttributeProto::FLOAT);
  to.set_f(static_cast<float>(value));
}
void SetAttribute(std::string value, AttributeProto& to) {
  to.set_type(AttributeProto::STRING);
  to.set_s(std::move(value));
}
void SetAttribute(const std::vector<int64_t>& values, AttributeProto& to) {
  to.set_type(AttributeProto::INTS);
  for (const int64_t value : values) to.add_ints(value);
}
void SetAttribute(const Names& values, AttributeProto& to) {
  to.set_type(AttributeProto::STRINGS);
  for (const std::string& value : values) to.add_strings(value);
}
void SetAttribute(proto::GraphProto value, AttributeProto& to) {
  to.set_type(AttributeProto::GRAPH);
  *to.mutable_g() = std::move(value);
}

/// In bodies, too, which may read the value.
void Rename(proto::GraphProto& graph, const std::string& from, const std::string& to) {
  for (proto::NodeProto& node : *graph.mutable_node()) {
    std::ranges::replace(*node.mutable_input(), from, to);
    std::ranges::replace(*node.mutable_output(), from, to);
    if (node.name() == from) node.set_name(to);
    for (proto::AttributeProto& attribute : *node.mutable_attribute())
      if (attribute.has_g()) Rename(*attribute.mutable_g(), from, to);
  }
}

}  // namespace

std::string GraphWriter::Fresh(std::string_view op) {
  std::string name;
  do {
    name = fmt::format("{}_{}", op, file_->numbers[std::string(op)]++);
  } while (!file_->used.insert(name).second);
  return name;
}

Names GraphWriter::AddMulti(std::string_view op, Names operands, int results,
                            Attributes attributes) {
  proto::NodeProto& node = *graph_.add_node();
  node.set_op_type(std::string(op));
  for (std::string& operand : operands) node.add_input(std::move(operand));
  Names names;
  for (int i = 0; i < results; ++i) {
    names.push_back(Fresh(op));
    own_.insert(names.back());
    node.add_output(names.back());
  }
  node.set_name(names.front());
  for (auto& [name, value] : attributes) {
    proto::AttributeProto& attribute = *node.add_attribute();
    attribute.set_name(name);
    std::visit([&](auto& each) { SetAttribute(std::move(each), attribute); }, value);
  }
  return names;
}

std::string GraphWriter::Constant(const Tensor& tensor) {
  if (outermost_ != this) return outermost_->Constant(tensor);
  const auto bytes = tensor.bytes();
  const std::string key = ToString(tensor.type()) +
                          std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  auto& name = file_->constants[key];
  if (name.empty()) {
    // Initializers are parameters.
    name = AddMulti("Constant", {}, 1).front();
    own_.erase(name);
    proto::AttributeProto& value = *graph_.mutable_node(graph_.node_size() - 1)->add_attribute();
    value.set_name("value");
    value.set_type(proto::AttributeProto::TENSOR);
    WriteTensor(tensor, "", *value.mutable_t());
  }
  return name;
}

std::string GraphWriter::Ints(const std::vector<int64_t>& values) {
  return Constant(Tensor::FromInts({DType::kI64, {static_cast<int64_t>(values.size())}}, values));
}

std::string GraphWriter::Scalar(DType dtype, double value) {
  return Constant(Tensor::Scalar(dtype, value));
}

void GraphWriter::Deliver(const std::string& value, const std::string& name) {
  if (own_.erase(value) != 0) {
    Rename(graph_, value, name);
    delivered_[value] = name;
    return;
  }
  // An input, an initializer, or delivered already.
  const auto delivered = delivered_.find(value);
  proto::NodeProto& node = *graph_.add_node();
  node.set_op_type("Identity");
  node.add_input(delivered == delivered_.end() ? value : delivered->second);
  node.add_output(name);
}

std::string GraphWriter::Own(const std::string& value) {
  if (own_.erase(value) != 0) return value;
  const std::string copy = Add("Identity", {value});
  own_.erase(copy);
  return copy;
}

}  // namespace descent::onnx

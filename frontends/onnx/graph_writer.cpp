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

std::string GraphWriter::Fresh(std::string_view op) {
  std::string name;
  do {
    name = fmt::format("{}_{}", op, numbers_[std::string(op)]++);
  } while (!used_.insert(name).second);
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
    if (const auto* integer = std::get_if<int64_t>(&value)) {
      attribute.set_type(proto::AttributeProto::INT);
      attribute.set_i(*integer);
    } else if (const auto* number = std::get_if<double>(&value)) {
      attribute.set_type(proto::AttributeProto::FLOAT);
      attribute.set_f(static_cast<float>(*number));
    } else if (auto* text = std::get_if<std::string>(&value)) {
      attribute.set_type(proto::AttributeProto::STRING);
      attribute.set_s(std::move(*text));
    } else {
      attribute.set_type(proto::AttributeProto::INTS);
      for (const int64_t each : std::get<std::vector<int64_t>>(value)) attribute.add_ints(each);
    }
  }
  return names;
}

std::string GraphWriter::Constant(const Tensor& tensor) {
  const auto bytes = tensor.bytes();
  const std::string key = ToString(tensor.type()) +
                          std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  auto& name = constants_[key];
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
  if (own_.erase(value) == 0) {  // an input, an initializer, or delivered already
    proto::NodeProto& node = *graph_.add_node();
    node.set_op_type("Identity");
    node.add_input(value);
    node.add_output(name);
    return;
  }
  for (proto::NodeProto& node : *graph_.mutable_node()) {
    std::ranges::replace(*node.mutable_input(), value, name);
    std::ranges::replace(*node.mutable_output(), value, name);
    if (node.name() == value) node.set_name(name);
  }
}

}  // namespace descent::onnx

#include "frontends/onnx/tied_transpose.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "frontends/onnx/tensor_reader.h"
#include "frontends/onnx/torch_export.h"

namespace descent::onnx {
namespace {

using proto::NodeProto;
using proto::TensorProto;

/// What the TorchScript exporter calls a constant that it has computed.
constexpr std::string_view kComputed = "onnx::";
/// Parameters that begin alike are compared with a copy up to so many.
constexpr size_t kMostCompared = 4;

/// A matrix of f32 by its bytes.
class Matrix {
 public:
  explicit Matrix(const Tensor& tensor)
      : rows_(tensor.shape()[0]), columns_(tensor.shape()[1]), bytes_(tensor.bytes().data()) {}

  uint32_t At(int64_t row, int64_t column) const {
    uint32_t bits = 0;
    std::memcpy(&bits, bytes_ + (row * columns_ + column) * sizeof bits, sizeof bits);
    return bits;
  }
  bool IsTransposeOf(const Matrix& other) const {
    for (int64_t row = 0; row < rows_; ++row)
      for (int64_t column = 0; column < columns_; ++column)
        if (At(row, column) != other.At(column, row)) return false;
    return true;
  }
  bool IsUniform() const {
    for (int64_t row = 0; row < rows_; ++row)
      for (int64_t column = 0; column < columns_; ++column)
        if (At(row, column) != At(0, 0)) return false;
    return true;
  }

 private:
  int64_t rows_, columns_;
  const std::byte* bytes_;
};

class Tying {
 public:
  explicit Tying(ProtoFile& file)
      : file_(file), graph_(*file.model.mutable_graph()), signature_(file.model) {}

  void Run() {
    for (const auto& input : graph_.input()) inputs_.insert(input.name());
    for (const TensorProto& tensor : graph_.initializer())
      if (IsMatrix(tensor) && IsParameter(tensor.name())) Remember(tensor);
    if (parameters_.empty()) return;
    std::vector<int> kept;
    for (int i = 0; i < graph_.initializer_size(); ++i)
      if (!Ties(graph_.initializer(i))) kept.push_back(i);
    if (transposes_.empty()) return;
    for (size_t i = 0; i < kept.size(); ++i)
      graph_.mutable_initializer()->SwapElements(static_cast<int>(i), kept[i]);
    const int gone = graph_.initializer_size() - static_cast<int>(kept.size());
    graph_.mutable_initializer()->DeleteSubrange(static_cast<int>(kept.size()), gone);
    google::protobuf::RepeatedPtrField<NodeProto> nodes;
    for (NodeProto& node : transposes_) *nodes.Add() = std::move(node);
    for (NodeProto& node : *graph_.mutable_node()) *nodes.Add() = std::move(node);
    graph_.mutable_node()->Swap(&nodes);
  }

 private:
  /// Extents, and three elements, as the parameter has them.
  using Key = std::tuple<int64_t, int64_t, uint32_t, uint32_t, uint32_t>;

  static bool IsMatrix(const TensorProto& tensor) {
    return tensor.data_type() == TensorProto::FLOAT && tensor.dims_size() == 2 &&
           tensor.dims(0) > 1 && tensor.dims(1) > 1;
  }
  bool IsParameter(const std::string& name) const {
    return signature_.known() ? signature_.IsParameter(name) : !name.starts_with(kComputed);
  }
  bool IsComputed(const std::string& name) const {
    if (inputs_.contains(name)) return false;
    return signature_.known() ? !signature_.IsParameter(name) && !signature_.IsBuffer(name)
                              : name.starts_with(kComputed);
  }

  void Remember(const TensorProto& tensor) {
    const auto value = ReadTensor(tensor, file_.storage);
    if (!value) return;  // whoever reads it says why
    const Matrix m(*value);
    const int64_t rows = value->shape()[0], columns = value->shape()[1];
    parameters_[Key{rows, columns, m.At(0, 1), m.At(1, 0), m.At(rows - 1, columns - 1)}].push_back(
        {tensor.name(), *value});
  }

  /// Whether the tensor has become a transpose.
  bool Ties(const TensorProto& tensor) {
    if (!IsMatrix(tensor) || !IsComputed(tensor.name())) return false;
    const auto value = ReadTensor(tensor, file_.storage);
    if (!value) return false;
    const Matrix m(*value);
    const int64_t rows = value->shape()[0], columns = value->shape()[1];
    const auto place =
        parameters_.find(Key{columns, rows, m.At(1, 0), m.At(0, 1), m.At(rows - 1, columns - 1)});
    if (place == parameters_.end() || m.IsUniform()) return false;
    for (size_t i = 0; i < std::min(place->second.size(), kMostCompared); ++i) {
      const auto& [name, parameter] = place->second[i];
      if (!m.IsTransposeOf(Matrix(parameter))) continue;
      NodeProto& node = transposes_.emplace_back();
      node.set_op_type("Transpose");
      node.set_name(tensor.name() + ".transpose");
      node.add_input(name);
      node.add_output(tensor.name());
      proto::AttributeProto& order = *node.add_attribute();
      order.set_name("perm");
      order.set_type(proto::AttributeProto::INTS);
      for (const int64_t axis : {1, 0}) order.add_ints(axis);
      return true;
    }
    return false;
  }

  ProtoFile& file_;
  proto::GraphProto& graph_;
  const TorchSignature signature_;
  std::set<std::string, std::less<>> inputs_;
  std::map<Key, std::vector<std::pair<std::string, Tensor>>> parameters_;
  std::vector<NodeProto> transposes_;
};

}  // namespace

void TieTransposedCopies(ProtoFile& file) {
  if (file.model.producer_name() == kTorchProducer) Tying(file).Run();
}

}  // namespace descent::onnx

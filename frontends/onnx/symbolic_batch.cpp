#include "frontends/onnx/symbolic_batch.h"

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "frontends/onnx/tensor_reader.h"
#include "ir/diagnostic.h"

namespace descent::onnx {
namespace {

using Nodes = google::protobuf::RepeatedPtrField<proto::NodeProto>;
using Infos = google::protobuf::RepeatedPtrField<proto::ValueInfoProto>;

constexpr const char* kBatch = "batch";

bool Same(const google::protobuf::MessageLite& a, const google::protobuf::MessageLite& b) {
  return a.SerializeAsString() == b.SerializeAsString();
}

/// How often the rows are in two numbers, or nothing where these are no such multiple.
struct Factor {
  int64_t rows, other_rows;
  std::optional<int64_t> Of(int64_t number, int64_t other) const {
    const int64_t factor = number / rows;
    if (factor < 1 || number != factor * rows || other != factor * other_rows) return std::nullopt;
    return factor;
  }
};

/// An integer of a shape: `number`, or where a factor is set that many times the rows.
struct Extent {
  int64_t number;
  int64_t factor = 0;
};

/// The integers of a constant, some of which depend on the rows; nothing for other constants.
std::optional<std::vector<Extent>> ExtentsOf(const proto::TensorProto& one,
                                             const proto::TensorProto& other,
                                             const Factor& factor) {
  Storage nowhere("");
  const auto a = ReadTensor(one, nowhere), b = ReadTensor(other, nowhere);
  if (!a || !b || a->type() != b->type() || a->dtype() != DType::kI64 || a->shape().size() > 1)
    return std::nullopt;
  std::vector<Extent> extents;
  for (int64_t i = 0; i < a->elements(); ++i) {
    const int64_t number = a->GetInt(i), changed = b->GetInt(i);
    const auto multiple =
        number == changed ? std::optional<int64_t>(0) : factor.Of(number, changed);
    if (!multiple) return std::nullopt;
    extents.push_back({number, *multiple});
  }
  return extents;
}

class BatchNamer {
 public:
  BatchNamer(const WithRows& one, const WithRows& other)
      : graph_(one.graph), other_(other.graph), factor_{one.rows, other.rows} {
    for (const proto::NodeProto& node : graph_.node())
      for (const std::string& name : node.output()) names_.insert(name);
    for (const proto::ValueInfoProto& input : graph_.input()) names_.insert(input.name());
    for (const proto::TensorProto& tensor : graph_.initializer()) names_.insert(tensor.name());
  }

  bool Run() {
    if (!NameAxes(*graph_.mutable_input(), other_.input()) || source_.empty() ||
        !NameAxes(*graph_.mutable_output(), other_.output()))
      return false;
    if (graph_.node_size() != other_.node_size()) return false;
    AddRows();
    for (int i = 0; i < graph_.node_size(); ++i)
      if (!Take(graph_.node(i), other_.node(i))) return false;
    graph_.mutable_node()->Swap(&nodes_);
    return true;
  }

 private:
  bool NameAxes(Infos& ones, const Infos& others) {
    if (ones.size() != others.size()) return false;
    for (int i = 0; i < ones.size(); ++i) {
      if (ones[i].name() != others[i].name()) return false;
      auto& shape = *ones[i].mutable_type()->mutable_tensor_type()->mutable_shape();
      const auto& changed = others[i].type().tensor_type().shape();
      if (shape.dim_size() != changed.dim_size()) return false;
      for (int axis = 0; axis < shape.dim_size(); ++axis) {
        auto& dim = *shape.mutable_dim(axis);
        if (Same(dim, changed.dim(axis))) continue;
        if (!NameAxis(dim, changed.dim(axis).dim_value())) return false;
        if (source_.empty()) source_ = ones[i].name(), source_axis_ = axis;
      }
    }
    return true;
  }

  /// Only an output may have a multiple of the rows, which has no name.
  bool NameAxis(proto::TensorShapeProto::Dimension& dim, int64_t changed) const {
    const auto factor = factor_.Of(dim.dim_value(), changed);
    if (!factor || (*factor != 1 && source_.empty())) return false;
    dim.clear_dim_value();
    if (*factor == 1) dim.set_dim_param(kBatch);
    return true;
  }

  /// A node that only constants tell apart from its twin.
  bool Take(const proto::NodeProto& node, const proto::NodeProto& twin) {
    if (Same(node, twin)) {
      *nodes_.Add() = node;
      return true;
    }
    if (node.op_type() != "Constant" || twin.op_type() != "Constant" ||
        node.output(0) != twin.output(0))
      return false;
    const auto extents = ExtentsOf(node.attribute(0).t(), twin.attribute(0).t(), factor_);
    if (!extents) return false;
    AddShape(*extents, node.attribute(0).t().dims_size() == 0, node.output(0));
    return true;
  }

  proto::NodeProto& Add(const std::string& op, std::vector<std::string> operands,
                        const std::string& result) {
    proto::NodeProto& node = *nodes_.Add();
    node.set_op_type(op);
    node.set_name(result);
    for (std::string& operand : operands) node.add_input(std::move(operand));
    node.add_output(result);
    return node;
  }

  static void Set(proto::NodeProto& node, const std::string& name, int64_t value) {
    proto::AttributeProto& attribute = *node.add_attribute();
    attribute.set_name(name);
    attribute.set_type(proto::AttributeProto::INT);
    attribute.set_i(value);
  }

  std::string Fresh() {
    std::string name;
    do name = fmt::format("{}_{}", kBatch, number_++);
    while (!names_.insert(name).second);
    return name;
  }

  std::string AddInts(const std::vector<int64_t>& values) {
    const std::string name = Fresh();
    proto::NodeProto& node = Add("Constant", {}, name);
    proto::AttributeProto& attribute = *node.add_attribute();
    attribute.set_name("value_ints");
    attribute.set_type(proto::AttributeProto::INTS);
    for (const int64_t value : values) attribute.add_ints(value);
    return name;
  }

  /// The number of rows as an integer tensor [1].
  void AddRows() {
    rows_ = Fresh();
    proto::NodeProto& node = Add("Shape", {source_}, rows_);
    Set(node, "start", source_axis_);
    Set(node, "end", source_axis_ + 1);
  }

  std::string Piece(const Extent& extent) {
    if (extent.factor == 0) return AddInts({extent.number});
    if (extent.factor == 1) return rows_;
    const std::string factor = AddInts({extent.factor}), product = Fresh();
    Add("Mul", {rows_, factor}, product);
    return product;
  }

  void AddShape(const std::vector<Extent>& extents, bool is_scalar, const std::string& result) {
    std::vector<std::string> pieces;
    for (const Extent& extent : extents) pieces.push_back(Piece(extent));
    if (is_scalar) {
      Add("Squeeze", std::move(pieces), result);
    } else {
      Set(Add("Concat", std::move(pieces), result), "axis", 0);
    }
  }

  proto::GraphProto& graph_;
  const proto::GraphProto& other_;
  Factor factor_;
  Nodes nodes_;
  std::set<std::string> names_;
  int number_ = 0;
  std::string source_, rows_;  ///< the input that has the rows, and their number
  int source_axis_ = 0;
};

}  // namespace

bool NameBatch(const WithRows& one, const WithRows& other) {
  proto::GraphProto named = one.graph;
  if (!BatchNamer({named, one.rows}, other).Run()) return false;
  one.graph.Swap(&named);
  return true;
}

}  // namespace descent::onnx

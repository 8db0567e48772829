// The nodes of an ONNX graph while it is written.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "frontends/onnx/element_type.h"
#include "ir/graph.h"
#include "ir/op_def.h"
#include "onnx.pb.h"

namespace descent::onnx {

using Names = std::vector<std::string>;

/// Name, type and extents.
void WriteTensorType(const TensorType& type, const std::string& name, proto::TensorProto& to);
void WriteTensor(const Tensor& tensor, const std::string& name, proto::TensorProto& to);
void WriteType(const TensorType& type, const std::string& name, proto::ValueInfoProto& to);

class GraphWriter {
 public:
  using Attribute = std::variant<int64_t, double, std::string, std::vector<int64_t>>;
  using Attributes = std::vector<std::pair<std::string, Attribute>>;

  explicit GraphWriter(proto::GraphProto& graph) : graph_(graph) {}

  /// A node with `results` results; gives their names.
  Names AddMulti(std::string_view op, Names operands, int results, Attributes attributes = {});
  std::string Add(std::string_view op, Names operands, Attributes attributes = {}) {
    return AddMulti(op, std::move(operands), 1, std::move(attributes)).front();
  }
  std::string Constant(const Tensor& tensor);
  std::string Ints(const std::vector<int64_t>& values);
  std::string Scalar(DType dtype, double value);

  /// Marks a name as one that the file needs as it is.
  void Reserve(const std::string& name) { used_.insert(name); }
  /// Lets the value be called `name`, by renaming what computes it, or by an Identity.
  void Deliver(const std::string& value, const std::string& name);

 private:
  std::string Fresh(std::string_view op);

  proto::GraphProto& graph_;
  std::set<std::string> used_;
  std::map<std::string, int> numbers_;            ///< of names by operator
  std::set<std::string> own_;                     ///< names of nodes' results that may be renamed
  std::map<std::string, std::string> constants_;  ///< name by type and bytes
};

}  // namespace descent::onnx

// The nodes of an ONNX graph while it is written.
#pragma once

#include <map>
#include <memory>
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
  using Attribute =
      std::variant<int64_t, double, std::string, std::vector<int64_t>, Names, proto::GraphProto>;
  using Attributes = std::vector<std::pair<std::string, Attribute>>;

  explicit GraphWriter(proto::GraphProto& graph)
      : graph_(graph), file_(std::make_shared<File>()), outermost_(this) {}
  /// Of a graph in a node of that one. Its constants stand in the outermost graph.
  GraphWriter(proto::GraphProto& body, GraphWriter& outside)
      : graph_(body), file_(outside.file_), outermost_(outside.outermost_) {}

  /// A node with `results` results; gives their names.
  Names AddMulti(std::string_view op, Names operands, int results, Attributes attributes = {});
  std::string Add(std::string_view op, Names operands, Attributes attributes = {}) {
    return AddMulti(op, std::move(operands), 1, std::move(attributes)).front();
  }
  std::string Constant(const Tensor& tensor);
  std::string Ints(const std::vector<int64_t>& values);
  std::string Scalar(DType dtype, double value);

  /// A name that the file has not yet.
  std::string Fresh(std::string_view op);
  /// Marks a name as one that the file needs as it is.
  void Reserve(const std::string& name) { file_->used.insert(name); }
  /// Lets the value be called `name`, by renaming what computes it, or by an Identity.
  void Deliver(const std::string& value, const std::string& name);
  /// The name of a value as an output of this graph, which none is twice.
  std::string Own(const std::string& value);

 private:
  /// What all graphs of a file share: names are unique in it.
  struct File {
    std::set<std::string> used;
    std::map<std::string, int> numbers;            ///< of names by operator
    std::map<std::string, std::string> constants;  ///< name by type and bytes
  };

  proto::GraphProto& graph_;
  std::shared_ptr<File> file_;
  GraphWriter* outermost_;
  std::set<std::string> own_;                     ///< names of nodes' results that may be renamed
  std::map<std::string, std::string> delivered_;  ///< name by the one that it had before
};

}  // namespace descent::onnx

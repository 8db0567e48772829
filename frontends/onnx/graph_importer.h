// Walks the graphs of an ONNX model and rewrites node after node.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "frontends/onnx/import.h"
#include "frontends/onnx/opsets.h"
#include "frontends/onnx/proto_file.h"
#include "frontends/onnx/registry.h"
#include "frontends/onnx/row_flows.h"
#include "frontends/onnx/scope.h"
#include "frontends/onnx/torch_export.h"
#include "frontends/onnx/weights.h"
#include "onnx.pb.h"

namespace descent::onnx {

/// Nodes of Descent's that an import may make, counting those of bodies, functions and unrolled
/// iterations each time: loops in loops multiply. About a second.
inline constexpr int64_t kMaxImported = int64_t{1} << 18;

/// What is said of a node that needs more.
Diagnostic TooManyNodes();

class GraphImporter {
 public:
  GraphImporter(ProtoFile& file, const ImportOptions& options);

  Storage& storage() { return storage_; }
  const TorchSignature& signature() const { return signature_; }

  /// The type that an input declares, with its symbolic extents bound.
  Result<TensorType> TypeOf(const proto::ValueInfoProto& info) const;

  /// All initializers of a graph into its scope.
  void ImportInitializers(const proto::GraphProto& graph, Scope& scope);
  /// All nodes of a graph into its scope. Errors are gathered, not returned.
  void ImportNodes(const proto::GraphProto& graph, Scope& scope);
  /// A body of a control operator: its initializers and nodes, behind inputs that are bound.
  void ImportBody(const proto::GraphProto& graph, Scope& scope);

  /// Whether PyTorch has written the file.
  bool IsOfTorch() const { return model_.producer_name() == kTorchProducer; }
  const ImportOptions& options() const { return options_; }
  /// Whether anything in the model's graph reads the value.
  bool IsRead(std::string_view name) const { return weights_.IsRead(name); }

  /// Whether the rows of the batch are counted as they come: in the graph of a model with a task.
  bool CountsRows(const Scope& scope) const;
  /// The axis of a value along which its rows stand, as what computes it tells, or else, of the one
  /// called `name`, the file. Where rows are counted.
  BatchAxis RowsOf(Value value, std::string_view name, Scope& scope);
  /// A value whose first axis holds the rows. Where rows are counted.
  Value RowsLike(Scope& scope) const { return scope.Find(first_input_); }
  /// A number that keeps one random node apart from the others.
  int64_t NextStream() { return next_stream_++; }

  void Report(Diagnostic diagnostic);
  /// As Report; what reads `name`, which has no value therefore, is not reported again.
  void ReportUndefined(const std::string& name, Diagnostic diagnostic);
  /// Reports where `what`, a value of that type, is declared otherwise.
  void CheckDeclared(std::string_view what, const proto::ValueInfoProto& info,
                     const TensorType& type, std::string hint = "");
  /// Reports why `name` has no value, of which that was not needed until something reads it. False
  /// for other names.
  bool ReportMissing(const std::string& name);
  size_t error_count() const { return errors_.size(); }
  /// Whether more was imported than any model needs; nothing is any more, and nodes that need it
  /// fail.
  bool IsFull() const { return imported_ > kMaxImported; }
  /// Whether `import` reports nothing; what it does report is taken back.
  template <typename Import>
  bool Tries(Import import) {
    const size_t errors = errors_.size();
    const auto failed = failed_;
    import();
    if (errors_.size() == errors) return true;
    errors_.resize(errors);
    failed_ = failed;
    return false;
  }
  /// Everything that was reported as one diagnostic.
  Result<void> Finish() const;

 private:
  void ImportNode(const proto::NodeProto& node, Scope& scope);
  /// Where the import is full: the node's results are reported, or were.
  void SkipNode(const proto::NodeProto& node, int version);
  /// Whether the node itself is well-formed: its attributes, and how many operands it has.
  bool IsWellFormed(const proto::NodeProto& node, const OpImporter& importer, int version);
  void ImportOperator(const proto::NodeProto& node, const OpImporter& importer, int version,
                      Scope& scope);
  void CallFunction(const proto::FunctionProto& function, const proto::NodeProto& node,
                    Scope& scope);
  /// Whether the function has what the node gives it and wants of it.
  bool Fits(const proto::FunctionProto& function, const proto::NodeProto& node);
  const proto::FunctionProto* FindFunction(const proto::NodeProto& node) const;
  bool IsParameter(std::string_view name, const Tensor& tensor) const;
  bool OperandsAreKnown(const proto::NodeProto& node, const Scope& scope);
  /// What is said of a node.
  static Diagnostic About(const proto::NodeProto& node, int version, Diagnostic diagnostic);
  void ReportNode(const proto::NodeProto& node, int version, Diagnostic diagnostic);

  const proto::ModelProto& model_;
  const ImportOptions& options_;
  Storage& storage_;
  TorchSignature signature_;
  Weights weights_;
  std::map<std::string, int, std::less<>> row_axes_;
  std::string first_input_;
  std::optional<RowFlows> row_flows_;
  Opsets opsets_;          ///< of the model
  const Opsets* current_;  ///< of the function that is being called, or the model
  int depth_ = 0;          ///< of bodies and calls
  int64_t imported_ = 0;   ///< nodes made, and bodies
  int64_t next_stream_ = 0;
  std::vector<Diagnostic> errors_;
  /// Results of nodes that failed: what needs them is not reported again.
  std::set<std::string, std::less<>> failed_;
  /// Results of nodes that have no value, and why: an error where something reads them.
  std::map<std::string, Diagnostic> missing_;
};

}  // namespace descent::onnx

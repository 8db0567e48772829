// One ONNX node while it is imported: what the file says of it, and the operators that take its
// place.
//
// Importers read like equations, so errors do not interrupt them: the first one is kept, whatever
// is asked or added after it gives a placeholder, and the importer's caller reports it.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "frontends/onnx/scope.h"
#include "ir/batch_axis.h"
#include "ir/diagnostic.h"
#include "ir/graph.h"
#include "onnx.pb.h"

namespace descent::onnx {

struct OpImporter;
class GraphImporter;

class OnnxNode {
 public:
  /// A node of a function's call has the attributes of that call. One that refers to such an
  /// attribute and is in no function has failed from the beginning.
  OnnxNode(GraphImporter& graph, Scope& scope, const proto::NodeProto& proto,
           const OpImporter& importer, int version);

  /// Of the operator set.
  int version() const { return version_; }
  const OpImporter& importer() const { return importer_; }
  const proto::NodeProto& proto() const { return proto_; }
  GraphImporter& graph() { return graph_; }
  Scope& scope() { return scope_; }
  GraphBuilder& builder() { return scope_.builder(); }

  // --- operands ---
  int operand_count() const { return proto_.input_size(); }
  int result_count() const { return proto_.output_size(); }
  /// Whether result `i` has a name, so that somebody may read it.
  bool Wants(int i) const { return i < proto_.output_size() && !proto_.output(i).empty(); }
  /// Whether operand `i` is given.
  bool Has(int i) const { return i < proto_.input_size() && !proto_.input(i).empty(); }
  /// Operand `i`, which must be given.
  Value In(int i);
  /// Operand `i`, or the scalar `otherwise` of element type `dtype`.
  Value InOr(int i, DType dtype, double otherwise);
  /// All operands; none may be left out.
  std::vector<Value> Operands();
  /// The axis of operand `i` along which its rows stand, where these are counted as they come: in
  /// the graph of a model with a task, not in its bodies and functions.
  BatchAxis RowsOf(int i);
  /// The same of a value.
  BatchAxis RowsOf(Value value, std::string_view name = "");
  /// The place in operand `i`, a shape that StaticInts tells, of the number of rows, if that is in
  /// one place.
  std::optional<int> RowElement(int i);
  bool IsSequence(int i) const { return Has(i) && scope_.IsSequence(proto_.input(i)); }
  Sequence SequenceIn(int i);

  /// Operand `i` as a constant: what decides a shape must be known.
  Tensor Static(int i);
  /// Its elements.
  std::vector<int64_t> StaticInts(int i);
  std::vector<double> StaticNumbers(int i);
  /// Its only element.
  double StaticNumber(int i);
  /// Operand `i` if it is given and a constant, for a better rewriting where it is.
  std::optional<Tensor> Known(int i);
  /// The same where no weight decides it: training would change the rewriting.
  std::optional<Tensor> Settled(int i);

  // --- attributes: those that the importer's table entry lists ---
  const proto::AttributeProto* Attribute(std::string_view name) const;
  bool HasAttribute(std::string_view name) const { return Attribute(name) != nullptr; }
  int64_t Int(std::string_view name, int64_t otherwise);
  bool Flag(std::string_view name, bool otherwise = false) { return Int(name, otherwise) != 0; }
  double Float(std::string_view name, double otherwise);
  std::string Word(std::string_view name, std::string_view otherwise);
  /// One of these words, the first where there is none; of any other, an error and the first.
  std::string Choice(std::string_view name, std::initializer_list<std::string_view> words);
  std::vector<int64_t> Ints(std::string_view name, std::vector<int64_t> otherwise = {});
  std::vector<double> Floats(std::string_view name, std::vector<double> otherwise = {});
  std::vector<std::string> Words(std::string_view name);
  Tensor TensorAttribute(std::string_view name);

  /// Attribute `name`, or where the form of the operator has it there, constant operand `i`; `axes`
  /// of reductions and the like. Empty where neither is given.
  std::vector<int64_t> IntsOf(std::string_view name, int i);

  // --- types ---
  /// f32[] of a placeholder.
  const TensorType& type(Value value);
  Shape shape(Value value) { return type(value).shape; }
  int rank(Value value) { return type(value).rank(); }
  DType dtype(Value value) { return type(value).dtype; }
  bool IsFloat(Value value);
  /// Counted from the front; an error where the axis is not one of `rank`.
  int64_t Axis(int64_t axis, int rank);
  std::vector<int64_t> Axes(std::vector<int64_t> axes, int rank);

  // --- errors ---
  bool failed() const { return error_.has_value(); }
  const Diagnostic& error() const { return *error_; }
  /// Keeps the error, unless there is one; gives a placeholder.
  Value Fail(Diagnostic diagnostic);
  template <typename... Args>
  Value Fail(fmt::format_string<Args...> format, Args&&... args) {
    return Fail(Diagnostic{.message = fmt::format(format, std::forward<Args>(args)...)});
  }
  /// As Fail, for what a model may well say but Descent does not do: exit status 3.
  template <typename... Args>
  Value Unsupported(fmt::format_string<Args...> format, Args&&... args) {
    return Fail(Diagnostic{.message = fmt::format(format, std::forward<Args>(args)...),
                           .status = ExitStatus::kUnsupported});
  }
  /// The value of `result`, or a default and the error kept.
  template <typename T>
  T Take(Result<T> result) {
    if (result) return *std::move(result);
    Fail(std::move(result).error());
    return T();
  }

  // --- building ---
  Value Add(std::string_view op, std::vector<Value> operands, Attributes attributes = {});
  std::vector<Value> AddMulti(std::string_view op, std::vector<Value> operands,
                              Attributes attributes = {});
  Value Constant(Tensor tensor);
  Value Scalar(DType dtype, double number);
  /// A scalar of the element type of `value`.
  Value Like(Value value, double number) { return Scalar(dtype(value), number); }
  Value Plus(Value a, Value b) { return Add("add", {a, b}); }
  Value Minus(Value a, Value b) { return Add("sub", {a, b}); }
  Value Times(Value a, Value b) { return Add("mul", {a, b}); }
  Value Over(Value a, Value b) { return Add("div", {a, b}); }
  // These give `x` itself where nothing changes.
  Value Cast(Value x, DType dtype);
  Value Slice(Value x, int64_t axis, int64_t start, int64_t stop);
  Value Reshape(Value x, Shape shape);
  Value Transpose(Value x, std::vector<int64_t> permutation);
  /// The other axes keep their order.
  Value MoveAxis(Value x, int64_t from, int64_t to);
  /// With as many rows along axis `rows` as come; without it along the axis where those of `x` are.
  Value Expand(Value x, Shape shape, std::optional<int> rows = std::nullopt);
  /// `x`, which must broadcast to the shape of `to` without making it larger.
  Value Narrower(Value x, Value to);
  Value Unsqueeze(Value x, std::vector<int64_t> axes);
  /// A vector laid along `axis` of `rank` axes: [n] -> [1, n, 1, 1].
  Value AlongAxis(Value vector, int64_t axis, int rank);

 private:
  const proto::AttributeProto* Typed(std::string_view name, proto::AttributeProto::Type type);

  GraphImporter& graph_;
  Scope& scope_;
  const proto::NodeProto& proto_;
  const OpImporter& importer_;
  int version_;
  std::optional<Diagnostic> error_;
};

}  // namespace descent::onnx

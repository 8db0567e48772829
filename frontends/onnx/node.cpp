#include "frontends/onnx/node.h"

#include <algorithm>
#include <numeric>
#include <set>
#include <utility>

#include "frontends/onnx/graph_importer.h"
#include "frontends/onnx/tensor_reader.h"
#include "ir/ops/shapes.h"

namespace descent::onnx {

using proto::AttributeProto;

namespace {

/// A first axis that stays is -1: it may be the batch, whose number nothing should hold fast.
Shape WithoutRows(const Shape& from, Shape to) {
  if (from.empty() || to.empty() || to[0] != from[0] || to[0] <= 0) return to;
  const int64_t row = Elements(from) / from[0];
  int64_t known = 1, open = 0;
  for (size_t i = 1; i < to.size(); ++i) {
    if (to[i] == -1 && open == 0) {
      open = static_cast<int64_t>(i);
    } else if (to[i] <= 0 || to[i] > row) {
      return to;
    } else {
      known *= to[i];
      if (known > row) return to;
    }
  }
  if (open > 0 ? row % known != 0 : row != known) return to;
  if (open > 0) to[open] = row / known;
  to[0] = -1;
  return to;
}

}  // namespace

OnnxNode::OnnxNode(GraphImporter& graph, Scope& scope, const proto::NodeProto& proto,
                   const OpImporter& importer, int version)
    : graph_(graph), scope_(scope), proto_(proto), importer_(importer), version_(version) {
  for (const AttributeProto& attribute : proto_.attribute())
    if (!attribute.ref_attr_name().empty())
      Fail("attribute {} refers to attribute {} of a function, but is in none",
           Quoted(attribute.name()), Quoted(attribute.ref_attr_name()));
}

// --- operands

Value OnnxNode::In(int i) {
  if (failed()) return {};
  if (!Has(i)) return Fail("operand {} is missing", i);
  if (IsSequence(i)) return Fail("operand {} is a sequence, not a tensor", i);
  return scope_.Find(proto_.input(i));
}

BatchAxis OnnxNode::RowsOf(int i) {
  const Value operand = In(i);
  return RowsOf(operand, failed() ? "" : proto_.input(i));
}

BatchAxis OnnxNode::RowsOf(Value value, std::string_view name) {
  if (failed() || !graph_.CountsRows(scope_)) return {};
  return graph_.RowsOf(value, name, scope_);
}

std::optional<int> OnnxNode::RowElement(int i) {
  if (failed() || !graph_.CountsRows(scope_)) return std::nullopt;
  const std::vector<int> places = scope_.RowElements(proto_.input(i));
  return places.size() == 1 ? std::optional(places[0]) : std::nullopt;
}

Value OnnxNode::InOr(int i, DType dtype, double otherwise) {
  return Has(i) ? In(i) : Scalar(dtype, otherwise);
}

std::vector<Value> OnnxNode::Operands() {
  std::vector<Value> values;
  for (int i = 0; i < operand_count(); ++i) values.push_back(In(i));
  return values;
}

Sequence OnnxNode::SequenceIn(int i) {
  if (failed()) return {};
  if (!IsSequence(i)) {
    Fail("operand {} is not a sequence", i);
    return {};
  }
  return scope_.FindSequence(proto_.input(i));
}

Tensor OnnxNode::Static(int i) {
  if (failed()) return {};
  if (!Has(i) || IsSequence(i)) {
    Fail("operand {} is missing or not a tensor", i);
    return {};
  }
  auto tensor = scope_.Static(proto_.input(i));
  if (tensor) return *std::move(tensor);
  Unsupported("operand {} must be known when the model is imported, but {}", i,
              tensor.error().message);
  return {};
}

std::vector<int64_t> OnnxNode::StaticInts(int i) {
  const Tensor tensor = Static(i);
  if (failed()) return {};
  std::vector<int64_t> values(tensor.elements());
  for (size_t k = 0; k < values.size(); ++k) values[k] = tensor.GetInt(k);
  return values;
}

std::vector<double> OnnxNode::StaticNumbers(int i) {
  const Tensor tensor = Static(i);
  if (failed()) return {};
  std::vector<double> values(tensor.elements());
  for (size_t k = 0; k < values.size(); ++k) values[k] = tensor.GetDouble(k);
  return values;
}

double OnnxNode::StaticNumber(int i) {
  const Tensor tensor = Static(i);
  if (failed()) return 0;
  if (tensor.elements() == 1) return tensor.GetDouble(0);
  Fail("operand {} has {} elements, not 1", i, tensor.elements());
  return 0;
}

std::optional<Tensor> OnnxNode::Known(int i) {
  if (failed() || !Has(i) || IsSequence(i)) return std::nullopt;
  auto tensor = scope_.Static(proto_.input(i));
  return tensor ? std::optional(*std::move(tensor)) : std::nullopt;
}

std::optional<Tensor> OnnxNode::Settled(int i) {
  if (failed() || !Has(i) || IsSequence(i)) return std::nullopt;
  return scope_.Settled(proto_.input(i));
}

// --- attributes

const AttributeProto* OnnxNode::Attribute(std::string_view name) const {
  const auto place = std::ranges::find(proto_.attribute(), name, &AttributeProto::name);
  return place == proto_.attribute().end() ? nullptr : &*place;
}

const AttributeProto* OnnxNode::Typed(std::string_view name, AttributeProto::Type type) {
  const AttributeProto* attribute = Attribute(name);
  // Files of before 2017 do not say the type.
  if (attribute == nullptr || attribute->type() == type ||
      attribute->type() == AttributeProto::UNDEFINED)
    return attribute;
  Fail("attribute {} is {}, not {}", name, AttributeProto::Type_Name(attribute->type()),
       AttributeProto::Type_Name(type));
  return nullptr;
}

int64_t OnnxNode::Int(std::string_view name, int64_t otherwise) {
  const AttributeProto* attribute = Typed(name, AttributeProto::INT);
  return attribute == nullptr ? otherwise : attribute->i();
}

double OnnxNode::Float(std::string_view name, double otherwise) {
  const AttributeProto* attribute = Typed(name, AttributeProto::FLOAT);
  return attribute == nullptr ? otherwise : attribute->f();
}

std::string OnnxNode::Word(std::string_view name, std::string_view otherwise) {
  const AttributeProto* attribute = Typed(name, AttributeProto::STRING);
  return attribute == nullptr ? std::string(otherwise) : attribute->s();
}

std::string OnnxNode::Choice(std::string_view name, std::initializer_list<std::string_view> words) {
  std::string word = Word(name, *words.begin());
  if (std::ranges::find(words, word) == words.end())
    return Fail("{} must be one of {}, not {}", name, fmt::join(words, ", "), Quoted(word)),
           std::string(*words.begin());
  return word;
}

std::vector<int64_t> OnnxNode::Ints(std::string_view name, std::vector<int64_t> otherwise) {
  const AttributeProto* attribute = Typed(name, AttributeProto::INTS);
  if (attribute == nullptr) return otherwise;
  return {attribute->ints().begin(), attribute->ints().end()};
}

std::vector<double> OnnxNode::Floats(std::string_view name, std::vector<double> otherwise) {
  const AttributeProto* attribute = Typed(name, AttributeProto::FLOATS);
  if (attribute == nullptr) return otherwise;
  return {attribute->floats().begin(), attribute->floats().end()};
}

std::vector<std::string> OnnxNode::Words(std::string_view name) {
  const AttributeProto* attribute = Typed(name, AttributeProto::STRINGS);
  if (attribute == nullptr) return {};
  return {attribute->strings().begin(), attribute->strings().end()};
}

Tensor OnnxNode::TensorAttribute(std::string_view name) {
  const AttributeProto* attribute = Typed(name, AttributeProto::TENSOR);
  if (attribute == nullptr) {
    Fail("attribute {} is missing", name);
    return {};
  }
  return Take(ReadTensor(attribute->t(), graph_.storage()));
}

std::vector<int64_t> OnnxNode::IntsOf(std::string_view name, int i) {
  if (HasAttribute(name)) return Ints(name);
  return Has(i) ? StaticInts(i) : std::vector<int64_t>{};
}

// --- types

const TensorType& OnnxNode::type(Value value) {
  static const TensorType kPlaceholder{DType::kF32, {}};
  return value.valid() ? builder().type(value) : kPlaceholder;
}

bool OnnxNode::IsFloat(Value value) { return Info(dtype(value)).is_float; }

int64_t OnnxNode::Axis(int64_t axis, int rank) {
  if (axis >= -rank && axis < rank) return axis < 0 ? axis + rank : axis;
  Fail("axis {} is not one of {} axes", axis, rank);
  return 0;
}

std::vector<int64_t> OnnxNode::Axes(std::vector<int64_t> axes, int rank) {
  std::set<int64_t> seen;
  for (int64_t& axis : axes) {
    axis = Axis(axis, rank);
    if (!failed() && !seen.insert(axis).second) Fail("axis {} is given twice", axis);
  }
  return axes;
}

// --- errors

Value OnnxNode::Fail(Diagnostic diagnostic) {
  if (!error_) error_ = std::move(diagnostic);
  return {};
}

// --- building

std::vector<Value> OnnxNode::AddMulti(std::string_view op, std::vector<Value> operands,
                                      Attributes attributes) {
  if (failed()) return {};
  if (!std::ranges::all_of(operands, &Value::valid)) {
    Fail("a sequence stands where {} needs a tensor", op);
    return {};
  }
  auto results = builder().TryAdd(op, std::move(operands), std::move(attributes));
  if (results) return *std::move(results);
  Fail(std::move(results).error());
  return {};
}

Value OnnxNode::Add(std::string_view op, std::vector<Value> operands, Attributes attributes) {
  const std::vector<Value> results = AddMulti(op, std::move(operands), std::move(attributes));
  return results.empty() ? Value{} : results.front();
}

Value OnnxNode::Constant(Tensor tensor) {
  return failed() ? Value{} : builder().Constant(std::move(tensor));
}

Value OnnxNode::Scalar(DType dtype, double number) {
  return Constant(Tensor::Scalar(dtype, number));
}

Value OnnxNode::Cast(Value x, DType to) {
  return dtype(x) == to ? x : Add("cast", {x}, {{"to", to}});
}

Value OnnxNode::Slice(Value x, int64_t axis, int64_t start, int64_t stop) {
  Shape starts(rank(x), 0), stops = shape(x);
  if (axis < 0 || axis >= rank(x)) return Fail("axis {} is not one of {}", axis, rank(x));
  if (start == 0 && stop == stops[axis]) return x;
  starts[axis] = start;
  stops[axis] = stop;
  return Add("slice", {x}, {{"starts", std::move(starts)}, {"stops", std::move(stops)}});
}

Value OnnxNode::Reshape(Value x, Shape to) {
  const Shape& from = shape(x);
  if (from.size() > 2 && to.size() == 2 && to[0] == from[0] && to[0] > 0 &&
      (to[1] == -1 || to[1] == Elements(from) / from[0]))
    return Add("flatten", {x}, {{"start_axis", int64_t{1}}});
  if (from == to) return x;
  return Add("reshape", {x}, {{"shape", WithoutRows(from, std::move(to))}});
}

Value OnnxNode::Transpose(Value x, std::vector<int64_t> permutation) {
  return std::ranges::is_sorted(permutation)
             ? x
             : Add("transpose", {x}, {{"permutation", std::move(permutation)}});
}

Value OnnxNode::MoveAxis(Value x, int64_t from, int64_t to) {
  from = Axis(from, rank(x)), to = Axis(to, rank(x));
  if (failed()) return {};
  std::vector<int64_t> order(rank(x));
  std::iota(order.begin(), order.end(), 0);
  order.erase(order.begin() + from);
  order.insert(order.begin() + to, from);
  return Transpose(x, std::move(order));
}

Value OnnxNode::Narrower(Value x, Value to) {
  const Shape common = Take(BroadcastShapes(shape(x), shape(to)));
  if (!failed() && common != shape(to))
    return Fail("shape {} does not broadcast to {}", ToString(shape(x)), ToString(shape(to)));
  return x;
}

Value OnnxNode::Expand(Value x, Shape to, std::optional<int> rows) {
  if (shape(x) == to) return x;
  if (const BatchAxis own = RowsOf(x); own.holds_rows() && own.is_plain())
    rows = own.axis + static_cast<int>(to.size()) - static_cast<int>(rank(x));
  // A batch of one may be repeated as any other axis.
  if (!rows || to[*rows] != scope_.rows()) return Add("expand", {x}, {{"shape", std::move(to)}});
  to[*rows] = -1;
  return Add("expand_rows", {x, graph_.RowsLike(scope_)}, {{"shape", std::move(to)}});
}

Value OnnxNode::Unsqueeze(Value x, std::vector<int64_t> axes) {
  return axes.empty() ? x : Add("unsqueeze", {x}, {{"axes", std::move(axes)}});
}

Value OnnxNode::AlongAxis(Value vector, int64_t axis, int rank) {
  Shape to(std::max<int64_t>(rank, axis + 1), 1);
  to[axis] = type(vector).elements();
  return Reshape(vector, std::move(to));
}

}  // namespace descent::onnx

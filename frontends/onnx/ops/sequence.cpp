// Sequences and optionals: lists of values, which are gone when the model is imported.
#include <algorithm>

#include "frontends/onnx/ops/body.h"
#include "frontends/onnx/ops/families.h"

namespace descent::onnx {
namespace {

/// Longer sequences are not taken apart.
constexpr int64_t kMaxSequence = 1 << 16;

/// An optional without an element; one with an element is the element.
Sequence EmptyOptional() { return {Value{}}; }
bool IsEmptyOptional(const Sequence& sequence) {
  return sequence.size() == 1 && !sequence.front().valid();
}

Sequence ElementsIn(OnnxNode& n, int i) {
  Sequence sequence = n.SequenceIn(i);
  if (IsEmptyOptional(sequence)) n.Fail("operand {} is an optional without an element", i);
  return n.failed() ? Sequence{} : sequence;
}

/// A position in a sequence, counted from the front; `limit` is the number of possible ones.
size_t Position(OnnxNode& n, int i, size_t size, size_t limit) {
  const auto position = static_cast<int64_t>(n.StaticNumber(i));
  const int64_t place = position < 0 ? position + static_cast<int64_t>(size) : position;
  if (place >= 0 && place < static_cast<int64_t>(limit)) return place;
  n.Fail("position {} is not one of a sequence of {}", position, size);
  return 0;
}

Outputs SequenceConstruct(OnnxNode& n) { return Outputs::OfSequence(n.Operands()); }
Outputs SequenceEmpty(OnnxNode&) { return Outputs::OfSequence({}); }

Outputs SequenceInsert(OnnxNode& n) {
  Sequence sequence = ElementsIn(n, 0);
  const size_t size = sequence.size();
  const size_t place = n.Has(2) ? Position(n, 2, size, size + 1) : size;
  const Value element = n.In(1);
  if (n.failed()) return Value{};
  sequence.insert(sequence.begin() + static_cast<std::ptrdiff_t>(place), element);
  return Outputs::OfSequence(std::move(sequence));
}

Outputs SequenceErase(OnnxNode& n) {
  Sequence sequence = ElementsIn(n, 0);
  const size_t size = sequence.size();
  if (size == 0) return n.Fail("the sequence is empty");
  const size_t place = n.Has(1) ? Position(n, 1, size, size) : size - 1;
  if (n.failed()) return Value{};
  sequence.erase(sequence.begin() + static_cast<std::ptrdiff_t>(place));
  return Outputs::OfSequence(std::move(sequence));
}

/// A position that is known only when the model runs chooses among elements of one type.
Value ElementAt(OnnxNode& n, const Sequence& sequence, Value position) {
  for (const Value element : sequence)
    if (n.type(element) != n.type(sequence.front()))
      return n.Unsupported("a position in a sequence of several types must be known");
  const Value elements = n.Add("stack", sequence);
  const Value behind = n.Add("less", {position, n.Like(position, 0)});
  const Value size = n.Like(position, static_cast<double>(sequence.size()));
  const Value place = n.Add("where", {behind, n.Plus(position, size), position});
  return n.Add("gather", {elements, n.Reshape(place, {})});
}

Outputs SequenceAt(OnnxNode& n) {
  const Sequence sequence = ElementsIn(n, 0);
  const Value position = n.In(1);
  if (n.failed()) return Value{};
  if (sequence.empty()) return n.Fail("the sequence is empty");
  if (!n.scope().Static(position)) return ElementAt(n, sequence, position);
  return sequence[Position(n, 1, sequence.size(), sequence.size())];
}

Outputs SequenceLength(OnnxNode& n) {
  const auto size = static_cast<int64_t>(ElementsIn(n, 0).size());
  return n.Constant(Tensor::FromInts({DType::kI64, {}}, std::vector{size}));
}

/// Extents of the parts: as listed, or all `part`, the last one what is left.
std::vector<int64_t> PartsOf(OnnxNode& n, int64_t extent) {
  const Tensor split = n.Has(1) ? n.Static(1) : Tensor::Scalar(DType::kI64, 1);
  if (n.failed()) return {};
  if (!split.shape().empty()) return n.StaticInts(1);
  const int64_t part = split.GetInt(0);
  if (part < 1) n.Fail("parts of {} elements are not possible", part);
  if (n.failed() || extent / part > kMaxSequence) {
    n.Unsupported("a sequence of more than {} elements", kMaxSequence);
    return {};
  }
  std::vector<int64_t> sizes(extent / part, part);
  if (extent % part > 0) sizes.push_back(extent % part);
  return sizes;
}

Outputs SplitToSequence(OnnxNode& n) {
  const Value x = n.In(0);
  const int64_t axis = n.Axis(n.Int("axis", 0), n.rank(x));
  if (n.failed()) return Value{};
  const std::vector<int64_t> sizes = PartsOf(n, n.shape(x)[axis]);
  if (n.failed() || sizes.empty()) return Outputs::OfSequence({});
  Sequence parts = n.AddMulti("split", {x}, {{"sizes", sizes}, {"axis", axis}});
  // Whole places may lose their axis, but not where the parts are chosen.
  if (!n.Has(1) && !n.Flag("keepdims", true))
    for (Value& part : parts) part = n.Add("squeeze", {part}, {{"axes", std::vector{axis}}});
  return Outputs::OfSequence(std::move(parts));
}

Outputs ConcatFromSequence(OnnxNode& n) {
  const Sequence sequence = ElementsIn(n, 0);
  if (sequence.empty()) return n.Fail("the sequence is empty");
  if (!n.HasAttribute("axis")) return n.Fail("attribute axis is missing");
  return n.Add(n.Flag("new_axis") ? "stack" : "concat", sequence, {{"axis", n.Int("axis", 0)}});
}

/// Operand `i`, or if it is a sequence its element `k`.
Value ElementOf(OnnxNode& n, int i, size_t k, size_t size) {
  if (!n.IsSequence(i)) return n.In(i);
  const Sequence elements = ElementsIn(n, i);
  if (elements.size() == size) return elements[k];
  return n.Fail("operand {} has {} elements, not {}", i, elements.size(), size);
}

/// The body once for each element.
Outputs SequenceMap(OnnxNode& n) {
  const proto::GraphProto* body = BodyOf(n, "body");
  const size_t size = ElementsIn(n, 0).size();
  if (n.failed()) return Value{};
  if (body->input_size() != n.operand_count() || body->output_size() < n.result_count())
    return n.Fail("its body takes {} values and gives {}", body->input_size(), body->output_size());
  std::vector<Sequence> results(n.result_count());
  for (size_t k = 0; k < size; ++k) {
    std::vector<Bound> inputs;
    for (int i = 0; i < n.operand_count(); ++i) inputs.emplace_back(ElementOf(n, i, k, size));
    const auto outputs = RunInline(n, *body, inputs);
    if (!outputs) return Value{};
    for (size_t i = 0; i < results.size(); ++i) results[i].push_back((*outputs)[i].value);
  }
  return OutputsOf({results.begin(), results.end()});
}

Outputs Optional(OnnxNode& n) {
  if (!n.Has(0)) return Outputs::OfSequence(EmptyOptional());
  return n.IsSequence(0) ? Outputs::OfSequence(n.SequenceIn(0)) : n.In(0);
}

Outputs OptionalGetElement(OnnxNode& n) {
  return n.IsSequence(0) ? Outputs::OfSequence(ElementsIn(n, 0)) : n.In(0);
}

Outputs OptionalHasElement(OnnxNode& n) {
  const bool has = n.Has(0) && !(n.IsSequence(0) && IsEmptyOptional(n.SequenceIn(0)));
  return n.Scalar(DType::kBool, has ? 1 : 0);
}

}  // namespace

std::span<const OpImporter> SequenceImporters() {
  static const std::vector<OpImporter> kImporters = {
      {"ConcatFromSequence", 11, kNewest, 1, {"axis", "new_axis"}, ConcatFromSequence},
      {"Optional", 15, kNewest, 1, {"type"}, Optional},
      {"OptionalGetElement", 15, kNewest, 1, {}, OptionalGetElement},
      {"OptionalHasElement", 15, kNewest, 1, {}, OptionalHasElement},
      {"SequenceAt", 11, kNewest, 2, {}, SequenceAt},
      {"SequenceConstruct", 11, kNewest, kVariadic, {}, SequenceConstruct},
      {"SequenceEmpty", 11, kNewest, 0, {"dtype"}, SequenceEmpty},
      {"SequenceErase", 11, kNewest, 2, {}, SequenceErase},
      {"SequenceInsert", 11, kNewest, 3, {}, SequenceInsert},
      {"SequenceLength", 11, kNewest, 1, {}, SequenceLength},
      {"SequenceMap", 17, kNewest, kVariadic, {"body"}, SequenceMap},
      {"SplitToSequence", 11, kNewest, 2, {"axis", "keepdims"}, SplitToSequence},
  };
  return kImporters;
}

}  // namespace descent::onnx

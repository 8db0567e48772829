// Indexing: elements chosen by indices.
#include <utility>

#include "frontends/onnx/ops/families.h"
#include "frontends/onnx/ops/indices.h"
#include "frontends/onnx/torch_export.h"
#include "ir/op_def.h"

namespace descent::onnx {
namespace {

using Ints = std::vector<int64_t>;

Tensor IntTensor(const Ints& values, Shape shape) {
  return Tensor::FromInts({DType::kI64, std::move(shape)}, values);
}

/// Whether they are constants of which none is below 0, as they usually are.
bool AreFromFront(OnnxNode& n, Value indices) {
  if (!indices.valid()) return true;
  const Node& node = n.builder().node(indices);
  if (node.op->leaf != Leaf::kConstant) return false;
  const Tensor& known = node.attributes.Literal("value");
  for (int64_t i = 0; i < known.elements(); ++i)
    if (known.GetInt(i) < 0) return false;
  return true;
}

/// `extents` broadcasts against the indices.
Value Counted(OnnxNode& n, Value indices, Value extents) {
  const Value behind = n.Add("less", {indices, n.Like(indices, 0)});
  return n.Add("where", {behind, n.Plus(indices, extents), indices});
}

Outputs Gather(OnnxNode& n) {
  const Value x = n.In(0);
  const int64_t axis = n.Axis(n.Int("axis", 0), n.rank(x));
  if (n.failed()) return Value{};
  const Value indices = FromFront(n, n.In(1), n.shape(x)[axis]);
  const auto padding = PaddingRow(n.proto());
  if (padding && axis == 0 && n.rank(x) == 2 && *padding < n.shape(x)[0])
    return n.Add("embedding", {x, indices}, {{"padding_idx", *padding}});
  return n.Add(n.importer().target, {x, indices}, {{"axis", axis}});
}

Outputs GatherNd(OnnxNode& n) {
  const Value x = n.In(0);
  const int64_t batch = n.Int("batch_dims", 0);
  if (batch < 0 || batch > n.rank(x))
    return n.Fail("batch_dims {} is not within {} axes", batch, n.rank(x));
  const Value indices = TuplesFromFront(n, n.In(1), n.shape(x), batch);
  return n.Add("gather_nd", {x, indices}, {{"batch_dims", batch}});
}

/// Element `i` of a vector.
Value Element(OnnxNode& n, Value vector, int64_t i) {
  return n.Reshape(n.Add("slice", {vector}, {{"starts", Ints{i}}, {"stops", Ints{i + 1}}}), {});
}

/// Off and on: numbers of a formula rather than weights, where they are known.
Value OffAndOn(OnnxNode& n) {
  if (!n.Has(2) || n.IsSequence(2)) return n.In(2);
  auto known = n.Settled(2);
  return known ? n.Constant(*std::move(known)) : n.In(2);
}

/// An index out of range has no place that is on, so that it is no gather.
Outputs OneHot(OnnxNode& n) {
  const double depth = n.StaticNumber(1);
  if (!(depth >= 0 && depth <= static_cast<double>(kMaxElements)))
    return n.Fail("a depth of {} is not possible", depth);
  Value indices = n.Cast(n.In(0), DType::kI64);
  const int rank = n.rank(indices) + 1;
  const int64_t axis = n.Axis(n.Int("axis", -1), rank), extent = static_cast<int64_t>(depth);
  if (n.version() >= 11) indices = FromFront(n, indices, extent);
  const Value values = OffAndOn(n);
  if (!n.failed() && n.shape(values) != Shape{2})
    return n.Fail("values must be two numbers, not {}", ToString(n.type(values)));
  const Value places = n.Add("iota", {}, {{"shape", Shape{extent}}});
  const Value chosen =
      n.Add("equal", {n.Unsqueeze(indices, {axis}), n.AlongAxis(places, axis, rank)});
  return n.Add("where", {chosen, Element(n, values, 1), Element(n, values, 0)});
}

/// How many elements there are must be known, so the condition must be.
Outputs Compress(OnnxNode& n) {
  Value x = n.In(0);
  const Tensor condition = n.Static(1);
  if (!n.HasAttribute("axis")) x = n.Reshape(x, {n.type(x).elements()});
  const int64_t axis = n.Axis(n.Int("axis", 0), n.rank(x));
  if (n.failed()) return Value{};
  if (condition.elements() > n.shape(x)[axis])
    return n.Fail("a condition of {} elements does not fit an extent of {}", condition.elements(),
                  n.shape(x)[axis]);
  Ints places;
  for (int64_t i = 0; i < condition.elements(); ++i)
    if (condition.GetInt(i) != 0) places.push_back(i);
  const auto count = static_cast<int64_t>(places.size());
  return n.Add("gather", {x, n.Constant(IntTensor(places, {count}))}, {{"axis", axis}});
}

/// [rank, count]: how many there are must be known.
Outputs NonZero(OnnxNode& n) {
  const Tensor x = n.Static(0);
  if (n.failed()) return Value{};
  Ints places;
  for (int64_t i = 0; i < x.elements(); ++i)
    if (x.GetDouble(i) != 0) places.push_back(i);
  const std::vector<int64_t> strides = RowMajorStrides(x.shape());
  Ints coordinates;
  for (size_t axis = 0; axis < strides.size(); ++axis)
    for (const int64_t place : places)
      coordinates.push_back(place / strides[axis] % x.shape()[axis]);
  const auto count = static_cast<int64_t>(places.size());
  return n.Constant(IntTensor(coordinates, {static_cast<int64_t>(strides.size()), count}));
}

}  // namespace

Value FromFront(OnnxNode& n, Value indices, int64_t extent) {
  if (AreFromFront(n, indices)) return indices;
  return Counted(n, indices, n.Like(indices, static_cast<double>(extent)));
}

Value TuplesFromFront(OnnxNode& n, Value indices, const Shape& shape, int64_t first) {
  if (n.failed()) return {};
  const Shape tuples = n.shape(indices);
  const auto rank = static_cast<int64_t>(shape.size());
  if (tuples.empty() || tuples.back() > rank - first)
    return n.Fail("indices {} do not fit {} axes", ToString(n.type(indices)), rank - first);
  if (AreFromFront(n, indices)) return indices;
  const Ints extents(shape.begin() + first, shape.begin() + first + tuples.back());
  const Value limits = n.Constant(IntTensor(extents, {tuples.back()}));
  return Counted(n, indices, n.Cast(limits, n.dtype(indices)));
}

std::span<const OpImporter> IndexingImporters() {
  static const std::vector<OpImporter> kImporters = {
      {"Compress", 9, kNewest, 2, {"axis"}, Compress},
      {"Gather", 1, kNewest, 2, {"axis"}, Gather, "gather"},
      {"GatherElements", 11, kNewest, 2, {"axis"}, Gather, "gather_elements"},
      {"GatherND", 11, kNewest, 2, {"batch_dims"}, GatherNd},
      {"NonZero", 9, kNewest, 1, {}, NonZero},
      {"OneHot", 9, kNewest, 3, {"axis"}, OneHot},
  };
  return kImporters;
}

}  // namespace descent::onnx

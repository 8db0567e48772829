// Values that the file or shapes tell: constants, ranges, shapes.
#include <algorithm>
#include <cmath>

#include "frontends/onnx/ops/families.h"
#include "frontends/onnx/tensor_reader.h"

namespace descent::onnx {
namespace {

Tensor Floats(std::vector<double> values, Shape shape) {
  return Tensor::FromDoubles({DType::kF32, std::move(shape)}, values);
}

Value Vector(OnnxNode& n, const std::vector<int64_t>& numbers) {
  return n.Constant(
      Tensor::FromInts({DType::kI64, {static_cast<int64_t>(numbers.size())}}, numbers));
}

Outputs Constant(OnnxNode& n) {
  if (n.HasAttribute("value")) return n.Constant(n.TensorAttribute("value"));
  if (n.HasAttribute("value_float")) return n.Constant(Floats({n.Float("value_float", 0)}, {}));
  if (n.HasAttribute("value_floats")) {
    std::vector<double> values = n.Floats("value_floats");
    const auto count = static_cast<int64_t>(values.size());
    return n.Constant(Floats(std::move(values), {count}));
  }
  if (n.HasAttribute("value_int"))
    return n.Constant(Tensor::FromInts({DType::kI64, {}}, std::vector{n.Int("value_int", 0)}));
  if (n.HasAttribute("value_ints")) return Vector(n, n.Ints("value_ints"));
  return n.Fail("has no value");
}

/// How many positions along the axis are of rows that are there, `times` that.
Value RowCount(OnnxNode& n, const BatchAxis& rows, int64_t times) {
  const Value count = n.Add("valid_rows", {});
  const int64_t factor = times * rows.stride * rows.blocks;
  return factor == 1 ? count : n.Times(count, n.Scalar(DType::kI64, static_cast<double>(factor)));
}

/// Extents [start, end) of the operand's shape. The rows of a batch that is trained or evaluated
/// are those that are there: the last batch may have fewer.
Outputs ShapeOf(OnnxNode& n) {
  const Shape shape = n.shape(n.In(0));
  const auto rank = static_cast<int64_t>(shape.size());
  const auto place = [&](std::string_view name, int64_t otherwise) {
    const int64_t at = n.Int(name, otherwise);
    return std::clamp<int64_t>(at < 0 ? at + rank : at, 0, rank);
  };
  const int64_t start = place("start", 0), end = std::max(start, place("end", rank));
  const auto extents = [&](int64_t from, int64_t to) {
    return Vector(n, {shape.begin() + from, shape.begin() + to});
  };
  const BatchAxis rows = n.RowsOf(0);
  if (!rows.holds_rows() || rows.axis < start || rows.axis >= end) return extents(start, end);
  return n.Add("concat", {extents(start, rows.axis), n.Reshape(RowCount(n, rows, 1), {1}),
                          extents(rows.axis + 1, end)});
}

Outputs Size(OnnxNode& n) {
  const TensorType type = n.type(n.In(0));
  const BatchAxis rows = n.RowsOf(0);
  const int64_t extent = rows.holds_rows() ? type.shape[rows.axis] : 0;
  if (extent == 0) return n.Scalar(DType::kI64, static_cast<double>(type.elements()));
  return RowCount(n, rows, type.elements() / extent);
}

Outputs ConstantOfShape(OnnxNode& n) {
  Shape shape = n.StaticInts(0);
  const Tensor value =
      n.HasAttribute("value") ? n.TensorAttribute("value") : Tensor::Scalar(DType::kF32, 0);
  if (value.elements() != 1) return n.Fail("its value has {} elements, not 1", value.elements());
  if (!CheckedElements(shape)) return n.Fail("shape {} is not possible", ToString(shape));
  return n.Expand(n.Reshape(n.Constant(value), {}), std::move(shape), n.RowElement(0));
}

/// How many numbers lie from `first` to `limit` in steps of `delta`; more than there can be
/// elements where that is no number.
int64_t CountOf(const Tensor& first, const Tensor& limit, const Tensor& delta) {
  constexpr int64_t kNone = kMaxElements + 1;
  if (!Info(first.dtype()).is_float) {
    const __int128 step = delta.GetInt(0), way = __int128{limit.GetInt(0)} - first.GetInt(0);
    if (step == 0) return kNone;
    const __int128 count = way / step + (way % step != 0 ? 1 : 0);
    return (way < 0) != (step < 0) ? 0 : static_cast<int64_t>(std::min<__int128>(count, kNone));
  }
  const double count = std::ceil((limit.GetDouble(0) - first.GetDouble(0)) / delta.GetDouble(0));
  if (!(std::abs(count) <= static_cast<double>(kMaxElements))) return kNone;
  return std::max<int64_t>(static_cast<int64_t>(count), 0);
}

/// From version 27 on narrow floats are computed as f32 (stash_type 1).
Outputs Range(OnnxNode& n) {
  const Tensor start = n.Static(0), limit = n.Static(1), delta = n.Static(2);
  if (n.failed()) return Value{};
  for (const Tensor& number : {start, limit, delta})
    if (number.elements() != 1 || number.dtype() != start.dtype())
      return n.Fail("start, limit and delta must be numbers of one type");
  if (const int64_t stash = n.Int("stash_type", 1); stash != 1)
    return n.Unsupported("stash_type {} is not supported, only 1 (float)", stash);
  const int64_t count = CountOf(start, limit, delta);
  if (count > kMaxElements)
    return n.Fail("a range from {} to {} by {} is not possible", start.GetDouble(0),
                  limit.GetDouble(0), delta.GetDouble(0));
  const DType dtype = start.dtype();
  const DType computed = n.version() >= 27 && IsFloat16(dtype) ? DType::kF32 : dtype;
  const Value places =
      n.Add("iota", {}, {{"shape", Shape{count}}, {"axis", int64_t{0}}, {"dtype", computed}});
  const auto number = [&](const Tensor& t) { return n.Cast(n.Constant(t), computed); };
  const Value range = n.Cast(n.Plus(n.Times(places, number(delta)), number(start)), dtype);
  // As many as there are rows: element i is of row i.
  if (count <= 1 || n.RowElement(1) != 0 || start.GetInt(0) != 0 || delta.GetInt(0) != 1)
    return range;
  return n.Plus(range, n.Expand(n.Like(range, 0), {count}, 0));
}

Outputs EyeLike(OnnxNode& n) {
  const Value like = n.In(0);
  if (n.rank(like) != 2) return n.Fail("its operand has {} axes, not 2", n.rank(like));
  const DType dtype = n.HasAttribute("dtype")
                          ? n.Take(ReadDType(static_cast<int>(n.Int("dtype", 0))))
                          : n.dtype(like);
  return n.Add("eye", {},
               {{"rows", n.shape(like)[0]},
                {"columns", n.shape(like)[1]},
                {"diagonal", n.Int("k", 0)},
                {"dtype", dtype}});
}

}  // namespace

std::span<const OpImporter> ConstantImporters() {
  static const std::vector<OpImporter> kImporters = {
      {"Constant",
       1,
       kNewest,
       0,
       {"value", "value_float", "value_floats", "value_int", "value_ints"},
       Constant},
      {"ConstantOfShape", 9, kNewest, 1, {"value"}, ConstantOfShape},
      {"EyeLike", 9, kNewest, 1, {"dtype", "k"}, EyeLike},
      {"Range", 11, 26, 3, {}, Range},
      {"Range", 27, kNewest, 3, {"stash_type"}, Range},
      {"Shape", 1, kNewest, 1, {"start", "end"}, ShapeOf},
      {"Size", 1, kNewest, 1, {}, Size},
  };
  return kImporters;
}

}  // namespace descent::onnx

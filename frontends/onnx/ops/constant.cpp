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
  if (n.HasAttribute("value_ints")) {
    const std::vector<int64_t> values = n.Ints("value_ints");
    return n.Constant(
        Tensor::FromInts({DType::kI64, {static_cast<int64_t>(values.size())}}, values));
  }
  return n.Fail("has no value");
}

/// Extents [start, end) of the operand's shape.
Outputs ShapeOf(OnnxNode& n) {
  const Shape shape = n.shape(n.In(0));
  const auto rank = static_cast<int64_t>(shape.size());
  const auto place = [&](std::string_view name, int64_t otherwise) {
    const int64_t at = n.Int(name, otherwise);
    return std::clamp<int64_t>(at < 0 ? at + rank : at, 0, rank);
  };
  const int64_t start = place("start", 0), end = std::max(start, place("end", rank));
  const std::vector<int64_t> extents(shape.begin() + start, shape.begin() + end);
  return n.Constant(Tensor::FromInts({DType::kI64, {end - start}}, extents));
}

Outputs Size(OnnxNode& n) {
  return n.Constant(Tensor::FromInts({DType::kI64, {}}, std::vector{n.type(n.In(0)).elements()}));
}

Outputs ConstantOfShape(OnnxNode& n) {
  Shape shape = n.StaticInts(0);
  const Tensor value =
      n.HasAttribute("value") ? n.TensorAttribute("value") : Tensor::Scalar(DType::kF32, 0);
  if (value.elements() != 1) return n.Fail("its value has {} elements, not 1", value.elements());
  if (!CheckedElements(shape)) return n.Fail("shape {} is not possible", ToString(shape));
  return n.Expand(n.Reshape(n.Constant(value), {}), std::move(shape));
}

Outputs Range(OnnxNode& n) {
  const Tensor start = n.Static(0), delta = n.Static(2);
  const double first = n.StaticNumber(0), limit = n.StaticNumber(1), step = n.StaticNumber(2);
  if (n.failed()) return Value{};
  const DType dtype = start.dtype();
  const double count = std::ceil((limit - first) / step);
  if (!(std::abs(count) <= static_cast<double>(kMaxElements)))
    return n.Fail("a range from {} to {} by {} is not possible", first, limit, step);
  const int64_t extent = std::max<int64_t>(static_cast<int64_t>(count), 0);
  const Value places =
      n.Add("iota", {}, {{"shape", Shape{extent}}, {"axis", int64_t{0}}, {"dtype", dtype}});
  return n.Plus(n.Times(places, n.Constant(delta)), n.Constant(start));
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
      {"Range", 11, kNewest, 3, {}, Range},
      {"Shape", 1, kNewest, 1, {"start", "end"}, ShapeOf},
      {"Size", 1, kNewest, 1, {}, Size},
  };
  return kImporters;
}

}  // namespace descent::onnx

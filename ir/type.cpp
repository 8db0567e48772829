#include "ir/type.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cmath>
#include <limits>

namespace descent {

const std::vector<DTypeInfo>& AllDTypes() {
  static const std::vector<DTypeInfo> kTypes = {
      {DType::kF32, "f32", "float", "<f4", 4, true, false, false, 24, 128},
      {DType::kF64, "f64", "double", "<f8", 8, true, false, false, 53, 1024},
      {DType::kI32, "i32", "int32_t", "<i4", 4, false, true, false, 31, 0},
      {DType::kI64, "i64", "int64_t", "<i8", 8, false, true, false, 63, 0},
      {DType::kU8, "u8", "uint8_t", "|u1", 1, false, true, true, 8, 0},
      {DType::kBool, "bool", "uint8_t", "|b1", 1, false, false, true, 1, 0},
      {DType::kBF16, "bf16", "uint16_t", "<V2", 2, true, false, false, 8, 128},
      {DType::kF16, "f16", "uint16_t", "<f2", 2, true, false, false, 11, 16},
      {DType::kI8, "i8", "int8_t", "|i1", 1, false, true, false, 7, 0},
      {DType::kI16, "i16", "int16_t", "<i2", 2, false, true, false, 15, 0},
      {DType::kU16, "u16", "uint16_t", "<u2", 2, false, true, true, 16, 0},
      {DType::kU32, "u32", "uint32_t", "<u4", 4, false, true, true, 32, 0},
      {DType::kU64, "u64", "uint64_t", "<u8", 8, false, true, true, 64, 0},
  };
  return kTypes;
}

const DTypeInfo& Info(DType dtype) { return AllDTypes()[static_cast<size_t>(dtype)]; }

DType ArithmeticType(DType dtype) {
  return Info(dtype).is_float && Info(dtype).bytes == 2 ? DType::kF32 : dtype;
}

double LargestFinite(DType dtype) {
  return std::ldexp(1 - std::ldexp(1, -Info(dtype).digits), Info(dtype).max_exponent);
}

double SmallestNormal(DType dtype) { return std::ldexp(1, 2 - Info(dtype).max_exponent); }

double SmallestDenormal(DType dtype) {
  return std::ldexp(1, 3 - Info(dtype).max_exponent - Info(dtype).digits);
}

bool HoldsAll(DType to, DType from) {
  const DTypeInfo &a = Info(from), &b = Info(to);
  if (a.is_float)
    return b.is_float && b.digits >= a.digits && b.max_exponent >= a.max_exponent &&
           SmallestDenormal(to) <= SmallestDenormal(from);
  if (b.is_float) return b.digits >= a.digits && b.max_exponent >= a.digits;
  return b.digits >= a.digits && (a.is_unsigned || !b.is_unsigned);
}

int64_t LowestInteger(DType dtype) {
  return Info(dtype).is_unsigned ? 0
                                 : std::numeric_limits<int64_t>::min() >> (63 - Info(dtype).digits);
}

int64_t HighestInteger(DType dtype) {
  return static_cast<int64_t>(std::numeric_limits<uint64_t>::max() >> (64 - Info(dtype).digits));
}

std::optional<DType> ParseDType(std::string_view name) {
  for (const DTypeInfo& info : AllDTypes())
    if (info.name == name) return info.dtype;
  return std::nullopt;
}

std::optional<int64_t> CheckedElements(const Shape& shape) {
  // An extent of zero makes the tensor empty, but the others must still be in range on their own.
  int64_t elements = 1;
  bool empty = false;
  for (const int64_t extent : shape) {
    if (extent < 0 || extent > kMaxElements) return std::nullopt;
    if (extent == 0) empty = true;
    if (extent > 0 && elements > kMaxElements / extent) return std::nullopt;
    if (extent > 0) elements *= extent;
  }
  return empty ? 0 : elements;
}

int64_t Elements(const Shape& shape) {
  int64_t elements = 1;
  for (const int64_t extent : shape) elements *= extent;
  return elements;
}

std::vector<int64_t> RowMajorStrides(const Shape& shape) {
  std::vector<int64_t> strides(shape.size(), 1);
  for (size_t axis = shape.size(); axis-- > 1;) strides[axis - 1] = strides[axis] * shape[axis];
  return strides;
}

std::string ToString(const Shape& shape) { return fmt::format("[{}]", fmt::join(shape, ", ")); }

std::string ToString(const TensorType& type) {
  return fmt::format("{}{}", Info(type.dtype).name, ToString(type.shape));
}

}  // namespace descent

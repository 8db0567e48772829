#include "ir/type.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace descent {

const std::vector<DTypeInfo>& AllDTypes() {
  static const std::vector<DTypeInfo> kTypes = {
      {DType::kF32, "f32", "float", "<f4", 4, true, false},
      {DType::kF64, "f64", "double", "<f8", 8, true, false},
      {DType::kI32, "i32", "int32_t", "<i4", 4, false, true},
      {DType::kI64, "i64", "int64_t", "<i8", 8, false, true},
      {DType::kU8, "u8", "uint8_t", "|u1", 1, false, true},
      {DType::kBool, "bool", "uint8_t", "|b1", 1, false, false},
  };
  return kTypes;
}

const DTypeInfo& Info(DType dtype) { return AllDTypes()[static_cast<size_t>(dtype)]; }

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

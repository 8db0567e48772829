// Element types of the ABI: sizes, names, and one dispatch from the number to the C++ type.
//
//   Visit(DESCENT_F32, [&]<typename T>() { sum += static_cast<const T*>(p)[i]; });
#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>
#include <type_traits>
#include <utility>

#include "runtime/abi.h"

namespace descent::runtime {

inline constexpr int32_t kDTypeCount = 6;

struct DTypeFacts {
  std::string_view name;
  std::string_view safetensors;
  int64_t size_bytes;
};
inline constexpr DTypeFacts kDTypes[kDTypeCount] = {
    {"f32", "F32", 4}, {"f64", "F64", 8}, {"i32", "I32", 4},
    {"i64", "I64", 8}, {"u8", "U8", 1},   {"bool", "BOOL", 1},
};

constexpr bool IsDType(int32_t dtype) { return dtype >= 0 && dtype < kDTypeCount; }
constexpr int64_t SizeOf(int32_t dtype) { return kDTypes[dtype].size_bytes; }
constexpr std::string_view NameOf(int32_t dtype) { return kDTypes[dtype].name; }
constexpr bool IsFloat(int32_t dtype) { return dtype == DESCENT_F32 || dtype == DESCENT_F64; }

/// Calls visit.template operator()<T>() with the type of an element; a bool is a uint8_t of 0 or 1.
template <typename Visitor>
decltype(auto) Visit(int32_t dtype, Visitor&& visit) {
  switch (dtype) {
    case DESCENT_F32:
      return visit.template operator()<float>();
    case DESCENT_F64:
      return visit.template operator()<double>();
    case DESCENT_I32:
      return visit.template operator()<int32_t>();
    case DESCENT_I64:
      return visit.template operator()<int64_t>();
    default:
      return visit.template operator()<uint8_t>();
  }
}

/// Element `index` of an array as a number.
inline double NumberAt(int32_t dtype, const void* values, int64_t index) {
  return Visit(dtype, [&]<typename T>() {
    T value;
    std::memcpy(&value, static_cast<const char*>(values) + index * sizeof(T), sizeof(T));
    return static_cast<double>(value);
  });
}

inline int64_t ElementCount(const descent_tensor& tensor) {
  int64_t count = 1;
  for (int32_t axis = 0; axis < tensor.rank; ++axis) count *= tensor.dims[axis];
  return count;
}
inline int64_t ByteCount(const descent_tensor& tensor) {
  return ElementCount(tensor) * SizeOf(tensor.dtype);
}

}  // namespace descent::runtime

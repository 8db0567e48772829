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
#include "runtime/float16.h"

namespace descent::runtime {

inline constexpr int32_t kDTypeCount = 13;

struct DTypeFacts {
  std::string_view name;
  std::string_view safetensors;
  int64_t size_bytes;
};
inline constexpr DTypeFacts kDTypes[kDTypeCount] = {
    {"f32", "F32", 4}, {"f64", "F64", 8},   {"i32", "I32", 4},   {"i64", "I64", 8},
    {"u8", "U8", 1},   {"bool", "BOOL", 1}, {"bf16", "BF16", 2}, {"f16", "F16", 2},
    {"i8", "I8", 1},   {"i16", "I16", 2},   {"u16", "U16", 2},   {"u32", "U32", 4},
    {"u64", "U64", 8},
};

constexpr bool IsDType(int32_t dtype) { return dtype >= 0 && dtype < kDTypeCount; }
constexpr int64_t SizeOf(int32_t dtype) { return kDTypes[dtype].size_bytes; }
constexpr std::string_view NameOf(int32_t dtype) { return kDTypes[dtype].name; }
constexpr bool IsFloat(int32_t dtype) {
  return dtype == DESCENT_F32 || dtype == DESCENT_F64 || dtype == DESCENT_BF16 ||
         dtype == DESCENT_F16;
}

/// Of a type that Visit gives: whether it is a float of any width.
template <typename T>
inline constexpr bool kIsFloat =
    std::is_floating_point_v<T> || std::is_same_v<T, BFloat16> || std::is_same_v<T, Half>;

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
    case DESCENT_BF16:
      return visit.template operator()<BFloat16>();
    case DESCENT_F16:
      return visit.template operator()<Half>();
    case DESCENT_I8:
      return visit.template operator()<int8_t>();
    case DESCENT_I16:
      return visit.template operator()<int16_t>();
    case DESCENT_U16:
      return visit.template operator()<uint16_t>();
    case DESCENT_U32:
      return visit.template operator()<uint32_t>();
    case DESCENT_U64:
      return visit.template operator()<uint64_t>();
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

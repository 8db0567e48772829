#include "ir/tensor.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "ir/diagnostic.h"
#include "ir/float16.h"

namespace descent {
namespace {

/// Calls `function` with a value of the C++ type that stores `dtype`; 16-bit floats as their bits.
template <typename Function>
auto WithStorage(DType dtype, Function function) {
  switch (dtype) {
    case DType::kF32:
      return function(float{});
    case DType::kF64:
      return function(double{});
    case DType::kI8:
      return function(int8_t{});
    case DType::kI16:
      return function(int16_t{});
    case DType::kI32:
      return function(int32_t{});
    case DType::kI64:
      return function(int64_t{});
    case DType::kU8:
    case DType::kBool:
      return function(uint8_t{});
    case DType::kU16:
    case DType::kBF16:
    case DType::kF16:
      return function(uint16_t{});
    case DType::kU32:
      return function(uint32_t{});
    case DType::kU64:
      return function(uint64_t{});
  }
  InternalError(__FILE__, __LINE__, "unknown dtype");
}

template <typename T>
void StoreAt(std::byte* data, int64_t index, T value) {
  std::memcpy(data + index * sizeof(value), &value, sizeof(value));
}

}  // namespace

int64_t SaturateToInteger(DType dtype, double value) {
  if (dtype == DType::kBool) return value != 0;
  if (std::isnan(value)) return 0;
  const double lowest = static_cast<double>(LowestInteger(dtype));
  if (value <= lowest) return LowestInteger(dtype);
  if (value >= std::ldexp(1, Info(dtype).digits)) return HighestInteger(dtype);
  return Info(dtype).is_unsigned ? static_cast<int64_t>(static_cast<uint64_t>(value))
                                 : static_cast<int64_t>(value);
}

int64_t WrapInteger(DType dtype, int64_t value) {
  if (dtype == DType::kBool) return value != 0;
  const int unused = 64 - 8 * Info(dtype).bytes;
  const uint64_t high = static_cast<uint64_t>(value) << unused;
  return Info(dtype).is_unsigned ? static_cast<int64_t>(high >> unused)
                                 : static_cast<int64_t>(high) >> unused;
}

std::string PrintInteger(DType dtype, int64_t value) {
  return Info(dtype).is_unsigned ? fmt::format("{}", static_cast<uint64_t>(value))
                                 : fmt::format("{}", value);
}

void StoreDouble(DType dtype, std::byte* data, int64_t index, double value) {
  if (!Info(dtype).is_float) return StoreInt(dtype, data, index, SaturateToInteger(dtype, value));
  if (IsFloat16(dtype)) return StoreAt(data, index, ToBits16(dtype, value));
  if (dtype == DType::kF32) return StoreAt(data, index, static_cast<float>(value));
  StoreAt(data, index, value);
}

void StoreInt(DType dtype, std::byte* data, int64_t index, int64_t value) {
  if (IsFloat16(dtype)) return StoreDouble(dtype, data, index, static_cast<double>(value));
  if (dtype == DType::kBool) value = value != 0;
  WithStorage(dtype, [&](auto zero) { StoreAt(data, index, static_cast<decltype(zero)>(value)); });
}

double LoadDouble(DType dtype, const std::byte* data, int64_t index) {
  return WithStorage(dtype, [&](auto stored) {
    std::memcpy(&stored, data + index * sizeof(stored), sizeof(stored));
    if constexpr (sizeof(stored) == 2)
      if (IsFloat16(dtype)) return FromBits16(dtype, stored);
    return static_cast<double>(stored);
  });
}

int64_t LoadInt(DType dtype, const std::byte* data, int64_t index) {
  if (Info(dtype).is_float) return SaturateToInteger(DType::kI64, LoadDouble(dtype, data, index));
  return WithStorage(dtype, [&](auto stored) {
    std::memcpy(&stored, data + index * sizeof(stored), sizeof(stored));
    return static_cast<int64_t>(stored);
  });
}

Tensor::Tensor(TensorType type, std::vector<std::byte> data) : type_(std::move(type)) {
  DESCENT_CHECK(static_cast<int64_t>(data.size()) == type_.bytes(), "tensor data size");
  const auto kept = std::make_shared<const std::vector<std::byte>>(std::move(data));
  data_ = {kept, kept->data()};
}

Tensor Tensor::Full(TensorType type, double value) {
  std::vector<std::byte> data(type.bytes());
  for (int64_t i = 0; i < type.elements(); ++i) StoreDouble(type.dtype, data.data(), i, value);
  return Tensor(std::move(type), std::move(data));
}

Tensor Tensor::FromDoubles(TensorType type, std::span<const double> values) {
  std::vector<std::byte> data(type.bytes());
  for (size_t i = 0; i < values.size(); ++i) StoreDouble(type.dtype, data.data(), i, values[i]);
  return Tensor(std::move(type), std::move(data));
}

Tensor Tensor::FromInts(TensorType type, std::span<const int64_t> values) {
  std::vector<std::byte> data(type.bytes());
  for (size_t i = 0; i < values.size(); ++i) StoreInt(type.dtype, data.data(), i, values[i]);
  return Tensor(std::move(type), std::move(data));
}

double Tensor::GetDouble(int64_t index) const {
  return LoadDouble(type_.dtype, data_.get(), index);
}

int64_t Tensor::GetInt(int64_t index) const { return LoadInt(type_.dtype, data_.get(), index); }

bool Tensor::operator==(const Tensor& other) const {
  return type_ == other.type_ &&
         (data_ == other.data_ || std::ranges::equal(bytes(), other.bytes()));
}

}  // namespace descent

#include "ir/tensor.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "ir/diagnostic.h"

namespace descent {
namespace {

/// Calls `function` with a value of the C++ type that stores `dtype`.
template <typename Function>
auto WithStorage(DType dtype, Function function) {
  switch (dtype) {
    case DType::kF32:
      return function(float{});
    case DType::kF64:
      return function(double{});
    case DType::kI32:
      return function(int32_t{});
    case DType::kI64:
      return function(int64_t{});
    case DType::kU8:
    case DType::kBool:
      return function(uint8_t{});
  }
  InternalError(__FILE__, __LINE__, "unknown dtype");
}

/// Truncates and saturates, NaN is 0: defined for every double.
int64_t DoubleToInt(double value) {
  if (std::isnan(value)) return 0;
  if (value >= 9223372036854775808.0) return std::numeric_limits<int64_t>::max();
  if (value < -9223372036854775808.0) return std::numeric_limits<int64_t>::min();
  return static_cast<int64_t>(value);
}

}  // namespace

void StoreDouble(DType dtype, std::byte* data, int64_t index, double value) {
  if (dtype == DType::kBool) return StoreInt(dtype, data, index, value != 0);
  if (!Info(dtype).is_float) return StoreInt(dtype, data, index, DoubleToInt(value));
  WithStorage(dtype, [&](auto zero) {
    const auto stored = static_cast<decltype(zero)>(value);
    std::memcpy(data + index * sizeof(stored), &stored, sizeof(stored));
  });
}

void StoreInt(DType dtype, std::byte* data, int64_t index, int64_t value) {
  if (dtype == DType::kBool) value = value != 0;
  WithStorage(dtype, [&](auto zero) {
    const auto stored = static_cast<decltype(zero)>(value);
    std::memcpy(data + index * sizeof(stored), &stored, sizeof(stored));
  });
}

double LoadDouble(DType dtype, const std::byte* data, int64_t index) {
  return WithStorage(dtype, [&](auto stored) {
    std::memcpy(&stored, data + index * sizeof(stored), sizeof(stored));
    return static_cast<double>(stored);
  });
}

int64_t LoadInt(DType dtype, const std::byte* data, int64_t index) {
  if (Info(dtype).is_float) return DoubleToInt(LoadDouble(dtype, data, index));
  return WithStorage(dtype, [&](auto stored) {
    std::memcpy(&stored, data + index * sizeof(stored), sizeof(stored));
    return static_cast<int64_t>(stored);
  });
}

Tensor::Tensor(TensorType type, std::vector<std::byte> data)
    : type_(std::move(type)),
      data_(std::make_shared<const std::vector<std::byte>>(std::move(data))) {
  DESCENT_CHECK(static_cast<int64_t>(data_->size()) == type_.bytes(), "tensor data size");
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
  return LoadDouble(type_.dtype, data_->data(), index);
}

int64_t Tensor::GetInt(int64_t index) const { return LoadInt(type_.dtype, data_->data(), index); }

bool Tensor::operator==(const Tensor& other) const {
  return type_ == other.type_ && (data_ == other.data_ || std::ranges::equal(*data_, *other.data_));
}

}  // namespace descent

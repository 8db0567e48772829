// A tensor's value: type plus row-major little-endian bytes. Immutable and cheap to copy.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "ir/type.h"

namespace descent {

class Tensor {
 public:
  Tensor() : Tensor(TensorType{}, std::vector<std::byte>(4)) {}
  /// Takes row-major data; `data.size()` must be `type.bytes()`.
  Tensor(TensorType type, std::vector<std::byte> data);
  /// Views row-major data of `type.bytes()` bytes, at any address, that never changes and that
  /// `data` keeps: of a file in memory.
  Tensor(TensorType type, std::shared_ptr<const std::byte> data)
      : type_(std::move(type)), data_(std::move(data)) {}

  /// All elements `value`, converted to `type.dtype`.
  static Tensor Full(TensorType type, double value);
  static Tensor Scalar(DType dtype, double value) { return Full({dtype, {}}, value); }
  static Tensor FromDoubles(TensorType type, std::span<const double> values);
  static Tensor FromInts(TensorType type, std::span<const int64_t> values);

  const TensorType& type() const { return type_; }
  const Shape& shape() const { return type_.shape; }
  DType dtype() const { return type_.dtype; }
  int64_t elements() const { return type_.elements(); }
  std::span<const std::byte> bytes() const {
    return {data_.get(), static_cast<size_t>(type_.bytes())};
  }

  /// Element by row-major index, converted.
  double GetDouble(int64_t index) const;
  int64_t GetInt(int64_t index) const;  ///< u64: its two's complement

  /// Same type and same bytes (so NaN equals NaN and -0 differs from 0).
  bool operator==(const Tensor& other) const;

 private:
  TensorType type_;
  std::shared_ptr<const std::byte> data_;
};

/// Truncates toward zero and saturates to an integer type, NaN is 0; bool: whether it is not 0.
int64_t SaturateToInteger(DType dtype, double value);
/// `value` wrapped to the width of an integer type, or made 0 or 1 for bool.
int64_t WrapInteger(DType dtype, int64_t value);
/// In decimal, as its type says: u64 has no sign.
std::string PrintInteger(DType dtype, int64_t value);

/// Writes `value` as element `index` of a buffer of `dtype`: floats round to nearest even or
/// saturate to integers, integers wrap.
void StoreDouble(DType dtype, std::byte* data, int64_t index, double value);
void StoreInt(DType dtype, std::byte* data, int64_t index, int64_t value);
double LoadDouble(DType dtype, const std::byte* data, int64_t index);
int64_t LoadInt(DType dtype, const std::byte* data, int64_t index);

}  // namespace descent

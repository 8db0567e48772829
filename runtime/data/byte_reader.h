// ByteReader: a cursor over the bytes of an untrusted file. Every read is checked; a failed one
// leaves the cursor where it was.
#pragma once

#include <bit>
#include <cstring>
#include <optional>
#include <type_traits>

#include "runtime/file.h"

namespace descent::runtime {

template <typename T>
T ByteSwapped(T value) {
  std::byte bytes[sizeof(T)];
  std::memcpy(bytes, &value, sizeof(T));
  for (size_t i = 0; i < sizeof(T) / 2; ++i) std::swap(bytes[i], bytes[sizeof(T) - 1 - i]);
  std::memcpy(&value, bytes, sizeof(T));
  return value;
}

class ByteReader {
 public:
  explicit ByteReader(ByteView bytes, size_t offset = 0) : bytes_(bytes), offset_(offset) {}

  size_t offset() const { return offset_; }
  size_t remaining() const { return offset_ <= bytes_.size() ? bytes_.size() - offset_ : 0; }

  template <typename T>
  std::optional<T> Little() {
    return Read<T>(std::endian::little);
  }
  template <typename T>
  std::optional<T> Big() {
    return Read<T>(std::endian::big);
  }
  std::optional<ByteView> Take(size_t count) {
    if (remaining() < count) return std::nullopt;
    ByteView taken = bytes_.subspan(offset_, count);
    offset_ += count;
    return taken;
  }

 private:
  template <typename T>
  std::optional<T> Read(std::endian order) {
    auto taken = Take(sizeof(T));
    if (!taken) return std::nullopt;
    T value;
    std::memcpy(&value, taken->data(), sizeof(T));
    return order == std::endian::native ? value : ByteSwapped(value);
  }
  ByteView bytes_;
  size_t offset_;
};

/// Product of extents and the element size in bytes; nothing when negative or above 2^62.
inline std::optional<int64_t> CheckedBytes(const std::vector<int64_t>& shape,
                                           int64_t element_bytes) {
  int64_t product = element_bytes;
  for (int64_t extent : shape) {
    if (extent < 0 || __builtin_mul_overflow(product, extent, &product) ||
        product > (int64_t{1} << 62)) {
      return std::nullopt;
    }
  }
  return product;
}

}  // namespace descent::runtime

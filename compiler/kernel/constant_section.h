// The constants of a program: one section of read-only bytes that all entry points share.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <unordered_map>
#include <vector>

namespace descent {

class ConstantSection {
 public:
  /// Offset of these bytes, aligned; equal ones stand there once.
  int64_t Add(std::span<const std::byte> bytes);

  std::span<const std::byte> bytes() const { return bytes_; }
  bool empty() const { return bytes_.empty(); }

 private:
  struct Piece {
    size_t offset, size;
  };
  std::vector<std::byte> bytes_;
  std::unordered_multimap<size_t, Piece> pieces_;  ///< by the hash of their bytes
};

}  // namespace descent

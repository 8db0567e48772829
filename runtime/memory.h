// Block: zeroed memory for a state or scratch block, aligned to DESCENT_ALIGNMENT; large ones ask
// for huge pages.
#pragma once

#include <sys/mman.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <utility>

#include "runtime/abi.h"

namespace descent::runtime {

class Block {
 public:
  Block() = default;
  /// Null (`!block.data()`) when the system has no memory left.
  explicit Block(int64_t size_bytes) : size_(size_bytes) {
    size_t alignment = size_bytes >= kHugePageBytes ? kHugePageBytes : DESCENT_ALIGNMENT;
    size_t rounded = (std::max<int64_t>(size_bytes, 1) + alignment - 1) / alignment * alignment;
    if (size_bytes < 0 || rounded < static_cast<size_t>(size_bytes)) return;
    data_.reset(static_cast<std::byte*>(std::aligned_alloc(alignment, rounded)));
    if (!data_) return;
    if (size_bytes >= kHugePageBytes) madvise(data_.get(), rounded, MADV_HUGEPAGE);
    std::memset(data_.get(), 0, rounded);
  }

  /// Whether the system would give so much, all at once; nothing is touched.
  static bool HasRoom(int64_t bytes) {
    const size_t size = static_cast<size_t>(std::max<int64_t>(bytes, 1));
    // Not malloc: compilers leave it out together with its free.
    void* place = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return bytes >= 0 && place != MAP_FAILED && munmap(place, size) == 0;
  }

  std::byte* data() const { return data_.get(); }
  int64_t size() const { return size_; }

 private:
  static constexpr int64_t kHugePageBytes = int64_t{2} << 20;
  struct Free {
    void operator()(std::byte* p) const { std::free(p); }
  };
  std::unique_ptr<std::byte, Free> data_;
  int64_t size_ = 0;
};

}  // namespace descent::runtime

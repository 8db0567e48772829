// Files in and out: bounded reads, bounded inflating, crash-safe writes.
//
// Hostile-safe: memory is reserved only in proportion to what the file really holds. Deflate
// expands at most 1032 times, so a declared size above that is a lie; inflated data stops at
// kMaxInflatedBytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/status.h"

namespace descent::runtime {

using Bytes = std::vector<std::byte>;
using ByteView = std::span<const std::byte>;

inline constexpr int64_t kMaxDeflateRatio = 1032;
inline constexpr int64_t kMaxInflatedBytes = int64_t{4} << 30;

bool FileExists(const std::string& path);
bool IsDirectory(const std::string& path);
/// Of "a/b" "a", of "b" ".".
std::string FolderOf(const std::string& path);

Result<Bytes> ReadFile(const std::string& path);

/// The file, inflated when it is gzip (one or several members).
Result<Bytes> ReadFileOrGzip(const std::string& path);

bool IsGzip(ByteView bytes);
Result<Bytes> InflateGzip(ByteView bytes, const std::string& path);

/// A raw deflate stream that must give exactly `size` bytes.
Result<Bytes> InflateRaw(ByteView bytes, int64_t size, const std::string& path);

/// Whether WriteFileAtomically can succeed: asked before work that would be lost.
Result<void> CheckWritable(const std::string& path);

/// Replaces `path` by `bytes` such that after a crash at any moment it holds either the old or the
/// new bytes: temporary file in the same folder, fsync, rename, fsync of the folder.
Result<void> WriteFileAtomically(const std::string& path, ByteView bytes);

inline std::string_view TextOf(ByteView bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}
inline ByteView BytesOf(std::string_view text) {
  return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}

/// A file descriptor that closes itself.
class Descriptor {
 public:
  explicit Descriptor(int fd = -1) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Descriptor();
  int get() const { return fd_; }
  bool valid() const { return fd_ >= 0; }

 private:
  int fd_;
};

/// All of `bytes`, or false with errno.
bool WriteAll(int fd, ByteView bytes);

/// "cannot open: No such file or directory", exit status 4.
std::unexpected<Failure> IoFailure(const std::string& path, std::string_view what);

/// Makes renames in the folder of `path` durable.
Result<void> SyncFolderOf(const std::string& path);

}  // namespace descent::runtime

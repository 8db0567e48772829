// Numbers of tensors that do not lie in their messages: in the model's file, which stays mapped, or
// in files beside it.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "frontends/onnx/mapped_file.h"
#include "ir/diagnostic.h"

namespace descent::onnx {

/// Fewer bytes than that are copied: a view keeps its file.
inline constexpr size_t kLargeBytes = size_t{1} << 16;

/// Bytes of a file, and what keeps them.
struct StoredBytes {
  std::span<const std::byte> bytes;
  std::shared_ptr<const MappedFile> file;
};

class Storage {
 public:
  /// `folder` is where external data lies; `file` the model's, or null.
  explicit Storage(std::string folder, std::shared_ptr<const MappedFile> file = nullptr)
      : folder_(std::move(folder)), file_(std::move(file)) {}

  /// Of the model's file; `offset` and `size` may be any numbers.
  Result<StoredBytes> InFile(uint64_t offset, uint64_t size) const;
  /// Of a file beside the model: it must not be outside of the folder, by links neither.
  Result<StoredBytes> External(const std::string& location, uint64_t offset, uint64_t size);
  /// Fails unless that file has this SHA-1, in hexadecimal digits. Reads all of it, once.
  Result<void> CheckExternal(const std::string& location, const std::string& checksum);

 private:
  Result<const MappedFile*> Open(const std::string& location);

  std::string folder_;
  std::shared_ptr<const MappedFile> file_;
  std::map<std::string, std::shared_ptr<const MappedFile>> external_;  ///< by location
  std::map<std::string, std::string> checksums_;  ///< of files that were read, by path
};

}  // namespace descent::onnx

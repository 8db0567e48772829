#include "frontends/onnx/storage.h"

#include <filesystem>
#include <optional>

#include "ir/io/model_folder.h"

namespace descent::onnx {
namespace {

namespace fs = std::filesystem;

/// Whether [offset, offset + size) is in a file of that many bytes.
bool Holds(size_t file_size, uint64_t offset, uint64_t size) {
  return offset <= file_size && size <= file_size - offset;
}

}  // namespace

Result<StoredBytes> Storage::InFile(uint64_t offset, uint64_t size) const {
  if (file_ == nullptr || !Holds(file_->bytes().size(), offset, size))
    return Error("{} bytes behind {} are not in the file", size, offset);
  return StoredBytes{file_->bytes().subspan(offset, size), file_};
}

Result<StoredBytes> Storage::External(const std::string& location, uint64_t offset, uint64_t size) {
  auto& file = external_[location];
  if (file == nullptr) {
    const std::optional<fs::path> path = PathInFolder(folder_, location);
    if (!path) return Error("external data: {} is not inside the model's folder", Quoted(location));
    std::error_code error;
    // Anything else might never end.
    if (fs::is_regular_file(*path, error)) file = MappedFile::Open(path->string());
    if (file == nullptr)
      return ErrorWithStatus(ExitStatus::kIo, "cannot read external data {}", Quoted(location));
  }
  if (!Holds(file->bytes().size(), offset, size))
    return Error("external data: {} has {} bytes, too few for {} behind {}", Quoted(location),
                 file->bytes().size(), size, offset);
  return StoredBytes{file->bytes().subspan(offset, size), file};
}

}  // namespace descent::onnx

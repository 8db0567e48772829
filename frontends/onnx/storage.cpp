#include "frontends/onnx/storage.h"

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <optional>

#include "frontends/onnx/sha1.h"
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

Result<const MappedFile*> Storage::Open(const std::string& location) {
  auto& file = external_[location];
  if (file != nullptr) return file.get();
  // The system would read a name up to it.
  if (location.contains('\0'))
    return Error("external data: {} is no name of a file: it has a NUL byte", Quoted(location));
  const std::optional<fs::path> path = PathInFolder(folder_, location);
  if (!path) return Error("external data: {} is not inside the model's folder", Quoted(location));
  std::error_code error;
  // Anything else might never end.
  if (fs::is_regular_file(*path, error)) file = MappedFile::Open(path->string());
  if (file == nullptr)
    return ErrorWithStatus(ExitStatus::kIo, "cannot read external data {}", Quoted(location));
  return file.get();
}

Result<StoredBytes> Storage::External(const std::string& location, uint64_t offset, uint64_t size) {
  DESCENT_TRY(file, Open(location));
  if (!Holds(file->bytes().size(), offset, size))
    return Error("external data: {} has {} bytes, too few for {} behind {}", Quoted(location),
                 file->bytes().size(), size, offset);
  return StoredBytes{file->bytes().subspan(offset, size), external_.at(location)};
}

Result<void> Storage::CheckExternal(const std::string& location, const std::string& checksum) {
  DESCENT_TRY(file, Open(location));
  // Names of one file are many.
  const auto [place, is_new] = checksums_.try_emplace(PathInFolder(folder_, location)->string());
  if (is_new) place->second = Sha1Hex(file->text());
  std::string said = checksum;
  std::ranges::transform(said, said.begin(), [](char c) { return std::tolower(c); });
  if (said == place->second) return {};
  return Error("external data: {} has the SHA-1 {}, not {} as the file says", Quoted(location),
               place->second, Quoted(checksum));
}

}  // namespace descent::onnx

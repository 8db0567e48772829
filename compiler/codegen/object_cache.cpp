#include "compiler/codegen/object_cache.h"

#include <fcntl.h>
#include <link.h>
#include <llvm/ADT/StringExtras.h>
#include <llvm/Support/SHA256.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>

namespace descent {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kMagic = "descent object 1\n", kSuffix = ".object",
                           kPartialPrefix = "partial-";
constexpr size_t kDigits = 64;  ///< of a SHA-256
constexpr auto kPartialLife = std::chrono::hours(1);

std::unexpected<Diagnostic> IoError(std::string_view what, const std::string& path) {
  return ErrorWithStatus(ExitStatus::kIo, "cannot {} {}: {}", what, Quoted(path),
                         std::strerror(errno));
}

std::string Sha256(std::initializer_list<std::string_view> parts) {
  llvm::SHA256 hash;
  for (const std::string_view part : parts) hash.update(llvm::StringRef(part));
  return llvm::toHex(hash.final(), /*LowerCase=*/true);
}

std::string ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// What the linker wrote into a loaded file to tell its builds apart; "" where there is nothing.
std::string_view BuildId(const dl_phdr_info& file) {
  for (const auto& header : std::span(file.dlpi_phdr, file.dlpi_phnum)) {
    if (header.p_type != PT_NOTE) continue;
    const char* at = reinterpret_cast<const char*>(file.dlpi_addr + header.p_vaddr);
    const char* const end = at + header.p_memsz;
    while (at + sizeof(ElfW(Nhdr)) <= end) {
      const auto* note = reinterpret_cast<const ElfW(Nhdr)*>(at);
      const char* name = at + sizeof(ElfW(Nhdr));
      const char* content = name + (note->n_namesz + 3) / 4 * 4;
      if (note->n_type == NT_GNU_BUILD_ID && std::string_view(name, 3) == "GNU")
        return {content, note->n_descsz};
      at = content + (note->n_descsz + 3) / 4 * 4;
    }
  }
  return {};
}

/// Tells builds of this program and of the libraries in it apart.
std::string BuildOfProcess() {
  std::string builds;
  dl_iterate_phdr(
      [](dl_phdr_info* file, size_t, void* text) {
        auto& all = *static_cast<std::string*>(text);
        const std::string path = *file->dlpi_name ? file->dlpi_name : "/proc/self/exe";
        if (path.starts_with("linux-vdso")) return 0;
        const std::string_view id = BuildId(*file);
        all += id.empty() ? Sha256({ReadFile(path)}) : Sha256({id});
        return 0;
      },
      &builds);
  return builds;
}

/// What stands before an entry's object.
std::string HeaderOf(const std::string& key, std::string_view object) {
  return fmt::format("{}{}\n{}\n", kMagic, key, Sha256({object}));
}

bool IsEntry(const fs::path& path) {
  const std::string name = path.filename().string();
  return name.size() == kDigits + kSuffix.size() && name.ends_with(kSuffix) &&
         name.find_first_not_of("0123456789abcdef") == kDigits;
}

/// A new file, of a name that nobody else uses; -1 with errno set when that failed.
int CreatePartial(const std::string& folder, std::string& path) {
  static std::atomic<uint64_t> count = 0;
  thread_local std::mt19937_64 random{std::random_device()()};
  int file = -1;
  do {
    path = fmt::format("{}/{}{}-{}-{:016x}", folder, kPartialPrefix, getpid(), count++, random());
    file = open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  } while (file < 0 && errno == EEXIST);
  return file;
}

bool WriteAll(int file, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t count = write(file, bytes.data(), bytes.size());
    if (count < 0 && errno != EINTR) return false;
    bytes.remove_prefix(static_cast<size_t>(std::max<ssize_t>(count, 0)));
  }
  return true;
}

}  // namespace

ObjectCache::ObjectCache(std::string folder, int64_t limit)
    : folder_(std::move(folder)), limit_(limit), build_(BuildOfProcess()) {}

Result<std::unique_ptr<ObjectCache>> ObjectCache::Open(const std::string& folder, int64_t limit) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (!fs::is_directory(folder)) {
    errno = error ? error.value() : ENOTDIR;
    return IoError("make the folder", folder);
  }
  return std::unique_ptr<ObjectCache>(new ObjectCache(folder, limit));
}

std::string ObjectCache::KeyOf(std::string_view input) const {
  return Sha256({kMagic, build_, input});
}

std::string ObjectCache::PathOf(const std::string& key) const {
  return fmt::format("{}/{}{}", folder_, key, kSuffix);
}

std::optional<std::vector<char>> ObjectCache::Find(const std::string& key) {
  const std::string path = PathOf(key);
  const std::string entry = ReadFile(path);
  const size_t begin = std::min(entry.size(), kMagic.size() + 2 * (kDigits + 1));
  const std::string_view object = std::string_view(entry).substr(begin);
  if (std::string_view(entry).substr(0, begin) != HeaderOf(key, object)) {
    std::error_code ignored;
    if (fs::exists(path, ignored)) ++damaged_;
    return std::nullopt;
  }
  utimensat(AT_FDCWD, path.c_str(), nullptr, 0);  // used now; where we may not say so, so be it
  ++reused_;
  return std::vector<char>(object.begin(), object.end());
}

Result<void> ObjectCache::Store(const std::string& key, std::span<const char> object) {
  ++made_;
  const std::string_view bytes(object.data(), object.size());
  std::string partial;
  const int file = CreatePartial(folder_, partial);
  if (file < 0) return IoError("write to the cache", folder_);
  const bool written = WriteAll(file, HeaderOf(key, bytes)) && WriteAll(file, bytes);
  const int failure = errno;
  const bool closed = close(file) == 0;
  if (written && closed && rename(partial.c_str(), PathOf(key).c_str()) == 0) return {};
  if (!written) errno = failure;
  auto error = IoError("write to the cache", folder_);
  unlink(partial.c_str());
  return error;
}

void ObjectCache::Trim() const {
  struct Entry {
    fs::file_time_type used;
    int64_t bytes;
    fs::path path;
  };
  std::vector<Entry> entries;
  int64_t total = 0;
  std::error_code ignored;
  const auto now = fs::file_time_type::clock::now();
  for (fs::directory_iterator file(folder_, ignored), end; file != end; file.increment(ignored)) {
    const fs::path& path = file->path();
    std::error_code gone;
    const auto used = fs::last_write_time(path, gone);
    const auto bytes = static_cast<int64_t>(gone ? 0 : fs::file_size(path, gone));
    if (gone) continue;  // removed by another process
    // What a process left that ended while it wrote.
    if (path.filename().string().starts_with(kPartialPrefix) && now - used > kPartialLife)
      fs::remove(path, ignored);
    if (!IsEntry(path)) continue;
    entries.push_back({used, bytes, path});
    total += bytes;
  }
  std::ranges::sort(entries, {}, &Entry::used);
  for (const Entry& entry : entries) {
    if (total <= limit_) return;
    fs::remove(entry.path, ignored);
    total -= entry.bytes;
  }
}

}  // namespace descent

#include "runtime/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "runtime/partial_file.h"

namespace descent::runtime {
namespace {

constexpr size_t kInflateStep = size_t{1} << 20;

/// Ends the stream however the function is left.
struct Inflater {
  z_stream stream = {};
  bool ready;
  explicit Inflater(int window_bits) : ready(inflateInit2(&stream, window_bits) == Z_OK) {}
  ~Inflater() {
    if (ready) inflateEnd(&stream);
  }
  void SetInput(ByteView bytes) {
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(bytes.data()));
    stream.avail_in = static_cast<uInt>(bytes.size());
  }
  void SetOutput(std::byte* data, size_t size) {
    stream.next_out = reinterpret_cast<Bytef*>(data);
    stream.avail_out = static_cast<uInt>(std::min<size_t>(size, 1u << 30));
  }
};

}  // namespace

std::string FolderOf(const std::string& path) {
  size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

std::unexpected<Failure> IoFailure(const std::string& path, std::string_view what) {
  return FailWith(ExitStatus::kIo, path, "{}: {}", what, std::strerror(errno));
}

Descriptor::~Descriptor() {
  if (fd_ >= 0) close(fd_);
}

bool FileExists(const std::string& path) {
  struct stat facts;
  return stat(path.c_str(), &facts) == 0;
}

bool IsDirectory(const std::string& path) {
  struct stat facts;
  return stat(path.c_str(), &facts) == 0 && S_ISDIR(facts.st_mode);
}

Result<Bytes> ReadFile(const std::string& path) {
  // Not blocking: opening a pipe nobody writes to must not hang.
  Descriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!file.valid()) return IoFailure(path, "cannot open");
  struct stat facts;
  if (fstat(file.get(), &facts) != 0) return IoFailure(path, "cannot read");
  if (!S_ISREG(facts.st_mode)) return FailWith(ExitStatus::kIo, path, "is not a regular file");
  Bytes bytes(static_cast<size_t>(facts.st_size));
  size_t done = 0;
  while (done < bytes.size()) {
    ssize_t got = read(file.get(), bytes.data() + done, bytes.size() - done);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return IoFailure(path, "cannot read");
    if (got == 0) break;
    done += static_cast<size_t>(got);
  }
  bytes.resize(done);
  return bytes;
}

bool IsGzip(ByteView bytes) {
  return bytes.size() >= 2 && bytes[0] == std::byte{0x1f} && bytes[1] == std::byte{0x8b};
}

Result<Bytes> ReadFileOrGzip(const std::string& path) {
  auto bytes = ReadFile(path);
  if (!bytes || !IsGzip(*bytes)) return bytes;
  return InflateGzip(*bytes, path);
}

Result<Bytes> InflateGzip(ByteView bytes, const std::string& path) {
  Bytes out;
  size_t done = 0;
  while (!bytes.empty()) {
    if (!IsGzip(bytes)) return Fail(path, "bytes after the end of the gzip data");
    if (bytes.size() >= (size_t{1} << 32)) return Fail(path, "gzip file above 4 GiB");
    Inflater inflater(15 + 16);
    inflater.SetInput(bytes);
    for (int status = Z_OK; status != Z_STREAM_END;) {
      if (done == out.size()) {
        if (done >= kMaxInflatedBytes) return Fail(path, "inflates to more than 4 GiB");
        // Growing by doubling: what is reserved stays below twice what was really inflated.
        out.resize(done + std::max(kInflateStep, done));
      }
      inflater.SetOutput(out.data() + done, out.size() - done);
      uInt room = inflater.stream.avail_out;
      status = inflate(&inflater.stream, Z_NO_FLUSH);
      done += room - inflater.stream.avail_out;
      if (status == Z_BUF_ERROR && inflater.stream.avail_in == 0) {
        return Fail(path, "gzip data is truncated");
      }
      if (status != Z_OK && status != Z_STREAM_END && status != Z_BUF_ERROR) {
        return Fail(path, "gzip data is damaged");
      }
    }
    bytes = bytes.last(inflater.stream.avail_in);
  }
  out.resize(done);
  return out;
}

Result<Bytes> InflateRaw(ByteView bytes, int64_t size, const std::string& path) {
  if (size < 0 || size > kMaxInflatedBytes ||
      size > kMaxDeflateRatio * (static_cast<int64_t>(bytes.size()) + 1)) {
    return Fail(path, "declares {} bytes from {} compressed ones: more than deflate can hold", size,
                bytes.size());
  }
  if (bytes.size() >= (size_t{1} << 32)) return Fail(path, "compressed data above 4 GiB");
  Bytes out(static_cast<size_t>(size));
  Inflater inflater(-15);
  inflater.SetInput(bytes);
  std::byte past_end;
  size_t done = 0;
  for (int status = Z_OK; status != Z_STREAM_END;) {
    bool full = done == out.size();
    inflater.SetOutput(full ? &past_end : out.data() + done, full ? 1 : out.size() - done);
    uInt room = inflater.stream.avail_out;
    status = inflate(&inflater.stream, Z_NO_FLUSH);
    size_t got = room - inflater.stream.avail_out;
    if ((full && got > 0) || (status != Z_OK && status != Z_STREAM_END)) {
      return Fail(path, "compressed data is damaged");
    }
    done += full ? 0 : got;
  }
  if (done != out.size()) return Fail(path, "compressed data is shorter than declared");
  return out;
}

bool WriteAll(int fd, ByteView bytes) {
  while (!bytes.empty()) {
    ssize_t put = write(fd, bytes.data(), bytes.size());
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return false;
    bytes = bytes.subspan(static_cast<size_t>(put));
  }
  return true;
}

Result<void> SyncFolderOf(const std::string& path) {
  std::string folder = FolderOf(path);
  Descriptor directory(open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory.valid()) return IoFailure(folder, "cannot open folder");
  // Some file systems cannot sync a folder and say EINVAL; there is nothing more to do there.
  if (fsync(directory.get()) != 0 && errno != EINVAL)
    return IoFailure(folder, "cannot sync folder");
  return {};
}

namespace {

/// Devices and folders are not replaced.
Result<void> CheckReplaceable(const std::string& path) {
  struct stat facts;
  if (stat(path.c_str(), &facts) == 0 && !S_ISREG(facts.st_mode))
    return FailWith(ExitStatus::kIo, path, "cannot be written: it is not a regular file");
  return {};
}

void KeepPermissions(const std::string& path, int file) {
  struct stat facts;
  // A file system that has none says no, and loses nothing by it.
  if (stat(path.c_str(), &facts) == 0 && fchmod(file, facts.st_mode & 0777) != 0) return;
}

}  // namespace

Result<void> CheckWritable(const std::string& path) {
  if (auto replaceable = CheckReplaceable(path); !replaceable) return replaceable;
  std::string temporary = PartialPath(path);
  Descriptor file(open(temporary.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0666));
  if (!file.valid()) return IoFailure(path, "cannot be written");
  unlink(temporary.c_str());
  return {};
}

Result<void> WriteFileAtomically(const std::string& path, ByteView bytes) {
  if (auto replaceable = CheckReplaceable(path); !replaceable) return replaceable;
  std::string temporary = PartialPath(path);
  {
    Descriptor file(open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666));
    if (!file.valid()) return IoFailure(path, "cannot be written");
    KeepPermissions(path, file.get());
    if (!WriteAll(file.get(), bytes) || fsync(file.get()) != 0) {
      auto failure = IoFailure(path, "cannot be written");
      unlink(temporary.c_str());
      return failure;
    }
  }
  if (rename(temporary.c_str(), path.c_str()) != 0) return IoFailure(path, "cannot replace");
  return SyncFolderOf(path);
}

}  // namespace descent::runtime

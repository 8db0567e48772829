// NPZ: PKWARE's APPNOTE.TXT, of which members with method stored or deflated, ZIP64 sizes included,
// are read.
#include <zlib.h>

#include <algorithm>

#include "runtime/data/array.h"
#include "runtime/data/byte_reader.h"

namespace descent::runtime {
namespace {

constexpr std::string_view kLocalHeader = "PK\x03\x04", kCentralHeader = "PK\x01\x02",
                           kEnd = "PK\x05\x06", kEnd64 = "PK\x06\x06", kLocator64 = "PK\x06\x07";
constexpr size_t kEndBytes = 22, kCentralBytes = 46, kLocalBytes = 30, kLocatorBytes = 20,
                 kEnd64Bytes = 56;
constexpr uint32_t kIn64 = 0xFFFFFFFF;

struct Member {
  std::string name;
  uint16_t flags = 0, method = 0;
  uint32_t checksum = 0;
  uint64_t compressed = 0, uncompressed = 0, local_offset = 0;
};

struct Directory {
  uint64_t offset = 0, bytes = 0, members = 0;
};

template <typename T>
T FieldAt(ByteView bytes, size_t offset) {
  T value;
  std::memcpy(&value, bytes.data() + offset, sizeof(T));  // little-endian, as every target of ours
  return value;
}

bool HasAt(ByteView bytes, uint64_t offset, std::string_view signature, size_t size) {
  return offset <= bytes.size() && bytes.size() - offset >= size &&
         TextOf(bytes.subspan(offset)).starts_with(signature);
}

Result<Directory> FindDirectory(ByteView bytes, const std::string& path) {
  size_t at = TextOf(bytes).rfind(kEnd);
  if (at == std::string_view::npos || bytes.size() - at < kEndBytes) {
    return Fail(path, "NPZ file has no end record: it is truncated");
  }
  Directory found = {.offset = FieldAt<uint32_t>(bytes, at + 16),
                     .bytes = FieldAt<uint32_t>(bytes, at + 12),
                     .members = FieldAt<uint16_t>(bytes, at + 10)};
  if (at >= kLocatorBytes && HasAt(bytes, at - kLocatorBytes, kLocator64, kLocatorBytes)) {
    uint64_t at64 = FieldAt<uint64_t>(bytes, at - kLocatorBytes + 8);
    if (!HasAt(bytes, at64, kEnd64, kEnd64Bytes)) {
      return Fail(path, "NPZ file has a damaged ZIP64 end record");
    }
    found = {.offset = FieldAt<uint64_t>(bytes, at64 + 48),
             .bytes = FieldAt<uint64_t>(bytes, at64 + 40),
             .members = FieldAt<uint64_t>(bytes, at64 + 32)};
  }
  if (found.offset > bytes.size() || found.bytes > bytes.size() - found.offset ||
      found.members > found.bytes / kCentralBytes) {
    return Fail(path, "NPZ directory lies outside the file");
  }
  return found;
}

/// Sizes that did not fit 32 bits stand in extra field 1, in this order, only those that are
/// needed.
bool ReadZip64(ByteView extra, Member* member) {
  uint64_t* wide[] = {&member->uncompressed, &member->compressed, &member->local_offset};
  if (std::ranges::none_of(wide, [](uint64_t* v) { return *v == kIn64; })) return true;
  ByteReader reader(extra);
  for (;;) {
    auto id = reader.Little<uint16_t>(), size = reader.Little<uint16_t>();
    if (!id || !size) return false;
    auto body = reader.Take(*size);
    if (!body) return false;
    if (*id != 1) continue;
    ByteReader fields(*body);
    for (uint64_t* value : wide) {
      if (*value != kIn64) continue;
      auto read = fields.Little<uint64_t>();
      if (!read) return false;
      *value = *read;
    }
    return true;
  }
}

Result<std::vector<Member>> ReadDirectory(ByteView bytes, const std::string& path) {
  auto directory = FindDirectory(bytes, path);
  if (!directory) return std::unexpected(directory.error());
  ByteView entries = bytes.subspan(directory->offset, directory->bytes);
  std::vector<Member> members;
  for (uint64_t i = 0; i < directory->members; ++i) {
    if (!HasAt(entries, 0, kCentralHeader, kCentralBytes)) {
      return Fail(path, "NPZ directory is damaged at its entry {}", i + 1);
    }
    size_t name = FieldAt<uint16_t>(entries, 28), extra = FieldAt<uint16_t>(entries, 30),
           comment = FieldAt<uint16_t>(entries, 32);
    if (entries.size() - kCentralBytes < name + extra + comment) {
      return Fail(path, "NPZ directory is truncated at its entry {}", i + 1);
    }
    Member member = {.name = std::string(TextOf(entries.subspan(kCentralBytes, name))),
                     .flags = FieldAt<uint16_t>(entries, 8),
                     .method = FieldAt<uint16_t>(entries, 10),
                     .checksum = FieldAt<uint32_t>(entries, 16),
                     .compressed = FieldAt<uint32_t>(entries, 20),
                     .uncompressed = FieldAt<uint32_t>(entries, 24),
                     .local_offset = FieldAt<uint32_t>(entries, 42)};
    if (!ReadZip64(entries.subspan(kCentralBytes + name, extra), &member)) {
      return Fail(path, "NPZ member {} has damaged sizes", Quoted(member.name));
    }
    members.push_back(std::move(member));
    entries = entries.subspan(kCentralBytes + name + extra + comment);
  }
  return members;
}

Result<Bytes> ReadMember(ByteView bytes, const Member& member, const std::string& path) {
  std::string place = path + "(" + member.name + ")";
  if (member.flags & 1) return FailWith(ExitStatus::kUnsupported, place, "is encrypted");
  if (!HasAt(bytes, member.local_offset, kLocalHeader, kLocalBytes)) {
    return Fail(place, "its header lies outside the file");
  }
  ByteView local = bytes.subspan(member.local_offset);
  size_t skip = kLocalBytes + FieldAt<uint16_t>(local, 26) + FieldAt<uint16_t>(local, 28);
  if (skip > local.size() || member.compressed > local.size() - skip) {
    return Fail(place, "its data lies outside the file");
  }
  ByteView data = local.subspan(skip, member.compressed);
  Bytes content;
  if (member.method == 0) {
    if (member.uncompressed != member.compressed) return Fail(place, "its two sizes differ");
    content.assign(data.begin(), data.end());
  } else if (member.method == 8) {
    if (member.uncompressed > static_cast<uint64_t>(kMaxInflatedBytes)) {
      return Fail(place, "inflates to more than 4 GiB");
    }
    auto inflated = InflateRaw(data, static_cast<int64_t>(member.uncompressed), place);
    if (!inflated) return inflated;
    content = *std::move(inflated);
  } else {
    return FailWith(ExitStatus::kUnsupported, place, "compression method {} is not supported",
                    member.method);
  }
  uLong checksum = crc32_z(0, reinterpret_cast<const Bytef*>(content.data()), content.size());
  if (checksum != member.checksum) return Fail(place, "its checksum is wrong: the file is damaged");
  return content;
}

}  // namespace

bool IsNpz(ByteView bytes) {
  return TextOf(bytes).starts_with(kLocalHeader) || TextOf(bytes).starts_with(kEnd);
}

Result<std::vector<NamedArray>> ParseNpz(ByteView bytes, const std::string& path) {
  auto members = ReadDirectory(bytes, path);
  if (!members) return std::unexpected(members.error());
  std::vector<NamedArray> arrays;
  int64_t total_bytes = 0;
  for (const Member& member : *members) {
    auto content = ReadMember(bytes, member, path);
    if (!content) return std::unexpected(content.error());
    total_bytes += static_cast<int64_t>(content->size());
    if (total_bytes > kMaxInflatedBytes) return Fail(path, "inflates to more than 4 GiB");
    std::string_view name = member.name;
    if (name.ends_with(".npy")) name.remove_suffix(4);
    auto array = ParseNpy(*content, path + "(" + member.name + ")");
    if (!array) return std::unexpected(array.error());
    if (std::ranges::find(arrays, name, &NamedArray::name) != arrays.end()) {
      return Fail(path, "holds two arrays named {}", Quoted(name));
    }
    arrays.push_back({std::string(name), *std::move(array)});
  }
  return arrays;
}

}  // namespace descent::runtime

#include "runtime/safetensors.h"

#include <algorithm>
#include <tuple>

#include "runtime/data/byte_reader.h"
#include "runtime/dtype.h"
#include "runtime/json.h"

namespace descent::runtime {
namespace {

constexpr uint64_t kMaxHeaderBytes = 100'000'000;  // the format's own limit
constexpr std::string_view kMetadata = "__metadata__";

struct Extent {
  int64_t begin = 0, end = 0;
};

Result<void> ReadMetadata(const Json& member, const std::string& path, Metadata* metadata) {
  if (!member.object()) return Fail(path, "safetensors metadata is not an object");
  for (const auto& [key, value] : *member.object()) {
    if (!value.string()) return Fail(path, "safetensors metadata {} is not text", Quoted(key));
    metadata->emplace(key, *value.string());
  }
  return {};
}

Result<int32_t> ReadDType(const std::string& name, const Json* member, const std::string& path) {
  if (!member || !member->string()) return Fail(path, "tensor {} has no dtype", Quoted(name));
  for (int32_t dtype = 0; dtype < kDTypeCount; ++dtype) {
    if (kDTypes[dtype].safetensors == *member->string()) return dtype;
  }
  return FailWith(ExitStatus::kUnsupported, path, "tensor {} has dtype {}, which is not supported",
                  Quoted(name), Quoted(*member->string()));
}

Result<std::vector<int64_t>> ReadIntegers(const std::string& name, const Json* member,
                                          std::string_view what, const std::string& path) {
  std::vector<int64_t> integers;
  if (member && member->array()) {
    for (const Json& element : *member->array()) {
      auto integer = element.Integer();
      if (!integer || *integer < 0) break;
      integers.push_back(*integer);
    }
    if (integers.size() == member->array()->size()) return integers;
  }
  return Fail(path, "tensor {} has no valid {}", Quoted(name), what);
}

/// A tensor's entry of the header; its bytes are [extent.begin, extent.end) of the data.
Result<NamedTensor> ReadTensor(const std::string& name, const Json& entry, ByteView data,
                               const std::string& path, Extent* extent) {
  if (!entry.object() || entry.object()->size() != 3) {
    return Fail(path, "tensor {} must have dtype, shape and data_offsets", Quoted(name));
  }
  auto dtype = ReadDType(name, entry.Find("dtype"), path);
  if (!dtype) return std::unexpected(dtype.error());
  auto shape = ReadIntegers(name, entry.Find("shape"), "shape", path);
  if (!shape) return std::unexpected(shape.error());
  auto offsets = ReadIntegers(name, entry.Find("data_offsets"), "data_offsets", path);
  if (!offsets) return std::unexpected(offsets.error());
  if (offsets->size() != 2 || (*offsets)[0] > (*offsets)[1] ||
      static_cast<uint64_t>((*offsets)[1]) > data.size()) {
    return Fail(path, "tensor {} lies outside the file", Quoted(name));
  }
  *extent = {(*offsets)[0], (*offsets)[1]};
  auto declared = CheckedBytes(*shape, SizeOf(*dtype));
  if (!declared || *declared != extent->end - extent->begin) {
    return Fail(path, "tensor {} is [{}] of {}, but has {} bytes", Quoted(name),
                fmt::join(*shape, ", "), NameOf(*dtype), extent->end - extent->begin);
  }
  return NamedTensor{name, *dtype, *std::move(shape),
                     data.subspan(static_cast<size_t>(extent->begin),
                                  static_cast<size_t>(extent->end - extent->begin))};
}

}  // namespace

const NamedTensor* Safetensors::Find(std::string_view name) const {
  auto found = std::ranges::find(tensors, name, &NamedTensor::name);
  return found == tensors.end() ? nullptr : &*found;
}

Result<Safetensors> ParseSafetensors(ByteView bytes, const std::string& path) {
  ByteReader reader(bytes);
  auto header_bytes = reader.Little<uint64_t>();
  if (!header_bytes || *header_bytes > kMaxHeaderBytes || *header_bytes > reader.remaining()) {
    return Fail(path, "is not a safetensors file, or truncated: its header does not fit");
  }
  auto header = ParseJson(TextOf(*reader.Take(*header_bytes)), path);
  if (!header) return std::unexpected(header.error());
  if (!header->object()) return Fail(path, "safetensors header is not an object");
  ByteView data = *reader.Take(reader.remaining());
  Safetensors file;
  std::vector<std::pair<Extent, NamedTensor>> placed;
  for (const auto& [name, entry] : *header->object()) {
    if (name == kMetadata) {
      auto read = ReadMetadata(entry, path, &file.metadata);
      if (!read) return std::unexpected(read.error());
      continue;
    }
    Extent extent;
    auto tensor = ReadTensor(name, entry, data, path, &extent);
    if (!tensor) return std::unexpected(tensor.error());
    placed.emplace_back(extent, *std::move(tensor));
  }
  std::ranges::sort(placed, {}, [](const auto& p) {
    return std::tuple(p.first.begin, p.first.end, std::string_view(p.second.name));
  });
  int64_t end = 0;
  for (auto& [extent, tensor] : placed) {
    if (extent.begin != end) {
      return Fail(path, "tensor {} overlaps another or leaves a gap", Quoted(tensor.name));
    }
    end = extent.end;
    file.tensors.push_back(std::move(tensor));
  }
  if (static_cast<uint64_t>(end) != data.size()) {
    return Fail(path, "{} bytes of data belong to no tensor", data.size() - end);
  }
  return file;
}

Bytes WriteSafetensors(const Metadata& metadata, std::vector<NamedTensor> tensors) {
  std::ranges::sort(tensors, {}, [](const NamedTensor& tensor) {
    return std::pair(-SizeOf(tensor.dtype), std::string_view(tensor.name));
  });
  std::string header = "{";
  if (!metadata.empty()) {
    header += JsonString(kMetadata) + ":{";
    for (const auto& [key, value] : metadata) {
      header += (header.back() == '{' ? "" : ",") + JsonString(key) + ":" + JsonString(value);
    }
    header += "}";
  }
  size_t offset = 0;
  for (const NamedTensor& tensor : tensors) {
    header += fmt::format("{}{}:{{\"dtype\":\"{}\",\"shape\":[{}],\"data_offsets\":[{},{}]}}",
                          header.size() > 1 ? "," : "", JsonString(tensor.name),
                          kDTypes[tensor.dtype].safetensors, fmt::join(tensor.shape, ","), offset,
                          offset + tensor.bytes.size());
    offset += tensor.bytes.size();
  }
  header += "}";
  header.append((8 - header.size() % 8) % 8, ' ');
  uint64_t header_bytes = header.size();
  Bytes file(8 + header.size() + offset);
  std::memcpy(file.data(), &header_bytes, 8);
  std::memcpy(file.data() + 8, header.data(), header.size());
  std::byte* to = file.data() + 8 + header.size();
  for (const NamedTensor& tensor : tensors) {
    std::ranges::copy(tensor.bytes, to);
    to += tensor.bytes.size();
  }
  return file;
}

}  // namespace descent::runtime

#include "frontends/onnx/tensor_reader.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <vector>

#include "ir/io/model_folder.h"

namespace descent::onnx {
namespace {

using proto::TensorProto;
namespace fs = std::filesystem;

static_assert(std::endian::native == std::endian::little);

Result<TensorType> ReadType(const TensorProto& tensor) {
  DESCENT_TRY(dtype, ReadDType(tensor.data_type()));
  TensorType type{dtype, Shape(tensor.dims().begin(), tensor.dims().end())};
  if (type.rank() > kMaxRank) return Error("has {} axes, more than {}", type.rank(), kMaxRank);
  if (!CheckedElements(type.shape)) return Error("has shape {}", ToString(type.shape));
  return type;
}

/// Elements of a typed field, each cut to the width of `Stored`.
template <typename Stored, typename Field>
std::vector<std::byte> Narrowed(const Field& field) {
  std::vector<std::byte> bytes(field.size() * sizeof(Stored));
  for (int i = 0; i < field.size(); ++i) {
    const auto value = static_cast<Stored>(field[i]);
    std::memcpy(bytes.data() + i * sizeof(Stored), &value, sizeof(Stored));
  }
  return bytes;
}

std::vector<std::byte> TypedField(DType dtype, const TensorProto& tensor) {
  switch (dtype) {
    case DType::kF32:
      return Narrowed<float>(tensor.float_data());
    case DType::kF64:
      return Narrowed<double>(tensor.double_data());
    case DType::kI64:
      return Narrowed<int64_t>(tensor.int64_data());
    case DType::kU64:
      return Narrowed<uint64_t>(tensor.uint64_data());
    case DType::kU32:
      return Narrowed<uint32_t>(tensor.uint64_data());
    case DType::kI32:
      return Narrowed<int32_t>(tensor.int32_data());
    case DType::kI16:
    case DType::kU16:
    case DType::kF16:
    case DType::kBF16:
      return Narrowed<uint16_t>(tensor.int32_data());
    case DType::kI8:
    case DType::kU8:
    case DType::kBool:
      return Narrowed<uint8_t>(tensor.int32_data());
  }
  return {};
}

std::vector<std::byte> Bytes(std::string_view raw) {
  const auto data = std::as_bytes(std::span(raw));
  return {data.begin(), data.end()};
}

struct ExternalPlace {
  std::string location;
  uint64_t offset = 0;
  std::optional<uint64_t> length;
};

Result<uint64_t> ReadNumber(const std::string& key, const std::string& text) {
  uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size())
    return Error("external data: {} is {}, not a number of bytes", key, Quoted(text));
  return number;
}

Result<ExternalPlace> ReadPlace(const TensorProto& tensor) {
  ExternalPlace place;
  for (const auto& entry : tensor.external_data()) {
    if (entry.key() == "location") {
      place.location = entry.value();
    } else if (entry.key() == "offset") {
      DESCENT_TRY(offset, ReadNumber("offset", entry.value()));
      place.offset = offset;
    } else if (entry.key() == "length") {
      DESCENT_TRY(length, ReadNumber("length", entry.value()));
      place.length = length;
    }
  }
  if (place.location.empty()) return Error("external data without a location");
  return place;
}

Result<std::vector<std::byte>> ReadExternal(const TensorProto& tensor, const TensorType& type,
                                            const std::string& folder) {
  DESCENT_TRY(place, ReadPlace(tensor));
  const std::optional<fs::path> path = PathInFolder(folder, place.location);
  if (!path)
    return Error("external data: {} is not inside the model's folder", Quoted(place.location));
  const auto want = static_cast<uint64_t>(type.bytes());
  if (place.length && *place.length != want)
    return Error("external data of {} bytes, but {} has {}", *place.length, ToString(type), want);
  std::error_code error;
  const uint64_t size = fs::is_regular_file(*path, error) ? fs::file_size(*path, error) : 0;
  std::ifstream file(*path, std::ios::binary);
  if (error || !file)
    return ErrorWithStatus(ExitStatus::kIo, "cannot read external data {}", Quoted(place.location));
  if (place.offset > size || want > size - place.offset)
    return Error("external data: {} has {} bytes, too few for {} behind {}", Quoted(place.location),
                 size, want, place.offset);
  std::vector<std::byte> bytes(want);
  file.seekg(static_cast<std::streamoff>(place.offset));
  file.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(want));
  if (!file)
    return ErrorWithStatus(ExitStatus::kIo, "cannot read external data {}", Quoted(place.location));
  return bytes;
}

Result<Tensor> ReadElements(const TensorProto& tensor, const std::string& folder) {
  DESCENT_TRY(type, ReadType(tensor));
  std::vector<std::byte> bytes;
  if (tensor.data_location() == TensorProto::EXTERNAL) {
    DESCENT_TRY(read, ReadExternal(tensor, type, folder));
    bytes = std::move(read);
  } else if (!tensor.raw_data().empty()) {
    bytes = Bytes(tensor.raw_data());
  } else {
    bytes = TypedField(type.dtype, tensor);
  }
  if (bytes.size() != static_cast<size_t>(type.bytes()))
    return Error("{} has {} bytes, not {}", ToString(type), type.bytes(), bytes.size());
  if (type.dtype == DType::kBool)
    std::ranges::transform(bytes, bytes.begin(),
                           [](std::byte b) { return std::byte(b != std::byte{0}); });
  return Tensor(std::move(type), std::move(bytes));
}

}  // namespace

Result<Tensor> ReadTensor(const TensorProto& tensor, const std::string& folder) {
  auto read = ReadElements(tensor, folder);
  if (!read) {
    Diagnostic diagnostic = std::move(read).error();
    diagnostic.message = fmt::format("tensor {}: {}", Quoted(tensor.name()), diagnostic.message);
    return std::unexpected(std::move(diagnostic));
  }
  return read;
}

}  // namespace descent::onnx

#include "frontends/onnx/tensor_reader.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cstring>
#include <memory>
#include <set>
#include <string_view>
#include <vector>

namespace descent::onnx {
namespace {

using proto::TensorProto;

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

struct ExternalPlace {
  std::string location;
  uint64_t offset = 0;
  std::optional<uint64_t> length;
  std::string checksum;  ///< or ""
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
  std::set<std::string_view> keys;
  for (const auto& entry : tensor.external_data()) {
    if (!keys.insert(entry.key()).second)
      return Error("external data: {} is given twice", Quoted(entry.key()));
    if (entry.key() == "location") {
      place.location = entry.value();
    } else if (entry.key() == "offset") {
      DESCENT_TRY(offset, ReadNumber("offset", entry.value()));
      place.offset = offset;
    } else if (entry.key() == "length") {
      DESCENT_TRY(length, ReadNumber("length", entry.value()));
      place.length = length;
    } else if (entry.key() == "checksum") {
      place.checksum = entry.value();
    }
  }
  if (place.location.empty()) return Error("external data without a location");
  return place;
}

/// The bytes of a file that hold the tensor, where they are not in its message.
Result<StoredBytes> FindStored(const TensorProto& tensor, const TensorType& type,
                               Storage& storage) {
  if (tensor.data_location() != TensorProto::EXTERNAL)
    return storage.InFile(tensor.file_offset(), tensor.file_bytes());
  DESCENT_TRY(place, ReadPlace(tensor));
  const auto want = static_cast<uint64_t>(type.bytes());
  if (place.length && *place.length != want)
    return Error("external data of {} bytes, but {} has {}", *place.length, ToString(type), want);
  DESCENT_TRY(stored, storage.External(place.location, place.offset, want));
  if (!place.checksum.empty())
    DESCENT_RETURN_IF_ERROR(storage.CheckExternal(place.location, place.checksum));
  return stored;
}

/// In the machine's form: a true bool is 1.
Tensor Normalized(TensorType type, std::vector<std::byte> bytes) {
  if (type.dtype == DType::kBool)
    std::ranges::transform(bytes, bytes.begin(),
                           [](std::byte b) { return std::byte(b != std::byte{0}); });
  return Tensor(std::move(type), std::move(bytes));
}

/// The numbers of a tensor stand in one of its fields, or in a file.
Result<void> CheckPlace(const TensorProto& tensor) {
  if (tensor.has_segment())
    return ErrorWithStatus(ExitStatus::kUnsupported, "is a segment of a tensor");
  const bool filled[] = {tensor.data_location() == TensorProto::EXTERNAL,
                         !tensor.raw_data().empty() || tensor.file_bytes() > 0,
                         !tensor.float_data().empty(),
                         !tensor.int32_data().empty(),
                         !tensor.int64_data().empty(),
                         !tensor.double_data().empty(),
                         !tensor.uint64_data().empty(),
                         !tensor.string_data().empty()};
  if (std::ranges::count(filled, true) > 1) return Error("has its numbers in more than one place");
  return {};
}

Result<Tensor> ReadElements(const TensorProto& tensor, Storage& storage) {
  DESCENT_TRY(type, ReadType(tensor));
  DESCENT_RETURN_IF_ERROR(CheckPlace(tensor));
  StoredBytes stored;
  std::vector<std::byte> own;
  const bool is_stored = tensor.data_location() == TensorProto::EXTERNAL || tensor.file_bytes() > 0;
  if (is_stored) {
    DESCENT_TRY(found, FindStored(tensor, type, storage));
    stored = std::move(found);
  } else if (!tensor.raw_data().empty()) {
    stored.bytes = std::as_bytes(std::span(tensor.raw_data()));
  } else {
    own = TypedField(type.dtype, tensor);
    stored.bytes = own;
  }
  if (stored.bytes.size() != static_cast<size_t>(type.bytes()))
    return Error("{} has {} bytes, not {}", ToString(type), type.bytes(), stored.bytes.size());
  if (is_stored && type.dtype != DType::kBool && stored.bytes.size() >= kLargeBytes)
    return Tensor(std::move(type),
                  std::shared_ptr<const std::byte>(std::move(stored.file), stored.bytes.data()));
  if (own.empty()) own.assign(stored.bytes.begin(), stored.bytes.end());
  return Normalized(std::move(type), std::move(own));
}

}  // namespace

Result<Tensor> ReadTensor(const TensorProto& tensor, Storage& storage) {
  auto read = ReadElements(tensor, storage);
  if (!read) {
    Diagnostic diagnostic = std::move(read).error();
    diagnostic.message = fmt::format("tensor {}: {}", Quoted(tensor.name()), diagnostic.message);
    return std::unexpected(std::move(diagnostic));
  }
  return read;
}

}  // namespace descent::onnx

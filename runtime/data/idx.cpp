#include "runtime/data/array.h"

#include <algorithm>
#include "runtime/data/byte_reader.h"
#include "runtime/dtype.h"

namespace descent::runtime {
namespace {

constexpr int kMaxRank = 8;

struct IdxType {
  uint8_t code;
  int64_t size_bytes;
  int32_t dtype;
  void (*decode)(ByteReader& from, std::byte* to, int64_t count);
};

template <typename Stored, typename Kept>
void Decode(ByteReader& from, std::byte* to, int64_t count) {
  for (int64_t i = 0; i < count; ++i, to += sizeof(Kept)) {
    Kept value = static_cast<Kept>(*from.Big<Stored>());
    std::memcpy(to, &value, sizeof(Kept));
  }
}

void DecodeBytes(ByteReader& from, std::byte* to, int64_t count) {
  ByteView bytes = *from.Take(static_cast<size_t>(count));
  std::ranges::copy(bytes, to);
}

constexpr IdxType kTypes[] = {
    {0x08, 1, DESCENT_U8, DecodeBytes},
    {0x09, 1, DESCENT_I32, Decode<int8_t, int32_t>},
    {0x0B, 2, DESCENT_I32, Decode<int16_t, int32_t>},
    {0x0C, 4, DESCENT_I32, Decode<int32_t, int32_t>},
    {0x0D, 4, DESCENT_F32, Decode<float, float>},
    {0x0E, 8, DESCENT_F64, Decode<double, double>},
};

const IdxType* FindType(uint8_t code) {
  for (const IdxType& type : kTypes) {
    if (type.code == code) return &type;
  }
  return nullptr;
}

}  // namespace

bool IsIdx(ByteView bytes) {
  return bytes.size() >= 4 && bytes[0] == std::byte{0} && bytes[1] == std::byte{0} &&
         FindType(static_cast<uint8_t>(bytes[2]));
}

Result<Array> ParseIdx(ByteView bytes, const std::string& path) {
  if (!IsIdx(bytes)) return Fail(path, "is not an IDX file: it must begin with 0, 0 and a type");
  ByteReader reader(bytes, 4);
  const IdxType& type = *FindType(static_cast<uint8_t>(bytes[2]));
  int rank = static_cast<int>(bytes[3]);
  if (rank < 1 || rank > kMaxRank) {
    return Fail(path, "IDX header declares {} dimensions; 1 to {} are allowed", rank, kMaxRank);
  }
  Array array = {.dtype = type.dtype};
  for (int axis = 0; axis < rank; ++axis) {
    auto extent = reader.Big<uint32_t>();
    if (!extent) return Fail(path, "IDX header is truncated at offset {}", reader.offset());
    array.shape.push_back(*extent);
  }
  auto declared = CheckedBytes(array.shape, type.size_bytes);
  if (!declared || static_cast<uint64_t>(*declared) != reader.remaining()) {
    return Fail(path, "IDX header declares [{}] of {} bytes each, but {} bytes follow it",
                fmt::join(array.shape, ", "), type.size_bytes, reader.remaining());
  }
  int64_t count = *declared / type.size_bytes;
  array.values.resize(static_cast<size_t>(count * SizeOf(type.dtype)));
  type.decode(reader, array.values.data(), count);
  return array;
}

}  // namespace descent::runtime

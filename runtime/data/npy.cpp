#include <algorithm>
#include <charconv>

#include "runtime/data/array.h"
#include "runtime/data/byte_reader.h"
#include "runtime/dtype.h"

namespace descent::runtime {
namespace {

constexpr std::string_view kMagic = "\x93NUMPY";
constexpr size_t kMaxHeaderBytes = size_t{1} << 20;
constexpr size_t kMaxRank = 32;

struct NpyType {
  std::string_view code;  ///< after the byte order
  int32_t dtype;
};
// NumPy has no bf16: the package ml_dtypes writes its own as 2 bytes without a meaning.
constexpr NpyType kTypes[] = {{"f4", DESCENT_F32}, {"f8", DESCENT_F64},  {"i4", DESCENT_I32},
                              {"i8", DESCENT_I64}, {"u1", DESCENT_U8},   {"b1", DESCENT_BOOL},
                              {"f2", DESCENT_F16}, {"V2", DESCENT_BF16}, {"i1", DESCENT_I8},
                              {"i2", DESCENT_I16}, {"u2", DESCENT_U16},  {"u4", DESCENT_U32},
                              {"u8", DESCENT_U64}};

struct Header {
  std::string descr;
  bool fortran_order = false;
  std::vector<int64_t> shape;
};

/// The subset of Python's literals that numpy.save writes:
/// {'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }
class HeaderParser {
 public:
  HeaderParser(std::string_view text, const std::string& path) : text_(text), path_(path) {}

  Result<Header> Parse() {
    Header header;
    unsigned seen = 0;
    if (!Take('{')) return Bad("must begin with '{'");
    while (!Take('}')) {
      std::string key;
      if (!String(&key) || !Take(':')) return Bad("must hold 'key': value pairs");
      auto parsed = Value(key, &header, &seen);
      if (!parsed) return std::unexpected(parsed.error());
      if (!Take(',') && !Peek('}')) return Bad("lacks ',' or '}'");
    }
    SkipSpace();
    if (at_ != text_.size()) return Bad("has text after '}'");
    if (seen != 7) return Bad("must hold descr, fortran_order and shape");
    return header;
  }

 private:
  std::unexpected<Failure> Bad(std::string_view what) const {
    return Fail(path_, "NPY header {} (at its character {})", what, at_);
  }

  Result<void> Value(const std::string& key, Header* header, unsigned* seen) {
    struct Key {
      std::string_view name;
      unsigned bit;
    };
    constexpr Key kKeys[] = {{"descr", 1}, {"fortran_order", 2}, {"shape", 4}};
    for (auto [name, bit] : kKeys) {
      if (key != name) continue;
      if (*seen & bit) return Bad("holds a key twice");
      *seen |= bit;
      bool good = bit == 1 ? Descr(header) : bit == 2 ? Order(header) : Shape(header);
      if (!good) return Bad(fmt::format("has a value of {} that is not understood", name));
      return {};
    }
    return Bad("holds an unknown key");
  }

  bool Descr(Header* header) {
    if (Peek('[')) {
      header->descr = "structured";
      return false;
    }
    return String(&header->descr);
  }
  bool Order(Header* header) {
    header->fortran_order = Word("True");
    return header->fortran_order || Word("False");
  }
  bool Shape(Header* header) {
    if (!Take('(')) return false;
    while (!Take(')')) {
      SkipSpace();
      int64_t extent = 0;
      auto [end, error] = std::from_chars(text_.data() + at_, text_.data() + text_.size(), extent);
      if (error != std::errc() || extent < 0 || header->shape.size() == kMaxRank) return false;
      at_ = static_cast<size_t>(end - text_.data());
      header->shape.push_back(extent);
      if (!Take(',') && !Peek(')')) return false;
    }
    return true;
  }

  void SkipSpace() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\n')) ++at_;
  }
  bool Peek(char c) {
    SkipSpace();
    return at_ < text_.size() && text_[at_] == c;
  }
  bool Take(char c) {
    if (!Peek(c)) return false;
    ++at_;
    return true;
  }
  bool Word(std::string_view word) {
    SkipSpace();
    if (!text_.substr(at_).starts_with(word)) return false;
    at_ += word.size();
    return true;
  }
  bool String(std::string* out) {
    char quote = Peek('\'') ? '\'' : '"';
    if (!Take(quote)) return false;
    size_t end = text_.find(quote, at_);
    if (end == std::string_view::npos) return false;
    *out = text_.substr(at_, end - at_);
    at_ = end + 1;
    return out->find('\\') == std::string::npos;
  }

  std::string_view text_;
  const std::string& path_;
  size_t at_ = 0;
};

/// Bytes [..., element] with the first axis fastest to row-major.
Bytes FromFortranOrder(const Bytes& values, const std::vector<int64_t>& shape, int64_t size) {
  Bytes out(values.size());
  std::vector<int64_t> index(shape.size(), 0), strides(shape.size());
  int64_t stride = size;
  for (size_t axis = 0; axis < shape.size(); ++axis) {
    strides[axis] = stride;
    stride *= shape[axis];
  }
  int64_t from = 0;
  for (size_t to = 0; to < out.size(); to += static_cast<size_t>(size)) {
    std::memcpy(out.data() + to, values.data() + from, static_cast<size_t>(size));
    for (size_t axis = shape.size(); axis-- > 0;) {
      from += strides[axis];
      if (++index[axis] < shape[axis]) break;
      from -= strides[axis] * shape[axis];
      index[axis] = 0;
    }
  }
  return out;
}

void SwapBytes(Bytes& values, int64_t size) {
  for (size_t i = 0; i < values.size(); i += static_cast<size_t>(size)) {
    std::reverse(values.begin() + static_cast<ptrdiff_t>(i),
                 values.begin() + static_cast<ptrdiff_t>(i) + size);
  }
}

Result<int32_t> FindType(const std::string& descr, const std::string& path) {
  if (descr.find('O') != std::string::npos) {
    return Fail(path, "holds pickled Python objects, which are not read");
  }
  if (descr.size() >= 2 && std::string_view("<>|").find(descr[0]) != std::string_view::npos) {
    for (auto [code, dtype] : kTypes) {
      if (descr.substr(1) == code) return dtype;
    }
  }
  return WithHint(
      FailWith(ExitStatus::kUnsupported, path, "dtype {} is not supported", Quoted(descr)),
      "convert to bool, an integer type, float16, float32 or float64 with astype");
}

}  // namespace

bool IsNpy(ByteView bytes) { return TextOf(bytes).starts_with(kMagic); }

Result<Array> ParseNpy(ByteView bytes, const std::string& path) {
  if (!IsNpy(bytes)) return Fail(path, "is not an NPY file");
  ByteReader reader(bytes, kMagic.size());
  auto major = reader.Little<uint8_t>(), minor = reader.Little<uint8_t>();
  if (!major || !minor) return Fail(path, "NPY header is truncated");
  if (*major < 1 || *major > 3 || *minor != 0) {
    return FailWith(ExitStatus::kUnsupported, path, "NPY version {}.{} is not supported", *major,
                    *minor);
  }
  std::optional<uint32_t> length =
      *major == 1 ? std::optional<uint32_t>(reader.Little<uint16_t>()) : reader.Little<uint32_t>();
  if (!length || *length > kMaxHeaderBytes || *length > reader.remaining()) {
    return Fail(path, "NPY header is truncated or above {} bytes", kMaxHeaderBytes);
  }
  auto header = HeaderParser(TextOf(*reader.Take(*length)), path).Parse();
  if (!header) return std::unexpected(header.error());
  auto dtype = FindType(header->descr, path);
  if (!dtype) return std::unexpected(dtype.error());
  auto declared = CheckedBytes(header->shape, SizeOf(*dtype));
  if (!declared || static_cast<uint64_t>(*declared) != reader.remaining()) {
    return Fail(path, "NPY header declares [{}] of {}, but {} bytes follow it",
                fmt::join(header->shape, ", "), NameOf(*dtype), reader.remaining());
  }
  ByteView data = *reader.Take(reader.remaining());
  Array array = {
      .dtype = *dtype, .shape = header->shape, .values = Bytes(data.begin(), data.end())};
  if (header->descr[0] == '>') SwapBytes(array.values, SizeOf(*dtype));
  if (header->fortran_order && array.shape.size() > 1) {
    array.values = FromFortranOrder(array.values, array.shape, SizeOf(*dtype));
  }
  if (*dtype == DESCENT_BOOL &&
      std::ranges::any_of(array.values, [](std::byte b) { return static_cast<uint8_t>(b) > 1; })) {
    return Fail(path, "holds a bool that is neither 0 nor 1");
  }
  return array;
}

Bytes WriteNpy(const Array& array) {
  std::string_view code;
  for (const NpyType& type : kTypes) {
    if (type.dtype == array.dtype) code = type.code;
  }
  std::string header =
      fmt::format("{{'descr': '{}{}', 'fortran_order': False, 'shape': ({}{}), }}",
                  SizeOf(array.dtype) == 1 ? '|' : '<', code, fmt::join(array.shape, ", "),
                  array.shape.size() == 1 ? "," : "");
  size_t unpadded = kMagic.size() + 4 + header.size() + 1;
  header.append((64 - unpadded % 64) % 64, ' ');
  header += '\n';
  std::string file(kMagic);
  file +=
      {'\x01', '\0', static_cast<char>(header.size() & 255), static_cast<char>(header.size() >> 8)};
  file += header;
  ByteView head = BytesOf(file);
  Bytes bytes(head.begin(), head.end());
  bytes.insert(bytes.end(), array.values.begin(), array.values.end());
  return bytes;
}

}  // namespace descent::runtime

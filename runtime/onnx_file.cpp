#include "runtime/onnx_file.h"

#include <limits>

namespace descent::runtime {
namespace {

/// Numbers of fields that hold bytes or messages.
enum Field : uint64_t { kModelGraph = 7, kGraphInitializer = 5, kTensorRawData = 9 };

constexpr size_t kMostBytes = std::numeric_limits<int32_t>::max();

ByteView View(const uint8_t* bytes, int64_t size) {
  return {reinterpret_cast<const std::byte*>(bytes), static_cast<size_t>(size)};
}

void Append(ByteView bytes, Bytes& to) { to.insert(to.end(), bytes.begin(), bytes.end()); }

/// Seven bits a byte, the lowest first; the upper bit says that more follow.
void AppendVarint(uint64_t value, Bytes& to) {
  for (; value >= 0x80; value >>= 7) to.push_back(static_cast<std::byte>(value | 0x80));
  to.push_back(static_cast<std::byte>(value));
}

/// What stands in front of a field's bytes.
Bytes Header(Field field, size_t size) {
  constexpr uint64_t kLengthDelimited = 2;
  Bytes header;
  AppendVarint(field << 3 | kLengthDelimited, header);
  AppendVarint(size, header);
  return header;
}

/// An initializer without its numbers, which are the last to come.
struct Head {
  Bytes bytes;
  ByteView numbers;
};

Head HeadOf(const descent_onnx_initializer& initializer, ByteView numbers) {
  const ByteView tensor = View(initializer.tensor, initializer.tensor_bytes);
  const Bytes raw = Header(kTensorRawData, numbers.size());
  Head head = {Header(kGraphInitializer, tensor.size() + raw.size() + numbers.size()), numbers};
  Append(tensor, head.bytes);
  Append(raw, head.bytes);
  return head;
}

/// "descent/normalization/x/shift"
Result<ByteView> NumbersOf(std::string_view source, const Normalizations& normalizations) {
  source.remove_prefix(kNormalizationPrefix.size());
  const size_t slash = source.rfind('/');
  const auto fitted = normalizations.find(std::string(source.substr(0, slash)));
  if (fitted == normalizations.end())
    return WithHint(Fail("", "input {} is normalized, but the parameters come without its numbers",
                         Quoted(source.substr(0, slash))),
                    "use a checkpoint that train wrote");
  const Normalization& numbers = fitted->second;
  return std::as_bytes(std::span(source.ends_with("/shift") ? numbers.shift : numbers.factor));
}

}  // namespace

Result<Bytes> WriteOnnx(const descent_onnx& onnx, const Program& program, const State& state,
                        const Normalizations& normalizations) {
  std::vector<Head> initializers;
  std::vector<Bytes> copies;
  auto graph = static_cast<size_t>(onnx.graph_bytes);
  for (int64_t i = 0; i < onnx.initializer_count; ++i) {
    const descent_onnx_initializer& each = onnx.initializers[i];
    Result<ByteView> numbers =
        each.slot < 0 ? NumbersOf(each.source, normalizations)
                      : state.RowMajor(program.slots()[static_cast<size_t>(each.slot)], copies);
    if (!numbers) return std::unexpected(numbers.error());
    initializers.push_back(HeadOf(each, *numbers));
    graph += initializers.back().bytes.size() + initializers.back().numbers.size();
  }
  const Bytes header = Header(kModelGraph, graph);
  const size_t size = static_cast<size_t>(onnx.model_bytes) + header.size() + graph;
  if (size > kMostBytes)
    return FailWith(ExitStatus::kUnsupported, "",
                    "the ONNX file would have {} bytes, but ONNX files end at 2 GiB", size);
  Bytes file;
  file.reserve(size);
  Append(View(onnx.model, onnx.model_bytes), file);
  Append(header, file);
  Append(View(onnx.graph, onnx.graph_bytes), file);
  for (const Head& initializer : initializers) {
    Append(initializer.bytes, file);
    Append(initializer.numbers, file);
  }
  return file;
}

}  // namespace descent::runtime

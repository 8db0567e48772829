#include "ir/io/text_literal.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>

#include "ir/float16.h"
#include "ir/io/limits.h"
#include "ir/suggest.h"

namespace descent {
namespace {

constexpr int64_t kMaxInt = std::numeric_limits<int64_t>::max();
constexpr int64_t kMinInt = std::numeric_limits<int64_t>::min();

template <typename T>
void Append(std::vector<std::byte>& data, const T& value) {
  const size_t size = data.size();
  data.resize(size + sizeof(value));
  std::memcpy(data.data() + size, &value, sizeof(value));
}

/// Reads all of `text`; the message says why it could not.
template <typename T>
Result<T> Read(std::string_view text, DType dtype) {
  T value{};
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc::result_out_of_range)
    return Error("{} is out of range for {}", Quoted(text.substr(0, 60)), Info(dtype).name);
  if (error != std::errc() || stop != text.data() + text.size())
    return Error("{} is not {}", Quoted(text.substr(0, 60)),
                 Info(dtype).is_float ? "a number" : "an integer");
  return value;
}

template <typename Float, typename Bits>
Result<void> AppendFloat(const ScalarLiteral& literal, DType dtype, std::vector<std::byte>& data) {
  const std::string_view text = literal.token.text;
  if (literal.has_bits) {
    const auto bits = static_cast<Bits>(literal.bits);
    Float value;
    std::memcpy(&value, &bits, sizeof(value));
    if (bits != literal.bits || value == value)
      return Error("0x{:x} are not the bits of a NaN of {}", literal.bits, Info(dtype).name);
    Append(data, value);
  } else if (text == "nan") {
    Append(data, std::numeric_limits<Float>::quiet_NaN());
  } else if (text == "inf" || text == "-inf") {
    const Float inf = std::numeric_limits<Float>::infinity();
    Append(data, text == "inf" ? inf : -inf);
  } else if (text == "true" || text == "false") {
    return Error("{} is not a number of {}", text, Info(dtype).name);
  } else {
    if (text.starts_with("-nan") || text.starts_with("-i"))
      return Error("{} is not a number", Quoted(text));
    DESCENT_TRY(value, Read<Float>(text, dtype));
    Append(data, value);
  }
  return {};
}

/// A finite number that would become infinite or 0 is out of range.
Result<void> AppendFloat16(const ScalarLiteral& literal, DType dtype,
                           std::vector<std::byte>& data) {
  if (literal.has_bits) {
    const auto bits = static_cast<uint16_t>(literal.bits);
    if (bits != literal.bits || !std::isnan(FromBits16(dtype, bits)))
      return Error("0x{:x} are not the bits of a NaN of {}", literal.bits, Info(dtype).name);
    Append(data, bits);
    return {};
  }
  std::vector<std::byte> wide;
  DESCENT_RETURN_IF_ERROR((AppendFloat<double, uint64_t>(literal, dtype, wide)));
  double value;
  std::memcpy(&value, wide.data(), sizeof(value));
  const uint16_t bits = ToBits16(dtype, value);
  const double stored = FromBits16(dtype, bits);
  if (std::isfinite(value) && (!std::isfinite(stored) || (stored == 0 && value != 0)))
    return Error("{} is out of range for {}", Quoted(literal.token.text.substr(0, 60)),
                 Info(dtype).name);
  Append(data, bits);
  return {};
}

template <typename Int>
Result<void> AppendInt(const ScalarLiteral& literal, DType dtype, std::vector<std::byte>& data) {
  DESCENT_TRY(value, Read<Int>(literal.token.text, dtype));
  Append(data, value);
  return {};
}

Result<void> AppendBool(const ScalarLiteral& literal, std::vector<std::byte>& data) {
  const std::string_view text = literal.token.text;
  if (text != "true" && text != "false") return Error("{} is not true or false", Quoted(text));
  data.push_back(static_cast<std::byte>(text == "true"));
  return {};
}

}  // namespace

Result<void> AppendElement(const ScalarLiteral& literal, DType dtype,
                           std::vector<std::byte>& data) {
  switch (dtype) {
    case DType::kF32:
      return AppendFloat<float, uint32_t>(literal, dtype, data);
    case DType::kF64:
      return AppendFloat<double, uint64_t>(literal, dtype, data);
    case DType::kBF16:
    case DType::kF16:
      return AppendFloat16(literal, dtype, data);
    case DType::kI8:
      return AppendInt<int8_t>(literal, dtype, data);
    case DType::kI16:
      return AppendInt<int16_t>(literal, dtype, data);
    case DType::kU16:
      return AppendInt<uint16_t>(literal, dtype, data);
    case DType::kU32:
      return AppendInt<uint32_t>(literal, dtype, data);
    case DType::kU64:
      return AppendInt<uint64_t>(literal, dtype, data);
    case DType::kI32:
      return AppendInt<int32_t>(literal, dtype, data);
    case DType::kI64:
      return AppendInt<int64_t>(literal, dtype, data);
    case DType::kU8:
      return AppendInt<uint8_t>(literal, dtype, data);
    case DType::kBool:
      return AppendBool(literal, data);
  }
  InternalError(__FILE__, __LINE__, "unknown dtype");
}

bool LiteralParser::AtScalar() {
  const Token& token = cursor_.Peek();
  return token.kind == TokenKind::kNumber || token.IsWord("inf") || token.IsWord("nan") ||
         token.IsWord("true") || token.IsWord("false");
}

Result<ScalarLiteral> LiteralParser::Scalar() {
  if (!AtScalar()) return std::unexpected(cursor_.Unexpected("a number"));
  ScalarLiteral literal = {.token = cursor_.Take()};
  if (literal.token.text != "nan" || !cursor_.Peek().Is("(")) return literal;
  cursor_.Take();
  const Token bits = cursor_.Peek();
  const std::string_view text = bits.text;
  const char* end = text.data() + text.size();
  if (bits.kind != TokenKind::kNumber || !text.starts_with("0x") ||
      std::from_chars(text.data() + 2, end, literal.bits, 16).ptr != end)
    return std::unexpected(cursor_.Unexpected("the bits of a NaN such as 0x7fc00001"));
  cursor_.Take();
  literal.has_bits = true;
  DESCENT_RETURN_IF_ERROR(cursor_.Expect(")", "after the bits of a NaN"));
  return literal;
}

Result<void> LiteralParser::Store(const ScalarLiteral& literal, DType dtype,
                                  std::vector<std::byte>& data) {
  auto stored = AppendElement(literal, dtype, data);
  if (!stored) return std::unexpected(cursor_.ErrorAt(literal.token, stored.error().message));
  return {};
}

Result<Tensor> LiteralParser::ScalarOf(const ScalarLiteral& literal, DType dtype) {
  std::vector<std::byte> data;
  DESCENT_RETURN_IF_ERROR(Store(literal, dtype, data));
  return Tensor({dtype, {}}, std::move(data));
}

Result<double> LiteralParser::Number(std::string_view what) {
  if (!AtScalar()) return std::unexpected(cursor_.Unexpected(what));
  DESCENT_TRY(literal, Scalar());
  DESCENT_TRY(tensor, ScalarOf(literal, DType::kF64));
  double value;  // by its bytes: a NaN keeps its bits
  std::memcpy(&value, tensor.bytes().data(), sizeof(value));
  return value;
}

Result<DType> LiteralParser::ElementType() {
  const Token token = cursor_.Peek();
  if (token.kind != TokenKind::kName) return std::unexpected(cursor_.Unexpected("a type"));
  const auto dtype = ParseDType(token.text);
  if (!dtype) {
    std::vector<std::string_view> names;
    for (const DTypeInfo& info : AllDTypes()) names.push_back(info.name);
    std::string hint = DidYouMean(token.text, names);
    if (hint.empty()) hint = fmt::format("the element types are {}", fmt::join(names, ", "));
    return std::unexpected(cursor_.ErrorAt(
        token, fmt::format("unknown element type {}", Quoted(token.text)), std::move(hint)));
  }
  cursor_.Take();
  return *dtype;
}

Result<int64_t> LiteralParser::Extent(TypeSyntax& syntax) {
  const Token token = cursor_.Peek();
  if (!cursor_.AcceptWord("batch")) {
    if (token.kind == TokenKind::kName)
      return std::unexpected(cursor_.Unexpected(
          "an extent", "extents are fixed numbers; the axis of samples is written batch"));
    return cursor_.ExpectInt("an extent", 0, kMaxElements);
  }
  if (syntax.batch_axis >= 0)
    return std::unexpected(cursor_.ErrorAt(token, "a shape has one batch axis"));
  syntax.batch_axis = syntax.type.rank();
  if (cursor_.Accept("=")) return cursor_.ExpectInt("an extent", 0, kMaxElements);
  if (batch_ == 0)
    return std::unexpected(cursor_.ErrorAt(token, "the batch size is not known here",
                                           "write a line such as 'batch 32' above"));
  return batch_;
}

Result<TypeSyntax> LiteralParser::Type() {
  TypeSyntax syntax = {.type = {}, .token = cursor_.Peek()};
  DESCENT_TRY(dtype, ElementType());
  syntax.type.dtype = dtype;
  if (!cursor_.Accept("[")) return syntax;
  cursor_.Open();
  while (!cursor_.Peek().Is("]")) {
    if (syntax.type.rank() == kMaxRank)
      return std::unexpected(
          cursor_.ErrorAt(syntax.token, fmt::format("a tensor has at most {} axes", kMaxRank)));
    DESCENT_TRY(extent, Extent(syntax));
    syntax.type.shape.push_back(extent);
    if (!cursor_.Accept(",") && !cursor_.Peek().Is("]"))
      return std::unexpected(cursor_.Unexpected("',' or ']' in a shape"));
  }
  cursor_.Close();
  cursor_.Take();
  if (!CheckedElements(syntax.type.shape))
    return std::unexpected(cursor_.ErrorAt(
        syntax.token, fmt::format("{} is too large: a tensor has at most {} elements",
                                  ToString(syntax.type), kMaxElements)));
  return syntax;
}

Result<void> LiteralParser::Elements(const TensorType& type, int axis,
                                     std::vector<std::byte>& data) {
  if (axis == type.rank()) {
    DESCENT_TRY(literal, Scalar());
    return Store(literal, type.dtype, data);
  }
  DESCENT_TRY(
      open, cursor_.Expect("[", fmt::format("at axis {} of a tensor of {}", axis, ToString(type))));
  cursor_.Open();
  int64_t count = 0;
  for (; !cursor_.Peek().Is("]"); ++count) {
    if (count == type.shape[axis])
      return std::unexpected(cursor_.ErrorAt(
          cursor_.Peek(), fmt::format("more than {} elements at axis {} of a tensor of {}", count,
                                      axis, ToString(type))));
    DESCENT_RETURN_IF_ERROR(Elements(type, axis + 1, data));
    if (!cursor_.Accept(",") && !cursor_.Peek().Is("]"))
      return std::unexpected(cursor_.Unexpected("',' or ']' in a tensor"));
  }
  if (count < type.shape[axis] && type.elements() > 0)
    return std::unexpected(cursor_.ErrorAt(
        cursor_.Peek(), fmt::format("{} elements at axis {} of a tensor of {}, not {}", count, axis,
                                    ToString(type), type.shape[axis])));
  cursor_.Close();
  cursor_.Take();
  return {};
}

Result<Tensor> LiteralParser::TensorOf(const TensorType& type) {
  std::vector<std::byte> data;
  if (type.rank() == 0 || !AtScalar()) {
    DESCENT_RETURN_IF_ERROR(Elements(type, 0, data));
    return Tensor(type, std::move(data));
  }
  const Token token = cursor_.Peek();
  DESCENT_TRY(literal, Scalar());
  DESCENT_RETURN_IF_ERROR(Store(literal, type.dtype, data));
  const int64_t left = kMaxRepeatedBytes - repeated_bytes_;
  if (type.elements() > left / Info(type.dtype).bytes)
    return std::unexpected(cursor_.ErrorAt(
        token,
        fmt::format("constants given as one number may have {} bytes in all", kMaxRepeatedBytes),
        "compute the tensor with an operator such as expand"));
  repeated_bytes_ += type.bytes();
  const size_t element_bytes = data.size();
  data.resize(type.bytes());
  // Every copy doubles what is filled.
  for (size_t filled = element_bytes; filled < data.size(); filled *= 2)
    std::memcpy(data.data() + filled, data.data(), std::min(filled, data.size() - filled));
  return Tensor(type, std::move(data));
}

template <typename T, typename Element>
Result<Attribute> LiteralParser::List(Element element) {
  DESCENT_TRY(open, cursor_.Expect("[", "of a list"));
  cursor_.Open();
  std::vector<T> list;
  while (!cursor_.Peek().Is("]")) {
    DESCENT_TRY(value, element());
    list.push_back(value);
    if (!cursor_.Accept(",") && !cursor_.Peek().Is("]"))
      return std::unexpected(cursor_.Unexpected("',' or ']' in a list"));
  }
  cursor_.Close();
  cursor_.Take();
  return list;
}

Result<Attribute> LiteralParser::AttributeOf(AttributeKind kind, std::string_view name) {
  const auto what = fmt::format("{} for attribute {}", ToString(kind), Quoted(name));
  switch (kind) {
    case AttributeKind::kBool:
      if (cursor_.AcceptWord("true")) return true;
      if (cursor_.AcceptWord("false")) return false;
      return std::unexpected(cursor_.Unexpected("true or false for attribute " + Quoted(name)));
    case AttributeKind::kInt:
      return cursor_.ExpectInt(what, kMinInt, kMaxInt);
    case AttributeKind::kFloat:
      return Number(what);
    case AttributeKind::kString: {
      DESCENT_TRY(word, cursor_.ExpectName(what));
      return word.Name();
    }
    case AttributeKind::kInts:
      if (!cursor_.Peek().Is("["))
        return std::unexpected(cursor_.Unexpected(what, "such as [1, 2]"));
      return List<int64_t>([&] { return cursor_.ExpectInt("an integer", kMinInt, kMaxInt); });
    case AttributeKind::kFloats:
      if (!cursor_.Peek().Is("["))
        return std::unexpected(cursor_.Unexpected(what, "such as [0.5, 1.0]"));
      return List<double>([&] { return Number("a number"); });
    case AttributeKind::kDType:
      return ElementType();
    case AttributeKind::kTensor: {
      DESCENT_TRY(syntax, Type());
      return TensorOf(syntax.type);
    }
    case AttributeKind::kGraph:
      break;
  }
  return std::unexpected(cursor_.ErrorAt(
      cursor_.Peek(), fmt::format("attribute {} is a graph", Quoted(name)),
      fmt::format("write it behind the operands: op(...) {}(x: f32[2]) {{ ... }}", name)));
}

Result<Attribute> LiteralParser::Hyperparameter(std::string_view name) {
  const auto what = fmt::format("a value for {}", Quoted(name));
  if (cursor_.Peek().Is("[")) return AttributeOf(AttributeKind::kFloats, name);
  if (cursor_.AcceptWord("true")) return true;
  if (cursor_.AcceptWord("false")) return false;
  if (AtScalar()) return Number(what);
  DESCENT_TRY(word, cursor_.ExpectName(what));
  return word.Name();
}

}  // namespace descent

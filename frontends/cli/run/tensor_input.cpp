#include "frontends/cli/run/tensor_input.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "frontends/cli/command.h"
#include "frontends/cli/runtime_result.h"
#include "ir/float16.h"
#include "ir/io/limits.h"
#include "runtime/data/array.h"
#include "runtime/safetensors.h"

namespace descent::cli {
namespace {

constexpr int kMaxDepth = 8;
constexpr size_t kShown = 40, kSnippet = 120;  ///< bytes of the command line in an error
constexpr std::string_view kSpaces = " \t\n";

/// Reads nested lists of numbers. An error has the column of what is wrong.
class LiteralReader {
 public:
  explicit LiteralReader(std::string_view text) : text_(text), rest_(text) {}

  Result<Tensor> Read() {
    DESCENT_RETURN_IF_ERROR(Element(0));
    Skip();
    if (!rest_.empty()) return Wrong("unexpected {} behind the values", Quoted(Word()));
    return Tensor::FromDoubles({DType::kF64, shape_}, values_);
  }

 private:
  /// About what comes next.
  template <typename... Args>
  std::unexpected<Diagnostic> Wrong(fmt::format_string<Args...> format, Args&&... args) {
    auto error = Error(format, std::forward<Args>(args)...);
    error.error().location = {.line = 1,
                              .column = static_cast<int>(text_.size() - rest_.size()) + 1};
    return error;
  }

  void Skip() { rest_.remove_prefix(std::min(rest_.find_first_not_of(kSpaces), rest_.size())); }
  bool Take(char c) {
    Skip();
    if (!rest_.starts_with(c)) return false;
    rest_.remove_prefix(1);
    return true;
  }
  /// Up to the next separator, one character at least; cut where it is long.
  std::string_view Word() const {
    const size_t end = std::min(rest_.find_first_of(", []\t\n"), rest_.size());
    return rest_.substr(0, std::clamp<size_t>(end, 1, kShown));
  }

  Result<void> Element(int depth) {
    if (Take('[')) return List(depth);
    if (rest_.empty()) return Wrong("a number is missing at the end");
    if (depth_ < 0) depth_ = depth;
    if (depth != depth_) return Wrong("a number stands where a list is expected");
    return Number();
  }

  Result<void> Number() {
    const std::string_view word = Word();
    const std::string_view digits = word.substr(word.starts_with('+') ? 1 : 0);
    double value = 0;
    if (digits.size() < word.size() && digits.starts_with('-'))
      return Wrong("expected a number, not {}", Quoted(word));
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (error == std::errc::result_out_of_range)
      return Wrong("{} is out of the range of f64", Quoted(word));
    if (error != std::errc() || end != digits.data() + digits.size())
      return Wrong("expected a number, not {}", Quoted(word));
    rest_.remove_prefix(word.size());
    values_.push_back(value);
    return {};
  }

  Result<void> List(int depth) {
    if (depth == kMaxDepth) return Wrong("lists are nested deeper than {}", kMaxDepth);
    if (depth_ >= 0 && depth >= depth_) return Wrong("a list stands where a number is expected");
    int64_t count = 0;
    if (!Take(']')) {
      do {
        DESCENT_RETURN_IF_ERROR(Element(depth + 1));
        ++count;
      } while (Take(','));
      if (rest_.empty()) return Wrong("expected , or ] at the end");
      if (!Take(']')) return Wrong("expected , or ], not {}", Quoted(Word()));
    }
    if (static_cast<int>(shape_.size()) <= depth) shape_.resize(depth + 1, -1);
    if (shape_[depth] >= 0 && shape_[depth] != count)
      return Wrong("lists of {} and of {} elements stand side by side", shape_[depth], count);
    shape_[depth] = count;
    return {};
  }

  std::string_view text_, rest_;
  Shape shape_;
  std::vector<double> values_;
  int depth_ = -1;  ///< where numbers stand
};

/// What begins with a bracket or a number, but for names of files: "2.npy", "./2".
bool IsLiteral(std::string_view value) {
  value.remove_prefix(std::min(value.find_first_not_of(kSpaces), value.size()));
  if (value.starts_with('[')) return true;
  if (value.ends_with(".npy") || value.find('/') != std::string_view::npos) return false;
  if (value.starts_with('+') || value.starts_with('-')) value.remove_prefix(1);
  const std::string_view digits = value.substr(value.starts_with('.') ? 1 : 0);
  if (!digits.empty() && digits[0] >= '0' && digits[0] <= '9') return true;
  return value == "nan" || value == "inf";
}

/// The literal that begins at `begin` of the argument. An error shows the argument with a caret.
Result<Tensor> ReadLiteral(const std::string& argument, size_t begin) {
  auto tensor = ParseTensorLiteral(std::string_view(argument).substr(begin));
  if (tensor) return tensor;
  Diagnostic& error = tensor.error();
  if (begin > 0)
    error.message =
        fmt::format("input {}: {}", Quoted(argument.substr(0, begin - 1)), error.message);
  error.location.file = "command line";
  error.location.column += static_cast<int>(begin);
  const bool fits = argument.size() <= kSnippet && std::ranges::none_of(argument, [](char c) {
                      return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
                    });
  if (fits) error.snippet = argument;
  if (argument.find('[', begin) == std::string::npos)
    error.hint = "a file whose name begins like a number is written ./NAME";
  return tensor;
}

/// Integers up to 2^53 in magnitude: those beyond have lost digits as a double.
bool Fits(double value, DType dtype) {
  if (Info(dtype).is_float) return true;
  constexpr double kExact = 9007199254740992.0;
  const double lowest = static_cast<double>(LowestInteger(dtype));
  return value == std::floor(value) && value >= std::max(lowest, -kExact) && value <= kExact &&
         value < std::ldexp(1, Info(dtype).digits);
}

std::string PrintElement(const Tensor& tensor, int64_t index) {
  if (!Info(tensor.dtype()).is_float) return PrintInteger(tensor.dtype(), tensor.GetInt(index));
  const double value = tensor.GetDouble(index);
  if (std::isnan(value)) return "nan";  // its sign means nothing
  return fmt::format("{}", ShortestDecimal(tensor.dtype(), value));
}

void Print(const Tensor& tensor, size_t axis, int64_t& index, int64_t limit, std::string& text) {
  if (axis == tensor.shape().size()) {
    text += PrintElement(tensor, index++);
    return;
  }
  text += "[";
  for (int64_t i = 0; i < tensor.shape()[axis]; ++i) {
    if (i > 0) text += ", ";
    if (index >= limit) {
      text += "...";
      break;
    }
    Print(tensor, axis + 1, index, limit, text);
  }
  text += "]";
}

}  // namespace

Tensor FromStored(int32_t dtype, const std::vector<int64_t>& shape, runtime::ByteView bytes) {
  return Tensor({static_cast<DType>(dtype), shape}, {bytes.begin(), bytes.end()});
}

Result<Tensor> ParseTensorLiteral(std::string_view text) { return LiteralReader(text).Read(); }

Result<Tensor> ConvertTo(const Tensor& tensor, DType dtype, std::string_view name) {
  if (tensor.dtype() == dtype) return tensor;
  std::vector<double> values(static_cast<size_t>(tensor.elements()));
  for (size_t i = 0; i < values.size(); ++i) {
    values[i] = tensor.GetDouble(static_cast<int64_t>(i));
    if (!Fits(values[i], dtype))
      return Error("input {}: {} is no value of type {}", Quoted(name), values[i],
                   Info(dtype).name);
  }
  return Tensor::FromDoubles({dtype, tensor.shape()}, values);
}

Result<Tensor> ReadNpyFile(const std::string& path) {
  DESCENT_TRY(bytes, FromRuntime(runtime::ReadFile(path)));
  if (!runtime::IsNpy(bytes))
    return InputError(fmt::format("{}: is no NPY file", path),
                      "an input is FILE.npy, NAME=FILE.npy or NAME=[...]");
  DESCENT_TRY(array, FromRuntime(runtime::ParseNpy(bytes, path)));
  return FromStored(array.dtype, array.shape, array.values);
}

Result<void> WriteNpyFile(const std::string& path, const Tensor& tensor) {
  const runtime::Array array = {.dtype = static_cast<int32_t>(tensor.dtype()),
                                .shape = tensor.shape(),
                                .values = {tensor.bytes().begin(), tensor.bytes().end()}};
  return FromRuntime(runtime::WriteFileAtomically(path, runtime::WriteNpy(array)));
}

Result<std::vector<InputArgument>> ReadInputs(const std::vector<std::string>& arguments) {
  std::vector<InputArgument> inputs;
  for (const std::string& argument : arguments) {
    const size_t equals = argument.find('=');
    const std::string name = equals == std::string::npos ? "" : argument.substr(0, equals);
    const size_t begin = equals == std::string::npos ? 0 : equals + 1;
    const std::string value = argument.substr(begin);
    if (value.empty()) return UsageError(fmt::format("input {} has no value", Quoted(name)));
    DESCENT_TRY(tensor, IsLiteral(value) ? ReadLiteral(argument, begin) : ReadNpyFile(value));
    inputs.push_back({name, std::move(tensor)});
  }
  return inputs;
}

Result<std::map<std::string, Tensor>> ReadTensors(const std::string& path) {
  DESCENT_TRY(bytes, FromRuntime(runtime::ReadFile(path)));
  DESCENT_TRY(file, FromRuntime(runtime::ParseSafetensors(bytes, path)));
  std::map<std::string, Tensor> tensors;
  for (const runtime::NamedTensor& tensor : file.tensors)
    tensors.emplace(tensor.name, FromStored(tensor.dtype, tensor.shape, tensor.bytes));
  return tensors;
}

std::string PrintValues(const Tensor& tensor, int64_t limit) {
  std::string text;
  int64_t index = 0;
  Print(tensor, 0, index, limit, text);
  return text;
}

}  // namespace descent::cli

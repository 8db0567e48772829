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

/// Reads nested lists of numbers.
class LiteralReader {
 public:
  explicit LiteralReader(std::string_view text) : rest_(text) {}

  Result<Tensor> Read() {
    DESCENT_RETURN_IF_ERROR(Element(0));
    Skip();
    if (!rest_.empty()) return Error("unexpected {} behind the values", Quoted(rest_));
    return Tensor::FromDoubles({DType::kF64, shape_}, values_);
  }

 private:
  void Skip() { rest_.remove_prefix(std::min(rest_.find_first_not_of(" \t\n"), rest_.size())); }
  bool Take(char c) {
    Skip();
    if (!rest_.starts_with(c)) return false;
    rest_.remove_prefix(1);
    return true;
  }

  Result<void> Element(int depth) {
    if (Take('[')) return List(depth);
    if (depth_ < 0) depth_ = depth;
    if (depth != depth_) return Error("a number stands where a list is expected");
    Skip();
    double value = 0;
    if (rest_.starts_with('+')) rest_.remove_prefix(1);
    const auto [end, error] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), value);
    if (error != std::errc()) return Error("expected a number at {}", Quoted(rest_.substr(0, 20)));
    rest_.remove_prefix(static_cast<size_t>(end - rest_.data()));
    values_.push_back(value);
    return {};
  }

  Result<void> List(int depth) {
    if (depth == kMaxDepth) return Error("lists are nested deeper than {}", kMaxDepth);
    if (depth_ >= 0 && depth >= depth_) return Error("a list stands where a number is expected");
    int64_t count = 0;
    if (!Take(']')) {
      do {
        DESCENT_RETURN_IF_ERROR(Element(depth + 1));
        ++count;
      } while (Take(','));
      if (!Take(']')) return Error("expected , or ] at {}", Quoted(rest_.substr(0, 20)));
    }
    if (static_cast<int>(shape_.size()) <= depth) shape_.resize(depth + 1, -1);
    if (shape_[depth] >= 0 && shape_[depth] != count)
      return Error("lists of {} and of {} elements stand side by side", shape_[depth], count);
    shape_[depth] = count;
    return {};
  }

  std::string_view rest_;
  Shape shape_;
  std::vector<double> values_;
  int depth_ = -1;  ///< where numbers stand
};

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
    const std::string value = equals == std::string::npos ? argument : argument.substr(equals + 1);
    const bool literal =
        equals != std::string::npos &&
        value.find_first_not_of("[]0123456789.,+-eE \t\nainfNI") == std::string::npos &&
        !value.ends_with(".npy");
    auto tensor = literal ? ParseTensorLiteral(value) : ReadNpyFile(value);
    if (!tensor) {
      if (literal)
        tensor.error().message =
            fmt::format("input {}: {}", Quoted(argument), tensor.error().message);
      return std::unexpected(std::move(tensor).error());
    }
    inputs.push_back({name, *std::move(tensor)});
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

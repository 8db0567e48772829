#include "frontends/cli/run/tensor_input.h"

#include <algorithm>
#include <cmath>

#include "frontends/cli/command.h"
#include "frontends/cpp/runtime_result.h"
#include "ir/float16.h"
#include "ir/io/limits.h"
#include "runtime/data/array.h"
#include "runtime/safetensors.h"

namespace descent::cli {
namespace {

constexpr std::string_view kSpaces = " \t\n";

/// What begins with a bracket or a number, but for names of files: "2.npy", "./2".
bool IsLiteral(std::string_view value) {
  value.remove_prefix(std::min(value.find_first_not_of(kSpaces), value.size()));
  if (value.starts_with('[')) return true;
  if (value.ends_with(".npy") || value.find('/') != std::string_view::npos) return false;
  if (value.starts_with('+') || value.starts_with('-')) value.remove_prefix(1);
  const std::string_view digits = value.substr(value.starts_with('.') ? 1 : 0);
  if (!digits.empty() && digits[0] >= '0' && digits[0] <= '9') return true;
  constexpr std::string_view kWords[] = {"nan", "inf", "true", "false"};
  return std::ranges::find(kWords, value) != std::end(kWords);
}

/// Whether a number of a file is one of the type: integers up to 2^53 in magnitude, as those beyond
/// have lost digits as a double, and floats that stay finite.
bool Fits(double value, DType dtype) {
  if (Info(dtype).is_float)
    return !std::isfinite(value) || std::isfinite(Tensor::Scalar(dtype, value).GetDouble(0));
  constexpr double kExact = 9007199254740992.0;
  const double lowest = static_cast<double>(LowestInteger(dtype));
  return value == std::floor(value) && value >= std::max(lowest, -kExact) && value <= kExact &&
         value < std::ldexp(1, Info(dtype).digits);
}

/// The same for an integer of a file, whose own type `from` tells whether it has a sign.
bool Fits(int64_t value, DType from, DType to) {
  if (Info(to).is_float || (from == DType::kU64 && value < 0)) return false;
  return to == DType::kU64 ? value >= 0 : WrapInteger(to, value) == value;
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

Result<Tensor> ConvertTo(const Tensor& tensor, DType dtype, std::string_view name) {
  if (tensor.dtype() == dtype) return tensor;
  const bool integers = !Info(tensor.dtype()).is_float && !Info(dtype).is_float;
  std::vector<std::byte> data(static_cast<size_t>(TensorType{dtype, tensor.shape()}.bytes()));
  for (int64_t i = 0; i < tensor.elements(); ++i) {
    const bool fits =
        integers ? Fits(tensor.GetInt(i), tensor.dtype(), dtype) : Fits(tensor.GetDouble(i), dtype);
    if (!fits)
      return Error("input {}: {} is no value of type {}", Quoted(name), PrintElement(tensor, i),
                   Info(dtype).name);
    integers ? StoreInt(dtype, data.data(), i, tensor.GetInt(i))
             : StoreDouble(dtype, data.data(), i, tensor.GetDouble(i));
  }
  return Tensor({dtype, tensor.shape()}, std::move(data));
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

const Shape& InputArgument::shape() const {
  const auto* literal = std::get_if<TensorLiteral>(&value);
  return literal != nullptr ? literal->shape() : std::get<Tensor>(value).shape();
}

Result<Tensor> InputArgument::As(DType dtype, std::string_view input) const {
  if (const auto* literal = std::get_if<TensorLiteral>(&value)) return literal->As(dtype, input);
  return ConvertTo(std::get<Tensor>(value), dtype, input);
}

Result<std::vector<InputArgument>> ReadInputs(const std::vector<std::string>& arguments) {
  std::vector<InputArgument> inputs;
  for (const std::string& argument : arguments) {
    const size_t equals = argument.find('=');
    const std::string name = equals == std::string::npos ? "" : argument.substr(0, equals);
    const size_t begin = equals == std::string::npos ? 0 : equals + 1;
    const std::string value = argument.substr(begin);
    if (value.empty()) return UsageError(fmt::format("input {} has no value", Quoted(name)));
    if (IsLiteral(value)) {
      DESCENT_TRY(literal, TensorLiteral::Read(argument, begin));
      inputs.push_back({name, std::move(literal)});
    } else {
      DESCENT_TRY(tensor, ReadNpyFile(value));
      inputs.push_back({name, std::move(tensor), value});
    }
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

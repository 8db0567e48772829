#include "frontends/onnx/declared_type.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <vector>

#include "frontends/onnx/element_type.h"

namespace descent::onnx {
namespace {

using proto::TensorProto;
using proto::TensorShapeProto;
using proto::TypeProto;

/// What the type of an optional value is of a value that is there.
const TypeProto& Inner(const TypeProto& type) {
  return type.has_optional_type() ? type.optional_type().elem_type() : type;
}

bool HasNumber(const TensorShapeProto::Dimension& dim) {
  return dim.value_case() == TensorShapeProto::Dimension::kDimValue;
}

std::string ExtentText(const TensorShapeProto::Dimension& dim) {
  if (HasNumber(dim)) return fmt::format("{}", dim.dim_value());
  return dim.dim_param().empty() ? "?" : Quoted(dim.dim_param());
}

bool Agrees(const TypeProto::Tensor& declared, const TensorType& type, bool only_dtype) {
  if (declared.elem_type() != TensorProto::UNDEFINED &&
      declared.elem_type() != DTypeNumber(type.dtype))
    return false;
  if (only_dtype || !declared.has_shape()) return true;
  if (declared.shape().dim_size() != type.rank()) return false;
  for (int axis = 0; axis < type.rank(); ++axis)
    if (HasNumber(declared.shape().dim(axis)) &&
        declared.shape().dim(axis).dim_value() != type.shape[axis])
      return false;
  return true;
}

}  // namespace

std::string DeclaredText(const proto::ValueInfoProto& info) {
  const TypeProto& type = Inner(info.type());
  if (type.has_sequence_type()) return "a sequence";
  const TypeProto::Tensor& tensor = type.tensor_type();
  std::string element =
      tensor.elem_type() == TensorProto::UNDEFINED ? "?" : ElementTypeName(tensor.elem_type());
  if (!tensor.has_shape()) return element;
  std::vector<std::string> extents;
  for (const auto& dim : tensor.shape().dim()) extents.push_back(ExtentText(dim));
  return fmt::format("{}[{}]", element, fmt::join(extents, ", "));
}

bool HasNumbers(const proto::ValueInfoProto& info) {
  return std::ranges::any_of(Inner(info.type()).tensor_type().shape().dim(), HasNumber);
}

std::optional<std::string> Contradiction(const proto::ValueInfoProto& info, const TensorType& type,
                                         bool only_dtype) {
  const TypeProto& declared = Inner(info.type());
  const bool is_tensor = declared.has_tensor_type();
  if (!is_tensor && !declared.has_sequence_type()) return std::nullopt;
  if (is_tensor && Agrees(declared.tensor_type(), type, only_dtype)) return std::nullopt;
  return fmt::format("is declared as {}, but is {}", DeclaredText(info), ToString(type));
}

}  // namespace descent::onnx

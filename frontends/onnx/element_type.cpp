#include "frontends/onnx/element_type.h"

#include <algorithm>
#include <cctype>

#include "onnx.pb.h"

namespace descent::onnx {
namespace {

using proto::TensorProto;

struct ElementType {
  TensorProto::DataType number;
  DType dtype;
};
constexpr ElementType kElementTypes[] = {
    {TensorProto::FLOAT, DType::kF32},   {TensorProto::DOUBLE, DType::kF64},
    {TensorProto::FLOAT16, DType::kF16}, {TensorProto::BFLOAT16, DType::kBF16},
    {TensorProto::INT8, DType::kI8},     {TensorProto::INT16, DType::kI16},
    {TensorProto::INT32, DType::kI32},   {TensorProto::INT64, DType::kI64},
    {TensorProto::UINT8, DType::kU8},    {TensorProto::UINT16, DType::kU16},
    {TensorProto::UINT32, DType::kU32},  {TensorProto::UINT64, DType::kU64},
    {TensorProto::BOOL, DType::kBool},
};

/// "float16", "complex64", "number 99".
std::string OnnxName(int data_type) {
  if (!TensorProto::DataType_IsValid(data_type)) return fmt::format("number {}", data_type);
  std::string name = TensorProto::DataType_Name(static_cast<TensorProto::DataType>(data_type));
  std::ranges::transform(name, name.begin(), [](char c) { return std::tolower(c); });
  return name;
}

}  // namespace

Result<DType> ReadDType(int data_type) {
  const auto* row = std::ranges::find(kElementTypes, data_type, &ElementType::number);
  if (row != std::end(kElementTypes)) return row->dtype;
  return ErrorWithStatus(ExitStatus::kUnsupported, "element type {} is not supported",
                         OnnxName(data_type));
}

std::string ElementTypeName(int data_type) {
  const auto* row = std::ranges::find(kElementTypes, data_type, &ElementType::number);
  return row == std::end(kElementTypes) ? OnnxName(data_type) : std::string(Info(row->dtype).name);
}

int DTypeNumber(DType dtype) {
  return std::ranges::find(kElementTypes, dtype, &ElementType::dtype)->number;
}

}  // namespace descent::onnx

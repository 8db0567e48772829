// Tensors from the command line: NPY files, literals, safetensors files.
#pragma once

#include <map>
#include <string>
#include <variant>
#include <vector>

#include "frontends/cli/run/tensor_literal.h"
#include "ir/diagnostic.h"
#include "ir/model.h"
#include "ir/tensor.h"
#include "runtime/file.h"

namespace descent::cli {

/// One INPUT argument: "x.npy", "x=x.npy", "x=[[1, 2], [3, 4]]" or "[[1, 2], [3, 4]]". What begins
/// with a bracket or a number is a literal.
struct InputArgument {
  std::string name;  ///< "" = by position
  std::variant<TensorLiteral, Tensor> value;
  std::string file = {};  ///< "" = a literal

  const Shape& shape() const;
  /// The numbers as elements of the input of this name.
  Result<Tensor> As(DType dtype, std::string_view input) const;
};
Result<std::vector<InputArgument>> ReadInputs(const std::vector<std::string>& arguments);

/// The same numbers as another element type; refused where a number has no place there.
Result<Tensor> ConvertTo(const Tensor& tensor, DType dtype, std::string_view name);

Result<Tensor> ReadNpyFile(const std::string& path);
Result<void> WriteNpyFile(const std::string& path, const Tensor& tensor);

/// A tensor of a file that the runtime has read.
Tensor FromStored(int32_t dtype, const std::vector<int64_t>& shape, runtime::ByteView bytes);

/// All tensors of a safetensors file by name.
Result<std::map<std::string, Tensor>> ReadTensors(const std::string& path);

/// "[[0.1, 0.2], [0.3, 0.4]]"; more than `limit` elements are cut by "...".
std::string PrintValues(const Tensor& tensor, int64_t limit);

}  // namespace descent::cli

// Array files: one n-dimensional array each, IDX (as MNIST) or NPY (as numpy.save), and NPZ, a zip
// of NPY.
//
// The files are untrusted: sizes that a header declares are compared with what the file holds
// before any memory is reserved, and bytes left over are an error.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "runtime/file.h"
#include "runtime/status.h"

namespace descent::runtime {

struct Array {
  int32_t dtype = 0;
  std::vector<int64_t> shape;
  Bytes values;  ///< row-major, native byte order
};

struct NamedArray {
  std::string name;
  Array array;
};

/// u8, i8 (widened to i32), i16 (i32), i32, f32, f64; big-endian as the format says.
bool IsIdx(ByteView bytes);
Result<Array> ParseIdx(ByteView bytes, const std::string& path);

/// All element types (bf16 is '<V2', as the package ml_dtypes writes it) in either byte order, C or
/// Fortran order. Other dtypes are unsupported (exit status 3), pickled objects are refused.
bool IsNpy(ByteView bytes);
Result<Array> ParseNpy(ByteView bytes, const std::string& path);
Bytes WriteNpy(const Array& array);

/// Members in the file's order, stored or deflated; checksums are verified.
bool IsNpz(ByteView bytes);
Result<std::vector<NamedArray>> ParseNpz(ByteView bytes, const std::string& path);

}  // namespace descent::runtime

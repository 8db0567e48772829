// The ONNX file of a compiled model with the values of a state: a protobuf message (encoding:
// protobuf.dev/programming-guides/encoding) put together from the parts that the program holds.
#pragma once

#include "runtime/file.h"
#include "runtime/program.h"
#include "runtime/status.h"

namespace descent::runtime {

/// `onnx.missing` must be empty. Fails above 2 GiB, where protobuf's messages end.
Result<Bytes> WriteOnnx(const descent_onnx& onnx, const Program& program, const State& state);

}  // namespace descent::runtime

// The ONNX file of a compiled model with the values of a state: a protobuf message (encoding:
// protobuf.dev/programming-guides/encoding) put together from the parts that the program holds.
#pragma once

#include "runtime/checkpoint.h"
#include "runtime/file.h"
#include "runtime/program.h"
#include "runtime/status.h"

namespace descent::runtime {

/// `onnx.missing` must be empty. Fails above 2 GiB, where protobuf's messages end, and where
/// `normalizations` lack an input that the model normalizes.
Result<Bytes> WriteOnnx(const descent_onnx& onnx, const Program& program, const State& state,
                        const Normalizations& normalizations);

}  // namespace descent::runtime

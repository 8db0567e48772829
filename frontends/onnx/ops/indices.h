// Indices as ONNX has them: those below 0 count from the end.
#pragma once

#include "frontends/onnx/node.h"

namespace descent::onnx {

/// Indices into an axis of `extent`, counted from the front.
Value FromFront(OnnxNode& n, Value indices, int64_t extent);
/// Tuples of indices, along the last axis of `indices`, into axes [first, ...) of `shape`.
Value TuplesFromFront(OnnxNode& n, Value indices, const Shape& shape, int64_t first);

}  // namespace descent::onnx

// Weights that a network uses twice, once transposed (an embedding that is the last layer, too), of
// which an exporter of PyTorch has stored a transposed copy.
#pragma once

#include "frontends/onnx/proto_file.h"

namespace descent::onnx {

/// A matrix without a name of the module whose elements are those of a parameter, transposed,
/// becomes a Transpose of that parameter, so that both stay one when they are trained.
void TieTransposedCopies(ProtoFile& file);

}  // namespace descent::onnx

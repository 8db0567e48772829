// What `compile` and `train` share: where an artifact goes and how its making is reported.
#pragma once

#include <string>

#include "compiler/compile.h"

namespace descent::cli {

/// "orange_blue", "liborange_blue.a", ...
std::string DefaultPath(const Compilation& compilation, const ArtifactKindInfo& kind);

/// Bytes of a safetensors file, checked against the model: every parameter, right type and shape.
Result<std::vector<std::byte>> ReadWeights(const std::string& path, const Model& model);

}  // namespace descent::cli

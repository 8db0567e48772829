// What `compile` and `train` share: where an artifact goes and how its making is reported.
#pragma once

#include <string>

#include "compiler/compile.h"

namespace descent::cli {

/// "orange_blue", "liborange_blue.a", ...
std::string DefaultPath(const Compilation& compilation, const ArtifactKindInfo& kind);

}  // namespace descent::cli

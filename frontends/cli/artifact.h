// Where an artifact goes that is given no name.
#pragma once

#include <string>

#include "compiler/compile.h"

namespace descent::cli {

/// "orange_blue", "liborange_blue.a", ...
std::string DefaultPath(const Compilation& compilation, const ArtifactKindInfo& kind);

}  // namespace descent::cli

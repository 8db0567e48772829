// Where an artifact goes that is given no name.
#pragma once

#include <string>

#include "compiler/compile.h"

namespace descent::cli {

/// "orange_blue", "liborange_blue.a", ... of the prefix orange_blue (SymbolPrefix).
std::string DefaultPath(const std::string& prefix, const ArtifactKindInfo& kind);

}  // namespace descent::cli

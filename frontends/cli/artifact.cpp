#include "frontends/cli/artifact.h"

namespace descent::cli {

std::string DefaultPath(const Compilation& compilation, const ArtifactKindInfo& kind) {
  return fmt::format("{}{}{}", kind.prefix, compilation.program.prefix, kind.suffix);
}

}  // namespace descent::cli

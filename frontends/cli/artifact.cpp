#include "frontends/cli/artifact.h"

namespace descent::cli {

std::string DefaultPath(const std::string& prefix, const ArtifactKindInfo& kind) {
  return fmt::format("{}{}{}", kind.prefix, prefix, kind.suffix);
}

}  // namespace descent::cli

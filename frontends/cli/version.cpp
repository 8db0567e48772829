#include "frontends/cli/version.h"

#include <fmt/format.h>

namespace descent::cli {

std::string_view ReleaseVersion() { return DESCENT_VERSION; }

std::string VersionText() { return fmt::format("descent {}\n", ReleaseVersion()); }

}  // namespace descent::cli

#include "frontends/cli/version.h"

#include <fmt/format.h>

#include "compiler/codegen/codegen.h"
#include "compiler/codegen/target.h"

namespace descent::cli {

std::string_view ReleaseVersion() { return DESCENT_VERSION; }

std::string VersionText() {
  const auto native = ResolveTarget("native");
  return fmt::format("descent {}\nLLVM {}\n--target native is {} here\n", ReleaseVersion(),
                     LlvmVersion(), native ? (*native)->name : "not supported");
}

}  // namespace descent::cli

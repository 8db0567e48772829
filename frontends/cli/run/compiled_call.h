// How execution.h compiles, and what an interpreted call takes from it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "compiler/compile.h"
#include "frontends/cli/run/execution.h"

namespace descent::cli {

/// What names of outputs that replace state begin with.
inline constexpr std::string_view kNext = "next.";

Result<Compilation> CompileEntry(const Execution& execution, bool trace);

/// The error behind a status word; `text` is what the runtime makes of it.
Result<void> CheckStatus(uint32_t status, const std::string& text, const Execution& execution,
                         const Compilation& compilation);

}  // namespace descent::cli

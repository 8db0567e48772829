// Errors of the runtime's readers as diagnostics.
#pragma once

#include <utility>

#include "ir/diagnostic.h"
#include "runtime/status.h"

namespace descent {

/// The message begins with the file, since the runtime's continue its name. The statuses are the
/// same numbers on both sides.
inline Diagnostic ToDiagnostic(runtime::Failure failure) {
  Diagnostic diagnostic;
  diagnostic.hint = std::exchange(failure.hint, "");
  diagnostic.message = failure.ToString();
  diagnostic.status = static_cast<ExitStatus>(failure.status);
  return diagnostic;
}

template <typename T>
Result<T> FromRuntime(runtime::Result<T> result) {
  if (!result) return std::unexpected(ToDiagnostic(result.error()));
  if constexpr (std::is_void_v<T>)
    return {};
  else
    return *std::move(result);
}

}  // namespace descent

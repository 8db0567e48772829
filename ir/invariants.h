// The invariants of models by number (docs/ir.md): verify.cpp holds V1 to V8, V19 to V21 and the
// list, verify_statements.cpp what statements say about the graph, V9 to V18.
#pragma once

#include <string_view>

#include "ir/model.h"

namespace descent {

inline bool IsSource(const Model& model) { return model.entry.empty(); }
/// Statements about outputs bind in the source model and in the entry point they are about.
inline bool Binds(const Model& model, std::string_view entry) {
  return IsSource(model) || model.entry == entry;
}

/// An error of the item that stands at `location`.
inline std::unexpected<Diagnostic> At(const SourceLocation& location,
                                      std::unexpected<Diagnostic> error) {
  error.error().location = location;
  return error;
}
inline Result<void> At(const SourceLocation& location, Result<void> checked) {
  if (!checked) checked.error().location = location;
  return checked;
}

/// Whether a name or comment survives every form of file: UTF-8, no control characters.
bool IsPlainText(std::string_view text);
/// `what` completes "the name of ...".
Result<void> CheckName(std::string_view what, std::string_view name);

Result<void> CheckBatch(const Model& model);
Result<void> CheckNormalization(const Model& model);
Result<void> CheckInitializers(const Model& model);
Result<void> CheckParameters(const Model& model);
Result<void> CheckNext(const Model& model);
Result<void> CheckPredictions(const Model& model);
Result<void> CheckMetrics(const Model& model);
Result<void> CheckLosses(const Model& model);
Result<void> CheckPatterns(const Model& model);
Result<void> CheckUpdateValues(const Model& model);

}  // namespace descent

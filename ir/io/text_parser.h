// Reads a model from the text IR (grammar and examples: docs/ir.md).
//
//   auto model = ParseText("descent 1\nmodel f {\n  input x: f32[4]\n  y = tanh(x)\n  output
//   y\n}\n",
//                          "f.descent");
//
// The text may be malicious: it gets a diagnostic, never a crash. What is returned is well-formed,
// not yet verified (ir/io/model_file.h does both).
#pragma once

#include <string>
#include <string_view>

#include "ir/diagnostic.h"
#include "ir/model.h"

namespace descent {

/// `file` is named in diagnostics.
Result<Model> ParseText(std::string_view text, std::string file);

}  // namespace descent

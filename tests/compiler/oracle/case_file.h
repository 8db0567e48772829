// Oracle cases as `.descent` files: a model that any command reads, with the values it was run on
// and how it was compiled in its header comment.
//
//   # fuse=off simplify=on ...
//   # calls 1
//   # values {
//   #   statistic x1: f32[2] = [1.0, 2.0]
//   # }
#pragma once

#include <string>

#include "tests/compiler/oracle/check.h"

namespace descent {

struct CaseFile {
  OracleCase one;
  OptionSet options;
};

std::string PrintCase(const CaseFile& file);
/// `name` is named in diagnostics.
Result<CaseFile> ParseCase(const std::string& text, const std::string& name);

}  // namespace descent

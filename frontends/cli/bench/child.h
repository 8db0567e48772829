// Running another program to its end.
#pragma once

#include <string>
#include <vector>

#include "ir/diagnostic.h"
#include "runtime/interrupt.h"

namespace descent::cli {

struct ChildOutcome {
  std::string out;  ///< what it printed
  int status = 0;   ///< exit status; 128 + signal if a signal ended it
};

/// `words[0]` is its path. An interrupt ends it, and gives a kInterrupted diagnostic.
Result<ChildOutcome> RunChild(const std::vector<std::string>& words,
                              const runtime::InterruptWatch& watch);

}  // namespace descent::cli

// A long run of random cases in child processes, so that a crash is one more finding.
#pragma once

#include <cstdint>
#include <string>

#include "tests/compiler/oracle/reduce.h"

namespace descent {

struct FuzzOptions {
  int64_t graphs = 100;
  uint64_t seed = 0;         ///< of the first graph; the next ones have the next numbers
  double minutes = 0;        ///< stop then; 0: when all are done
  double injected = 0;       ///< relative error of one kernel of every program
  std::string folder = ".";  ///< where reduced cases go
  int64_t reduced = 10;      ///< failures that are reduced
};

struct FuzzResult {
  int64_t graphs = 0, mismatches = 0, crashes = 0;
};

/// Prints findings as they come, a report of coverage, and "N graphs, M mismatches, K crashes".
FuzzResult RunFuzz(const FuzzOptions& options);

/// Checks the case in a child process: "" or what is wrong, "crashes" included.
std::string CheckApart(const OracleCase& one, const OptionSet& options, const Tamper& tamper = {});

}  // namespace descent

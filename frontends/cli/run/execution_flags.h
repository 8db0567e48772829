// How a command computes values: the options of run and grad.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "frontends/cli/command.h"
#include "frontends/cli/run/execution.h"

namespace descent::cli {

/// "--check-memory"
Option CheckMemoryOption(bool* destination);

struct ExecutionFlags {
  bool compiled = false, interpreter = false;
  bool check_memory = false;
  int64_t seed = 1, threads = 1;
  WeightsFlags weights;

  /// "--compiled", "--interpreter", "--seed", "--threads", "--check-memory", "--weights",
  /// "--rename"; destinations are members. `what` is compiled: "the entry point".
  std::vector<Option> Options(std::string_view what);
  /// A usage error where they exclude each other.
  Result<void> Check() const;
  /// Of the request the members that stand here.
  void Fill(ExecutionRequest& request) const;
  Result<Values> Run(const Execution& execution, bool trace) const;
};

}  // namespace descent::cli

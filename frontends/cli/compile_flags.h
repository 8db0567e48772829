// Options that several commands share, so that they read and mean the same everywhere.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "compiler/compile.h"
#include "frontends/cli/command.h"

namespace descent::cli {

/// "--entry E"
Option EntryOption(std::string* destination);

/// Names of passes that may be disabled, checked.
Result<std::set<std::string>> DisabledPasses(const std::vector<std::string>& names);

/// The options of a compilation, wherever one happens: compile, train, run, diff, inspect.
struct CompileFlags {
  std::string target = "native";
  std::vector<std::string> settings, disabled;
  int64_t batch = 0, evaluate_batch = 0, predict_batch = 0;
  bool verify_each = false;

  /// "--set", "--batch", "--evaluate-batch", "--predict-batch", "--target", "--disable-pass",
  /// "--verify-each"; destinations are members.
  OptionGroup Group();
  /// The first four of them.
  std::vector<Option> ModelOptions();
  Result<CompileOptions> Options() const;
};

}  // namespace descent::cli

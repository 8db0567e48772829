// Options that several commands share, so that they read and mean the same everywhere.
#pragma once

#include <cstdint>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "compiler/compile.h"
#include "frontends/cli/command.h"
#include "frontends/cli/model_flags.h"

namespace descent::cli {

/// "--entry E"; `otherwise` says what is meant without it.
Option EntryOption(std::string* destination, std::string_view otherwise);

/// "--seed N": any whole number, as a trainer takes it.
Option SeedOption(int64_t* destination, std::string doc);

/// The entry point that is meant: `wanted`, which the model must have, or without it the first of
/// `usual` that the model has.
Result<std::string> EntryOf(const Model& model, const std::string& wanted,
                            std::initializer_list<std::string_view> usual);

/// All graph passes.
std::vector<std::string> PassNames();

/// A usage error unless `name` is a graph pass, or `beside`.
Result<void> RefuseUnknownPass(const std::string& name,
                               std::initializer_list<std::string_view> beside = {});

/// What "--target" takes.
enum class TargetCount : uint8_t { kOne, kSeveral };

/// The options of a compilation, wherever one happens: compile, train, run, diff, inspect.
struct CompileFlags {
  ModelFlags model;
  std::string target = "native";
  std::vector<std::string> settings, disabled;
  int64_t evaluate_batch = 0, predict_batch = 0;
  std::string precision = "f32";
  bool no_winograd = false;
  bool verify_each = false;
  std::string cache, tuning;

  /// those of ModelFlags, "--set", "--batch", "--evaluate-batch", "--predict-batch",
  /// "--precision", "--target", "--disable-pass", "--verify-each"; destinations are members.
  OptionGroup Group(TargetCount targets = TargetCount::kOne);
  /// Those before "--target".
  std::vector<Option> ModelOptions();
  /// "--cache", where the objects that are made are kept; not part of Group.
  Option CacheOption();
  FactorPrecision Precision() const;
  /// "--tuning", likewise.
  Option TuningOption();
  Result<CompileOptions> Options() const;
};

/// Says on standard error that the tuning, if there is one, holds nothing for any of these.
void WarnOfOtherTargets(const CompileOptions& options, std::span<const Compilation> compilations);

}  // namespace descent::cli

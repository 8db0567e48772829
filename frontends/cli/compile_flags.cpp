#include "frontends/cli/compile_flags.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <limits>

#include "compiler/codegen/target.h"
#include "compiler/graph/pipeline.h"
#include "compiler/graph/specialize.h"
#include "compiler/tuning.h"
#include "frontends/cli/files.h"

namespace descent::cli {

Option EntryOption(std::string* destination, std::string_view otherwise) {
  return {.names = "--entry",
          .value = "ENTRY",
          .doc = fmt::format("entry point (default {})", otherwise),
          .destination = destination,
          .choices = {"initialize", "train_step", "evaluate", "predict", "metrics", "run"}};
}

Option SeedOption(int64_t* destination, std::string doc) {
  return {.names = "--seed",
          .value = "N",
          .doc = std::move(doc),
          .destination = destination,
          .minimum = std::numeric_limits<int64_t>::min()};
}

std::vector<std::string> PassNames() {
  std::vector<std::string> names;
  for (const Pass& pass : Passes()) names.emplace_back(pass.name);
  return names;
}

Result<void> RefuseUnknownPass(const std::string& name,
                               std::initializer_list<std::string_view> beside) {
  std::vector<std::string> known = PassNames();
  known.insert(known.end(), beside.begin(), beside.end());
  if (std::ranges::find(known, name) != known.end()) return {};
  std::string hint = DidYouMean(name, known);
  if (hint.empty()) hint = fmt::format("there are {}", fmt::join(known, ", "));
  return UsageError(fmt::format("there is no pass {}", Quoted(name)), std::move(hint));
}

Result<std::string> EntryOf(const Model& model, const std::string& wanted,
                            std::initializer_list<std::string_view> usual) {
  if (!model.entry.empty()) {
    if (wanted.empty() || wanted == model.entry) return model.entry;
    return InputError(fmt::format("the model is the entry point {}, not {}", model.entry, wanted));
  }
  const std::vector<std::string> all = EntryPoints(model);
  for (const std::string_view name : usual)
    if (wanted.empty() && std::ranges::find(all, name) != all.end()) return std::string(name);
  if (std::ranges::find(all, wanted) != all.end()) return wanted;
  return InputError(fmt::format("model {} has no entry point {}", Quoted(model.name), wanted),
                    fmt::format("it has {}", fmt::join(all, ", ")));
}

namespace {

std::vector<std::string> TargetNames() {
  std::vector<std::string> names = {"native"};
  for (const Target& target : AllTargets()) names.emplace_back(target.name);
  return names;
}

std::vector<std::string> OptimizationNames() {
  std::vector<std::string> names = {std::string(kFusePass), std::string(kWinogradPass)};
  for (const Pass& pass : Passes())
    if (pass.is_optimization) names.emplace_back(pass.name);
  return names;
}

/// Optimizations alone: without the other passes there would be another program.
Result<std::set<std::string>> SkippedOptimizations(const std::vector<std::string>& names) {
  const std::vector<std::string> optimizations = OptimizationNames();
  for (const std::string& name : names) {
    DESCENT_RETURN_IF_ERROR(RefuseUnknownPass(name, {kFusePass, kWinogradPass}));
    if (std::ranges::find(optimizations, name) == optimizations.end())
      return UsageError(
          fmt::format("pass {} cannot be skipped: it is no optimization", Quoted(name)),
          fmt::format("these are: {}", fmt::join(optimizations, ", ")));
  }
  return std::set<std::string>(names.begin(), names.end());
}

}  // namespace

std::vector<Option> CompileFlags::ModelOptions() {
  std::vector<Option> options = model.Options();
  const std::vector<Option> own = {
      {.names = "--set",
       .value = "NAME=VALUE",
       .doc = "change a hyperparameter (optimizer.momentum=0.9, schedule=cosine, clip_norm=1), a "
              "parameter's l1, l2, weight_decay or trainable (W1.l2=0.01; patterns as W*), or an "
              "operator's attribute by the name of its value (hidden.rate=0.5); may be repeated",
       .destination = &settings},
      {.names = "--batch",
       .value = "N",
       .doc = "rows per call of train_step and run, instead of the model's",
       .destination = &model.batch,
       .minimum = 1},
      {.names = "--evaluate-batch",
       .value = "N",
       .doc = "rows per call of evaluate",
       .destination = &evaluate_batch,
       .minimum = 1},
      {.names = "--predict-batch",
       .value = "N",
       .doc = "rows per call of predict (1 for embedding)",
       .destination = &predict_batch,
       .minimum = 1},
      {.names = "--precision",
       .value = "TYPE",
       .doc = "f32, or bf16: round the factors of products (matmul, convolution) and the "
              "activations in memory to bf16; sums, parameters and all else stay f32 (default f32)",
       .destination = &precision,
       .choices = {"f32", "bf16"}}};
  options.insert(options.end(), own.begin(), own.end());
  return options;
}

OptionGroup CompileFlags::Group(TargetCount targets) {
  OptionGroup group = {"Compilation", ModelOptions()};
  std::string doc =
      "the CPU to compile for: a name (x86-64-v3, x86-64-v4, znver4, ...) or native, the one that "
      "runs this (default native)";
  if (targets == TargetCount::kSeveral)
    doc +=
        "; a list (x86-64-v3,x86-64-v4) makes one executable with a program for each, of which "
        "the best one that the CPU can run is chosen at the start";
  group.options.push_back({.names = "--target",
                           .value = targets == TargetCount::kOne ? "CPU" : "CPU,...",
                           .doc = std::move(doc),
                           .destination = &target,
                           .offers = TargetNames()});
  group.options.push_back(
      {.names = "--disable-pass",
       .value = "P",
       .doc = "skip an optimization: simplify, fold_constants, fuse or winograd; may be repeated",
       .destination = &disabled,
       .comma_list = true,
       .offers = OptimizationNames()});
  group.options.push_back(
      {.names = "--no-winograd",
       .value = "",
       .doc = "compute convolutions as the plain sums of products, as --disable-pass winograd",
       .destination = &no_winograd});
  group.options.push_back({.names = "--verify-each",
                           .value = "",
                           .doc = "check the invariants after every graph pass",
                           .destination = &verify_each});
  return group;
}

Option CompileFlags::CacheOption() {
  return {.names = "--cache",
          .value = "DIR",
          .doc =
              "keep compiled kernels in this folder, and take from it what an earlier compilation "
              "has made; at most 1 GiB, and anything in it may be deleted at any time",
          .destination = &cache,
          .completion = Completion::kDirectory};
}

FactorPrecision CompileFlags::Precision() const {
  return precision == "bf16" ? FactorPrecision::kBF16 : FactorPrecision::kF32;
}

Option CompileFlags::TuningOption() {
  return {.names = "--tuning",
          .value = "FILE",
          .doc =
              "schedule contractions as `descent tune` has found to be faster; results stay the "
              "same to the bit",
          .destination = &tuning,
          .completion = Completion::kFile};
}

Result<CompileOptions> CompileFlags::Options() const {
  DESCENT_TRY(passes, SkippedOptimizations(disabled));
  CompileOptions options;
  options.target = target;
  options.settings = settings;
  options.batch = model.batch;
  options.evaluate_batch = evaluate_batch;
  options.predict_batch = predict_batch;
  options.precision = Precision();
  options.disabled_passes = std::move(passes);
  if (no_winograd) options.disabled_passes.emplace(kWinogradPass);
  options.verify_each = verify_each;
  if (!cache.empty()) {
    DESCENT_TRY(opened, ObjectCache::Open(cache));
    options.cache = std::move(opened);
  }
  if (!tuning.empty()) {
    DESCENT_TRY(read, ReadTuning(tuning));
    options.tuning = std::make_shared<Tuning>(std::move(read));
  }
  return options;
}

void WarnOfOtherTargets(const CompileOptions& options, std::span<const Compilation> compilations) {
  if (options.tuning == nullptr || options.tuning->targets.empty()) return;
  std::vector<std::string_view> compiled, tuned;
  for (const Compilation& each : compilations) compiled.push_back(each.target->name);
  for (const auto& [name, lines] : options.tuning->targets) tuned.push_back(name);
  if (std::ranges::find_first_of(compiled, tuned) != compiled.end()) return;
  PrintError("warning: {} is for {}, so nothing is tuned for {}\n", options.tuning->file,
             fmt::join(tuned, ", "), fmt::join(compiled, ", "));
}

}  // namespace descent::cli

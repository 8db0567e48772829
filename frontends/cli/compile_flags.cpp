#include "frontends/cli/compile_flags.h"

#include <algorithm>

#include "compiler/graph/pipeline.h"

namespace descent::cli {

Option EntryOption(std::string* destination) {
  return {.names = "--entry",
          .value = "ENTRY",
          .doc = "entry point",
          .destination = destination,
          .choices = {"initialize", "train_step", "evaluate", "predict", "metrics", "run"}};
}

Result<std::set<std::string>> DisabledPasses(const std::vector<std::string>& names) {
  std::vector<std::string> known;
  for (const Pass& pass : Passes()) known.emplace_back(pass.name);
  known.emplace_back(kFusePass);
  for (const std::string& name : names) {
    if (std::ranges::find(known, name) != known.end()) continue;
    std::string hint = DidYouMean(name, known);
    if (hint.empty()) hint = "`descent opt --list` lists the passes";
    return UsageError(fmt::format("there is no pass {}", Quoted(name)), std::move(hint));
  }
  return std::set<std::string>(names.begin(), names.end());
}

std::vector<Option> CompileFlags::ModelOptions() {
  return {
      {.names = "--set",
       .value = "NAME=VALUE",
       .doc = "change a hyperparameter (optimizer.momentum=0.9, schedule=cosine, clip_norm=1), a "
              "parameter's l1, l2, weight_decay or trainable (W1.l2=0.01; patterns as W*), or an "
              "operator's attribute by the name of its value (hidden.rate=0.5); may be repeated",
       .destination = &settings},
      {.names = "--batch",
       .value = "N",
       .doc = "rows per call of train_step and run, instead of the model's",
       .destination = &batch,
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
       .minimum = 1}};
}

OptionGroup CompileFlags::Group() {
  OptionGroup group = {"Compilation", ModelOptions()};
  group.options.push_back({.names = "--target",
                           .value = "CPU",
                           .doc =
                               "the CPU to compile for: a name (x86-64-v3, x86-64-v4, znver4, ...) "
                               "or native, the one that runs this (default native)",
                           .destination = &target});
  group.options.push_back(
      {.names = "--disable-pass",
       .value = "P",
       .doc = "skip an optimization: a graph pass (`descent opt --list`), or fuse; "
              "may be repeated",
       .destination = &disabled,
       .comma_list = true});
  group.options.push_back({.names = "--verify-each",
                           .value = "",
                           .doc = "check the invariants after every graph pass",
                           .destination = &verify_each});
  return group;
}

Result<CompileOptions> CompileFlags::Options() const {
  DESCENT_TRY(passes, DisabledPasses(disabled));
  CompileOptions options;
  options.target = target;
  options.settings = settings;
  options.batch = batch;
  options.evaluate_batch = evaluate_batch;
  options.predict_batch = predict_batch;
  options.disabled_passes = std::move(passes);
  options.verify_each = verify_each;
  return options;
}

}  // namespace descent::cli

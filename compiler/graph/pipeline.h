// The graph passes as data, and what runs them.
//
//   PipelineOptions options{.pass = {.entry = "train_step"}};
//   auto optimized = RunPasses(source, StandardPasses(source, "optimized"), options);
//
// A pass is written by its name; specialize takes the entry point in parentheses:
// "specialize(train_step)". Passes run one by one, each from the text form of the one before, give
// what one call gives.
#pragma once

#include <functional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "compiler/graph/pass_options.h"
#include "ir/model.h"

namespace descent {

struct Pass {
  std::string_view name;
  std::string_view description;  ///< one line
  Result<Model> (*run)(Model, const PassOptions&);
  bool is_optimization = false;  ///< without it the program means the same
};

/// All passes over graphs, in pipeline order, each once.
std::span<const Pass> Passes();

/// What happened in one pass; valid during the callback.
struct PassReport {
  std::string_view name;
  const Model& before;
  const Model& after;
  bool changed;
  double seconds;
};

struct PipelineOptions {
  PassOptions pass;
  std::set<std::string> disabled;  ///< passes that are skipped; specialize can't be
  bool verify_each = false;        ///< check the model's invariants after every pass
  std::function<void(const PassReport&)> after_pass = {};
};

/// Runs `passes` in order. Unknown names are diagnosed; an error says which pass gave it.
Result<Model> RunPasses(Model model, std::span<const std::string> passes,
                        const PipelineOptions& options);

/// "specialize,simplify" as a list; commas inside parentheses do not separate.
std::vector<std::string> SplitPasses(std::string_view passes);

/// A point of the standard pipeline that `inspect --stage` shows.
struct GraphStage {
  std::string_view name;
  std::string_view description;
};
/// source, simplified, differentiated, optimized.
std::span<const GraphStage> GraphStages();

/// The passes that lead from `model` to a stage; of a specialized model, those that are still to be
/// done. Differentiation and update appear once per update.
std::vector<std::string> StandardPasses(const Model& model, std::string_view stage = "optimized");

}  // namespace descent

#include "compiler/graph/pipeline.h"

#include <algorithm>
#include <chrono>

#include "compiler/graph/append_optimizer.h"
#include "compiler/graph/differentiate.h"
#include "compiler/graph/expand.h"
#include "compiler/graph/fold_constants.h"
#include "compiler/graph/mixed_precision.h"
#include "compiler/graph/simplify.h"
#include "compiler/graph/specialize.h"

namespace descent {
namespace {

constexpr Pass kPasses[] = {
    {"specialize", "derive the model of one entry point: outputs, batch, inference mode, row mask",
     Specialize},
    {"simplify", "apply the algebraic rules", Simplify, true},
    {"differentiate", "append the gradients of the next update's loss", Differentiate},
    {"append_optimizer", "append the next update's equations: penalties, clipping, optimizer",
     AppendOptimizer},
    {"expand", "replace composite operators by what they are made of", Expand},
    {"mixed_precision", "with bf16, round the factors of products and what memory keeps of them",
     MixedPrecision},
    {"fold_constants", "evaluate what depends on constants only", FoldConstants, true},
};

/// One place in the standard pipeline.
struct PipelineStep {
  std::string_view pass;
  std::string_view stage;        ///< the stage it leads to
  bool once_per_update = false;  ///< consecutive ones are repeated together
};

constexpr PipelineStep kPipeline[] = {
    {"specialize", "simplified"},
    {"simplify", "simplified"},
    {"differentiate", "differentiated", true},
    {"fold_constants", "differentiated", true},
    {"simplify", "differentiated", true},
    {"append_optimizer", "optimized", true},
    {"expand", "optimized"},
    {"mixed_precision", "optimized"},
    {"fold_constants", "optimized"},
    {"simplify", "optimized"},
    {"fold_constants", "optimized"},
};

constexpr GraphStage kStages[] = {
    {"source", "the model as written"},
    {"simplified", "one entry point, simplified"},
    {"differentiated", "with the gradients of the trainable parameters"},
    {"optimized", "with the update, in basic operators, constants folded"},
};

const Pass* FindPass(std::string_view name) {
  const auto* pass = std::ranges::find(kPasses, name, &Pass::name);
  return pass == std::end(kPasses) ? nullptr : pass;
}

struct Invocation {
  const Pass* pass;
  PassOptions options;
};

/// "name" or "name(entry)".
Result<Invocation> ParseInvocation(std::string_view text, const PassOptions& options) {
  const size_t open = text.find('(');
  const std::string_view name = text.substr(0, open);
  Invocation invocation{FindPass(name), options};
  if (invocation.pass == nullptr) {
    auto error = Error("no pass {}", Quoted(name));
    for (const Pass& pass : kPasses)
      error.error().hint +=
          (error.error().hint.empty() ? "there are " : ", ") + std::string(pass.name);
    return error;
  }
  if (open == std::string_view::npos) return invocation;
  if (invocation.pass->run != Specialize || !text.ends_with(')'))
    return Error("pass {}: only specialize takes an argument, as in specialize(train_step)",
                 Quoted(text));
  invocation.options.entry = text.substr(open + 1, text.size() - open - 2);
  return invocation;
}

bool Changed(const Model& before, const Model& after) {
  return before.entry != after.entry || before.gradients != after.gradients ||
         before.expanded != after.expanded || before.slots.size() != after.slots.size() ||
         !SameGraph(before.graph, after.graph);
}

Result<Model> RunPass(Model model, const Invocation& invocation, const PipelineOptions& options) {
  const Model before = options.after_pass ? model : Model();
  const auto start = std::chrono::steady_clock::now();
  DESCENT_TRY(result, invocation.pass->run(std::move(model), invocation.options));
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  if (options.verify_each) {
    if (auto verified = Verify(result); !verified)
      return Error("after pass {}: {}", invocation.pass->name, verified.error().message);
  }
  if (options.after_pass)
    options.after_pass(
        {invocation.pass->name, before, result, Changed(before, result), seconds.count()});
  return result;
}

}  // namespace

std::span<const Pass> Passes() { return kPasses; }

std::span<const GraphStage> GraphStages() { return kStages; }

Result<Model> RunPasses(Model model, std::span<const std::string> passes,
                        const PipelineOptions& options) {
  for (const std::string& text : passes) {
    DESCENT_TRY(invocation, ParseInvocation(text, options.pass));
    const std::string_view name = invocation.pass->name;
    if (options.disabled.contains(std::string(name)) && name != "specialize") continue;
    DESCENT_TRY(next, RunPass(std::move(model), invocation, options));
    model = std::move(next);
  }
  return model;
}

std::vector<std::string> SplitPasses(std::string_view passes) {
  std::vector<std::string> names;
  std::string name;
  int depth = 0;
  for (const char c : passes) {
    depth += (c == '(') - (c == ')');
    if (c == ',' && depth == 0) {
      names.push_back(std::move(name));
      name.clear();
    } else if (c != ' ') {
      name += c;
    }
  }
  if (!name.empty() || !names.empty()) names.push_back(std::move(name));
  return names;
}

std::vector<std::string> StandardPasses(const Model& model, std::string_view stage) {
  const auto rank = [](std::string_view name) {
    return std::ranges::find(kStages, name, &GraphStage::name) - std::begin(kStages);
  };
  const bool is_source = model.entry.empty();
  const std::optional<size_t> pending = is_source ? 0 : PendingUpdate(model);
  const size_t rounds = pending ? model.updates.size() - *pending : 0;
  std::vector<std::string> names;
  const auto* step = std::begin(kPipeline);
  while (step != std::end(kPipeline)) {
    const auto* group_end = std::find_if(step, std::end(kPipeline), [&](const PipelineStep& s) {
      return s.once_per_update != step->once_per_update;
    });
    for (size_t round = 0; round < (step->once_per_update ? rounds : 1); ++round)
      for (const auto* s = step; s != group_end; ++s) {
        // To differentiate a later update, the earlier ones must have been appended.
        const bool prepares = s->once_per_update && round + 1 < rounds && stage == "differentiated";
        const bool done = (s->pass == "specialize" && !is_source) ||
                          (s->pass == "differentiate" && round == 0 && !model.gradients.empty());
        if ((rank(s->stage) <= rank(stage) || prepares) && !done) names.emplace_back(s->pass);
      }
    step = group_end;
  }
  return names;
}

}  // namespace descent

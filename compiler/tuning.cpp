#include "compiler/tuning.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <tuple>

#include "compiler/codegen/contraction_plan.h"
#include "compiler/graph/sum_of_products.h"
#include "compiler/kernel/computation.h"
#include "compiler/kernel/contraction.h"
#include "ir/index_map.h"

namespace descent {
namespace {

// ---- keys --------------------------------------------------------------------------------------

/// Prints a contraction with its axes numbered by role: batch, rows, columns, K.
class KeyPrinter {
 public:
  explicit KeyPrinter(const Kernel& kernel)
      : kernel_(kernel),
        stage_(kernel.stages[0]),
        form_(ColumnsOnLanes(kernel.as<ContractionForm>())) {
    extents_ = kernel.outer;
    extents_.insert(extents_.end(), stage_.axes.begin(), stage_.axes.end());
    number_.resize(extents_.size());
    int next = 0;
    for (const auto* group : {&form_.batch, &form_.m, &form_.n, &form_.k})
      for (const int axis : *group) number_[axis] = next++;
  }

  std::string Print() const {
    std::string text = fmt::format("contraction {} ", Info(stage_.reducer->init[0]->dtype).name);
    if (!form_.batch.empty()) text += fmt::format("batch {}, ", ExtentsOf(form_.batch));
    text += fmt::format("m {}, n {}, k {}: {} * {}", ExtentsOf(form_.m), ExtentsOf(form_.n),
                        ExtentsOf(form_.k), Factor(form_.lhs), Factor(form_.rhs));
    for (int read = 0; read < static_cast<int>(stage_.reads.size()); ++read)
      if (read != form_.lhs && read != form_.rhs) text += "; " + Read(stage_.reads[read]);
    for (const StageStore& store : stage_.stores)
      text += " -> " + Access(store.parameter, store.coordinates);
    return text + fmt::format("; cost {}", ScalarCost(stage_.results));
  }

 private:
  std::string ExtentsOf(const std::vector<int>& axes) const {
    Shape extents;
    for (const int axis : axes) extents.push_back(extents_[axis]);
    return fmt::format("{}", fmt::join(extents, "x"));
  }

  std::string Place(const Index& index) const {
    return descent::ToString(MapIndex(index, [&](int axis) { return Axis(number_[axis]); }));
  }

  std::string Access(int parameter, const std::vector<Index>& coordinates) const {
    std::vector<std::string> places;
    for (const Index& index : coordinates) places.push_back(Place(index));
    return fmt::format("{}[{}]", descent::ToString(kernel_.parameters[parameter].type),
                       fmt::join(places, ", "));
  }

  std::string Read(const StageRead& read) const {
    std::string text = Access(read.index, read.coordinates);
    for (const Guard& guard : read.guards)
      text += fmt::format(" if 0 <= {} < {}", Place(guard.index), guard.extent);
    return text;
  }

  /// With what it costs to compute where it is more than a read.
  std::string Factor(int read) const {
    const auto factors = *FactorsOf(*stage_.reducer);
    bool plain = false;
    int64_t cost = 0;
    for (const Scalar& factor : {factors.first, factors.second}) {
      plain |= factor->kind == ScalarKind::kRead && factor->slot == read;
      cost += ScalarCost({factor});
    }
    return Read(stage_.reads[read]) + (plain ? "" : fmt::format(" of cost {}", cost));
  }

  const Kernel& kernel_;
  const Stage& stage_;
  const ContractionForm form_;
  Shape extents_;
  std::vector<int> number_;  ///< by axis
};

int64_t LargestScratch(const KernelProgram& program, const std::vector<Step>& steps) {
  int64_t bytes = 0;
  for (const Step& step : steps) {
    if (const auto* call = std::get_if<KernelCall>(&step.what))
      bytes = std::max(bytes, program.kernels[call->kernel].scratch_bytes);
    for (const std::vector<Step>* inner : InnerSteps(step))
      bytes = std::max(bytes, LargestScratch(program, *inner));
  }
  return bytes;
}

/// All that the emitter asks of a schedule.
auto SignatureOf(const Kernel& kernel, const TargetFacts& target) {
  const ContractionPlan plan = PlanContraction(kernel, target);
  return std::tuple(kernel.as<ContractionForm>().m, plan.register_m, plan.vectors, plan.block_m,
                    plan.block_n, kernel.schedule.parallel);
}

}  // namespace

std::string KeyOf(const Kernel& contraction) { return KeyPrinter(contraction).Print(); }

std::expected<Kernel, std::string> Chosen(const Kernel& contraction,
                                          const ContractionChoice& choice,
                                          const TargetFacts& target) {
  Kernel kernel = contraction;
  if (std::string reason = ApplyChoice(kernel, choice, target); !reason.empty())
    return std::unexpected(std::move(reason));
  const int64_t usual = PlanContraction(contraction, target).block_k;
  const int64_t chosen = PlanContraction(kernel, target).block_k;
  if (chosen == usual) return kernel;
  return std::unexpected(
      fmt::format("it would sum K in blocks of {} instead of {}", chosen, usual));
}

std::vector<Kernel> DistinctKernels(const Kernel& kernel,
                                    const std::vector<ContractionChoice>& choices,
                                    const TargetFacts& target) {
  std::vector<Kernel> kernels;
  std::vector signatures = {SignatureOf(kernel, target)};
  for (const ContractionChoice& choice : choices) {
    auto chosen = Chosen(kernel, choice, target);
    if (!chosen) continue;
    auto signature = SignatureOf(*chosen, target);
    if (std::ranges::find(signatures, signature) != signatures.end()) continue;
    signatures.push_back(std::move(signature));
    kernels.push_back(*std::move(chosen));
  }
  return kernels;
}

Result<int> ApplyTuning(const Tuning& tuning, const Target& target, KernelProgram& program) {
  const auto lines = tuning.targets.find(target.name);
  if (lines == tuning.targets.end()) return 0;
  int count = 0;
  for (Kernel& kernel : program.kernels) {
    if (!kernel.is<ContractionForm>()) continue;
    const auto line = std::ranges::find(lines->second, KeyOf(kernel), &TunedContraction::key);
    if (line == lines->second.end()) continue;
    auto chosen = Chosen(kernel, line->choice, target.facts);
    if (!chosen)
      return std::unexpected(
          Diagnostic{.message = fmt::format("{} is no choice for this contraction: {}",
                                            Quoted(ToString(line->choice)), chosen.error()),
                     .location = {.file = tuning.file, .line = line->line},
                     .hint = "`descent tune` measures again"});
    kernel = *std::move(chosen);
    ++count;
  }
  for (EntryProgram& entry : program.entries)
    entry.worker_scratch_bytes = LargestScratch(program, entry.steps);
  return count;
}

}  // namespace descent

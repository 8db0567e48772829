// From the optimized graph of an entry point to its calls: the last step before code generation.
//
//   KernelProgram program{.name = "mlp", .prefix = "mlp"};
//   LayoutState(train_step_model, program);
//   DESCENT_TRY(entry, LowerEntry(train_step_model, program, {.target = facts}));
//   program.entries.push_back(std::move(entry));
#pragma once

#include <span>
#include <string_view>

#include "compiler/kernel/plan_memory.h"
#include "compiler/kernel/program.h"
#include "compiler/kernel/target_facts.h"
#include "compiler/kernel/winograd.h"
#include "ir/model.h"

namespace descent {

struct FusionReport;

struct LowerOptions {
  bool fuse = true;
  TargetFacts target;
  Packing packing = Packing::kSmallest;
  Winograd winograd = Winograd::kWhereItPays;
  FusionReport* fusion = nullptr;  ///< if not null, LowerEntry adds why its kernels are as they are
};

// Names of the slots that every program has, before the model's own; the graph output that replaces
// slot s is "next.s".
inline constexpr std::string_view kSeedSlot = "seed";
inline constexpr std::string_view kStepSlot = "step";
inline constexpr std::string_view kLearningRateSlot = "learning_rate";

/// Sets program.state and state_bytes: system slots, then the model's by kind. Every later entry
/// point must only use slots of `model`, so it is the one with the optimizer's slots.
void LayoutState(const Model& model, KernelProgram& program);

/// Chooses in which order the axes of state lie in memory, by what the entry point called `main`
/// does with it; what some entry point takes as a whole, as loops do, stays as it is. The state
/// must have been laid out, and no entry point lowered.
Result<void> OrderState(std::span<const Model> optimized_entries, std::string_view main,
                        KernelProgram& program, const LowerOptions& options = {});

/// Lowers an expanded entry point; adds its kernels (equal ones once) and constants to `program`.
/// Lays out the state first if that has not been done.
Result<EntryProgram> LowerEntry(const Model& optimized_entry, KernelProgram& program,
                                const LowerOptions& options = {});

}  // namespace descent

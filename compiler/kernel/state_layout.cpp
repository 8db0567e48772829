// LayoutState of compiler/kernel/lower_model.h.
#include "compiler/kernel/lower_model.h"
#include "compiler/kernel/plan_memory.h"
#include "runtime/abi.h"

namespace descent {
namespace {

int KindOf(SlotKind kind) {
  switch (kind) {
    case SlotKind::kParameter:
      return DESCENT_SLOT_PARAMETER;
    case SlotKind::kStatistic:
      return DESCENT_SLOT_STATISTIC;
    case SlotKind::kOptimizer:
      break;
  }
  return DESCENT_SLOT_OPTIMIZER;
}

}  // namespace

void LayoutState(const Model& model, KernelProgram& program) {
  program.state = {
      {.name = std::string(kSeedSlot), .type = {DType::kI64, {}}, .kind = DESCENT_SLOT_SEED},
      {.name = std::string(kStepSlot), .type = {DType::kI64, {}}, .kind = DESCENT_SLOT_STEP},
      {.name = std::string(kLearningRateSlot),
       .type = {DType::kF64, {}},
       .kind = DESCENT_SLOT_LEARNING_RATE}};
  for (const SlotKind kind : {SlotKind::kParameter, SlotKind::kStatistic, SlotKind::kOptimizer})
    for (const Slot& slot : model.slots)
      if (slot.kind == kind)
        program.state.push_back({.name = slot.name,
                                 .type = slot.type,
                                 .kind = KindOf(kind),
                                 .trainable = kind == SlotKind::kParameter && slot.trainable});
  const int64_t guard = Aligned(program.guard_bytes);
  program.state_bytes = guard;
  for (StateSlot& slot : program.state) {
    slot.offset = program.state_bytes;
    program.state_bytes += Aligned(slot.type.bytes()) + guard;
  }
}

}  // namespace descent

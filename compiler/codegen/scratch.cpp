#include "compiler/codegen/scratch.h"

#include <algorithm>

#include "compiler/codegen/codegen.h"

namespace descent {
namespace {

int64_t LargestWorker(const KernelProgram& program, const std::vector<Step>& steps,
                      const Target& target) {
  int64_t bytes = 0;
  for (const Step& step : steps) {
    if (const auto* call = std::get_if<KernelCall>(&step.what)) {
      const Kernel& kernel = program.kernels[call->kernel];
      bytes = std::max({bytes, kernel.scratch_bytes, WorkerScratchBytes(kernel, target)});
    }
    for (const std::vector<Step>* inner : InnerSteps(step))
      bytes = std::max(bytes, LargestWorker(program, *inner, target));
  }
  return bytes;
}

}  // namespace

ScratchBytes ScratchBytesOf(const KernelProgram& program, const EntryProgram& entry,
                            const Target& target) {
  const int64_t guard = Aligned(program.guard_bytes);
  const int64_t worker =
      std::max(entry.worker_scratch_bytes, LargestWorker(program, entry.steps, target));
  return {Aligned(entry.arena_bytes) + guard, Aligned(worker) + guard};
}

}  // namespace descent

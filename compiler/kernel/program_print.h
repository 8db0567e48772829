// KernelProgram as text (`--stage kernels`, `--stage memory`) and as plain structs for JSON and
// drawings.
//
//   kernel mlp_k0_a1 (contraction)
//     covers z1, h1, a1
//     p0 f32[128, 784]   p1 f32[784, 512]   p2 f32[512]   p3 f32[128, 512] written
//     for i0<128 i1<512 reduce i2<784
//       r0 = p0[i0, i2]
//       ...
#pragma once

#include <string>
#include <vector>

#include "compiler/kernel/program.h"

namespace descent {

struct KernelSummary {
  std::string name;
  std::string kind;  ///< loops | contraction | scatter | buckets | prefix | sort | attention
  std::vector<std::string> nodes;  ///< graph values it computes
  int64_t flops = 0;
  int64_t bytes = 0;  ///< of its parameters, each once
  int64_t tiles = 1;
  bool parallel = false;
  std::string text;  ///< PrintKernel
};
KernelSummary Summarize(const Kernel& kernel);
std::string PrintKernel(const Kernel& kernel);

struct CallSummary {
  int depth = 0;           ///< number of enclosing loops and branches
  int64_t trip_count = 0;  ///< > 0: the begin of a loop, and no kernel
  std::string condition;   ///< of a branch: the begin of a side, and no kernel
  bool otherwise = false;  ///< with a condition: the side where it is false
  int kernel = -1;
  std::vector<std::string> reads, writes;  ///< names of buffers
  Section section = Section::kForward;     ///< of what it writes
};
std::vector<CallSummary> SummarizeCalls(const EntryProgram& entry, const KernelProgram& program);

struct BufferSummary {
  std::string name, type, space, origin;
  Section section = Section::kForward;
  int64_t offset = 0, bytes = 0;
  int first_call = -1, last_call = -1;  ///< life, in calls by pre-order
  /// Written in the forward section and read in the backward one.
  bool kept_for_backward = false;
};
std::vector<BufferSummary> SummarizeBuffers(const EntryProgram& entry,
                                            const KernelProgram& program);

/// Calls of the entry point with their kernels; each distinct kernel is shown once, at its first
/// call.
std::string PrintKernels(const EntryProgram& entry, const KernelProgram& program);
/// The memory plan as a table, largest first, with the arena's size and the sum without reuse.
std::string PrintMemory(const EntryProgram& entry, const KernelProgram& program);

}  // namespace descent

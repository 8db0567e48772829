// PlanMemory: offsets in the arena and the partial order of an entry point's calls.
//
// A buffer lives from its first to its last access in pre-order of the step tree. Inside a loop it
// lives through all iterations, unless each iteration writes it anew before it reads it. The sides
// of a branch stand one after the other; its results live from the first side on, which writes them
// as the other one does, and its condition through both. Buffers whose lives do not overlap may
// share bytes; a kernel's result takes the place of an operand that dies there when the kernel's
// `may_alias` allows it (the two are then packed as one). Several packings are tried, the smallest
// arena wins. Offsets are multiples of 64.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "compiler/kernel/program.h"

namespace descent {

/// Which bytes of the arena buffers may share.
enum class Packing : uint8_t {
  kSmallest,
  kDisjoint,  ///< none, and nothing is computed in place: what tests compare the other with
};

/// One use of a buffer by a call, or of a loop's counter by the loop, or of a branch's condition by
/// each call inside.
struct Access {
  int call = 0;  ///< number in pre-order; a counter is written at the first call of its loop
  int buffer = 0;
  bool read = false, written = false;
  bool partial = false;  ///< one slice of the buffer
  int parameter = -1;    ///< of the call; -1: counter or condition
  int counter_of = -1;   ///< loop whose counter it is
};

/// A loop covers the calls [first, last]; `parent` is the number of the enclosing loop or -1.
struct LoopSpan {
  int first = 0, last = -1;
  int parent = -1;
};

struct StepListing {
  std::vector<const KernelCall*> calls;  ///< in pre-order
  std::vector<int> loop_of;              ///< innermost loop of each call or -1
  std::vector<LoopSpan> loops;
  std::vector<Access> accesses;  ///< by call
};
StepListing ListSteps(const EntryProgram& entry, std::span<const Kernel> kernels);

/// Sets Buffer::offset of arena buffers, arena_bytes, order and worker_scratch_bytes. While a
/// buffer lives, `guard_bytes` before it and behind it belong to no other.
void PlanMemory(EntryProgram& entry, std::span<const Kernel> kernels,
                Packing packing = Packing::kSmallest, int64_t guard_bytes = 0);

/// First and last call of each buffer's life; {-1, -1} if it is never used.
struct Life {
  int first = -1, last = -1;
};
std::vector<Life> LivesOf(const EntryProgram& entry, const StepListing& steps);

// ---- packing, on its own so that it can be tested -----------------------------------------------

struct PackedBlock {
  int64_t bytes = 0;
  Life life;
  int64_t offset = -1;
};
/// First fit in the best of several orders; returns the bytes needed.
int64_t Pack(std::vector<PackedBlock>& blocks);

}  // namespace descent

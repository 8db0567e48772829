// MemoryCheck: finds kernels that write outside of their buffers, and results that depend on what
// lies there. For programs compiled into this process.
//
//   program.guard_bytes = kGuardBytes;  // before state is laid out and entries are lowered
//   MemoryCheck check(program, *target);
//   DESCENT_TRY(jit, JitProgram::Load(program, *target, {}, &check.hooks()));
//   for (const MemoryCheck::Round round : MemoryCheck::kRounds) {
//     check.Begin(0, memory, round);  // and the state is what it was
//     jit.program().entries[0].run(&call);
//     check.End();
//   }
//   DESCENT_RETURN_IF_ERROR(check.Verdict());
//
// Around everything a kernel may touch lie zones that belong to nobody. They are filled before each
// kernel and compared after it, so a write names its kernel. A call runs twice; zones, scratch and
// outputs hold other bytes the second time (the first time, as floats, NaN), and every value that
// is then not the same to the bit depends on memory that no kernel gave it. In a build with the
// address sanitizer instrumented kernels find the zones poisoned.
//
// Not found are writes that skip a zone and hit another buffer, or leave a byte as it is; reads
// that change no value; both in the constant section, which is memory that cannot be written.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "compiler/codegen/kernel_hooks.h"
#include "compiler/codegen/scratch.h"
#include "compiler/codegen/target.h"
#include "compiler/kernel/computed_values.h"
#include "compiler/kernel/plan_memory.h"
#include "compiler/kernel/program.h"
#include "ir/diagnostic.h"

namespace descent {

/// Wide enough for a row of most tensors.
inline constexpr int64_t kGuardBytes = 4096;

/// Where a call finds its memory (descent_call). Before and behind each input and output lie
/// KernelProgram::guard_bytes of the caller's that nothing uses.
struct CallMemory {
  std::byte* state = nullptr;
  std::byte* scratch = nullptr;
  std::vector<std::byte*> inputs, outputs;
  int threads = 1;
};

class MemoryCheck {
 public:
  enum class Round : uint8_t { kFirst, kSecond };
  static constexpr Round kRounds[] = {Round::kFirst, Round::kSecond};

  /// `program` was lowered with guard_bytes, and outlives the check.
  MemoryCheck(const KernelProgram& program, const Target& target);
  MemoryCheck(const MemoryCheck&) = delete;
  MemoryCheck& operator=(const MemoryCheck&) = delete;

  /// For JitProgram::Load.
  const KernelHooks& hooks() const { return hooks_; }

  /// Before a call of entry point number `entry`: fills zones, scratch and outputs. The second
  /// round must be the first one's call again, from the same state and inputs.
  void Begin(int entry, CallMemory memory, Round round);
  void End();

  /// Of all rounds so far; the error, of status kInternal, names the first finding.
  Result<void> Verdict() const;

 private:
  /// Bytes that nothing may touch.
  struct Zone {
    std::byte* begin;
    int64_t bytes;
    bool behind;            ///< what it guards, else before that
    std::string_view kind;  ///< "input"
    std::string_view name;  ///< empty: `worker` is its number
    int worker = 0;
  };

  static void Before(void* self, int32_t call, void* const* arguments);
  static void After(void* self, int32_t call, void* const* arguments);

  void Guard(std::vector<Zone>& zones, std::byte* begin, int64_t bytes, std::string_view kind,
             std::string_view name) const;
  void FindFixedZones();
  void FindZonesOf(int call);
  void CheckZones(int call, const std::vector<Zone>& zones);
  void CheckValues(int call, void* const* arguments);
  /// Records the digest in the first round; in the second: is it still the same?
  bool IsAsBefore(const void* data, int64_t bytes);
  const Kernel& KernelOf(int call) const;

  const KernelProgram& program_;
  const Target& target_;
  KernelHooks hooks_;
  std::vector<int64_t> worker_bytes_;  ///< scratch that each kernel needs

  // of the call that runs
  const EntryProgram* entry_ = nullptr;
  Round round_ = Round::kFirst;
  CallMemory memory_;
  ScratchBytes scratch_;
  StepListing steps_;
  std::vector<Life> lives_;
  std::map<const KernelCall*, std::vector<ComputedValue>> values_;
  std::vector<Zone> fixed_zones_;  ///< free all the time
  std::vector<Zone> zones_;        ///< free while one kernel runs
  std::vector<uint64_t> digests_;  ///< of the first round
  size_t compared_ = 0;            ///< in the second

  std::string overwritten_, dependent_;  ///< findings
};

}  // namespace descent

// KernelTimer: the time of one kernel, alone, in several versions that compute the same.
//
//   DESCENT_TRY(timer, KernelTimer::Make({usual, other}, call, *target, *executor, bytes));
//   const double ratio = timer.Seconds(1, 10) / timer.Seconds(0, 10);
//
// The versions are compiled into this process and share their data, which is made up: floats
// between -1 and 1, whole numbers 1. What a step of the whole model works on does not stay in the
// caches, so the operands lie at as many places as make up about that much memory, and each call
// takes the next.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "compiler/codegen/target.h"
#include "compiler/kernel/program.h"
#include "ir/diagnostic.h"
#include "runtime/executor.h"

namespace descent::cli {

class KernelTimer {
 public:
  /// `call` says which parameters share memory. `executor` must outlive the timer.
  static Result<KernelTimer> Make(std::vector<Kernel> versions, const KernelCall& call,
                                  const Target& target, const runtime::Executor& executor,
                                  int64_t working_set_bytes);
  KernelTimer(KernelTimer&&) noexcept;
  ~KernelTimer();

  size_t versions() const;
  /// Of one call of a version, on average over so many.
  double Seconds(size_t version, int64_t calls);

 private:
  class Program;
  explicit KernelTimer(std::unique_ptr<Program> program);

  std::unique_ptr<Program> program_;
};

}  // namespace descent::cli

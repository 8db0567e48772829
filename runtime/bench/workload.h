// Workload: one entry point of a compiled model, called again and again on made-up data, as a
// trainer calls it: the same state, scratch and threads, parameters updated, the loss read each
// time.
//
//   auto workload = Workload::Make(descent_main_programs[0], "train_step", 2);
//   if (auto begun = workload->Restart(0); !begun) ...
//   if (auto done = workload->Step(); !done) ...
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "runtime/program.h"

namespace descent::runtime {

class Workload {
 public:
  static Result<Workload> Make(const descent_program* program, std::string_view entry,
                               int32_t threads);

  /// A fresh state and fresh data, always the same ones. With `move` > 0 parameters and
  /// floating-point data are then moved by at most their last bit, differently for each number:
  /// what follows from that is what rounding alone can do.
  Result<void> Restart(int64_t move);

  /// One call. Fails when the status word is not 0.
  Result<void> Step();

  bool has_loss() const { return loss_output_ >= 0; }
  /// Of the last call.
  double Loss() const;
  /// The loss; of an entry point that gives none the mean of all numbers that it gives.
  double Figure() const;

  const descent_entry& entry() const { return call_.entry(); }
  /// Its inputs may be written between calls, its outputs read.
  const EntryCall& call() const { return call_; }
  const Program& program() const { return program_; }
  const Executor& executor() const { return *executor_; }

 private:
  Workload(Program program, std::unique_ptr<Executor> executor, State state, EntryCall call);
  void MoveByLastBit(int64_t move);

  Program program_;
  std::unique_ptr<Executor> executor_;
  State state_;
  EntryCall call_;
  int64_t loss_output_;
  int64_t steps_ = 0;
};

}  // namespace descent::runtime

// Executor: a descent_executor over the threads that the linked archive supplies.
//
//   auto executor = Executor::Make(4, BindCaller::kYes);
//   call.executor = (*executor)->abi();
//
// StartWorkers and MaxThreads are defined once per archive:
//   descent_runtime         oneTBB's threads (std::thread's with DESCENT_STD_THREAD_EXECUTOR, for
//   sanitizers) descent_runtime_serial  none: one thread and no dependency
// Results never depend on which one it is, nor on the number of threads.
#pragma once

#include <cstdint>
#include <memory>

#include "runtime/abi.h"
#include "runtime/crew.h"
#include "runtime/status.h"

namespace descent::runtime {

/// Threads that serve a crew until they are destroyed.
class Workers {
 public:
  virtual ~Workers() = default;
};

/// Starts crew->threads() - 1 workers; null when the system gives no threads.
std::unique_ptr<Workers> StartWorkers(const std::shared_ptr<Crew>& crew);

/// What StartWorkers can serve; 1 in the serial archive.
int32_t MaxThreads();

enum class BindCaller { kNo, kYes };

class Executor {
 public:
  /// `threads` in [1, MaxThreads()]; 0: one per core. With BindCaller::kYes the calling thread is
  /// bound to a core as the workers are (only when threads and cores are equally many), until the
  /// executor is destroyed.
  static Result<std::unique_ptr<Executor>> Make(int32_t threads, BindCaller bind_caller);
  ~Executor();
  Executor(const Executor&) = delete;
  Executor& operator=(const Executor&) = delete;

  const descent_executor* abi() const { return &abi_; }
  int32_t threads() const { return abi_.threads; }

  /// Calls fn(first, last) until [0, tiles) is covered.
  template <typename Function>
  void Run(int64_t tiles, Function& fn) const {
    auto call = [](void* arg, int32_t, int64_t first, int64_t last) {
      (*static_cast<Function*>(arg))(first, last);
    };
    abi_.run(abi_.self, call, &fn, tiles);
  }

 private:
  Executor(int32_t threads, BindCaller bind_caller);

  std::shared_ptr<Crew> crew_;
  std::unique_ptr<Workers> workers_;
  bool bound_caller_;
  descent_executor abi_;
};

}  // namespace descent::runtime

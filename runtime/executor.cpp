#include "runtime/executor.h"

#include <algorithm>
#include <new>

#include "runtime/descent.h"

namespace descent::runtime {
namespace {

void RunOnCrew(void* self, descent_tile_fn fn, void* arg, int64_t tiles) {
  static_cast<Crew*>(self)->Run(fn, arg, tiles);
}

}  // namespace

Executor::Executor(int32_t threads, BindCaller bind_caller)
    : crew_(std::make_shared<Crew>(threads)),
      bound_caller_(bind_caller == BindCaller::kYes && crew_->binds_threads()),
      abi_{.run = RunOnCrew, .self = crew_.get(), .threads = threads} {}

Result<std::unique_ptr<Executor>> Executor::Make(int32_t threads, BindCaller bind_caller) {
  if (threads == 0) threads = std::min(CoreSet::OfThisThread().count(), MaxThreads());
  if (threads < 1 || threads > MaxThreads()) {
    return FailWith(ExitStatus::kUsage, "", "{} threads asked for; this program runs on 1 to {}",
                    threads, MaxThreads());
  }
  std::unique_ptr<Executor> executor(new Executor(threads, bind_caller));
  if (threads > 1) {
    executor->workers_ = StartWorkers(executor->crew_);
    if (!executor->workers_) {
      return FailWith(ExitStatus::kIo, "", "the system gives no {} threads", threads);
    }
    executor->crew_->AwaitWorkers();
  }
  if (executor->bound_caller_) executor->crew_->cores().Only(0).Bind();
  return executor;
}

Executor::~Executor() {
  workers_.reset();
  if (bound_caller_) crew_->cores().Bind();
}

}  // namespace descent::runtime

using descent::runtime::BindCaller;
using descent::runtime::Executor;

namespace {

/// What the C interface hands out: `abi` first, so that its address is the owner's.
struct OwnedExecutor {
  descent_executor abi;
  std::unique_ptr<Executor> executor;
};

}  // namespace

extern "C" descent_executor* descent_tbb_executor_create(int32_t threads) try {
  auto executor = Executor::Make(threads, BindCaller::kNo);
  if (!executor) return nullptr;
  const descent_executor abi = *(*executor)->abi();
  return &(new OwnedExecutor{abi, *std::move(executor)})->abi;
} catch (const std::bad_alloc&) {
  return nullptr;
}

extern "C" void descent_tbb_executor_destroy(descent_executor* executor) {
  delete reinterpret_cast<OwnedExecutor*>(executor);
}

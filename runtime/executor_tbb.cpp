// Workers on oneTBB's threads; the only file that includes oneTBB.
//
// Each worker is one long task that stays in Crew::Work, so dispatching a kernel costs a crew's
// claim rather than a task's, and oneTBB allocates nothing once they run.
#include <tbb/global_control.h>
#include <tbb/task_arena.h>

#include <algorithm>

#include "runtime/executor.h"

namespace descent::runtime {
namespace {

class TbbWorkers final : public Workers {
 public:
  explicit TbbWorkers(const std::shared_ptr<Crew>& crew)
      : crew_(crew),
        parallelism_(
            tbb::global_control::max_allowed_parallelism,
            std::max<size_t>(crew->threads(), tbb::global_control::active_value(
                                                  tbb::global_control::max_allowed_parallelism))),
        arena_(crew->threads(), /*reserved_for_masters=*/1) {
    for (int32_t worker = 1; worker < crew->threads(); ++worker) {
      // A task that starts after the end finds its crew stopped and returns at once.
      arena_.enqueue([crew, worker] { crew->Work(worker); });
    }
  }
  ~TbbWorkers() override { crew_->StopAndWait(); }

 private:
  std::shared_ptr<Crew> crew_;
  tbb::global_control
      parallelism_;  // outlives the arena's use: more threads than cores are allowed
  tbb::task_arena arena_;
};

}  // namespace

std::unique_ptr<Workers> StartWorkers(const std::shared_ptr<Crew>& crew) {
  try {
    return std::make_unique<TbbWorkers>(crew);
  } catch (const std::exception&) {
    crew->Stop();
    return nullptr;
  }
}

int32_t MaxThreads() { return 1024; }

}  // namespace descent::runtime

// Workers on std::thread: what sanitizers understand.
#include <system_error>
#include <thread>
#include <vector>

#include "runtime/executor.h"

namespace descent::runtime {
namespace {

class StdThreadWorkers final : public Workers {
 public:
  explicit StdThreadWorkers(const std::shared_ptr<Crew>& crew) : crew_(crew) {}
  ~StdThreadWorkers() override {
    crew_->Stop();
    for (std::thread& thread : threads_) thread.join();
  }
  void Start() {
    for (int32_t worker = 1; worker < crew_->threads(); ++worker) {
      threads_.emplace_back([crew = crew_, worker] { crew->Work(worker); });
    }
  }

 private:
  std::shared_ptr<Crew> crew_;
  std::vector<std::thread> threads_;
};

}  // namespace

std::unique_ptr<Workers> StartWorkers(const std::shared_ptr<Crew>& crew) {
  auto workers = std::make_unique<StdThreadWorkers>(crew);
  try {
    workers->Start();
  } catch (const std::system_error&) {
    return nullptr;
  }
  return workers;
}

int32_t MaxThreads() { return 1024; }

}  // namespace descent::runtime

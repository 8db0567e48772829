// No workers: the archive of static, single-threaded executables.
#include "runtime/executor.h"

namespace descent::runtime {

std::unique_ptr<Workers> StartWorkers(const std::shared_ptr<Crew>&) { return nullptr; }

int32_t MaxThreads() { return 1; }

}  // namespace descent::runtime

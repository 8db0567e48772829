// No malloc, free or mmap in the process, oneTBB's included, from the third step on. A binary of
// its own: it replaces malloc.
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>

#include "tests/runtime/run_trainer.h"

namespace {

std::atomic<int64_t> calls = 0;

}  // namespace

extern "C" {

void* __libc_malloc(size_t);
void __libc_free(void*);
void* __libc_calloc(size_t, size_t);
void* __libc_realloc(void*, size_t);
void* __libc_memalign(size_t, size_t);

void* malloc(size_t size) {
  ++calls;
  return __libc_malloc(size);
}
void free(void* p) {
  ++calls;
  __libc_free(p);
}
void* calloc(size_t count, size_t size) {
  ++calls;
  return __libc_calloc(count, size);
}
void* realloc(void* p, size_t size) {
  ++calls;
  return __libc_realloc(p, size);
}
void* memalign(size_t alignment, size_t size) {
  ++calls;
  return __libc_memalign(alignment, size);
}
void* aligned_alloc(size_t alignment, size_t size) { return memalign(alignment, size); }
int posix_memalign(void** p, size_t alignment, size_t size) {
  *p = memalign(alignment, size);
  return *p ? 0 : ENOMEM;
}
void* mmap(void* address, size_t length, int protection, int flags, int fd, off_t offset) {
  ++calls;
  return reinterpret_cast<void*>(syscall(SYS_mmap, address, length, protection, flags, fd, offset));
}

}  // extern "C"

namespace descent::runtime {
namespace {

constexpr int64_t kSteps = 200;
int64_t calls_at[kSteps + 1];

class AllocationTest : public testing::TestWithParam<int> {
 protected:
  void TearDown() override { fake_step_hook = nullptr; }
};

TEST_P(AllocationTest, NoneFromTheThirdStepOn) {
  // The hook counts; without it the test would not see anything.
  int64_t before = calls;
  free(malloc(1));
  ASSERT_EQ(calls, before + 2);
  fake_step_hook = [](int64_t step) {
    if (step <= kSteps) calls_at[step] = calls;
  };
  TemporaryFolder folder;
  // Ten epochs of twenty steps, each with validation and log lines.
  Ran ran = RunTrainer({"train", "--data", "plane:samples=400", "--validation-split", "0.2",
                        "--epochs", "10", "--log", folder.File("log"), "--track", "b", "--threads",
                        std::to_string(GetParam())});
  ASSERT_EQ(ran.status, 0) << ran.error;
  ASSERT_GT(calls_at[kSteps], 0);
  EXPECT_EQ(calls_at[kSteps], calls_at[3]);
}

INSTANTIATE_TEST_SUITE_P(Threads, AllocationTest, testing::Values(1, 2, 8));

}  // namespace
}  // namespace descent::runtime

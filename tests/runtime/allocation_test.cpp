// No malloc, free or mmap in a trainer from the third step on.
#include "tests/runtime/counted_memory.h"
#include "tests/runtime/run_trainer.h"

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
  const int64_t before = MemoryCalls();
  free(malloc(1));
  ASSERT_EQ(MemoryCalls(), before + 2);
  fake_step_hook = [](int64_t step) {
    if (step <= kSteps) calls_at[step] = MemoryCalls();
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

#include "runtime/executor.h"

#include <gtest/gtest.h>

#include <atomic>
#include <mutex>
#include <set>
#include <thread>
#include <vector>

#include "runtime/descent.h"

namespace descent::runtime {
namespace {

struct Tally {
  std::vector<std::atomic<int>> runs;
  std::vector<std::atomic<int>> inside;  ///< calls under way by worker
  std::atomic<bool> overlap = false;
  explicit Tally(size_t tiles, size_t workers) : runs(tiles), inside(workers) {}

  static void Run(void* arg, int32_t worker, int64_t first, int64_t last) {
    auto& tally = *static_cast<Tally*>(arg);
    if (tally.inside[worker].fetch_add(1) != 0) tally.overlap = true;
    for (int64_t tile = first; tile < last; ++tile) tally.runs[tile].fetch_add(1);
    tally.inside[worker].fetch_sub(1);
  }
};

class ExecutorTest : public testing::TestWithParam<int> {};

TEST_P(ExecutorTest, RunsEveryTileOnceAndNoWorkerTwiceAtATime) {
  auto executor = Executor::Make(GetParam(), BindCaller::kNo);
  ASSERT_TRUE(executor) << executor.error().ToString();
  const descent_executor* abi = (*executor)->abi();
  EXPECT_EQ(abi->threads, GetParam());
  for (int64_t tiles : {0, 1, 2, 3, 7, 64, 1000}) {
    for (int repeat = 0; repeat < 200; ++repeat) {
      Tally tally(tiles, GetParam());
      abi->run(abi->self, Tally::Run, &tally, tiles);
      EXPECT_FALSE(tally.overlap);
      for (int64_t tile = 0; tile < tiles; ++tile) ASSERT_EQ(tally.runs[tile].load(), 1);
    }
  }
}

/// A worker that comes late from a small job must not take a tile of the larger one that follows.
TEST_P(ExecutorTest, JobsOfDifferentSizesDoNotMix) {
  auto executor = Executor::Make(GetParam(), BindCaller::kNo);
  ASSERT_TRUE(executor);
  const descent_executor* abi = (*executor)->abi();
  struct Job {
    int64_t tiles;
    std::atomic<int64_t> ran = 0, outside = 0;
    static void Run(void* arg, int32_t, int64_t first, int64_t last) {
      auto& job = *static_cast<Job*>(arg);
      if (first < 0 || last > job.tiles) ++job.outside;
      job.ran += last - first;
    }
  };
  for (int repeat = 0; repeat < 20000; ++repeat) {
    Job job{.tiles = repeat % 2 ? 40 : 2};
    abi->run(abi->self, Job::Run, &job, job.tiles);
    ASSERT_EQ(job.outside.load(), 0) << "after " << repeat << " jobs";
    ASSERT_EQ(job.ran.load(), job.tiles) << "after " << repeat << " jobs";
  }
}

TEST_P(ExecutorTest, ResultsAreVisibleToTheCaller) {
  auto executor = Executor::Make(GetParam(), BindCaller::kYes);
  ASSERT_TRUE(executor);
  std::vector<int64_t> values(997);
  for (int64_t round = 1; round <= 300; ++round) {
    auto add = [&](int64_t first, int64_t last) {
      for (int64_t i = first; i < last; ++i) values[i] += i;
    };
    (*executor)->Run(static_cast<int64_t>(values.size()), add);
    for (size_t i = 0; i < values.size(); ++i)
      ASSERT_EQ(values[i], round * static_cast<int64_t>(i));
  }
}

/// Jobs follow so closely that workers arrive late: none may take a tile of another job.
TEST_P(ExecutorTest, LateWorkersTakeNothingOfTheNextJob) {
  auto executor = Executor::Make(GetParam(), BindCaller::kNo);
  ASSERT_TRUE(executor);
  const descent_executor* abi = (*executor)->abi();
  Tally few(2, GetParam()), many(9, GetParam());
  constexpr int kJobs = 20000;
  for (int job = 0; job < kJobs; ++job) {
    abi->run(abi->self, Tally::Run, &few, 2);
    abi->run(abi->self, Tally::Run, &many, 9);
  }
  EXPECT_FALSE(few.overlap || many.overlap);
  for (auto& runs : few.runs) EXPECT_EQ(runs.load(), kJobs);
  for (auto& runs : many.runs) EXPECT_EQ(runs.load(), kJobs);
}

INSTANTIATE_TEST_SUITE_P(Threads, ExecutorTest, testing::Values(1, 2, 3, 8));

TEST(Executor, TilesRunOnSeveralThreads) {
  auto executor = Executor::Make(2, BindCaller::kNo);
  ASSERT_TRUE(executor);
  // Each tile waits until another thread has one, too: with a single thread this would not end.
  std::mutex mutex;
  std::set<std::thread::id> seen;
  auto meet = [&](int64_t, int64_t) {
    for (;;) {
      std::scoped_lock lock(mutex);
      seen.insert(std::this_thread::get_id());
      if (seen.size() == 2) return;
    }
  };
  (*executor)->Run(2, meet);
  EXPECT_EQ(seen.size(), 2u);
}

TEST(Executor, ConcurrentAndNestedRunsAreServed) {
  auto executor = Executor::Make(3, BindCaller::kNo);
  ASSERT_TRUE(executor);
  std::atomic<int64_t> sum = 0;
  auto inner = [&](int64_t first, int64_t last) { sum += last - first; };
  auto outer = [&](int64_t first, int64_t last) {
    for (int64_t i = first; i < last; ++i) (*executor)->Run(10, inner);
  };
  auto caller = [&] {
    for (int i = 0; i < 50; ++i) (*executor)->Run(20, outer);
  };
  std::thread other(caller);
  caller();
  other.join();
  EXPECT_EQ(sum.load(), 2 * 50 * 20 * 10);
}

TEST(Executor, RefusesBadThreadCounts) {
  EXPECT_FALSE(Executor::Make(-1, BindCaller::kNo));
  EXPECT_FALSE(Executor::Make(MaxThreads() + 1, BindCaller::kNo));
  EXPECT_EQ(descent_tbb_executor_create(-3), nullptr);
}

TEST(Executor, ServesCPrograms) {
  descent_executor* executor = descent_tbb_executor_create(4);
  ASSERT_NE(executor, nullptr);
  Tally tally(100, 4);
  executor->run(executor->self, Tally::Run, &tally, 100);
  for (auto& runs : tally.runs) EXPECT_EQ(runs.load(), 1);
  descent_tbb_executor_destroy(executor);
  descent_tbb_executor_destroy(nullptr);
}

}  // namespace
}  // namespace descent::runtime

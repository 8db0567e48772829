#include "runtime/memory_limit.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <new>
#include <vector>

#include "runtime/memory.h"

namespace descent::runtime {
namespace {

constexpr int64_t kMiB = int64_t{1} << 20;

TEST(MemoryLimit, ThereIsSomeMemoryAndNotMoreThanMachinesHave) {
  EXPECT_GT(AvailableMemory(), 16 * kMiB);
  EXPECT_LT(AvailableMemory(), int64_t{1} << 46);
}

/// Exit status: a bit for each expectation that does not hold.
[[noreturn]] void AllocateBelowALimit() {
  LimitMemory(256 * kMiB);
  int failed = 0;
  if (Block(64 * kMiB).data() == nullptr) failed |= 1;
  if (!Block::HasRoom(64 * kMiB) || Block::HasRoom(1024 * kMiB)) failed |= 32;
  if (Block(1024 * kMiB).data() != nullptr) failed |= 2;
  LimitMemory(2048 * kMiB);  // the lower limit stays
  if (Block(1024 * kMiB).data() != nullptr) failed |= 4;
  try {
    failed |= std::vector<char>(static_cast<size_t>(1024 * kMiB)).empty() ? 16 : 8;
  } catch (const std::bad_alloc&) {
  }
  std::exit(failed);
}

TEST(MemoryLimit, AllocationsBeyondItFail) {
  EXPECT_EXIT(AllocateBelowALimit(), testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace descent::runtime

// Counts every malloc, free and mmap of the process, oneTBB's included: a program that links
// counted_memory.cpp has its own malloc.
//
//   const int64_t before = MemoryCalls();
//   ...
//   EXPECT_EQ(MemoryCalls(), before);
#pragma once

#include <cstdint>

namespace descent {

int64_t MemoryCalls();

}  // namespace descent

// Into how many chunks reductions are cut, and that chunks give what the whole gives.
#include "compiler/kernel/split_reductions.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/compiler/kernel/lowering_harness.h"

namespace descent {
namespace {

Model Reduction(const std::string& op, const Shape& shape, std::vector<int64_t> axes) {
  GraphBuilder b;
  const Value x = b.Input("x", {DType::kF32, shape});
  b.Output("y", b.Add(op, {x}, {{"axes", std::move(axes)}}));
  return RunModel(std::move(b).Build());
}

/// The extent of the partial results; 1 where there are none.
int64_t Chunks(const std::string& op, const Shape& shape, std::vector<int64_t> axes) {
  const KernelProgram program = LowerModel(Reduction(op, shape, std::move(axes)), true).program;
  const auto& buffers = program.entries[0].buffers;
  const auto partial = std::ranges::find_if(
      buffers, [](const Buffer& buffer) { return buffer.name.ends_with(".partial"); });
  return partial == buffers.end() ? 1 : partial->type.shape[0];
}

/// The terms that one chunk adds up, of as many rows.
int64_t Chain(int64_t rows, int64_t columns) { return rows / Chunks("sum", {rows, columns}, {0}); }

TEST(SplitReductions, ShortSumsAreNotCut) {
  EXPECT_EQ(Chunks("sum", {64, 8}, {0}), 1);
  EXPECT_EQ(Chunks("sum", {4096, 1024}, {0}), 1);
}

TEST(SplitReductions, FewResultsOfManyRowsGiveAllThreadsWork) {
  EXPECT_EQ(Chunks("sum", {32768, 64}, {0}), 16);
}

TEST(SplitReductions, NoChainIsLong) {
  EXPECT_LE(Chain(1 << 16, 2048), 1 << 14);
  EXPECT_LE(Chain(1 << 24, 3), 1 << 14);
  // Where there are that many of them, chunks are about as long as there are chunks.
  EXPECT_EQ(Chain(1 << 30, 2), 1 << 15);
}

TEST(SplitReductions, LanesOfARowAreChainsOfTheirOwn) {
  EXPECT_EQ(Chunks("sum", {1024, 50000}, {1}), 1);  // one for each of 32: 1563 terms
  EXPECT_GT(Chunks("sum", {1024, 1 << 20}, {1}), 1);
}

TEST(SplitReductions, ChunksGiveWhatTheWholeGives) {
  for (const std::string op : {"sum", "max", "argmax"}) {
    const bool is_index = op == "argmax";
    GraphBuilder b;
    const Value x = b.Input("x", {DType::kF64, {40001, 3}});
    b.Output("y", is_index ? b.Add(op, {x}, {{"axis", int64_t{0}}})
                           : b.Add(op, {x}, {{"axes", std::vector<int64_t>{0}}}));
    ExpectSameAsInterpreter(std::move(b).Build(), 1e-10);
  }
}

}  // namespace
}  // namespace descent

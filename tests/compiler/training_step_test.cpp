// A whole compiled training step under the runtime's executor: the same bits on any number of
// threads, tiles on several of them, and no allocation.
#include <gtest/gtest.h>

#include <cstring>
#include <mutex>
#include <set>
#include <thread>

#include "compiler/codegen/jit.h"
#include "compiler/compile.h"
#include "ir/io/model_file.h"
#include "runtime/dtype.h"
#include "runtime/executor.h"
#include "runtime/memory.h"
#if !defined(DESCENT_SANITIZE_ADDRESS) && !defined(DESCENT_SANITIZE_THREAD)
#include "tests/runtime/counted_memory.h"
#endif

namespace descent {
namespace {

using runtime::BindCaller;
using runtime::Block;
using runtime::Executor;

constexpr int32_t kMostThreads = 8;

JitProgram Compiled(FactorPrecision precision) {
  const auto model = ReadModel(DESCENT_SOURCE_DIR "/docs/examples/fashion-mnist/model.descent");
  DESCENT_CHECK(model.has_value(), model.error().message);
  const auto compiled =
      Compile(*model, {.entries = {"initialize", "train_step"}, .precision = precision});
  DESCENT_CHECK(compiled.has_value(), compiled.error().message);
  auto loaded = JitProgram::Load(compiled->program, *compiled->target);
  DESCENT_CHECK(loaded.has_value(), loaded.error().message);
  return *std::move(loaded);
}

const JitProgram& FashionMnist(FactorPrecision precision = FactorPrecision::kF32) {
  static const JitProgram f32 = Compiled(FactorPrecision::kF32);
  static const JitProgram bf16 = Compiled(FactorPrecision::kBF16);
  return precision == FactorPrecision::kF32 ? f32 : bf16;
}

/// One entry point with memory of its own.
class Call {
 public:
  Call(const char* entry, const Block& state, const JitProgram& program = FashionMnist())
      : entry_(*program.FindEntry(entry)) {
    scratch_ = Block(entry_.fixed_scratch_bytes + kMostThreads * entry_.worker_scratch_bytes);
    for (int64_t i = 0; i < entry_.input_count; ++i) {
      const Block& block = blocks_.emplace_back(runtime::ByteCount(entry_.inputs[i].tensor));
      if (entry_.inputs[i].tensor.dtype == DESCENT_F32)
        FillFloats(block);
      else
        FillLabels(block);
      inputs_.push_back(block.data());
    }
    for (int64_t i = 0; i < entry_.output_count; ++i)
      outputs_.push_back(blocks_.emplace_back(runtime::ByteCount(entry_.outputs[i].tensor)).data());
    call_ = {state.data(), scratch_.data(), inputs_.data(), outputs_.data(), entry_.batch, nullptr};
  }

  uint32_t Run(const descent_executor* executor) {
    call_.executor = executor;
    return entry_.run(&call_);
  }

 private:
  static void FillFloats(const Block& block) {
    for (int64_t i = 0; i < block.size() / 4; ++i) {
      const float value = static_cast<float>(i * 7919 % 256);
      std::memcpy(block.data() + 4 * i, &value, 4);
    }
  }
  static void FillLabels(const Block& block) {
    for (int64_t i = 0; i < block.size(); ++i) block.data()[i] = std::byte(i % 10);
  }

  const descent_entry& entry_;
  Block scratch_;
  std::vector<Block> blocks_;
  std::vector<const void*> inputs_;
  std::vector<void*> outputs_;
  descent_call call_;
};

/// The state after initialization and three steps.
std::vector<std::byte> Train(const descent_executor* executor,
                             const JitProgram& program = FashionMnist()) {
  const Block state(program.program().state_bytes);
  EXPECT_EQ(Call("initialize", state, program).Run(executor), 0u);
  Call step("train_step", state, program);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(step.Run(executor), 0u);
  return {state.data(), state.data() + state.size()};
}

TEST(TrainingStep, SameBitsOnAnyNumberOfThreads) {
  for (const FactorPrecision precision : {FactorPrecision::kF32, FactorPrecision::kBF16}) {
    const JitProgram& program = FashionMnist(precision);
    const auto serial = Train(nullptr, program);
    for (int32_t threads : {1, 2, 3, kMostThreads}) {
      const auto executor = Executor::Make(threads, BindCaller::kNo);
      ASSERT_TRUE(executor);
      EXPECT_TRUE(Train((*executor)->abi(), program) == serial) << threads << " threads";
    }
  }
}

/// Holds the first tiles of every kernel until two threads have some.
struct Meeting {
  static void Run(void* self, descent_tile_fn fn, void* arg, int64_t tiles) {
    auto& meeting = *static_cast<Meeting*>(self);
    meeting.fn = fn, meeting.arg = arg, meeting.seen.clear();
    meeting.wanted = tiles > 1 ? 2 : 1;
    meeting.inner->run(meeting.inner->self, Tiles, self, tiles);
    meeting.kernels += 1;
  }
  static void Tiles(void* self, int32_t worker, int64_t first, int64_t last) {
    auto& meeting = *static_cast<Meeting*>(self);
    for (size_t seen = 0; seen < meeting.wanted; std::this_thread::yield()) {
      std::scoped_lock lock(meeting.mutex);
      meeting.seen.insert(std::this_thread::get_id());
      seen = meeting.seen.size();
    }
    meeting.fn(meeting.arg, worker, first, last);
  }

  const descent_executor* inner;
  descent_tile_fn fn = nullptr;
  void* arg = nullptr;
  size_t wanted = 0;
  int kernels = 0;
  std::mutex mutex = {};
  std::set<std::thread::id> seen = {};
};

TEST(TrainingStep, TilesRunOnTwoThreads) {
  const auto two = Executor::Make(2, BindCaller::kNo);
  ASSERT_TRUE(two);
  Meeting meeting{.inner = (*two)->abi()};
  const descent_executor executor = {Meeting::Run, &meeting, 2};
  // With all tiles on one thread this would not end.
  EXPECT_TRUE(Train(&executor) == Train(nullptr));
  EXPECT_GE(meeting.kernels, 3 * 6) << "each step's matmuls at least";
}

#if !defined(DESCENT_SANITIZE_ADDRESS) && !defined(DESCENT_SANITIZE_THREAD)

TEST(TrainingStep, AllocatesNothing) {
  const Block state(FashionMnist().program().state_bytes);
  ASSERT_EQ(Call("initialize", state).Run(nullptr), 0u);
  Call step("train_step", state);
  for (int32_t threads : {1, 2, kMostThreads}) {
    const auto executor = Executor::Make(threads, BindCaller::kNo);
    ASSERT_TRUE(executor);
    for (int i = 0; i < 2; ++i) step.Run((*executor)->abi());
    const int64_t before = MemoryCalls();
    for (int i = 0; i < 10; ++i) step.Run((*executor)->abi());
    EXPECT_EQ(MemoryCalls(), before) << threads << " threads";
  }
}

#endif

}  // namespace
}  // namespace descent

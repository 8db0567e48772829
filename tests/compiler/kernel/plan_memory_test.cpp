#include "compiler/kernel/plan_memory.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <set>

#include "compiler/kernel/call_order.h"
#include "compiler/kernel/check_plan.h"

namespace descent {
namespace {

bool Together(const Life& a, const Life& b) { return a.first <= b.last && b.first <= a.last; }

TEST(Pack, RandomLifetimesNeverOverlapInSpaceAndTime) {
  std::mt19937 random(3);
  for (int round = 0; round < 300; ++round) {
    std::vector<PackedBlock> blocks(1 + random() % 40);
    int64_t sum = 0, live_most = 0;
    for (PackedBlock& block : blocks) {
      block.bytes = 1 + random() % 1000;
      block.life.first = static_cast<int>(random() % 30);
      block.life.last = block.life.first + static_cast<int>(random() % 10);
    }
    const int64_t total = Pack(blocks);
    for (int call = 0; call < 40; ++call) {
      int64_t live = 0;
      for (const PackedBlock& block : blocks)
        if (block.life.first <= call && call <= block.life.last) live += block.bytes;
      live_most = std::max(live_most, live);
    }
    for (size_t a = 0; a < blocks.size(); ++a) {
      sum += blocks[a].bytes;
      EXPECT_EQ(blocks[a].offset % kAlignment, 0);
      EXPECT_LE(blocks[a].offset + blocks[a].bytes, total);
      for (size_t b = 0; b < a; ++b) {
        const bool apart = blocks[a].offset + blocks[a].bytes <= blocks[b].offset ||
                           blocks[b].offset + blocks[b].bytes <= blocks[a].offset;
        EXPECT_TRUE(apart || !Together(blocks[a].life, blocks[b].life));
      }
    }
    EXPECT_LE(total, sum);
    EXPECT_GE(total, live_most);
  }
}

/// A random program: calls that read earlier values and write new ones, loops with local values,
/// slices and carried values. Kernel k has k / 4 + 1 reads (k < 12); odd ones may compute in place
/// of their first operand.
class RandomProgram {
 public:
  explicit RandomProgram(uint32_t seed) : random_(seed) {
    for (int i = 0; i < 12; ++i) {
      Kernel kernel;
      kernel.name = "k" + std::to_string(i);
      for (int read = 0; read <= i / 4; ++read) kernel.parameters.push_back({{}, false});
      kernel.parameters.push_back({{}, true});
      if (i % 2 == 1) kernel.may_alias.push_back({0, i / 4 + 1});
      kernels.push_back(std::move(kernel));
    }
    const int input = NewBuffer(Space::kInput);
    meaning.initial.push_back({input, input});
    std::vector<int> visible{input};
    Fill(entry.steps, visible, 6 + Below(12), 0);
    // What is still wanted at the end: a last call reads three values.
    for (int i = 0; i < 3; ++i) AddCall(entry.steps, visible, 0);
  }

  EntryProgram entry;
  std::vector<Kernel> kernels;
  ProgramMeaning meaning;

 private:
  int Below(int n) { return static_cast<int>(random_() % n); }

  /// Values and buffers have the same numbers.
  int NewBuffer(Space space) {
    const int number = static_cast<int>(entry.buffers.size());
    entry.buffers.push_back({.name = "v" + std::to_string(number),
                             .type = {DType::kF32, {16 * (1 + Below(3))}},
                             .space = space,
                             .offset = space == Space::kArena ? -1 : number});
    return number;
  }

  int AddCall(std::vector<Step>& steps, std::vector<int>& visible, int result) {
    KernelCall call;
    CallMeaning means;
    call.kernel = Below(12);
    for (int read = 0; read <= call.kernel / 4; ++read) {
      const int value = visible[Below(static_cast<int>(visible.size()))];
      call.arguments.push_back({value});
      means.values.push_back(value);
    }
    result = result > 0 ? result : NewBuffer(Space::kArena);
    call.arguments.push_back({result});
    means.values.push_back(result);
    visible.push_back(result);
    steps.push_back({std::move(call)});
    meaning.calls.push_back(std::move(means));
    return result;
  }

  void Fill(std::vector<Step>& steps, std::vector<int>& visible, int count, int depth) {
    for (int i = 0; i < count; ++i) {
      if (depth < 2 && Below(4) == 0)
        AddLoop(steps, visible, depth);
      else
        AddCall(steps, visible, 0);
    }
  }

  void AddLoop(std::vector<Step>& steps, std::vector<int>& visible, int depth) {
    const int stacked = NewBuffer(Space::kArena);
    const size_t number = meaning.loops.size();
    meaning.loops.emplace_back();
    Loop loop{.trip_count = 2 + Below(3), .counter = NewBuffer(Space::kArena)};
    meaning.loops[number].counter = loop.counter;
    std::vector<int> inside = visible;
    inside.push_back(loop.counter);
    Fill(loop.body, inside, 2 + Below(4), depth + 1);
    AddCall(loop.body, inside, stacked);
    std::get<KernelCall>(loop.body.back().what).arguments.back().loop_stride_bytes = 4;
    visible.push_back(stacked);
    steps.push_back({std::move(loop)});
  }

  std::mt19937 random_;
};

TEST(PlanMemory, RandomProgramsAreProvenRight) {
  int64_t reused = 0;
  for (uint32_t seed = 0; seed < 400; ++seed) {
    RandomProgram program(seed);
    PlanMemory(program.entry, program.kernels);
    ASSERT_EQ(CheckPlan(program.entry, program.kernels, program.meaning), "") << "seed " << seed;
    int64_t sum = 0;
    for (const Buffer& buffer : program.entry.buffers) sum += buffer.type.bytes();
    reused += sum > program.entry.arena_bytes;
  }
  EXPECT_GT(reused, 350);
}

/// Calls without a path between them may run at the same time: whatever order respects `order`, the
/// bytes that one of them writes are not touched by the other.
TEST(PlanMemory, UnorderedCallsTouchDisjointBytes) {
  int unordered = 0;
  for (uint32_t seed = 0; seed < 100; ++seed) {
    RandomProgram program(seed);
    PlanMemory(program.entry, program.kernels);
    const StepListing steps = ListSteps(program.entry, program.kernels);
    const int count = static_cast<int>(steps.calls.size());
    std::vector<std::set<int>> before(count);
    for (const auto& [from, to] : program.entry.order) {
      before[to].insert(from);
      before[to].insert(before[from].begin(), before[from].end());
    }
    for (const Access& a : steps.accesses)
      for (const Access& b : steps.accesses) {
        if (a.call >= b.call || before[b.call].contains(a.call)) continue;
        ++unordered;
        if (!a.written && !b.written) continue;
        const Buffer &x = program.entry.buffers[a.buffer], &y = program.entry.buffers[b.buffer];
        const bool apart = x.space != y.space || x.offset + x.type.bytes() <= y.offset ||
                           y.offset + y.type.bytes() <= x.offset;
        EXPECT_TRUE(apart) << "seed " << seed << " calls " << a.call << " and " << b.call;
      }
  }
  EXPECT_GT(unordered, 1000);
}

bool TouchCommonBytes(const EntryProgram& entry, int a, int b) {
  const auto end = [](const Buffer& buffer) {
    const bool numbered = buffer.space == Space::kInput || buffer.space == Space::kOutput;
    return buffer.offset + (numbered ? 1 : std::max<int64_t>(buffer.type.bytes(), 1));
  };
  const Buffer &x = entry.buffers[a], &y = entry.buffers[b];
  return x.space == y.space && x.offset < end(y) && y.offset < end(x);
}

/// The definition: all pairs of calls, the latest earlier one first.
std::vector<std::pair<int, int>> OrderByDefinition(const EntryProgram& entry,
                                                   const StepListing& steps) {
  const int count = static_cast<int>(steps.calls.size());
  std::vector<std::vector<Access>> uses(count);
  for (const Access& access : steps.accesses) uses[access.call].push_back(access);
  const auto conflict = [&](int earlier, int later) {
    for (const Access& a : uses[earlier]) {
      for (const Access& b : uses[later])
        if ((a.written || b.written) && TouchCommonBytes(entry, a.buffer, b.buffer)) return true;
      for (const int buffer : steps.calls[later]->after)
        if (a.written && TouchCommonBytes(entry, a.buffer, buffer)) return true;
    }
    return false;
  };
  std::vector<std::pair<int, int>> edges;
  std::vector<std::set<int>> before(count);
  for (int later = 0; later < count; ++later)
    for (int earlier = later - 1; earlier >= 0; --earlier) {
      if (before[later].contains(earlier) || !conflict(earlier, later)) continue;
      edges.push_back({earlier, later});
      before[later].insert(earlier);
      before[later].insert(before[earlier].begin(), before[earlier].end());
    }
  std::ranges::sort(edges);
  return edges;
}

TEST(CallOrder, IsThatOfAllPairsThatTouchCommonBytes) {
  for (uint32_t seed = 0; seed < 100; ++seed) {
    RandomProgram program(seed);
    PlanMemory(program.entry, program.kernels);
    std::mt19937 random(seed);
    // Buffers that overlap in part, as those of no plan do, and calls that wait for others.
    for (Buffer& buffer : program.entry.buffers)
      if (seed % 2 == 1 && buffer.space == Space::kArena) buffer.offset = random() % 300;
    const auto buffers = static_cast<uint32_t>(program.entry.buffers.size());
    for (Step& step : program.entry.steps)
      if (auto* call = std::get_if<KernelCall>(&step.what); call && random() % 4 == 0)
        call->after.push_back(static_cast<int>(random() % buffers));
    const StepListing steps = ListSteps(program.entry, program.kernels);
    EXPECT_EQ(CallOrder(program.entry, steps), OrderByDefinition(program.entry, steps)) << seed;
  }
}

// ---- planted errors ----------------------------------------------------------------------------

/// Is a value of `kept` certainly read after `moved` is written: outside loops later, or in a loop
/// that `kept` enters from outside and each of whose iterations writes `moved`?
bool MustSurvive(const StepListing& steps, int kept, int moved) {
  int kept_written = -1, moved_written = -1;
  for (const Access& access : steps.accesses) {
    if (access.written && access.buffer == kept) kept_written = access.call;
    if (access.written && access.buffer == moved) moved_written = access.call;
  }
  if (kept_written < 0 || kept_written >= moved_written) return false;
  for (const Access& read : steps.accesses) {
    if (!read.read || read.buffer != kept) continue;
    if (read.call > moved_written && steps.loop_of[kept_written] < 0) return true;
    for (const LoopSpan& loop : steps.loops)
      if (kept_written < loop.first && moved_written >= loop.first && moved_written <= loop.last &&
          read.call >= loop.first && read.call <= loop.last)
        return true;
  }
  return false;
}

TEST(CheckPlan, FindsEveryOverwrittenValue) {
  int planted = 0;
  for (uint32_t seed = 0; seed < 100; ++seed) {
    RandomProgram program(seed);
    PlanMemory(program.entry, program.kernels);
    const StepListing steps = ListSteps(program.entry, program.kernels);
    const auto& buffers = program.entry.buffers;
    for (int kept = 0; kept < static_cast<int>(buffers.size()); ++kept)
      for (int moved = 0; moved < static_cast<int>(buffers.size()); ++moved) {
        if (kept == moved || buffers[kept].space != Space::kArena ||
            buffers[moved].space != Space::kArena || !MustSurvive(steps, kept, moved) ||
            buffers[kept].offset + buffers[moved].type.bytes() > program.entry.arena_bytes)
          continue;
        EntryProgram broken = program.entry;
        broken.buffers[moved].offset = buffers[kept].offset;
        EXPECT_NE(CheckPlan(broken, program.kernels, program.meaning), "")
            << "seed " << seed << ": " << buffers[moved].name << " onto " << buffers[kept].name;
        ++planted;
      }
  }
  EXPECT_GT(planted, 1000);
}

TEST(CheckPlan, FindsEveryMissingEdge) {
  int planted = 0;
  for (uint32_t seed = 0; seed < 60; ++seed) {
    RandomProgram program(seed);
    PlanMemory(program.entry, program.kernels);
    for (size_t edge = 0; edge < program.entry.order.size(); ++edge) {
      EntryProgram broken = program.entry;
      broken.order.erase(broken.order.begin() + static_cast<int64_t>(edge));
      EXPECT_NE(CheckPlan(broken, program.kernels, program.meaning), "") << "seed " << seed;
      ++planted;
    }
  }
  EXPECT_GT(planted, 500);
}

/// x (state) is read by call 0, replaced by call 1.
struct StateProgram {
  std::vector<Kernel> kernels;
  EntryProgram entry;
  ProgramMeaning meaning;

  StateProgram() {
    Kernel kernel{.name = "copy"};
    kernel.parameters = {{{DType::kF32, {16}}, false}, {{DType::kF32, {16}}, true}};
    kernels = {kernel};
    entry.buffers = {
        {.name = "x", .type = {DType::kF32, {16}}, .space = Space::kState, .offset = 0},
        {.name = "a", .type = {DType::kF32, {16}}},
        {.name = "new", .type = {DType::kF32, {16}}},
        {.name = "out", .type = {DType::kF32, {16}}, .space = Space::kOutput, .offset = 0}};
    const int x = 0, a = 1, fresh = 2, out = 3, next_x = 4;
    Add(0, x, 1, a);
    Add(1, a, 2, fresh);
    Add(2, fresh, 0, next_x);
    Add(1, a, 3, out);
    meaning.initial = {{0, x}};
    PlanMemory(entry, kernels);
  }

  void Add(int from, int from_value, int to, int to_value) {
    entry.steps.push_back({KernelCall{.kernel = 0, .arguments = {{from}, {to}}}});
    meaning.calls.push_back({.values = {from_value, to_value}});
  }
};

TEST(CheckPlan, FindsAReaderOfAnOverwrittenSlot) {
  StateProgram program;
  EXPECT_EQ(CheckPlan(program.entry, program.kernels, program.meaning), "");
  // The last call now means the old value of x, which call 2 has replaced.
  std::get<KernelCall>(program.entry.steps[3].what).arguments[0].buffer = 0;
  program.meaning.calls[3].values[0] = 0;
  PlanMemory(program.entry, program.kernels);
  EXPECT_NE(CheckPlan(program.entry, program.kernels, program.meaning), "");
}

TEST(CheckPlan, FindsInPlaceComputationThatTheKernelForbids) {
  StateProgram program;
  program.entry.buffers[2].offset = program.entry.buffers[1].offset;
  EXPECT_NE(CheckPlan(program.entry, program.kernels, program.meaning), "");
}

TEST(CheckPlan, FindsACallThatComesBeforeWhatItWaitsFor) {
  StateProgram program;
  const auto waiting = [&](int call) -> std::vector<int>& {
    return std::get<KernelCall>(program.entry.steps[call].what).after;
  };
  waiting(2) = {1};
  EXPECT_EQ(CheckPlan(program.entry, program.kernels, program.meaning), "");
  waiting(2) = {};
  waiting(1) = {3};
  EXPECT_EQ(CheckPlan(program.entry, program.kernels, program.meaning),
            "call 1 does not wait for buffer 3 (out)");
}

TEST(CheckPlan, FindsAnUpdateInOtherBytes) {
  StateProgram program;
  program.kernels[0].in_place = {{0, 1}};
  const std::string violation = CheckPlan(program.entry, program.kernels, program.meaning);
  EXPECT_NE(violation.find("updates argument 1 in other bytes"), std::string::npos) << violation;
}

TEST(CheckPlan, FindsAnUpdateOfWhatIsNotThere) {
  StateProgram program;
  program.kernels[0].in_place = {{0, 1}};
  // Each call updates the state and means the value that the one before has left.
  for (int call = 0; call < 4; ++call) {
    std::get<KernelCall>(program.entry.steps[call].what).arguments = {{0}, {0}};
    program.meaning.calls[call].values = {call, call + 1};
  }
  PlanMemory(program.entry, program.kernels);
  EXPECT_EQ(CheckPlan(program.entry, program.kernels, program.meaning), "");
  program.meaning.calls[2].values[0] = 1;
  EXPECT_NE(CheckPlan(program.entry, program.kernels, program.meaning), "");
}

TEST(CheckPlan, FindsAWrittenConstant) {
  StateProgram program;
  program.entry.buffers[2].space = Space::kConstant;
  const std::string violation = CheckPlan(program.entry, program.kernels, program.meaning);
  EXPECT_NE(violation.find("writes to a constant"), std::string::npos) << violation;
}

TEST(CheckPlan, FindsMisalignedAndOutlyingBuffers) {
  StateProgram program;
  program.entry.buffers[1].offset += 4;
  EXPECT_NE(CheckPlan(program.entry, program.kernels, program.meaning), "");
  program.entry.buffers[1].offset = program.entry.arena_bytes;
  EXPECT_NE(CheckPlan(program.entry, program.kernels, program.meaning), "");
}

}  // namespace
}  // namespace descent

#include "compiler/kernel/plan_memory.h"

#include <algorithm>
#include <functional>
#include <limits>
#include <numeric>

#include "compiler/kernel/call_order.h"
#include "ir/diagnostic.h"

namespace descent {
namespace {

class Lister {
 public:
  explicit Lister(std::span<const Kernel> kernels) : kernels_(kernels) {}

  StepListing Run(const EntryProgram& entry) {
    Visit(entry.steps, -1);
    return std::move(listing_);
  }

 private:
  void Visit(const std::vector<Step>& steps, int loop) {
    for (const Step& step : steps) {
      if (const auto* call = std::get_if<KernelCall>(&step.what)) {
        AddCall(*call, loop);
        continue;
      }
      if (const auto* branch = std::get_if<Branch>(&step.what)) {
        conditions_.push_back(branch->condition);
        Visit(branch->then_steps, loop);
        Visit(branch->else_steps, loop);
        conditions_.pop_back();
        continue;
      }
      const Loop& inner = std::get<Loop>(step.what);
      const int number = static_cast<int>(listing_.loops.size());
      const int first = static_cast<int>(listing_.calls.size());
      listing_.loops.push_back({first, -1, loop});
      if (inner.counter >= 0)
        listing_.accesses.push_back(
            {.call = first, .buffer = inner.counter, .written = true, .counter_of = number});
      Visit(inner.body, number);
      listing_.loops[number].last = static_cast<int>(listing_.calls.size()) - 1;
    }
  }

  void AddCall(const KernelCall& call, int loop) {
    const int number = static_cast<int>(listing_.calls.size());
    const Kernel& kernel = kernels_[call.kernel];
    listing_.calls.push_back(&call);
    listing_.loop_of.push_back(loop);
    for (const Argument& condition : conditions_)
      listing_.accesses.push_back({.call = number,
                                   .buffer = condition.buffer,
                                   .read = true,
                                   .partial = condition.loop_stride_bytes != 0});
    for (int i = 0; i < static_cast<int>(call.arguments.size()); ++i) {
      const bool written = kernel.parameters[i].written;
      listing_.accesses.push_back({.call = number,
                                   .buffer = call.arguments[i].buffer,
                                   .read = !written,
                                   .written = written,
                                   .partial = call.arguments[i].loop_stride_bytes != 0,
                                   .parameter = i});
    }
  }

  std::span<const Kernel> kernels_;
  std::vector<Argument> conditions_;  ///< of the branches around
  StepListing listing_;
};

/// Does each iteration of `loop` write the buffer before it reads it?
bool LocalToIteration(const StepListing& steps, int loop, const std::vector<const Access*>& uses) {
  const LoopSpan& span = steps.loops[loop];
  const Access* first = nullptr;
  for (const Access* use : uses) {
    if (use->call < span.first || use->call > span.last) return false;
    // A kernel reads before it writes.
    if (first == nullptr || use->call < first->call ||
        (use->call == first->call && use->read && !first->read))
      first = use;
  }
  // The counter of this very loop must survive its iterations.
  if (first->counter_of >= 0) return first->counter_of != loop;
  const bool whole = !first->partial || steps.loop_of[first->call] != loop;
  return first->written && !first->read && whole;
}

/// Buffers that are packed as one, since one is computed in place of the other.
class Units {
 public:
  explicit Units(int count) : parent_(count) { std::iota(parent_.begin(), parent_.end(), 0); }
  int Find(int i) { return parent_[i] == i ? i : parent_[i] = Find(parent_[i]); }
  void Join(int a, int b) { parent_[Find(b)] = Find(a); }

 private:
  std::vector<int> parent_;
};

bool IsArena(const EntryProgram& entry, int buffer) {
  return entry.buffers[buffer].space == Space::kArena;
}

using Uses = std::vector<std::vector<const Access*>>;

/// The accesses of each buffer, by call.
Uses UsesOf(const EntryProgram& entry, const StepListing& steps) {
  Uses uses(entry.buffers.size());
  for (const Access& access : steps.accesses) uses[access.buffer].push_back(&access);
  return uses;
}

/// Does what the buffer holds at this call count in a later iteration of a loop around it?
bool OutlivesIteration(const StepListing& steps, int call, const std::vector<const Access*>& uses) {
  for (int loop = steps.loop_of[call]; loop >= 0; loop = steps.loops[loop].parent)
    if (!LocalToIteration(steps, loop, uses)) return true;
  return false;
}

/// For each call, written buffers that may take the place of a buffer that dies there.
void JoinInPlace(const EntryProgram& entry, std::span<const Kernel> kernels,
                 const StepListing& steps, std::vector<Life>& lives, Units& units) {
  const Uses uses = UsesOf(entry, steps);
  for (int number = 0; number < static_cast<int>(steps.calls.size()); ++number) {
    const KernelCall& call = *steps.calls[number];
    const Kernel& kernel = kernels[call.kernel];
    const auto allowed = [&](int read, int written) {
      // Every parameter that sees the operand must be one that may share the result's bytes.
      for (int i = 0; i < static_cast<int>(call.arguments.size()); ++i) {
        if (call.arguments[i].buffer != call.arguments[read].buffer) continue;
        const auto pair = std::pair{i, written};
        if (std::find(kernel.may_alias.begin(), kernel.may_alias.end(), pair) ==
            kernel.may_alias.end())
          return false;
      }
      return true;
    };
    std::vector<int> taken;  // units whose place a result of this call has
    for (const auto& [read, written] : kernel.may_alias) {
      const Argument &from = call.arguments[read], &to = call.arguments[written];
      if (from.loop_stride_bytes != 0 || to.loop_stride_bytes != 0) continue;
      if (!IsArena(entry, from.buffer) || !IsArena(entry, to.buffer)) continue;
      if (from.buffer == to.buffer ||
          entry.buffers[from.buffer].type.bytes() != entry.buffers[to.buffer].type.bytes())
        continue;
      const int a = units.Find(from.buffer), b = units.Find(to.buffer);
      if (a == b || lives[a].last != number || lives[b].first != number) continue;
      if (lives[from.buffer].last != number || !allowed(read, written)) continue;
      if (OutlivesIteration(steps, number, uses[from.buffer])) continue;
      if (std::find(taken.begin(), taken.end(), a) != taken.end()) continue;
      taken.push_back(a);
      units.Join(a, b);
      lives[a].last = lives[b].last;
    }
  }
}

std::vector<Life> HullsOf(const EntryProgram& entry, const StepListing& steps) {
  const Uses uses = UsesOf(entry, steps);
  std::vector<Life> lives(entry.buffers.size());
  for (size_t buffer = 0; buffer < uses.size(); ++buffer) {
    Life& life = lives[buffer];
    for (const Access* use : uses[buffer]) {
      life.first = life.first < 0 ? use->call : std::min(life.first, use->call);
      life.last = std::max(life.last, use->call);
    }
    if (life.first < 0) continue;
    // Inner loops come behind outer ones; extending by an inner loop never leaves the outer one.
    for (int loop = static_cast<int>(steps.loops.size()) - 1; loop >= 0; --loop) {
      const LoopSpan& span = steps.loops[loop];
      if (span.last < life.first || span.first > life.last) continue;
      const bool touched = std::any_of(
          uses[buffer].begin(), uses[buffer].end(),
          [&](const Access* use) { return use->call >= span.first && use->call <= span.last; });
      if (!touched || LocalToIteration(steps, loop, uses[buffer])) continue;
      life.first = std::min(life.first, span.first);
      life.last = std::max(life.last, span.last);
    }
  }
  return lives;
}

// ---- packing -----------------------------------------------------------------------------------

bool Together(const Life& a, const Life& b) { return a.first <= b.last && b.first <= a.last; }

/// Each block takes the lowest place that no placed block of an overlapping life occupies.
int64_t FirstFit(const std::vector<int>& order, std::vector<PackedBlock>& blocks) {
  std::vector<int> placed;  // by offset
  int64_t total = 0;
  for (const int number : order) {
    PackedBlock& block = blocks[number];
    int64_t offset = 0;
    for (const int other : placed) {
      if (!Together(blocks[other].life, block.life)) continue;
      if (blocks[other].offset >= offset + block.bytes) break;
      offset = std::max(offset, blocks[other].offset + blocks[other].bytes);
    }
    block.offset = offset;
    total = std::max(total, offset + block.bytes);
    const auto place = std::upper_bound(placed.begin(), placed.end(), number, [&](int a, int b) {
      return blocks[a].offset < blocks[b].offset;
    });
    placed.insert(place, number);
  }
  return total;
}

}  // namespace

StepListing ListSteps(const EntryProgram& entry, std::span<const Kernel> kernels) {
  return Lister(kernels).Run(entry);
}

std::vector<Life> LivesOf(const EntryProgram& entry, const StepListing& steps) {
  return HullsOf(entry, steps);
}

int64_t Pack(std::vector<PackedBlock>& blocks) {
  for (PackedBlock& block : blocks) block.bytes = Aligned(block.bytes);
  const auto length = [](const PackedBlock& block) {
    return static_cast<int64_t>(block.life.last) - block.life.first + 1;
  };
  using Key = std::function<int64_t(const PackedBlock&)>;
  const Key keys[] = {
      [](const PackedBlock& block) { return -block.bytes; },
      [&](const PackedBlock& block) { return -length(block); },
      [&](const PackedBlock& block) { return -length(block) * block.bytes; },
      [](const PackedBlock& block) { return static_cast<int64_t>(block.life.first); },
      [](const PackedBlock& block) { return -static_cast<int64_t>(block.life.last); },
  };
  int64_t best = std::numeric_limits<int64_t>::max();
  std::vector<PackedBlock> packed;
  for (const Key& key : keys) {
    std::vector<int> order(blocks.size());
    std::iota(order.begin(), order.end(), 0);
    std::stable_sort(order.begin(), order.end(),
                     [&](int a, int b) { return key(blocks[a]) < key(blocks[b]); });
    std::vector<PackedBlock> attempt = blocks;
    const int64_t total = FirstFit(order, attempt);
    if (total < best) {
      best = total;
      packed = std::move(attempt);
    }
  }
  blocks = std::move(packed);
  return blocks.empty() ? 0 : best;
}

void PlanMemory(EntryProgram& entry, std::span<const Kernel> kernels, Packing packing,
                int64_t guard_bytes) {
  const int64_t guard = Aligned(guard_bytes);
  const StepListing steps = ListSteps(entry, kernels);
  std::vector<Life> lives = HullsOf(entry, steps);
  Units units(static_cast<int>(entry.buffers.size()));
  std::vector<Life> unit_lives = lives;
  if (packing == Packing::kSmallest) JoinInPlace(entry, kernels, steps, unit_lives, units);

  std::vector<PackedBlock> blocks;
  std::vector<int> block_of(entry.buffers.size(), -1);
  for (int buffer = 0; buffer < static_cast<int>(entry.buffers.size()); ++buffer) {
    if (!IsArena(entry, buffer) || lives[buffer].first < 0) continue;
    const int unit = units.Find(buffer);
    if (block_of[unit] < 0) {
      block_of[unit] = static_cast<int>(blocks.size());
      const Life whole{0, static_cast<int>(steps.calls.size())};
      blocks.push_back({Aligned(entry.buffers[unit].type.bytes()) + 2 * guard,
                        packing == Packing::kDisjoint ? whole : unit_lives[unit]});
    }
    block_of[buffer] = block_of[unit];
  }
  entry.arena_bytes = Pack(blocks);
  for (size_t buffer = 0; buffer < entry.buffers.size(); ++buffer)
    if (block_of[buffer] >= 0)
      entry.buffers[buffer].offset = blocks[block_of[buffer]].offset + guard;
  entry.order = CallOrder(entry, steps);
  entry.worker_scratch_bytes = 0;
  for (const KernelCall* call : steps.calls)
    entry.worker_scratch_bytes =
        std::max(entry.worker_scratch_bytes, kernels[call->kernel].scratch_bytes);
}

}  // namespace descent

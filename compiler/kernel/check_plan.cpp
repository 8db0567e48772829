#include "compiler/kernel/check_plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "compiler/kernel/earlier_calls.h"

namespace descent {
namespace {

struct Bytes {
  Space space = Space::kArena;
  int64_t begin = 0, end = 0;

  bool Overlaps(const Bytes& other) const {
    return space == other.space && begin < other.end && other.begin < end;
  }
  bool operator==(const Bytes&) const = default;
};

/// Constants may share bytes, which nobody writes: each counts as a place of its own.
Bytes BytesOf(const EntryProgram& entry, int buffer) {
  const Buffer& b = entry.buffers[buffer];
  if (b.space == Space::kConstant) return {b.space, buffer, buffer + 1};
  const bool numbered =
      b.space == Space::kInput || b.space == Space::kOutput || b.space == Space::kValidRows;
  return {b.space, b.offset, b.offset + (numbered ? 1 : b.type.bytes())};
}

/// Which value each byte of one space holds; -1: none.
class Contents {
 public:
  void Fill(int64_t begin, int64_t end, int value) {
    if (begin >= end) return;
    Cut(begin);
    Cut(end);
    pieces_.erase(pieces_.lower_bound(begin), pieces_.lower_bound(end));
    pieces_[begin] = {end, value};
  }
  /// The first value other than `value` found there; `value` if there is none.
  int Other(int64_t begin, int64_t end, int value) const {
    auto piece = pieces_.upper_bound(begin);
    if (piece != pieces_.begin()) --piece;
    int64_t at = begin;
    for (; piece != pieces_.end() && piece->first < end; ++piece) {
      if (piece->second.end <= at) continue;
      if (piece->first > at) return -1;
      if (piece->second.value != value) return piece->second.value;
      at = piece->second.end;
    }
    return at >= end ? value : -1;
  }
  void Rename(int from, int to) {
    for (auto& [begin, piece] : pieces_)
      if (piece.value == from) piece.value = to;
  }
  /// Keeps what both hold.
  void Meet(const Contents& other) {
    std::map<int64_t, Piece> met;
    for (const auto& [begin, piece] : pieces_) {
      auto part = other.pieces_.upper_bound(begin);
      if (part != other.pieces_.begin()) --part;
      for (; part != other.pieces_.end() && part->first < piece.end; ++part) {
        const int64_t low = std::max(begin, part->first),
                      high = std::min(piece.end, part->second.end);
        if (low < high && part->second.value == piece.value) met[low] = {high, piece.value};
      }
    }
    pieces_ = std::move(met);
  }

 private:
  struct Piece {
    int64_t end;
    int value;
  };
  void Cut(int64_t at) {
    auto piece = pieces_.upper_bound(at);
    if (piece == pieces_.begin()) return;
    --piece;
    if (piece->first == at || piece->second.end <= at) return;
    pieces_[at] = piece->second;
    piece->second.end = at;
  }
  std::map<int64_t, Piece> pieces_;
};

class Replay {
 public:
  Replay(const EntryProgram& entry, std::span<const Kernel> kernels, const ProgramMeaning& meaning)
      : entry_(entry), kernels_(kernels), meaning_(meaning) {}

  std::string Run() {
    for (const auto& [buffer, value] : meaning_.initial) Write(buffer, value);
    RunSteps(entry_.steps, 0);
    return violation_;
  }

 private:
  void Fail(std::string what) {
    if (violation_.empty()) violation_ = std::move(what);
  }
  void Write(int buffer, int value) {
    const Bytes bytes = BytesOf(entry_, buffer);
    contents_[bytes.space].Fill(bytes.begin, bytes.end, value);
    written_.insert(buffer);
  }
  void Expect(int call, int buffer, int value, std::string_view what) {
    const Bytes bytes = BytesOf(entry_, buffer);
    const int found = contents_[bytes.space].Other(bytes.begin, bytes.end, value);
    if (found != value)
      Fail(fmt::format("call {} {} buffer {} ({}) as value {}, but it holds {}", call, what, buffer,
                       entry_.buffers[buffer].name, value,
                       found < 0 ? "nothing yet" : fmt::format("value {}", found)));
  }

  void RunCall(const KernelCall& call, int64_t iteration) {
    const Kernel& kernel = kernels_[call.kernel];
    const int number = call_;
    const CallMeaning& means = meaning_.calls[call_++];
    for (const int buffer : call.after)
      if (!written_.contains(buffer))
        Fail(fmt::format("call {} does not wait for buffer {} ({})", number, buffer,
                         entry_.buffers[buffer].name));
    for (size_t i = 0; i < call.arguments.size(); ++i) {
      const Argument& argument = call.arguments[i];
      if (kernel.parameters[i].type.elements() == 0) continue;  // no kernel writes it
      if (!kernel.parameters[i].written)
        Expect(number, argument.buffer, means.values[i], "reads");
      else if (argument.loop_stride_bytes != 0 && iteration > 0)
        Expect(number, argument.buffer, means.values[i], "adds a slice to");
    }
    for (size_t i = 0; i < call.arguments.size(); ++i)
      if (kernel.parameters[i].written) Write(call.arguments[i].buffer, means.values[i]);
  }

  void Rename(const std::vector<std::pair<int, int>>& pairs) {
    for (const auto& [from, to] : pairs)
      for (auto& [space, contents] : contents_) contents.Rename(from, to);
  }

  void RunSteps(const std::vector<Step>& steps, int64_t iteration) {
    for (const Step& step : steps) {
      if (const auto* call = std::get_if<KernelCall>(&step.what)) {
        RunCall(*call, iteration);
        continue;
      }
      if (const auto* branch = std::get_if<Branch>(&step.what)) {
        RunBranch(*branch, iteration);
        continue;
      }
      const Loop& loop = std::get<Loop>(step.what);
      const LoopMeaning& means = meaning_.loops[loop_++];
      const int first_call = call_, first_loop = loop_, first_branch = branch_;
      for (int64_t i = 0; i < std::min<int64_t>(loop.trip_count, 2); ++i) {
        call_ = first_call;
        loop_ = first_loop;
        branch_ = first_branch;
        if (loop.counter >= 0) {
          if (i > 0) Expect(call_, loop.counter, means.counter, "counts in");
          Write(loop.counter, means.counter);
        }
        RunSteps(loop.body, i);
        Rename(means.at_end);
      }
      Rename(means.behind);
    }
  }

  void RunBranch(const Branch& branch, int64_t iteration) {
    const BranchMeaning& means = meaning_.branches[branch_++];
    Expect(call_, branch.condition.buffer, means.condition, "branches on");
    std::map<Space, Contents> other = contents_;
    RunSteps(branch.then_steps, iteration);
    Rename(means.then_end);
    std::swap(contents_, other);
    RunSteps(branch.else_steps, iteration);
    Rename(means.else_end);
    for (auto& [space, contents] : contents_) contents.Meet(other[space]);
  }

  const EntryProgram& entry_;
  std::span<const Kernel> kernels_;
  const ProgramMeaning& meaning_;
  std::map<Space, Contents> contents_;
  std::set<int> written_;  ///< buffers
  int call_ = 0, loop_ = 0, branch_ = 0;
  std::string violation_;
};

struct Touch {
  Bytes bytes;
  bool written = false;
  int parameter = -1;
};

/// Proofs about single calls and about pairs of calls.
class OrderProof {
 public:
  OrderProof(const EntryProgram& entry, std::span<const Kernel> kernels)
      : entry_(entry), kernels_(kernels) {
    std::vector<Touch> counters;
    Collect(entry.steps, counters, {});
  }

  std::string Run() {
    for (size_t call = 0; call < calls_.size(); ++call) CheckCall(static_cast<int>(call));
    CheckBuffers();
    if (!violation_.empty()) return violation_;
    CheckPairs();
    return violation_;
  }

 private:
  void Fail(std::string what) {
    if (violation_.empty()) violation_ = std::move(what);
  }

  /// `counters` are written with the next call; every call in here depends on `conditions`.
  void Collect(const std::vector<Step>& steps, std::vector<Touch>& counters,
               const std::vector<Touch>& conditions) {
    for (const Step& step : steps) {
      if (const auto* call = std::get_if<KernelCall>(&step.what)) {
        std::vector<Touch> touches = counters;
        touches.insert(touches.end(), conditions.begin(), conditions.end());
        counters.clear();
        for (size_t i = 0; i < call->arguments.size(); ++i)
          touches.push_back({BytesOf(entry_, call->arguments[i].buffer),
                             kernels_[call->kernel].parameters[i].written, static_cast<int>(i)});
        calls_.push_back(call);
        touches_.push_back(std::move(touches));
        continue;
      }
      if (const auto* branch = std::get_if<Branch>(&step.what)) {
        std::vector<Touch> inside = conditions;
        inside.push_back({BytesOf(entry_, branch->condition.buffer), false, -1});
        Collect(branch->then_steps, counters, inside);
        Collect(branch->else_steps, counters, inside);
        continue;
      }
      const Loop& loop = std::get<Loop>(step.what);
      if (loop.counter >= 0) counters.push_back({BytesOf(entry_, loop.counter), true, -1});
      Collect(loop.body, counters, conditions);
    }
  }

  void CheckCall(int number) {
    const KernelCall& call = *calls_[number];
    const Kernel& kernel = kernels_[call.kernel];
    if (call.arguments.size() != kernel.parameters.size())
      return Fail(fmt::format("call {} has another number of arguments than its kernel", number));
    const auto has = [](const std::vector<std::pair<int, int>>& pairs, std::pair<int, int> pair) {
      return std::find(pairs.begin(), pairs.end(), pair) != pairs.end();
    };
    const auto& touches = touches_[number];
    for (const Touch& touch : touches)
      if (touch.written && touch.bytes.space == Space::kConstant)
        Fail(fmt::format("call {} ({}) writes to a constant", number, kernel.name));
    for (const Touch& a : touches)
      for (const Touch& b : touches) {
        if (a.parameter < 0 || b.parameter < 0 || a.parameter == b.parameter || !b.written ||
            !a.bytes.Overlaps(b.bytes))
          continue;
        const auto pair = std::pair{a.parameter, b.parameter};
        const bool allowed = !a.written && a.bytes == b.bytes &&
                             (has(kernel.may_alias, pair) || has(kernel.in_place, pair));
        if (!allowed)
          Fail(fmt::format("call {} ({}) writes argument {} over its argument {}", number,
                           kernel.name, b.parameter, a.parameter));
      }
    for (const auto& [read, written] : kernel.in_place)
      if (!SamePlace(call.arguments[read], call.arguments[written]))
        Fail(fmt::format("call {} ({}) updates argument {} in other bytes than its argument {}",
                         number, kernel.name, written, read));
  }

  bool SamePlace(const Argument& a, const Argument& b) const {
    return BytesOf(entry_, a.buffer) == BytesOf(entry_, b.buffer) &&
           a.loop_stride_bytes == b.loop_stride_bytes && a.from_end == b.from_end;
  }

  void CheckBuffers() {
    for (const auto& touches : touches_)
      for (const Touch& touch : touches) {
        if (touch.bytes.space != Space::kArena) continue;
        if (touch.bytes.begin < 0 || touch.bytes.end > entry_.arena_bytes)
          Fail(fmt::format("bytes {} to {} lie outside the arena", touch.bytes.begin,
                           touch.bytes.end));
        if (touch.bytes.begin % kAlignment != 0)
          Fail(fmt::format("offset {} is not aligned", touch.bytes.begin));
      }
  }

  void CheckPairs() {
    const int count = static_cast<int>(calls_.size());
    EarlierCalls before(count);
    std::vector<std::vector<int>> predecessors(count);
    for (const auto& [from, to] : entry_.order) {
      if (from < 0 || to >= count || from >= to)
        return Fail(fmt::format("edge from call {} to call {} goes backwards", from, to));
      predecessors[to].push_back(from);
    }
    for (int call = 0; call < count; ++call)
      for (const int from : predecessors[call]) before.Put(from, call);
    for (int later = 0; later < count; ++later)
      before.VisitUnordered(later, [&](int earlier) { CheckUnordered(earlier, later); });
  }

  void CheckUnordered(int earlier, int later) {
    if (Conflict(earlier, later))
      Fail(fmt::format("calls {} and {} touch common bytes but no path orders them", earlier,
                       later));
    for (const int buffer : calls_[later]->after)
      for (const Touch& touch : touches_[earlier])
        if (touch.written && touch.bytes.Overlaps(BytesOf(entry_, buffer)))
          Fail(fmt::format("call {} does not wait for call {}", later, earlier));
  }

  bool Conflict(int a, int b) const {
    for (const Touch& x : touches_[a])
      for (const Touch& y : touches_[b])
        if ((x.written || y.written) && x.bytes.Overlaps(y.bytes)) return true;
    return false;
  }

  const EntryProgram& entry_;
  std::span<const Kernel> kernels_;
  std::vector<const KernelCall*> calls_;
  std::vector<std::vector<Touch>> touches_;
  std::string violation_;
};

}  // namespace

std::string CheckPlan(const EntryProgram& entry, std::span<const Kernel> kernels,
                      const ProgramMeaning& meaning) {
  if (std::string violation = OrderProof(entry, kernels).Run(); !violation.empty())
    return violation;
  return Replay(entry, kernels, meaning).Run();
}

}  // namespace descent

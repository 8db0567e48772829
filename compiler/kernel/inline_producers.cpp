#include <algorithm>
#include <iterator>
#include <map>
#include <optional>
#include <set>

#include "compiler/kernel/contraction.h"
#include "compiler/kernel/fuse.h"
#include "compiler/kernel/widen.h"

namespace descent {
namespace {

/// A producer of at most this cost may be computed again by several consumers.
constexpr int64_t kCheapCost = 6;
/// A producer of at most this cost may be computed while a contraction packs its operand.
constexpr int64_t kPackingCost = 3;
constexpr size_t kPackingReaders = 2;
/// How often several consumers may compute an element of a cheap producer.
constexpr int64_t kEvaluations = 4;
/// Bounds of what one loop nest may be after inlining, so that what an inlining costs the compiler
/// does not grow with the length of a chain.
constexpr size_t kMaxReads = 24;
constexpr int64_t kMaxIndexNodes = 128;
/// Storing an element and loading it again takes about as long as this many divisions.
constexpr int64_t kStoredDivisions = 4;
/// And so does a kernel of its own.
constexpr int64_t kCallDivisions = 512;

/// A 16-bit value as a float, which costs nothing beside reading twice the bytes.
bool IsWidening(const Computation& c) {
  if (c.reducer || c.results.size() != 1) return false;
  const ScalarNode& result = *c.results[0];
  return result.kind == ScalarKind::kCall && result.op == ScalarOp::kCast &&
         result.arguments[0]->kind == ScalarKind::kRead && IsFloat16(result.arguments[0]->dtype) &&
         Info(result.dtype).is_float;
}

class ProducerInlining {
 public:
  ProducerInlining(Region& region, const TensorTable& tensors, RegionFusion* notes)
      : region_(region),
        notes_(notes),
        delivered_(tensors.size(), false),
        computed_(tensors.size(), false),
        users_(tensors.size()) {
    for (size_t i = 0; i < region.works.size(); ++i) {
      for (const int tensor : region.works[i].Reads()) users_[tensor].insert(i);
      for (const int tensor : region.works[i].Writes()) computed_[tensor] = true;
    }
    FindDepths(tensors.size());
    for (const Delivery& delivery : region.deliveries) delivered_[delivery.value] = true;
    for (const Overwrite& overwrite : region.overwrites)
      delivered_[overwrite.older] = delivered_[overwrite.newer] = true;
  }

  void Run() {
    std::vector<bool> dropped(region_.works.size(), false);
    for (size_t i = 0; i < region_.works.size(); ++i) dropped[i] = InlineEverywhere(i);
    std::vector<Work> kept;
    for (size_t i = 0; i < region_.works.size(); ++i)
      if (!dropped[i]) kept.push_back(std::move(region_.works[i]));
    region_.works = std::move(kept);
  }

 private:
  /// Reads that a user can do in the loop nest that computes the value.
  bool CanShareLoop(const Work& user, int tensor) const {
    return user.is_computation() && !user.computation.reducer &&
           ReadsIdentically(user.computation, tensor);
  }

  /// Depths of works count the loop nests that must come one after another before their own:
  /// `value_depths_` as early as possible, `latest_depths_` as late as those that use them allow.
  void FindDepths(size_t tensors) {
    value_depths_.assign(tensors, 0);
    for (const Work& work : region_.works) {
      int depth = 0;
      for (const int tensor : work.Reads()) {
        const int apart = computed_[tensor] && !CanShareLoop(work, tensor) ? 1 : 0;
        depth = std::max(depth, value_depths_[tensor] + apart);
      }
      latest_depths_.push_back(depth);
      for (const int tensor : work.Writes()) value_depths_[tensor] = depth;
    }
    for (size_t i = region_.works.size(); i-- > 0;) {
      std::optional<int> latest;
      for (const int tensor : region_.works[i].Writes()) {
        for (const size_t user : users_[tensor]) {
          const int apart = CanShareLoop(region_.works[user], tensor) ? 0 : 1;
          latest = std::min(latest.value_or(latest_depths_[user]), latest_depths_[user] - apart);
        }
      }
      latest_depths_[i] = std::max(latest_depths_[i], latest.value_or(0));
    }
  }

  /// Is the value in memory whatever happens to `except`: some user is not in the loop nest that
  /// computes it, as one of the backward pass is not in a loop nest of the forward pass?
  bool IsStoredAnyway(int tensor, size_t except) const {
    if (delivered_[tensor] || !computed_[tensor]) return true;
    return std::ranges::any_of(users_[tensor], [&](size_t user) {
      return user != except && (latest_depths_[user] > value_depths_[tensor] ||
                                !CanShareLoop(region_.works[user], tensor));
    });
  }

  /// A value that inlining would keep in memory though it could otherwise stay in the loop that
  /// computes it. One of 16 bits is better kept than what is made of it in 32.
  std::optional<Blocked> EndedEpilogue(size_t number) const {
    const Computation& producer = region_.works[number].computation;
    for (const TensorRead& read : producer.reads)
      if (IsIdentity(producer, read) && !IsStoredAnyway(read.tensor, number) &&
          (!IsFloat16(read.dtype) || IsFloat16(producer.results[0]->dtype)))
        return Blocked{.obstacle = Obstacle::kEndsEpilogue, .tensor = read.tensor};
    return std::nullopt;
  }

  bool ReadsIdentically(const Computation& user, int tensor) const {
    return user.elementwise() &&
           std::all_of(user.reads.begin(), user.reads.end(), [&](const TensorRead& read) {
             return read.tensor != tensor || IsIdentity(user, read);
           });
  }

  /// What the users become by inlining all results of a work.
  using Trials = std::map<size_t, Computation>;

  /// Do the users take so many divisions to find its operands that its result is better stored?
  bool IndicesCostMore(const Computation& producer, const Trials& trials) const {
    int64_t saved = IndexDivisions(producer, false) + kCallDivisions +
                    kStoredDivisions * Elements(producer.axes);
    for (const auto& [user, trial] : trials) {
      const Computation& before = region_.works[user].computation;
      const bool contraction = FindContraction(before).has_value();
      saved -= IndexDivisions(trial, contraction) - IndexDivisions(before, contraction);
    }
    return saved < 0;
  }

  /// Why inlining `tensor` would not pay.
  std::optional<Blocked> NotWorthwhile(size_t number, int tensor) const {
    const Computation& producer = region_.works[number].computation;
    const std::set<size_t>& users = users_[tensor];
    const int64_t elements = Elements(producer.axes);
    int64_t evaluations = 0;
    bool packed = false;
    for (const size_t user : users) {
      // A contraction evaluates its operands while packing, about once.
      const bool contraction = FindContraction(region_.works[user].computation).has_value();
      evaluations += contraction ? elements : Elements(region_.works[user].computation.axes);
      packed |= contraction;
    }
    const bool once = users.size() == 1 && evaluations <= elements;
    const bool from_data = std::ranges::any_of(producer.reads, [](const TensorRead& read) {
      return std::ranges::any_of(
          read.coordinates, [](const Index& index) { return index->kind == IndexKind::kRead; });
    });
    if (IsLayout(producer) || IsWidening(producer) || producer.reads.empty()) {
      if (!from_data || once) return std::nullopt;
      return Blocked{.obstacle = Obstacle::kGatheredAgain};
    }
    if (packed) {
      if (ScalarCost(producer.results) > kPackingCost)
        return Blocked{.obstacle = Obstacle::kPackedOperations, .limit = kPackingCost};
      if (users.size() > kPackingReaders)
        return Blocked{.obstacle = Obstacle::kPackedReaders, .limit = kPackingReaders};
      return EndedEpilogue(number);
    }
    if (once) {
      if (ReadsIdentically(region_.works[*users.begin()].computation, tensor)) return std::nullopt;
      return EndedEpilogue(number);
    }
    if (ScalarCost(producer.results) > kCheapCost)
      return Blocked{.obstacle = Obstacle::kRepeatedOperations, .limit = kCheapCost};
    if (evaluations > kEvaluations * elements)
      return Blocked{.obstacle = Obstacle::kEvaluations, .limit = kEvaluations};
    return EndedEpilogue(number);
  }

  /// Inlines `tensor` into the trial of `user`; or says why that may not be.
  std::optional<Blocked> Try(const Computation& producer, int tensor, size_t user,
                             Trials& trials) const {
    const Work& work = region_.works[user];
    const auto blocked = [&](Obstacle obstacle, int64_t limit = 0) {
      const std::vector<int> writes = work.Writes();
      return Blocked{
          .obstacle = obstacle, .limit = limit, .reader = writes.empty() ? -1 : writes.front()};
    };
    if (!work.is_computation()) return blocked(work.form ? Obstacle::kForm : Obstacle::kControl);
    Computation& trial = trials.try_emplace(user, work.computation).first->second;
    if (const auto obstacle = InliningObstacle(trial, tensor, producer)) return blocked(*obstacle);
    Inline(trial, tensor, producer);
    if (trial.reads.size() > kMaxReads) return blocked(Obstacle::kReads, kMaxReads);
    if (LargestIndex(trial) > kMaxIndexNodes) return blocked(Obstacle::kIndexNodes, kMaxIndexNodes);
    // A layout costs nothing, whatever its reader does.
    const int64_t cost = PointCost(trial);
    if (cost > kMaxPointCost && cost > PointCost(work.computation))
      return blocked(Obstacle::kOperations, kMaxPointCost);
    if (FindContraction(work.computation) && !FindContraction(trial))
      return blocked(Obstacle::kContractionLost);
    return std::nullopt;
  }

  /// Is a computed value rounded to 16 bits only to be widened again? Then memory holds the 16
  /// bits; what lies in memory anyway is rounded where it is read.
  bool IsKeptNarrow(const Computation& producer) const {
    const auto is_narrow = [&](const Scalar& result) {
      const ScalarNode& source = ThroughFloatCasts(*result);
      const bool lies_there =
          source.kind == ScalarKind::kRead && !computed_[producer.reads[source.slot].tensor];
      return IsFloat16(result->dtype) && !lies_there;
    };
    const auto widens = [&](size_t user) {
      const Work& work = region_.works[user];
      return work.is_computation() && IsWidening(work.computation);
    };
    return std::ranges::all_of(producer.results, is_narrow) &&
           std::ranges::all_of(producer.tensors, [&](int tensor) {
             return std::ranges::all_of(users_[tensor], widens);
           });
  }

  /// What the users of all results of a work become, if inlining them is possible and worthwhile
  /// for all.
  Verdict<Trials> Inlined(size_t number) const {
    const Work& work = region_.works[number];
    const auto blocked = [](Obstacle obstacle, int tensor = -1) {
      return std::unexpected(Blocked{.obstacle = obstacle, .tensor = tensor});
    };
    if (!work.is_computation()) return blocked(work.form ? Obstacle::kForm : Obstacle::kControl);
    const Computation& producer = work.computation;
    if (producer.reducer) return blocked(Obstacle::kReduction);
    if (Asserts(producer)) return blocked(Obstacle::kAsserts);
    if (IsKeptNarrow(producer)) return blocked(Obstacle::kKeptNarrow);
    Trials trials;
    for (const int tensor : producer.tensors) {
      if (delivered_[tensor]) return blocked(Obstacle::kDelivered, tensor);
      if (users_[tensor].empty()) return blocked(Obstacle::kUnread, tensor);
      for (const size_t user : users_[tensor])
        if (const auto failed = Try(producer, tensor, user, trials))
          return std::unexpected(*failed);
    }
    if (IndicesCostMore(producer, trials)) return blocked(Obstacle::kIndexDivisions);
    for (const int tensor : producer.tensors)
      if (const auto costly = NotWorthwhile(number, tensor)) return std::unexpected(*costly);
    return trials;
  }

  bool InlineEverywhere(size_t number) {
    auto trials = Inlined(number);
    if (notes_ != nullptr) Note(region_.works[number], trials);
    if (!trials) return false;
    const std::vector<TensorRead> reads = region_.works[number].computation.reads;
    for (const TensorRead& read : reads) users_[read.tensor].erase(number);
    for (auto& [user, trial] : *trials) {
      region_.works[user].computation = std::move(trial);
      for (const TensorRead& read : reads) users_[read.tensor].insert(user);
    }
    return true;
  }

  void Note(const Work& work, const Verdict<Trials>& trials) {
    const std::vector<int> tensors = work.Writes();
    if (!trials) {
      for (const int tensor : tensors) notes_->stored[tensor] = trials.error();
      return;
    }
    if (tensors.empty()) return;
    std::vector<int> added = notes_->inlined[tensors.front()];
    added.insert(added.end(), tensors.begin(), tensors.end());
    for (const auto& [user, trial] : *trials) {
      auto& inlined = notes_->inlined[region_.works[user].computation.tensors.front()];
      std::ranges::copy_if(added, std::back_inserter(inlined),
                           [&](int tensor) { return std::ranges::count(inlined, tensor) == 0; });
    }
  }

  Region& region_;
  RegionFusion* notes_;
  std::vector<bool> delivered_;
  std::vector<bool> computed_;           ///< by a work of this region
  std::vector<std::set<size_t>> users_;  ///< works that read a tensor
  std::vector<int> value_depths_;        ///< of the works that compute the tensors
  std::vector<int> latest_depths_;       ///< of works
};

}  // namespace

void InlineProducers(Region& region, const TensorTable& tensors, RegionFusion* notes) {
  ProducerInlining(region, tensors, notes).Run();
}

}  // namespace descent

// EarlierCalls: which calls of an entry point come before which on some path of an order.
#pragma once

#include <bit>
#include <cstdint>
#include <vector>

namespace descent {

/// A set of earlier calls for each call, one bit a pair. Calls are completed one after another:
/// what comes before a call is known before a later one is put behind it.
class EarlierCalls {
 public:
  explicit EarlierCalls(int calls) : sets_(calls) {
    for (int call = 0; call < calls; ++call) sets_[call].resize((call + 63) / 64, 0);
  }

  bool IsBefore(int earlier, int later) const {
    return (sets_[later][earlier / 64] >> (earlier % 64) & 1) != 0;
  }

  /// Puts `later` behind `earlier`, and so behind all that `earlier` is behind.
  void Put(int earlier, int later) {
    std::vector<uint64_t>& set = sets_[later];
    const std::vector<uint64_t>& before = sets_[earlier];
    for (size_t i = 0; i < before.size(); ++i) set[i] |= before[i];
    set[earlier / 64] |= uint64_t{1} << (earlier % 64);
  }

  /// Calls below `later` that are not before it, in their order.
  template <typename Visit>
  void VisitUnordered(int later, const Visit& visit) const {
    const std::vector<uint64_t>& set = sets_[later];
    for (size_t i = 0; i < set.size(); ++i)
      for (uint64_t rest = ~set[i]; rest != 0; rest &= rest - 1) {
        const int call = static_cast<int>(i) * 64 + std::countr_zero(rest);
        if (call >= later) return;
        visit(call);
      }
  }

 private:
  std::vector<std::vector<uint64_t>> sets_;
};

}  // namespace descent

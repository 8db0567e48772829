#include "ir/suggest.h"

#include <algorithm>
#include <vector>

#include "ir/diagnostic.h"

namespace descent {
namespace {

constexpr size_t kMaxLength = 64;
constexpr size_t kMaxCandidates = 10'000;

/// Edits from `a` to `b`: insertions, deletions, replacements and swaps of neighbours.
size_t EditDistance(std::string_view a, std::string_view b) {
  std::vector<size_t> before(b.size() + 1), above(b.size() + 1), row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) above[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      row[j] = std::min({above[j] + 1, row[j - 1] + 1, above[j - 1] + (a[i - 1] != b[j - 1])});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        row[j] = std::min(row[j], before[j - 2] + 1);
    }
    std::swap(before, above);
    std::swap(above, row);
  }
  return above[b.size()];
}

}  // namespace

std::string ClosestName(std::string_view name, std::span<const std::string_view> candidates) {
  if (name.empty() || name.size() > kMaxLength) return "";
  std::string_view closest;
  size_t least = (name.size() + 2) / 3 + 1;
  for (const std::string_view candidate :
       candidates.first(std::min(candidates.size(), kMaxCandidates))) {
    if (candidate.size() > kMaxLength || candidate == name) continue;
    const size_t distance = EditDistance(name, candidate);
    if (distance < least && distance < std::max(name.size(), candidate.size())) {
      least = distance;
      closest = candidate;
    }
  }
  return std::string(closest);
}

std::string DidYouMean(std::string_view name, std::span<const std::string_view> candidates) {
  const std::string closest = ClosestName(name, candidates);
  return closest.empty() ? "" : fmt::format("did you mean {}?", Quoted(closest));
}

}  // namespace descent

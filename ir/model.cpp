#include "ir/model.h"

#include <algorithm>

namespace descent {
namespace {

template <typename T>
const T* FindByName(const std::vector<T>& items, std::string_view name) {
  const auto place = std::ranges::find(items, name, &T::name);
  return place == items.end() ? nullptr : &*place;
}

}  // namespace

std::string_view ToString(SlotKind kind) {
  static constexpr std::string_view kNames[] = {"parameter", "statistic", "optimizer"};
  return kNames[static_cast<size_t>(kind)];
}

std::string_view ToString(Normalization normalization) {
  static constexpr std::string_view kNames[] = {"none", "standardize", "min_max", "scale"};
  return kNames[static_cast<size_t>(normalization)];
}

std::string_view ToString(PredictionKind kind) {
  static constexpr std::string_view kNames[] = {"value", "probability", "probabilities"};
  return kNames[static_cast<size_t>(kind)];
}

const Slot* Model::FindSlot(std::string_view name) const { return FindByName(slots, name); }

bool Model::HasValues() const {
  const auto is_drawn = [](const Slot& slot) {
    return slot.kind == SlotKind::kParameter && !slot.initializer.data;
  };
  return !slots.empty() && std::ranges::none_of(slots, is_drawn);
}

const Slot* Model::FindReplaced(std::string_view output) const {
  const auto slot = std::ranges::find(slots, output, &Slot::next);
  return slot == slots.end() ? nullptr : &*slot;
}

const InputBinding* Model::FindInput(std::string_view name) const {
  return FindByName(inputs, name);
}

bool MatchesPattern(std::string_view pattern, std::string_view name) {
  // Greedy with one backtracking point (the last '*'): at most pattern * name steps.
  size_t p = 0, n = 0, star = std::string_view::npos, resume = 0;
  while (n < name.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      resume = n;
    } else if (p < pattern.size() && (pattern[p] == '?' || pattern[p] == name[n])) {
      ++p;
      ++n;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      n = ++resume;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

}  // namespace descent

#include "tests/compiler/oracle/operator_deck.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

#include "tests/compiler/oracle/sample_variation.h"

namespace descent {
namespace {

bool IsOrdinary(const OpSample& sample) {
  const Leaf leaf = FindOp(sample.op)->leaf;
  if (leaf == Leaf::kInput || leaf == Leaf::kConstant || sample.bad_index || sample.not_finite)
    return false;
  for (const auto& values : sample.values)
    if (!std::ranges::all_of(values, [](double v) { return std::isfinite(v); })) return false;
  return SmallResults(sample).has_value();
}

std::vector<SampledOperator> Collect(bool smooth) {
  std::vector<SampledOperator> all;
  std::map<std::string_view, size_t> places;
  for (const OpSample& sample : AllSamples()) {
    if ((smooth && !sample.smooth) || !IsOrdinary(sample)) continue;
    const auto [place, is_new] = places.emplace(sample.op, all.size());
    if (is_new) all.push_back({FindOp(sample.op), {}});
    all[place->second].samples.push_back(&sample);
  }
  return all;
}

/// 0, 1, ... in an order of its own for every number.
std::vector<size_t> Shuffled(size_t count, uint64_t number) {
  std::vector<size_t> order(count);
  std::iota(order.begin(), order.end(), size_t{0});
  Random random(number);
  std::ranges::shuffle(order, random);
  return order;
}

}  // namespace

const std::vector<SampledOperator>& SampledOperators(bool smooth) {
  static const std::vector<SampledOperator> kAll = Collect(false), kSmooth = Collect(true);
  return smooth ? kSmooth : kAll;
}

std::vector<const SampledOperator*> Deal(uint64_t seed, int most, bool smooth) {
  const auto& operators = SampledOperators(smooth);
  const uint64_t hands = most, round = seed / hands;
  const std::vector<size_t> sizes = Shuffled(hands, round);
  uint64_t card = round * (hands * (hands + 1) / 2);
  for (size_t i = 0; i < seed % hands; ++i) card += sizes[i] + 1;
  std::vector<const SampledOperator*> hand;
  for (size_t i = 0; i <= sizes[seed % hands]; ++i, ++card) {
    const std::vector<size_t> deck = Shuffled(operators.size(), card / operators.size());
    hand.push_back(&operators[deck[card % operators.size()]]);
  }
  return hand;
}

}  // namespace descent

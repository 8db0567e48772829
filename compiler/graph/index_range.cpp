#include "compiler/graph/index_range.h"

#include <limits>
#include <numeric>
#include <utility>
#include <vector>

namespace descent {
namespace {

/// Inclusive; `unknown` stands for values that come from data.
struct Range {
  int64_t low = 0, high = 0;
  bool unknown = false;
};

/// A sum of multiples of atoms (axes, divisions, remainders, reads) and a constant.
struct Sum {
  std::vector<std::pair<Index, int64_t>> terms;
  int64_t constant = 0;

  void AddTerm(const Index& atom, int64_t factor) {
    for (auto& [known, coefficient] : terms)
      if (SameIndex(known, atom)) {
        coefficient += factor;
        return;
      }
    terms.emplace_back(atom, factor);
  }
  void AddScaled(const Sum& other, int64_t factor) {
    for (const auto& [atom, coefficient] : other.terms) AddTerm(atom, coefficient * factor);
    constant += other.constant * factor;
  }
};

int64_t FloorDivide(int64_t a, int64_t b) { return a / b - (a % b != 0 && (a < 0) != (b < 0)); }

class Simplifier {
 public:
  explicit Simplifier(const Shape& extents) : extents_(extents) {}

  Sum Simplify(const Index& index) {
    Sum sum;
    switch (index->kind) {
      case IndexKind::kConstant:
        sum.constant = index->value;
        break;
      case IndexKind::kAxis:
      case IndexKind::kRead:
        sum.AddTerm(index, 1);
        break;
      case IndexKind::kAdd:
        sum.AddScaled(Simplify(index->a), 1);
        sum.AddScaled(Simplify(index->b), 1);
        break;
      case IndexKind::kMul:
        sum.AddScaled(Simplify(index->a), index->value);
        break;
      case IndexKind::kFloorDiv:
        return Divide(Simplify(index->a), index->value);
      case IndexKind::kMod:
        return Remainder(Simplify(index->a), index->value);
    }
    return sum;
  }

  static Index ToIndex(const Sum& sum) {
    Index index = ConstantIndex(sum.constant);
    for (const auto& [atom, coefficient] : sum.terms)
      if (coefficient != 0) index = index + atom * coefficient;
    return index;
  }

 private:
  Range RangeOf(const Index& atom) {
    switch (atom->kind) {
      case IndexKind::kAxis:
        return {0, extents_[atom->value] - 1};
      case IndexKind::kMod:
        return {0, atom->value - 1};
      case IndexKind::kFloorDiv: {
        const Range range = RangeOf(Simplify(atom->a));
        if (range.unknown) return range;
        return {FloorDivide(range.low, atom->value), FloorDivide(range.high, atom->value)};
      }
      default:
        return {0, 0, true};
    }
  }

  Range RangeOf(const Sum& sum) {
    Range total{sum.constant, sum.constant};
    for (const auto& [atom, coefficient] : sum.terms) {
      const Range range = RangeOf(atom);
      if (range.unknown) return range;
      total.low += coefficient * (coefficient > 0 ? range.low : range.high);
      total.high += coefficient * (coefficient > 0 ? range.high : range.low);
    }
    return total;
  }

  /// Splits into `factor` * first + second.
  static std::pair<Sum, Sum> Split(const Sum& sum, int64_t factor) {
    Sum multiple, rest;
    for (const auto& [atom, coefficient] : sum.terms) {
      if (coefficient % factor == 0)
        multiple.AddTerm(atom, coefficient / factor);
      else
        rest.AddTerm(atom, coefficient);
    }
    multiple.constant = FloorDivide(sum.constant, factor);
    rest.constant = sum.constant - multiple.constant * factor;
    return {multiple, rest};
  }

  Sum Divide(const Sum& sum, int64_t divisor) {
    auto [quotient, rest] = Split(sum, divisor);
    const Range range = RangeOf(rest);
    if (!range.unknown && FloorDivide(range.low, divisor) == FloorDivide(range.high, divisor)) {
      quotient.constant += FloorDivide(range.low, divisor);
      return quotient;
    }
    // floor((g a + r) / (g k)) = floor(a / k) where 0 <= r < g.
    for (const auto& [atom, coefficient] : rest.terms) {
      const int64_t factor = std::gcd(coefficient, divisor);
      if (factor <= 1) continue;
      const auto [multiple, remainder] = Split(rest, factor);
      const Range small = RangeOf(remainder);
      if (small.unknown || small.low < 0 || small.high >= factor) continue;
      quotient.AddScaled(Divide(multiple, divisor / factor), 1);
      return quotient;
    }
    quotient.AddTerm(FloorDiv(ToIndex(rest), divisor), 1);
    return quotient;
  }

  Sum Remainder(const Sum& sum, int64_t divisor) {
    Sum rest = Split(sum, divisor).second;
    const Range range = RangeOf(rest);
    if (!range.unknown && FloorDivide(range.low, divisor) == FloorDivide(range.high, divisor)) {
      rest.constant -= FloorDivide(range.low, divisor) * divisor;
      return rest;
    }
    // (g a + r) mod (g k) = g (a mod k) + r where 0 <= r < g.
    for (const auto& [atom, coefficient] : rest.terms) {
      const int64_t factor = std::gcd(coefficient, divisor);
      if (factor <= 1) continue;
      const auto [multiple, remainder] = Split(rest, factor);
      const Range small = RangeOf(remainder);
      if (small.unknown || small.low < 0 || small.high >= factor) continue;
      Sum result = remainder;
      result.AddScaled(Remainder(multiple, divisor / factor), factor);
      return result;
    }
    Sum result;
    result.AddTerm(Mod(ToIndex(rest), divisor), 1);
    return result;
  }

  const Shape& extents_;
};

}  // namespace

Index SimplifyIndex(const Index& index, const Shape& extents) {
  for (const int64_t extent : extents)
    if (extent == 0) return index;  // no point exists; nothing to gain
  return Simplifier::ToIndex(Simplifier(extents).Simplify(index));
}

}  // namespace descent

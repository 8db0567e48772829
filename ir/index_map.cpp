#include "ir/index_map.h"

#include <algorithm>
#include <numeric>
#include <unordered_map>

#include "ir/diagnostic.h"

namespace descent {
namespace {

int64_t Modulo(int64_t a, int64_t b) { return a - b * FloorDivide(a, b); }

struct Term {
  Index atom;  ///< an axis, a quotient, a remainder or a read
  int64_t factor = 0;
};

/// Sum of factor * atom plus a constant.
struct Sum {
  std::vector<Term> terms;
  int64_t constant = 0;

  void Add(const Index& atom, int64_t factor) {
    if (factor == 0) return;
    for (Term& term : terms)
      if (SameIndex(term.atom, atom)) {
        term.factor += factor;
        if (term.factor == 0) terms.erase(terms.begin() + (&term - terms.data()));
        return;
      }
    terms.push_back({atom, factor});
  }
  void Add(const Sum& other, int64_t factor) {
    for (const Term& term : other.terms) Add(term.atom, term.factor * factor);
    constant += other.constant * factor;
  }
};

/// A total order on atoms, so that equal sums are equal trees.
bool Before(const Index& a, const Index& b) {
  if (a->kind != b->kind) return a->kind < b->kind;
  if (a->kind == IndexKind::kAxis || a->kind == IndexKind::kRead) return a->value < b->value;
  return ToString(a) < ToString(b);
}

Index Build(Sum sum) {
  std::sort(sum.terms.begin(), sum.terms.end(),
            [](const Term& a, const Term& b) { return Before(a.atom, b.atom); });
  Index result;
  for (const Term& term : sum.terms)
    result = result ? result + term.atom * term.factor : term.atom * term.factor;
  return result ? result + ConstantIndex(sum.constant) : ConstantIndex(sum.constant);
}

/// Simplifies each node once, and takes none apart that it has built itself: what a sum was built
/// from is remembered.
class Simplifier {
 public:
  explicit Simplifier(std::span<const int64_t> extents) : extents_(extents) {}

  Sum Run(const Index& index) {
    if (const auto known = known_.find(index.get()); known != known_.end())
      return known->second.sum;
    Sum sum;
    switch (index->kind) {
      case IndexKind::kConstant:
        sum.constant = index->value;
        return sum;
      case IndexKind::kAxis:
        if (extents_[index->value] > 1) sum.Add(index, 1);
        return sum;
      case IndexKind::kRead:
        sum.Add(index, 1);
        return sum;
      case IndexKind::kAdd:
        sum = Run(index->a);
        sum.Add(Run(index->b), 1);
        Recombine(sum);
        break;
      case IndexKind::kMul:
        sum.Add(Run(index->a), index->value);
        break;
      case IndexKind::kFloorDiv:
        sum = Quotient(Run(index->a), index->value);
        break;
      case IndexKind::kMod:
        sum = Remainder(Run(index->a), index->value);
        break;
    }
    known_.emplace(index.get(), Known{index, sum});
    return sum;
  }

 private:
  struct Known {
    Index index;  ///< keeps the address taken
    Sum sum;
  };

  Index BuildKnown(const Sum& sum) {
    const Index index = Build(sum);
    known_.emplace(index.get(), Known{index, sum});
    return index;
  }

  std::optional<IndexInterval> Range(const Sum& sum) const {
    IndexInterval range{sum.constant, sum.constant};
    for (const Term& term : sum.terms) {
      const auto atom = RangeOf(term.atom, extents_);
      if (!atom) return std::nullopt;
      range.low += term.factor * (term.factor > 0 ? atom->low : atom->high);
      range.high += term.factor * (term.factor > 0 ? atom->high : atom->low);
    }
    return range;
  }

  /// Splits into divisor * whole + rest.
  static std::pair<Sum, Sum> Split(const Sum& sum, int64_t divisor) {
    Sum whole, rest;
    for (const Term& term : sum.terms) {
      if (term.factor % divisor == 0)
        whole.Add(term.atom, term.factor / divisor);
      else
        rest.Add(term.atom, term.factor);
    }
    whole.constant = FloorDivide(sum.constant, divisor);
    rest.constant = Modulo(sum.constant, divisor);
    return {whole, rest};
  }

  /// `sum` as factor * multiple + rest with 0 <= rest < factor, where `factor` > 1 divides
  /// `divisor`.
  struct Factored {
    int64_t factor;
    Sum multiple, rest;
  };
  std::optional<Factored> Factor(const Sum& sum, int64_t divisor) const {
    for (const Term& term : sum.terms) {
      const int64_t factor = std::gcd(term.factor, divisor);
      if (factor <= 1) continue;
      auto [multiple, rest] = Split(sum, factor);
      const auto range = Range(rest);
      if (range && range->low >= 0 && range->high < factor) return Factored{factor, multiple, rest};
    }
    return std::nullopt;
  }

  Sum Quotient(const Sum& sum, int64_t divisor) {
    auto [whole, rest] = Split(sum, divisor);
    if (const auto range = Range(rest)) {
      const int64_t low = FloorDivide(range->low, divisor);
      if (low == FloorDivide(range->high, divisor)) {
        whole.constant += low;
        return whole;
      }
    }
    // floor((g * a + r) / (g * d)) = floor(a / d)
    if (const auto factored = Factor(rest, divisor)) {
      whole.Add(Quotient(factored->multiple, divisor / factored->factor), 1);
      return whole;
    }
    // floor(floor(a / x) / y) = floor(a / (x * y))
    if (rest.constant == 0 && rest.terms.size() == 1 && rest.terms[0].factor == 1 &&
        rest.terms[0].atom->kind == IndexKind::kFloorDiv) {
      const Index& inner = rest.terms[0].atom;
      whole.Add(Quotient(Run(inner->a), inner->value * divisor), 1);
      return whole;
    }
    whole.Add(FloorDiv(BuildKnown(rest), divisor), 1);
    return whole;
  }

  Sum Remainder(const Sum& sum, int64_t divisor) {
    Sum rest = Split(sum, divisor).second;
    if (const auto range = Range(rest)) {
      const int64_t low = FloorDivide(range->low, divisor);
      if (low == FloorDivide(range->high, divisor)) {
        rest.constant -= low * divisor;
        return rest;
      }
    }
    // (g * a + r) mod (g * d) = g * (a mod d) + r
    if (const auto factored = Factor(rest, divisor)) {
      Sum sum_of_both = factored->rest;
      sum_of_both.Add(Remainder(factored->multiple, divisor / factored->factor), factored->factor);
      return sum_of_both;
    }
    // (a mod x) mod y = a mod y when y divides x
    if (rest.constant == 0 && rest.terms.size() == 1 && rest.terms[0].factor == 1 &&
        rest.terms[0].atom->kind == IndexKind::kMod && rest.terms[0].atom->value % divisor == 0)
      return Remainder(Run(rest.terms[0].atom->a), divisor);
    Sum result;
    result.Add(Mod(BuildKnown(rest), divisor), 1);
    return result;
  }

  /// c * d * (e / d) + c * (e % d) = c * e
  void Recombine(Sum& sum) {
    for (size_t i = 0; i < sum.terms.size(); ++i) {
      const Term mod = sum.terms[i];
      if (mod.atom->kind != IndexKind::kMod) continue;
      const Sum inner = Run(mod.atom->a);
      const Index quotient = Build(Quotient(inner, mod.atom->value));
      for (const Term& term : sum.terms) {
        if (term.factor != mod.factor * mod.atom->value || !SameIndex(term.atom, quotient))
          continue;
        Sum rest;
        rest.constant = sum.constant;
        for (const Term& other : sum.terms)
          if (&other != &term && &other != &sum.terms[i]) rest.Add(other.atom, other.factor);
        rest.Add(inner, mod.factor);
        sum = std::move(rest);
        return Recombine(sum);
      }
    }
  }

  std::span<const int64_t> extents_;
  std::unordered_map<const IndexNode*, Known> known_;
};

}  // namespace

std::optional<IndexInterval> RangeOf(const Index& index, std::span<const int64_t> extents) {
  switch (index->kind) {
    case IndexKind::kConstant:
      return IndexInterval{index->value, index->value};
    case IndexKind::kAxis:
      return IndexInterval{0, std::max<int64_t>(extents[index->value], 1) - 1};
    case IndexKind::kRead:
      return std::nullopt;
    case IndexKind::kAdd: {
      const auto a = RangeOf(index->a, extents), b = RangeOf(index->b, extents);
      if (!a || !b) return std::nullopt;
      return IndexInterval{a->low + b->low, a->high + b->high};
    }
    case IndexKind::kMul: {
      const auto a = RangeOf(index->a, extents);
      if (!a) return std::nullopt;
      const int64_t x = a->low * index->value, y = a->high * index->value;
      return IndexInterval{std::min(x, y), std::max(x, y)};
    }
    case IndexKind::kFloorDiv: {
      const auto a = RangeOf(index->a, extents);
      if (!a) return std::nullopt;
      return IndexInterval{FloorDivide(a->low, index->value), FloorDivide(a->high, index->value)};
    }
    case IndexKind::kMod: {
      const auto a = RangeOf(index->a, extents);
      const int64_t block = a ? FloorDivide(a->low, index->value) : 0;
      if (!a || block != FloorDivide(a->high, index->value))
        return IndexInterval{0, index->value - 1};
      return IndexInterval{a->low - block * index->value, a->high - block * index->value};
    }
  }
  InternalError(__FILE__, __LINE__, "unknown index kind");
}

Index Simplify(const Index& index, std::span<const int64_t> extents) {
  return Build(Simplifier(extents).Run(index));
}

Index MapIndex(const Index& index, const std::function<Index(int)>& axis,
               const std::function<Index(int)>& read) {
  const auto inner = [&](const Index& child) { return MapIndex(child, axis, read); };
  switch (index->kind) {
    case IndexKind::kConstant:
      return index;
    case IndexKind::kAxis:
      return axis ? axis(static_cast<int>(index->value)) : index;
    case IndexKind::kRead:
      return read ? read(static_cast<int>(index->value)) : index;
    case IndexKind::kAdd:
      return inner(index->a) + inner(index->b);
    case IndexKind::kMul:
      return inner(index->a) * index->value;
    case IndexKind::kFloorDiv:
      return FloorDiv(inner(index->a), index->value);
    case IndexKind::kMod:
      return Mod(inner(index->a), index->value);
  }
  InternalError(__FILE__, __LINE__, "unknown index kind");
}

bool UsesData(const Index& index) {
  return index->kind == IndexKind::kRead || (index->a && UsesData(index->a)) ||
         (index->b && UsesData(index->b));
}

bool UsesAxis(const Index& index, int axis) {
  return (index->kind == IndexKind::kAxis && index->value == axis) ||
         (index->a && UsesAxis(index->a, axis)) || (index->b && UsesAxis(index->b, axis));
}

void VisitReads(const Index& index, const std::function<void(int)>& visit) {
  if (index->kind == IndexKind::kRead) visit(static_cast<int>(index->value));
  if (index->a) VisitReads(index->a, visit);
  if (index->b) VisitReads(index->b, visit);
}

void CollectUses(const Index& index, std::set<int>& axes, std::set<int>& reads) {
  if (index->kind == IndexKind::kAxis) axes.insert(static_cast<int>(index->value));
  if (index->kind == IndexKind::kRead) reads.insert(static_cast<int>(index->value));
  if (index->a) CollectUses(index->a, axes, reads);
  if (index->b) CollectUses(index->b, axes, reads);
}

Index Flatten(std::span<const Index> coordinates, std::span<const int64_t> strides) {
  Index sum = ConstantIndex(0);
  for (size_t i = 0; i < coordinates.size(); ++i) sum = sum + coordinates[i] * strides[i];
  return sum;
}

Index LinearIndex(std::span<const Index> coordinates, const Shape& shape) {
  return Flatten(coordinates, RowMajorStrides(shape));
}

std::vector<Index> Delinearize(const Index& linear, const Shape& shape) {
  const std::vector<int64_t> strides = RowMajorStrides(shape);
  std::vector<Index> coordinates;
  for (size_t i = 0; i < shape.size(); ++i) {
    // A stride or extent of 0 means an empty tensor: nothing is ever read through the map.
    const Index quotient = FloorDiv(linear, std::max<int64_t>(strides[i], 1));
    coordinates.push_back(i == 0 ? quotient : Mod(quotient, std::max<int64_t>(shape[i], 1)));
  }
  return coordinates;
}

std::vector<Index> AxisRange(int first, int count) {
  std::vector<Index> axes;
  for (int i = 0; i < count; ++i) axes.push_back(Axis(first + i));
  return axes;
}

}  // namespace descent

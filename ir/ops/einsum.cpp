// einsum: a sum of products of any number of tensors, contracted pair by pair with the operators
// that are there. The kernel compiler sees through the moves between them.

#include "ir/ops/einsum.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <numeric>

#include "ir/expr.h"
#include "ir/ops/families.h"
#include "ir/ops/shapes.h"

namespace descent {
namespace {

using Values = std::vector<Value>;
using Ints = std::vector<int64_t>;
using LabelSet = std::set<int>;

/// An intermediate result: distinct labels, no axis of extent 1.
struct Factor {
  Expr value;
  Labels labels;

  LabelSet set() const { return {labels.begin(), labels.end()}; }
};

/// The labels of each operand that do not stand for an extent of 1 in it.
std::vector<LabelSet> OperandLabels(const Subscripts& subscripts, const OpContext& op) {
  std::vector<LabelSet> sets(op.operands.size());
  for (size_t i = 0; i < sets.size(); ++i)
    for (size_t axis = 0; axis < subscripts.operands[i].size(); ++axis)
      if (op.operands[i].shape[axis] != 1) sets[i].insert(subscripts.operands[i][axis]);
  return sets;
}

/// What the result and all factors but `first` and `second` need.
LabelSet NeededBeside(const LabelSet& result, std::span<const LabelSet> factors, int first,
                      int second) {
  LabelSet needed = result;
  for (int i = 0; i < static_cast<int>(factors.size()); ++i)
    if (i != first && i != second) needed.insert(factors[i].begin(), factors[i].end());
  return needed;
}

LabelSet Intersection(const LabelSet& a, const LabelSet& b) {
  LabelSet both;
  std::ranges::set_intersection(a, b, std::inserter(both, both.end()));
  return both;
}

/// Labels of every operand after its own sums, and the pairs to contract.
struct Plan {
  std::vector<LabelSet> factors;
  LabelSet result;
  std::vector<std::pair<int, int>> pairs;
};

Plan PlanOf(const Subscripts& subscripts, const OpContext& op) {
  Plan plan{
      OperandLabels(subscripts, op), {subscripts.result.begin(), subscripts.result.end()}, {}};
  const std::vector<LabelSet> whole = plan.factors;
  for (int i = 0; i < static_cast<int>(whole.size()); ++i)
    plan.factors[i] = Intersection(whole[i], NeededBeside(plan.result, whole, i, i));
  plan.pairs = ContractionOrder(plan.factors, plan.result, subscripts.extents);
  return plan;
}

/// Every intermediate result is a tensor within the limits.
Result<void> CheckPlan(const Subscripts& subscripts, Plan plan) {
  for (const auto& [a, b] : plan.pairs) {
    LabelSet all = plan.factors[a];
    all.insert(plan.factors[b].begin(), plan.factors[b].end());
    const LabelSet kept = Intersection(all, NeededBeside(plan.result, plan.factors, a, b));
    Shape shape;
    for (const int label : kept) shape.push_back(subscripts.extents[label]);
    if (kept.size() + 2 > kMaxRank || !CheckedElements(shape))
      return Error("an intermediate result of {} axes {} is too large", kept.size(),
                   ToString(shape));
    plan.factors[a].clear();
    plan.factors[b].clear();
    plan.factors.push_back(kept);
  }
  return {};
}

Result<std::vector<TensorType>> InferEinsum(const OpContext& op) {
  DESCENT_TRY(subscripts, ParseSubscripts(op.attributes.String("equation"), op.operands));
  Shape shape;
  for (const int label : subscripts.result) shape.push_back(subscripts.extents[label]);
  DESCENT_TRY(result, OneResult(op.dtype(0), std::move(shape)));
  DESCENT_RETURN_IF_ERROR(CheckPlan(subscripts, PlanOf(subscripts, op)));
  return result;
}

int PlaceOf(const Labels& labels, int label) {
  return static_cast<int>(std::ranges::find(labels, label) - labels.begin());
}

/// Axes in the order of `labels`.
Factor Ordered(const Factor& factor, const Labels& labels) {
  Ints permutation;
  for (const int label : labels) permutation.push_back(PlaceOf(factor.labels, label));
  return {Transpose(factor.value, permutation), labels};
}

/// x with equal coordinates along axes a and b only, as last axis: of the two merged to n * n,
/// every (n + 1)-th element.
Expr Diagonal(Expr x, int a, int b) {
  Ints permutation;
  Shape merged, kept_steps;
  for (int i = 0; i < x.rank(); ++i)
    if (i != a && i != b) permutation.push_back(i), merged.push_back(x.shape()[i]);
  const int64_t n = x.shape()[a];
  permutation.insert(permutation.end(), {a, b});
  kept_steps.assign(merged.size(), 1);
  merged.push_back(n * n);
  kept_steps.push_back(n + 1);
  x = Reshape(Transpose(x, permutation), merged);
  return {x.builder(),
          x.builder().Add(
              "slice", {x},
              {{"starts", Ints(merged.size(), 0)}, {"stops", merged}, {"steps", kept_steps}})};
}

/// An operand without axes of extent 1, repeated labels and labels that nothing else needs.
Factor Prepared(Expr x, const Labels& labels, const LabelSet& kept) {
  Factor factor{x, {}};
  Shape shape;
  for (size_t axis = 0; axis < labels.size(); ++axis)
    if (x.shape()[axis] != 1)
      factor.labels.push_back(labels[axis]), shape.push_back(x.shape()[axis]);
  factor.value = Reshape(x, shape);
  for (size_t i = 0; i < factor.labels.size(); ++i)
    for (size_t j = i + 1; j < factor.labels.size(); ++j) {
      if (factor.labels[i] != factor.labels[j]) continue;
      factor.value = Diagonal(factor.value, static_cast<int>(i), static_cast<int>(j));
      factor.labels.push_back(factor.labels[i]);
      factor.labels.erase(factor.labels.begin() + static_cast<int64_t>(j));
      factor.labels.erase(factor.labels.begin() + static_cast<int64_t>(i));
      j = i;  // another label stands at i now
    }
  Ints summed;
  for (int i = 0; i < static_cast<int>(factor.labels.size()); ++i)
    if (!kept.contains(factor.labels[i])) summed.push_back(i);
  if (!summed.empty()) factor.value = Sum(factor.value, summed);
  std::erase_if(factor.labels, [&](int label) { return !kept.contains(label); });
  return factor;
}

/// Labels in `factor` that are (not) in `other`, in its order.
Labels Split(const Factor& factor, const Factor& other, bool shared) {
  Labels labels;
  for (const int label : factor.labels)
    if ((PlaceOf(other.labels, label) < static_cast<int>(other.labels.size())) == shared)
      labels.push_back(label);
  return labels;
}

Labels Joined(std::initializer_list<Labels> parts) {
  Labels all;
  for (const Labels& part : parts) all.insert(all.end(), part.begin(), part.end());
  return all;
}

/// One pair. Labels of both factors are batch axes where they are still needed, else the summed
/// axis of a matrix product; of the labels of one factor the last is its row or column and the
/// others are batch axes along which the other factor broadcasts.
class PairProduct {
 public:
  PairProduct(const Factor& a, const Factor& b, const LabelSet& needed,
              std::span<const int64_t> extents)
      : a_(a), b_(b), extents_(extents), m_(Split(a, b, false)), n_(Split(b, a, false)) {
    for (const int label : Split(a, b, true))
      (needed.contains(label) ? batch_ : summed_).push_back(label);
  }

  Factor Run() { return summed_.empty() ? Elementwise() : MatrixProduct(); }

 private:
  Shape Extents(const Labels& labels) const {
    Shape shape;
    for (const int label : labels) shape.push_back(extents_[label]);
    return shape;
  }
  static Shape Ones(const Labels& labels) { return Shape(labels.size(), 1); }

  static Shape Concatenated(std::initializer_list<Shape> parts) {
    Shape shape;
    for (const Shape& part : parts) shape.insert(shape.end(), part.begin(), part.end());
    return shape;
  }

  Factor Elementwise() const {
    const Expr a = Ordered(a_, Joined({batch_, m_})).value;
    const Expr b = Ordered(b_, Joined({batch_, n_})).value;
    return {Reshape(a, Concatenated({Extents(batch_), Extents(m_), Ones(n_)})) *
                Reshape(b, Concatenated({Extents(batch_), Ones(m_), Extents(n_)})),
            Joined({batch_, m_, n_})};
  }

  Factor MatrixProduct() {
    Labels row, column;
    if (!m_.empty()) row = {m_.back()}, m_.pop_back();
    if (!n_.empty()) column = {n_.back()}, n_.pop_back();
    const auto one = [&](const Labels& labels) {
      return labels.empty() ? Shape{1} : Extents(labels);
    };
    const Shape summed = {Elements(Extents(summed_))};
    const Expr a =
        Reshape(Ordered(a_, Joined({batch_, m_, row, summed_})).value,
                Concatenated({Extents(batch_), Extents(m_), Ones(n_), one(row), summed}));
    const Expr b =
        Reshape(Ordered(b_, Joined({batch_, n_, summed_, column})).value,
                Concatenated({Extents(batch_), Ones(m_), Extents(n_), summed, one(column)}));
    const Labels labels = Joined({batch_, m_, n_, row, column});
    return {Reshape(Matmul(a, b), Extents(labels)), labels};
  }

  const Factor &a_, &b_;
  std::span<const int64_t> extents_;
  Labels batch_, summed_, m_, n_;
};

Values ExpandEinsum(GraphBuilder& b, const OpContext& op, std::span<const Value> operands) {
  const Subscripts subscripts = *ParseSubscripts(op.attributes.String("equation"), op.operands);
  Plan plan = PlanOf(subscripts, op);
  std::vector<Factor> factors;
  for (size_t i = 0; i < operands.size(); ++i)
    factors.push_back(Prepared({b, operands[i]}, subscripts.operands[i], plan.factors[i]));
  for (const auto& [first, second] : plan.pairs) {
    const LabelSet needed = NeededBeside(plan.result, plan.factors, first, second);
    factors.push_back(
        PairProduct(factors[first], factors[second], needed, subscripts.extents).Run());
    plan.factors[first].clear();
    plan.factors[second].clear();
    plan.factors.push_back(factors.back().set());
  }
  Labels order;
  Shape shape;
  for (const int label : subscripts.result) {
    shape.push_back(subscripts.extents[label]);
    if (shape.back() != 1) order.push_back(label);
  }
  return {Reshape(Ordered(factors.back(), order).value, shape)};
}

}  // namespace

std::span<const OpDef> EinsumOps() {
  static const std::array kOps = {OpDef{
      .name = "einsum",
      .doc =
          "Einstein summation: a sum of products of up to 32 tensors.\n\n`equation` gives each "
          "operand one letter per axis, and the result's: `bij,bjk->bik` is `y[b, i, k] = sum_j "
          "x0[b, i, j] * x1[b, j, k]`. Letters that the result lacks are summed over; a letter "
          "that "
          "stands twice in an operand takes its diagonal; `...` stands for the other axes, which "
          "broadcast as NumPy does, and is summed over where the result lacks it (as in PyTorch). "
          "Extents of 1 broadcast. Without `->`, the result has the ellipsis and then the letters "
          "that stand once, in alphabetical order. Operands are contracted pair by pair: in the "
          "order with the fewest products for up to 8, else the cheapest pair each time; each pair "
          "is a matrix product, of at most 14 axes. Gradient: the einsum of `g` and the other "
          "operands (numpy.einsum).",
      .example = "einsum([[1, 2], [3, 4]], [10, 1], equation=\"ij,j->i\") = [12, 34]",
      .signature = {.operands = {{.name = "x", .dtypes = DTypeClass::kNumeric, .variadic = true}},
                    .attributes = {{"equation", AttributeKind::kString, std::nullopt,
                                    "letters of each operand and of the result"}}},
      .infer = InferEinsum,
      .expand = ExpandEinsum}};
  return kOps;
}

}  // namespace descent

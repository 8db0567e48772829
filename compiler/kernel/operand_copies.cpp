#include "compiler/kernel/operand_copies.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "compiler/kernel/lane_axes.h"
#include "compiler/kernel/remap.h"
#include "ir/counts.h"

namespace descent {
namespace {

/// A copy of a convolution's operand must serve this many products an element.
constexpr int64_t kWorthCopying = 16;

/// One term of a sum: coefficient times an axis, a quotient or a remainder.
struct Term {
  int64_t coefficient = 1;
  Index atom;
};

bool CollectTerms(const Index& index, int64_t factor, std::vector<Term>& terms) {
  switch (index->kind) {
    case IndexKind::kAdd:
      return CollectTerms(index->a, factor, terms) && CollectTerms(index->b, factor, terms);
    case IndexKind::kMul:
      return CollectTerms(index->a, factor * index->value, terms);
    case IndexKind::kConstant:
      return index->value == 0;
    default:
      terms.push_back({factor, index});
      return true;
  }
}

/// A read of a reshaped tensor, in the shape that its guards and axes tell: i * 49 + y * 7 + x with
/// y and x below 7 is [i, y, x]. False where it has no such shape.
bool Unflatten(TensorRead& read, const Shape& axes) {
  std::vector<Term> terms;
  if (IsFromData(read)) return false;
  const Index linear = Simplify(LinearIndex(read.coordinates, read.view), axes);
  if (!CollectTerms(linear, 1, terms)) return false;
  std::ranges::sort(terms, std::greater(), &Term::coefficient);
  if (terms.size() < 3 || terms.back().coefficient != 1) return false;
  Shape view;
  std::vector<Index> coordinates;
  int64_t above = Elements(read.view);
  for (const auto& [coefficient, atom] : terms) {
    if (coefficient <= 0 || above % coefficient != 0) return false;
    const int64_t extent = above / coefficient;
    const bool guarded = std::ranges::any_of(read.guards, [&](const Guard& guard) {
      return guard.extent <= extent && SameIndex(guard.index, atom);
    });
    const auto range = RangeOf(atom, axes);
    if (!guarded && (!range || range->low < 0 || range->high >= extent)) return false;
    view.push_back(extent);
    coordinates.push_back(atom);
    above = coefficient;
  }
  read.view = std::move(view);
  read.coordinates = std::move(coordinates);
  return true;
}

class OperandCopies {
 public:
  OperandCopies(Region& region, TensorTable& tensors) : region_(region), tensors_(tensors) {}

  void Run() {
    std::vector<Work> works;
    for (Work& work : region_.works) {
      if (work.is_computation()) CopyFor(work.computation, works);
      works.push_back(std::move(work));
    }
    region_.works = std::move(works);
  }

 private:
  struct Copied {
    int source;
    Shape view;
    std::vector<Index> coordinates;
    Shape axes;
    int tensor;
  };

  void CopyFor(Computation& c, std::vector<Work>& works) {
    const auto roles = FindContraction(c);
    const auto lanes = FindLanes(tensors_, c);
    if (!lanes || Elements(c.axes) == 0) return;
    if (roles) {
      if (lanes->result >= 0 && lanes->result != c.rank - 1) return;  // its result lies otherwise
      for (const int read : {roles->lhs, roles->rhs}) CopyOperand(c, c.reads[read], *lanes, works);
      return;
    }
    // Windows over channels run through everything else channel by channel, too.
    for (TensorRead& read : c.reads) {
      TensorRead shaped = read;
      if (Elements(read.view) * 2 > Elements(c.axes) || !Unflatten(shaped, c.axes)) continue;
      const AxisOrder order = lanes->OrderOf(shaped.coordinates);
      if (IsUnchanged(order)) continue;
      Computation copy = MakeCopy(read.tensor, read.tensor, {read.dtype, shaped.view});
      PermuteAxes(copy, order);
      read.coordinates = Permuted(shaped.coordinates, order);
      read.view = copy.axes;
      read.tensor = CopiedTensor(std::move(copy), read, works);
    }
  }

  void CopyOperand(const Computation& c, TensorRead& read, const LaneAxes& lanes,
                   std::vector<Work>& works) {
    if (IsFromData(read) || Elements(read.view) * kWorthCopying > Elements(c.axes)) return;
    // An image is copied as it is, windows slide over the copy; another operand is copied as the
    // convolution runs through it, whatever flips and quotients that takes.
    Computation copy;
    if (Slides(OwnCoordinates(tensors_, c, read), c.rank)) {
      const AxisOrder order = lanes.OrderOf(read.coordinates);
      if (IsUnchanged(order) || read.view != LongExtents(tensors_[read.tensor].type.shape)) return;
      copy = MakeCopy(read.tensor, read.tensor, {read.dtype, read.view});
      PermuteAxes(copy, order);
      read.coordinates = Permuted(read.coordinates, order);
    } else {
      std::set<int> used, reads;
      for (const Index& index : read.coordinates) CollectUses(index, used, reads);
      AxisOrder axes(used.begin(), used.end());
      std::ranges::stable_sort(axes, {}, [&](int axis) { return lanes.Rank(Axis(axis)); });
      const std::vector<Index> run = AxesAsIndices(axes);
      if (!read.guards.empty() || std::ranges::equal(run, read.coordinates, SameIndex)) return;
      copy = CopyAlong(c, read, axes);
      read.coordinates = run;
    }
    read.view = copy.axes;
    read.tensor = CopiedTensor(std::move(copy), read, works);
  }

  static std::vector<Index> AxesAsIndices(const AxisOrder& axes) {
    std::vector<Index> indices;
    for (const int axis : axes) indices.push_back(Axis(axis));
    return indices;
  }

  /// What `read` takes when the axes `axes` of `c` run in this order.
  static Computation CopyAlong(const Computation& c, const TensorRead& read,
                               const AxisOrder& axes) {
    std::map<int, int> place;
    for (size_t i = 0; i < axes.size(); ++i) place[axes[i]] = static_cast<int>(i);
    Computation copy{.axes = Permuted(c.axes, axes),
                     .rank = static_cast<int>(axes.size()),
                     .reads = {read},
                     .results = {ReadScalar(0, read.dtype)},
                     .tensors = {-1}};
    MapRead(copy.reads[0], {.axis = [&](int axis) { return Axis(place.at(axis)); }});
    return copy;
  }

  /// One tensor for all that copy alike.
  int CopiedTensor(Computation copy, const TensorRead& read, std::vector<Work>& works) {
    for (const Copied& made : copies_)
      if (made.source == copy.reads[0].tensor && made.view == copy.reads[0].view &&
          made.axes == copy.axes &&
          std::ranges::equal(made.coordinates, copy.reads[0].coordinates, SameIndex))
        return made.tensor;
    const std::string name = tensors_[copy.reads[0].tensor].name + ".layout";
    const int tensor = tensors_.AddBeside(copy.reads[0].tensor, name, {read.dtype, copy.axes});
    copies_.push_back(
        {copy.reads[0].tensor, copy.reads[0].view, copy.reads[0].coordinates, copy.axes, tensor});
    copy.tensors = {tensor};
    copy.nodes = {name};
    Normalize(copy);
    works.emplace_back().computation = std::move(copy);
    return tensor;
  }

  Region& region_;
  TensorTable& tensors_;
  std::vector<Copied> copies_;
};

}  // namespace

void CopyOperands(Region& region, TensorTable& tensors) { OperandCopies(region, tensors).Run(); }

}  // namespace descent

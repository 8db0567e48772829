#include "compiler/kernel/layouts.h"

#include <algorithm>
#include <limits>
#include <map>
#include <numeric>
#include <optional>
#include <set>
#include <utility>

#include "compiler/kernel/contraction.h"
#include "compiler/kernel/remap.h"
#include "ir/counts.h"
#include "ir/index_map.h"

namespace descent {
namespace {

/// Memory axis i is axis order[i] of the value.
using Order = std::vector<int>;

/// Fewer channels do not fill the lanes.
constexpr int64_t kManyChannels = 8;
/// A copy in another order must serve this many products an element.
constexpr int64_t kWorthCopying = 16;

Order Unchanged(size_t rank) {
  Order order(rank);
  std::iota(order.begin(), order.end(), 0);
  return order;
}

bool IsUnchanged(const Order& order) { return std::ranges::is_sorted(order); }

template <typename T>
std::vector<T> Permuted(const std::vector<T>& values, const Order& order) {
  std::vector<T> result;
  for (const int axis : order) result.push_back(values[axis]);
  return result;
}

Shape WithoutUnits(const Shape& shape) {
  Shape kept;
  for (const int64_t extent : shape)
    if (extent != 1) kept.push_back(extent);
  return kept;
}

bool UsesData(const TensorRead& read) {
  return std::ranges::any_of(read.coordinates, [](const Index& i) { return descent::UsesData(i); });
}

std::set<int> AxesOf(const Index& index) {
  std::set<int> axes, reads;
  CollectUses(index, axes, reads);
  return axes;
}

/// The coordinates of a read in a tensor of `shape`.
std::vector<Index> Coordinates(const TensorRead& read, const Shape& shape, const Shape& axes) {
  if (read.view == shape) return read.coordinates;
  std::vector<Index> point = Delinearize(LinearIndex(read.coordinates, read.view), shape);
  for (Index& index : point) index = Simplify(index, axes);
  return point;
}

/// The axis that a coordinate is, but for a constant; -1 for windows, strides and quotients.
int PlainAxis(const Index& index, int axis_count) {
  const auto affine = AsAffine(index, axis_count);
  if (!affine) return -1;
  int found = -1;
  for (int axis = 0; axis < axis_count; ++axis) {
    if (affine->coefficients[axis] == 0) continue;
    if (found >= 0 || affine->coefficients[axis] != 1) return -1;
    found = axis;
  }
  return found;
}

/// Axes of a computation that belong on the lanes of what it reads and makes: they lie last in
/// memory, the second behind the first.
struct LaneAxes {
  int channel = -1;  ///< of the operand that a window slides over
  int result = -1;   ///< of the result and the other operand, in a contraction

  int Rank(const Index& index) const {
    if (result >= 0 && UsesAxis(index, result)) return 2;
    return channel >= 0 && UsesAxis(index, channel) ? 1 : 0;
  }
  Order OrderOf(const std::vector<Index>& coordinates) const {
    Order order = Unchanged(coordinates.size());
    std::ranges::stable_sort(order, {}, [&](int axis) { return Rank(coordinates[axis]); });
    return order;
  }
};

/// Does one coordinate move with axes of both kinds: summed ones and others?
bool Slides(const Index& index, int rank) {
  const std::set<int> axes = AxesOf(index);
  return !axes.empty() && *axes.begin() < rank && *axes.rbegin() >= rank;
}

bool Slides(const std::vector<Index>& coordinates, int rank) {
  return std::ranges::any_of(coordinates, [&](const Index& i) { return Slides(i, rank); });
}

bool Flips(const std::vector<Index>& coordinates, const Shape& axes) {
  return std::ranges::any_of(coordinates, [&](const Index& index) {
    const auto affine = AsAffine(index, static_cast<int>(axes.size()));
    return affine && std::ranges::any_of(affine->coefficients, [](int64_t c) { return c < 0; });
  });
}

/// Where the axes of a shape stand that are longer than 1.
std::vector<int> LongAxes(const Shape& shape) {
  std::vector<int> axes;
  for (size_t i = 0; i < shape.size(); ++i)
    if (shape[i] != 1) axes.push_back(static_cast<int>(i));
  return axes;
}

/// The channel axis of coordinates that slide: of the last axis of the image that no window moves
/// along. One that stands alone and not before those of the window is the rows' of images of one
/// channel.
int ChannelAxis(const std::vector<Index>& coordinates, const Shape& image, const Shape& axes) {
  const std::vector<int> places = LongAxes(image);
  const int count = static_cast<int>(axes.size());
  int channel = -1, plain = 0, place = -1, first_sliding = -1;
  for (size_t i = 0; i < coordinates.size(); ++i) {
    if (const int axis = PlainAxis(coordinates[i], count); axis >= 0) {
      channel = axis;
      place = places[i];
      ++plain;
    } else if (first_sliding < 0) {
      first_sliding = places[i];
    }
  }
  if (channel < 0 || first_sliding < 0 || axes[channel] < kManyChannels) return -1;
  return plain > 1 || place + 1 == first_sliding ? channel : -1;
}

/// Axis order[i] becomes axis i.
void PermuteAxes(Computation& c, const Order& order) {
  std::vector<int> place(c.axes.size());
  for (size_t i = 0; i < order.size(); ++i) place[order[i]] = static_cast<int>(i);
  const Mapping mapping{.axis = [&](int axis) { return Axis(place[axis]); }};
  for (TensorRead& read : c.reads) MapRead(read, mapping);
  for (Scalar* root : ScalarRoots(c)) *root = MapScalar(*root, mapping);
  c.axes = Permuted(c.axes, order);
}

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
  if (UsesData(read)) return false;
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

class LayoutChoice {
 public:
  LayoutChoice(Region& region, TensorTable& tensors, const std::set<int>& free = {})
      : region_(region), tensors_(tensors), free_(free) {}

  /// Of the tensors `free`.
  std::map<int, Order> Wished() {
    Choose();
    std::map<int, Order> wished;
    for (const int tensor : free_)
      if (const auto order = orders_.find(tensor); order != orders_.end())
        wished.emplace(tensor, WithUnits(order->second, tensors_[tensor].type.shape));
    return wished;
  }

  void Run() {
    for (Delivery& delivery : region_.deliveries)
      if (!tensors_[delivery.target].order.empty()) DeliverInOrder(delivery);
    Choose();
    for (Work& work : region_.works)
      if (work.is_computation()) Adapt(work.computation);
    for (const auto& [tensor, order] : orders_) {
      tensors_[tensor].type.shape = Permuted(ShapeOf(tensor), order);
      tensors_[tensor].order.clear();
    }
    CopyOperands();
  }

 private:
  void Choose() {
    FindCandidates();
    if (candidates_.empty()) return;
    UniteNeighbours();
    CollectWishes();
    Decide();
  }

  // ---- what may have another order ----

  /// Axes of extent 1 come first.
  static Order WithUnits(const Order& order, const Shape& shape) {
    Order all;
    for (size_t i = 0; i < shape.size(); ++i)
      if (shape[i] == 1) all.push_back(static_cast<int>(i));
    const std::vector<int> places = LongAxes(shape);
    for (const int axis : order) all.push_back(places[axis]);
    return all;
  }

  static Order WithoutUnitAxes(const Order& order, const Shape& shape) {
    std::vector<int> place(shape.size(), 0);
    const std::vector<int> places = LongAxes(shape);
    for (size_t i = 0; i < places.size(); ++i) place[places[i]] = static_cast<int>(i);
    Order kept;
    for (const int axis : order)
      if (shape[axis] != 1) kept.push_back(place[axis]);
    return kept;
  }

  bool IsMadePointByPoint(const Computation& c, int tensor) const {
    const Shape shape = ShapeOf(tensor);
    return shape == c.domain() && tensors_[tensor].alias < 0 && Elements(shape) > 0;
  }

  /// A value that the state takes in an order of its own is computed in it, or copied.
  void DeliverInOrder(Delivery& delivery) {
    const int value = delivery.value;
    if (value == delivery.older) return;
    const auto delivered_once = [&] {
      return std::ranges::count(region_.deliveries, value, &Delivery::value) == 1;
    };
    bool computed = false;
    for (const Work& work : region_.works) {
      if (!work.is_computation()) {
        const std::vector<int> reads = work.Reads(), writes = work.Writes();
        if (std::ranges::count(reads, value) + std::ranges::count(writes, value) > 0) {
          computed = false;
          break;
        }
        continue;
      }
      const Computation& c = work.computation;
      if (std::ranges::count(c.tensors, value) > 0)
        computed = c.tensors.size() == 1 && IsMadePointByPoint(c, value);
    }
    if (!computed || !delivered_once()) delivery.value = AppendCopy(value);
    tensors_[delivery.value].order = tensors_[delivery.target].order;
  }

  int AppendCopy(int value) {
    const EntryTensor source = tensors_[value];
    const int copy = tensors_.Add({.name = source.name,
                                   .type = source.type,
                                   .origin = source.origin,
                                   .section = source.section});
    Work& work = region_.works.emplace_back();
    work.computation = MakeCopy(value, copy, source.type);
    work.computation.nodes = {source.name};
    if (source.splat) InlineConstant(work.computation, value, source.splat);
    return copy;
  }

  /// Tensors that only computations of this region know, made point by point of their own axes, and
  /// state.
  void FindCandidates() {
    std::set<int> fixed;
    for (const Delivery& delivery : region_.deliveries) {
      if (!free_.contains(delivery.target) && tensors_[delivery.target].order.empty())
        fixed.insert({delivery.value, delivery.target, delivery.older});
    }
    for (const int tensor : free_) AddCandidate(tensor);
    for (const Work& work : region_.works) {
      if (!work.is_computation()) {
        for (const int tensor : work.Reads()) fixed.insert(tensor);
        for (const int tensor : work.Writes()) fixed.insert(tensor);
        continue;
      }
      const Computation& c = work.computation;
      for (const int tensor : c.tensors)
        if (IsMadePointByPoint(c, tensor)) AddCandidate(tensor);
      for (const TensorRead& read : c.reads) {
        if (!tensors_[read.tensor].order.empty()) AddCandidate(read.tensor);
        if (UsesData(read) && read.view != ShapeOf(read.tensor)) fixed.insert(read.tensor);
      }
    }
    for (const int tensor : fixed)
      DESCENT_CHECK(tensor < 0 || tensors_[tensor].order.empty(),
                    "what takes " + tensors_[tensor].name + " as a whole knows no order of it");
    std::erase_if(candidates_, [&](const auto& entry) { return fixed.contains(entry.first); });
    for (const Work& work : region_.works) {
      if (!work.is_computation()) continue;
      const std::vector<int>& results = work.computation.tensors;
      if (!std::ranges::all_of(results, [&](int t) { return candidates_.contains(t); }))
        for (const int tensor : results) candidates_.erase(tensor);
    }
  }

  void AddCandidate(int tensor) {
    if (ShapeOf(tensor).size() > 2) candidates_.emplace(tensor, tensor);
  }

  // ---- classes of tensors that share an order ----

  int ClassOf(int tensor) {
    while (candidates_[tensor] != tensor) tensor = candidates_[tensor];
    return tensor;
  }

  Shape ShapeOf(int tensor) const { return WithoutUnits(tensors_[tensor].type.shape); }

  void Unite(int a, int b) {
    if (candidates_.contains(a) && candidates_.contains(b) && ShapeOf(a) == ShapeOf(b))
      candidates_[ClassOf(a)] = ClassOf(b);
  }

  void UniteNeighbours() {
    for (const Delivery& delivery : region_.deliveries)
      if (free_.contains(delivery.target)) Unite(delivery.value, delivery.target);
    for (const Work& work : region_.works) {
      if (!work.is_computation() || !candidates_.contains(work.computation.tensors[0])) continue;
      const Computation& c = work.computation;
      for (const int tensor : c.tensors) Unite(tensor, c.tensors[0]);
      for (const TensorRead& read : c.reads)
        if (candidates_.contains(read.tensor) && c.elementwise() && IsIdentity(c, read))
          Unite(read.tensor, c.tensors[0]);
    }
  }

  // ---- wishes ----

  std::vector<Index> OwnCoordinates(const Computation& c, const TensorRead& read) const {
    return Coordinates(read, ShapeOf(read.tensor), c.axes);
  }

  int ChannelOf(const Computation& c, const TensorRead& image) const {
    return ChannelAxis(OwnCoordinates(c, image), tensors_[image.tensor].type.shape, c.axes);
  }

  std::optional<LaneAxes> OfConvolution(const Computation& c, const ContractionForm& roles) const {
    const auto slides = [&](int read) { return Slides(OwnCoordinates(c, c.reads[read]), c.rank); };
    const bool lhs = slides(roles.lhs);
    if (lhs == slides(roles.rhs)) return std::nullopt;
    LaneAxes lanes{.channel = ChannelOf(c, c.reads[lhs ? roles.lhs : roles.rhs]),
                   .result = (lhs ? roles.n : roles.m).back()};
    if (c.axes[lanes.result] < kManyChannels) lanes.result = -1;
    return lanes;
  }

  /// Pools, convolutions of single channels, and their gradients.
  std::optional<LaneAxes> OfWindow(const Computation& c) const {
    if (!c.reducer) return std::nullopt;
    for (const TensorRead& read : c.reads)
      if (Slides(OwnCoordinates(c, read), c.rank))
        if (const int channel = ChannelOf(c, read); channel >= 0 && channel < c.rank)
          return LaneAxes{.channel = channel};
    return std::nullopt;
  }

  std::optional<LaneAxes> LanesOf(const Computation& c) const {
    if (const auto roles = FindContraction(c)) return OfConvolution(c, *roles);
    return OfWindow(c);
  }

  void Wish(int tensor, const Order& order, double weight) {
    if (candidates_.contains(tensor)) wishes_[ClassOf(tensor)][order] += weight;
  }

  void CollectWishes() {
    for (const Work& work : region_.works) {
      if (!work.is_computation()) continue;
      const Computation& c = work.computation;
      const auto weight = static_cast<double>(Elements(c.axes));
      if (const auto lanes = LanesOf(c)) {
        for (const TensorRead& read : c.reads) {
          if (!candidates_.contains(read.tensor)) continue;
          const std::vector<Index> coordinates = OwnCoordinates(c, read);
          // What a flipped filter reads is a copy in any case.
          if (Slides(coordinates, c.rank) || !Flips(coordinates, c.axes))
            Wish(read.tensor, lanes->OrderOf(coordinates), weight);
        }
        for (const int tensor : c.tensors)
          Wish(tensor, lanes->OrderOf(AxisRange(0, c.rank)), weight);
      } else if (FindContraction(c)) {
        for (const TensorRead& read : c.reads)
          if (candidates_.contains(read.tensor) && read.view != ShapeOf(read.tensor))
            Wish(read.tensor, Unchanged(ShapeOf(read.tensor).size()), weight);
      }
    }
  }

  void Decide() {
    for (const auto& [tensor, parent] : candidates_)
      if (const Order& given = tensors_[tensor].order; !given.empty()) {
        const Order order = WithoutUnitAxes(given, tensors_[tensor].type.shape);
        orders_.emplace(tensor, order);
        Wish(tensor, order, std::numeric_limits<double>::infinity());
      }
    for (const auto& [tensor, parent] : candidates_) {
      const auto wishes = wishes_.find(ClassOf(tensor));
      if (wishes == wishes_.end() || !tensors_[tensor].order.empty()) continue;
      const auto best = std::ranges::max_element(wishes->second, {},
                                                 [](const auto& wish) { return wish.second; });
      if (!IsUnchanged(best->first)) orders_.emplace(tensor, best->first);
    }
  }

  // ---- carrying it out ----

  void Adapt(Computation& c) {
    Order axes = Unchanged(c.axes.size());
    if (const auto made = orders_.find(c.tensors[0]); made != orders_.end())
      std::ranges::copy(made->second, axes.begin());
    if (const auto roles = FindContraction(c))
      if (const auto lanes = OfConvolution(c, *roles))
        std::stable_sort(axes.begin() + c.rank, axes.end(),
                         [&](int a, int b) { return lanes->Rank(Axis(a)) < lanes->Rank(Axis(b)); });
    bool changed = !IsUnchanged(axes);
    for (TensorRead& read : c.reads) {
      const auto order = orders_.find(read.tensor);
      if (order == orders_.end()) continue;
      const Shape shape = ShapeOf(read.tensor);
      read.coordinates = Permuted(Coordinates(read, shape, c.axes), order->second);
      read.view = Permuted(shape, order->second);
      changed = true;
    }
    if (!IsUnchanged(axes)) PermuteAxes(c, axes);
    if (changed) Normalize(c);
  }

  // ---- operands of convolutions that lie in another order ----

  void CopyOperands() {
    std::vector<Work> works;
    for (Work& work : region_.works) {
      if (work.is_computation()) CopyOperands(work.computation, works);
      works.push_back(std::move(work));
    }
    region_.works = std::move(works);
  }

  void CopyOperands(Computation& c, std::vector<Work>& works) {
    const auto roles = FindContraction(c);
    const auto lanes = LanesOf(c);
    if (!lanes) return;
    if (roles) {
      for (const int read : {roles->lhs, roles->rhs}) CopyOperand(c, c.reads[read], *lanes, works);
      return;
    }
    // Windows over channels run through everything else channel by channel, too.
    for (TensorRead& read : c.reads) {
      TensorRead shaped = read;
      if (Elements(read.view) * 2 > Elements(c.axes) || !Unflatten(shaped, c.axes)) continue;
      const Order order = lanes->OrderOf(shaped.coordinates);
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
    if (UsesData(read) || Elements(read.view) * kWorthCopying > Elements(c.axes)) return;
    // An image is copied as it is, windows slide over the copy; another operand is copied as the
    // convolution runs through it, whatever flips and quotients that takes.
    Computation copy;
    if (Slides(OwnCoordinates(c, read), c.rank)) {
      const Order order = lanes.OrderOf(read.coordinates);
      if (IsUnchanged(order) || read.view != ShapeOf(read.tensor)) return;
      copy = MakeCopy(read.tensor, read.tensor, {read.dtype, read.view});
      PermuteAxes(copy, order);
      read.coordinates = Permuted(read.coordinates, order);
    } else {
      std::set<int> used;
      for (const Index& index : read.coordinates) used.merge(AxesOf(index));
      Order axes(used.begin(), used.end());
      std::ranges::stable_sort(axes, {}, [&](int axis) { return lanes.Rank(Axis(axis)); });
      const std::vector<Index> run = AxesAsIndices(axes);
      if (!read.guards.empty() || std::ranges::equal(run, read.coordinates, SameIndex)) return;
      copy = CopyAlong(c, read, axes);
      read.coordinates = run;
    }
    read.view = copy.axes;
    read.tensor = CopiedTensor(std::move(copy), read, works);
  }

  static std::vector<Index> AxesAsIndices(const Order& axes) {
    std::vector<Index> indices;
    for (const int axis : axes) indices.push_back(Axis(axis));
    return indices;
  }

  /// What `read` takes when the axes `axes` of `c` run in this order.
  static Computation CopyAlong(const Computation& c, const TensorRead& read, const Order& axes) {
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
    const EntryTensor source = tensors_[copy.reads[0].tensor];
    for (const Copied& made : copies_)
      if (made.source == copy.reads[0].tensor && made.view == copy.reads[0].view &&
          made.axes == copy.axes &&
          std::ranges::equal(made.coordinates, copy.reads[0].coordinates, SameIndex))
        return made.tensor;
    const int tensor = tensors_.Add({.name = source.name + ".layout",
                                     .type = {read.dtype, copy.axes},
                                     .origin = source.origin,
                                     .section = source.section});
    copies_.push_back(
        {copy.reads[0].tensor, copy.reads[0].view, copy.reads[0].coordinates, copy.axes, tensor});
    copy.tensors = {tensor};
    copy.nodes = {source.name + ".layout"};
    Normalize(copy);
    works.emplace_back().computation = std::move(copy);
    return tensor;
  }

  struct Copied {
    int source;
    Shape view;
    std::vector<Index> coordinates;
    Shape axes;
    int tensor;
  };

  Region& region_;
  TensorTable& tensors_;
  const std::set<int> free_;       ///< state that has no order yet
  std::map<int, int> candidates_;  ///< to another of the same class, or itself
  std::map<int, std::map<Order, double>> wishes_;
  std::map<int, Order> orders_;
  std::vector<Copied> copies_;
};

}  // namespace

std::map<int, std::vector<int>> WishedOrders(Region& region, TensorTable& tensors,
                                             const std::set<int>& slots) {
  return LayoutChoice(region, tensors, slots).Wished();
}

void ChooseLayouts(Region& region, TensorTable& tensors) { LayoutChoice(region, tensors).Run(); }

}  // namespace descent

#include "compiler/kernel/layouts.h"

#include <algorithm>
#include <limits>
#include <map>
#include <set>
#include <utility>

#include "compiler/kernel/lane_axes.h"
#include "ir/counts.h"

namespace descent {
namespace {

using Order = AxisOrder;

bool Flips(const std::vector<Index>& coordinates, const Shape& axes) {
  return std::ranges::any_of(coordinates, [&](const Index& index) {
    const auto affine = AsAffine(index, static_cast<int>(axes.size()));
    return affine && std::ranges::any_of(affine->coefficients, [](int64_t c) { return c < 0; });
  });
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
      if (!tensors_[delivery.target].order.empty() || !tensors_[delivery.value].order.empty())
        DeliverInOrder(delivery);
    Choose();
    for (Work& work : region_.works)
      if (work.is_computation()) Adapt(work.computation);
    for (const auto& [tensor, order] : orders_) {
      tensors_[tensor].type.shape = Permuted(ShapeOf(tensor), order);
      tensors_[tensor].order.clear();
    }
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

  /// A value that the state takes in an order of its own is computed in it, or copied; so is one of
  /// the state that somebody else takes.
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
    const int copy = tensors_.AddBeside(value, source.name, source.type);
    Work& work = region_.works.emplace_back();
    work.computation = MakeCopy(value, copy, source.type);
    work.computation.nodes = {source.name};
    if (source.splat) InlineConstant(work.computation, value, source.splat);
    return copy;
  }

  /// Tensors that only computations of this region know, made point by point of their own axes, and
  /// state.
  void FindCandidates() {
    std::set<int> fixed = TakenAsTheyLie(region_, tensors_);
    for (const Delivery& delivery : region_.deliveries) {
      if (!free_.contains(delivery.target) && tensors_[delivery.target].order.empty())
        fixed.insert({delivery.value, delivery.target, delivery.older});
    }
    for (const int tensor : free_) AddCandidate(tensor);
    for (const Work& work : region_.works) {
      if (!work.is_computation()) continue;
      const Computation& c = work.computation;
      for (const int tensor : c.tensors)
        if (IsMadePointByPoint(c, tensor)) AddCandidate(tensor);
      for (const TensorRead& read : c.reads)
        if (!tensors_[read.tensor].order.empty()) AddCandidate(read.tensor);
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
    if (MayHaveOrder(tensors_[tensor].type.shape)) candidates_.emplace(tensor, tensor);
  }

  // ---- classes of tensors that share an order ----

  int ClassOf(int tensor) {
    while (candidates_[tensor] != tensor) tensor = candidates_[tensor];
    return tensor;
  }

  Shape ShapeOf(int tensor) const { return LongExtents(tensors_[tensor].type.shape); }

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

  void Wish(int tensor, const Order& order, double weight) {
    if (candidates_.contains(tensor)) wishes_[ClassOf(tensor)][order] += weight;
  }

  void CollectWishes() {
    for (const Work& work : region_.works) {
      if (!work.is_computation()) continue;
      const Computation& c = work.computation;
      const auto weight = static_cast<double>(Elements(c.axes));
      if (const auto lanes = FindLanes(tensors_, c)) {
        for (const TensorRead& read : c.reads) {
          if (!candidates_.contains(read.tensor)) continue;
          const std::vector<Index> coordinates = OwnCoordinates(tensors_, c, read);
          // What a flipped filter reads is a copy in any case.
          if (Slides(coordinates, c.rank) || !Flips(coordinates, c.axes))
            Wish(read.tensor, lanes->OrderOf(coordinates), weight);
        }
        for (const int tensor : c.tensors)
          Wish(tensor, lanes->OrderOf(AxisRange(0, c.rank)), weight);
      } else if (FindContraction(c)) {
        for (const TensorRead& read : c.reads)
          if (candidates_.contains(read.tensor) && read.view != ShapeOf(read.tensor))
            Wish(read.tensor, UnchangedOrder(ShapeOf(read.tensor).size()), weight);
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
    Order axes = UnchangedOrder(c.axes.size());
    if (const auto made = orders_.find(c.tensors[0]); made != orders_.end())
      std::ranges::copy(made->second, axes.begin());
    if (const auto roles = FindContraction(c))
      if (const auto lanes = LanesOfConvolution(tensors_, c, *roles);
          lanes && (lanes->result < 0 || axes[c.rank - 1] == lanes->result))
        std::stable_sort(axes.begin() + c.rank, axes.end(),
                         [&](int a, int b) { return lanes->Rank(Axis(a)) < lanes->Rank(Axis(b)); });
    bool changed = !IsUnchanged(axes);
    for (TensorRead& read : c.reads) {
      const auto order = orders_.find(read.tensor);
      if (order == orders_.end()) continue;
      const Shape shape = ShapeOf(read.tensor);
      read.coordinates = Permuted(OwnCoordinates(tensors_, c, read), order->second);
      read.view = Permuted(shape, order->second);
      changed = true;
    }
    if (!IsUnchanged(axes)) PermuteAxes(c, axes);
    if (changed) Normalize(c);
  }

  Region& region_;
  TensorTable& tensors_;
  const std::set<int> free_;       ///< state that has no order yet
  std::map<int, int> candidates_;  ///< to another of the same class, or itself
  std::map<int, std::map<Order, double>> wishes_;
  std::map<int, Order> orders_;
};

}  // namespace

bool MayHaveOrder(const Shape& shape) { return LongAxes(shape).size() > 2; }

std::set<int> TakenAsTheyLie(const Region& region, const TensorTable& tensors) {
  std::set<int> taken;
  for (const Work& work : region.works) {
    if (work.is_computation()) {
      for (const TensorRead& read : work.computation.reads)
        if (IsFromData(read) && read.view != LongExtents(tensors[read.tensor].type.shape))
          taken.insert(read.tensor);
      continue;
    }
    for (const std::vector<int>& some : {work.Reads(), work.Writes()})
      taken.insert(some.begin(), some.end());
  }
  return taken;
}

std::map<int, std::vector<int>> WishedOrders(Region& region, TensorTable& tensors,
                                             const std::set<int>& slots) {
  return LayoutChoice(region, tensors, slots).Wished();
}

void ChooseLayouts(Region& region, TensorTable& tensors) { LayoutChoice(region, tensors).Run(); }

}  // namespace descent

#include "compiler/kernel/winograd.h"

#include <algorithm>
#include <array>
#include <functional>
#include <map>
#include <optional>
#include <utility>

#include "compiler/graph/sum_of_products.h"
#include "compiler/kernel/contraction.h"
#include "compiler/kernel/lane_axes.h"
#include "compiler/kernel/remap.h"
#include "compiler/kernel/winograd_matrices.h"
#include "ir/counts.h"

namespace descent {
namespace {

using namespace winograd;

/// Operations saved that are worth a byte written and read again.
constexpr int64_t kWorthAByte = 16;

// ---- what is replaced ----

/// A dimension of the image: its coordinate is `pixel` plus or minus `tap` plus a constant.
struct Slide {
  size_t coordinate = 0;  ///< of the image
  int pixel = -1, tap = -1;
  bool flipped = false;  ///< minus

  /// The tap at `place` of a filter that is not flipped, or the inverse.
  Index Tap(const Index& place) const {
    return flipped ? ConstantIndex(kTaps - 1) + place * -1 : place;
  }
};

struct Sliding {
  int image = -1, other = -1;  ///< reads
  std::array<Slide, 2> slides;
  bool sums_pixels = false;  ///< the gradient of a filter: taps are parallel

  const Slide* OfPixel(int axis) const { return Find(axis, &Slide::pixel); }
  const Slide* OfTap(int axis) const { return Find(axis, &Slide::tap); }

 private:
  const Slide* Find(int axis, int Slide::* member) const {
    const auto found = std::ranges::find(slides, axis, member);
    return found == slides.end() ? nullptr : &*found;
  }
};

/// Two axes, one of them summed over, with coefficients of 1.
std::optional<Slide> SlideOf(const Index& index, const Computation& c, bool sums_pixels) {
  const auto affine = AsAffine(index, static_cast<int>(c.axes.size()));
  if (!affine) return std::nullopt;
  Slide slide;
  for (int axis = 0; axis < static_cast<int>(c.axes.size()); ++axis) {
    if (affine->coefficients[axis] == 0) continue;
    const bool is_pixel = (axis >= c.rank) == sums_pixels;
    int& place = is_pixel ? slide.pixel : slide.tap;
    if (place >= 0) return std::nullopt;
    place = axis;
  }
  if (slide.pixel < 0 || slide.tap < 0 || c.axes[slide.tap] != kTaps) return std::nullopt;
  const int64_t step = affine->coefficients[slide.tap];
  if (affine->coefficients[slide.pixel] != 1 || (step != 1 && step != -1)) return std::nullopt;
  slide.flipped = step < 0;
  return slide;
}

/// The coordinate is an axis and nothing else.
int AxisOf(const Index& index) {
  return index->kind == IndexKind::kAxis ? static_cast<int>(index->value) : -1;
}

/// Guards say no more than that coordinates lie in the tensor, and 0 is what lies outside.
bool IsPadded(const TensorRead& read) {
  if (read.guards.empty()) return true;
  return read.outside->kind == ScalarKind::kConstant && read.outside->number == 0 &&
         std::ranges::all_of(read.guards, [&](const Guard& guard) {
           for (size_t d = 0; d < read.coordinates.size(); ++d)
             if (SameIndex(guard.index, read.coordinates[d]) && guard.extent == read.view[d])
               return true;
           return false;
         });
}

std::optional<Sliding> SlidesOf(const Computation& c, int image, int other, bool sums_pixels) {
  Sliding found{.image = image, .other = other, .slides = {}, .sums_pixels = sums_pixels};
  size_t count = 0;
  std::vector<int> used(c.axes.size(), 0);
  const TensorRead& read = c.reads[image];
  for (size_t d = 0; d < read.coordinates.size(); ++d) {
    if (const int axis = AxisOf(read.coordinates[d]); axis >= 0) {
      ++used[axis];
      continue;
    }
    auto slide = SlideOf(read.coordinates[d], c, sums_pixels);
    if (!slide || count == found.slides.size()) return std::nullopt;
    slide->coordinate = d;
    ++used[slide->pixel];
    ++used[slide->tap];
    found.slides[count++] = *slide;
  }
  if (count != found.slides.size() || std::ranges::any_of(used, [](int n) { return n > 1; }))
    return std::nullopt;
  return found;
}

/// The other factor moves with each of its axes along one coordinate, with what is summed up of
/// both dimensions among them; only taps may be flipped.
bool IsOther(const Computation& c, const Sliding& sliding) {
  const TensorRead& read = c.reads[sliding.other];
  const auto moves_along = [&](int axis) {
    return std::ranges::any_of(read.coordinates,
                               [&](const Index& index) { return UsesAxis(index, axis); });
  };
  if (!read.guards.empty() || !std::ranges::all_of(sliding.slides, [&](const Slide& slide) {
        return moves_along(sliding.sums_pixels ? slide.pixel : slide.tap);
      }))
    return false;
  return std::ranges::all_of(read.coordinates, [&](const Index& index) {
    if (AxisOf(index) >= 0) return true;
    return !sliding.sums_pixels && std::ranges::any_of(sliding.slides, [&](const Slide& slide) {
      const auto affine = AsAffine(index, static_cast<int>(c.axes.size()));
      return affine && UsesAxis(index, slide.tap) &&
             std::ranges::count(affine->coefficients, 0) + 1 == std::ssize(affine->coefficients);
    });
  });
}

/// A convolution by a 3x3 filter with steps of 1, as it is before it is fused with anything.
std::optional<Sliding> FindSliding(const TensorTable& tensors, Computation& c) {
  const auto roles = FindContraction(c);
  if (!roles || !roles->batch.empty() || Info(c.reducer->init[0]->dtype).bytes < 4)
    return std::nullopt;
  const auto factors = *FactorsOf(*c.reducer);
  if (factors.first->kind != ScalarKind::kRead || factors.second->kind != ScalarKind::kRead)
    return std::nullopt;
  for (const int read : {roles->lhs, roles->rhs}) {
    if (!IsPadded(c.reads[read])) return std::nullopt;
    c.reads[read].coordinates = OwnCoordinates(tensors, c, c.reads[read]);
    c.reads[read].view = LongExtents(tensors[c.reads[read].tensor].type.shape);
  }
  for (const bool sums_pixels : {false, true})
    for (const auto& [image, other] :
         {std::pair{roles->lhs, roles->rhs}, std::pair{roles->rhs, roles->lhs}})
      if (const auto found = SlidesOf(c, image, other, sums_pixels); found && IsOther(c, *found))
        return found;
  return std::nullopt;
}

// ---- replacing it ----

class Replacement {
 public:
  Replacement(TensorTable& tensors, const Computation& c, const Sliding& sliding)
      : tensors_(tensors), c_(c), sliding_(sliding), dtype_(c.reducer->init[0]->dtype) {
    // Axes of the products: two of points, then those of `c` without taps, pixels by tiles.
    product_axes_ = {kPoints, kPoints};
    for (int axis = 0; axis < static_cast<int>(c.axes.size()); ++axis) {
      if (axis == c.rank) product_rank_ = static_cast<int>(product_axes_.size());
      if (sliding.OfTap(axis)) continue;
      place_[axis] = static_cast<int>(product_axes_.size());
      product_axes_.push_back(Extent(axis));
    }
  }

  bool Pays() const {
    const int64_t saved = 2 * (Elements(c_.axes) - Elements(product_axes_));
    const Shape results(product_axes_.begin(), product_axes_.begin() + product_rank_);
    int64_t elements = Elements(results);
    for (const int read : {sliding_.image, sliding_.other})
      elements += Elements(TransformedShape(read));
    return saved >= kWorthAByte * elements * 2 * Info(dtype_).bytes;
  }

  void Run(std::vector<Work>& works) {
    const std::string name = tensors_[c_.tensors[0]].name;
    const auto image = Transformed(sliding_.image, ImageRow, name + ".winograd_image", works);
    const auto other =
        sliding_.sums_pixels
            ? Transformed(sliding_.other, GradientRow, name + ".winograd_gradient", works)
            : Transformed(sliding_.other, FilterRow, name + ".winograd_filter", works);
    AddResult(AddProducts(image, other, name + ".winograd_products", works), works);
  }

 private:
  int64_t Extent(int axis) const {
    return sliding_.OfPixel(axis) ? CeilDiv(c_.axes[axis], kPixels) : c_.axes[axis];
  }

  /// The axis of `c` along which a coordinate of a factor moves when tiles and points stand for
  /// pixels and taps; -1 for a coordinate of taps alone.
  int OwnAxis(int read, size_t d) const {
    for (const Slide& slide : sliding_.slides) {
      if (read == sliding_.image && slide.coordinate == d) return slide.pixel;
      if (UsesAxis(c_.reads[read].coordinates[d], slide.tap)) return -1;
    }
    return AxisOf(c_.reads[read].coordinates[d]);
  }

  /// Those of a factor, in the order in which it lies.
  std::vector<int> OwnAxes(int read) const {
    std::vector<int> axes;
    for (size_t d = 0; d < c_.reads[read].coordinates.size(); ++d)
      if (const int axis = OwnAxis(read, d); axis >= 0) axes.push_back(axis);
    return axes;
  }

  Shape TransformedShape(int read) const {
    Shape shape{kPoints, kPoints};
    for (const int axis : OwnAxes(read)) shape.push_back(Extent(axis));
    return shape;
  }

  void Finish(Computation computation, int tensor, std::vector<Work>& works) {
    computation.tensors = {tensor};
    computation.nodes = {tensors_[tensor].name};
    computation.after = c_.after;
    Normalize(computation);
    works.emplace_back().computation = std::move(computation);
  }

  /// Sum over both dimensions of coefficient * what `read_at` adds to the reads of `c`.
  Scalar Sum(Computation& c, const std::array<Terms, 2>& terms,
             const std::function<TensorRead(const Index&, const Index&)>& read_at) const {
    const auto add = [](const Scalar& sum, const Scalar& coefficient, Scalar value) {
      if (coefficient) value = Call(ScalarOp::kMul, {coefficient, value});
      return sum ? Call(ScalarOp::kAdd, {sum, value}) : value;
    };
    Scalar rows;
    for (const Term& row : terms[0]) {
      Scalar columns;
      for (const Term& column : terms[1]) {
        const Scalar value = ReadScalar(static_cast<int>(c.reads.size()), dtype_);
        c.reads.push_back(read_at(row.place, column.place));
        columns = add(columns, column.coefficient, value);
      }
      rows = add(rows, row.coefficient, columns);
    }
    return rows;
  }

  /// [point, point, own axes of the factor]
  int Transformed(int read, Row row, std::string name, std::vector<Work>& works) {
    Computation computation{.axes = TransformedShape(read)};
    computation.rank = static_cast<int>(computation.axes.size());
    std::map<int, Index> own;  // by axis of c
    for (const int axis : OwnAxes(read)) own.emplace(axis, Axis(2 + static_cast<int>(own.size())));
    const auto at = [&](const Index& first, const Index& second) {
      const std::array<Index, 2> places{first, second};
      TensorRead taken = Padded(read);
      MapRead(taken, {.axis = [&](int axis) {
                const Slide *pixel = sliding_.OfPixel(axis), *tap = sliding_.OfTap(axis);
                if (!pixel && !tap) return own.at(axis);
                const Slide& slide = pixel ? *pixel : *tap;
                const Index& place = places[&slide - sliding_.slides.data()];
                if (tap) return slide.Tap(place);
                const Index start = own.at(axis) * kPixels;
                return read == sliding_.image ? start : start + place;
              }});
      return taken;
    };
    computation.results = {Sum(computation, {row(Axis(0), dtype_), row(Axis(1), dtype_)}, at)};
    const int tensor =
        tensors_.AddBeside(c_.tensors[0], std::move(name), {dtype_, computation.axes});
    Finish(std::move(computation), tensor, works);
    return tensor;
  }

  /// The read of `c`, 0 for the pixels that fill up the last tiles.
  TensorRead Padded(int number) const {
    TensorRead read = c_.reads[number];
    for (size_t d = 0; d < read.coordinates.size(); ++d)
      if (const int axis = OwnAxis(number, d); axis >= 0 && sliding_.OfPixel(axis))
        if (c_.axes[axis] % kPixels != 0)
          read.guards.push_back({read.coordinates[d], read.view[d]});
    if (!read.guards.empty()) read.outside = ConstantScalar(dtype_, 0);
    return read;
  }

  TensorRead PointsRead(int tensor, std::vector<Index> coordinates) const {
    return {.tensor = tensor,
            .dtype = dtype_,
            .view = tensors_[tensor].type.shape,
            .coordinates = std::move(coordinates),
            .guards = {},
            .outside = nullptr};
  }

  int AddProducts(int image, int other, std::string name, std::vector<Work>& works) {
    Computation products{.axes = product_axes_, .rank = product_rank_, .reducer = c_.reducer};
    for (const auto& [tensor, read] :
         {std::pair{image, sliding_.image}, std::pair{other, sliding_.other}}) {
      std::vector<Index> coordinates{Axis(0), Axis(1)};
      for (const int axis : OwnAxes(read)) coordinates.push_back(Axis(place_.at(axis)));
      products.reads.push_back(PointsRead(tensor, std::move(coordinates)));
    }
    const Scalar sum = Accumulator(0, dtype_);
    const Scalar product = Call(ScalarOp::kMul, {ReadScalar(0, dtype_), ReadScalar(1, dtype_)});
    products.reducer->step = {Call(ScalarOp::kAdd, {sum, product})};
    products.results = {sum};
    const int tensor =
        tensors_.AddBeside(c_.tensors[0], std::move(name), {dtype_, products.domain()});
    Finish(std::move(products), tensor, works);
    return tensor;
  }

  void AddResult(int products, std::vector<Work>& works) {
    Computation result{.axes = c_.domain(),
                       .rank = c_.rank,
                       .reads = c_.reads,
                       .results = c_.results,
                       .tensors = c_.tensors,
                       .nodes = c_.nodes,
                       .after = c_.after};
    std::array<Terms, 2> terms;
    for (size_t d = 0; d < terms.size(); ++d) {
      const Slide& slide = sliding_.slides[d];
      terms[d] = sliding_.sums_pixels ? FilterGradientRow(slide.Tap(Axis(slide.tap)), dtype_)
                                      : ResultRow(Mod(Axis(slide.pixel), kPixels), dtype_);
    }
    const auto at = [&](const Index& first, const Index& second) {
      std::vector<Index> coordinates{first, second};
      for (int axis = 0; axis < c_.rank; ++axis)
        if (!sliding_.OfTap(axis))
          coordinates.push_back(sliding_.OfPixel(axis) ? FloorDiv(Axis(axis), kPixels)
                                                       : Axis(axis));
      return PointsRead(products, std::move(coordinates));
    };
    const Scalar sum = Sum(result, terms, at);
    for (Scalar& root : result.results)
      root = Rewrite(root, [&](const ScalarNode& node) -> Scalar {
        return node.kind == ScalarKind::kAccumulator ? sum : nullptr;
      });
    Normalize(result);
    works.emplace_back().computation = std::move(result);
  }

  TensorTable& tensors_;
  const Computation& c_;
  const Sliding& sliding_;
  DType dtype_;
  Shape product_axes_;
  int product_rank_ = 0;
  std::map<int, int> place_;  ///< axis of c -> axis of the products
};

}  // namespace

void UseWinograd(Region& region, TensorTable& tensors, Winograd use) {
  if (use == Winograd::kNever) return;
  std::vector<Work> works;
  for (Work& work : region.works) {
    const bool reduces = work.is_computation() && work.computation.reducer;
    if (reduces && Elements(work.computation.axes) > 0) {
      Computation c = work.computation;
      if (const auto sliding = FindSliding(tensors, c)) {
        Replacement replacement(tensors, c, *sliding);
        if (use == Winograd::kWhereverItCan || replacement.Pays()) {
          replacement.Run(works);
          continue;
        }
      }
    }
    works.push_back(std::move(work));
  }
  region.works = std::move(works);
}

}  // namespace descent

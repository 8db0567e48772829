// grid_sample: an image read at places that come from data.

#include <array>
#include <optional>

#include "ir/expr.h"
#include "ir/ops/families.h"
#include "ir/ops/resample.h"
#include "ir/ops/shapes.h"
#include "ir/ops/spatial.h"

namespace descent {
namespace {

using Values = std::vector<Value>;

int SpatialAxesOfGrid(const OpContext& op) { return op.operands[0].rank() - 2; }

/// Elements along one axis that a place is interpolated from.
int64_t TapsOf(const Attributes& attributes) {
  const std::string& mode = attributes.String("mode");
  return mode == "nearest" ? 1 : mode == "linear" ? 2 : 4;
}

Result<std::vector<TensorType>> InferGridSample(const OpContext& op) {
  const Shape &x = op.shape(0), &grid = op.shape(1);
  const int axes = SpatialAxesOfGrid(op);
  if (axes < 1 || axes > 3)
    return Error("x must be an image of 1, 2 or 3 spatial axes, not {}", ToString(x));
  if (grid.size() != x.size() || grid[0] != x[0] || grid.back() != axes)
    return Error("grid must be [{}, {} extents of the result, {}] for x {}, not {}", x[0], axes,
                 axes, ToString(x), ToString(grid));
  const ImageLayout layout = LayoutOf(op.attributes, axes);
  for (int i = 0; i < axes; ++i)
    if (const int64_t extent = x[layout.spatial + i]; extent < 1 || extent > kMaxResampled)
      return Error("spatial extents of x must be between 1 and {}, not {}", kMaxResampled, extent);
  const int64_t channels = x[layout.channels];
  Shape result(grid.begin(), grid.end() - 1);
  Shape taps = result;
  result.insert(result.begin() + layout.channels, channels);
  taps.insert(taps.end(), axes, TapsOf(op.attributes));
  taps.push_back(channels);
  if (!CheckedElements(taps)) return Error("grid {} is too large", ToString(grid));
  return OneResult(op.dtype(0), std::move(result));
}

/// One axis of the image, and what lies beyond its ends.
struct ImageAxis {
  int64_t extent;
  bool align_corners;
  const std::string& padding_mode;

  double last() const { return static_cast<double>(extent - 1); }

  /// Place of a coordinate from -1 to 1: these are the outer elements' centers or their far edges.
  Expr Place(Expr coordinate) const {
    const auto n = static_cast<double>(extent);
    return align_corners ? (coordinate + 1.0) * ((n - 1) / 2)
                         : ((coordinate + 1.0) * n - 1.0) * 0.5;
  }

  /// A place brought back between the first and the last element.
  Expr Inside(Expr place) const {
    const double low = align_corners ? 0 : -0.5;
    const auto span = static_cast<double>(align_corners ? extent - 1 : extent);
    if (padding_mode == "reflection" && span > 0) {
      const Expr from_low = Abs(place - low);
      const Expr turn = from_low - Floor(from_low / (2 * span)) * (2 * span);
      place = span - Abs(turn - span) + low;
    }
    // The gradient is 0 at the ends, too, as PyTorch's is; clamp's would be 1.
    return Where(LessEqual(place, 0.0), 0.0, Where(GreaterEqual(place, last()), last(), place));
  }

  /// The number of an element in place of that of one beyond the ends.
  Expr ElementInside(Expr element) const {
    const int64_t turn = align_corners ? 2 * (extent - 1) : 2 * extent;
    if (padding_mode == "reflection" && turn > 0) {
      GraphBuilder& b = element.builder();
      element = {b, b.Add("remainder", {element, element.Like(static_cast<double>(turn))})};
      element = Minimum(element, (align_corners ? turn : turn - 1.0) - element);
    }
    return Minimum(Maximum(element, 0), last());
  }
};

/// The taps of every place, along a last axis.
struct Taps {
  Expr element;  ///< i64, inside the axis
  Expr weight;
  Expr inside;  ///< bool: others count as 0
};

/// Further out than any element; a float that is as large can still be counted from.
constexpr double kFar = 1LL << 40;

/// With padding the place itself is brought inside, of a cubic interpolation each tap.
Taps TapsAlong(Expr coordinate, const ImageAxis& axis, const std::string& mode) {
  GraphBuilder& b = coordinate.builder();
  const bool cubic = mode == "cubic", pads = axis.padding_mode != "zeros";
  Expr place = axis.Place(coordinate);
  if (pads && !cubic) place = axis.Inside(place);
  const Expr base = mode == "nearest" ? Round(place) : Floor(place);
  const Expr t = place - base;
  std::vector<Expr> weights = {ExpandTo(t.Like(1), t.shape())};
  if (mode == "linear") weights = {1.0 - t, t};
  if (cubic) weights = CubicWeights(t, -0.75);
  const auto taps = static_cast<int64_t>(weights.size());
  for (Expr& weight : weights) weight = Unsqueeze(weight, weight.rank());
  const Expr whole = CastTo(Clamp(base, -kFar, kFar), DType::kI64);
  Expr element = Unsqueeze(whole, t.rank()) + (Iota(b, {taps}, 0, DType::kI64) - (cubic ? 1.0 : 0));
  if (cubic && pads) element = axis.ElementInside(element);
  return {Minimum(Maximum(element, 0), axis.last()), Concat(weights, t.rank()),
          And(GreaterEqual(element, 0), LessEqual(element, axis.last()))};
}

/// Every tap `a` of the axes before with every tap `b` of one more, in row-major order.
template <typename Combine>
Expr EveryPair(Expr a, Expr b, Combine combine) {
  Shape shape = a.shape();
  shape.back() *= b.shape().back();
  return Reshape(combine(Unsqueeze(a, a.rank()), Unsqueeze(b, b.rank() - 1)), shape);
}

/// The taps of all axes together; an element is its row-major number among those of an image.
Taps AllTaps(const OpContext& op, Expr grid) {
  const int axes = SpatialAxesOfGrid(op);
  const bool align_corners = op.attributes.String("coordinates") == "align_corners";
  const Shape places(op.shape(1).begin(), op.shape(1).end() - 1);
  std::optional<Taps> all;
  for (int i = 0; i < axes; ++i) {
    const int64_t extent = op.shape(0)[LayoutOf(op.attributes, axes).spatial + i];
    const int64_t number = axes - 1 - i;  // the first number belongs to the innermost axis
    const Expr coordinate = Reshape(SliceAxis(grid, axes + 1, number, number + 1), places);
    // 16 bits are too few to tell the places of an image apart.
    Taps along = TapsAlong(CastTo(coordinate, ArithmeticType(grid.dtype())),
                           {extent, align_corners, op.attributes.String("padding_mode")},
                           op.attributes.String("mode"));
    along.weight = CastTo(along.weight, op.dtype(0));
    if (!all) {
      all = along;
      continue;
    }
    const auto times_extent_plus = [extent](Expr m, Expr n) {
      return m * static_cast<double>(extent) + n;
    };
    all = {EveryPair(all->element, along.element, times_extent_plus),
           EveryPair(all->weight, along.weight, [](Expr m, Expr n) { return m * n; }),
           EveryPair(all->inside, along.inside, And)};
  }
  return *all;
}

Values ExpandGridSample(GraphBuilder& b, const OpContext& op, std::span<const Value> operands) {
  const int axes = SpatialAxesOfGrid(op);
  const ImageLayout layout = LayoutOf(op.attributes, axes);
  const Taps taps = AllTaps(op, {b, operands[1]});
  const Expr channels_last = Transpose({b, operands[0]}, ToChannelsLast(layout, axes));
  const Shape x = channels_last.shape();
  const Expr elements = Reshape(channels_last, {x[0], ElementsOf(x, 1, axes + 1), x.back()});
  const int last = taps.element.rank();
  const Expr values(b, b.Add("gather_nd", {elements, Unsqueeze(taps.element, last)},
                             {{"batch_dims", int64_t{1}}}));
  const Expr terms =
      Where(Unsqueeze(taps.inside, last), values * Unsqueeze(taps.weight, last), 0.0);
  const Expr y = Sum(terms, {last - 1});
  if (layout.channels != 1) return {y};
  return {Transpose(y, ToChannelsFirst({.channels = axes + 1, .spatial = 1}, axes))};
}

}  // namespace

std::span<const OpDef> GridSampleOps() {
  static const std::array kOps = {OpDef{
      .name = "grid_sample",
      .doc =
          "An image read at places that come from data, by interpolation.\n\nx is [batch, "
          "channels, "
          "spatial...] with 1 to 3 spatial axes, the grid [batch, extents of the result..., axes]: "
          "of each place its coordinates, that of the last axis first. -1 and 1 are the far edges "
          "of the outer elements (`half_pixel`: coordinate c lies at `((c + 1) n - 1)/2` of n "
          "elements) or their centers (`align_corners`: `(c + 1)(n - 1)/2`). `nearest` takes the "
          "nearest element, of two the even one, `linear` the two neighbours along each axis by "
          "their distance, `cubic` four by Keys' kernel with coefficient -0.75. What lies outside "
          "is 0 (`zeros`), the nearest edge's (`border`) or mirrored at the ends (`reflection`); "
          "`cubic` does that to each of its elements, the others to the place. PyTorch's "
          "grid_sample. Gradients: `g` added to the elements with the same weights, and `g` times "
          "the slope of the interpolation; 0 for the grid with `nearest`, and where `border` or "
          "`reflection` holds a place at an end (Jaderberg et al., Spatial transformer networks, "
          "2015).",
      .example = "grid_sample([[[[1, 2], [3, 4]]]], [[[[0, 0]]]]) = [[[[2.5]]]]",
      .signature = {.operands = {{"x", DTypeClass::kFloat}, {"grid", DTypeClass::kFloat}},
                    .attributes = {{"mode",
                                    AttributeKind::kString,
                                    Attribute(std::string("linear")),
                                    "interpolation",
                                    {"nearest", "linear", "cubic"}},
                                   {"padding_mode",
                                    AttributeKind::kString,
                                    Attribute(std::string("zeros")),
                                    "what lies outside of x",
                                    {"zeros", "border", "reflection"}},
                                   {"coordinates",
                                    AttributeKind::kString,
                                    Attribute(std::string("half_pixel")),
                                    "where -1 and 1 lie",
                                    {"half_pixel", "align_corners"}},
                                   LayoutAttribute()}},
      .infer = InferGridSample,
      .expand = ExpandGridSample}};
  return kOps;
}

}  // namespace descent

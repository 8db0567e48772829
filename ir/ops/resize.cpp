// Images of other extents: resize, and pixels exchanged for channels.

#include <algorithm>
#include <array>
#include <numeric>

#include "ir/expr.h"
#include "ir/ops/families.h"
#include "ir/ops/resample.h"
#include "ir/ops/shapes.h"
#include "ir/ops/spatial.h"

namespace descent {
namespace {

using Values = std::vector<Value>;
using Ints = std::vector<int64_t>;

// ---- resize ------------------------------------------------------------------------------------

/// `axes`, or all behind rows and channels.
Ints ResizedAxes(const OpContext& op) {
  const int rank = op.operands[0].rank();
  Ints axes = op.attributes.Ints("axes");
  for (int64_t& axis : axes) axis = axis < 0 ? axis + rank : axis;
  if (axes.empty())
    for (int i = 2; i < rank; ++i) axes.push_back(i);
  return axes;
}

Result<std::vector<TensorType>> InferResize(const OpContext& op) {
  const auto known = NormalAxes(op.attributes.Ints("axes"), op.operands[0].rank());
  if (!known) return std::unexpected(known.error());
  const Ints axes = ResizedAxes(op), &sizes = op.attributes.Ints("sizes");
  if (axes.empty() || sizes.size() != axes.size())
    return Error("sizes {} needs one number for each of the {} axes of x {} to resize",
                 ToString(sizes), axes.size(), ToString(op.shape(0)));
  const double coefficient = op.attributes.Float("cubic_coefficient");
  if (!(coefficient >= -4 && coefficient <= 4))
    return Error("cubic_coefficient must be between -4 and 4, not {}", coefficient);
  Shape shape = op.shape(0);
  for (size_t i = 0; i < axes.size(); ++i) {
    int64_t& extent = shape[axes[i]];
    for (const int64_t value : {extent, sizes[i]})
      if (value < 1 || value > kMaxResampled / 2)
        return Error("extents and sizes of resized axes must be between 1 and {}, not {}",
                     kMaxResampled / 2, value);
    // On the way there are images with repeated edges, and four neighbours of each place.
    Shape largest = shape;
    largest[axes[i]] = std::max(extent, sizes[i]) + 4;
    largest.push_back(4);
    if (largest.size() > kMaxRank || !CheckedElements(largest))
      return Error("x {} is too large to be resized to {} along axis {}", ToString(op.shape(0)),
                   sizes[i], axes[i]);
    extent = sizes[i];
  }
  return OneResult(op.dtype(0), std::move(shape));
}

FractionalStep Reduced(const FractionalStep& places) {
  const int64_t common = std::gcd(std::gcd(places.step, places.offset), places.divisor);
  return {places.step / common, places.offset / common, places.divisor / common};
}

/// Place i of the result lies at (i * step + offset) / divisor of x.
FractionalStep PlacesOf(const std::string& coordinates, int64_t from, int64_t to) {
  FractionalStep places{.step = from, .offset = 0, .divisor = to};
  if (coordinates == "half_pixel") places = {2 * from, from - to, 2 * to};
  if (coordinates == "align_corners") places = {from - 1, 0, std::max<int64_t>(to - 1, 1)};
  if (to == 1 && coordinates == "align_corners") places.step = 0;
  return Reduced(places);
}

/// The nearest element; of two equally near ones the one behind, and with `asymmetric` always the
/// one before.
Expr NearestAlong(Expr x, int axis, int64_t size, FractionalStep places, bool rounds) {
  if (rounds)
    places = Reduced({2 * places.step, 2 * places.offset + places.divisor, 2 * places.divisor});
  Shape result = x.shape();
  result[axis] = size;
  return Reshape(FractionalUnfold(x, axis, size, 1, places), result);
}

/// x with its first and last element repeated `before` and `behind` times along `axis`.
Expr ExtendedByEdges(Expr x, int axis, int64_t before, int64_t behind) {
  const Shape shape = x.shape();
  const auto edge = [&](int64_t place, int64_t copies) {
    Shape repeated = shape;
    repeated[axis] = copies;
    return ExpandTo(SliceAxis(x, axis, place, place + 1), repeated);
  };
  std::vector<Expr> parts;
  if (before > 0) parts.push_back(edge(0, before));
  parts.push_back(x);
  parts.push_back(edge(shape[axis] - 1, behind));
  return Concat(parts, axis);
}

/// Weighted sums of neighbours along one axis; beyond the ends its last elements repeat. The
/// weights follow from the fraction of a place, which is computed of integers.
Expr InterpolatedAlong(Expr x, int axis, int64_t size, FractionalStep places, bool cubic,
                       double coefficient) {
  GraphBuilder& b = x.builder();
  const int64_t before = cubic ? 2 : 1, first = cubic ? -1 : 0, taps = cubic ? 4 : 2;
  const int rank = x.rank();
  Shape line(rank, 1);
  line[axis] = size;
  const auto divisor = static_cast<double>(places.divisor);
  // Shifted by whole elements, which makes all numerators positive.
  const Expr numerator = Iota(b, line, axis, DType::kI64) * static_cast<double>(places.step) +
                         static_cast<double>(places.offset + before * places.divisor);
  const Expr rest = numerator - numerator / divisor * divisor;
  const Expr t = CastTo(CastTo(rest, DType::kF64) / divisor, x.dtype());
  places.offset += (before + first) * places.divisor;
  const Expr windows =
      FractionalUnfold(ExtendedByEdges(x, axis, before, taps / 2), axis, size, taps, places);
  const std::vector<Expr> weights =
      cubic ? CubicWeights(t, coefficient) : std::vector<Expr>{1.0 - t, t};
  std::vector<Expr> columns;
  for (const Expr& weight : weights) columns.push_back(Unsqueeze(weight, rank));
  return Sum(windows * Concat(columns, rank), {rank});
}

Values ExpandResize(GraphBuilder& b, const OpContext& op, std::span<const Value> operands) {
  const std::string &mode = op.attributes.String("mode"),
                    &coordinates = op.attributes.String("coordinates");
  const Ints axes = ResizedAxes(op), &sizes = op.attributes.Ints("sizes");
  Expr y(b, operands[0]);
  for (size_t i = 0; i < axes.size(); ++i) {
    const int axis = static_cast<int>(axes[i]);
    const int64_t extent = op.shape(0)[axis];
    if (extent == sizes[i]) continue;
    const FractionalStep places = PlacesOf(coordinates, extent, sizes[i]);
    if (places.step == 0) {  // every place is that of the first element
      Shape shape = y.shape();
      shape[axis] = sizes[i];
      y = ExpandTo(SliceAxis(y, axis, 0, 1), shape);
    } else if (mode == "nearest") {
      y = NearestAlong(y, axis, sizes[i], places, coordinates != "asymmetric");
    } else {
      y = InterpolatedAlong(y, axis, sizes[i], places, mode == "cubic",
                            op.attributes.Float("cubic_coefficient"));
    }
  }
  return {y};
}

// ---- pixel_shuffle -----------------------------------------------------------------------------

Result<int64_t> CheckedFactor(const OpContext& op) {
  if (op.operands[0].rank() != 4)
    return Error("x must be {}, not {}", ImageText(op.attributes, 2), ToString(op.shape(0)));
  const int64_t factor = op.attributes.Int("factor");
  if (factor < 1 || factor > kMaxStep)
    return Error("factor must be between 1 and {}, not {}", kMaxStep, factor);
  return factor;
}

/// Extents of channels, height and width, in any layout.
struct Image {
  ImageLayout layout;
  int64_t batch, channels, height, width;

  explicit Image(const OpContext& op) : layout(LayoutOf(op.attributes, 2)) {
    const Shape& x = op.shape(0);
    batch = x[0];
    channels = x[layout.channels];
    height = x[layout.spatial];
    width = x[layout.spatial + 1];
  }
  Shape Shaped(int64_t c, int64_t h, int64_t w) const {
    return layout.channels == 1 ? Shape{batch, c, h, w} : Shape{batch, h, w, c};
  }
};

Result<std::vector<TensorType>> InferPixelShuffle(const OpContext& op) {
  DESCENT_TRY(r, CheckedFactor(op));
  const Image x(op);
  if (x.channels % (r * r) != 0)
    return Error("{} channels of x {} do not hold {} x {} pixels each", x.channels,
                 ToString(op.shape(0)), r, r);
  return OneResult(op.dtype(0), x.Shaped(x.channels / (r * r), x.height * r, x.width * r));
}

Values ExpandPixelShuffle(GraphBuilder& b, const OpContext& op, std::span<const Value> operands) {
  const int64_t r = op.attributes.Int("factor");
  const Image x(op);
  const int64_t c = x.channels / (r * r);
  const bool first = x.layout.channels == 1;
  const Expr parts = Reshape({b, operands[0]}, first ? Shape{x.batch, c, r, r, x.height, x.width}
                                                     : Shape{x.batch, x.height, x.width, c, r, r});
  return {Reshape(Transpose(parts, {0, 1, 4, 2, 5, 3}), x.Shaped(c, x.height * r, x.width * r))};
}

Result<std::vector<TensorType>> InferPixelUnshuffle(const OpContext& op) {
  DESCENT_TRY(r, CheckedFactor(op));
  const Image x(op);
  if (x.height % r != 0 || x.width % r != 0)
    return Error("factor {} does not divide height and width of x {}", r, ToString(op.shape(0)));
  return OneResult(op.dtype(0), x.Shaped(x.channels * r * r, x.height / r, x.width / r));
}

Values ExpandPixelUnshuffle(GraphBuilder& b, const OpContext& op, std::span<const Value> operands) {
  const int64_t r = op.attributes.Int("factor");
  const Image x(op);
  const int64_t h = x.height / r, w = x.width / r;
  const bool first = x.layout.channels == 1;
  const Expr parts = Reshape({b, operands[0]}, first ? Shape{x.batch, x.channels, h, r, w, r}
                                                     : Shape{x.batch, h, r, w, r, x.channels});
  return {Reshape(Transpose(parts, {0, 1, 3, 5, 2, 4}), x.Shaped(x.channels * r * r, h, w))};
}

Signature PixelSignature() {
  return {.operands = {{"x"}},
          .attributes = {{"factor", AttributeKind::kInt, std::nullopt, "pixels along each axis"},
                         LayoutAttribute()}};
}

}  // namespace

std::span<const OpDef> ResizeOps() {
  static const std::array kOps = {
      OpDef{.name = "resize",
            .doc =
                "Images of other extents by interpolation.\n\nPlace i of an axis that goes from "
                "extent n to m lies at `(i + 1/2) n/m - 1/2` of x (`half_pixel`), `i (n-1)/(m-1)` "
                "(`align_corners`; 0 for m = 1) or `i n/m` (`asymmetric`). `nearest` takes the "
                "nearest element, of two the one behind; with `asymmetric`, the one before. "
                "`linear` takes the two neighbours by their distance, `cubic` four by Keys' kernel "
                "with `cubic_coefficient`; beyond the ends the last elements repeat. Axes are done "
                "one after the other. PyTorch's interpolate: `linear` and `cubic` with half_pixel, "
                "or align_corners; its `nearest` is asymmetric, its `nearest-exact` half_pixel. "
                "Gradient: `g` back with the same weights (Keys, Cubic convolution interpolation "
                "for digital image processing, 1981).",
            .example = "resize([[[1, 3]]], sizes=[4]) = [[[1, 1.5, 2.5, 3]]]",
            .signature =
                {.operands = {{"x", DTypeClass::kFloat}},
                 .attributes = {IntsAttribute("sizes", {}, "new extents, one per resized axis"),
                                IntsAttribute("axes", Ints{},
                                              "resized axes, negative ones count from the end; "
                                              "empty: all behind the first two"),
                                {"mode",
                                 AttributeKind::kString,
                                 Attribute(std::string("linear")),
                                 "interpolation",
                                 {"nearest", "linear", "cubic"}},
                                {"coordinates",
                                 AttributeKind::kString,
                                 Attribute(std::string("half_pixel")),
                                 "where places lie",
                                 {"half_pixel", "align_corners", "asymmetric"}},
                                {"cubic_coefficient", AttributeKind::kFloat, Attribute(-0.75),
                                 "slope of the cubic kernel at distance 1"}}},
            .infer = InferResize,
            .expand = ExpandResize},
      OpDef{.name = "pixel_shuffle",
            .doc = "Channels as pixels of a larger image.\n\n`y[n, c, h*r + i, w*r + j] = x[n, "
                   "(c*r + i)*r + j, h, w]` with r = `factor`; channels last with `layout=nhwc`. "
                   "Gradient: pixel_unshuffle of `g` (Shi et al., Real-time single image and video "
                   "super-resolution, 2016).",
            .example = "pixel_shuffle([[[[1]], [[2]], [[3]], [[4]]]], factor=2) = [[[[1, 2], [3, "
                       "4]]]]",
            .signature = PixelSignature(),
            .infer = InferPixelShuffle,
            .expand = ExpandPixelShuffle},
      OpDef{
          .name = "pixel_unshuffle",
          .doc =
              "Pixels as channels of a smaller image: the inverse of pixel_shuffle.\n\n`y[n, (c*r "
              "+ i)*r + j, h, w] = x[n, c, h*r + i, w*r + j]` (torch.nn.PixelUnshuffle) with r = "
              "`factor`; channels last with `layout=nhwc`. Gradient: pixel_shuffle of `g`.",
          .example = "pixel_unshuffle([[[[1, 2], [3, 4]]]], factor=2) = [[[[1]], [[2]], [[3]], "
                     "[[4]]]]",
          .signature = PixelSignature(),
          .infer = InferPixelUnshuffle,
          .expand = ExpandPixelUnshuffle},
  };
  return kOps;
}

}  // namespace descent

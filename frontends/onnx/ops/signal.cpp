// Signals: Fourier transforms, windows, mel filters; determinants.
#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

#include "frontends/onnx/ops/families.h"
#include "frontends/onnx/tensor_reader.h"

namespace descent::onnx {
namespace {

using Ints = std::vector<int64_t>;

/// Matrices of a transform, and mel filters, are not larger.
constexpr int64_t kMaxMatrix = int64_t{1} << 24;

DType OutputType(OnnxNode& n) {
  return n.Take(ReadDType(static_cast<int>(n.Int("output_datatype", 1))));
}

/// Operand `i`, a number that decides an extent.
int64_t Extent(OnnxNode& n, int i) {
  const double extent = n.StaticNumber(i);
  if (extent >= 0 && extent <= static_cast<double>(kMaxElements))
    return static_cast<int64_t>(extent);
  n.Fail("operand {} is {}, which no extent is", i, extent);
  return 0;
}

// ---- windows

/// a - b cos(2 pi i / size) + c cos(4 pi i / size), the last element being the first one of the
/// next period, or of a symmetric window this one's.
using Cosines = std::array<double, 3>;
constexpr Cosines kHann = {0.5, 0.5, 0}, kHamming = {25.0 / 46, 21.0 / 46, 0},
                  kBlackman = {0.42, 0.5, 0.08};

template <const Cosines& kCosines>
Outputs Window(OnnxNode& n) {
  const int64_t size = Extent(n, 0), period = n.Flag("periodic", true) ? size : size - 1;
  const auto [a, b, c] = kCosines;
  const Value place = n.Add("iota", {}, {{"shape", Shape{size}}, {"dtype", DType::kF64}});
  const auto number = [&](double value) { return n.Scalar(DType::kF64, value); };
  const Value angle =
      n.Over(n.Times(place, number(2 * std::numbers::pi)), number(static_cast<double>(period)));
  const Value first = n.Times(n.Add("cos", {angle}), number(-b));
  const Value second = n.Times(n.Add("cos", {n.Times(angle, number(2))}), number(c));
  return n.Cast(n.Plus(n.Plus(first, second), number(a)), OutputType(n));
}

// ---- Fourier transforms, as products with the matrix of the transform, in f64

struct Complex {
  Value real, imaginary;  ///< imaginary: none where it is 0
};

/// Along the last axis of a transform: `points` of `length` are given, `bins` are wanted.
struct Transform {
  int64_t length = 0, points = 0, bins = 0;
  bool inverse = false;
  /// Given are the points of a real signal's spectrum that do not mirror another.
  bool from_half = false;
};

/// Angle 2 pi j k / length of points j and bins k, reduced before it is rounded.
Value Angles(OnnxNode& n, const Transform& t) {
  const Shape shape = {t.points, t.bins};
  const auto places = [&](int64_t axis) {
    return n.Add("iota", {}, {{"shape", shape}, {"axis", axis}});
  };
  const Value turns = n.Add("remainder", {n.Times(places(0), places(1)),
                                          n.Scalar(DType::kI64, static_cast<double>(t.length))});
  return n.Times(n.Cast(turns, DType::kF64),
                 n.Scalar(DType::kF64, 2 * std::numbers::pi / static_cast<double>(t.length)));
}

/// What each point counts: 1 / length in an inverse, twice where it stands for its mirror, too.
Value Weights(OnnxNode& n, const Transform& t) {
  std::vector<double> weights(t.points, t.inverse ? 1.0 / static_cast<double>(t.length) : 1.0);
  for (int64_t k = 1; k < t.points && t.from_half; ++k)
    if (2 * k != t.length) weights[k] *= 2;
  return n.Constant(Tensor::FromDoubles({DType::kF64, {t.points, 1}}, weights));
}

Complex Transformed(OnnxNode& n, const Complex& x, const Transform& t) {
  if (t.length < 1 || t.length > kMaxMatrix || t.points > kMaxMatrix / t.length) {
    n.Unsupported("a Fourier transform of {} points of {}", t.points, t.length);
    return {};
  }
  const Value angles = Angles(n, t), weights = Weights(n, t);
  const Value cosine = n.Times(n.Add("cos", {angles}), weights);
  const Value turning = n.Add("sin", {t.inverse ? n.Add("neg", {angles}) : angles});
  const Value sine = n.Times(turning, weights);
  const auto product = [&](Value a, Value b) { return n.Add("matmul", {a, b}); };
  const Value zero = n.Scalar(DType::kF64, 0);
  if (!x.imaginary.valid()) return {product(x.real, cosine), n.Minus(zero, product(x.real, sine))};
  return {n.Plus(product(x.real, cosine), product(x.imaginary, sine)),
          n.Minus(product(x.imaginary, cosine), product(x.real, sine))};
}

/// Component `i` of the last axis, `axis` being last instead, with `points` elements.
Value Component(OnnxNode& n, Value x, int64_t i, int64_t axis, int64_t points) {
  const Value index = n.Constant(Tensor::FromInts({DType::kI64, {}}, std::vector{i}));
  const Value one = n.MoveAxis(n.Add("gather", {x, index}, {{"axis", int64_t{-1}}}), axis, -1);
  if (n.failed()) return {};
  Ints low(n.rank(one), 0), high(n.rank(one), 0);
  high.back() = points - n.shape(one).back();
  return n.Cast(n.Add("pad_constant", {one}, {{"low", low}, {"high", high}}), DType::kF64);
}

Complex ComponentsOf(OnnxNode& n, Value x, int64_t axis, int64_t points) {
  if (n.failed() || n.shape(x).back() > 2 || n.shape(x).back() < 1) {
    n.Fail("the last axis of {} is not one of 1 or 2 components", ToString(n.type(x)));
    return {};
  }
  const bool is_real = n.shape(x).back() == 1;
  return {Component(n, x, 0, axis, points), is_real ? Value{} : Component(n, x, 1, axis, points)};
}

/// The components as last axis, the transformed axis where it was.
Value Joined(OnnxNode& n, const Complex& y, int64_t axis, DType dtype, bool only_real) {
  std::vector<Value> parts = {n.MoveAxis(y.real, -1, axis)};
  if (!only_real) parts.push_back(n.MoveAxis(y.imaginary, -1, axis));
  return n.Cast(n.Add("stack", parts, {{"axis", int64_t{-1}}}), dtype);
}

Outputs Dft(OnnxNode& n) {
  const Value x = n.In(0);
  const bool inverse = n.Flag("inverse"), onesided = n.Flag("onesided");
  int64_t axis = n.Int("axis", n.version() < 20 ? 1 : -2);
  if (n.Has(2)) axis = static_cast<int64_t>(n.StaticNumber(2));
  axis = n.Axis(axis, n.rank(x));
  if (n.failed()) return Value{};
  if (axis == n.rank(x) - 1) return n.Fail("axis {} is that of the components", axis);
  const int64_t extent = n.shape(x)[axis];
  const bool to_real = inverse && onesided;
  const int64_t length = n.Has(1) ? Extent(n, 1) : to_real ? 2 * (extent - 1) : extent;
  const int64_t half = length / 2 + 1;
  const Transform transform{.length = length,
                            .points = to_real ? half : length,
                            .bins = onesided && !inverse ? half : length,
                            .inverse = inverse,
                            .from_half = to_real};
  const Complex y = Transformed(n, ComponentsOf(n, x, axis, transform.points), transform);
  return Joined(n, y, axis, n.dtype(x), to_real);
}

/// Places of the frames in the signal: [frames, length].
Value Frames(OnnxNode& n, int64_t count, int64_t length, int64_t step) {
  const auto places = [&](int64_t axis) {
    return n.Add("iota", {}, {{"shape", Shape{count, length}}, {"axis", axis}});
  };
  return n.Plus(n.Times(places(0), n.Scalar(DType::kI64, static_cast<double>(step))), places(1));
}

Outputs Stft(OnnxNode& n) {
  const Value signal = n.In(0);
  const int64_t step = Extent(n, 1);
  if (n.rank(signal) != 3)
    return n.Fail("the signal must be [batch, length, components], not {}",
                  ToString(n.type(signal)));
  const int64_t extent = n.shape(signal)[1];
  const int64_t length = n.Has(3) ? Extent(n, 3) : n.Has(2) ? n.type(n.In(2)).elements() : extent;
  if (step < 1 || length < 1 || length > extent)
    return n.Fail("frames of {} by {} do not fit a signal of {}", length, step, extent);
  const Value places = Frames(n, (extent - length) / step + 1, length, step);
  Value frames = n.Add("gather", {signal, places}, {{"axis", int64_t{1}}});
  if (n.Has(2)) frames = n.Times(frames, n.AlongAxis(n.In(2), 2, 4));
  const Transform transform{.length = length,
                            .points = length,
                            .bins = n.Flag("onesided", true) ? length / 2 + 1 : length};
  const Complex y = Transformed(n, ComponentsOf(n, frames, 2, length), transform);
  return Joined(n, y, 2, n.dtype(signal), false);
}

// ---- mel filters

/// Triangles over the bins of a spectrum, evenly spaced in mel: [dft_length / 2 + 1, mel_bins].
Outputs MelWeightMatrix(OnnxNode& n) {
  const int64_t bands = Extent(n, 0), length = Extent(n, 1), rate = Extent(n, 2);
  const double low = n.StaticNumber(3), high = n.StaticNumber(4);
  const int64_t bins = length / 2 + 1;
  if (n.failed()) return Value{};
  if (rate < 1 || bands > kMaxMatrix / bins)
    return n.Unsupported("{} mel bands of {} bins at a rate of {}", bands, bins, rate);
  const auto mel = [](double hertz) { return 2595 * std::log10(1 + hertz / 700); };
  const double step = (mel(high) - mel(low)) / static_cast<double>(bands + 2);
  const auto bin = [&](int64_t band) {
    const double hertz =
        700 * (std::pow(10, (static_cast<double>(band) * step + mel(low)) / 2595) - 1);
    const double place =
        std::floor(static_cast<double>(length + 1) * hertz / static_cast<double>(rate));
    return std::clamp(place, 0.0, static_cast<double>(bins));
  };
  std::vector<double> weights(bins * bands, 0.0);
  for (int64_t band = 0; band < bands; ++band) {
    const double left = bin(band), center = bin(band + 1), right = bin(band + 2);
    for (int64_t k = 0; k < bins; ++k) {
      const auto place = static_cast<double>(k);
      double& weight = weights[k * bands + band];
      if (place >= left && place <= center)
        weight = center == left ? 1 : (place - left) / (center - left);
      if (place >= center && place < right) weight = (right - place) / (right - center);
    }
  }
  return n.Constant(Tensor::FromDoubles({OutputType(n), {bins, bands}}, weights));
}

// ---- determinants

/// Matrices of more rows are not eliminated at import.
constexpr int64_t kMaxRows = 64;

Value Part(OnnxNode& n, Value x, Ints starts) {
  return n.Add("slice", {x}, {{"starts", std::move(starts)}, {"stops", n.shape(x)}});
}

/// Gaussian elimination with the largest pivot of the column, a row a step. [batch, m, m] becomes
/// [batch, m - 1, m - 1]; `det` takes the pivot and its sign.
Value Eliminate(OnnxNode& n, Value x, Value& det) {
  const Shape shape = n.shape(x);
  const int64_t batch = shape[0], rows = shape[1];
  const auto first = [&](Value of, int64_t axis) {
    Shape stops = n.shape(of);
    stops[axis] = 1;
    return n.Add("slice", {of}, {{"starts", Ints{0, 0, 0}}, {"stops", std::move(stops)}});
  };
  const Value column = n.Add("abs", {first(x, 2)});
  const Value place = n.Add("argmax", {column}, {{"axis", int64_t{1}}, {"keepdims", true}});
  const Value pivot_row =
      n.Add("gather_elements", {x, n.Expand(place, {batch, 1, rows})}, {{"axis", int64_t{1}}});
  const Value numbers = n.Add("iota", {}, {{"shape", Shape{1, rows, 1}}, {"axis", int64_t{1}}});
  const Value swapped = n.Add("where", {n.Add("equal", {numbers, place}), first(x, 1), x});
  const Value pivot = first(pivot_row, 2);
  const Value is_first = n.Add("equal", {place, n.Like(place, 0)});
  const Value sign = n.Add("where", {is_first, n.Like(x, 1), n.Like(x, -1)});
  det = n.Times(det, n.Times(pivot, sign));
  const Value is_zero = n.Add("equal", {pivot, n.Like(x, 0)});
  const Value divisor = n.Add("where", {is_zero, n.Like(x, 1), pivot});
  const Value factors = n.Over(first(Part(n, swapped, {0, 1, 0}), 2), divisor);
  return n.Minus(Part(n, swapped, {0, 1, 1}), n.Times(factors, Part(n, pivot_row, {0, 0, 1})));
}

Outputs Det(OnnxNode& n) {
  const Value x = n.In(0);
  Shape shape = n.shape(x);
  if (shape.size() < 2 || shape.back() != shape[shape.size() - 2])
    return n.Fail("{} is not square", ToString(n.type(x)));
  if (!n.IsFloat(x)) return n.Fail("a determinant of {}", ToString(n.type(x)));
  const int64_t rows = shape.back();
  if (rows > kMaxRows) return n.Unsupported("a determinant of more than {} rows", kMaxRows);
  shape.resize(shape.size() - 2);
  const int64_t batch = Elements(shape);
  Value det = n.Expand(n.Like(x, 1), {batch, 1, 1});
  Value left = n.Reshape(x, {batch, rows, rows});
  for (int64_t i = 0; i < rows && !n.failed(); ++i) left = Eliminate(n, left, det);
  return n.Reshape(det, std::move(shape));
}

const std::vector<std::string_view> kWindow = {"output_datatype", "periodic"};

}  // namespace

std::span<const OpImporter> SignalImporters() {
  static const std::vector<OpImporter> kImporters = {
      {"BlackmanWindow", 17, kNewest, 1, kWindow, Window<kBlackman>},
      {"DFT", 17, 19, 2, {"axis", "inverse", "onesided"}, Dft},
      {"DFT", 20, kNewest, 3, {"inverse", "onesided"}, Dft},
      {"Det", 11, kNewest, 1, {}, Det},
      {"HammingWindow", 17, kNewest, 1, kWindow, Window<kHamming>},
      {"HannWindow", 17, kNewest, 1, kWindow, Window<kHann>},
      {"MelWeightMatrix", 17, kNewest, 5, {"output_datatype"}, MelWeightMatrix},
      {"STFT", 17, kNewest, 4, {"onesided"}, Stft},
  };
  return kImporters;
}

}  // namespace descent::onnx

// Random tensors as expressions.

#include <array>
#include <cmath>
#include <numbers>

#include "ir/float16.h"
#include "ir/ops/families.h"
#include "ir/ops/random.h"
#include "ir/ops/shapes.h"

namespace descent {
namespace {

std::vector<Value> Counters(GraphBuilder& b) {
  return {b.Add("seed", {}), b.Add("step", {}), b.Add("loop_step", {})};
}

constexpr double kTwoTo32 = 4294967296.0;

/// c[0] + c[1] x + c[2] x^2 + ...
Expr Polynomial(Expr x, std::span<const double> c) {
  Expr sum = x.Like(c.back());
  for (size_t i = c.size() - 1; i-- > 0;) sum = sum * x + c[i];
  return sum;
}

}  // namespace

Expr RandomWord(GraphBuilder& b, const Shape& shape, int64_t stream) {
  return {b, b.Add("random_word", Counters(b), {{"shape", shape}, {"stream", stream}})};
}

Expr RandomUnit(GraphBuilder& b, const Shape& shape, DType dtype, int64_t stream) {
  return {b, b.Add("random_unit", Counters(b),
                   {{"shape", shape}, {"dtype", dtype}, {"stream", stream}})};
}

Expr RandomUniform(GraphBuilder& b, const Shape& shape, DType dtype, int64_t stream, double low,
                   double high) {
  return RandomUnit(b, shape, dtype, stream) * (high - low) + low;
}

Expr RandomNormal(GraphBuilder& b, const Shape& shape, DType dtype, int64_t stream, double mean,
                  double deviation) {
  const Expr radius = Sqrt(Log(1.0 - RandomUnit(b, shape, dtype, stream)) * -2.0);
  const Expr angle = RandomUnit(b, shape, dtype, stream + kSecondWord) * (2 * std::numbers::pi);
  return radius * Cos(angle) * deviation + mean;
}

Expr RandomGumbel(GraphBuilder& b, const Shape& shape, DType dtype, int64_t stream) {
  const Expr unit = Maximum(RandomUnit(b, shape, dtype, stream), 0x1p-25);
  return -Log(-Log(unit));
}

/// The upper half of the 96-bit product of count and 64 random bits, of which nothing overflows.
Expr RandomBelow(GraphBuilder& b, const Shape& shape, int64_t stream, int64_t count) {
  const auto n = static_cast<double>(count);
  const Expr high = RandomWord(b, shape, stream), low = RandomWord(b, shape, stream + kSecondWord);
  return (high * n + low * n / kTwoTo32) / kTwoTo32;
}

/// Wichura, Algorithm AS 241: The percentage points of the normal distribution, 1988 (PPND16):
/// relative error about 1e-16.
Expr NormalQuantile(Expr p) {
  static constexpr std::array kCentral = {
      std::array{3.3871328727963666080e0, 1.3314166789178437745e2, 1.9715909503065514427e3,
                 1.3731693765509461125e4, 4.5921953931549871457e4, 6.7265770927008700853e4,
                 3.3430575583588128105e4, 2.5090809287301226727e3},
      std::array{1.0, 4.2313330701600911252e1, 6.8718700749205790830e2, 5.3941960214247511077e3,
                 2.1213794301586595867e4, 3.9307895800092710610e4, 2.8729085735721942674e4,
                 5.2264952788528545610e3}};
  static constexpr std::array kMiddle = {
      std::array{1.42343711074968357734e0, 4.63033784615654529590e0, 5.76949722146069140550e0,
                 3.64784832476320460504e0, 1.27045825245236838258e0, 2.41780725177450611770e-1,
                 2.27238449892691845833e-2, 7.74545014278341407640e-4},
      std::array{1.0, 2.05319162663775882187e0, 1.67638483018380384940e0, 6.89767334985100004550e-1,
                 1.48103976427480074590e-1, 1.51986665636164571966e-2, 5.47593808499534494600e-4,
                 1.05075007164441684324e-9}};
  static constexpr std::array kTail = {
      std::array{6.65790464350110377720e0, 5.46378491116411436990e0, 1.78482653991729133580e0,
                 2.96560571828504891230e-1, 2.65321895265761230930e-2, 1.24266094738807843860e-3,
                 2.71155556874348757815e-5, 2.01033439929228813265e-7},
      std::array{1.0, 5.99832206555887937690e-1, 1.36929880922735805310e-1,
                 1.48753612908506148525e-2, 7.86869131145613259100e-4, 1.84631831751005468180e-5,
                 1.42151175831644588870e-7, 2.04426310338993978564e-15}};
  const auto ratio = [](const auto& c, Expr x) {
    return Polynomial(x, c[0]) / Polynomial(x, c[1]);
  };
  const Expr q = p - 0.5, tail = Minimum(p, 1.0 - p);
  const Expr central = q * ratio(kCentral, 0.180625 - Square(q));
  const Expr r = Sqrt(-Log(tail));
  const Expr outer = Where(LessEqual(r, 5.0), ratio(kMiddle, r - 1.6), ratio(kTail, r - 5.0));
  const Expr sided = Where(Equal(tail, 0.0), r, outer);
  return Where(LessEqual(Abs(q), 0.425), central, Where(Less(q, 0.0), -sided, sided));
}

Result<void> CheckStream(const Attributes& attributes, int64_t limit) {
  const int64_t stream = attributes.Int("stream");
  if (stream < 0 || stream >= limit)
    return Error("stream must be between 0 and {}, not {}", limit - 1, stream);
  return {};
}

Result<void> CheckParameters(const Attributes& attributes) {
  const DType dtype = attributes.Type("dtype");
  const auto is_finite = [&](double value) { return std::isfinite(RoundToFloat(dtype, value)); };
  for (const auto& [name, value] : attributes)
    if (const auto* number = std::get_if<double>(&value); number && !is_finite(*number))
      return Error("{} must be finite in {}, not {}", name, Info(dtype).name, *number);
  if (attributes.Find("low") == nullptr) return {};
  const double low = attributes.Float("low"), high = attributes.Float("high");
  if (is_finite(high - low)) return {};
  return Error("high - low must be finite in {}, not {} - {}", Info(dtype).name, high, low);
}

AttributeSpec StreamAttribute() {
  return {"stream", AttributeKind::kInt, Attribute(int64_t{0}),
          "number that keeps random nodes apart, below 2^30"};
}

std::span<const OpDef> RandomOps() {
  static const std::vector<OpDef> kOps = [] {
    std::vector<OpDef> ops(RandomGenerators().begin(), RandomGenerators().end());
    ops.insert(ops.end(), DropoutOps().begin(), DropoutOps().end());
    return ops;
  }();
  return kOps;
}

}  // namespace descent

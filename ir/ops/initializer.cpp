// Initializers: the first values of parameters and other state. `shape` and `dtype` are those of
// the slot, `stream` its position.

#include <algorithm>
#include <array>
#include <cmath>

#include "ir/ops/families.h"
#include "ir/ops/random.h"
#include "ir/ops/shapes.h"

namespace descent {
namespace {

using Values = std::vector<Value>;

constexpr std::string_view kNoOperands = "it does not depend on anything";

/// Inputs and outputs of one neuron. Matrices are [in, out], convolutions [out, in, kh, kw].
struct Fans {
  double in, out;
};

Fans FansOf(const Shape& shape) {
  if (shape.empty()) return {1, 1};
  if (shape.size() == 1) return {static_cast<double>(shape[0]), static_cast<double>(shape[0])};
  if (shape.size() == 2) return {static_cast<double>(shape[0]), static_cast<double>(shape[1])};
  const auto window = static_cast<double>(ElementsOf(shape, 2, static_cast<int>(shape.size())));
  return {static_cast<double>(shape[1]) * window, static_cast<double>(shape[0]) * window};
}

struct Place {
  GraphBuilder& b;
  const Shape& shape;
  DType dtype;
  int64_t stream;

  Values Constant(double value) const { return {Filled(b, shape, dtype, value)}; }
  Values Uniform(double low, double high) const {
    return {RandomUniform(b, shape, dtype, stream, low, high)};
  }
  Values Uniform(double limit) const { return Uniform(-limit, limit); }
  Values Normal(double mean, double deviation) const {
    return {RandomNormal(b, shape, dtype, stream, mean, deviation)};
  }
};

Place PlaceOf(GraphBuilder& b, const OpContext& op) {
  return {b, op.attributes.Ints("shape"), op.attributes.Type("dtype"),
          op.attributes.Int("stream") + kInitializerStreams};
}

/// Root of `numerator` over the mean number of connections, or over the inputs.
double Glorot(const Shape& shape, double numerator) {
  const Fans fans = FansOf(shape);
  return std::sqrt(numerator / std::max(1.0, fans.in + fans.out));
}
double He(const Shape& shape, double numerator) {
  return std::sqrt(numerator / std::max(1.0, FansOf(shape).in));
}

Result<std::vector<TensorType>> InferAny(const OpContext& op) {
  const int64_t stream = op.attributes.Int("stream");
  if (stream < 0 || stream >= kStreamLimit)
    return Error("stream must be between 0 and {}, not {}", kStreamLimit - 1, stream);
  return OneResult(op.attributes.Type("dtype"), op.attributes.Ints("shape"));
}

Result<std::vector<TensorType>> InferRandom(const OpContext& op) {
  if (!Info(op.attributes.Type("dtype")).is_float)
    return Error("dtype must be a float type, not {}", Info(op.attributes.Type("dtype")).name);
  DESCENT_RETURN_IF_ERROR(CheckParameters(op.attributes));
  return InferAny(op);
}

using Expansion = Values (*)(GraphBuilder&, const OpContext&, std::span<const Value>);

OpDef Initializer(std::string_view name, std::string_view doc, std::string_view example,
                  Result<std::vector<TensorType>> (*infer)(const OpContext&), Expansion expand,
                  std::vector<AttributeSpec> own = {}) {
  std::vector<AttributeSpec> attributes = {
      {"shape", AttributeKind::kInts, Attribute(std::vector<int64_t>{}), "extents of the slot"},
      {"dtype", AttributeKind::kDType, Attribute(DType::kF32), "element type of the slot"},
      {"stream", AttributeKind::kInt, Attribute(int64_t{0}), "position of the slot"}};
  attributes.insert(attributes.end(), own.begin(), own.end());
  return {.name = name,
          .doc = doc,
          .example = example,
          .signature = {.operands = {}, .attributes = std::move(attributes)},
          .infer = infer,
          .expand = expand,
          .no_gradient = kNoOperands};
}

AttributeSpec Number(std::string_view name, double value, std::string_view doc) {
  return {name, AttributeKind::kFloat, Attribute(value), doc};
}

}  // namespace

std::span<const OpDef> InitializerOps() {
  using B = GraphBuilder;
  using C = OpContext;
  using V = std::span<const Value>;
  static const std::array kOps = {
      Initializer("zeros", "All 0.\n\n`y = 0` (torch.nn.init.zeros_): biases, momenta.",
                  "zeros(shape=[3]) = [0, 0, 0]", InferAny,
                  [](B& b, const C& op, V) { return PlaceOf(b, op).Constant(0); }),
      Initializer("ones", "All 1.\n\n`y = 1` (torch.nn.init.ones_): scales of normalizations.",
                  "ones(shape=[3]) = [1, 1, 1]", InferAny,
                  [](B& b, const C& op, V) { return PlaceOf(b, op).Constant(1); }),
      Initializer("constant_fill", "All the same number.\n\n`y = value` (torch.nn.init.constant_).",
                  "constant_fill(shape=[2], value=0.5) = [0.5, 0.5]", InferAny,
                  [](B& b, const C& op, V) {
                    return PlaceOf(b, op).Constant(op.attributes.Float("value"));
                  },
                  {Number("value", 0, "the value")}),
      Initializer("glorot_uniform",
                  "Uniform in [-limit, limit), limit = sqrt(6 / (in + out)).\n\nFor sigmoid and "
                  "tanh (Glorot and Bengio, Understanding the difficulty of training deep "
                  "feedforward neural networks, 2010, equation 16). Matrices are [in, out]; "
                  "convolutions [out, in, kh, kw], where in and out count kh * kw times; of a "
                  "vector both are its extent.",
                  "glorot_uniform(shape=[1, 5]) = [[0.3035, -0.77, 0.5519, -0.198, -0.9887]]",
                  InferRandom,
                  [](B& b, const C& op, V) {
                    return PlaceOf(b, op).Uniform(Glorot(op.attributes.Ints("shape"), 6));
                  }),
      Initializer("glorot_normal",
                  "Normal with standard deviation sqrt(2 / (in + out)).\n\nFans as for "
                  "glorot_uniform (Glorot and Bengio, 2010, equation 12).",
                  "glorot_normal(shape=[1, 1]) = [[1.3564]]", InferRandom,
                  [](B& b, const C& op, V) {
                    return PlaceOf(b, op).Normal(0, Glorot(op.attributes.Ints("shape"), 2));
                  }),
      Initializer("he_uniform",
                  "Uniform in [-limit, limit), limit = sqrt(6 / in).\n\nFor ReLU (He et al., "
                  "Delving deep into rectifiers, 2015, equation 10, as a uniform distribution of "
                  "that variance). Fans as for glorot_uniform.",
                  "he_uniform(shape=[6, 1]) = [[0.3035], [-0.77], [0.5519], [-0.198], [-0.9887], "
                  "[-0.1183]]",
                  InferRandom,
                  [](B& b, const C& op, V) {
                    return PlaceOf(b, op).Uniform(He(op.attributes.Ints("shape"), 6));
                  }),
      Initializer("he_normal",
                  "Normal with standard deviation sqrt(2 / in).\n\nFor ReLU (He et al., 2015, "
                  "equation 10). Fans as for glorot_uniform.",
                  "he_normal(shape=[2, 1]) = [[1.3564], [0.3317]]", InferRandom,
                  [](B& b, const C& op, V) {
                    return PlaceOf(b, op).Normal(0, He(op.attributes.Ints("shape"), 2));
                  }),
      Initializer(
          "random_uniform",
          "Uniform in [low, high).\n\n`y = low + u * (high - low)` (torch.nn.init.uniform_), u "
          "from random_unit.",
          "random_uniform(shape=[3], low=-1, high=1) = [0.3035, -0.77, 0.5519]", InferRandom,
          [](B& b, const C& op, V) {
            return PlaceOf(b, op).Uniform(op.attributes.Float("low"), op.attributes.Float("high"));
          },
          {Number("low", -0.05, "lower end"), Number("high", 0.05, "upper end")}),
      Initializer("random_normal",
                  "Normal with given mean and standard deviation.\n\n`y = mean + std * z` "
                  "(torch.nn.init.normal_), z as in normal.",
                  "random_normal(shape=[3], std=1) = [1.3564, 0.3317, -1.7098]", InferRandom,
                  [](B& b, const C& op, V) {
                    return PlaceOf(b, op).Normal(op.attributes.Float("mean"),
                                                 op.attributes.Float("std"));
                  },
                  {Number("mean", 0, "mean"), Number("std", 0.05, "standard deviation")}),
  };
  return kOps;
}

}  // namespace descent

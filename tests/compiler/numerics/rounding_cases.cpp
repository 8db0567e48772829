#include "tests/compiler/numerics/rounding_cases.h"

#include <cmath>

#include "compiler/graph/pipeline.h"
#include "ir/autodiff.h"
#include "ir/expr.h"
#include "tests/compiler/kernel/lowering_harness.h"

namespace descent {
namespace {

using Kind = RoundingCase::Kind;

constexpr int64_t kBatch = 2;

constexpr RoundingCase kCases[] = {
    {Kind::kMatmul, Numbers::kNormal, 32, 64},
    {Kind::kMatmul, Numbers::kNormal, 32, 1024},
    {Kind::kMatmul, Numbers::kNormal, 32, 4096},
    {Kind::kMatmul, Numbers::kUniform, 32, 64},
    {Kind::kMatmul, Numbers::kUniform, 32, 1024},
    {Kind::kMatmul, Numbers::kUniform, 32, 4096},
    {Kind::kMatmul, Numbers::kOutliers, 32, 1024},
    {Kind::kSum, Numbers::kNormal, 16, 1024},
    {Kind::kSum, Numbers::kNormal, 16, 32768},
    {Kind::kSum, Numbers::kUniform, 16, 1024},
    {Kind::kSum, Numbers::kUniform, 16, 32768},
    {Kind::kConvolution, Numbers::kNormal, 8, 16},
    {Kind::kConvolution, Numbers::kNormal, 8, 64},
    {Kind::kConvolution, Numbers::kNormal, 8, 128},
    {Kind::kConvolution, Numbers::kUniform, 8, 16},
    {Kind::kConvolution, Numbers::kUniform, 8, 64},
    {Kind::kConvolution, Numbers::kUniform, 8, 128},
    {Kind::kConvolution, Numbers::kOutliers, 8, 128},
};

/// In [0, 1), of 24 bits; counter-based, so that no library decides.
double Uniform(uint64_t seed, uint64_t number) {
  uint64_t bits = (number + 1) * 0x9E3779B97F4A7C15 ^ seed * 0xD1B54A32D192ED03;
  for (const int shift : {30, 27, 31}) bits = (bits ^ bits >> shift) * 0xBF58476D1CE4E5B9;
  return static_cast<double>(bits >> 40) * 0x1p-24;
}

/// Twelve uniform numbers less six: near enough to normal, and the same everywhere.
double Normal(uint64_t seed, uint64_t number) {
  double sum = -6;
  for (uint64_t i = 0; i < 12; ++i) sum += Uniform(seed, 12 * number + i);
  return sum;
}

double NumberOf(Numbers numbers, uint64_t seed, uint64_t number) {
  if (numbers == Numbers::kUniform) return Uniform(seed, number);
  const bool outlier = numbers == Numbers::kOutliers && Uniform(seed + 100, number) < 0.001;
  return Normal(seed, number) * (outlier ? 1000 : 1);
}

double SquareOf(double value) { return value * value; }

Graph GraphOf(const RoundingCase& one, DType dtype) {
  GraphBuilder b;
  if (one.kind == Kind::kMatmul) {
    const Value x = b.Input("x", {dtype, {one.rows, one.terms}});
    const Value w = b.Input("w", {dtype, {one.terms, one.rows}});
    b.Output("y", b.Add("matmul", {x, w}));
  } else if (one.kind == Kind::kSum) {
    const Value x = b.Input("x", {dtype, {one.rows, one.terms}});
    b.Output("y", b.Add("sum", {x}, {{"axes", std::vector<int64_t>{1}}}));
  } else {
    const Value x = b.Input("x", {dtype, {kBatch, one.terms, one.rows, one.rows}});
    const Value w = b.Input("w", {dtype, {one.terms, one.terms, 3, 3}});
    const Value y = b.Add("conv2d", {x, w}, {{"padding", std::vector<int64_t>{1, 1, 1, 1}}});
    const Cotangent arriving{y, b.Input("g", b.type(y))};
    const Value wanted[] = {x, w};
    const auto gradients = ReverseWalk(b, {&arriving, 1}, wanted);
    DESCENT_CHECK(gradients.has_value(), "a convolution has gradients");
    b.Output("y", y);
    b.Output("dx", (*gradients)[0]);
    b.Output("dw", (*gradients)[1]);
  }
  return std::move(b).Build();
}

/// f of every element, in another type.
Tensor Mapped(const Tensor& tensor, DType dtype, double (*f)(double)) {
  std::vector<double> values(static_cast<size_t>(tensor.elements()));
  for (size_t i = 0; i < values.size(); ++i)
    values[i] = f(tensor.GetDouble(static_cast<int64_t>(i)));
  return Tensor::FromDoubles({dtype, tensor.shape()}, values);
}

Result<std::vector<Tensor>> Run(const RoundingCase& one, DType dtype, bool winograd,
                                NamedTensors inputs) {
  const Model model = ModelOf(one, dtype);
  DESCENT_TRY(optimized, RunPasses(model, StandardPasses(model), {.pass = {.entry = model.entry}}));
  DESCENT_TRY(compiled, CompiledCase::Make(optimized, {.winograd = winograd}));
  for (auto& [name, value] : inputs)
    value = Mapped(value, dtype, [](double number) { return number; });
  return compiled.Run(WithSystemValues(std::move(inputs))).outputs;
}

}  // namespace

std::string RoundingCase::name() const {
  constexpr const char* kKinds[] = {"matmul", "sum", "conv"};
  constexpr const char* kNumbers[] = {"normal", "uniform", "outliers"};
  return fmt::format("{}-{}-{}", kKinds[static_cast<int>(kind)],
                     kNumbers[static_cast<int>(numbers)], terms);
}

std::span<const RoundingCase> RoundingCases() { return kCases; }

Model ModelOf(const RoundingCase& one, DType dtype) { return RunModel(GraphOf(one, dtype)); }

NamedTensors InputsOf(const RoundingCase& one) {
  NamedTensors inputs;
  const Graph graph = GraphOf(one, DType::kF32);
  for (const NamedValue& input : graph.inputs()) {
    const TensorType& type = graph.type(input.value);
    const uint64_t seed = inputs.size() + 1;
    std::vector<double> values(static_cast<size_t>(type.elements()));
    for (size_t i = 0; i < values.size(); ++i) values[i] = NumberOf(one.numbers, seed, i);
    inputs.emplace(input.name, Tensor::FromDoubles(type, values));
  }
  return inputs;
}

Result<std::vector<Tensor>> CompiledValues(const RoundingCase& one, DType dtype, bool winograd) {
  return Run(one, dtype, winograd, InputsOf(one));
}

Result<std::vector<Tensor>> Magnitudes(const RoundingCase& one) {
  NamedTensors inputs = InputsOf(one);
  for (auto& [name, value] : inputs)
    value = Mapped(value, DType::kF64, [](double number) { return std::abs(number); });
  return Run(one, DType::kF64, false, std::move(inputs));
}

Errors ErrorsOf(const Tensor& computed, const Tensor& exact, const Tensor& magnitudes) {
  double errors = 0, values = 0, largest = 0;
  for (int64_t i = 0; i < exact.elements(); ++i) {
    const double value = exact.GetDouble(i), error = std::abs(computed.GetDouble(i) - value);
    errors += SquareOf(error), values += SquareOf(value);
    if (error > 0) largest = std::max(largest, error / magnitudes.GetDouble(i));
  }
  return {std::sqrt(errors / values) * 0x1p24, largest * 0x1p24};
}

}  // namespace descent

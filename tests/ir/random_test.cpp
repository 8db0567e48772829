// Distributions of random operators: moments and frequencies of many numbers under one seed. The
// numbers are the same in every run, so nothing here fails by chance.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <numbers>

#include "ir/graph.h"
#include "ir/interpreter.h"

namespace descent {
namespace {

constexpr int64_t kCount = 20000;

std::vector<double> Draw(std::string_view op, Attributes attributes,
                         const std::vector<Tensor>& operands = {}, int64_t step = 0) {
  GraphBuilder b;
  std::vector<Value> inputs;
  for (const Tensor& operand : operands) inputs.push_back(b.Input("x", operand.type()));
  b.Output("y", b.Add(op, inputs, std::move(attributes)));
  const auto run = Interpret(std::move(b).Build(), operands, {.seed = 2024, .step = step});
  EXPECT_TRUE(run) << run.error().message;
  std::vector<double> numbers;
  for (int64_t i = 0; i < run->outputs[0].elements(); ++i)
    numbers.push_back(run->outputs[0].GetDouble(i));
  return numbers;
}

Attributes Many(std::initializer_list<Attributes::Entry> own, DType dtype = DType::kF32) {
  Attributes attributes = {{"shape", Shape{kCount}}, {"stream", int64_t{3}}, {"dtype", dtype}};
  for (const auto& [name, value] : own) attributes.Set(name, value);
  return attributes;
}

/// Sum of (observed - expected)^2 / expected.
double ChiSquare(const std::vector<double>& observed, const std::vector<double>& expected) {
  double sum = 0;
  for (size_t i = 0; i < observed.size(); ++i)
    sum += (observed[i] - expected[i]) * (observed[i] - expected[i]) / expected[i];
  return sum;
}

/// Above this lies less than a ten-thousandth of the distribution (Wilson and Hilferty, 1931).
double ChiSquareBound(int degrees) {
  const double spread = 2.0 / (9 * degrees);
  return degrees * std::pow(1 - spread + 3.719 * std::sqrt(spread), 3);
}

std::vector<double> Frequencies(const std::vector<double>& numbers, int64_t low, int64_t count) {
  std::vector<double> frequencies(count);
  for (const double number : numbers) {
    const int64_t bin = static_cast<int64_t>(number) - low;
    EXPECT_TRUE(bin >= 0 && bin < count) << number;
    if (bin >= 0 && bin < count) frequencies[bin] += 1;
  }
  return frequencies;
}

// ---- floats ------------------------------------------------------------------------------------

/// A distribution by its cumulative function, which turns its numbers into uniform ones.
struct Distribution {
  std::string name, op;
  std::vector<Attributes::Entry> attributes;
  std::function<double(double)> cumulative;
  double mean, variance;
};

double NormalCumulative(double x) { return std::erfc(-x / std::numbers::sqrt2) / 2; }
double NormalDensity(double x) { return std::exp(-x * x / 2) / std::sqrt(2 * std::numbers::pi); }

Distribution TruncatedNormal(double mean, double std, double low, double high) {
  const double a = (low - mean) / std, b = (high - mean) / std;
  const double share = NormalCumulative(b) - NormalCumulative(a);
  const double shift = (NormalDensity(a) - NormalDensity(b)) / share;
  const double shrink = (a * NormalDensity(a) - b * NormalDensity(b)) / share;
  return {
      fmt::format("truncated_{}", low < mean ? "centre" : "tail"),
      "truncated_normal",
      {{"mean", mean}, {"std", std}, {"low", low}, {"high", high}},
      [=](double x) { return (NormalCumulative((x - mean) / std) - NormalCumulative(a)) / share; },
      mean + std * shift,
      std * std * (1 + shrink - shift * shift)};
}

std::vector<Distribution> Distributions() {
  return {
      {"uniform",
       "uniform",
       {{"low", -1.0}, {"high", 3.0}},
       [](double x) { return (x + 1) / 4; },
       1,
       16.0 / 12},
      {"normal",
       "normal",
       {{"mean", 2.0}, {"std", 3.0}},
       [](double x) { return NormalCumulative((x - 2) / 3); },
       2,
       9},
      {"gumbel",
       "gumbel",
       {{"location", 1.0}, {"scale", 2.0}},
       [](double x) { return std::exp(-std::exp((1 - x) / 2)); },
       1 + 2 * std::numbers::egamma,
       4 * std::numbers::pi * std::numbers::pi / 6},
      TruncatedNormal(0, 1, -2, 2),
      TruncatedNormal(1, 0.5, 1.5, 4),
  };
}

class Floats : public testing::TestWithParam<Distribution> {};
INSTANTIATE_TEST_SUITE_P(All, Floats, testing::ValuesIn(Distributions()),
                         [](const auto& info) { return info.param.name; });

TEST_P(Floats, HaveTheirMoments) {
  Attributes attributes = Many({});
  for (const auto& [name, value] : GetParam().attributes) attributes.Set(name, value);
  const std::vector<double> numbers = Draw(GetParam().op, attributes);
  double mean = 0, variance = 0, fourth = 0;
  for (const double x : numbers) mean += x / kCount;
  for (const double x : numbers) {
    variance += (x - mean) * (x - mean) / kCount;
    fourth += std::pow(x - mean, 4) / kCount;
  }
  // Four standard errors each.
  EXPECT_NEAR(mean, GetParam().mean, 4 * std::sqrt(variance / kCount));
  EXPECT_NEAR(variance, GetParam().variance,
              4 * std::sqrt((fourth - variance * variance) / kCount));
}

TEST_P(Floats, HaveTheirDistribution) {
  constexpr int kBins = 50;
  Attributes attributes = Many({});
  for (const auto& [name, value] : GetParam().attributes) attributes.Set(name, value);
  std::vector<double> places;
  for (const double x : Draw(GetParam().op, attributes)) {
    const double place = GetParam().cumulative(x);
    ASSERT_TRUE(place >= -1e-6 && place <= 1 + 1e-6) << x;
    places.push_back(std::clamp(std::floor(place * kBins), 0.0, kBins - 1.0));
  }
  EXPECT_LT(ChiSquare(Frequencies(places, 0, kBins), std::vector<double>(kBins, kCount / kBins)),
            ChiSquareBound(kBins - 1));
}

// ---- whole numbers -----------------------------------------------------------------------------

TEST(RandomWholes, RandintIsUniform) {
  for (const int64_t count : {2, 7, 100}) {
    const auto numbers =
        Draw("randint", Many({{"low", int64_t{-3}}, {"high", count - 3}}, DType::kI64));
    const std::vector<double> expected(count, static_cast<double>(kCount) / count);
    EXPECT_LT(ChiSquare(Frequencies(numbers, -3, count), expected), ChiSquareBound(count - 1));
  }
}

TEST(RandomWholes, RandintReachesFarBits) {
  const auto numbers =
      Draw("randint", Many({{"low", int64_t{0}}, {"high", int64_t{1} << 31}}, DType::kI64));
  for (int bit = 0; bit < 31; ++bit) {
    double ones = 0;
    for (const double number : numbers) ones += (static_cast<int64_t>(number) >> bit) & 1;
    EXPECT_NEAR(ones, kCount / 2.0, 4 * std::sqrt(kCount / 4.0)) << "bit " << bit;
  }
}

TEST(RandomWholes, BernoulliHasItsProbability) {
  for (const double probability : {0.0, 0.1, 0.5, 1.0}) {
    double ones = 0;
    for (const double x : Draw("bernoulli", Many({{"probability", probability}}))) ones += x;
    EXPECT_NEAR(ones, kCount * probability,
                4 * std::sqrt(kCount * probability * (1 - probability)));
  }
}

TEST(RandomWholes, CategoricalHasTheSoftmaxOfItsLogits) {
  const std::vector<double> logits = {0, 1, -1, 2, -kCount, 0.5};
  std::vector<double> rows, expected;
  for (int64_t i = 0; i < kCount; ++i) rows.insert(rows.end(), logits.begin(), logits.end());
  double sum = 0;
  for (const double z : logits) sum += std::exp(z);
  for (const double z : logits) expected.push_back(kCount * std::exp(z) / sum);
  const TensorType type{DType::kF32, {kCount, static_cast<int64_t>(logits.size())}};
  auto frequencies = Frequencies(Draw("categorical", {}, {Tensor::FromDoubles(type, rows)}), 0,
                                 static_cast<int64_t>(logits.size()));
  EXPECT_EQ(frequencies[4], 0);
  frequencies.erase(frequencies.begin() + 4);
  expected.erase(expected.begin() + 4);
  EXPECT_LT(ChiSquare(frequencies, expected), ChiSquareBound(4));
}

TEST(RandomWholes, PermutationsAreAllEquallyLikely) {
  constexpr int kDraws = 4800;
  std::map<std::vector<double>, double> counts;
  for (int step = 0; step < kDraws; ++step)
    counts[Draw("permutation", {{"n", int64_t{4}}}, {}, step)] += 1;
  ASSERT_EQ(counts.size(), 24u);
  std::vector<double> observed;
  for (const auto& [permutation, count] : counts) observed.push_back(count);
  EXPECT_LT(ChiSquare(observed, std::vector<double>(24, kDraws / 24.0)), ChiSquareBound(23));
}

TEST(RandomWholes, PermutationsHoldEachNumberOnce) {
  for (const int64_t n : {0, 1, 2, 17, 130}) {
    std::vector<double> numbers = Draw("permutation", {{"n", n}});
    std::ranges::sort(numbers);
    for (int64_t i = 0; i < n; ++i) EXPECT_EQ(numbers[i], static_cast<double>(i));
  }
}

// ---- independence ------------------------------------------------------------------------------

double Correlation(const std::vector<double>& a, const std::vector<double>& b) {
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i) sum += (a[i] - 0.5) * (b[i] - 0.5) * 12;
  return sum / static_cast<double>(a.size());
}

TEST(RandomStreams, AreIndependent) {
  const double bound = 4 / std::sqrt(static_cast<double>(kCount));
  const auto stream = [](int64_t number, int64_t step) {
    return Draw("uniform", Many({{"stream", number}}), {}, step);
  };
  const std::vector<double> one = stream(3, 0);
  EXPECT_EQ(one, stream(3, 0));
  for (const int64_t other : {4, 7, 1 << 20})
    EXPECT_LT(std::abs(Correlation(one, stream(other, 0))), bound);
  for (const int64_t step : {1, 2, 1 << 20})
    EXPECT_LT(std::abs(Correlation(one, stream(3, step))), bound);
  std::vector<double> shifted = one;
  for (const int64_t lag : {1, 16, 64}) {
    std::ranges::rotate(shifted, shifted.begin() + lag);
    EXPECT_LT(std::abs(Correlation(one, shifted)), bound) << "lag " << lag;
  }
}

// ---- dropout -----------------------------------------------------------------------------------

TEST(Dropout, AlphaDropoutKeepsMeanAndVariance) {
  const std::vector<double> x = Draw("normal", Many({{"stream", int64_t{8}}}));
  const Tensor operand = Tensor::FromDoubles({DType::kF32, {kCount}}, x);
  double mean = 0, squares = 0;
  for (const double y : Draw("alpha_dropout", {{"rate", 0.3}}, {operand})) {
    mean += y / kCount;
    squares += y * y / kCount;
  }
  EXPECT_NEAR(mean, 0, 4 / std::sqrt(static_cast<double>(kCount)));
  EXPECT_NEAR(squares, 1, 8 / std::sqrt(static_cast<double>(kCount)));
}

TEST(Dropout, DropsWholeChannelsAndRowsAtTheirRate) {
  const Tensor ones = Tensor::Full({DType::kF32, {100, 100, 2}}, 1);
  const auto channels = Draw("dropout2d", {{"rate", 0.2}}, {ones});
  double kept = 0;
  for (size_t i = 0; i < channels.size(); i += 2) {
    EXPECT_EQ(channels[i], channels[i + 1]);
    kept += channels[i] != 0;
  }
  EXPECT_NEAR(kept, 8000, 4 * std::sqrt(10000 * 0.2 * 0.8));
  const auto rows = Draw("drop_path", {{"rate", 0.2}}, {ones});
  std::vector<double> firsts;
  for (size_t row = 0; row < 100; ++row) {
    firsts.push_back(rows[row * 200]);
    for (size_t i = 0; i < 200; ++i) EXPECT_EQ(rows[row * 200 + i], firsts.back());
  }
  EXPECT_NEAR(static_cast<double>(std::ranges::count(firsts, 0.0)), 20, 4 * std::sqrt(16.0));
}

}  // namespace
}  // namespace descent

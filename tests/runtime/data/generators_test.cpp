#include "runtime/data/generators.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

namespace descent::runtime {
namespace {

struct Point {
  double x1, x2, label;
};

std::vector<Point> Points(const Dataset& data) {
  auto at = [&](int column, int64_t row) {
    return NumberAt(data.columns[column].dtype, data.columns[column].values.data(), row);
  };
  std::vector<Point> points;
  for (int64_t row = 0; row < data.rows; ++row)
    points.push_back({at(0, row), at(1, row), at(2, row)});
  return points;
}

std::vector<Point> All(std::string_view name, GeneratorOptions options = {}) {
  auto data = Generate(*FindGenerator(name), options);
  EXPECT_TRUE(data) << data.error().ToString();
  auto points = Points(data->train), test = Points(data->test);
  points.insert(points.end(), test.begin(), test.end());
  return points;
}

int64_t CountPositive(const std::vector<Point>& points) {
  return std::ranges::count_if(points, [](auto& p) { return p.label == 1; });
}

TEST(Generators, HalfIsHeldOut) {
  for (const Generator& generator : Generators()) {
    auto data = Generate(generator, {});
    ASSERT_TRUE(data);
    EXPECT_EQ(data->train.rows + data->test.rows, generator.default_samples);
    EXPECT_EQ(data->test.rows, generator.default_samples / 2);
    EXPECT_NE(data->train.label(), nullptr);
    EXPECT_NE(Fingerprint(data->train), Fingerprint(data->test));
  }
}

TEST(Generators, SeedDecides) {
  for (const Generator& generator : Generators()) {
    auto one = Generate(generator, {.samples = 50, .noise = 0.1, .seed = 1});
    auto again = Generate(generator, {.samples = 50, .noise = 0.1, .seed = 1});
    auto two = Generate(generator, {.samples = 50, .noise = 0.1, .seed = 2});
    EXPECT_EQ(Fingerprint(one->train), Fingerprint(again->train));
    EXPECT_NE(Fingerprint(one->train), Fingerprint(two->train)) << generator.name;
  }
}

TEST(Generators, Circle) {
  auto points = All("circle");
  EXPECT_EQ(CountPositive(points), 250);
  for (auto [x, y, label] : points) {
    double r = std::hypot(x, y);
    if (label == 1) {
      EXPECT_LE(r, 2.5);
    } else {
      EXPECT_TRUE(r >= 3.4999 && r <= 5.0001) << r;
    }
  }
}

TEST(Generators, XorAndGauss) {
  for (auto [x, y, label] : All("xor")) {
    EXPECT_EQ(label, x * y >= 0);
    EXPECT_TRUE(std::abs(x) >= 0.2999 && std::abs(x) <= 5.3001);
  }
  double sum = 0, square = 0;
  auto points = All("gauss", {.samples = 20000});
  EXPECT_EQ(CountPositive(points), 10000);
  for (auto [x, y, label] : points) {
    double center = label == 1 ? 2 : -2;
    sum += x - center;
    square += (y - center) * (y - center);
  }
  EXPECT_NEAR(sum / 20000, 0, 0.03);
  EXPECT_NEAR(square / 20000, 0.5, 0.03);  // variance 0.5 without noise
}

TEST(Generators, SpiralArmsMirrorEachOther) {
  auto points = All("spiral", {.samples = 100});
  EXPECT_EQ(CountPositive(points), 50);
  for (auto [x, y, label] : points) {
    double r = std::hypot(x, y);
    if (r < 1e-6) continue;
    double t = 1.75 * r / 5 * 2 * M_PI + (label == 1 ? 0 : M_PI);
    EXPECT_NEAR(x, r * std::sin(t), 1e-4);
    EXPECT_NEAR(y, r * std::cos(t), 1e-4);
  }
}

TEST(Generators, Regression) {
  for (auto [x, y, label] : All("plane")) EXPECT_NEAR(label, (x + y) / 10, 1e-6);
  double low = 0, high = 0;
  for (auto [x, y, label] : All("multi-gauss")) {
    if (std::hypot(x - 4, y - 2.5) < 1) {
      EXPECT_NEAR(label, 1 - std::hypot(x - 4, y - 2.5) / 2, 1e-5);
    }
    low = std::min(low, label);
    high = std::max(high, label);
  }
  EXPECT_LT(low, -0.8);
  EXPECT_GT(high, 0.8);
}

TEST(Generators, Sine) {
  auto data = Generate(*FindGenerator("sine"), {});
  ASSERT_TRUE(data);
  const float* x = reinterpret_cast<const float*>(data->train.columns[0].values.data());
  const float* y = reinterpret_cast<const float*>(data->train.columns[1].values.data());
  for (int i = 0; i < 250; ++i) {
    EXPECT_TRUE(x[i] > 0 && x[i] < 1);
    EXPECT_NEAR(y[i], std::sin(2 * M_PI * x[i]), 1e-6);
  }
}

TEST(Generators, Shapes) {
  auto data = Generate(*FindGenerator("shapes"), {.samples = 300});
  ASSERT_TRUE(data);
  const Dataset& train = data->train;
  EXPECT_EQ(train.Find("image")->row_shape, (std::vector<int64_t>{16, 16}));
  EXPECT_EQ(train.label()->class_names, (std::vector<std::string>{"circle", "square", "triangle"}));
  const float* pixels = reinterpret_cast<const float*>(train.Find("image")->values.data());
  for (int64_t row = 0; row < train.rows; ++row) {
    double area = std::accumulate(pixels + row * 256, pixels + (row + 1) * 256, 0.0);
    double extent = 16 * NumberAt(DESCENT_F32, train.Find("size")->values.data(), row);
    double shape = NumberAt(DESCENT_I64, train.label()->values.data(), row);
    EXPECT_EQ(NumberAt(DESCENT_F32, train.Find("is_circle")->values.data(), row), shape == 0);
    constexpr double kShare[] = {M_PI / 4, 1, 0.5};  // of the square around it
    EXPECT_NEAR(area / (extent * extent), kShare[static_cast<int>(shape)], 0.1);
  }
}

TEST(Generators, RefusesBadOptions) {
  const Generator& circle = *FindGenerator("circle");
  EXPECT_FALSE(Generate(circle, {.samples = 1}));
  EXPECT_FALSE(Generate(circle, {.samples = int64_t{1} << 40}));
  EXPECT_FALSE(Generate(circle, {.noise = 0.6}));
  EXPECT_FALSE(Generate(circle, {.noise = NAN}));
  EXPECT_EQ(FindGenerator("square"), nullptr);
}

}  // namespace
}  // namespace descent::runtime

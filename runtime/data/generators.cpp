#include "runtime/data/generators.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <numeric>

namespace descent::runtime {
namespace {

constexpr double kPi = std::numbers::pi;
constexpr int64_t kMaxSamples = 10'000'000;

/// Points of the plane with a label each.
struct Points {
  std::vector<float> x1, x2, label;
  void Add(double x, double y, double l) {
    x1.push_back(static_cast<float>(x));
    x2.push_back(static_cast<float>(y));
    label.push_back(static_cast<float>(l));
  }
  Dataset Finish() const {
    Dataset data = {.rows = static_cast<int64_t>(label.size())};
    data.columns.push_back(MakeColumn("x1", ColumnRole::kFeature, DESCENT_F32, {}, x1));
    data.columns.push_back(MakeColumn("x2", ColumnRole::kFeature, DESCENT_F32, {}, x2));
    data.columns.push_back(MakeColumn("label", ColumnRole::kLabel, DESCENT_F32, {}, label));
    return data;
  }
};

Dataset Circle(int64_t samples, double noise, RandomSequence& random) {
  constexpr double kRadius = 5;
  Points points;
  auto ring = [&](int64_t count, double inner, double outer) {
    for (int64_t i = 0; i < count; ++i) {
      double r = random.Uniform(inner, outer), angle = random.Uniform(0, 2 * kPi);
      double x = r * std::sin(angle), y = r * std::cos(angle);
      double noise_x = random.Uniform(-kRadius, kRadius) * noise;
      double noise_y = random.Uniform(-kRadius, kRadius) * noise;
      points.Add(x, y, std::hypot(x + noise_x, y + noise_y) < kRadius * 0.5);
    }
  };
  ring(samples / 2, 0, kRadius * 0.5);
  ring(samples - samples / 2, kRadius * 0.7, kRadius);
  return points.Finish();
}

Dataset Xor(int64_t samples, double noise, RandomSequence& random) {
  constexpr double kPadding = 0.3;
  Points points;
  for (int64_t i = 0; i < samples; ++i) {
    double x = random.Uniform(-5, 5), y = random.Uniform(-5, 5);
    x += x > 0 ? kPadding : -kPadding;
    y += y > 0 ? kPadding : -kPadding;
    double noise_x = random.Uniform(-5, 5) * noise, noise_y = random.Uniform(-5, 5) * noise;
    points.Add(x, y, (x + noise_x) * (y + noise_y) >= 0);
  }
  return points.Finish();
}

Dataset Gauss(int64_t samples, double noise, RandomSequence& random) {
  double variance = 0.5 + noise / 0.5 * (4 - 0.5);
  Points points;
  auto cloud = [&](int64_t count, double center, double label) {
    for (int64_t i = 0; i < count; ++i) {
      double x = random.Normal(center, variance), y = random.Normal(center, variance);
      points.Add(x, y, label);
    }
  };
  cloud(samples / 2, 2, 1);
  cloud(samples - samples / 2, -2, 0);
  return points.Finish();
}

Dataset Spiral(int64_t samples, double noise, RandomSequence& random) {
  Points points;
  auto arm = [&](int64_t count, double delta, double label) {
    for (int64_t i = 0; i < count; ++i) {
      double part = static_cast<double>(i) / static_cast<double>(count);
      double r = part * 5, t = 1.75 * part * 2 * kPi + delta;
      double x = r * std::sin(t) + random.Uniform(-1, 1) * noise;
      double y = r * std::cos(t) + random.Uniform(-1, 1) * noise;
      points.Add(x, y, label);
    }
  };
  arm(samples / 2, 0, 1);
  arm(samples - samples / 2, kPi, 0);
  return points.Finish();
}

/// Points in [-6, 6]^2 labelled by `value` at the point moved by noise.
template <typename Value>
Dataset Regression(int64_t samples, double noise, RandomSequence& random, Value value) {
  constexpr double kRadius = 6;
  Points points;
  for (int64_t i = 0; i < samples; ++i) {
    double x = random.Uniform(-kRadius, kRadius), y = random.Uniform(-kRadius, kRadius);
    double noise_x = random.Uniform(-kRadius, kRadius) * noise;
    double noise_y = random.Uniform(-kRadius, kRadius) * noise;
    points.Add(x, y, value(x + noise_x, y + noise_y));
  }
  return points.Finish();
}

Dataset Plane(int64_t samples, double noise, RandomSequence& random) {
  return Regression(samples, noise, random, [](double x, double y) { return (x + y) / 10; });
}

Dataset MultiGauss(int64_t samples, double noise, RandomSequence& random) {
  struct Bump {
    double x, y, sign;
  };
  static constexpr Bump kBumps[] = {{-4, 2.5, 1},   {0, 2.5, -1}, {4, 2.5, 1},
                                    {-4, -2.5, -1}, {0, -2.5, 1}, {4, -2.5, -1}};
  return Regression(samples, noise, random, [](double x, double y) {
    double label = 0;
    for (auto [center_x, center_y, sign] : kBumps) {
      double height = std::max(0.0, 1 - std::hypot(x - center_x, y - center_y) / 2);
      if (height > std::abs(label)) label = sign * height;
    }
    return label;
  });
}

Dataset Sine(int64_t samples, double noise, RandomSequence& random) {
  std::vector<float> x, label;
  for (int64_t i = 0; i < samples; ++i) {
    double at = (static_cast<double>(i) + 0.5) / static_cast<double>(samples);
    double error = noise > 0 ? random.Normal(0, noise * noise) : 0;
    x.push_back(static_cast<float>(at));
    label.push_back(static_cast<float>(std::sin(2 * kPi * at) + error));
  }
  Dataset data = {.rows = samples};
  data.columns.push_back(MakeColumn("x", ColumnRole::kFeature, DESCENT_F32, {}, x));
  data.columns.push_back(MakeColumn("label", ColumnRole::kLabel, DESCENT_F32, {}, label));
  return data;
}

/// Whether (x, y), relative to the center, is inside a shape of half extent `h`.
using Inside = bool (*)(double x, double y, double h);
constexpr Inside kShapes[] = {
    [](double x, double y, double h) { return x * x + y * y <= h * h; },
    [](double x, double y, double h) { return std::abs(x) <= h && std::abs(y) <= h; },
    [](double x, double y, double h) { return std::abs(y) <= h && 2 * std::abs(x) <= h + y; },
};

constexpr int64_t kSide = 16;

/// A pixel is the share of its 4x4 sample points inside the shape.
void DrawShape(Inside inside, double center_x, double center_y, double half, float* pixels) {
  constexpr int kSamples = 4;
  for (int64_t row = 0; row < kSide; ++row) {
    for (int64_t column = 0; column < kSide; ++column) {
      int hits = 0;
      for (int s = 0; s < kSamples * kSamples; ++s) {
        double x = static_cast<double>(column) + (s % kSamples + 0.5) / kSamples - center_x;
        double y = static_cast<double>(row) + (s / kSamples + 0.5) / kSamples - center_y;
        hits += inside(x, y, half);
      }
      pixels[row * kSide + column] = static_cast<float>(hits) / (kSamples * kSamples);
    }
  }
}

Dataset Shapes(int64_t samples, double noise, RandomSequence& random) {
  std::vector<float> images(static_cast<size_t>(samples * kSide * kSide)), is_circle, sizes;
  std::vector<int64_t> classes;
  for (int64_t i = 0; i < samples; ++i) {
    int64_t shape = i % 3;
    double half = random.Uniform(2, 6);
    double center_x = random.Uniform(half + 1, kSide - half - 1);
    double center_y = random.Uniform(half + 1, kSide - half - 1);
    float* pixels = images.data() + i * kSide * kSide;
    DrawShape(kShapes[shape], center_x, center_y, half, pixels);
    for (int64_t p = 0; noise > 0 && p < kSide * kSide; ++p) {
      pixels[p] += static_cast<float>(random.Normal(0, noise * noise));
    }
    is_circle.push_back(shape == 0);
    sizes.push_back(static_cast<float>(2 * half / kSide));  // extent as a share of the image
    classes.push_back(shape);
  }
  Dataset data = {.rows = samples};
  data.columns.push_back(
      MakeColumn("image", ColumnRole::kFeature, DESCENT_F32, {kSide, kSide}, images));
  data.columns.push_back(MakeColumn("is_circle", ColumnRole::kOther, DESCENT_F32, {}, is_circle));
  data.columns.push_back(MakeColumn("size", ColumnRole::kOther, DESCENT_F32, {}, sizes));
  data.columns.push_back(MakeColumn("class", ColumnRole::kLabel, DESCENT_I64, {}, classes));
  data.columns.back().class_names = {"circle", "square", "triangle"};
  return data;
}

constexpr Generator kGenerators[] = {
    {"circle", 500, "inner disc (1) and ring around it (0)", Circle},
    {"xor", 500, "1 where x1 and x2 have one sign", Xor},
    {"gauss", 500, "two clouds, 1 around (2, 2) and 0 around (-2, -2)", Gauss},
    {"spiral", 500, "two arms", Spiral},
    {"plane", 1200, "regression of (x1 + x2) / 10", Plane},
    {"multi-gauss", 1200, "regression of six bumps", MultiGauss},
    {"sine", 500, "regression of sin 2 pi x on [0, 1]", Sine},
    {"shapes", 2000, "16x16 images of a circle, square or triangle", Shapes},
};

}  // namespace

std::span<const Generator> Generators() { return kGenerators; }

const Generator* FindGenerator(std::string_view name) {
  auto found = std::ranges::find(kGenerators, name, &Generator::name);
  return found == std::end(kGenerators) ? nullptr : found;
}

void Shuffle(std::vector<int64_t>& rows, RandomSequence random) {
  for (int64_t i = static_cast<int64_t>(rows.size()) - 1; i > 0; --i) {
    std::swap(rows[i], rows[random.Below(i + 1)]);
  }
}

Result<GeneratedData> Generate(const Generator& generator, const GeneratorOptions& options) {
  std::string name(generator.name);
  int64_t samples = options.samples ? options.samples : generator.default_samples;
  if (samples < 2 || samples > kMaxSamples) {
    return Fail(name, "samples is {}; 2 to {} are allowed", samples, kMaxSamples);
  }
  if (!(options.noise >= 0 && options.noise <= 0.5)) {
    return Fail(name, "noise is {}; 0 to 0.5 is allowed", options.noise);
  }
  RandomSequence random(options.seed, RandomUse::kGenerator);
  Dataset all = generator.make(samples, options.noise, random);
  std::vector<int64_t> order(static_cast<size_t>(samples));
  std::iota(order.begin(), order.end(), 0);
  Shuffle(order, RandomSequence(options.seed, RandomUse::kHoldOut));
  auto middle = order.begin() + (samples + 1) / 2;
  return GeneratedData{.train = SelectRows(all, {order.begin(), middle}, name),
                       .test = SelectRows(all, {middle, order.end()}, name + " (held-out half)")};
}

}  // namespace descent::runtime

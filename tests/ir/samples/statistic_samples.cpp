#include "tests/ir/samples/samples.h"

namespace descent {
namespace {

constexpr std::string_view kTorch = "PyTorch 1.13 in float64";

Attributes Over(Ints axes, Attributes more = {}, bool keepdims = false) {
  more.Set("axes", std::move(axes));
  more.Set("keepdims", keepdims);
  return more;
}

Attributes Order(double p) { return {{"p", p}}; }

/// Generated samples; a variance needs more elements than its correction.
void AddShapes(std::string_view op, const Attributes& attributes, std::vector<OpSample>& samples) {
  for (const int64_t size : {3, 7, 9, 17, 33}) {
    samples.push_back({.op = op, .operands = {F32({size})}, .attributes = attributes});
    samples.push_back(
        {.op = op, .operands = {F32({3, size})}, .attributes = Over({1}, attributes)});
    samples.push_back(
        {.op = op, .operands = {F32({size, 4})}, .attributes = Over({0}, attributes, true)});
  }
  samples.push_back(
      {.op = op, .operands = {F64({2, 3, 5})}, .attributes = Over({0, -1}, attributes)});
  samples.push_back(
      {.op = op, .operands = {F32({2, 3, 5})}, .attributes = Over({1}, attributes, true)});
  samples.push_back({.op = op, .operands = {F32({0, 3})}, .attributes = Over({1}, attributes)});
}

OpSample Stated(std::string_view op, Attributes attributes, std::vector<double> y) {
  return {.op = op,
          .operands = {F32({2, 3})},
          .attributes = std::move(attributes),
          .values = {{1, 5, 3, 4, 2, 6}},
          .expected = {std::move(y)},
          .source = kTorch};
}

/// A norm of three elements where its derivative is not unique.
OpSample Kink(double p, std::vector<double> x, double y, std::vector<double> gradient) {
  return {.op = "norm",
          .operands = {F64({3})},
          .attributes = Order(p),
          .values = {std::move(x)},
          .expected = {{y}},
          .source = kTorch,
          .smooth = false,
          .gradients = {std::move(gradient)}};
}

}  // namespace

FamilySamples StatisticSamples() {
  FamilySamples family;
  const std::vector<OpSample> stated = {
      Stated("logsumexp", {}, {6.456193316}),
      Stated("logsumexp", Over({1}), {5.142931628, 6.142931628}),
      Stated("var", Over({1}), {4, 4}),
      Stated("var", {{"correction", 0.0}}, {2.916666667}),
      Stated("std", Over({1}, {}, true), {2, 2}),
      Stated("norm", {}, {9.539392014}),
      Stated("norm", Over({0}, Order(1)), {5, 7, 9}),
      Stated("norm", Over({1}, Order(3)), {5.348481241, 6.603854498}),
      Stated("norm", Over({1}, Order(kInfinity)), {5, 6}),
      Stated("norm", Over({1}, Order(0)), {3, 3}),
      {.op = "logsumexp",
       .operands = {F32({3, 2})},
       .attributes = Over({1}),
       .values = {{-kInfinity, -kInfinity, -kInfinity, 1, kInfinity, 0}},
       .expected = {{-kInfinity, 1, kInfinity}},
       .source = kTorch,
       .smooth = false},
      {.op = "logsumexp",
       .operands = {F64({2, 2})},
       .attributes = Over({1}),
       .values = {{-kInfinity, -kInfinity, -kInfinity, 1}},
       .expected = {{-kInfinity, 1}},
       .source = "the limit: a row of -inf has no gradient",
       .smooth = false,
       .gradients = {{0, 0, 0, 1}}},
      {.op = "logsumexp",
       .operands = {F32({4})},
       .values = {{1000, 1000, -1000, 1}},
       .expected = {{1000.6931471805599}},
       .source = "1000 + log 2"},
      {.op = "logsumexp", .operands = {F32({0})}, .expected = {{-kInfinity}}},
      {.op = "var", .operands = {F32({0})}, .expected = {{kNaN}}, .smooth = false},
      {.op = "var", .operands = {F32({1})}, .expected = {{kNaN}}, .smooth = false},
      {.op = "std", .operands = {F32({0})}, .expected = {{kNaN}}, .smooth = false},
      {.op = "norm", .operands = {F32({0})}, .expected = {{0}}},
      {.op = "norm", .operands = {F32({0})}, .attributes = Order(kInfinity), .expected = {{0}}},
      {.op = "var", .operands = {F32({17})}, .attributes = {{"correction", 20.0}}, .smooth = false},
      {.op = "std",
       .operands = {F64({3})},
       .values = {{2, 2, 2}},
       .expected = {{0}},
       .source = kTorch,
       .smooth = false,
       .gradients = {{0, 0, 0}}},
      Kink(kInfinity, {3, -3, 1}, 3, {0.5, -0.5, 0}),
      Kink(kInfinity, {0, 0, 0}, 0, {0, 0, 0}),
      Kink(1, {0, 3, -4}, 7, {0, 1, -1}),
      Kink(2, {0, 0, 0}, 0, {0, 0, 0}),
      Kink(2, {0, 3, -4}, 5, {0, 0.6, -0.8}),
      Kink(3, {0, 3, -4}, 4.497941445, {0, 0.4448513517, -0.7908468475}),
      Kink(1.5, {0, 0, 0}, 0, {0, 0, 0}),
      Kink(0.5, {0, 3, -4}, 13.92820323, {0, 2.154700538, -1.866025404}),
      Kink(0, {0, 3, -4}, 2, {0, 0, 0}),
  };
  family.samples = stated;
  AddShapes("logsumexp", {}, family.samples);
  AddShapes("var", {}, family.samples);
  AddShapes("var", {{"correction", 0.5}}, family.samples);
  AddShapes("std", {}, family.samples);
  for (const double p : {1.0, 2.0, 3.0, 1.5, kInfinity})
    AddShapes("norm", Order(p), family.samples);
  family.errors = {
      {"logsumexp", {I32({2})}, {}, "must have a float type"},
      {"logsumexp", {F32({2})}, Over({1}), "axis 1 is out of range for rank 1"},
      {"var", {F32({2})}, Over({0, 0}), "axis 0 is given twice"},
      {"var", {F32({2})}, {{"correction", kNaN}}, "correction must be a number"},
      {"std", {F32({2})}, {{"correction", kInfinity}}, "correction must be a number"},
      {"std", {F32({2})}, Over({-2}), "axis -2 is out of range"},
      {"norm", {F32({2})}, Order(-1), "p must not be negative"},
      {"norm", {F32({2})}, Order(kNaN), "p must not be negative"},
      {"norm", {Bool({2})}, {}, "must have a float type"},
      {"norm", {F32({2})}, Over({INT64_MIN}), "is out of range"},
  };
  return family;
}

}  // namespace descent

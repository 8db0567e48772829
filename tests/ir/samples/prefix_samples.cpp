#include "tests/ir/samples/samples.h"

namespace descent {
namespace {

constexpr std::string_view kTorch = "PyTorch 1.13 in float64";

Attributes Along(int64_t axis, bool exclusive = false, bool reverse = false) {
  return {{"axis", axis}, {"exclusive", exclusive}, {"reverse", reverse}};
}

OpSample Vector(std::string_view op, Attributes attributes, std::vector<double> y,
                std::vector<double> gradient = {}) {
  OpSample sample{.op = op,
                  .operands = {F64({5})},
                  .attributes = std::move(attributes),
                  .values = {{2, 0, 3, 0, 5}},
                  .expected = {std::move(y)},
                  .source = kTorch};
  if (!gradient.empty()) sample.gradients = {std::move(gradient)};
  return sample;
}

/// Sizes along the axis and beside it, every direction.
void AddShapes(std::string_view op, int operands, std::vector<OpSample>& samples) {
  const auto add = [&](const TensorType& type, Attributes attributes) {
    samples.push_back({.op = op,
                       .operands = std::vector<TensorType>(operands, type),
                       .attributes = std::move(attributes),
                       .denormals = op != "cumprod"});
  };
  for (const int64_t size : kSampleSizes) {
    add(F32({size}), Along(0));
    add(F32({3, size}), Along(1, true));
    add(F32({size, 5}), Along(0, false, true));
  }
  add(F64({2, 3, 17}), Along(1, true, true));
  add(F32({5, 33}), Along(0));
  add(F32({2, 530}), Along(0, true));
  add(F32({2, 0, 3}), Along(1));
  add(F32({0, 4}), Along(-1));
  add(I32({3, 4}), Along(-1, true));
  add(U8({9}), Along(0, false, true));
}

}  // namespace

FamilySamples PrefixSamples() {
  FamilySamples family;
  family.samples = {
      Vector("cumsum", Along(0), {2, 2, 5, 5, 10}, {5, 4, 3, 2, 1}),
      Vector("cumsum", Along(0, true), {0, 2, 2, 5, 5}, {4, 3, 2, 1, 0}),
      Vector("cumsum", Along(0, false, true), {10, 8, 8, 5, 5}, {1, 2, 3, 4, 5}),
      Vector("cumsum", Along(0, true, true), {8, 8, 5, 5, 0}, {0, 1, 2, 3, 4}),
      Vector("cumprod", Along(0), {2, 0, 0, 0, 0}, {1, 8, 0, 0, 0}),
      Vector("cumprod", Along(0, true), {1, 2, 0, 0, 0}, {1, 8, 0, 0, 0}),
      Vector("cumprod", Along(0, true, true), {0, 0, 0, 5, 1}, {0, 0, 0, 20, 1}),
      {.op = "cumprod",
       .operands = {F32({2, 4})},
       .values = {{1, 0, 2, 3, 0, 0, 4, 0}},
       .expected = {{1, 0, 0, 0, 0, 0, 0, 0}},
       .source = kTorch,
       .gradients = {{1, 9, 0, 0, 1, 0, 0, 0}}},
      {.op = "cumsum",
       .operands = {F32({4})},
       .values = {{1, kInfinity, 2, kNaN}},
       .expected = {{1, kInfinity, kInfinity, kNaN}},
       .smooth = false},
      {.op = "cumsum",
       .operands = {I32({3})},
       .values = {{2147483647, 1, 1}},
       .expected = {{2147483647, -2147483648.0, -2147483647}},
       .source = "integers wrap"},
      {.op = "linear_recurrence",
       .operands = {F64({5}), F64({5})},
       .values = {{0.5, 2, 0, -1, 3}, {1, 2, 3, 4, 5}},
       .expected = {{1, 4, 3, 1, 8}},
       .source = kTorch,
       .gradients = {{0, 1, -12, 12, 1}, {3, 1, -3, 4, 1}}},
      {.op = "linear_recurrence",
       .operands = {F64({3}), F64({3})},
       .attributes = Along(0, true, true),
       .values = {{2, 2, 2}, {1, 2, 3}},
       .expected = {{8, 3, 0}},
       .source = "by hand: 3, 2 + 2 * 3"},
  };
  AddShapes("cumsum", 1, family.samples);
  AddShapes("cumprod", 1, family.samples);
  AddShapes("linear_recurrence", 2, family.samples);
  family.errors = {
      {"cumsum", {F32({2})}, Along(1), "axis 1 is out of range for rank 1"},
      {"cumsum", {F32({})}, {}, "axis -1 is out of range for rank 0"},
      {"cumsum", {F32({2})}, Along(INT64_MIN), "is out of range"},
      {"cumprod", {Bool({2})}, {}, "must have a float or integer type"},
      {"cumprod", {F32({2})}, Along(-2), "axis -2 is out of range"},
      {"linear_recurrence", {F32({2}), F32({3})}, {}, "must have one shape, not [2] and [3]"},
      {"linear_recurrence", {F32({2}), F64({2})}, {}, "must have one dtype"},
      {"linear_recurrence", {F32({2}), F32({2})}, Along(2), "axis 2 is out of range"},
  };
  return family;
}

}  // namespace descent

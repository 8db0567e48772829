#include "tests/ir/samples/samples.h"

namespace descent {
namespace {

Attributes Over(Ints axes, bool keepdims = false) {
  return {{"axes", std::move(axes)}, {"keepdims", keepdims}};
}

/// Generated samples for a reduction.
void AddShapes(std::string_view op, std::vector<OpSample>& samples) {
  for (const int64_t size : kSampleSizes) {
    samples.push_back({.op = op, .operands = {F32({size})}});
    samples.push_back({.op = op, .operands = {F32({3, size})}, .attributes = Over({1})});
    samples.push_back({.op = op, .operands = {F32({size, 4})}, .attributes = Over({0}, true)});
  }
  samples.push_back({.op = op, .operands = {F64({2, 3, 5})}, .attributes = Over({0, -1})});
  samples.push_back({.op = op, .operands = {F32({2, 3, 5})}, .attributes = Over({1}, true)});
  samples.push_back({.op = op, .operands = {F32({})}});
}

}  // namespace

FamilySamples ReduceSamples() {
  FamilySamples family;
  const std::vector<double> x = {1, 5, 3, 4, 2, 6};
  const auto stated = [&](std::string_view op, Attributes attributes, std::vector<double> y) {
    family.samples.push_back({.op = op,
                              .operands = {F32({2, 3})},
                              .attributes = std::move(attributes),
                              .values = {x},
                              .expected = {std::move(y)}});
  };
  stated("sum", {}, {21});
  stated("sum", Over({0}), {5, 7, 9});
  stated("sum", Over({-1}, true), {9, 12});
  stated("mean", {}, {3.5});
  stated("mean", Over({1}), {3, 4});
  stated("max", Over({0}), {4, 5, 6});
  stated("max", {}, {6});
  stated("min", Over({1}), {1, 2});
  stated("argmax", {}, {1, 2});
  stated("argmax", {{"axis", int64_t{0}}, {"keepdims", true}}, {1, 0, 1});
  for (const std::string_view op : {"sum", "mean", "max", "min"}) AddShapes(op, family.samples);
  const std::vector<OpSample> more = {
      {.op = "max",
       .operands = {F32({5})},
       .values = {{1, 3, 3, 0, 3}},
       .expected = {{3}},
       .source = "PyTorch's amax",
       .smooth = false,
       .gradients = {{0, 1.0 / 3, 1.0 / 3, 0, 1.0 / 3}}},
      {.op = "min",
       .operands = {F32({2, 2})},
       .attributes = Over({1}),
       .values = {{2, 2, 1, 4}},
       .expected = {{2, 1}},
       .source = "PyTorch's amin",
       .smooth = false,
       .gradients = {{0.5, 0.5, 1, 0}}},
      {.op = "max",
       .operands = {F32({3})},
       .values = {{1, kNaN, 2}},
       .expected = {{kNaN}},
       .smooth = false},
      {.op = "sum",
       .operands = {I32({2})},
       .values = {{2147483647, 2}},
       .expected = {{-2147483647}}},
      {.op = "sum", .operands = {F32({0})}, .expected = {{0}}},
      {.op = "max", .operands = {F32({0})}, .expected = {{-kInfinity}}},
      {.op = "max", .operands = {I32({3, 4})}, .attributes = Over({1}), .integers = 50},
      {.op = "min", .operands = {U8({3, 4})}, .attributes = Over({0}), .integers = 50},
      {.op = "argmax",
       .operands = {F32({2, 3})},
       .values = {{2, 7, 7, kNaN, 1, kNaN}},
       .expected = {{1, 0}}},
      {.op = "argmax",
       .operands = {F32({2})},
       .values = {{-kInfinity, -kInfinity}},
       .expected = {{0}}},
      {.op = "argmax",
       .operands = {F32({4, 2})},
       .attributes = {{"axis", int64_t{0}}},
       .values = {{1, 9, 5, 2, 3, 4, 7, 8}},
       .expected = {{3, 0}}},
      {.op = "argmax", .operands = {F32({3, 17})}},
      {.op = "argmax", .operands = {F32({33, 3})}, .attributes = {{"axis", int64_t{0}}}},
      {.op = "argmax", .operands = {I32({2, 9})}, .integers = 1000},
  };
  family.samples.insert(family.samples.end(), more.begin(), more.end());
  family.errors = {
      {"sum", {F32({2, 3})}, Over({2}), "axis 2 is out of range for rank 2"},
      {"sum", {F32({2, 3})}, Over({1, -1}), "axis -1 is given twice"},
      {"mean", {I32({2})}, {}, "must have a float type"},
      {"argmax", {F32({2, 0})}, {}, "no elements to choose from"},
      {"argmax", {F32({})}, {}, "axis -1 is out of range for rank 0"},
      {"max", {Bool({2})}, {}, "must have a float or integer type"},
      {"min", {F32({2})}, Over({1}), "axis 1 is out of range for rank 1"},
  };
  return family;
}

}  // namespace descent

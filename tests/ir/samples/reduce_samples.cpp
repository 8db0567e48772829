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

void AddBoolShapes(std::string_view op, std::vector<OpSample>& samples) {
  for (const int64_t size : kSampleSizes) {
    samples.push_back({.op = op, .operands = {Bool({size})}});
    samples.push_back({.op = op, .operands = {Bool({3, size})}, .attributes = Over({1})});
    samples.push_back({.op = op, .operands = {Bool({size, 4})}, .attributes = Over({0}, true)});
  }
  samples.push_back({.op = op, .operands = {Bool({5, 2, 2})}, .attributes = Over({1, 2})});
}

}  // namespace

FamilySamples ReduceSamples() {
  FamilySamples family;
  const std::vector<double> x = {1, 5, 3, 4, 2, 6}, zeros = {1, 0, 2, 3, 0, 0, 4, 0};
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
  stated("prod", Over({1}), {15, 48});
  stated("max", Over({0}), {4, 5, 6});
  stated("max", {}, {6});
  stated("min", Over({1}), {1, 2});
  stated("argmax", {}, {1, 2});
  stated("argmin", {}, {0, 1});
  stated("argmin", {{"axis", int64_t{0}}, {"keepdims", true}}, {0, 1, 0});
  stated("argmax", {{"axis", int64_t{0}}, {"keepdims", true}}, {1, 0, 1});
  for (const std::string_view op : {"sum", "mean", "prod", "max", "min"})
    AddShapes(op, family.samples);
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
      {.op = "prod",
       .operands = {F64({2, 4})},
       .attributes = Over({1}),
       .values = {zeros},
       .expected = {{0, 0}},
       .source = "PyTorch's prod",
       .gradients = {{0, 6, 0, 0, 0, 0, 0, 0}}},
      {.op = "prod",
       .operands = {F64({2, 4})},
       .attributes = Over({0}, true),
       .values = {zeros},
       .expected = {{0, 0, 8, 0}},
       .source = "PyTorch's prod",
       .gradients = {{0, 0, 4, 0, 1, 0, 2, 3}}},
      {.op = "prod", .operands = {F32({0, 2})}, .attributes = Over({0}), .expected = {{1, 1}}},
      {.op = "prod", .operands = {I32({3, 4})}, .attributes = Over({1}), .integers = 50},
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
      {.op = "argmin",
       .operands = {F32({2, 3})},
       .values = {{2, -7, -7, kNaN, 1, kNaN}},
       .expected = {{1, 0}}},
      {.op = "argmin",
       .operands = {F32({2})},
       .values = {{kInfinity, kInfinity}},
       .expected = {{0}}},
      {.op = "argmin", .operands = {F64({3, 17})}},
      {.op = "argmin", .operands = {F32({33, 3})}, .attributes = {{"axis", int64_t{0}}}},
      {.op = "argmin", .operands = {U8({2, 9})}, .integers = 200},
      {.op = "argmax", .operands = {F32({3, 17})}},
      {.op = "argmax", .operands = {F32({33, 3})}, .attributes = {{"axis", int64_t{0}}}},
      {.op = "argmax", .operands = {I32({2, 9})}, .integers = 1000},
  };
  family.samples.insert(family.samples.end(), more.begin(), more.end());
  for (const std::string_view op : {"any", "all"}) {
    AddBoolShapes(op, family.samples);
    const bool any = op == "any";
    family.samples.push_back({.op = op, .operands = {Bool({0})}, .expected = {{any ? 0.0 : 1.0}}});
    family.samples.push_back(
        {.op = op,
         .operands = {Bool({3, 2})},
         .attributes = Over({1}),
         .values = {{1, 1, 0, 1, 0, 0}},
         .expected = {any ? std::vector<double>{1, 1, 0} : std::vector<double>{1, 0, 0}}});
  }
  family.errors = {
      {"sum", {F32({2, 3})}, Over({2}), "axis 2 is out of range for rank 2"},
      {"sum", {F32({2, 3})}, Over({1, -1}), "axis -1 is given twice"},
      {"mean", {I32({2})}, {}, "must have a float type"},
      {"argmax", {F32({2, 0})}, {}, "no elements to choose from"},
      {"argmax", {F32({})}, {}, "axis -1 is out of range for rank 0"},
      {"argmin", {I32({0})}, {}, "no elements to choose from"},
      {"argmin", {Bool({2})}, {}, "must have a float or integer type"},
      {"argmin", {F32({2})}, {{"axis", int64_t{1}}}, "axis 1 is out of range for rank 1"},
      {"any", {F32({2})}, {}, "must have bool"},
      {"any", {Bool({2})}, Over({1}), "axis 1 is out of range for rank 1"},
      {"all", {I32({2})}, {}, "must have bool"},
      {"all", {Bool({2})}, Over({0, 0}), "axis 0 is given twice"},
      {"prod", {Bool({2})}, {}, "must have a float or integer type"},
      {"prod", {F32({2})}, Over({INT64_MIN}), "is out of range"},
      {"max", {Bool({2})}, {}, "must have a float or integer type"},
      {"min", {F32({2})}, Over({1}), "axis 1 is out of range for rank 1"},
  };
  return family;
}

}  // namespace descent

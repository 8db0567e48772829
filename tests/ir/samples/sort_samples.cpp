#include "tests/ir/samples/samples.h"

namespace descent {
namespace {

constexpr std::string_view kTorch = "PyTorch 1.13, stable";
const std::vector<double> kSpecial = {3, 1, kNaN, 1, -kInfinity, 2};

Attributes Along(int64_t axis, bool descending = false) {
  return {{"axis", axis}, {"descending", descending}};
}

Attributes Top(int64_t k, int64_t axis = -1, bool largest = true, bool sorted = true) {
  return {{"k", k}, {"axis", axis}, {"largest", largest}, {"sorted", sorted}};
}

OpSample Special(std::string_view op, bool descending, std::vector<std::vector<double>> expected) {
  return {.op = op,
          .operands = {F32({6})},
          .attributes = Along(0, descending),
          .values = {kSpecial},
          .expected = std::move(expected),
          .source = kTorch,
          .smooth = false};
}

void AddShapes(std::string_view op, std::vector<OpSample>& samples) {
  for (const int64_t size : kSampleSizes) {
    samples.push_back({.op = op, .operands = {F32({size})}, .attributes = Along(0)});
    samples.push_back({.op = op, .operands = {F32({3, size})}, .attributes = Along(1, true)});
    samples.push_back({.op = op, .operands = {F64({size, 2})}, .attributes = Along(0)});
  }
  samples.push_back({.op = op, .operands = {F32({2, 9, 3})}, .attributes = Along(1, true)});
  samples.push_back({.op = op, .operands = {I64({3, 17})}, .integers = 5});
  samples.push_back(
      {.op = op, .operands = {I32({33})}, .attributes = Along(0, true), .integers = 9});
  samples.push_back({.op = op, .operands = {U8({17})}, .integers = 200});
  samples.push_back({.op = op, .operands = {F32({0, 4})}});
}

}  // namespace

FamilySamples SortSamples() {
  FamilySamples family;
  const std::vector<double> rows = {3, 1, 2, 0, 5, 4};
  family.samples = {
      Special("sort", false, {{-kInfinity, 1, 1, 2, 3, kNaN}, {4, 1, 3, 5, 0, 2}}),
      Special("sort", true, {{kNaN, 3, 2, 1, 1, -kInfinity}, {2, 0, 5, 1, 3, 4}}),
      Special("argsort", false, {{4, 1, 3, 5, 0, 2}}),
      Special("argsort", true, {{2, 0, 5, 1, 3, 4}}),
      Special("sort_rank", false, {{4, 1, 5, 2, 0, 3}}),
      Special("sort_rank", true, {{1, 3, 0, 4, 5, 2}}),
      {.op = "argsort",
       .operands = {F32({4})},
       .values = {{0.0, -0.0, -1, 0.0}},
       .expected = {{2, 0, 1, 3}},
       .source = "-0 and 0 are equal"},
      {.op = "sort",
       .operands = {F64({2, 3})},
       .attributes = Along(0),
       .values = {rows},
       .expected = {{0, 1, 2, 3, 5, 4}, {1, 0, 0, 0, 1, 1}},
       .source = kTorch},
      {.op = "sort",
       .operands = {F64({3})},
       .values = {{2, 2, 1}},
       .expected = {{1, 2, 2}, {2, 0, 1}},
       .source = kTorch,
       .smooth = false,
       .gradients = {{1, 1, 1}}},
      {.op = "top_k",
       .operands = {F64({2, 3})},
       .attributes = Top(2),
       .values = {rows},
       .expected = {{3, 2, 5, 4}, {0, 2, 1, 2}},
       .source = kTorch,
       .gradients = {{1, 0, 1, 0, 1, 1}}},
      {.op = "top_k",
       .operands = {F64({2, 3})},
       .attributes = Top(2, -1, false, false),
       .values = {rows},
       .expected = {{1, 2, 0, 4}, {1, 2, 0, 2}},
       .source = "NumPy: the smallest two, in the order of x"},
      {.op = "top_k",
       .operands = {F32({6})},
       .attributes = Top(3),
       .values = {kSpecial},
       .expected = {{kNaN, 3, 2}, {2, 0, 5}},
       .source = kTorch,
       .smooth = false},
      {.op = "top_k", .operands = {F32({3, 17})}, .attributes = Top(5)},
      {.op = "top_k", .operands = {F32({9, 3})}, .attributes = Top(9, 0, false)},
      {.op = "top_k", .operands = {F64({2, 7, 2})}, .attributes = Top(3, 1, true, false)},
      {.op = "top_k", .operands = {I32({33})}, .attributes = Top(4), .integers = 100},
      {.op = "top_k", .operands = {F32({3})}, .attributes = Top(0)},
      {.op = "top_k", .operands = {F32({0, 3})}, .attributes = Top(1)},
  };
  for (const std::string_view op : {"sort", "argsort", "sort_rank"}) AddShapes(op, family.samples);
  family.errors = {
      {"sort", {F32({2})}, Along(1), "axis 1 is out of range for rank 1"},
      {"sort", {Bool({2})}, {}, "must have a float or integer type"},
      {"argsort", {F32({})}, {}, "axis -1 is out of range for rank 0"},
      {"argsort", {F32({3})}, Along(INT64_MAX), "is out of range"},
      {"sort_rank", {F32({2})}, Along(-2), "axis -2 is out of range"},
      {"sort_rank", {Bool({2})}, {}, "must have a float or integer type"},
      {"top_k", {F32({2})}, Top(3), "k must be between 0 and 2, the extent of axis 0, not 3"},
      {"top_k", {F32({2})}, Top(-1), "k must be between 0 and 2"},
      {"top_k", {F32({2})}, Top(INT64_MIN), "k must be between 0 and 2"},
      {"top_k", {F32({2})}, Top(1, 1), "axis 1 is out of range"},
      {"top_k", {F32({2})}, {}, "needs attribute k"},
  };
  return family;
}

}  // namespace descent

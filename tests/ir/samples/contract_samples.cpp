#include "tests/ir/samples/samples.h"

namespace descent {
namespace {

Attributes Transposes(bool a, bool b) { return {{"transpose_a", a}, {"transpose_b", b}}; }

void AddMatmuls(std::vector<OpSample>& samples) {
  const std::vector<OpSample> matmuls = {
      {.op = "matmul",
       .operands = {F32({2, 3}), F32({3, 4})},
       .values = {{1, 2, 3, 4, 5, 6}, {-5, -4, -3, -2, -1, 0, 1, 2, 3, 4, 5, 6}},
       .expected = {{2, 8, 14, 20, -7, 8, 23, 38}}},
      {.op = "matmul",
       .operands = {F32({3, 2}), F32({3, 4})},
       .attributes = Transposes(true, false)},
      {.op = "matmul",
       .operands = {F32({2, 3}), F32({4, 3})},
       .attributes = Transposes(false, true)},
      {.op = "matmul",
       .operands = {F32({3, 2}), F32({4, 3})},
       .attributes = Transposes(true, true)},
      {.op = "matmul", .operands = {F32({5, 2, 3}), F32({3, 4})}},
      {.op = "matmul", .operands = {F32({2, 1, 2, 3}), F32({5, 3, 4})}},
      {.op = "matmul",
       .operands = {F64({2, 3, 2}), F64({2, 3, 5})},
       .attributes = Transposes(true, false)},
      {.op = "matmul", .operands = {F32({3, 0}), F32({0, 2})}, .expected = {{0, 0, 0, 0, 0, 0}}},
      {.op = "matmul", .operands = {I32({3, 4}), I32({4, 2})}, .integers = 100},
  };
  samples.insert(samples.end(), matmuls.begin(), matmuls.end());
  for (const int64_t size : kSampleSizes)
    samples.push_back({.op = "matmul", .operands = {F32({size, 5}), F32({5, size})}});
  samples.push_back({.op = "matmul", .operands = {F32({7, 17}), F32({17, 9})}});
}

OpSample Conv(TensorType x, TensorType w, Attributes attributes) {
  return {.op = "conv2d", .operands = {x, w}, .attributes = std::move(attributes)};
}

void AddConvolutions(std::vector<OpSample>& samples) {
  const std::vector<double> image = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
  const std::vector<double> sobel = {1, 0, -1, 2, 0, -2, 1, 0, -1};
  const std::vector<OpSample> convolutions = {
      {.op = "conv2d",
       .operands = {F32({1, 1, 4, 4}), F32({1, 1, 3, 3})},
       .attributes = {{"padding", Ints{1, 1, 1, 1}}},
       .values = {image, sobel},
       .expected = {{-7, -6, -6, 10, -20, -8, -8, 24, -36, -8, -8, 40, -35, -6, -6, 38}}},
      {.op = "conv2d",
       .operands = {F32({1, 1, 4, 4}), F32({1, 1, 3, 3})},
       .attributes = {{"padding", Ints{1, 1, 1, 1}}, {"stride", Ints{2, 2}}},
       .values = {image, sobel},
       .expected = {{-7, -6, -36, -8}}},
      {.op = "conv2d",
       .operands = {F32({1, 1, 2, 2}), F32({1, 1, 2, 2})},
       .attributes = {{"padding", Ints{1, 1, 1, 1}}, {"input_dilation", Ints{2, 2}}},
       .values = {{1, 2, 3, 4}, {1, 10, 100, 1000}},
       .expected = {{1000, 100, 2000, 200, 10, 1, 20, 2, 3000, 300, 4000, 400, 30, 3, 40, 4}},
       .source = "by hand: one product each"},
      Conv(F32({2, 3, 5, 4}), F32({4, 3, 3, 2}), {}),
      Conv(F32({2, 3, 7, 6}), F32({4, 3, 3, 3}),
           {{"stride", Ints{2, 2}}, {"padding", Ints{1, 1, 1, 1}}}),
      Conv(F32({1, 2, 6, 7}), F32({3, 2, 2, 3}),
           {{"stride", Ints{2, 3}}, {"padding", Ints{0, 2, 1, 0}}}),
      Conv(F32({1, 2, 7, 7}), F32({2, 2, 3, 2}),
           {{"dilation", Ints{2, 3}}, {"padding", Ints{1, 1, 1, 1}}}),
      Conv(F32({2, 4, 4, 4}), F32({6, 2, 3, 3}),
           {{"groups", int64_t{2}}, {"padding", Ints{1, 1, 1, 1}}}),
      Conv(F32({2, 3, 5, 5}), F32({3, 1, 2, 2}), {{"groups", int64_t{3}}, {"stride", Ints{2, 2}}}),
      Conv(F32({1, 2, 5, 5}), F32({2, 2, 2, 2}), {{"padding", Ints{-1, 0, 0, -1}}}),
      Conv(F32({1, 2, 3, 3}), F32({2, 2, 2, 2}),
           {{"input_dilation", Ints{2, 2}}, {"stride", Ints{3, 2}}, {"padding", Ints{1, 0, 1, 2}}}),
      Conv(F64({1, 1, 1, 17}), F64({1, 1, 1, 3}), {}),
      Conv(F32({0, 1, 3, 3}), F32({2, 1, 2, 2}), {}),
      Conv(F32({2, 3, 3, 3}), F32({17, 3, 1, 1}), {}),
  };
  samples.insert(samples.end(), convolutions.begin(), convolutions.end());
}

}  // namespace

FamilySamples ContractSamples() {
  FamilySamples family;
  AddMatmuls(family.samples);
  AddConvolutions(family.samples);
  const TensorType x = F32({1, 2, 4, 4}), w = F32({3, 2, 3, 3});
  family.errors = {
      {"matmul", {F32({2, 3}), F32({4, 5})}, {}, "inner extents differ: 3 columns in a [2, 3]"},
      {"matmul", {F32({3}), F32({3, 4})}, {}, "operand a must be a matrix"},
      {"matmul", {F32({2, 2, 3}), F32({3, 3, 4})}, {}, "do not broadcast"},
      {"matmul", {F32({2, 3}), F32({2, 4})}, Transposes(false, true), "inner extents differ"},
      {"conv2d", {F32({2, 4, 4}), w}, {}, "x must be [batch, channels, height, width]"},
      {"conv2d", {x, F32({3, 2, 3})}, {}, "w must be [filters"},
      {"conv2d", {x, F32({3, 1, 3, 3})}, {}, "takes 1 channels"},
      {"conv2d", {x, w}, {{"stride", Ints{0, 1}}}, "stride must be between 1 and"},
      {"conv2d", {x, w}, {{"padding", Ints{1, 1}}}, "padding needs 4 numbers"},
      {"conv2d", {x, w}, {{"groups", int64_t{2}}}, "groups = 2 does not divide"},
      {"conv2d", {x, w}, {{"dilation", Ints{2, 2}}}, "the window of 5 is larger"},
      {"conv2d", {F32({1, 2, 0, 4}), w}, {}, "must not be empty"},
  };
  return family;
}

}  // namespace descent

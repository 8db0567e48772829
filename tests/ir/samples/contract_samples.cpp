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
  for (const int64_t size : {0, 1, 17}) {
    samples.push_back({.op = "matmul", .operands = {F32({size}), F32({size})}});
    samples.push_back({.op = "matmul", .operands = {F32({size, 3}), F32({3})}});
    samples.push_back({.op = "matmul", .operands = {F32({3}), F32({2, 3, size})}});
  }
}

/// Where an operand is repeated along axes of the batch, its gradient sums over them.
void AddBroadcastMatmuls(std::vector<OpSample>& samples) {
  const std::vector<OpSample> matmuls = {
      {.op = "matmul",
       .operands = {F32({4, 3, 2}), F32({5, 3})},
       .attributes = Transposes(true, true)},
      {.op = "matmul",
       .operands = {F32({5, 3}), F32({4, 1, 3, 2})},
       .attributes = Transposes(false, false)},
      {.op = "matmul",
       .operands = {F32({2, 3, 1, 2, 4}), F32({1, 3, 2, 5, 4})},
       .attributes = Transposes(false, true)},
      {.op = "matmul",
       .operands = {F32({2, 1, 4, 2}), F32({3, 4, 3})},
       .attributes = Transposes(true, false)},
      {.op = "matmul", .operands = {F32({0, 2, 3}), F32({3, 2})}},
      {.op = "matmul", .operands = {I32({3}), I32({2, 3, 2})}},
  };
  samples.insert(samples.end(), matmuls.begin(), matmuls.end());
}

void AddLinearAndOuter(std::vector<OpSample>& samples) {
  for (const int64_t size : kSampleSizes) {
    samples.push_back({.op = "linear", .operands = {F32({3, size}), F32({2, size}), F32({2})}});
    samples.push_back({.op = "linear", .operands = {F32({2, 2, 4}), F32({size, 4})}});
    samples.push_back({.op = "outer", .operands = {F32({size}), F32({3})}});
  }
  samples.push_back({.op = "linear", .operands = {F64({5}), F64({3, 5}), F64({3})}});
  samples.push_back({.op = "linear", .operands = {I32({2, 3}), I32({2, 3}), I32({2})}});
  samples.push_back({.op = "outer", .operands = {F64({2, 2}), F64({3, 1})}});
  samples.push_back({.op = "outer", .operands = {F32({}), F32({3})}});
}

/// Values stated by PyTorch 1.13 in float64 on the generated operands.
std::vector<OpSample> StatedContractions() {
  return {
      {.op = "matmul",
       .operands = {F64({3}), F64({3})},
       .expected = {{-2.830635607}},
       .source = "torch.matmul"},
      {.op = "matmul",
       .operands = {F64({3}), F64({3, 2})},
       .expected = {{0.119847543, -3.486950207}},
       .source = "torch.matmul"},
      {.op = "matmul",
       .operands = {F64({2, 3}), F64({3})},
       .expected = {{-2.830635607, -1.548704546}},
       .source = "torch.matmul"},
      {.op = "matmul",
       .operands = {F64({2, 2, 3}), F64({3})},
       .expected = {{-2.830635607, -1.548704546, 2.137731114, 3.419662174}},
       .source = "torch.matmul"},
      {.op = "matmul",
       .operands = {F64({3}), F64({2, 3, 2})},
       .expected = {{0.119847543, -3.486950207, -3.186570416, 1.206631834}},
       .source = "torch.matmul"},
      {.op = "matmul",
       .operands = {F64({2, 1, 2, 3}), F64({2, 3, 2})},
       .expected = {{0.119847543, -3.486950207, 1.742358384, -3.858228126, -3.186570416,
                     1.206631834, -4.189317976, 0.544464054, -0.342082356, 1.952086194, 1.280428484,
                     1.580808274, 2.432245804, 1.395151434, 1.429498245, 0.732983655}},
       .source = "torch.matmul"},
      {.op = "linear",
       .operands = {F64({2, 2, 3}), F64({2, 3}), F64({2})},
       .expected = {{-3.044791172, -3.170136106, -1.762860111, -3.200834246, 1.923575549,
                     -3.161396326, 3.205506609, -3.192094466}},
       .source = "torch.nn.functional.linear"},
      {.op = "linear",
       .operands = {F64({3}), F64({2, 3})},
       .expected = {{-2.830635607, -1.428116496}},
       .source = "torch.nn.functional.linear"},
      {.op = "outer",
       .operands = {F64({2}), F64({3})},
       .expected = {{-0.883371001, 0.283813269, -0.437546281, 1.975277608, -0.634625762,
                     0.978383228}},
       .source = "torch.outer"},
  };
}

}  // namespace

FamilySamples ContractSamples() {
  FamilySamples family;
  family.samples = StatedContractions();
  AddMatmuls(family.samples);
  AddBroadcastMatmuls(family.samples);
  AddLinearAndOuter(family.samples);
  family.errors = {
      {"matmul", {F32({2, 3}), F32({4, 5})}, {}, "inner extents differ: 3 columns in a [2, 3]"},
      {"matmul", {F32({2, 2, 3}), F32({3, 3, 4})}, {}, "do not broadcast"},
      {"matmul", {F32({2, 3}), F32({2, 4})}, Transposes(false, true), "inner extents differ"},
      {"matmul", {F32({}), F32({3})}, {}, "operand a must be a vector"},
      {"matmul", {F32({3}), F32({})}, {}, "operand b must be a vector"},
      {"matmul", {F32({3}), F32({3})}, Transposes(true, false), "operand a is a vector"},
      {"matmul", {F32({3}), F32({3})}, Transposes(false, true), "operand b is a vector"},
      {"matmul", {F32({3, 2}), F32({3})}, {}, "inner extents differ: 2 columns"},
      {"matmul", {F32({1048576, 0}), F32({0, 2097152})}, {}, "would have more than 2^40 elements"},
      {"linear", {F32({2, 3}), F32({3})}, {}, "w must be [out, in]"},
      {"linear", {F32({2, 3}), F32({3, 2})}, {}, "x [2, 3] must have 2 elements along its last"},
      {"linear", {F32({}), F32({3, 2})}, {}, "x [] must have 2 elements"},
      {"linear", {F32({2, 3}), F32({4, 3}), F32({3})}, {}, "bias must be [4]"},
      {"outer", {F32(Shape(9, 1)), F32(Shape(8, 1))}, {}, "rank 17"},
  };
  return family;
}

}  // namespace descent

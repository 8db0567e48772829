// Arithmetic and casts in every element type. Rounding to 16 bits is seen in typed mode only, so
// stated floats are exact; tests/ir/dtype_test.cpp has the roundings.
#include "tests/ir/samples/samples.h"

namespace descent {
namespace {

using List = std::vector<double>;

constexpr double kTwo31 = 0x1p31, kTwo63 = 0x1p63;
constexpr std::string_view kSource = "NumPy; division as C has it";

OpSample Binary(std::string_view op, TensorType type, List a, List b, List y) {
  return {.op = op,
          .operands = {type, type},
          .values = {std::move(a), std::move(b)},
          .expected = {std::move(y)},
          .source = kSource,
          .smooth = false};
}

OpSample CastSample(TensorType from, DType to, List x, List y) {
  return {.op = "cast",
          .operands = {std::move(from)},
          .attributes = {{"to", to}},
          .values = {std::move(x)},
          .expected = {std::move(y)},
          .source = kSource,
          .smooth = false};
}

std::vector<OpSample> Wrapping() {
  return {
      Binary("div", I8({4}), {-128, 7, -7, 100}, {-1, 0, 2, -3}, {-128, 0, -3, -33}),
      Binary("div", I16({2}), {-32768, 9}, {-1, 0}, {-32768, 0}),
      Binary("div", I32({2}), {-kTwo31, 9}, {-1, 0}, {-kTwo31, 0}),
      Binary("div", I64({2}), {-kTwo63, 9}, {-1, 0}, {-kTwo63, 0}),
      Binary("div", U16({3}), {65535, 9, 9}, {2, 0, 65535}, {32767, 0, 0}),
      Binary("div", U32({2}), {4294967295.0, 9}, {4294967295.0, 0}, {1, 0}),
      Binary("div", U64({3}), {kTwo63, 10, kTwo63}, {2, 0, kTwo63}, {kTwo63 / 2, 0, 1}),
      Binary("add", I16({2}), {32767, -32768}, {1, -1}, {-32768, 32767}),
      Binary("mul", U16({2}), {300, 65535}, {300, 65535}, {24464, 1}),
      Binary("mul", I8({2}), {-128, 100}, {-1, 3}, {-128, 44}),
      Binary("sub", U32({2}), {0, 5}, {1, 7}, {4294967295.0, 4294967294.0}),
      Binary("less", U64({2}), {kTwo63, 3}, {1, 4}, {0, 1}),
      Binary("greater", I8({2}), {-128, 3}, {1, 2}, {0, 1}),
      Binary("maximum", U64({2}), {kTwo63, 3}, {1, 4}, {kTwo63, 4}),
      Binary("minimum", U32({2}), {kTwo31, 3}, {1, 4}, {1, 3}),
      {.op = "neg", .operands = {U16({2})}, .values = {{1, 0}}, .expected = {{65535, 0}}},
      {.op = "abs", .operands = {I8({2})}, .values = {{-128, -5}}, .expected = {{-128, 5}}},
      {.op = "abs", .operands = {U64({1})}, .values = {{kTwo63}}, .expected = {{kTwo63}}},
      {.op = "sum",
       .operands = {I8({3})},
       .attributes = {{"axes", Ints{}}},
       .values = {{100, 100, 100}},
       .expected = {{44}}},
      {.op = "max", .operands = {U64({0})}, .attributes = {{"axes", Ints{}}}, .expected = {{0}}},
      {.op = "min",
       .operands = {I16({0})},
       .attributes = {{"axes", Ints{}}},
       .expected = {{32767}}},
  };
}

std::vector<OpSample> Casts() {
  return {
      CastSample(F32({5}), DType::kI8, {1.9, -1.9, 300, -300, kNaN}, {1, -1, 127, -128, 0}),
      CastSample(F32({3}), DType::kI16, {40000, -40000, 7.5}, {32767, -32768, 7}),
      CastSample(F64({3}), DType::kU16, {70000, -1, 7.5}, {65535, 0, 7}),
      CastSample(F32({3}), DType::kU32, {5e9, -1, 3e9}, {4294967295.0, 0, 3e9}),
      CastSample(F64({3}), DType::kU64, {0x1p63, -1, kNaN}, {0x1p63, 0, 0}),
      CastSample(I16({2}), DType::kI8, {300, -129}, {44, 127}),
      CastSample(I8({2}), DType::kU64, {-128, 5}, {18446744073709551488.0, 5}),
      CastSample(U64({2}), DType::kF32, {18446742974197923840.0, 7}, {18446742974197923840.0, 7}),
      CastSample(I64({2}), DType::kBF16, {-kTwo63, 96}, {-kTwo63, 96}),
      CastSample(F16({4}), DType::kF32, {65504, 0x1p-14, 0x1p-24, -0.5},
                 {65504, 0x1p-14, 0x1p-24, -0.5}),
      CastSample(BF16({3}), DType::kF32, {0x1p127, 0x1p-133, -0.5}, {0x1p127, 0x1p-133, -0.5}),
      CastSample(F32({4}), DType::kBF16, {1, -2.5, 0.1875, kInfinity},
                 {1, -2.5, 0.1875, kInfinity}),
      CastSample(F64({3}), DType::kF16, {1, -2.5, kNaN}, {1, -2.5, kNaN}),
      CastSample(BF16({3}), DType::kI8, {-1.5, 200, kNaN}, {-1, 127, 0}),
      CastSample(F16({2}), DType::kBool, {0x1p-24, 0}, {1, 0}),
  };
}

std::vector<OpSample> Narrow() {
  return {
      Binary("add", BF16({2}), {1, 2}, {0.5, -4}, {1.5, -2}),
      Binary("mul", F16({2}), {256, -3}, {0.125, 0.5}, {32, -1.5}),
      Binary("less", BF16({2}), {-1, kNaN}, {1, 1}, {1, 0}),
      {.op = "mul", .operands = {BF16({17}), BF16({17})}},
      {.op = "add", .operands = {F16({3, 9}), F16({9})}},
      {.op = "matmul",
       .operands = {BF16({2, 2}), BF16({2, 2})},
       .values = {{1, 2, 3, 4}, {0.5, 1, 2, -1}},
       .expected = {{4.5, -1, 9.5, -1}}},
      {.op = "sum", .operands = {F16({3})}, .values = {{1, 2, 3.5}}, .expected = {{6.5}}},
      {.op = "gather", .operands = {BF16({4, 3}), I8({2})}, .values = {{}, {3, 1}}},
      {.op = "scatter_rows",
       .operands = {F16({3, 2}), U16({2}), F16({2, 2})},
       .attributes = {{"reduce", std::string("add")}},
       .values = {{1, 2, 3, 4, 5, 6}, {2, 0}, {1, 1, 2, 2}},
       .expected = {{3, 4, 3, 4, 6, 7}}},
  };
}

}  // namespace

FamilySamples DTypeSamples() {
  FamilySamples family;
  for (auto rows : {Wrapping, Casts, Narrow})
    for (OpSample& sample : rows()) family.samples.push_back(std::move(sample));
  return family;
}

}  // namespace descent

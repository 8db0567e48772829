#include <iterator>

#include "tests/ir/samples/elementwise_rows.h"

namespace descent {
namespace {

std::vector<UnaryRow> UnaryRows() {
  const List x = {-1.5, -0.5, 0.25, 2.0}, positive = {0.1, 0.5, 1.0, 4.0};
  const List inf = {kInfinity, -kInfinity, kNaN};
  return {
      {"neg", x, {1.5, 0.5, -0.25, -2}, {0, 0, -5e-39, 5e-39, -kInfinity, kInfinity, kNaN}},
      {"abs", x, {1.5, 0.5, 0.25, 2}, {0, 0, 5e-39, 5e-39, kInfinity, kInfinity, kNaN}},
      {"sign", x, {-1, -1, 1, 1}, {0, 0, 1, -1, 1, -1, 0}},
      {"floor",
       {-1.5, -0.5, 0.25, 1.75},
       {-2, -1, 0, 1},
       {0, 0, 0, -1, kInfinity, -kInfinity, kNaN}},
      {"ceil", {-1.5, -0.5, 0.25, 1.75}, {-1, 0, 1, 2}, {0, 0, 1, 0, kInfinity, -kInfinity, kNaN}},
      {"round",
       {-1.75, -0.25, 0.75, 2.75},
       {-2, 0, 1, 3},
       {0, 0, 0, 0, kInfinity, -kInfinity, kNaN}},
      {"trunc", {-1.5, -0.5, 0.25, 1.75}, {-1, 0, 0, 1}, {0, 0, 0, 0, kInfinity, -kInfinity, kNaN}},
      {"square", x, {2.25, 0.25, 0.0625, 4}, {0, 0, 0, 0, kInfinity, kInfinity, kNaN}},
      {"sqrt",
       positive,
       {0.31622776601683794, 0.7071067811865476, 1, 2},
       {0, 0, 7.0710678118654752e-20, kNaN, kInfinity, kNaN, kNaN},
       0.1,
       4},
      {"rsqrt",
       positive,
       {3.162277660168379, 1.414213562373095, 1, 0.5},
       {kInfinity, -kInfinity, 1.4142135623730951e19, kNaN, 0, kNaN, kNaN},
       0.1,
       4},
      {"reciprocal",
       x,
       {-0.6666666666666666, -2, 4, 0.5},
       {kInfinity, -kInfinity, 2e38, -2e38, 0, 0, kNaN},
       0.5,
       3},
      {"clamp",
       x,
       {-1, -0.5, 0.25, 1.5},
       {0, 0, 5e-39, -5e-39, 1.5, -1, kNaN},
       -2,
       2,
       {{"low", -1.0}, {"high", 1.5}}},
  };
}

std::vector<BinaryRow> BinaryRows() {
  const List a = {1, -2, 3}, b = {4, 8, -2};
  const List dividends = {5.5, -5.5, 5.5, -5.5}, divisors = {2, 2, -2, -2};
  return {
      {"add", a, b, {5, 6, 1}},
      {"sub", a, b, {-3, -10, 5}},
      {"mul", a, b, {4, -16, -6}},
      {"div", a, b, {0.25, -0.25, -1.5}, 0.5, 3},
      {"fmod", dividends, divisors, {1.5, -1.5, 1.5, -1.5}, 0.5, 3},
      {"remainder", dividends, divisors, {1.5, 0.5, -0.5, -1.5}, 0.5, 3},
      {"pow", {2, 3, 0.5}, {3, -1, 0.5}, {8, 0.3333333333333333, 0.7071067811865476}, 0.5, 3},
      {"minimum", a, b, {1, -2, -2}},
      {"maximum", a, b, {4, 8, 3}},
  };
}

/// Ties, kinks and limits: what PyTorch gives.
std::vector<OpSample> Kinks() {
  const Attributes limits = {{"low", -1.0}, {"high", 2.0}};
  return {
      Kink("abs", {-1, 0, 2}, {1, 0, 2}, {-1, 0, 1}),
      Kink("sign", {-1, 0, 2, kNaN}, {-1, 0, 1, 0}, {0, 0, 0, 0}),
      Kink("floor", {-1, 0.5, 2}, {-1, 0, 2}, {0, 0, 0}),
      Kink("ceil", {-1, 0.5, 2}, {-1, 1, 2}, {0, 0, 0}),
      Kink("trunc", {-1, -0.5, 2}, {-1, 0, 2}, {0, 0, 0}),
      Kink("round", {0.5, 1.5, -2.5, 2.5, 8388609}, {0, 2, -2, 2, 8388609}, {0, 0, 0, 0, 0}),
      Kink("sqrt", {0, 4}, {0, 2}, {kInfinity, 0.25}),
      Kink("rsqrt", {0, 4, kInfinity}, {kInfinity, 0.5, 0}, {-kInfinity, -0.0625, 0}),
      Kink("reciprocal", {0, 4, kInfinity}, {kInfinity, 0.25, 0}, {-kInfinity, -0.0625, 0}),
      Kink("clamp", {-2, -1, 0, 2, 3, kNaN}, {-1, -1, 0, 2, 2, kNaN}, {0, 1, 1, 1, 0, 0}, limits),
      Kink2("maximum", {1, 2, 3, kNaN}, {1, 1, 5, 0}, {1, 2, 5, kNaN}, {0.5, 1, 0, 1},
            {0.5, 0, 1, 1}),
      Kink2("minimum", {1, 2, 3}, {1, 1, 5}, {1, 1, 3}, {0.5, 0, 1}, {0.5, 1, 0}),
      Kink2("pow", {0, 0, 2, -2}, {0, 2, 0, 2}, {1, 0, 1, 4}, {0, 0, 0, -4},
            {0, 0, 0.6931471805599453, kNaN}),
      Kink2("fmod", {6, -6, 1, kInfinity, 3}, {2, 4, 0, 2, kInfinity}, {0, -2, kNaN, kNaN, 3},
            {1, 1, 1, 1, 1}, {-3, 1, -kInfinity, -kInfinity, 0}),
      Kink2("remainder", {6, -6, 1, 3}, {2, 4, 0, kInfinity}, {0, 2, kNaN, 3}, {1, 1, 1, 1},
            {-3, 2, -kInfinity, 0}),
      {.op = "remainder",
       .operands = {F32({2}), F32({2})},
       .values = {{-1, 1}, {kInfinity, -kInfinity}},
       .expected = {{kInfinity, -kInfinity}},
       .source = "PyTorch",
       .smooth = false},
      // Exact however far the exponents are apart.
      {.op = "fmod",
       .operands = {F32({3}), F32({3})},
       .values = {{0x1.ff933cp127, 0x1.5af1d8p66, 0x1.93e594p99},
                  {0x1.4p-147, 0x1.333334p-2, 0x1.8p1}},
       .expected = {{0x1.8p-148, 0x1.93b64p-5, 0}},
       .source = "Python's % on fractions",
       .smooth = false},
  };
}

/// Integers wrap at their own width; a quotient by 0 is 0.
std::vector<OpSample> Integers() {
  const Attributes limits = {{"low", -2.5}, {"high", 300.0}};
  return {
      {.op = "add",
       .operands = {I32({2}), I32({2})},
       .values = {{2147483647, -5}, {1, 3}},
       .expected = {{-2147483648.0, -2}}},
      {.op = "mul",
       .operands = {U8({2}), U8({2})},
       .values = {{16, 7}, {17, 9}},
       .expected = {{16, 63}}},
      {.op = "sub", .operands = {U8({1}), U8({1})}, .values = {{1}, {2}}, .expected = {{255}}},
      {.op = "div",
       .operands = {I64({4}), I64({4})},
       .values = {{7, -7, 7, 3}, {2, 2, 0, -1}},
       .expected = {{3, -3, 0, -3}}},
      {.op = "fmod",
       .operands = {I64({7}), I64({7})},
       .values = {{7, -7, 7, -7, 5, 5, -0x1p63}, {3, 3, -3, -3, 0, -1, -1}},
       .expected = {{1, -1, 1, -1, 0, 0, 0}},
       .source = "PyTorch; 0 for the divisor 0"},
      {.op = "remainder",
       .operands = {I32({6}), I32({6})},
       .values = {{7, -7, 7, -7, 5, -2147483648.0}, {3, 3, -3, -3, 0, -1}},
       .expected = {{1, 2, -2, -1, 0, 0}},
       .source = "PyTorch; 0 for the divisor 0"},
      {.op = "remainder",
       .operands = {U8({3}), U8({3})},
       .values = {{200, 7, 9}, {9, 0, 255}},
       .expected = {{2, 0, 9}}},
      {.op = "remainder", .operands = {I32({17}), I32({17})}, .integers = 9},
      {.op = "pow",
       .operands = {I64({9}), I64({9})},
       .values = {{2, -3, 0, 0, 1, -1, -1, 5, -2}, {10, 3, 0, -1, -5, -3, -4, -2, 63}},
       .expected = {{1024, -27, 1, 0, 1, -1, 1, 0, -0x1p63}},
       .source = "PyTorch"},
      {.op = "pow",
       .operands = {I32({2}), I32({2})},
       .values = {{3, 2}, {40, -1}},
       .expected = {{689956897, 0}},
       .source = "PyTorch"},
      {.op = "pow", .operands = {U8({17}), U8({17})}, .integers = 9},
      {.op = "clamp",
       .operands = {I32({4})},
       .attributes = limits,
       .values = {{-3, -2, 300, 301}},
       .expected = {{-2, -2, 300, 300}}},
      {.op = "clamp",
       .operands = {U8({2})},
       .attributes = limits,
       .values = {{0, 255}},
       .expected = {{0, 255}}},
      {.op = "clamp", .operands = {I64({17})}, .integers = 100},
      {.op = "abs", .operands = {I32({2})}, .values = {{-3, 4}}, .expected = {{3, 4}}},
      {.op = "sign", .operands = {I32({3})}, .values = {{-3, 0, 4}}, .expected = {{-1, 0, 1}}},
      {.op = "sign", .operands = {U8({2})}, .values = {{0, 200}}, .expected = {{0, 1}}},
      {.op = "maximum", .operands = {I64({17}), I64({17})}, .integers = 100},
      {.op = "add", .operands = {I32({3, 4}), I32({4})}, .integers = 1000},
  };
}

}  // namespace

FamilySamples ArithmeticSamples() {
  FamilySamples family;
  for (const UnaryRow& row : UnaryRows()) AddUnary(row, family);
  for (const BinaryRow& row : BinaryRows()) AddBinary(row, family);
  for (auto rows : {Kinks, Integers}) std::ranges::move(rows(), std::back_inserter(family.samples));
  family.samples.push_back({.op = "clamp", .operands = {F32({5})}});  // no limits
  const std::vector<ErrorSample> errors = {
      {"add", {F32({2, 3}), F32({4})}, {}, "shapes [2, 3] and [4] do not broadcast"},
      {"add", {F32({2}), F64({2})}, {}, "must have one dtype, not f32 and f64"},
      {"add", {Bool({2}), Bool({2})}, {}, "must have a float or integer type, not bool"},
      {"mul", {F32({2})}, {}, "takes 2 operands, not 1"},
      {"round", {I32({2})}, {}, "must have a float type, not i32"},
      {"clamp", {F32({2})}, {{"low", 1.0}, {"high", 0.0}}, "low <= high, not 1 and 0"},
      {"clamp", {F32({2})}, {{"low", kNaN}}, "low <= high, not nan and inf"},
      {"clamp", {F32({2})}, {{"high", kNaN}}, "low <= high, not -inf and nan"},
      {"clamp", {I32({2})}, {{"low", 0.25}, {"high", 0.75}}, "no integer lies between"},
      {"clamp", {F32({2})}, {{"low", std::string("no")}}, "attribute low must be"},
  };
  family.errors.insert(family.errors.end(), errors.begin(), errors.end());
  return family;
}

}  // namespace descent

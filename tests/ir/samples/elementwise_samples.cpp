#include <iterator>

#include "tests/ir/samples/elementwise_rows.h"

namespace descent {
namespace {

std::vector<BinaryRow> Rows() {
  const List one = {1, 1, 0, 0}, other = {1, 0, 1, 0};
  return {
      {"equal", {1, 2, kNaN}, {1, 3, kNaN}, {1, 0, 0}},
      {"not_equal", {1, 2, kNaN}, {1, 3, kNaN}, {0, 1, 1}},
      {"less", {1, 2, kNaN}, {1, 3, 0}, {0, 1, 0}},
      {"less_equal", {1, 2, kNaN}, {1, 3, 0}, {1, 1, 0}},
      {"greater", {1, 4, kNaN}, {1, 3, 0}, {0, 1, 0}},
      {"greater_equal", {1, 4, kNaN}, {1, 3, 0}, {1, 1, 0}},
      {"logical_and", one, other, {1, 0, 0, 0}, 0, 1, DType::kBool},
      {"logical_or", one, other, {1, 1, 1, 0}, 0, 1, DType::kBool},
      {"logical_xor", one, other, {0, 1, 1, 0}, 0, 1, DType::kBool},
      {"bitwise_and", {12, -1, 7}, {10, 5, 0}, {8, 5, 0}, 0, 1, DType::kI32},
      {"bitwise_or", {12, -1, 7}, {10, 5, 0}, {14, -1, 7}, 0, 1, DType::kI32},
      {"bitwise_xor", {12, -1, 7}, {10, 5, 0}, {6, -6, 7}, 0, 1, DType::kI32},
      {"shift_left",
       {3, -3, 5, 5, 1},
       {2, 2, 32, -1, 31},
       {12, -12, 0, 0, -2147483648.0},
       0,
       1,
       DType::kI32},
      {"shift_right",
       {12, -12, -5, 5, -1},
       {2, 2, 32, -1, 31},
       {3, -3, -1, 0, -1},
       0,
       1,
       DType::kI32},
  };
}

/// At their own width; unsigned types shift in zeros.
std::vector<OpSample> Integers() {
  const auto sample = [](std::string_view op, TensorType type, List a, List b, List y) {
    return OpSample{.op = op, .operands = {type, type}, .values = {a, b}, .expected = {y}};
  };
  return {
      sample("less", U8({2}), {200, 3}, {100, 4}, {0, 1}),
      sample("bitwise_and", U8({2}), {200, 255}, {100, 15}, {64, 15}),
      sample("bitwise_xor", I64({2}), {-1, 0x1p62}, {0x1p62, 0x1p62}, {-0x1p62 - 1, 0}),
      sample("shift_left", U8({4}), {3, 255, 1, 1}, {7, 1, 8, 200}, {128, 254, 0, 0}),
      sample("shift_left", I64({3}), {1, 3, -1}, {62, 64, 63}, {0x1p62, 0, -0x1p63}),
      sample("shift_right", U8({4}), {255, 128, 200, 200}, {1, 7, 8, 255}, {127, 1, 0, 0}),
      sample("shift_right", I64({3}), {-0x1p63, -0x1p63, 5}, {63, 64, -1}, {-1, -1, 0}),
      {.op = "bitwise_not",
       .operands = {I32({3})},
       .values = {{0, -1, 5}},
       .expected = {{-1, 0, -6}}},
      {.op = "bitwise_not", .operands = {U8({2})}, .values = {{0, 200}}, .expected = {{255, 55}}},
      {.op = "bitwise_not", .operands = {I64({17})}, .integers = 100},
      {.op = "shift_right", .operands = {I64({17}), I64({17})}, .integers = 9},
      {.op = "equal", .operands = {Bool({9}), Bool({9})}},
  };
}

std::vector<OpSample> Predicates() {
  std::vector<OpSample> samples = {
      {.op = "logical_not", .operands = {Bool({2})}, .values = {{1, 0}}, .expected = {{0, 1}}},
      {.op = "logical_not", .operands = {Bool({17})}},
      {.op = "is_nan",
       .operands = {F32({7})},
       .values = {kSpecialValues},
       .expected = {{0, 0, 0, 0, 0, 0, 1}}},
      {.op = "is_inf",
       .operands = {F32({7})},
       .values = {kSpecialValues},
       .expected = {{0, 0, 0, 0, 1, 1, 0}}},
      {.op = "is_finite",
       .operands = {F32({7})},
       .values = {kSpecialValues},
       .expected = {{1, 1, 1, 1, 0, 0, 0}}},
  };
  for (const std::string_view op : {"is_nan", "is_inf", "is_finite"}) {
    for (const int64_t size : kSampleSizes)
      samples.push_back({.op = op, .operands = {F32({size})}});
    samples.push_back({.op = op, .operands = {F64({3, 5})}});
  }
  return samples;
}

std::vector<OpSample> Choices() {
  const auto cast = [](TensorType from, DType to, List x, List y) {
    return OpSample{.op = "cast",
                    .operands = {from},
                    .attributes = {{"to", to}},
                    .values = {x},
                    .expected = {y},
                    .smooth = false};
  };
  return {
      {.op = "where",
       .operands = {Bool({3}), F32({3}), F32({})},
       .values = {{1, 0, 1}, {1, kNaN, 3}, {9}},
       .expected = {{1, 9, 3}},
       .smooth = false,
       .gradients = {{}, {1, 0, 1}, {1}}},
      {.op = "where", .operands = {Bool({3, 1}), F32({4}), F32({3, 4})}},
      {.op = "where", .operands = {Bool({17}), I32({17}), I32({17})}},
      cast(F32({6}), DType::kI32, {1.9, -1.9, 3e9, -3e9, kNaN, kInfinity},
           {1, -1, 2147483647, -2147483648.0, 0, 2147483647}),
      cast(F32({4}), DType::kU8, {-1, 300, 7.5, kNaN}, {0, 255, 7, 0}),
      cast(F32({3}), DType::kBool, {0, -0.5, kNaN}, {0, 1, 1}),
      cast(I64({3}), DType::kI32, {4294967297, -1, 5}, {1, -1, 5}),
      cast(I64({3}), DType::kU8, {257, -1, 5}, {1, 255, 5}),
      cast(I32({3}), DType::kF32, {3, -4, 0}, {3, -4, 0}),
      cast(Bool({2}), DType::kF32, {1, 0}, {1, 0}),
      cast(U8({2}), DType::kI64, {255, 0}, {255, 0}),
      {.op = "cast", .operands = {F32({17})}, .attributes = {{"to", DType::kF64}}},
      {.op = "cast", .operands = {F64({17})}, .attributes = {{"to", DType::kF32}}},
  };
}

}  // namespace

FamilySamples ElementwiseSamples() {
  FamilySamples family;
  for (const BinaryRow& row : Rows()) AddBinary(row, family);
  for (auto rows : {Integers, Predicates, Choices})
    std::ranges::move(rows(), std::back_inserter(family.samples));
  const std::vector<ErrorSample> errors = {
      {"logical_and", {F32({2}), F32({2})}, {}, "must have bool, not f32"},
      {"logical_xor", {I32({2}), I32({2})}, {}, "must have bool, not i32"},
      {"logical_not", {F32({2})}, {}, "must have bool, not f32"},
      {"bitwise_and", {F32({2}), F32({2})}, {}, "must have an integer type, not f32"},
      {"bitwise_or", {Bool({2}), Bool({2})}, {}, "must have an integer type, not bool"},
      {"bitwise_not", {Bool({2})}, {}, "must have an integer type, not bool"},
      {"shift_left", {I32({2}), I64({2})}, {}, "must have one dtype, not i32 and i64"},
      {"shift_right", {F32({2}), F32({2})}, {}, "must have an integer type, not f32"},
      {"is_nan", {I32({2})}, {}, "must have a float type, not i32"},
      {"is_inf", {Bool({2})}, {}, "must have a float type, not bool"},
      {"is_finite", {I32({2})}, {}, "must have a float type, not i32"},
      {"where", {F32({2}), F32({2}), F32({2})}, {}, "operand condition must have bool"},
      {"where", {Bool({2}), F32({3}), F32({3})}, {}, "do not broadcast"},
      {"cast", {F32({2})}, {}, "needs attribute to"},
  };
  family.errors.insert(family.errors.end(), errors.begin(), errors.end());
  return family;
}

}  // namespace descent

#include "tests/ir/samples/elementwise_rows.h"

namespace descent {

void AddUnary(const UnaryRow& row, FamilySamples& family) {
  const auto add = [&](TensorType type, List x, List y) {
    family.samples.push_back({.op = row.op,
                              .operands = {std::move(type)},
                              .attributes = row.attributes,
                              .values = {std::move(x)},
                              .expected = {std::move(y)},
                              .low = row.low,
                              .high = row.high});
  };
  add(F32({static_cast<int64_t>(row.x.size())}), row.x, row.y);
  for (const int64_t size : kSampleSizes) add(F32({size}), {}, {});
  add(F64({3, 5}), {}, {});
  if (!row.special.empty()) {
    add(F32({static_cast<int64_t>(kSpecialValues.size())}), kSpecialValues, row.special);
    family.samples.back().smooth = false;
  }
  family.errors.push_back({row.op, {Bool({2})}, row.attributes, "operand x must have a float"});
}

void AddBinary(const BinaryRow& row, FamilySamples& family) {
  const auto add = [&](DType dtype, Shape a, Shape b) {
    family.samples.push_back({.op = row.op,
                              .operands = {{dtype, std::move(a)}, {dtype, std::move(b)}},
                              .low = row.low,
                              .high = row.high});
  };
  const auto size = static_cast<int64_t>(row.a.size());
  family.samples.push_back({.op = row.op,
                            .operands = {{row.dtype, {size}}, {row.dtype, {size}}},
                            .values = {row.a, row.b},
                            .expected = {row.y}});
  for (const int64_t extent : kSampleSizes) add(row.dtype, {extent}, {extent});
  add(row.dtype, {4, 3}, {3});
  add(row.dtype, {2, 1, 3}, {4, 1});
  add(row.dtype, {}, {2, 2});
  if (row.dtype == DType::kF32) add(DType::kF64, {2, 3}, {2, 1});
  family.errors.push_back(
      {row.op, {{row.dtype, {2}}, {row.dtype, {3}}}, {}, "shapes [2] and [3] do not broadcast"});
}

OpSample Kink(std::string_view op, List x, List y, List gradient, Attributes attributes) {
  return {.op = op,
          .operands = {F32({static_cast<int64_t>(x.size())})},
          .attributes = std::move(attributes),
          .values = {std::move(x)},
          .expected = {std::move(y)},
          .source = "PyTorch",
          .smooth = false,
          .gradients = {std::move(gradient)}};
}

OpSample Kink2(std::string_view op, List a, List b, List y, List gradient_a, List gradient_b) {
  const auto size = static_cast<int64_t>(a.size());
  return {.op = op,
          .operands = {F32({size}), F32({size})},
          .values = {std::move(a), std::move(b)},
          .expected = {std::move(y)},
          .source = "PyTorch",
          .smooth = false,
          .gradients = {std::move(gradient_a), std::move(gradient_b)}};
}

}  // namespace descent

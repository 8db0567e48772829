#include "tests/ir/samples/samples.h"

namespace descent {
namespace {

Attributes Size(int64_t size) { return {{"size", size}}; }
Attributes Fill(int64_t size, int64_t fill) { return {{"size", size}, {"fill", fill}}; }
Attributes Number(double value) { return {{"value", value}}; }

}  // namespace

FamilySamples SelectionSamples() {
  FamilySamples family;
  const std::vector<double> x = {1, 2, 3, 4}, mask = {0, 1, 0, 1};
  family.samples = {
      {.op = "masked_fill",
       .operands = {F32({4}), Bool({4})},
       .attributes = Number(-kInfinity),
       .values = {x, mask},
       .expected = {{1, -kInfinity, 3, -kInfinity}},
       .smooth = false},
      {.op = "masked_fill", .operands = {F32({3, 17}), Bool({17})}, .attributes = Number(0.5)},
      {.op = "masked_fill", .operands = {I32({3, 4}), Bool({3, 1})}, .attributes = Number(7)},
      {.op = "masked_fill", .operands = {F64({0}), Bool({})}},
      {.op = "masked_select",
       .operands = {F32({4}), Bool({4})},
       .attributes = Size(3),
       .values = {x, mask},
       .expected = {{2, 4, 0}, {2}},
       .gradients = {{0, 1, 0, 1}}},
      {.op = "masked_select",
       .operands = {F32({4}), Bool({4})},
       .attributes = Size(1),
       .values = {x, mask},
       .expected = {{2}, {2}},
       .gradients = {{0, 1, 0, 0}}},
      {.op = "masked_select",
       .operands = {F32({2}), Bool({2})},
       .attributes = Size(2),
       .values = {{kNaN, 5}, {0, 1}},
       .expected = {{5, 0}, {1}},
       .smooth = false},
      {.op = "masked_select", .operands = {F32({3, 17}), Bool({3, 17})}, .attributes = Size(20)},
      {.op = "masked_select", .operands = {F64({9}), Bool({9})}, .attributes = Size(9)},
      {.op = "masked_select", .operands = {I64({33}), Bool({33})}, .attributes = Size(40)},
      {.op = "masked_select", .operands = {F32({}), Bool({})}, .attributes = Size(1)},
      {.op = "masked_select", .operands = {F32({0, 3}), Bool({0, 3})}, .attributes = Size(2)},
      {.op = "masked_select", .operands = {F32({3}), Bool({3})}, .attributes = Size(0)},
      {.op = "nonzero",
       .operands = {I64({2, 2})},
       .attributes = Fill(3, -1),
       .values = {{0, 5, 6, 0}},
       .expected = {{0, 1, 1, 0, -1, -1}, {2}}},
      {.op = "nonzero",
       .operands = {F32({5})},
       .attributes = Size(2),
       .values = {{0, -0.0, kNaN, -1, 2}},
       .expected = {{2, 3}, {3}}},
      {.op = "nonzero", .operands = {Bool({3, 17})}, .attributes = Size(30)},
      {.op = "nonzero", .operands = {I32({2, 3, 4})}, .attributes = Fill(24, 9), .integers = 2},
      {.op = "nonzero", .operands = {Bool({33})}, .attributes = Size(8)},
      {.op = "nonzero", .operands = {U8({0, 2})}, .attributes = Size(2)},
      {.op = "nonzero", .operands = {F64({})}, .attributes = Size(2)},
      {.op = "nonzero", .operands = {F64({3})}, .attributes = Size(0)},
  };
  const TensorType vector = F32({4});
  family.errors = {
      {"masked_fill", {vector, Bool({3})}, {}, "shapes [4] and [3] do not broadcast"},
      {"masked_fill", {vector, Bool({2, 4})}, {}, "mask [2, 4] does not broadcast to x [4]"},
      {"masked_fill", {vector, I32({4})}, {}, "operand mask must have bool"},
      {"masked_select", {vector, Bool({1})}, Size(2), "mask [1] must have the shape of x [4]"},
      {"masked_select", {vector, Bool({4})}, Size(-1), "size must be between 0 and 2^40"},
      {"masked_select", {vector, Bool({4})}, Size(INT64_MAX), "size must be between 0 and 2^40"},
      {"masked_select", {vector, Bool({4})}, {}, "needs attribute size"},
      {"masked_select", {vector, F32({4})}, Size(2), "operand mask must have bool"},
      {"nonzero", {vector}, Size(INT64_MIN), "size must be between 0 and 2^40"},
      {"nonzero", {F32({2, 2, 2})}, Size(int64_t{1} << 39), "more than 2^40 elements"},
      {"masked_select", {vector, Bool({4})}, Size(int64_t{1} << 40), "between 0 and 2^40 - 1"},
      {"nonzero", {vector}, Fill(2, INT64_MIN), "fill must be between"},
      {"nonzero", {vector}, {}, "needs attribute size"},
  };
  return family;
}

}  // namespace descent

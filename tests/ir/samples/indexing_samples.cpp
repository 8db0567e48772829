#include "tests/ir/samples/samples.h"

namespace descent {

FamilySamples IndexingSamples() {
  const std::vector<double> table = {1, 2, 3, 4, 5, 6};
  const Attributes axis_one = {{"axis", int64_t{1}}};
  FamilySamples family;
  family.samples = {
      {.op = "gather",
       .operands = {F32({3, 2}), I64({4})},
       .values = {table, {2, 0, 0, 1}},
       .expected = {{5, 6, 1, 2, 1, 2, 3, 4}}},
      {.op = "gather",
       .operands = {F32({3, 2}), I32({2})},
       .attributes = axis_one,
       .values = {table, {1, 1}},
       .expected = {{2, 2, 4, 4, 6, 6}}},
      {.op = "gather",
       .operands = {F32({3, 2}), I64({3})},
       .values = {table, {3, 1, -1}},
       .expected = {{0, 0, 3, 4, 0, 0}},
       .source = "an index out of range gives 0",
       .bad_index = true},
      {.op = "gather", .operands = {F32({4, 3}), I64({2, 5})}},
      {.op = "gather", .operands = {F32({2, 4, 3}), I32({5})}, .attributes = axis_one},
      {.op = "gather", .operands = {F32({2, 4, 3}), U8({2, 2})}, .attributes = axis_one},
      {.op = "gather", .operands = {F32({4}), I64({})}},
      {.op = "gather", .operands = {I64({9, 17}), I64({33})}, .integers = 9},
      {.op = "gather", .operands = {F32({4, 3}), I64({0})}},
      {.op = "scatter_add",
       .operands = {F32({3, 2}), I64({3}), F32({3, 2})},
       .values = {{0, 0, 10, 10, 0, 0}, {1, 0, 1}, table},
       .expected = {{3, 4, 16, 18, 0, 0}}},
      {.op = "scatter_add",
       .operands = {F32({2}), I32({3}), F32({3})},
       .values = {{0, 0}, {1, 7, -1}, {1, 2, 3}},
       .expected = {{0, 1}},
       .source = "an update whose index is out of range is dropped",
       .bad_index = true},
      {.op = "scatter_add", .operands = {F32({4, 3}), I64({2, 5}), F32({2, 5, 3})}},
      {.op = "scatter_add", .operands = {F32({4, 17}), U8({33}), F32({33, 17})}},
      {.op = "scatter_add", .operands = {I32({4}), I64({9}), I32({9})}, .integers = 4},
      {.op = "one_hot",
       .operands = {I64({3})},
       .attributes = {{"depth", int64_t{3}}},
       .values = {{2, 0, 1}},
       .expected = {{0, 0, 1, 1, 0, 0, 0, 1, 0}}},
      {.op = "one_hot",
       .operands = {U8({2, 2})},
       .attributes = {{"depth", int64_t{4}}, {"dtype", DType::kBool}}},
      {.op = "one_hot", .operands = {I32({17})}, .attributes = {{"depth", int64_t{9}}}},
  };
  family.errors = {
      {"gather", {F32({3}), F32({2})}, {}, "operand indices must have an integer type"},
      {"gather", {F32({}), I64({2})}, {}, "axis 0 is out of range for rank 0"},
      {"scatter_add", {F32({3, 2}), I64({4}), F32({4, 3})}, {}, "updates must be [4, 2]"},
      {"scatter_add", {F32({}), I64({}), F32({})}, {}, "x must have an axis to index"},
      {"scatter_add", {F32({3}), I64({2}), F64({2})}, {}, "must have one dtype"},
      {"one_hot", {I64({2})}, {{"depth", int64_t{0}}}, "depth must be at least 1"},
      {"one_hot", {I64({2})}, {}, "needs attribute depth"},
  };
  return family;
}

}  // namespace descent

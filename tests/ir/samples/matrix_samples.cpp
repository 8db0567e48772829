#include "tests/ir/samples/samples.h"

namespace descent {
namespace {

const std::vector<double> kSix = {1, 2, 3, 4, 5, 6};

Attributes On(int64_t diagonal) { return {{"diagonal", diagonal}}; }
Attributes Eye(int64_t rows, int64_t columns, int64_t diagonal, DType dtype = DType::kF32) {
  return {{"rows", rows}, {"columns", columns}, {"diagonal", diagonal}, {"dtype", dtype}};
}
Attributes Between(int64_t axis1, int64_t axis2, int64_t diagonal = 0) {
  return {{"axis1", axis1}, {"axis2", axis2}, {"diagonal", diagonal}};
}
Attributes Indexing(std::string order) { return {{"indexing", std::move(order)}}; }

OpSample Stated(std::string_view op, Shape shape, Attributes attributes,
                std::vector<double> expected) {
  return {.op = op,
          .operands = {F32(std::move(shape))},
          .attributes = std::move(attributes),
          .values = {kSix},
          .expected = {std::move(expected)}};
}

OpSample Generated(std::string_view op, TensorType x, Attributes attributes = {}) {
  return {.op = op, .operands = {std::move(x)}, .attributes = std::move(attributes)};
}

}  // namespace

FamilySamples MatrixSamples() {
  FamilySamples family;
  family.samples = {
      {.op = "eye", .operands = {}, .attributes = Eye(2, 3, 1), .expected = {{0, 1, 0, 0, 0, 1}}},
      {.op = "eye",
       .operands = {},
       .attributes = {{"rows", int64_t{2}}},
       .expected = {{1, 0, 0, 1}}},
      {.op = "eye", .operands = {}, .attributes = Eye(17, 9, -3, DType::kI32)},
      {.op = "eye", .operands = {}, .attributes = Eye(3, 0, 0, DType::kBool)},
      {.op = "eye", .operands = {}, .attributes = Eye(3, 3, int64_t{1} << 40)},
      Stated("tril", {2, 3}, {}, {1, 0, 0, 4, 5, 0}),
      Stated("tril", {2, 3}, On(1), {1, 2, 0, 4, 5, 6}),
      Stated("triu", {2, 3}, On(1), {0, 2, 3, 0, 0, 6}),
      {.op = "tril",
       .operands = {F32({2, 2})},
       .values = {{1, kNaN, 3, 4}},
       .expected = {{1, 0, 3, 4}}},
      Stated("diag", {2, 3}, On(1), {2, 6}),
      Stated("diag", {2, 3}, On(-1), {4}),
      {.op = "diag",
       .operands = {F32({2})},
       .attributes = On(1),
       .values = {{1, 2}},
       .expected = {{0, 1, 0, 0, 0, 2, 0, 0, 0}}},
      {.op = "diag",
       .operands = {F32({2})},
       .attributes = On(-1),
       .values = {{1, 2}},
       .expected = {{0, 0, 0, 1, 0, 0, 0, 2, 0}}},
      {.op = "diagonal",
       .operands = {I32({2, 3, 4})},
       .attributes = Between(0, 2, 1),
       .values = {{0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11,
                   12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23}},
       .expected = {{1, 14, 5, 18, 9, 22}}},
      {.op = "meshgrid",
       .operands = {F32({2}), F32({3})},
       .values = {{1, 2}, {3, 4, 5}},
       .expected = {{1, 1, 1, 2, 2, 2}, {3, 4, 5, 3, 4, 5}}},
      {.op = "meshgrid",
       .operands = {F32({2}), F32({3})},
       .attributes = Indexing("xy"),
       .values = {{1, 2}, {3, 4, 5}},
       .expected = {{1, 2, 1, 2, 1, 2}, {3, 3, 4, 4, 5, 5}}},
      Generated("tril", F32({17, 9}), On(-2)),
      Generated("tril", F64({2, 3, 3})),
      Generated("tril", I32({0, 3})),
      Generated("triu", F32({3, 4, 33}), On(-1)),
      Generated("triu", F32({3, 3}), On(7)),
      Generated("diag", F32({17})),
      Generated("diag", F64({0}), On(2)),
      Generated("diag", F32({9, 17}), On(-4)),
      Generated("diag", F32({3, 3}), On(5)),
      Generated("diagonal", F32({3, 17, 5}), Between(-1, 1)),
      Generated("diagonal", F32({5, 5})),
      Generated("diagonal", F32({5, 2}), On(-9)),
      {.op = "meshgrid", .operands = {F32({3}), F32({17}), F32({1})}},
      {.op = "meshgrid", .operands = {F64({3}), F64({0})}},
      {.op = "meshgrid", .operands = {I32({9})}, .attributes = Indexing("xy")},
  };
  const TensorType x = F32({2, 3}), v = F32({2});
  family.errors = {
      {"eye", {}, Eye(-1, -1, 0), "must not be negative, not -1 and -1"},
      {"eye", {}, Eye(2, -2, 0), "must not be negative, not 2 and -2"},
      {"eye", {}, Eye(2, 2, INT64_MIN), "diagonal must be between"},
      {"eye", {}, Eye(1 << 21, 1 << 21, 0), "more than 2^40 elements"},
      {"tril", {v}, {}, "x must be a matrix"},
      {"tril", {x}, On(INT64_MAX), "diagonal must be between"},
      {"triu", {Bool({2, 2})}, {}, "must have a float or integer type"},
      {"triu", {F32({})}, {}, "x must be a matrix"},
      {"triu", {x}, On(INT64_MIN), "diagonal must be between"},
      {"diag", {F32({1, 2, 3})}, {}, "x must be a vector or a matrix"},
      {"diag", {v}, On(int64_t{1} << 40), "more than 2^40 elements"},
      {"diag", {v}, On(INT64_MIN), "diagonal must be between"},
      {"diagonal", {x}, Between(0, -2), "axis1 and axis2 are both axis 0"},
      {"diagonal", {x}, Between(2, 0), "axis 2 is out of range"},
      {"diagonal", {x}, Between(0, 2), "axis 2 is out of range"},
      {"diagonal", {x}, On(INT64_MAX), "diagonal must be between"},
      {"meshgrid", {}, {}, "at least one operand"},
      {"meshgrid", {v, x}, {}, "parts must be vectors"},
      {"meshgrid", {v, I32({2})}, {}, "must have one dtype"},
      {"meshgrid", {v}, Indexing("yx"), "indexing is one of ij, xy"},
      {"meshgrid", std::vector<TensorType>(17, v), {}, "rank 17, above the limit"},
  };
  return family;
}

}  // namespace descent

#include "tests/ir/samples/samples.h"

namespace descent {
namespace {

constexpr std::string_view kTorch = "PyTorch 1.13's embedding_bag in float64";

Attributes Mode(std::string_view mode, int64_t padding = -1) {
  return {{"mode", std::string(mode)}, {"padding_idx", padding}};
}

/// Bags {0, 1}, {}, {1, 3, 2}, {0} of a table of four rows.
OpSample Cut(Attributes attributes, std::vector<double> y, std::vector<double> gradient) {
  return {.op = "embedding_bag",
          .operands = {F64({4, 2}), I64({6}), I64({4})},
          .attributes = std::move(attributes),
          .values = {{1, 2, 3, 4, 5, 6, 7, 8}, {0, 1, 1, 3, 2, 0}, {0, 2, 2, 5}},
          .expected = {std::move(y)},
          .source = kTorch,
          .gradients = {std::move(gradient)}};
}

OpSample Rows(std::string_view mode, std::vector<double> y, std::vector<double> gradient) {
  return {.op = "embedding_bag",
          .operands = {F64({4, 2}), I32({2, 3})},
          .attributes = Mode(mode),
          .values = {{1, 2, 3, 4, 5, 6, 7, 8}, {0, 1, 1, 3, 3, 2}},
          .expected = {std::move(y)},
          .source = kTorch,
          .smooth = mode != "max",
          .gradients = {std::move(gradient)}};
}

std::vector<OpSample> StatedSamples() {
  return {
      Cut(Mode("sum"), {4, 6, 0, 0, 15, 18, 1, 2}, {2, 2, 2, 2, 1, 1, 1, 1}),
      Cut(Mode("sum", 1), {1, 2, 0, 0, 12, 14, 1, 2}, {2, 2, 0, 0, 1, 1, 1, 1}),
      Cut(Mode("mean"), {2, 3, 0, 0, 5, 6, 1, 2},
          {1.5, 1.5, 5.0 / 6, 5.0 / 6, 1.0 / 3, 1.0 / 3, 1.0 / 3, 1.0 / 3}),
      Cut(Mode("mean", 1), {1, 2, 0, 0, 6, 7, 1, 2}, {2, 2, 0, 0, 0.5, 0.5, 0.5, 0.5}),
      Cut(Mode("max"), {3, 4, 0, 0, 7, 8, 1, 2}, {1, 1, 1, 1, 0, 0, 1, 1}),
      Cut(Mode("max", 1), {1, 2, 0, 0, 7, 8, 1, 2}, {2, 2, 0, 0, 0, 0, 1, 1}),
      {.op = "embedding_bag",
       .operands = {F64({4, 2}), I64({6}), I64({4}), F64({6})},
       .attributes = Mode("sum"),
       .values = {{1, 2, 3, 4, 5, 6, 7, 8}, {0, 1, 1, 3, 2, 0}, {0, 2, 2, 5}, {0.5, 1, 2, 1, 3, 1}},
       .expected = {{3.5, 5, 0, 0, 28, 34, 1, 2}},
       .source = kTorch,
       .gradients = {{1.5, 1.5, 3, 3, 3, 3, 1, 1}, {}, {}, {3, 7, 7, 15, 11, 3}}},
      Rows("sum", {7, 10, 19, 22}, {1, 1, 2, 2, 1, 1, 2, 2}),
      Rows("mean", {7.0 / 3, 10.0 / 3, 19.0 / 3, 22.0 / 3},
           {1.0 / 3, 1.0 / 3, 2.0 / 3, 2.0 / 3, 1.0 / 3, 1.0 / 3, 2.0 / 3, 2.0 / 3}),
      Rows("max", {3, 4, 7, 8}, {0, 0, 1, 1, 0, 0, 1, 1}),
      {.op = "embedding_bag",
       .operands = {F64({3, 2}), I64({1, 3})},
       .attributes = Mode("max"),
       .values = {{1, 2, 1, 4, 1, 2}, {2, 0, 1}},
       .expected = {{1, 4}},
       .source = kTorch,
       .smooth = false,
       .gradients = {{0, 0, 0, 1, 1, 0}}},
      {.op = "embedding_bag",
       .operands = {F64({3, 2}), I64({3}), I64({1})},
       .attributes = Mode("max"),
       .values = {{1, 2, 1, 4, 1, 2}, {2, 0, 1}, {0}},
       .expected = {{1, 4}},
       .source = kTorch,
       .smooth = false,
       .gradients = {{0, 0, 0, 1, 1, 0}}},
  };
}

/// An index, an offset and an index before the first offset that are out of range.
std::vector<OpSample> BadSamples() {
  const auto sample = [](std::vector<double> indices, std::vector<double> offsets,
                         std::vector<double> y) {
    return OpSample{.op = "embedding_bag",
                    .operands = {F64({2, 1}), I64({3}), I64({2})},
                    .attributes = Mode("sum"),
                    .values = {{10, 20}, std::move(indices), std::move(offsets)},
                    .expected = {std::move(y)},
                    .source = "what is out of range is left out",
                    .bad_index = true};
  };
  return {sample({0, 2, 1}, {0, 2}, {10, 20}), sample({0, 1, 1}, {0, 4}, {50, 0}),
          sample({0, 1, 1}, {1, 2}, {20, 20}), sample({0, -1, 1}, {0, 1}, {10, 20})};
}

}  // namespace

FamilySamples BagSamples() {
  FamilySamples family{.samples = StatedSamples()};
  std::ranges::move(BadSamples(), std::back_inserter(family.samples));
  for (const std::string_view mode : {"sum", "mean", "max"}) {
    const auto add = [&](std::vector<TensorType> operands, int64_t padding) {
      family.samples.push_back({.op = "embedding_bag",
                                .operands = std::move(operands),
                                .attributes = Mode(mode, padding),
                                .smooth = mode != "max"});
    };
    add({F32({4, 17}), I64({3, 5})}, -1);
    add({F64({4, 3}), U8({7, 2})}, 2);
    add({F32({4, 1}), I32({3, 0})}, -1);
    family.samples.push_back({.op = "embedding_bag",
                              .operands = {F32({4, 9}), I64({7}), I32({3})},
                              .attributes = Mode(mode, 1),
                              .values = {{}, {}, {0, 3, 3}},
                              .smooth = mode != "max"});
  }
  family.samples.push_back({.op = "embedding_bag",
                            .operands = {F32({4, 3}), I64({2, 5}), F32({2, 5})},
                            .attributes = Mode("sum", 3)});
  const TensorType table = F32({4, 3});
  family.errors = {
      {"embedding_bag", {F32({4}), I64({2, 2})}, {}, "table must be [rows, columns], not [4]"},
      {"embedding_bag", {table, I64({2, 2})}, Mode("sum", 4), "padding_idx must be a row of table"},
      {"embedding_bag", {table, I64({2, 2})}, Mode("sum", INT64_MIN), "padding_idx must be"},
      {"embedding_bag", {table, I64({})}, {}, "indices must be a vector or [bags, indices]"},
      {"embedding_bag", {table, I64({5})}, {}, "indices that are a vector need offsets"},
      {"embedding_bag", {table, I64({5}), F32({2})}, {}, "offsets must be a vector of integers"},
      {"embedding_bag", {table, I64({5}), I64({2, 1})}, {}, "offsets must be a vector of integers"},
      {"embedding_bag",
       {table, I64({2, 2}), F32({2, 2}), F32({2, 2})},
       Mode("sum"),
       "indices with a row per bag have no offsets"},
      {"embedding_bag", {table, I64({2, 2}), I64({2})}, Mode("sum"), "weights must be f32[2, 2]"},
      {"embedding_bag",
       {table, I64({5}), I64({2}), F32({4})},
       Mode("sum"),
       "weights must be f32[5], one for each index, not f32[4]"},
      {"embedding_bag", {table, I64({2, 2}), F32({2, 2})}, {}, "weights are for mode sum"},
      {"embedding_bag", {F32({4, int64_t{1} << 38}), I64({8, 1})}, {}, "the chosen rows"},
      {"embedding_bag", {table, I64({2, 2})}, Mode("min"), "mode is one of sum, mean, max"},
  };
  return family;
}

}  // namespace descent

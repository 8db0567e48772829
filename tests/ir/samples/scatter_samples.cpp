#include "tests/ir/samples/samples.h"

namespace descent {
namespace {

constexpr std::string_view kTorch = "PyTorch 1.13, scatter_reduce in float64";
constexpr std::string_view kDropped = "an update whose index is out of range is dropped";
constexpr std::string_view kReduces[] = {"set", "add", "mul", "min", "max"};

Attributes Reduce(std::string_view reduce) { return {{"reduce", std::string(reduce)}}; }

Attributes Along(int64_t axis, std::string_view reduce) {
  return {{"axis", axis}, {"reduce", std::string(reduce)}};
}

/// Rows of one element: x [4], updates [6], with zeros among them.
OpSample Rows(std::string_view reduce, std::vector<double> y, std::vector<double> x_gradient,
              std::vector<double> update_gradient, std::string_view source = kTorch) {
  return {.op = "scatter_rows",
          .operands = {F64({4}), I64({6}), F64({6})},
          .attributes = Reduce(reduce),
          .values = {{2, 3, 4, 0}, {0, 0, 1, 2, 3, 2}, {5, 6, 0, 8, 0, 4}},
          .expected = {std::move(y)},
          .source = source,
          .smooth = false,
          .gradients = {std::move(x_gradient), {}, std::move(update_gradient)}};
}

OpSample Ties(std::string_view reduce, std::vector<double> y, std::vector<double> x_gradient,
              std::vector<double> update_gradient) {
  return {.op = "scatter_rows",
          .operands = {F64({3}), I32({5}), F64({5})},
          .attributes = Reduce(reduce),
          .values = {{2, 3, 1}, {0, 0, 1, 2, 2}, {2, 2, 3, 5, 5}},
          .expected = {std::move(y)},
          .source = kTorch,
          .smooth = false,
          .gradients = {std::move(x_gradient), {}, std::move(update_gradient)}};
}

std::vector<OpSample> StatedSamples() {
  const std::vector<double> twelve = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11};
  return {
      Rows("set", {6, 0, 4, 0}, {0, 0, 0, 0}, {0, 1, 1, 0, 1, 1}, "the last update wins"),
      Rows("add", {13, 3, 16, 0}, {1, 1, 1, 1}, {1, 1, 1, 1, 1, 1}),
      Rows("mul", {60, 0, 128, 0}, {30, 0, 32, 0}, {12, 10, 3, 16, 0, 32}),
      Rows("max", {6, 3, 8, 0}, {0, 1, 0, 0.5}, {0, 1, 0, 1, 0.5, 0}),
      Rows("min", {2, 0, 4, 0}, {1, 0, 0.5, 0.5}, {0, 0, 1, 0, 0.5, 0.5}),
      Ties("max", {2, 3, 5}, {1.0 / 3, 0.5, 0}, {1.0 / 3, 1.0 / 3, 0.5, 0.5, 0.5}),
      Ties("min", {2, 3, 1}, {1.0 / 3, 0.5, 1}, {1.0 / 3, 1.0 / 3, 0.5, 0, 0}),
      {.op = "scatter_rows",
       .operands = {F64({2}), I64({3}), F64({3})},
       .attributes = Reduce("mul"),
       .values = {{0, 3}, {0, 0, 1}, {0, 7, 2}},
       .expected = {{0, 6}},
       .source = kTorch,
       .smooth = false,
       .gradients = {{0, 2}, {}, {0, 0, 3}}},
      {.op = "scatter_rows",  // a zero is a factor like others, for second derivatives too
       .operands = {F64({2}), I64({4}), F64({4})},
       .attributes = Reduce("mul"),
       .values = {{2, 3}, {0, 0, 0, 1}, {0, 5, 7, 0}},
       .expected = {{0, 0}},
       .source = "by hand",
       .gradients = {{0, 0}, {}, {70, 0, 0, 3}}},
      {.op = "scatter_rows",
       .operands = {F32({3, 2}), I64({3}), F32({3, 2})},
       .attributes = Reduce("add"),
       .values = {{0, 0, 10, 10, 0, 0}, {1, 0, 1}, {1, 2, 3, 4, 5, 6}},
       .expected = {{3, 4, 16, 18, 0, 0}}},
      {.op = "scatter",
       .operands = {F32({3, 4}), I64({2, 3}), F32({2, 3})},
       .attributes = Along(1, "set"),
       .values = {twelve, {2, 0, 3, 1, 1, 0}, {10, 20, 30, 40, 50, 60}},
       .expected = {{20, 1, 10, 30, 60, 50, 6, 7, 8, 9, 10, 11}},
       .source = kTorch},
      {.op = "scatter",
       .operands = {F32({3, 4}), I64({2, 3}), F32({2, 3})},
       .attributes = Along(-1, "add"),
       .values = {twelve, {2, 0, 3, 1, 1, 0}, {10, 20, 30, 40, 50, 60}},
       .expected = {{20, 1, 12, 33, 64, 95, 6, 7, 8, 9, 10, 11}},
       .source = kTorch},
      {.op = "scatter",
       .operands = {F32({3, 4}), I64({2, 4}), F32({2, 4})},
       .attributes = Along(0, "min"),
       .values = {twelve, {2, 0, 1, 0, 1, 2, 0, 0}, {1, 2, 3, 4, 5, 6, 7, 8}},
       .expected = {{0, 1, 2, 3, 4, 5, 3, 7, 1, 6, 10, 11}},
       .source = kTorch,
       .smooth = false},
      {.op = "scatter_nd",
       .operands = {F32({8}), I64({4, 1}), F32({4})},
       .values = {{1, 2, 3, 4, 5, 6, 7, 8}, {4, 3, 1, 7}, {9, 10, 11, 12}},
       .expected = {{1, 11, 3, 10, 9, 6, 7, 12}},
       .source = "ONNX's ScatterND example"},
      {.op = "scatter_nd",
       .operands = {F32({2, 2, 2}), I32({2, 2}), F32({2, 2})},
       .attributes = Reduce("add"),
       .values = {{1, 2, 3, 4, 5, 6, 7, 8}, {1, 0, 1, 0}, {10, 20, 30, 40}},
       .expected = {{1, 2, 3, 4, 45, 66, 7, 8}},
       .source = "numpy.add.at"},
  };
}

/// Indices out of range, one of which would be a place of x if it was made part of a number.
std::vector<OpSample> BadSamples() {
  std::vector<OpSample> samples;
  for (const std::string_view reduce : kReduces)
    samples.push_back({.op = "scatter_rows",
                       .operands = {F32({2}), I32({3}), F32({3})},
                       .attributes = Reduce(reduce),
                       .values = {{0, 1}, {1, 7, -1}, {1, 2, 3}},
                       .expected = {{0, reduce == "add" ? 2.0 : 1.0}},
                       .source = kDropped,
                       .smooth = reduce == "set" || reduce == "add" || reduce == "mul",
                       .bad_index = true});
  samples.push_back({.op = "scatter",
                     .operands = {F32({2, 3}), I64({2, 2}), F32({2, 2})},
                     .attributes = Along(1, "add"),
                     .values = {{0, 0, 0, 0, 0, 0}, {3, 0, 2, -1}, {1, 2, 3, 4}},
                     .expected = {{2, 0, 0, 0, 0, 3}},
                     .source = kDropped,
                     .bad_index = true});
  samples.push_back({.op = "scatter_nd",
                     .operands = {F32({2, 3}), I64({3, 2}), F32({3})},
                     .values = {{0, 0, 0, 0, 0, 0}, {0, 3, 1, 1, -1, 2}, {1, 2, 3}},
                     .expected = {{0, 0, 0, 0, 2, 0}},
                     .source = kDropped,
                     .bad_index = true});
  return samples;
}

}  // namespace

FamilySamples ScatterSamples() {
  FamilySamples family{.samples = StatedSamples()};
  std::ranges::move(BadSamples(), std::back_inserter(family.samples));
  for (const std::string_view reduce : kReduces) {
    const auto add = [&](std::string_view op, std::vector<TensorType> operands,
                         Attributes attributes, int64_t integers = 4) {
      family.samples.push_back({.op = op,
                                .operands = std::move(operands),
                                .attributes = std::move(attributes),
                                .integers = integers,
                                .denormals = reduce != "mul"});
    };
    add("scatter_rows", {F32({4, 3}), I64({2, 5}), F32({2, 5, 3})}, Reduce(reduce));
    add("scatter_rows", {F32({4, 17}), U8({33}), F32({33, 17})}, Reduce(reduce));
    add("scatter_rows", {I32({4}), I64({9}), I32({9})}, Reduce(reduce));
    add("scatter_rows", {F64({4, 2}), I32({0}), F64({0, 2})}, Reduce(reduce));
    add("scatter", {F32({3, 4}), I64({3, 17}), F32({3, 17})}, Along(1, reduce));
    add("scatter", {F64({9, 3}), I32({7, 2}), F64({7, 2})}, Along(0, reduce), 9);
    add("scatter_nd", {F32({4, 5}), I64({3, 2}), F32({3})}, Reduce(reduce));
    add("scatter_nd", {F64({4, 3, 7}), I32({2, 3, 1}), F64({2, 3, 3, 7})}, Reduce(reduce));
  }
  family.samples.push_back({.op = "scatter_rows", .operands = {Bool({4}), I64({3}), Bool({3})}});
  const TensorType x = F32({3, 2}), indices = I64({4, 2});
  family.errors = {
      {"scatter_rows", {x, I64({4}), F32({4, 3})}, {}, "updates must be [4, 2]"},
      {"scatter_rows", {F32({}), I64({}), F32({})}, {}, "x must have an axis to index"},
      {"scatter_rows", {F32({3}), I64({2}), F64({2})}, {}, "must have one dtype"},
      {"scatter_rows", {F32({3}), F32({2}), F32({2})}, {}, "must have an integer type"},
      {"scatter_rows", {x, I64({4}), F32({4, 2})}, Reduce("sum"), "reduce is one of set, add"},
      {"scatter_rows", {Bool({3}), I64({2}), Bool({2})}, Reduce("add"), "add needs numbers"},
      {"scatter", {x, I64({4}), F32({4})}, {}, "must have the rank of x [3, 2]"},
      {"scatter", {x, I64({4, 3}), F32({4, 3})}, {}, "at most its extents beside axis 0"},
      {"scatter", {x, indices, F32({3, 2})}, {}, "must have the shape of indices [4, 2]"},
      {"scatter", {x, indices, F32({4, 2})}, Along(2, "set"), "axis 2 is out of range"},
      {"scatter", {F32({}), I64({}), F32({})}, {}, "axis 0 is out of range for rank 0"},
      {"scatter", {Bool({3}), I64({2}), Bool({2})}, Reduce("max"), "max needs numbers"},
      {"scatter_nd", {x, I64({4, 3}), F32({4})}, {}, "must hold 1 to 2 coordinates of x [3, 2]"},
      {"scatter_nd", {x, I64({4, 0}), F32({4})}, {}, "must hold 1 to 2 coordinates"},
      {"scatter_nd", {x, I64({}), F32({})}, {}, "must hold 1 to 2 coordinates"},
      {"scatter_nd", {x, I64({4, 1}), F32({4})}, {}, "updates must be [4, 2]"},
      {"scatter_nd", {Bool({3}), I64({2, 1}), Bool({2})}, Reduce("mul"), "mul needs numbers"},
  };
  return family;
}

}  // namespace descent

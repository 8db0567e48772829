#include "tests/ir/samples/samples.h"

namespace descent {
namespace {

const std::vector<double> kSix = {1, 2, 3, 4, 5, 6};

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

Attributes Axes(Ints axes) { return {{"axes", std::move(axes)}}; }
Attributes Flatten(int64_t start, int64_t end) {
  return {{"start_axis", start}, {"end_axis", end}};
}
Attributes Split(Ints sizes, int64_t axis = 0) {
  return {{"sizes", std::move(sizes)}, {"axis", axis}};
}
Attributes Roll(Ints shifts, Ints axes = {}) {
  return {{"shifts", std::move(shifts)}, {"axes", std::move(axes)}};
}
Attributes Tile(Ints repeats) { return {{"repeats", std::move(repeats)}}; }
Attributes Block(int64_t block, std::string order = "dcr") {
  return {{"block", block}, {"order", std::move(order)}};
}

std::vector<OpSample> StatedSamples() {
  const std::vector<double> channels = {0, 1, 2, 3, 4, 5, 6, 7};
  return {
      Stated("squeeze", {1, 6, 1}, {}, kSix),
      Stated("unsqueeze", {2, 3}, Axes({0, -1}), kSix),
      Stated("flatten", {2, 3}, {}, kSix),
      {.op = "split",
       .operands = {F32({2, 3})},
       .attributes = Split({1, 2}, -1),
       .values = {kSix},
       .expected = {{1, 4}, {2, 3, 5, 6}}},
      {.op = "stack",
       .operands = {F32({2}), F32({2}), F32({2})},
       .attributes = {{"axis", int64_t{1}}},
       .values = {{1, 2}, {3, 4}, {5, 6}},
       .expected = {{1, 3, 5, 2, 4, 6}}},
      Stated("tile", {2, 3}, Tile({2, 1}), {1, 2, 3, 4, 5, 6, 1, 2, 3, 4, 5, 6}),
      Stated("tile", {3, 2}, Tile({1, 2}), {1, 2, 1, 2, 3, 4, 3, 4, 5, 6, 5, 6}),
      Stated("roll", {2, 3}, Roll({1}, {1}), {3, 1, 2, 6, 4, 5}),
      Stated("roll", {2, 3}, Roll({-1}), {2, 3, 4, 5, 6, 1}),
      Stated("roll", {2, 3}, Roll({1, -1}, {0, 1}), {5, 6, 4, 2, 3, 1}),
      {.op = "depth_to_space",
       .operands = {F32({1, 8, 1, 1})},
       .attributes = Block(2),
       .values = {channels},
       .expected = {{0, 2, 4, 6, 1, 3, 5, 7}},
       .source = "the formula of ONNX DepthToSpace in NumPy"},
      {.op = "depth_to_space",
       .operands = {F32({1, 8, 1, 1})},
       .attributes = Block(2, "crd"),
       .values = {channels},
       .expected = {{0, 1, 2, 3, 4, 5, 6, 7}},
       .source = "torch.pixel_shuffle"},
      {.op = "space_to_depth",
       .operands = {F32({1, 2, 2, 2})},
       .attributes = Block(2),
       .values = {{0, 2, 4, 6, 1, 3, 5, 7}},
       .expected = {{0, 1, 2, 3, 4, 5, 6, 7}},
       .source = "inverse of depth_to_space"},
  };
}

std::vector<OpSample> GeneratedSamples() {
  std::vector<OpSample> samples = {
      Generated("squeeze", F32({1, 3, 1, 17}), Axes({2})),
      Generated("squeeze", I32({3, 17})),
      Generated("squeeze", F64({1, 1})),
      Generated("squeeze", F32({1, 0})),
      Generated("unsqueeze", F32({17}), Axes({1})),
      Generated("unsqueeze", Bool({}), Axes({0})),
      Generated("flatten", F32({2, 3, 4}), Flatten(1, -1)),
      Generated("flatten", F32({2, 3, 4, 5}), Flatten(1, 2)),
      Generated("flatten", F32({})),
      Generated("flatten", F64({3, 0, 2})),
      Generated("split", F32({17, 3}), Split({9, 0, 8})),
      Generated("split", I64({3, 33}), Split({16, 17}, 1)),
      Generated("split", F64({3}), Split({3})),
      {.op = "stack", .operands = {F32({3, 17}), F32({3, 17})}, .attributes = {}},
      {.op = "stack", .operands = {F32({}), F32({})}, .attributes = {{"axis", int64_t{-1}}}},
      {.op = "stack", .operands = {U8({2, 3})}, .attributes = {{"axis", int64_t{2}}}},
      Generated("tile", F32({3, 2, 5}), Tile({2, 3, 1})),
      Generated("tile", F32({17}), Tile({3})),
      Generated("tile", F32({3, 2}), Tile({0, 2})),
      Generated("tile", F64({}), Tile({})),
      Generated("roll", F32({33}), Roll({5})),
      Generated("roll", F32({3, 17}), Roll({-20, 7}, {-1, 0})),
      Generated("roll", F32({3, 4}), Roll({1, 2}, {1, 1})),
      Generated("roll", I32({5}), Roll({INT64_MIN}, {0})),
      Generated("roll", F32({0, 3}), Roll({1}, {0})),
      Generated("depth_to_space", F32({2, 9, 3, 5}), Block(3)),
      Generated("depth_to_space", F32({2, 12, 3, 2}), Block(2, "crd")),
      Generated("depth_to_space", F64({1, 3, 2, 2}), Block(1)),
      Generated("space_to_depth", F32({2, 3, 4, 6}), Block(2, "crd")),
      Generated("space_to_depth", F32({1, 2, 9, 3}), Block(3)),
      Generated("space_to_depth", F32({0, 2, 4, 4}), Block(4)),
  };
  return samples;
}

}  // namespace

FamilySamples ArrangeSamples() {
  FamilySamples family{.samples = StatedSamples()};
  std::ranges::move(GeneratedSamples(), std::back_inserter(family.samples));
  const TensorType x = F32({2, 3}), image = F32({1, 8, 6, 6});
  const int64_t big = int64_t{1} << 41;
  family.errors = {
      {"squeeze", {x}, Axes({0}), "axis 0 of [2, 3] has not extent 1"},
      {"squeeze", {x}, Axes({2}), "axis 2 is out of range"},
      {"unsqueeze", {x}, Axes({}), "needs at least one axis"},
      {"unsqueeze", {x}, Axes({0, 0}), "axis 0 is given twice"},
      {"unsqueeze", {x}, Axes({3}), "axis 3 is out of range for rank 3"},
      {"unsqueeze", {x}, Axes(Ints(15, 0)), "rank 17, above 16"},
      {"flatten", {x}, Flatten(1, 0), "start_axis 1 stands behind end_axis 0"},
      {"flatten", {x}, Flatten(2, -1), "axis 2 is out of range"},
      {"flatten", {x}, Flatten(0, INT64_MIN), "is out of range"},
      {"split", {x}, Split({}), "needs at least one size"},
      {"split", {x}, Split({1, 2}), "sizes [1, 2] do not add up to extent 2"},
      {"split", {x}, Split({3, -1}), "do not add up"},
      {"split", {x}, Split({INT64_MAX, INT64_MAX}), "do not add up"},
      {"split", {x}, Split({2}, 2), "axis 2 is out of range"},
      {"stack", {}, {}, "at least one operand"},
      {"stack", {x, F32({2, 4})}, {}, "[2, 3] and [2, 4] differ"},
      {"stack", {x}, {{"axis", int64_t{3}}}, "axis 3 is out of range for rank 3"},
      {"stack", {x, I32({2, 3})}, {}, "must have one dtype"},
      {"tile", {x}, Tile({2}), "repeats [2] needs one number per axis"},
      {"tile", {x}, Tile({1, -1}), "repeats must be between 0 and 2^40"},
      {"tile", {x}, Tile({1, big}), "repeats must be between 0 and 2^40"},
      {"tile", {x}, Tile({big / 2, 1}), "more than 2^40 elements"},
      {"tile", {x}, Tile({1 << 20, 1 << 20}), "more than 2^40 elements"},
      {"roll", {x}, Roll({1, 2}), "shifts [1, 2] needs one number per axis of []"},
      {"roll", {x}, Roll({1}, {0, 1}), "needs one number per axis of [0, 1]"},
      {"roll", {x}, Roll({1}, {2}), "axis 2 is out of range"},
      {"depth_to_space", {x}, Block(2), "x must be [batch, channels, rows, columns]"},
      {"depth_to_space", {image}, Block(3), "8 channels of [1, 8, 6, 6] do not divide by 3"},
      {"depth_to_space", {image}, Block(0), "block must be between 1 and 2^20"},
      {"depth_to_space", {image}, Block(INT64_MIN), "block must be between 1 and 2^20"},
      {"depth_to_space", {image}, Block(2, "abc"), "order is one of dcr, crd"},
      {"depth_to_space", {U8({0, 0, big / 2, 1})}, Block(2), "more than 2^40 elements"},
      {"space_to_depth", {image}, Block(4), "do not divide by 4"},
      {"space_to_depth", {image}, {}, "needs attribute block"},
      {"space_to_depth", {U8({0, big / 2, 2, 2})}, Block(2), "more than 2^40 elements"},
  };
  return family;
}

}  // namespace descent

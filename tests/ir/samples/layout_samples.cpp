#include "tests/ir/samples/samples.h"

namespace descent {
namespace {

const std::vector<double> kSix = {1, 2, 3, 4, 5, 6};

Attributes Slice(Ints starts, Ints stops, Ints steps = {}) {
  return {{"starts", std::move(starts)}, {"stops", std::move(stops)}, {"steps", std::move(steps)}};
}

Attributes Pad(Ints low, Ints high, Ints interior = {}, double value = 0) {
  return {{"low", std::move(low)},
          {"high", std::move(high)},
          {"interior", std::move(interior)},
          {"value", value}};
}

OpSample Stated(std::string_view op, Shape shape, Attributes attributes,
                std::vector<double> expected) {
  return {.op = op,
          .operands = {F32(std::move(shape))},
          .attributes = std::move(attributes),
          .values = {kSix},
          .expected = {std::move(expected)}};
}

OpSample Generated(std::string_view op, TensorType x, Attributes attributes) {
  return {.op = op, .operands = {std::move(x)}, .attributes = std::move(attributes)};
}

std::vector<OpSample> StatedSamples() {
  return {
      Stated("reshape", {2, 3}, {{"shape", Ints{3, -1}}}, kSix),
      Stated("transpose", {2, 3}, {{"permutation", Ints{1, 0}}}, {1, 4, 2, 5, 3, 6}),
      Stated("expand", {6}, {{"shape", Ints{2, 6}}}, {1, 2, 3, 4, 5, 6, 1, 2, 3, 4, 5, 6}),
      Stated("slice", {2, 3}, Slice({0, 1}, {2, 3}), {2, 3, 5, 6}),
      Stated("slice", {6}, Slice({1}, {6}, {2}), {2, 4, 6}),
      Stated("pad", {2, 3}, Pad({0, 1}, {1, 0}, {}, 9), {9, 1, 2, 3, 9, 4, 5, 6, 9, 9, 9, 9}),
      Stated("pad", {6}, Pad({-1}, {-2}), {2, 3, 4}),
      Stated("pad", {2, 3}, Pad({0, 0}, {0, 0}, {0, 1}), {1, 0, 2, 0, 3, 4, 0, 5, 0, 6}),
      Stated("flip", {2, 3}, {{"axes", Ints{1}}}, {3, 2, 1, 6, 5, 4}),
      Stated("flip", {2, 3}, {}, {6, 5, 4, 3, 2, 1}),
      {.op = "concat",
       .operands = {F32({2, 1}), F32({2, 2})},
       .attributes = {{"axis", int64_t{1}}},
       .values = {{1, 2}, {3, 4, 5, 6}},
       .expected = {{1, 3, 4, 2, 5, 6}}},
      {.op = "iota",
       .operands = {},
       .attributes = {{"shape", Ints{2, 3}}, {"axis", int64_t{1}}},
       .expected = {{0, 1, 2, 0, 1, 2}}},
      {.op = "iota",
       .operands = {},
       .attributes = {{"shape", Ints{3, 2}}, {"dtype", DType::kF32}},
       .expected = {{0, 0, 1, 1, 2, 2}}},
  };
}

std::vector<OpSample> GeneratedSamples() {
  std::vector<OpSample> samples = {
      Generated("reshape", F32({2, 3, 4}), {{"shape", Ints{6, 4}}}),
      Generated("reshape", F32({4, 6}), {{"shape", Ints{3, 8}}}),
      Generated("reshape", F32({2, 1, 6}), {{"shape", Ints{1, 2, 2, 3, 1}}}),
      Generated("reshape", F32({0, 3}), {{"shape", Ints{3, 0, 2}}}),
      Generated("reshape", F32({1, 1}), {{"shape", Ints{}}}),
      Generated("reshape", I32({17}), {{"shape", Ints{17, 1}}}),
      Generated("transpose", F32({2, 3, 4}), {{"permutation", Ints{2, 0, 1}}}),
      Generated("transpose", F32({17, 9}), {{"permutation", Ints{1, 0}}}),
      Generated("transpose", F32({3, 1, 2, 5}), {{"permutation", Ints{0, 2, 3, 1}}}),
      Generated("transpose", F32({}), {{"permutation", Ints{}}}),
      Generated("expand", F32({}), {{"shape", Ints{2, 3}}}),
      Generated("expand", F32({3, 1}), {{"shape", Ints{2, 3, 4}}}),
      Generated("expand", Bool({1, 3}), {{"shape", Ints{9, 3}}}),
      Generated("slice", F32({5, 7}), Slice({1, 0}, {4, 7}, {2, 3})),
      Generated("slice", F32({5}), Slice({2}, {2})),
      Generated("slice", F32({33}), Slice({3}, {30})),
      Generated("pad", F32({3, 4}), Pad({1, -1}, {-1, 2}, {}, 0.5)),
      Generated("pad", F32({3, 2}), Pad({-1, 1}, {-2, 1}, {2, 1})),
      Generated("pad", F32({0, 2}), Pad({2, 0}, {1, 0}, {}, 1)),
      Generated("flip", F32({17, 3}), {{"axes", Ints{0}}}),
      {.op = "concat", .operands = {F32({2, 3}), F32({1, 3}), F32({0, 3}), F32({4, 3})}},
      {.op = "concat", .operands = {F32({17})}},
      {.op = "concat",
       .operands = {I64({3, 2}), I64({3, 9})},
       .attributes = {{"axis", int64_t{-1}}}},
  };
  for (const int64_t size : kSampleSizes)
    samples.push_back({.op = "iota",
                       .operands = {},
                       .attributes = {{"shape", Ints{size}}, {"dtype", DType::kI32}}});
  return samples;
}

}  // namespace

FamilySamples LayoutSamples() {
  FamilySamples family{.samples = StatedSamples()};
  std::ranges::move(GeneratedSamples(), std::back_inserter(family.samples));
  const TensorType x = F32({2, 3});
  family.errors = {
      {"reshape", {x}, {{"shape", Ints{4, 2}}}, "6 elements, which do not fit shape [4, 2]"},
      {"reshape", {x}, {{"shape", Ints{-1, 4}}}, "[2, 3] does not fit shape [-1, 4]"},
      {"reshape", {x}, {{"shape", Ints{-1, -1}}}, "does not fit"},
      {"transpose", {x}, {{"permutation", Ints{0, 0}}}, "does not name each axis of [2, 3] once"},
      {"transpose", {x}, {{"permutation", Ints{0}}}, "does not name each axis"},
      {"expand", {x}, {{"shape", Ints{2, 4}}}, "[2, 3] does not broadcast to [2, 4]"},
      {"expand", {x}, {{"shape", Ints{3}}}, "does not broadcast to [3]"},
      {"concat", {}, {}, "at least one operand"},
      {"concat", {x, F32({2, 4})}, {}, "[2, 3] and [2, 4] differ beside axis 0"},
      {"concat", {x, F32({3})}, {}, "ranks differ"},
      {"slice", {x}, Slice({0, 0}, {2, 4}), "slice [0, 4) leaves axis 1"},
      {"slice", {x}, Slice({0}, {2}), "needs one number per axis"},
      {"slice", {x}, Slice({0, 0}, {2, 3}, {1, 0}), "steps must be"},
      {"pad", {x}, Pad({0, -4}, {0, 0}), "negative extent"},
      {"pad", {x}, Pad({0}, {0, 0}), "low [0] needs one number per axis"},
      {"pad", {x}, Pad({0, 0}, {0, 0}, {0, -1}), "interior must not be negative"},
      {"flip", {x}, {{"axes", Ints{2}}}, "axis 2 is out of range"},
      {"iota", {}, {{"shape", Ints{-2}}}, "negative extent"},
      {"iota", {}, {{"shape", Ints{2}}, {"dtype", DType::kBool}}, "dtype must be a number type"},
  };
  return family;
}

}  // namespace descent

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

Attributes PadMode(std::string mode, Ints low, Ints high) {
  Attributes attributes = Pad(std::move(low), std::move(high));
  attributes.Set("mode", std::move(mode));
  return attributes;
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
      {.op = "expand_rows",
       .operands = {F32({2}), I32({3})},
       .attributes = {{"shape", Ints{-1, 2}}},
       .values = {{1, 2}, {7, 8, 9}},
       .expected = {{1, 2, 1, 2, 1, 2}}},
      Stated("slice", {2, 3}, Slice({0, 1}, {2, 3}), {2, 3, 5, 6}),
      Stated("slice", {6}, Slice({1}, {6}, {2}), {2, 4, 6}),
      Stated("pad", {2, 3}, Pad({0, 1}, {1, 0}, {}, 9), {9, 1, 2, 3, 9, 4, 5, 6, 9, 9, 9, 9}),
      Stated("pad", {6}, Pad({-1}, {-2}), {2, 3, 4}),
      Stated("pad", {2, 3}, Pad({0, 0}, {0, 0}, {0, 1}), {1, 0, 2, 0, 3, 4, 0, 5, 0, 6}),
      Stated("slice", {6}, Slice({4}, {-7}, {-2}), {5, 3, 1}),
      Stated("slice", {6}, Slice({-1}, {-4}, {-1}), {6, 5, 4}),
      Stated("slice", {6}, Slice({-5}, {-1}), {2, 3, 4, 5}),
      Stated("pad", {3, 2}, PadMode("reflect", {2, 0}, {1, 1}),
             {5, 6, 5, 3, 4, 3, 1, 2, 1, 3, 4, 3, 5, 6, 5, 3, 4, 3}),
      Stated("pad", {2, 3}, PadMode("reflect", {1, 1}, {0, 2}),
             {5, 4, 5, 6, 5, 4, 2, 1, 2, 3, 2, 1, 5, 4, 5, 6, 5, 4}),
      Stated("pad", {2, 3}, PadMode("edge", {1, 1}, {0, 2}),
             {1, 1, 2, 3, 3, 3, 1, 1, 2, 3, 3, 3, 4, 4, 5, 6, 6, 6}),
      Stated("pad", {2, 3}, PadMode("wrap", {1, 1}, {0, 2}),
             {6, 4, 5, 6, 4, 5, 3, 1, 2, 3, 1, 2, 6, 4, 5, 6, 4, 5}),
      Stated("pad_constant", {2, 3}, Pad({0, 1}, {1, 0}, {}, 9),
             {9, 1, 2, 3, 9, 4, 5, 6, 9, 9, 9, 9}),
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
       .attributes = {{"shape", Ints{2, 3}}, {"axis", int64_t{-2}}},
       .expected = {{0, 0, 0, 1, 1, 1}}},
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
      {.op = "expand_rows",
       .operands = {F32({4, 1, 2}), F32({3, 5})},
       .attributes = {{"shape", Ints{4, -1, 2}}}},
      {.op = "expand_rows",
       .operands = {F32({}), F32({2, 0})},
       .attributes = {{"shape", Ints{-1}}}},
      Generated("slice", F32({5, 7}), Slice({1, 0}, {4, 7}, {2, 3})),
      Generated("slice", F32({5}), Slice({2}, {2})),
      Generated("slice", F32({33}), Slice({3}, {30})),
      Generated("slice", F32({33, 3}), Slice({30, 2}, {1, -4}, {-3, -1})),
      Generated("slice", F64({17}), Slice({-1}, {-18}, {-1})),
      Generated("slice", F32({5}), Slice({3}, {3}, {-2})),
      Generated("slice", F32({0}), Slice({-1}, {-1}, {-1})),
      Generated("slice", I32({3}), Slice({0}, {3}, {int64_t{1} << 40})),
      Generated("pad", F32({9, 3}), PadMode("reflect", {8, 0}, {3, 2})),
      Generated("pad", F64({17}), PadMode("edge", {20}, {3})),
      Generated("pad", F32({3, 5}), PadMode("wrap", {3, 5}, {0, 5})),
      Generated("pad", I32({0, 3}), PadMode("edge", {0, 1}, {0, 0})),
      Generated("pad_constant", F32({3, 4}), Pad({1, -1}, {-1, 2}, {}, 0.5)),
      Generated("pad_constant", F32({3, 2}), Pad({-1, 1}, {-2, 1}, {2, 1})),
      Generated("pad_constant", I32({0, 2}), Pad({2, 0}, {1, 0}, {}, 1)),
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
      {"expand_rows",
       {x, x},
       {{"shape", Ints{2, 3}}},
       "must have one -1, for the rows of f32[2, 3]"},
      {"expand_rows", {x, x}, {{"shape", Ints{-1, -1}}}, "must have one -1"},
      {"expand_rows", {x, F32({})}, {{"shape", Ints{-1, 3}}}, "must have one -1"},
      {"expand_rows", {x, F32({4})}, {{"shape", Ints{-1, 3}}}, "does not broadcast to [4, 3]"},
      {"concat", {}, {}, "at least one operand"},
      {"concat", {x, F32({2, 4})}, {}, "[2, 3] and [2, 4] differ beside axis 0"},
      {"concat", {x, F32({3})}, {}, "ranks differ"},
      {"slice", {x}, Slice({0, 0}, {2, 4}), "slice [0, 4) of axis 1 of [2, 3]: leaves the axis"},
      {"slice", {x}, Slice({0}, {2}), "needs one number per axis"},
      {"slice", {x}, Slice({0, 0}, {2, 3}, {1, 0}), "steps must be"},
      {"slice", {x}, Slice({0, 0}, {2, -5}), "slice [0, -5) of axis 1 of [2, 3]: leaves the axis"},
      {"slice", {x}, Slice({0, 2}, {2, 0}), "runs against its step 1"},
      {"slice", {x}, Slice({0, 0}, {2, 3}, {1, -1}), "runs against its step -1"},
      {"slice", {x}, Slice({0, 3}, {2, 0}, {1, -1}), "leaves the axis"},
      {"slice", {x}, Slice({0, INT64_MIN}, {2, 0}), "leaves the axis"},
      {"slice", {x}, Slice({0, 0}, {2, INT64_MAX}), "leaves the axis"},
      {"slice", {x}, Slice({0, 0}, {2, 3}, {1, INT64_MIN}), "steps must be"},
      {"slice", {x}, Slice({0, 0}, {2, 3}, {1, 1, 1}), "needs one number per axis"},
      {"pad", {x}, PadMode("reflect", {0, 3}, {0, 0}), "can add 0 to 2 elements to axis 1"},
      {"pad", {x}, PadMode("wrap", {0, 0}, {3, 0}), "can add 0 to 2 elements to axis 0"},
      {"pad", {x}, PadMode("edge", {0, -1}, {0, 0}), "mode edge can add 0 to"},
      {"pad", {F32({0})}, PadMode("edge", {1}, {0}), "can add 0 to 0 elements"},
      {"pad", {x}, PadMode("mirror", {0, 0}, {0, 0}), "mode is one of"},
      {"pad",
       {x},
       {{"low", Ints{0, 0}},
        {"high", Ints{0, 0}},
        {"interior", Ints{1, 0}},
        {"mode", std::string("edge")}},
       "interior is for mode constant"},
      {"pad", {x}, Pad({0, INT64_MIN}, {0, 0}), "low is too large"},
      {"pad_constant", {x}, Pad({0, 0}, {0, INT64_MAX}), "high is too large"},
      {"pad_constant", {x}, Pad({0, 0}, {0, 0}, {0, int64_t{1} << 40}), "interior is too large"},
      {"pad_constant", {x}, Pad({0, 0}, {0}), "high [0] needs one number per axis"},
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

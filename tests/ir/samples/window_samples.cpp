#include "tests/ir/samples/samples.h"

namespace descent {
namespace {

Attributes Window(Ints kernel, Ints stride = {1, 1}, Ints padding = {0, 0, 0, 0},
                  Ints dilation = {1, 1}) {
  return {{"kernel", std::move(kernel)},
          {"stride", std::move(stride)},
          {"padding", std::move(padding)},
          {"dilation", std::move(dilation)}};
}

Attributes Fold(Ints size, Ints stride, Ints padding = {0, 0, 0, 0}, Ints dilation = {1, 1}) {
  return {{"size", std::move(size)},
          {"stride", std::move(stride)},
          {"padding", std::move(padding)},
          {"dilation", std::move(dilation)}};
}

constexpr int64_t kLowest = std::numeric_limits<int64_t>::min();
constexpr int64_t kHighest = std::numeric_limits<int64_t>::max();

OpSample Generated(std::string_view op, Shape shape, Attributes attributes) {
  return {.op = op, .operands = {F32(std::move(shape))}, .attributes = std::move(attributes)};
}

}  // namespace

FamilySamples WindowSamples() {
  FamilySamples family;
  family.samples = {
      {.op = "unfold",
       .operands = {F32({1, 1, 2, 2})},
       .attributes = {{"kernel", Ints{2, 2}}, {"padding", Ints{0, 0, 0, 1}}, {"value", -1.0}},
       .values = {{1, 2, 3, 4}},
       .expected = {{1, 2, 3, 4, 2, -1, 4, -1}}},
      Generated("unfold", {2, 3, 5, 4}, Window({3, 2})),
      Generated("unfold", {1, 2, 7, 6}, Window({3, 3}, {2, 2}, {1, 1, 1, 1})),
      Generated("unfold", {1, 1, 6, 7}, Window({2, 3}, {3, 1}, {1, 0, 0, 2}, {2, 2})),
      Generated("unfold", {1, 1, 5, 5}, Window({2, 2}, {1, 1}, {-1, 0, 0, -1})),
      {.op = "fold",
       .operands = {F32({1, 1, 1, 2, 2, 2})},
       .attributes = Fold({2, 3}, {1, 1}),
       .values = {{1, 2, 3, 4, 10, 20, 30, 40}},
       .expected = {{1, 12, 20, 3, 34, 40}}},
      Generated("fold", {1, 2, 4, 3, 3, 3}, Fold({7, 6}, {2, 2}, {1, 1, 1, 1})),
      Generated("fold", {2, 1, 3, 5, 3, 2}, Fold({5, 6}, {1, 1})),
      Generated("fold", {1, 1, 2, 5, 2, 3}, Fold({6, 7}, {3, 1}, {1, 0, 0, 2}, {2, 2})),
      Generated("unfold", {2, 2, 7},
                {{"kernel", Ints{3}}, {"stride", Ints{2}}, {"padding", Ints{1, 0}}}),
      Generated("unfold", {3, 4}, {{"kernel", Ints{2}}, {"axis", int64_t{0}}}),
      Generated("unfold", {2, 3, 4, 2}, {{"kernel", Ints{2, 2}}, {"axis", int64_t{1}}}),
      Generated("unfold", {1, 1, 3, 2, 3},
                {{"kernel", Ints{2, 2, 2}}, {"dilation", Ints{1, 1, 2}}}),
      Generated("unfold", {1, 1, 17}, {{"kernel", Ints{1}}}),
      Generated("fold", {2, 2, 3, 3},
                {{"size", Ints{6}}, {"stride", Ints{2}}, {"padding", Ints{1, 0}}}),
      Generated("fold", {3, 4, 2}, {{"size", Ints{4}}, {"axis", int64_t{0}}}),
      Generated("fold", {1, 1, 2, 1, 1, 2, 2, 2},
                {{"size", Ints{3, 2, 3}}, {"dilation", Ints{1, 1, 2}}}),
      {.op = "unfold", .operands = {I32({1, 1, 5})}, .attributes = {{"kernel", Ints{3}}}},
  };
  const TensorType x = F32({1, 1, 4, 4});
  family.errors = {
      {"unfold", {F32({4, 4})}, Window({2, 2}), "stands for 2 axes from axis 2 on"},
      {"unfold", {x}, Window({0, 2}), "kernel must be between 1 and"},
      {"unfold", {x}, Window({5, 1}), "the window of 5 is larger than the padded input of 4"},
      {"unfold", {x}, Window({2, 2}, {1, 0}), "stride must be between 1 and"},
      {"fold", {x}, Fold({4, 4}, {1, 1}), "stands for 2 axes from axis 2 on"},
      {"fold", {F32({1, 1, 2, 2, 2, 2})}, Fold({4, 4}, {1, 1}), "has 3 such windows, not 2"},
      {"unfold", {x}, {{"kernel", Ints{}}}, "stands for 0 axes"},
      {"unfold", {x}, {{"kernel", Ints(17, 1)}}, "stands for 17 axes"},
      {"unfold", {x}, {{"kernel", Ints{1}}, {"axis", kLowest}}, "which [1, 1, 4, 4] does not have"},
      {"unfold",
       {x},
       {{"kernel", Ints{1}}, {"axis", kHighest}},
       "which [1, 1, 4, 4] does not have"},
      {"unfold", {x}, {{"kernel", Ints{1, kHighest}}}, "kernel must be between 1 and"},
      {"unfold", {x}, Window({2, 2}, {1, 1}, {0, 0, kLowest, 0}), "padding is too large"},
      {"unfold", {x}, Window({2, 2}, {1, 1}, {0, 0}), "padding needs 4 numbers"},
      {"unfold", {x}, Window({2, 2}, {1, 1}, {0, 0, 0, 0}, {1}), "dilation needs 2 numbers"},
      {"unfold", {F32({1, 1, 0, 4})}, Window({1, 1}), "must not be empty"},
      {"unfold", {F32(Shape(16, 1))}, {{"kernel", Ints{1}}}, "rank 17"},
      {"fold", {F32({1, 1, 3, 2})}, {{"size", Ints{-4}}}, "is no shape"},
      {"fold", {F32({1, 1, 3, 2})}, {{"size", Ints{}}}, "stands for 0 axes"},
      {"fold", {F32({1, 1, 3, 2})}, {{"size", Ints(1000, 1)}}, "stands for 1000 axes"},
      {"fold", {F32({1, 1, 3, 2})}, {{"size", Ints{4}}, {"stride", Ints{0}}}, "stride must be"},
      {"fold", {F32({1, 1, 3, 0})}, {{"size", Ints{4}}}, "must not be empty"},
      {"fold", {F32({1, 1, 3, 9})}, {{"size", Ints{4}}}, "the window of 9 is larger"},
  };
  return family;
}

}  // namespace descent

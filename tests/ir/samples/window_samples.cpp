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

OpSample Generated(std::string_view op, Shape shape, Attributes attributes) {
  return {.op = op, .operands = {F32(std::move(shape))}, .attributes = std::move(attributes)};
}

}  // namespace

FamilySamples WindowSamples() {
  const std::vector<double> image = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
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
      {.op = "max_pool2d",
       .operands = {F32({1, 1, 4, 4})},
       .attributes = {{"kernel", Ints{2, 2}}},
       .values = {image},
       .expected = {{5, 7, 13, 15}}},
      {.op = "max_pool2d",
       .operands = {F32({1, 1, 2, 4})},
       .attributes = {{"kernel", Ints{2, 2}}},
       .values = {{1, 3, 2, 2, 3, 3, 2, 2}},
       .expected = {{3, 2}},
       .source = "PyTorch: the first maximum in row-major order",
       .smooth = false,
       .gradients = {{0, 1, 1, 0, 0, 0, 0, 0}}},
      Generated("max_pool2d", {2, 3, 6, 6}, Window({3, 3}, {2, 2}, {1, 1, 1, 1})),
      Generated("max_pool2d", {1, 2, 7, 5}, Window({2, 2}, {1, 2}, {0, 0, 1, 1}, {2, 1})),
      {.op = "avg_pool2d",
       .operands = {F32({1, 1, 4, 4})},
       .attributes = {{"kernel", Ints{2, 2}}},
       .values = {image},
       .expected = {{2.5, 4.5, 10.5, 12.5}}},
      {.op = "avg_pool2d",
       .operands = {F32({1, 1, 2, 2})},
       .attributes = {{"kernel", Ints{2, 2}},
                      {"stride", Ints{2, 2}},
                      {"padding", Ints{1, 1, 1, 1}}},
       .values = {{4, 8, 12, 16}},
       .expected = {{1, 2, 3, 4}},
       .source = "by hand; padding counts as in PyTorch"},
      Generated("avg_pool2d", {2, 3, 6, 5}, Window({3, 2}, {2, 1}, {1, 0, 1, 1})),
  };
  const TensorType x = F32({1, 1, 4, 4});
  family.errors = {
      {"unfold", {F32({4, 4})}, Window({2, 2}), "x must be [batch, channels, height, width]"},
      {"unfold", {x}, Window({2}), "kernel needs 2 numbers, not 1"},
      {"unfold", {x}, Window({0, 2}), "kernel must be between 1 and"},
      {"unfold", {x}, Window({5, 1}), "the window of 5 is larger than the padded input of 4"},
      {"unfold", {x}, Window({2, 2}, {1, 0}), "stride must be between 1 and"},
      {"fold", {x}, Fold({4, 4}, {1, 1}), "x must be [batch, channels, rows"},
      {"fold", {F32({1, 1, 2, 2, 2, 2})}, Fold({4, 4}, {1, 1}), "3 x 3 such windows, not 2 x 2"},
      {"max_pool2d",
       {x},
       Window({2, 2}, {2, 2}, {2, 0, 0, 0}),
       "padding must be between 0 and half"},
      {"max_pool2d", {I32({1, 1, 4, 4})}, Window({2, 2}), "must have a float type"},
      {"avg_pool2d", {x}, {}, "needs attribute kernel"},
  };
  return family;
}

}  // namespace descent

#include "tests/ir/samples/samples.h"

namespace descent {
namespace {

constexpr std::string_view kSource = "NumPy: clip(rint(x / scale) + zero_point, low, high)";
const Attributes kRows = {{"axis", int64_t{0}}};

std::vector<OpSample> Quantized() {
  std::vector<OpSample> samples = {
      // The example of ONNX QuantizeLinear.
      {.op = "quantize_linear",
       .operands = {F32({6}), F32({}), U8({})},
       .values = {{0, 2, 3, 1000, -254, -1000}, {2}, {128}},
       .expected = {{128, 129, 130, 255, 1, 0}},
       .source = kSource},
      {.op = "quantize_linear",
       .operands = {F64({2, 3}), F64({2}), I8({2})},
       .attributes = kRows,
       .values = {{1, 0.25, -100, 1, 3, -7}, {0.5, 2}, {0, -3}},
       .expected = {{2, 0, -128, -3, -1, -7}},
       .source = kSource},
      {.op = "quantize_linear",
       .operands = {F32({4}), F32({}), I16({})},
       .values = {{1e5, -1e5, 2.5, 3.5}, {1}, {100}},
       .expected = {{32767, -32768, 102, 104}},
       .source = kSource},
      {.op = "quantize_linear",
       .operands = {F32({5}), F32({}), U16({})},
       .values = {{70000, -5, 0.5, kInfinity, kNaN}, {1}, {0}},
       .expected = {{65535, 0, 0, 65535, 0}},
       .source = "by the definition; ONNX leaves NaN open"},
  };
  for (const int64_t size : kSampleSizes)
    samples.push_back({.op = "quantize_linear",
                       .operands = {F32({3, size}), F32({size}), I8({size})},
                       .attributes = {{"axis", int64_t{-1}}},
                       .low = 0.5,
                       .high = 3});
  return samples;
}

std::vector<OpSample> Dequantized() {
  std::vector<OpSample> samples = {
      // The example of ONNX DequantizeLinear.
      {.op = "dequantize_linear",
       .operands = {U8({4}), F32({}), U8({})},
       .values = {{0, 3, 128, 255}, {2}, {128}},
       .expected = {{-256, -250, 0, 254}},
       .source = "NumPy: (x - zero_point) * scale"},
      {.op = "dequantize_linear",
       .operands = {I8({2, 2}), F64({2}), I8({2})},
       .attributes = kRows,
       .values = {{-128, 127, 5, -5}, {0.5, 0.25}, {127, 5}},
       .expected = {{-127.5, 0, 0, -2.5}},
       .source = "NumPy: (x - zero_point) * scale"},
      {.op = "dequantize_linear",
       .operands = {I32({2}), F32({})},
       .values = {{-2147483648.0, 7}, {0.5}},
       .expected = {{-1073741824, 3.5}},
       .source = "NumPy: x * scale"},
  };
  for (const int64_t size : kSampleSizes)
    samples.push_back({.op = "dequantize_linear",
                       .operands = {I16({3, size}), F32({size}), I16({size})},
                       .attributes = {{"axis", int64_t{-1}}},
                       .integers = 1000});
  return samples;
}

}  // namespace

FamilySamples QuantizeSamples() {
  FamilySamples family;
  for (auto rows : {Quantized, Dequantized})
    for (OpSample& sample : rows()) family.samples.push_back(std::move(sample));
  constexpr int64_t kLowest = std::numeric_limits<int64_t>::min();
  family.errors = {
      {"quantize_linear",
       {F32({2}), F32({}), I32({})},
       {},
       "zero_point must be i8, u8, i16 or u16"},
      {"quantize_linear", {F32({2}), F64({}), I8({})}, {}, "must have one dtype"},
      {"quantize_linear", {I32({2}), F32({}), I8({})}, {}, "must have a float type"},
      {"quantize_linear", {F32({2, 3}), F32({2}), I8({2})}, {}, "scale has 2 elements, but axis 1"},
      {"quantize_linear", {F32({2, 3}), F32({3}), I8({})}, {}, "zero_point must have the shape"},
      {"quantize_linear", {F32({2, 3}), F32({1, 3}), I8({1, 3})}, {}, "at most one axis"},
      {"quantize_linear", {F32({3}), F32({3}), I8({3})}, {}, "axis"},
      {"quantize_linear", {F32({3}), F32({3}), I8({3})}, {{"axis", kLowest}}, "axis"},
      {"dequantize_linear", {I64({2}), F32({})}, {}, "x must be i8, u8, i16, u16 or i32"},
      {"dequantize_linear", {I8({2}), F32({}), U8({})}, {}, "zero_point must have the type of x"},
      {"dequantize_linear", {I8({2, 3}), F32({2})}, {}, "scale has 2 elements, but axis 1"},
      {"dequantize_linear", {I8({2, 3}), F32({3}), I8({})}, {}, "zero_point must have the shape"},
      {"dequantize_linear", {F32({2}), F32({})}, {}, "must have an integer type"},
  };
  return family;
}

}  // namespace descent

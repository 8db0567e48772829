#include "runtime/predictions.h"

#include <gtest/gtest.h>

#include <cmath>

namespace descent::runtime {
namespace {

Array Floats(std::vector<int64_t> shape, std::vector<float> values) {
  ByteView bytes = std::as_bytes(std::span(values));
  return {
      .dtype = DESCENT_F32, .shape = std::move(shape), .values = Bytes(bytes.begin(), bytes.end())};
}

TEST(Predictions, CsvForms) {
  descent_output probability = {{"p", DESCENT_F32, 2, nullptr}, DESCENT_OUTPUT_PROBABILITY, 0};
  descent_output probabilities = {{"q", DESCENT_F32, 2, nullptr}, DESCENT_OUTPUT_PROBABILITIES, 0};
  descent_output value = {{"v", DESCENT_F32, 2, nullptr}, DESCENT_OUTPUT_PREDICTION, 0};
  EXPECT_EQ(
      PredictionsCsv({{&probability, Floats({2, 1}, {0.25f, 0.5f})}}, {"no", "yes, \"really\""}),
      "class,probability\nno,0.25\n\"yes, \"\"really\"\"\",0.5\n");
  EXPECT_EQ(
      PredictionsCsv({{&probabilities, Floats({1, 3}, {0.25f, 0.5f, 0.25f})}}, {"cat", "dog"}),
      "class,p(cat),p(dog),p(2)\ndog,0.25,0.5,0.25\n");
  EXPECT_EQ(PredictionsCsv({{&value, Floats({2, 2}, {1, 2, 3, 4})}}, {}), "v[0],v[1]\n1,2\n3,4\n");
  EXPECT_EQ(
      PredictionsCsv({{&value, Floats({1, 1}, {7})}, {&probability, Floats({1, 1}, {1})}}, {}),
      "v,p.class,p.probability\n7,1,1\n");
  const Array narrow = {
      .dtype = DESCENT_BF16,
      .shape = {2, 1},
      .values = {std::byte{0x80}, std::byte{0x3f}, std::byte{0}, std::byte{0xc0}}};
  EXPECT_EQ(PredictionsCsv({{&value, narrow}}, {}), "v\n1\n-2\n");
  EXPECT_EQ(PredictionsCsv({{&value, Floats({2, 1}, {-NAN, NAN})}}, {}), "v\nnan\nnan\n");
  const Array bytes = {
      .dtype = DESCENT_I8, .shape = {2, 1}, .values = {std::byte{0x80}, std::byte{7}}};
  EXPECT_EQ(PredictionsCsv({{&value, bytes}}, {}), "v\n-128\n7\n");
}

}  // namespace
}  // namespace descent::runtime

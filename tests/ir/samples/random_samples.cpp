#include "tests/ir/samples/samples.h"

namespace descent {
namespace {

constexpr std::string_view kSource = "Philox4x32-10 in Python, checked against Random123's vectors";

Attributes Typed(Shape shape, int64_t stream, DType dtype = DType::kF32) {
  return {{"shape", std::move(shape)}, {"stream", stream}, {"dtype", dtype}};
}

}  // namespace

FamilySamples RandomSamples() {
  const TensorType i = I64({});
  const auto with = [](Attributes attributes, std::initializer_list<Attributes::Entry> more) {
    for (const auto& [name, value] : more) attributes.Set(name, value);
    return attributes;
  };
  FamilySamples family;
  family.samples = {
      {.op = "random_unit",
       .operands = {i, i, i},
       .attributes = Typed({5}, 5),
       .values = {{7}, {3}, {0}},
       .expected = {{0.26171690225601196, 0.5191073417663574, 0.9214865565299988,
                     0.7748487591743469, 0.19147545099258423}},
       .source = kSource},
      {.op = "random_unit",
       .operands = {i, i, i},
       .attributes = Typed({5}, 5),
       .values = {{1099511627783}, {3}, {2}},
       .expected = {{0.8246471881866455, 0.11668705940246582, 0.0010523200035095215,
                     0.09887158870697021, 0.5244198441505432}},
       .source = kSource},
      {.op = "random_unit", .operands = {i, i, i}, .attributes = Typed({3, 70}, 1)},
      {.op = "random_unit", .operands = {i, i, i}, .attributes = Typed({33}, 1, DType::kF64)},
      {.op = "uniform",
       .operands = {},
       .attributes = with(Typed({4}, 9), {{"low", -1.0}, {"high", 3.0}}),
       .expected = {{-0.3905050754547119, 0.8767144680023193, 1.835817575454712,
                     0.3160369396209717}},
       .source = kSource},
      {.op = "normal",
       .operands = {},
       .attributes = with(Typed({4}, 9), {{"mean", 1.0}, {"std", 2.0}}),
       .expected = {{0.4468681990145428, -1.1597805755393304, -0.8898656572230492,
                     -0.7646445952109697}},
       .source = kSource},
      {.op = "dropout",
       .operands = {F32({6})},
       .attributes = {{"rate", 0.5}, {"stream", int64_t{9}}},
       .values = {{1, 2, 3, 4, 5, 6}},
       .expected = {{0, 0, 6, 0, 10, 12}},
       .source = kSource,
       .gradients = {{0, 0, 2, 0, 2, 2}}},
      {.op = "dropout", .operands = {F32({3, 4})}, .attributes = {{"rate", 0.0}}},
      {.op = "dropout", .operands = {F64({17})}, .attributes = {{"rate", 0.25}}},
      {.op = "dropout", .operands = {F32({9, 33})}},
  };
  for (const int64_t size : kSampleSizes) {
    family.samples.push_back({.op = "uniform", .operands = {}, .attributes = Typed({size}, 2)});
    family.samples.push_back({.op = "normal", .operands = {}, .attributes = Typed({size}, 3)});
  }
  family.errors = {
      {"random_unit", {i, i, I32({})}, Typed({2}, 0), "must have one dtype"},
      {"random_unit", {i, i, I64({1})}, Typed({2}, 0), "must be i64[]"},
      {"uniform", {}, Typed({2}, -1), "stream must be between 0 and"},
      {"uniform", {}, Typed({2}, 0, DType::kI32), "dtype must be a float type, not i32"},
      {"normal", {}, {{"stream", int64_t{1}}}, "needs attribute shape"},
      {"dropout", {F32({2})}, {{"rate", 1.0}}, "rate must be at least 0 and below 1"},
      {"dropout", {I32({2})}, {}, "must have a float type"},
  };
  return family;
}

}  // namespace descent

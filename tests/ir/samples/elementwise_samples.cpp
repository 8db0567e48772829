#include "tests/ir/samples/samples.h"

namespace descent {
namespace {

using List = std::vector<double>;

/// Values stated for a unary operator on floats.
struct UnaryRow {
  std::string_view op;
  List x, y;
  double low = -2, high = 2;  ///< for generated samples
  bool smooth = true;         ///< everywhere in that range
};

std::vector<UnaryRow> UnaryRows() {
  const List x = {-1.5, -0.5, 0.25, 2.0}, positive = {0.1, 0.5, 1.0, 4.0};
  return {
      {"neg", x, {1.5, 0.5, -0.25, -2}},
      {"abs", x, {1.5, 0.5, 0.25, 2}},
      {"sign", x, {-1, -1, 1, 1}},
      {"floor", {-1.5, -0.5, 0.25, 1.75}, {-2, -1, 0, 1}},
      {"square", x, {2.25, 0.25, 0.0625, 4}},
      {"sqrt", positive, {0.31622776601683794, 0.7071067811865476, 1, 2}, 0.1, 4},
      {"exp", x, {0.22313016014842982, 0.6065306597126334, 1.2840254166877414, 7.38905609893065}},
      {"log", positive, {-2.3025850929940455, -0.6931471805599453, 0, 1.3862943611198906}, 0.1, 4},
      {"sin",
       x,
       {-0.9974949866040544, -0.479425538604203, 0.24740395925452294, 0.9092974268256817}},
      {"cos", x, {0.0707372016677029, 0.8775825618903728, 0.9689124217106447, -0.4161468365471424}},
      {"tanh",
       x,
       {-0.9051482536448665, -0.46211715726000974, 0.24491866240370913, 0.9640275800758169}},
      {"sigmoid",
       x,
       {0.18242552380635635, 0.3775406687981454, 0.5621765008857981, 0.8807970779778823}},
      {"relu", x, {0, 0, 0.25, 2}},
      {"leaky_relu", x, {-0.015, -0.005, 0.25, 2}},
  };
}

/// Values stated for a binary operator on floats.
struct BinaryRow {
  std::string_view op;
  List a, b, y;
  double low = -2, high = 2;
  DType dtype = DType::kF32;
};

std::vector<BinaryRow> BinaryRows() {
  const List a = {1, -2, 3}, b = {4, 8, -2};
  return {
      {"add", a, b, {5, 6, 1}},
      {"sub", a, b, {-3, -10, 5}},
      {"mul", a, b, {4, -16, -6}},
      {"div", a, b, {0.25, -0.25, -1.5}, 0.5, 3},
      {"pow", {2, 3, 0.5}, {3, -1, 0.5}, {8, 0.3333333333333333, 0.7071067811865476}, 0.5, 3},
      {"minimum", a, b, {1, -2, -2}},
      {"maximum", a, b, {4, 8, 3}},
      {"equal", {1, 2, kNaN}, {1, 3, kNaN}, {1, 0, 0}},
      {"not_equal", {1, 2, kNaN}, {1, 3, kNaN}, {0, 1, 1}},
      {"less", {1, 2, kNaN}, {1, 3, 0}, {0, 1, 0}},
      {"less_equal", {1, 2, kNaN}, {1, 3, 0}, {1, 1, 0}},
      {"greater", {1, 4, kNaN}, {1, 3, 0}, {0, 1, 0}},
      {"greater_equal", {1, 4, kNaN}, {1, 3, 0}, {1, 1, 0}},
      {"logical_and", {1, 1, 0}, {1, 0, 0}, {1, 0, 0}, 0, 1, DType::kBool},
      {"logical_or", {1, 1, 0}, {1, 0, 0}, {1, 1, 0}, 0, 1, DType::kBool},
  };
}

void AddUnary(const UnaryRow& row, std::vector<OpSample>& samples) {
  samples.push_back({.op = row.op,
                     .operands = {F32({static_cast<int64_t>(row.x.size())})},
                     .values = {row.x},
                     .expected = {row.y}});
  for (const int64_t size : kSampleSizes)
    samples.push_back({.op = row.op, .operands = {F32({size})}, .low = row.low, .high = row.high});
  samples.push_back({.op = row.op, .operands = {F64({3, 5})}, .low = row.low, .high = row.high});
}

void AddBinary(const BinaryRow& row, std::vector<OpSample>& samples) {
  const auto add = [&](Shape a, Shape b) {
    samples.push_back({.op = row.op,
                       .operands = {{row.dtype, std::move(a)}, {row.dtype, std::move(b)}},
                       .low = row.low,
                       .high = row.high});
  };
  samples.push_back({.op = row.op,
                     .operands = {{row.dtype, {3}}, {row.dtype, {3}}},
                     .values = {row.a, row.b},
                     .expected = {row.y}});
  for (const int64_t size : kSampleSizes) add({size}, {size});
  add({4, 3}, {3});
  add({2, 1, 3}, {4, 1});
  add({}, {2, 2});
}

/// Ties and kinks: what PyTorch 2 gives.
std::vector<OpSample> Kinks() {
  const auto sample = [](std::string_view op, List x, List y, List gradient) {
    return OpSample{.op = op,
                    .operands = {F32({static_cast<int64_t>(x.size())})},
                    .values = {x},
                    .expected = {y},
                    .source = "PyTorch",
                    .smooth = false,
                    .gradients = {gradient}};
  };
  return {
      sample("relu", {-1, 0, 2, kNaN}, {0, 0, 2, kNaN}, {0, 0, 1, 0}),
      sample("leaky_relu", {-1, 0, 2}, {-0.01, 0, 2}, {0.01, 0.01, 1}),
      sample("abs", {-1, 0, 2}, {1, 0, 2}, {-1, 0, 1}),
      sample("sign", {-1, 0, 2, kNaN}, {-1, 0, 1, 0}, {0, 0, 0, 0}),
      sample("floor", {-1, 0.5, 2}, {-1, 0, 2}, {0, 0, 0}),
      sample("sqrt", {0, 4}, {0, 2}, {kInfinity, 0.25}),
      sample("exp", {-kInfinity, kInfinity, kNaN}, {0, kInfinity, kNaN}, {0, kInfinity, kNaN}),
      sample("log", {0, kInfinity}, {-kInfinity, kInfinity}, {kInfinity, 0}),
      sample("tanh", {-100, 100, -kInfinity}, {-1, 1, -1}, {0, 0, 0}),
      sample("sigmoid", {-1000, 1000}, {0, 1}, {0, 0}),
      {.op = "maximum",
       .operands = {F32({4}), F32({4})},
       .values = {{1, 2, 3, kNaN}, {1, 1, 5, 0}},
       .expected = {{1, 2, 5, kNaN}},
       .source = "PyTorch",
       .smooth = false,
       .gradients = {{0.5, 1, 0, 1}, {0.5, 0, 1, 1}}},
      {.op = "minimum",
       .operands = {F32({3}), F32({3})},
       .values = {{1, 2, 3}, {1, 1, 5}},
       .expected = {{1, 1, 3}},
       .source = "PyTorch",
       .smooth = false,
       .gradients = {{0.5, 0, 1}, {0.5, 1, 0}}},
      {.op = "pow",
       .operands = {F32({4}), F32({4})},
       .values = {{0, 0, 2, -2}, {0, 2, 0, 2}},
       .expected = {{1, 0, 1, 4}},
       .source = "PyTorch",
       .smooth = false,
       .gradients = {{0, 0, 0, -4}, {0, 0, 0.6931471805599453, kNaN}}},
  };
}

/// Integers wrap at their own width; a quotient by 0 is 0.
std::vector<OpSample> Integers() {
  return {
      {.op = "add",
       .operands = {I32({2}), I32({2})},
       .values = {{2147483647, -5}, {1, 3}},
       .expected = {{-2147483648.0, -2}}},
      {.op = "mul",
       .operands = {U8({2}), U8({2})},
       .values = {{16, 7}, {17, 9}},
       .expected = {{16, 63}}},
      {.op = "sub", .operands = {U8({1}), U8({1})}, .values = {{1}, {2}}, .expected = {{255}}},
      {.op = "div",
       .operands = {I64({4}), I64({4})},
       .values = {{7, -7, 7, 3}, {2, 2, 0, -1}},
       .expected = {{3, -3, 0, -3}}},
      {.op = "abs", .operands = {I32({2})}, .values = {{-3, 4}}, .expected = {{3, 4}}},
      {.op = "sign", .operands = {I32({3})}, .values = {{-3, 0, 4}}, .expected = {{-1, 0, 1}}},
      {.op = "sign", .operands = {U8({2})}, .values = {{0, 200}}, .expected = {{0, 1}}},
      {.op = "less",
       .operands = {U8({2}), U8({2})},
       .values = {{200, 3}, {100, 4}},
       .expected = {{0, 1}}},
      {.op = "maximum", .operands = {I64({17}), I64({17})}, .integers = 100},
      {.op = "equal", .operands = {Bool({9}), Bool({9})}},
      {.op = "add", .operands = {I32({3, 4}), I32({4})}, .integers = 1000},
  };
}

std::vector<OpSample> Choices() {
  const auto cast = [](TensorType from, DType to, List x, List y) {
    return OpSample{.op = "cast",
                    .operands = {from},
                    .attributes = {{"to", to}},
                    .values = {x},
                    .expected = {y},
                    .smooth = false};
  };
  std::vector<OpSample> samples = {
      {.op = "logical_not", .operands = {Bool({2})}, .values = {{1, 0}}, .expected = {{0, 1}}},
      {.op = "logical_not", .operands = {Bool({17})}},
      {.op = "where",
       .operands = {Bool({3}), F32({3}), F32({})},
       .values = {{1, 0, 1}, {1, kNaN, 3}, {9}},
       .expected = {{1, 9, 3}},
       .smooth = false,
       .gradients = {{}, {1, 0, 1}, {1}}},
      {.op = "where", .operands = {Bool({3, 1}), F32({4}), F32({3, 4})}},
      {.op = "where", .operands = {Bool({17}), I32({17}), I32({17})}},
      {.op = "leaky_relu", .operands = {F32({17})}, .attributes = {{"slope", 0.25}}},
      cast(F32({6}), DType::kI32, {1.9, -1.9, 3e9, -3e9, kNaN, kInfinity},
           {1, -1, 2147483647, -2147483648.0, 0, 2147483647}),
      cast(F32({4}), DType::kU8, {-1, 300, 7.5, kNaN}, {0, 255, 7, 0}),
      cast(F32({3}), DType::kBool, {0, -0.5, kNaN}, {0, 1, 1}),
      cast(I64({3}), DType::kI32, {4294967297, -1, 5}, {1, -1, 5}),
      cast(I64({3}), DType::kU8, {257, -1, 5}, {1, 255, 5}),
      cast(I32({3}), DType::kF32, {3, -4, 0}, {3, -4, 0}),
      cast(Bool({2}), DType::kF32, {1, 0}, {1, 0}),
      cast(U8({2}), DType::kI64, {255, 0}, {255, 0}),
      {.op = "cast", .operands = {F32({17})}, .attributes = {{"to", DType::kF64}}},
      {.op = "cast", .operands = {F64({17})}, .attributes = {{"to", DType::kF32}}},
  };
  return samples;
}

}  // namespace

FamilySamples ElementwiseSamples() {
  FamilySamples family;
  for (const UnaryRow& row : UnaryRows()) AddUnary(row, family.samples);
  for (const BinaryRow& row : BinaryRows()) AddBinary(row, family.samples);
  for (auto rows : {Kinks, Integers, Choices})
    std::ranges::move(rows(), std::back_inserter(family.samples));
  family.errors = {
      {"add", {F32({2, 3}), F32({4})}, {}, "shapes [2, 3] and [4] do not broadcast"},
      {"add", {F32({2}), F64({2})}, {}, "must have one dtype, not f32 and f64"},
      {"add", {Bool({2}), Bool({2})}, {}, "must have a float or integer type, not bool"},
      {"mul", {F32({2})}, {}, "takes 2 operands, not 1"},
      {"exp", {I32({2})}, {}, "must have a float type, not i32"},
      {"logical_and", {F32({2}), F32({2})}, {}, "must have bool, not f32"},
      {"where", {F32({2}), F32({2}), F32({2})}, {}, "operand condition must have bool"},
      {"where", {Bool({2}), F32({3}), F32({3})}, {}, "do not broadcast"},
      {"cast", {F32({2})}, {}, "needs attribute to"},
      {"leaky_relu", {F32({2})}, {{"slope", std::string("steep")}}, "attribute slope must be"},
      {"relu", {F32({2})}, {{"slope", 0.1}}, "has no attribute"},
  };
  for (const UnaryRow& row : UnaryRows())
    family.errors.push_back({row.op, {Bool({2})}, {}, "operand x must have a float"});
  for (const BinaryRow& row : BinaryRows())
    family.errors.push_back(
        {row.op, {{row.dtype, {2}}, {row.dtype, {3}}}, {}, "shapes [2] and [3] do not broadcast"});
  family.errors.push_back({"logical_not", {F32({2})}, {}, "must have bool, not f32"});
  return family;
}

}  // namespace descent

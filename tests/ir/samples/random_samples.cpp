#include "tests/ir/samples/samples.h"

namespace descent {
namespace {

constexpr std::string_view kSource = "Philox4x32-10 in Python, checked against Random123's vectors";

Attributes Typed(Shape shape, int64_t stream, DType dtype = DType::kF32) {
  return {{"shape", std::move(shape)}, {"stream", stream}, {"dtype", dtype}};
}

Attributes With(Attributes attributes, std::initializer_list<Attributes::Entry> more) {
  for (const auto& [name, value] : more) attributes.Set(name, value);
  return attributes;
}

Attributes Whole(Shape shape, int64_t stream, int64_t low, int64_t high,
                 DType dtype = DType::kI64) {
  return With(Typed(std::move(shape), stream, dtype), {{"low", low}, {"high", high}});
}

Attributes Truncated(Shape shape, double mean, double std, double low, double high) {
  return With(Typed(std::move(shape), 9, DType::kF64),
              {{"mean", mean}, {"std", std}, {"low", low}, {"high", high}});
}

void AddFloats(std::vector<OpSample>& samples) {
  const auto stated = [&](std::string_view op, Attributes attributes, std::vector<double> expected,
                          std::string_view source = kSource) {
    samples.push_back({.op = op,
                       .operands = {},
                       .attributes = std::move(attributes),
                       .expected = {std::move(expected)},
                       .source = source});
  };
  stated("uniform", With(Typed({4}, 9), {{"low", -1.0}, {"high", 3.0}}),
         {-0.3905050754547119, 0.8767144680023193, 1.835817575454712, 0.3160369396209717});
  stated("normal", With(Typed({4}, 9), {{"mean", 1.0}, {"std", 2.0}}),
         {0.4468681990145428, -1.1597805755393304, -0.8898656572230492, -0.7646445952109697});
  stated("gumbel", Typed({4}, 9),
         {-0.6320262891782387, 0.27869360792974507, 1.0672180482477467, -0.10586290253132469});
  stated("gumbel", With(Typed({4}, 9, DType::kF64), {{"location", 1.0}, {"scale", 2.0}}),
         {-0.26405257835647733, 1.5573872158594901, 3.1344360964954934, 0.7882741949373506});
  constexpr std::string_view kBisected = "the same words, the distribution inverted by bisection";
  stated("truncated_normal", Typed({4}, 9),
         {-0.9613392155040354, -0.07380946433208102, 0.5228104419073349, -0.42124153211028625},
         kBisected);
  stated("truncated_normal", Truncated({4}, 1, 0.5, 2.5, 4),
         {2.7663369163492315, 2.611711031438294, 2.551628547705426, 2.661859080400806}, kBisected);
  stated("truncated_normal", Truncated({4}, 0, 1, 8, 9),
         {8.228372899930612, 8.09263670204539, 8.042235546418464, 8.13571855561663}, kBisected);
  stated("truncated_normal", Truncated({3}, 0, 1, -40, 40),
         {-1.0263058041817996, -0.07733476655500857, 0.5503326815445801}, kBisected);
  for (const std::string_view op : {"uniform", "normal", "gumbel", "truncated_normal"})
    for (const TensorType& like : {I64({3, 5}), F64({3, 2})})
      samples.push_back({.op = op, .operands = {like}, .attributes = Typed({}, 3)});
  for (const int64_t size : kSampleSizes)
    for (const std::string_view op : {"uniform", "normal", "gumbel", "truncated_normal"})
      samples.push_back({.op = op, .operands = {}, .attributes = Typed({size}, 2)});
}

void AddWholes(std::vector<OpSample>& samples) {
  const std::vector<OpSample> stated = {
      {.op = "randint",
       .operands = {},
       .attributes = Whole({8}, 9, -3, 7),
       .expected = {{-2, 1, 4, 0, 4, 2, 4, 5}},
       .source = kSource},
      {.op = "randint",
       .operands = {},
       .attributes = Whole({4}, 9, -(int64_t{1} << 30), int64_t{1} << 30, DType::kI32),
       .expected = {{-746521692, -66188381, 448726232, -367199798}},
       .source = kSource},
      {.op = "bernoulli",
       .operands = {},
       .attributes = With(Typed({8}, 9), {{"probability", 0.3}}),
       .expected = {{1, 0, 0, 0, 0, 0, 0, 0}},
       .source = kSource},
      {.op = "bernoulli",
       .operands = {F32({4})},
       .attributes = {{"stream", int64_t{9}}, {"dtype", DType::kBool}},
       .values = {{0, 0.5, 0.7, 1}},
       .expected = {{0, 1, 0, 1}},
       .source = kSource},
      {.op = "permutation",
       .operands = {},
       .attributes = {{"n", int64_t{7}}, {"stream", int64_t{9}}},
       .expected = {{0, 2, 4, 1, 5, 3, 6}},
       .source = kSource},
      {.op = "categorical",
       .operands = {F32({4, 3})},
       .attributes = {{"stream", int64_t{9}}},
       .values = {{1, 2, 3, -1, 0, .5, 0, 0, 0, 3, -kInfinity, 1}},
       .expected = {{2, 1, 1, 0}},
       .source = kSource},
      {.op = "categorical",
       .operands = {F64({2, 3})},
       .attributes = {{"stream", int64_t{9}}, {"axis", int64_t{0}}},
       .values = {{1, 2, 3, -1, 0, .5}},
       .expected = {{0, 0, 0}},
       .source = kSource},
  };
  samples.insert(samples.end(), stated.begin(), stated.end());
  for (const int64_t size : kSampleSizes) {
    samples.push_back({.op = "randint", .operands = {}, .attributes = Whole({size}, 1, 0, 10)});
    samples.push_back({.op = "bernoulli", .operands = {F32({size, 3})}, .low = 0, .high = 1});
    samples.push_back({.op = "permutation", .operands = {}, .attributes = {{"n", size}}});
    samples.push_back({.op = "categorical", .operands = {F32({size, 5})}});
  }
  samples.push_back(
      {.op = "randint", .operands = {}, .attributes = Whole({3, 70}, 1, 0, 256, DType::kU8)});
  samples.push_back({.op = "bernoulli", .operands = {F64({7})}, .low = 0, .high = 1});
}

void AddDropouts(std::vector<OpSample>& samples) {
  const Attributes half = {{"rate", 0.5}, {"stream", int64_t{9}}};
  const auto stated = [&](std::string_view op, Shape shape, std::vector<double> expected,
                          std::vector<double> gradient) {
    std::vector<double> x;
    for (int64_t i = 0; i < Elements(shape); ++i) x.push_back(static_cast<double>(i + 1));
    samples.push_back({.op = op,
                       .operands = {F32(std::move(shape))},
                       .attributes = half,
                       .values = {std::move(x)},
                       .expected = {std::move(expected)},
                       .source = kSource,
                       .gradients = {std::move(gradient)}});
  };
  stated("dropout", {6}, {0, 0, 6, 0, 10, 12}, {0, 0, 2, 0, 2, 2});
  stated("dropout2d", {2, 3, 2}, {0, 0, 0, 0, 10, 12, 0, 0, 18, 20, 22, 24},
         {0, 0, 0, 0, 2, 2, 0, 0, 2, 2, 2, 2});
  stated("drop_path", {6, 2}, {0, 0, 0, 0, 10, 12, 0, 0, 18, 20, 22, 24},
         {0, 0, 0, 0, 2, 2, 0, 0, 2, 2, 2, 2});
  stated("alpha_dropout", {6},
         {-0.7791939305180315, -0.7791939305180315, 3.4384086145158275, -0.7791939305180315,
          5.211218403847691, 6.097623298513623},
         {0, 0, 0.8864048946659319, 0, 0.8864048946659319, 0.8864048946659319});
  for (const std::string_view op : {"dropout", "dropout2d", "alpha_dropout", "drop_path"}) {
    samples.push_back({.op = op, .operands = {F32({3, 4, 2})}, .attributes = {{"rate", 0.0}}});
    samples.push_back({.op = op, .operands = {F64({17, 3})}, .attributes = {{"rate", 0.25}}});
    samples.push_back({.op = op, .operands = {F32({9, 3, 3, 5})}});
    samples.push_back({.op = op, .operands = {F32({0, 2})}});
  }
}

}  // namespace

FamilySamples RandomSamples() {
  const TensorType i = I64({});
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
      {.op = "random_word",
       .operands = {i, i, i},
       .attributes = {{"shape", Shape{5}}, {"stream", int64_t{5}}},
       .values = {{7}, {3}, {0}},
       .expected = {{1124065742, 2229549206, 3957754735, 3327950320, 822380968}},
       .source = kSource},
      {.op = "random_word", .operands = {i, i, i}, .attributes = {{"shape", Shape{3, 70}}}},
  };
  AddFloats(family.samples);
  AddWholes(family.samples);
  AddDropouts(family.samples);
  family.errors = {
      {"random_unit", {i, i, I32({})}, Typed({2}, 0), "must have one dtype"},
      {"random_unit", {i, i, I64({1})}, Typed({2}, 0), "must be scalars, not i64[1]"},
      {"uniform", {}, Typed({2}, -1), "stream must be between 0 and"},
      {"uniform", {}, Typed({2}, 0, DType::kI32), "dtype must be a float type, not i32"},
      {"normal", {F32({3})}, Typed({3}, 1), "the shape follows from the operand"},
      {"randint", {F32({3})}, {{"shape", Shape{3}}, {"high", int64_t{2}}}, "leave out [3]"},
      {"random_word", {i, i, F32({})}, {{"shape", Shape{2}}}, "must have an integer type"},
      {"random_word", {i, i, i}, {{"shape", Shape{-1}}}, "negative extent"},
      {"uniform", {}, Typed({int64_t{1} << 39, 3}, 0), "more than 2^40 elements"},
      {"truncated_normal", {}, Truncated({2}, 0, 0, -1, 1), "std must be above 0, not 0"},
      {"uniform", {}, {{"shape", Shape{2}}, {"low", kNaN}}, "low must be finite in f32, not nan"},
      {"uniform", {}, {{"shape", Shape{2}}, {"high", kInfinity}}, "high must be finite in f32"},
      {"uniform", {}, {{"shape", Shape{2}}, {"high", 1e39}}, "high must be finite in f32"},
      {"uniform",
       {},
       {{"shape", Shape{2}}, {"low", -3e38}, {"high", 3e38}},
       "high - low must be finite in f32"},
      {"normal", {F32({2})}, {{"mean", -kInfinity}}, "mean must be finite in f32, not -inf"},
      {"normal", {F32({2})}, {{"std", kNaN}}, "std must be finite in f32, not nan"},
      {"gumbel", {F32({2})}, {{"scale", kInfinity}}, "scale must be finite in f32, not inf"},
      {"truncated_normal", {}, Truncated({2}, 0, kInfinity, -1, 1), "std must be finite"},
      {"truncated_normal", {}, Truncated({2}, kNaN, 1, -1, 1), "mean must be finite"},
      {"truncated_normal", {}, Truncated({2}, 0, 1, 1, 1), "low must be below high"},
      {"truncated_normal", {}, Truncated({2}, 0, 1, 50, 60), "is too far from the mean"},
      {"gumbel", {}, Typed({2}, int64_t{1} << 30), "stream must be between 0 and"},
      {"bernoulli", {}, {{"probability", 1.5}}, "probability must be between 0 and 1, not 1.5"},
      {"bernoulli", {}, {{"probability", kNaN}}, "probability must be between 0 and 1"},
      {"bernoulli", {F32({3})}, {{"shape", Shape{3}}}, "the shape follows from the operand"},
      {"bernoulli", {I32({3})}, {}, "must have a float type"},
      {"randint", {}, Whole({2}, 0, 3, 3), "low must be below high, not 3 and 3"},
      {"randint", {}, Whole({2}, 0, -1, int64_t{1} << 31), "at most 2^31 above low"},
      {"randint",
       {},
       Whole({2}, 0, std::numeric_limits<int64_t>::min(), std::numeric_limits<int64_t>::max()),
       "at most 2^31 above low"},
      {"randint", {}, Whole({2}, 0, 0, 257, DType::kU8), "256 does not fit u8"},
      {"randint", {}, Whole({2}, 0, -1, 2, DType::kU8), "-1 does not fit u8"},
      {"randint", {}, Whole({2}, 0, 0, 2, DType::kF32), "dtype must be an integer type"},
      {"randint", {}, Typed({2}, 0, DType::kI64), "needs attribute high"},
      {"permutation", {}, {{"n", int64_t{-1}}}, "n must be at least 0"},
      {"permutation", {}, {{"n", std::numeric_limits<int64_t>::max()}}, "more than 2^40 elements"},
      {"categorical", {F32({2, 3})}, {{"axis", int64_t{2}}}, "axis 2 is out of range"},
      {"categorical", {F32({2, 0})}, {}, "has no classes to choose from"},
      {"categorical", {F32({2, 3})}, {{"stream", int64_t{-1}}}, "stream must be between 0 and"},
      {"dropout2d", {F32({2})}, {}, "x needs at least 2 axes"},
      {"dropout2d", {F32({2, 3})}, {{"rate", -0.1}}, "rate must be at least 0 and below 1"},
      {"alpha_dropout", {F32({2})}, {{"rate", kNaN}}, "rate must be at least 0 and below 1"},
      {"drop_path", {F32({})}, {}, "x needs at least 1 axis"},
      {"dropout", {F32({2})}, {{"rate", 1.0}}, "rate must be at least 0 and below 1"},
      {"dropout", {I32({2})}, {}, "must have a float type"},
  };
  return family;
}

}  // namespace descent

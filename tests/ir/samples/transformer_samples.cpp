#include "tests/ir/samples/samples.h"

namespace descent {
namespace {

/// Operands of multi_head_attention for query [rows..., width], keys [key_rows..., key_width] and
/// values alike; biases are scalars where `bias` is false.
std::vector<TensorType> MultiHead(DType dtype, Shape query, Shape key, int64_t inner,
                                  int64_t kv_inner, int64_t outputs, bool bias = true) {
  const auto type = [&](Shape shape) { return TensorType{dtype, std::move(shape)}; };
  std::vector<TensorType> types = {type(query),
                                   type(key),
                                   type(key),
                                   type({inner, query.back()}),
                                   type({kv_inner, key.back()}),
                                   type({kv_inner, key.back()}),
                                   type({outputs, inner})};
  for (const int64_t extent : {inner, kv_inner, kv_inner, outputs})
    types.push_back(type(bias ? Shape{extent} : Shape{}));
  return types;
}

Attributes Heads(int64_t heads, int64_t kv_heads = 0, bool causal = false) {
  return {{"heads", heads}, {"kv_heads", kv_heads}, {"causal", causal}};
}

void AddMultiHead(FamilySamples& family) {
  const std::string_view op = "multi_head_attention";
  const auto stated = MultiHead(DType::kF64, {2, 2, 4}, {2, 3, 4}, 4, 4, 4);
  std::vector<TensorType> masked = stated;
  masked.insert(masked.end(), {Bool({2, 3}), Bool({2, 3})});
  const std::string_view source = "PyTorch 1.13, float64: nn.MultiheadAttention";
  family.samples = {
      {.op = op,
       .operands = stated,
       .attributes = Heads(2),
       .expected = {{-10.2310076645, 3.2429760183, -9.6887534004, 3.7852302824, -9.8125778004,
                     3.0025415654, -9.2656536027, 3.549465763, 9.8703448582, -11.1994290473,
                     10.267014494, -10.8027594114, 8.1369653453, -8.8009690543, 8.9841329369,
                     -7.9538014627}},
       .source = source},
      {.op = op,
       .operands = masked,
       .attributes = Heads(2),
       .values =
           {{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {1, 0, 1, 1, 1, 1}, {1, 1, 0, 1, 1, 1}},
       .expected = {{-10.2534740031, 3.2874520129, -9.717694612, 3.8232314039, -9.833350051,
                     3.0223758523, -9.2864473226, 3.5692785807, 3.1073611572, -1.6640928054,
                     5.2819500243, 0.5104960616, 8.1369653453, -8.8009690543, 8.9841329369,
                     -7.9538014627}},
       .source = source},
      {.op = op,
       .operands = MultiHead(DType::kF32, {2, 3, 4}, {2, 3, 4}, 4, 2, 3, false),
       .attributes = Heads(2, 1, true),
       .low = -1,
       .high = 1},
      {.op = op,
       .operands = MultiHead(DType::kF32, {3, 2}, {2, 3}, 3, 3, 2),
       .attributes = Heads(1),
       .low = -1,
       .high = 1},
      {.op = op,
       .operands = MultiHead(DType::kF32, {0, 2, 4}, {0, 2, 4}, 4, 4, 4),
       .attributes = Heads(4)},
      {.op = op,
       .operands = MultiHead(DType::kF32, {1, 17, 2}, {1, 17, 2}, 2, 2, 2),
       .attributes = Heads(2, 0, true),
       .low = -1,
       .high = 1},
  };
  std::vector<TensorType> biased = MultiHead(DType::kF32, {2, 2, 2}, {2, 3, 2}, 2, 2, 2);
  biased.insert(biased.end(), {F32({2, 2, 3}), Bool({2, 3})});
  family.samples.push_back(
      {.op = op, .operands = biased, .attributes = Heads(2), .low = -1, .high = 1});

  const auto wrong = [&](size_t operand, TensorType type, Attributes attributes,
                         std::string_view message) {
    std::vector<TensorType> types = masked;
    types[operand] = std::move(type);
    family.errors.push_back({op, std::move(types), std::move(attributes), message});
  };
  wrong(0, F64({4}), Heads(2), "query must be [..., T, width]");
  wrong(1, F64({3, 4}), Heads(2), "must be [..., S, width] beside query");
  wrong(1, F64({3, 3, 4}), Heads(2), "must be [..., S, width] beside query");
  wrong(2, F64({2, 4, 4}), Heads(2), "must be [..., S, width] beside query");
  wrong(3, F64({4}), Heads(2), "weights must be [outputs, inputs]");
  wrong(3, F64({4, 3}), Heads(2), "wq must be [4, 4], not [4, 3]");
  wrong(4, F64({2, 4}), Heads(2), "wk must be [4, 4], not [2, 4]");
  wrong(5, F64({4, 2}), Heads(2), "wv must be [4, 4], not [4, 2]");
  wrong(6, F64({4, 6}), Heads(2), "wo must be [4, 4], not [4, 6]");
  wrong(7, F64({3}), Heads(2), "bq must be [4] or a scalar, not [3]");
  wrong(10, F64({2, 4}), Heads(2), "bo must be [4] or a scalar, not [2, 4]");
  wrong(11, F32({2, 3}), Heads(2), "mask must be bool or f64, not f32");
  wrong(11, Bool({3, 3}), Heads(2), "mask [3, 3] does not broadcast to the scores [2, 2, 2, 3]");
  wrong(12, Bool({3}), Heads(2), "key_padding_mask must be [2, 3], not [3]");
  wrong(0, F64({2, 2, 4}), Heads(3), "wq [4, 4] must have a multiple of 3 rows");
  wrong(0, F64({2, 2, 4}), Heads(0), "heads = 0 must be a positive multiple");
  wrong(0, F64({2, 2, 4}), Heads(4, 3), "heads = 4 must be a positive multiple of kv_heads = 3");
  wrong(0, F64({2, 2, 4}), Heads(4, std::numeric_limits<int64_t>::min()),
        "must be a positive multiple");
  const int64_t million = int64_t{1} << 20;
  family.errors.push_back(
      {op, MultiHead(DType::kF32, {million, 1}, {million, 1}, 2, 2, 1), Heads(2), "are too large"});
}

void AddPositions(FamilySamples& family) {
  const std::string_view rotary = "rotary_embedding", sinusoidal = "sinusoidal_positions";
  const std::string_view source = "PyTorch 1.13, float64: products of complex numbers";
  const std::vector<OpSample> samples = {
      {.op = rotary,
       .operands = {F64({3, 4})},
       .expected = {{0.472135955, -1.05572809, 1.416407865, -0.11145618, -0.3008655075,
                     0.8150035093, -1.7549766114, 1.7853268049, -1.1889560023, -1.2716978055,
                     -0.2700510052, -0.3598727727}},
       .source = source},
      {.op = rotary,
       .operands = {F64({3, 4})},
       .attributes = {{"interleaved", true}},
       .expected = {{0.472135955, -1.05572809, 1.416407865, -0.11145618, -1.5865187701,
                     -0.9294681449, -0.7127841431, 1.770048419, 1.0589508604, 0.758720552,
                     1.1999437388, -0.3104333497}},
       .source = source},
      {.op = rotary,
       .operands = {F64({2, 2, 5}), I32({2, 2})},
       .attributes = {{"interleaved", true}, {"base", 100.0}, {"width", int64_t{4}}},
       .values = {{}, {7, 0, 1, 1000}},
       .expected = {{1.0495435679, -0.4857287918, 1.1551305321,  0.8272286105, -1.639320225,
                     0.83281573,   -0.695048315,  1.77708764,    0.249223595,  -1.27864045,
                     0.926209798,  0.8236317448,  -1.913817916,  0.420943352,  -0.917960675,
                     0.8522794365, 1.2999126295,  -0.8033473693, 1.5972869144, -0.5572809}},
       .source = source},
      {.op = rotary, .operands = {F32({2, 3, 5, 6}), I64({5})}, .integers = 50},
      {.op = rotary,
       .operands = {F32({2, 2, 3, 8}), U8({2, 1, 3})},
       .attributes = {{"width", int64_t{4}}}},
      {.op = rotary,
       .operands = {F32({2, 2, 3, 8}), I64({})},
       .attributes = {{"interleaved", true}}},
      {.op = sinusoidal,
       .operands = {},
       .attributes = {{"length", int64_t{3}}, {"width", int64_t{5}}, {"dtype", DType::kF64}},
       .expected = {{0.0, 1.0, 0.0, 1.0, 0.0, 0.8414709848, 0.5403023059, 0.0251162229,
                     0.9996845379, 0.0006309573, 0.9092974268, -0.4161468365, 0.0502165994,
                     0.9987383507, 0.0012619144}},
       .source = "PyTorch 1.13, float64"},
  };
  family.samples.insert(family.samples.end(), samples.begin(), samples.end());
  for (const int64_t size : kSampleSizes) {
    family.samples.push_back({.op = rotary, .operands = {F32({size, 2})}});
    family.samples.push_back({.op = rotary,
                              .operands = {F32({2, size + size % 2 + 2})},
                              .attributes = {{"interleaved", true}}});
    if (size > 0)
      family.samples.push_back({.op = sinusoidal,
                                .operands = {},
                                .attributes = {{"length", int64_t{7}}, {"width", size}}});
    family.samples.push_back(
        {.op = sinusoidal,
         .operands = {},
         .attributes = {{"length", size}, {"width", int64_t{4}}, {"base", 50.0}}});
  }
  const auto rotate = [&](std::vector<TensorType> operands, Attributes attributes,
                          std::string_view message) {
    family.errors.push_back({rotary, std::move(operands), std::move(attributes), message});
  };
  rotate({F64(Shape(16, 2))}, {}, "fewer than 16 axes");
  rotate({F32({4})}, {}, "x must be [..., length, width]");
  rotate({F32({2, 5})}, {}, "width must be even");
  rotate({F32({2, 0})}, {}, "width must be even, at least 2");
  rotate({F32({2, 4})}, {{"width", int64_t{6}}}, "at most that of x [2, 4], not 6");
  rotate({F32({2, 4})}, {{"width", std::numeric_limits<int64_t>::min()}},
         "width must be even, at least 2");
  rotate({F32({2, 4})}, {{"base", 0.0}}, "base must be positive and finite");
  rotate({F32({2, 4})}, {{"base", kNaN}}, "base must be positive and finite");
  rotate({F32({2, 4}), I64({3})}, {}, "positions [3] do not broadcast to the rows [2] of x");
  rotate({F32({2, 4}), F32({2})}, {}, "positions");
  const auto sines = [&](Attributes attributes, std::string_view message) {
    family.errors.push_back({sinusoidal, {}, std::move(attributes), message});
  };
  sines({{"length", int64_t{-1}}, {"width", int64_t{4}}}, "negative extent");
  sines({{"length", int64_t{2}}, {"width", int64_t{0}}}, "width must be at least 1, not 0");
  sines({{"length", int64_t{1} << 21}, {"width", int64_t{1} << 20}}, "more than 2^40 elements");
  sines({{"length", int64_t{2}}, {"width", int64_t{4}}, {"base", -1.0}},
        "base must be positive and finite");
  sines({{"length", int64_t{2}}, {"width", int64_t{4}}, {"dtype", DType::kI32}},
        "dtype must be a float type");
}

}  // namespace

FamilySamples TransformerSamples() {
  FamilySamples family;
  AddMultiHead(family);
  AddPositions(family);
  return family;
}

}  // namespace descent

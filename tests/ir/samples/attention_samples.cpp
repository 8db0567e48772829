#include "tests/ir/samples/samples.h"

namespace descent {
namespace {

constexpr std::string_view kTorch =
    "PyTorch 1.13, float64: softmax and matmul, gradients by autograd";

void AddStated(std::vector<OpSample>& samples) {
  const auto attention = [&](Shape q, Shape k, Shape v, Attributes attributes,
                             std::vector<std::vector<double>> expected,
                             std::vector<std::vector<double>> gradients) -> OpSample& {
    return samples.emplace_back(OpSample{.op = "scaled_dot_product_attention",
                                         .operands = {F64(q), F64(k), F64(v)},
                                         .attributes = std::move(attributes),
                                         .expected = std::move(expected),
                                         .source = kTorch,
                                         .gradients = std::move(gradients),
                                         .differentiated_result = 0});
  };
  attention(
      {1, 2, 2, 3}, {1, 2, 3, 3}, {1, 2, 3, 2}, {},
      {{1.5907585563, 0.0628945113, 1.431579712, -0.096284333, 0.4126173773, -0.9633924431,
        0.3780031841, -0.9762144897},
       {2.2360388078, 1.5802085138, 2.1301046657, 1.8103358778}},
      {{0.0959314936, -0.0779017816, 0.2822116977, 0.4114366956, -0.2287273323, 0.698829098,
        -0.0084632682, 0.0723601183, -0.0084632682, -0.0213892858, 0.1560602065, -0.0213892858},
       {-0.0026806756, 0.3082386275, -0.1948393726, -0.0139794807, 0.1669473555, -0.1257984149,
        0.0166601562, -0.4751859829, 0.3206377875, -0.013824394, 0.0193395754, -0.0011568849,
        0.0845919584, -0.1081934286, 0.0109544931, -0.0707675643, 0.0888538532, -0.0097976082},
       {0.1050693853, 0.1050693853, 0.135564875, 0.135564875, 1.7593657397, 1.7593657397,
        0.081375149, 0.081375149, 0.0742443709, 0.0742443709, 1.8443804801, 1.8443804801}});
  attention({1, 3, 2}, {1, 5, 2}, {1, 5, 2}, {{"causal", true}},
            {{-0.214155565, -1.74201961, 0.4515748253, -1.0762892197, 0.164639357, -1.363224688},
             {-1.0733858051, -0.7004414482, 3.002731072}},
            {{0.0, 0.0, 0.2622426479, 0.2622426479, 0.3533408563, 0.1826092452},
             {0.1500888282, -0.2451340871, -0.0801178824, 0.2095870942, -0.0699709458, 0.0355469928,
              0.0, 0.0, 0.0, 0.0},
             {1.9138209299, 1.9138209299, 1.0661880835, 1.0661880835, 0.0199909866, 0.0199909866,
              0.0, 0.0, 0.0, 0.0}});
  attention({1, 4, 2}, {1, 2, 2}, {1, 2, 2}, {{"causal", true}},
            {{-0.214155565, -1.74201961, 0.4515748253, -1.0762892197, 0.1338423239, -1.3940217211,
              0.4214835599, -1.1063804851},
             {-1.0733858051, -0.7004414482, 2.982537562, 2.7931830415}},
            {{0.0, 0.0, 0.2622426479, 0.2622426479, 0.2934522848, 0.2934522848, 0.2774391063,
              0.2774391063},
             {0.3203031846, -0.7499923637, -0.3203031846, 0.7499923637},
             {2.2532918892, 2.2532918892, 1.7467081108, 1.7467081108}});
  attention(
      {4, 2, 2}, {2, 3, 2}, {2, 3, 1}, {{"scale", 0.3}},
      {{0.0389555502, -0.2039010541, -0.7049256854, -0.939372046, 0.2377499114, 0.5236149965,
        0.1667365317, 0.2824756459},
       {1.0257451775, 0.7620993642, 1.7778104237, 1.6574368143, 1.0595656827, 1.3810036946,
        1.1992007667, 1.3448670243}},
      {{0.1298423353, -0.351116535, 0.1314475686, -0.4228316359, -0.0218196204, -0.2196657111,
        -0.0395528084, -0.2096388615, 0.1517642262, 0.1307994974, 0.1909192445, 0.1249285443,
        0.0569105911, 0.0392088219, 0.1295639872, 0.0214739284},
       {-0.186683351, 0.2287365112, 0.0442802816, -0.2031083929, 0.1424030694, -0.0256281183,
        -0.0821719768, 0.1282055768, 0.0701212954, -0.0957266514, 0.0120506814, -0.0324789255},
       {1.31478403, 1.4110045125, 1.2742114575, 1.1505016642, 1.1197767597, 1.7297215761}});
  OpSample& masked = attention(
      {1, 3, 2}, {1, 3, 2}, {1, 3, 2}, {},
      {{1.4871416439, -0.0407224011, 0.0, 0.0, 0.164639357, -1.363224688},
       {1.2377490164, -kInfinity, 3.002731072}},
      {{0.4505148944, -0.5036909643, 0.0, 0.0, 0.3533408563, 0.1826092452},
       {0.4308240764, -0.0242421507, -0.4734818542, 0.24054064, 0.0426577778, -0.2162984893},
       {0.7179893985, 0.7179893985, 0.3611682865, 0.3611682865, 0.920842315, 0.920842315}});
  masked.operands.push_back(Bool({1, 3, 3}));
  masked.values = {{}, {}, {}, {1, 0, 1, 0, 0, 0, 1, 1, 1}};
  masked.source =
      "PyTorch 1.13, float64, which gives NaN for the query that sees no key; 0 as since 2.5";
  OpSample& biased = attention(
      {2, 2, 2}, {2, 3, 2}, {2, 3, 2}, {},
      {{-0.0901890369, -1.6180530819, 1.5982931461, 0.0704291011, -1.272541618, 0.7387176941,
        0.4879682504, -1.0172862868},
       {-0.4326483281, 2.1981660787, -0.8258313162, 4.2416737383}},
      {{0.1438119572, 0.1438119572, 0.1460614039, -0.2586921366, -0.1437224335, -0.1437224335,
        -0.0346700554, 0.0095340055},
       {-0.1476740599, 0.1667487954, 0.0043500354, -0.1554707245, 0.1433240246, -0.0112780709,
        -0.2501752277, 0.1284542496, 0.2578562173, -0.1480928722, -0.0076809895, 0.0196386226},
       {0.8895870895, 0.8895870895, 0.1701291745, 0.1701291745, 0.940283736, 0.940283736,
        0.8904332162, 0.8904332162, 0.1242853767, 0.1242853767, 0.9852814071, 0.9852814071}});
  biased.operands.push_back(F64({2, 3}));
  biased.values = {{}, {}, {}, {0.5, -1, -kInfinity, 0.25, 0, 2}};
  biased.smooth = false;
  samples.push_back(
      {.op = "attention_vjp",
       .operands = {F64({4, 2, 2}), F64({2, 3, 2}), F64({2, 3, 1}), F64({4, 2}), F64({4, 2, 1}),
                    F64({4, 2})},
       .attributes = {{"causal", true}},
       .expected = {{0.0602266083, -0.0193498661, 0.3993112245, -0.7893707219, 141.4984645392,
                     -45.4612407653, -7.7952288351, 12.4151284837, 1.4870249892, -0.8751688339,
                     -2.2478969334, -0.2902271584, -0.1288944743, 0.0758591333, 6.5297446852,
                     0.4256152174},
                    {123.8696401178, -62.5426902198, -6.2715681325, 14.1752410299, 0.0, 0.0,
                     -0.665986253, -0.2032780108, -3.8958120494, 4.7823463147, 0.0, 0.0},
                    {-0.4366571047, -6.3117270917, 0.0, 4.3135904955, 0.2160699416, 0.0}},
       .source = kTorch});
}

/// q, k and v of one shape each, and what attention_vjp reads beside them.
struct Case {
  Shape q, k, v;
  std::vector<TensorType> mask = {};
  Attributes attributes = {};
};

void AddGenerated(std::vector<OpSample>& samples, const Case& c, DType dtype) {
  const auto type = [&](Shape shape) { return TensorType{dtype, std::move(shape)}; };
  Shape out = c.q;
  out.back() = c.v.back();
  const Shape row(c.q.begin(), c.q.end() - 1);
  // A query that sees no key has logsumexp -infinity, of which no difference can be taken.
  const bool blind =
      c.k[c.k.size() - 2] == 0 || (!c.mask.empty() && c.mask[0].dtype == DType::kBool);
  OpSample forward{.op = "scaled_dot_product_attention",
                   .operands = {type(c.q), type(c.k), type(c.v)},
                   .attributes = c.attributes,
                   .differentiated_result = blind ? 0 : -1};
  OpSample backward{.op = "attention_vjp",
                    .operands = {type(c.q), type(c.k), type(c.v), type(row), type(out), type(row)},
                    .attributes = c.attributes,
                    .low = -1,
                    .high = 1};
  for (OpSample* sample : {&forward, &backward}) {
    sample->operands.insert(sample->operands.end(), c.mask.begin(), c.mask.end());
    samples.push_back(*sample);
  }
}

void AddShapes(std::vector<OpSample>& samples) {
  const Attributes causal = {{"causal", true}};
  for (const DType dtype : {DType::kF32, DType::kF64}) {
    const TensorType bias{dtype, {3, 1, 4}};
    for (const Case& c : std::vector<Case>{
             {{1, 1, 1}, {1, 1, 1}, {1, 1, 1}},
             {{2, 3, 2}, {2, 3, 2}, {2, 3, 3}},
             {{2, 2, 3, 4}, {2, 1, 5, 4}, {2, 1, 5, 2}, {}, causal},
             {{3, 2, 2}, {3, 4, 2}, {3, 4, 2}, {bias}, {{"scale", -0.5}}},
             {{2, 2, 2, 2}, {2, 2, 3, 2}, {2, 2, 3, 2}, {Bool({2, 1, 1, 3})}},
             {{1, 3, 2}, {1, 3, 2}, {1, 3, 2}, {Bool({})}, causal},
         })
      AddGenerated(samples, c, dtype);
    AddGenerated(samples, {{2, 2, 3}, {2, 3, 3}, {2, 3, 0}}, dtype);
    AddGenerated(samples, {{0, 2, 2, 3}, {0, 1, 3, 3}, {0, 1, 3, 2}}, dtype);
  }
  for (const int64_t size : kSampleSizes) {
    AddGenerated(samples, {{2, size, 2}, {1, 3, 2}, {1, 3, 1}}, DType::kF32);
    AddGenerated(samples, {{1, 2, 1}, {1, size, 1}, {1, size, 2}, {}, causal}, DType::kF32);
    AddGenerated(samples, {{1, size, 1}, {1, size, 1}, {1, size, 1}, {}, causal}, DType::kF64);
    if (size > 0) AddGenerated(samples, {{1, 2, size}, {1, 2, size}, {1, 2, size}}, DType::kF32);
  }
}

std::vector<ErrorSample> AttentionErrors() {
  const TensorType q = F32({2, 4, 3, 8}), k = F32({2, 2, 5, 8}), v = F32({2, 2, 5, 6});
  const TensorType row = F32({2, 4, 3}), out = F32({2, 4, 3, 6});
  const std::string_view op = "scaled_dot_product_attention";
  const int64_t million = int64_t{1} << 20;
  return {
      {op, {F32({3, 8}), F32({5, 8}), F32({5, 6})}, {}, "q must be [..., heads, length, width]"},
      {op, {q, F32({2, 5, 8}), v}, {}, "and k [2, 5, 8] must have the same rank"},
      {op, {q, k, F32({2, 5, 6})}, {}, "and v [2, 5, 6] must have the same rank"},
      {op, {q, k, F32({2, 2, 4, 6})}, {}, "must have the same heads and length"},
      {op, {q, k, F32({2, 4, 5, 6})}, {}, "must have the same heads and length"},
      {op, {q, F32({3, 2, 5, 8}), F32({3, 2, 5, 6})}, {}, "must agree before the heads"},
      {op,
       {q, F32({2, 3, 5, 8}), F32({2, 3, 5, 6})},
       {},
       "4 heads of q [2, 4, 3, 8] are no multiple of 3"},
      {op, {q, F32({2, 0, 5, 8}), F32({2, 0, 5, 6})}, {}, "are no multiple of 0 heads"},
      {op, {F32({0, 3, 8}), F32({1, 5, 8}), F32({1, 5, 6})}, {}, "0 heads of q"},
      {op, {q, F32({2, 2, 5, 7}), v}, {}, "must have the same width, at least 1"},
      {op,
       {F32({1, 3, 0}), F32({1, 3, 0}), F32({1, 3, 2})},
       {},
       "must have the same width, at least 1"},
      {op, {q, k, v}, {{"scale", kNaN}}, "scale must be finite"},
      {op, {q, k, v}, {{"scale", kInfinity}}, "scale must be finite"},
      {op, {q, k, v, F64({3, 5})}, {}, "mask must be bool or f32, not f64"},
      {op,
       {q, k, v, Bool({3, 4})},
       {},
       "mask [3, 4] does not broadcast to the scores [2, 4, 3, 5]"},
      {op, {q, k, v, Bool({2, 2, 4, 3, 5})}, {}, "does not broadcast to the scores"},
      {op,
       {F32({4, million, 1}), F32({1, million, 1}), F32({1, million, 1})},
       {},
       "more than 2^40 elements"},
      {op,
       {F32({1, 1, 1}), F32({1, million, 1}), F32({1, million, 0})},
       {{"causal", int64_t{1}}},
       "causal"},
      {"attention_vjp",
       {q, k, v, F32({2, 4, 4}), out, row},
       {},
       "lse must be [2, 4, 3], not [2, 4, 4]"},
      {"attention_vjp", {q, k, v, row, q, row}, {}, "g must be [2, 4, 3, 6], not [2, 4, 3, 8]"},
      {"attention_vjp", {q, k, v, row, out, out}, {}, "delta must be [2, 4, 3], not [2, 4, 3, 6]"},
      {"attention_vjp",
       {q, k, v, row, out, row, I32({3, 5})},
       {},
       "mask must be bool or f32, not i32"},
      {"attention_vjp",
       {q, F32({2, 3, 5, 8}), v, row, out, row},
       {},
       "must have the same heads and length"},
  };
}

}  // namespace

FamilySamples AttentionSamples() {
  FamilySamples family;
  AddStated(family.samples);
  AddShapes(family.samples);
  family.errors = AttentionErrors();
  return family;
}

}  // namespace descent

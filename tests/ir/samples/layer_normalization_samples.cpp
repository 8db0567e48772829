#include "tests/ir/samples/samples.h"

namespace descent {
namespace {

/// Values stated by PyTorch 1.13 in float64 on the generated operands.
std::vector<OpSample> StatedNorms() {
  return {
      {.op = "layer_norm",
       .operands = {F64({2, 3, 2}), F64({2}), F64({2})},
       .expected = {{-2.08514934, -2.34314061, -2.08514934, -2.34314061, 1.656848117, -1.140895427,
                     1.656848117, -1.140895427, -2.08514934, -2.34314061, -2.08514934,
                     -2.34314061}},
       .source = "torch.nn.functional.layer_norm"},
      {.op = "layer_norm",
       .operands = {F64({2, 3, 2}), F64({3, 2})},
       .attributes = {{"axis", int64_t{1}}, {"epsilon", 0.1}},
       .expected = {{-0.822914243, -0.56622725, -1.19901627, -0.135940504, -0.025770311,
                     -1.156935001, 1.43322101, 0.883494601, -0.081520237, -1.999440649, 0.016516063,
                     0.664278771}},
       .source = "torch.nn.functional.layer_norm"},
      {.op = "rms_norm",
       .operands = {F64({2, 3, 2}), F64({3, 2})},
       .attributes = {{"axis", int64_t{1}}, {"epsilon", 0.01}},
       .expected = {{-0.829961962, -0.596255981, -1.233276062, -0.161830199, -0.027005997,
                     -1.1817778, 1.209656963, 0.993677918, -0.214841042, -1.838061225, 0.019465848,
                     0.469751784}},
       .source = "PyTorch: x * rsqrt(mean(x * x) + epsilon) * scale"},
      {.op = "group_norm",
       .operands = {F64({2, 4, 3}), F64({4}), F64({4})},
       .attributes = {{"groups", int64_t{2}}},
       .expected = {{-1.07293504,  1.625041585,  -2.740376296, -1.797202089, -2.664019728,
                     -1.261479326, 1.470950679,  -0.691303184, 0.645043196,  -2.88433036,
                     0.72137406,   -1.507073825, 2.148051446,  -1.709912615, 0.674440302,
                     -0.78800811,  -1.554063363, -2.320118616, 0.304750598,  1.641096978,
                     -0.521156885, -0.939612925, -3.16806081,  0.43764361}},
       .source = "torch.nn.functional.group_norm"},
      {.op = "instance_norm",
       .operands = {F64({2, 4, 3}), F64({4}), F64({4})},
       .attributes = {{"epsilon", 0.01}},
       .expected = {{-0.569776909, 2.223309385,  -2.295999171, -1.627764041, -2.525138927,
                     -1.073155861, 1.761283235,  -0.477194879, 0.906260679,  -2.517288165,
                     1.215525344,  -1.091480278, 1.867688041,  -2.651620515, 0.141465779,
                     -1.008147494, -1.74201961,  -2.475891726, 0.553972011,  1.937427569,
                     -0.301050545, -0.504015122, -2.811020744, 0.921792765}},
       .source = "torch.nn.functional.instance_norm"},
      {.op = "group_norm",
       .operands = {F64({2, 3, 4})},
       .attributes = {{"groups", int64_t{2}}, {"axis", int64_t{2}}},
       .expected = {{0.919354466, -0.68524636,  0.919354466,  -0.68524636, -1.298149338,
                     1.298149338, -1.298149338, 1.298149338,  0.68524636,  -0.919354466,
                     0.68524636,  -0.919354466, -1.395811022, 0.530541961, -1.017592653,
                     1.219292457, 0.075791709,  -1.114759909, 0.691235513, -0.691235513,
                     1.547394439, 0.356842821,  -1.219292457, 1.017592653}},
       .source = "torch.nn.functional.group_norm of the transposed input"},
      {.op = "l2_normalize",
       .operands = {F64({2, 3})},
       .expected = {{0.25819889, -0.577350269, 0.774596669, -0.060504574, -0.88991361,
                     0.452098401}},
       .source = "torch.nn.functional.normalize"},
      {.op = "l2_normalize",
       .operands = {F64({2, 3})},
       .attributes = {{"axes", Ints{0}}},
       .expected = {{0.973248989, -0.541439418, 0.862031376, -0.229752921, -0.840739767,
                     0.506854916}},
       .source = "torch.nn.functional.normalize"},
      {.op = "weight_norm",
       .operands = {F64({3, 2, 2}), F64({2})},
       .attributes = {{"axis", int64_t{1}}},
       .expected = {{-0.348762041, 0.779855631, 0.317401056, -0.024976075, 1.210949222,
                     -0.615192532, -0.155752502, 0.398225333, -0.184098942, 0.944518731,
                     0.267448906, -0.074928225}},
       .source = "PyTorch: v * (magnitude / torch.linalg.vector_norm(v))"},
      {.op = "local_response_norm",
       .operands = {F64({1, 5, 2, 1})},
       .attributes = {{"size", int64_t{3}}, {"alpha", 0.5}, {"beta", 0.6}, {"k", 2.0}},
       .expected = {{0.281223063, -0.659999867, 0.760488863, -0.067558407, -0.87214983, 0.464719943,
                     -0.397412702, 0.935356582, 0.16010071, -0.689545309}},
       .source = "torch.nn.functional.local_response_norm"},
      {.op = "local_response_norm",
       .operands = {F64({1, 5, 2, 1})},
       .attributes = {{"size", int64_t{2}}, {"alpha", 1.0}},
       .expected = {{0.436161991, -0.757315524, 0.807742702, -0.079713592, -0.662509867,
                     0.663857747, -0.340910532, 0.794372344, 0.208003017, -0.511065486}},
       .source = "torch.nn.functional.local_response_norm"},
      {.op = "spectral_norm",
       .operands = {F64({3, 2, 2}), F64({3}), F64({4})},
       .attributes = {{"axis", int64_t{0}}, {"iterations", int64_t{1}}},
       .expected = {{0.14627744, -0.327086299, 0.43883232, -0.034531419, -0.507895159, 0.258023461,
                     -0.215340279, 0.550578341, 0.077214601, -0.396149138, 0.369769481,
                     -0.103594258},
                    {0.537758282, -0.568546021, 0.622552369},
                    {0.41549381, -0.569215163, 0.58861744, -0.396091533}},
       .source = "the steps of torch.nn.utils.parametrizations.spectral_norm",
       .smooth = false,
       .gradients = {{0.292092172, 0.334108038, 0.28470528, 0.326721145, 0.328563995, 0.284142637,
                      0.336373802, 0.291952444, 0.289296743, 0.337937699, 0.280745081,
                      0.329386036}},
       .differentiated_result = 0},
      {.op = "spectral_norm",
       .operands = {F64({2, 4, 2}), F64({4}), F64({4})},
       .attributes = {{"axis", int64_t{1}}, {"iterations", int64_t{2}}},
       .expected = {{0.114899789, -0.256923738, 0.344699366, -0.027124161, -0.398947687,
                     0.202675417, -0.16914811, 0.432474994, 0.060651467, -0.311172059, 0.290451045,
                     -0.081372482, -0.453196009, 0.148427095, -0.223396432, 0.378226672},
                    {0.389612361, 0.346026641, -0.581331469, -0.62491719},
                    {0.501665949, -0.497569002, 0.527195733, -0.472039218}},
       .source = "the steps of torch.nn.utils.parametrizations.spectral_norm",
       .smooth = false,
       .gradients = {{0.240925065, 0.245778351, 0.241197646, 0.245507997, 0.24699724, 0.239755766,
                      0.24726982, 0.239485412, 0.240801067, 0.245654353, 0.241087519, 0.24539787,
                      0.247182255, 0.239940781, 0.247468707, 0.239684298}},
       .differentiated_result = 0},
  };
}

/// x with as many of scale and bias as `parameters` says, of shape `parameter`.
OpSample Normalized(std::string_view op, TensorType x, Shape parameter, int parameters,
                    Attributes attributes = {}) {
  OpSample sample{.op = op, .operands = {x}, .attributes = std::move(attributes)};
  for (int i = 0; i < parameters; ++i) sample.operands.push_back({x.dtype, parameter});
  return sample;
}

void AddRowNorms(std::vector<OpSample>& samples) {
  for (const int64_t size : {2, 3, 7, 9, 17, 33})
    for (int parameters = 0; parameters <= 2; ++parameters) {
      samples.push_back(Normalized("layer_norm", F32({3, size}), {size}, parameters));
      if (parameters < 2)
        samples.push_back(Normalized("rms_norm", F32({3, size}), {size}, parameters));
    }
  const Attributes first = {{"axis", int64_t{1}}};
  samples.push_back(Normalized("layer_norm", F64({2, 2, 3, 2}), {2, 3, 2}, 2, first));
  samples.push_back(Normalized("layer_norm", F32({0, 3}), {3}, 2));
  samples.push_back(Normalized("layer_norm", F32({3, 1}), {1}, 2));
  samples.push_back(Normalized("layer_norm", F32({5}), {5}, 1, {{"epsilon", 0.01}}));
  samples.push_back(Normalized("rms_norm", F64({2, 2, 3}), {2, 3}, 1, first));
  samples.push_back(Normalized("rms_norm", F32({3, 1}), {1}, 1));
}

void AddGroupNorms(std::vector<OpSample>& samples) {
  const auto groups = [](int64_t count, int64_t axis = 1) {
    return Attributes{{"groups", count}, {"axis", axis}};
  };
  for (int parameters = 0; parameters <= 2; ++parameters) {
    samples.push_back(Normalized("group_norm", F32({2, 6, 3, 2}), {6}, parameters, groups(3)));
    samples.push_back(Normalized("group_norm", F32({2, 3, 2, 6}), {6}, parameters, groups(2, -1)));
    samples.push_back(Normalized("instance_norm", F32({2, 3, 5}), {3}, parameters));
    samples.push_back(
        Normalized("instance_norm", F32({2, 3, 4, 2}), {2}, parameters, {{"axis", int64_t{3}}}));
  }
  samples.push_back(Normalized("group_norm", F64({3, 8}), {8}, 2, groups(2)));
  samples.push_back(Normalized("group_norm", F32({1, 4, 17}), {4}, 2, groups(1)));
  samples.push_back(Normalized("group_norm", F32({0, 4, 2}), {4}, 2, groups(2)));
  samples.push_back(Normalized("instance_norm", F64({1, 2, 17}), {2}, 2, {{"epsilon", 0.01}}));
}

void AddLengths(std::vector<OpSample>& samples) {
  for (const int64_t size : {1, 3, 17, 33}) {
    samples.push_back({.op = "l2_normalize", .operands = {F32({2, size})}});
    samples.push_back({.op = "weight_norm", .operands = {F32({3, size}), F32({3})}});
  }
  samples.push_back(
      {.op = "l2_normalize", .operands = {F64({2, 3, 2})}, .attributes = {{"axes", Ints{0, 2}}}});
  samples.push_back(
      {.op = "l2_normalize", .operands = {F32({5})}, .attributes = {{"axes", Ints{}}}});
  samples.push_back({.op = "l2_normalize",
                     .operands = {F64({2, 2})},
                     .attributes = {{"epsilon", 0.5}},
                     .values = {{0, 0, 0.1, 0.2}},
                     .expected = {{0, 0, 0.2, 0.4}},
                     .source = "torch.nn.functional.normalize",
                     .smooth = false,
                     .gradients = {{2, 2, 2, 2}}});
  samples.push_back({.op = "weight_norm",
                     .operands = {F64({2, 3, 2}), F64({2})},
                     .attributes = {{"axis", int64_t{-1}}}});
  // At singular vectors sigma does not depend on u and v, so that differences see what vjp says.
  std::vector<double> w(42, 0.0);
  for (int i = 0; i < 6; ++i) w[8 * i] = 6 - i;
  samples.push_back({.op = "spectral_norm",
                     .operands = {F64({6, 7}), F64({6}), F64({7})},
                     .values = {w, {1, 0, 0, 0, 0, 0}, {1, 0, 0, 0, 0, 0, 0}},
                     .differentiated_result = 0});
}

void AddResponses(std::vector<OpSample>& samples) {
  for (const int64_t size : {1, 2, 3, 8})
    samples.push_back({.op = "local_response_norm",
                       .operands = {F32({2, 5, 3})},
                       .attributes = {{"size", size}, {"alpha", 0.7}}});
  samples.push_back({.op = "local_response_norm",
                     .operands = {F32({1, 3, 2, 7})},
                     .attributes = {{"size", int64_t{5}},
                                    {"alpha", 0.3},
                                    {"beta", 0.5},
                                    {"k", 2.0},
                                    {"layout", std::string("nhwc")}}});
  samples.push_back({.op = "local_response_norm",
                     .operands = {F64({0, 2, 3})},
                     .attributes = {{"size", int64_t{3}}}});
}

std::vector<ErrorSample> NormErrors() {
  constexpr int64_t kHighest = std::numeric_limits<int64_t>::max();
  const TensorType x = F32({4, 3}), image = F32({2, 4, 3}), c = F32({3}), d = F32({4});
  const auto one = [](std::string name, int64_t value) { return Attributes{{name, value}}; };
  const auto real = [](std::string name, double value) { return Attributes{{name, value}}; };
  return {
      {"layer_norm", {x, d}, {}, "scale must be [3], the last axes of x [4, 3], not [4]"},
      {"layer_norm", {x, c, d}, {}, "bias must be [3]"},
      {"layer_norm", {x}, one("axis", 2), "axis 2 is out of range"},
      {"layer_norm", {F32({})}, {}, "axis -1 is out of range"},
      {"layer_norm", {x}, real("epsilon", -1), "epsilon must be between 0 and 1"},
      {"rms_norm", {x, d}, {}, "scale must be [3]"},
      {"rms_norm", {x}, real("epsilon", kNaN), "epsilon must be between 0 and 1"},
      {"group_norm", {image}, {}, "needs attribute groups"},
      {"group_norm", {image}, one("groups", 3), "groups = 3 does not divide 4 channels"},
      {"group_norm", {image}, one("groups", 0), "groups = 0 does not divide"},
      {"group_norm", {image, c}, one("groups", 2), "scale must be [4], one number per channel"},
      {"group_norm", {image, d, c}, one("groups", 2), "bias must be [4]"},
      {"group_norm",
       {image},
       {{"groups", int64_t{1}}, {"axis", int64_t{0}}},
       "axis 0 is the batch"},
      {"group_norm", {image}, {{"groups", int64_t{1}}, {"axis", int64_t{3}}}, "axis 3 is out of"},
      {"group_norm", {image}, {{"groups", int64_t{1}}, {"epsilon", 2.0}}, "epsilon must be"},
      {"group_norm", {F32(Shape(16, 1))}, one("groups", 1), "has too many axes"},
      {"instance_norm", {x}, {}, "x needs rows, channels and places"},
      {"instance_norm", {image, c}, {}, "scale must be [4]"},
      {"l2_normalize", {x}, {{"axes", Ints{0, 0}}}, "axis 0 is given twice"},
      {"l2_normalize", {x}, real("epsilon", 0), "epsilon must be above 0"},
      {"weight_norm", {c, c}, {}, "v must be a matrix or have more axes"},
      {"weight_norm", {x, c}, {}, "magnitude must be [4], one number per place along axis 0"},
      {"weight_norm", {x, c}, one("axis", 2), "axis 2 is out of range"},
      {"spectral_norm", {c, c, c}, {}, "w must be a matrix or have more axes"},
      {"spectral_norm", {x, c, c}, {}, "u must be [4], one number per place along axis 0"},
      {"spectral_norm", {x, d, d}, {}, "v must be [3], the product of the other extents"},
      {"spectral_norm", {x, d, c}, one("axis", -3), "axis -3 is out of range"},
      {"spectral_norm", {x, d, c}, one("iterations", 0), "iterations must be between 1 and 64"},
      {"spectral_norm", {x, d, c}, one("iterations", kHighest), "iterations must be between"},
      {"spectral_norm", {x, d, c}, real("epsilon", kInfinity), "epsilon must be above 0"},
      {"local_response_norm", {x}, one("size", 3), "x needs rows, channels and places"},
      {"local_response_norm", {image}, one("size", 0), "size must be between 1 and"},
      {"local_response_norm", {image}, one("size", kHighest), "size must be between 1 and"},
      {"local_response_norm", {image}, {{"size", int64_t{3}}, {"beta", kNaN}}, "beta must be"},
      {"local_response_norm", {image}, {{"size", int64_t{3}}, {"k", -1.0}}, "k must be at least 0"},
      {"local_response_norm", {F32({2, 0, 3})}, one("size", 3), "has no channels"},
      {"local_response_norm",
       {F32({1048576, 1024, 1024})},
       one("size", 3),
       "would have more than 2^40 elements"},
  };
}

}  // namespace

FamilySamples LayerNormalizationSamples() {
  FamilySamples family;
  family.samples = StatedNorms();
  AddRowNorms(family.samples);
  AddGroupNorms(family.samples);
  AddLengths(family.samples);
  AddResponses(family.samples);
  family.errors = NormErrors();
  return family;
}

}  // namespace descent

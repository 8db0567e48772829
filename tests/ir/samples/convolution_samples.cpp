#include "tests/ir/samples/samples.h"

namespace descent {
namespace {

/// Values stated by PyTorch 1.13 in float64 on the generated operands.
std::vector<OpSample> StatedConvolutions() {
  return {
      {.op = "conv1d",
       .operands = {F64({1, 2, 7}), F64({2, 2, 3}), F64({2})},
       .attributes = {{"stride", Ints{2}}, {"padding", Ints{1, 1}}},
       .expected = {{0.702790533, 1.276010373, 2.8882885, -5.057370249, -5.735010531, -0.629008611,
                     -0.960829324, -1.953072373}},
       .source = "torch.nn.functional.conv1d"},
      {.op = "conv1d",
       .operands = {F64({1, 2, 6}), F64({4, 1, 2})},
       .attributes = {{"groups", int64_t{2}}, {"dilation", Ints{3}}},
       .expected = {{-0.950370225, 0.989839352, -2.14948569, -0.609790445, -1.555019068,
                     -0.02560703, 1.918982082, -1.771412621, 0.509376737, 0.055283222, 1.0336256,
                     0.428976757}},
       .source = "torch.nn.functional.conv1d"},
      {.op = "conv1d",
       .operands = {F64({1, 5, 2}), F64({2, 2, 2})},
       .attributes = {{"layout", std::string("nhwc")}, {"auto_pad", std::string("same")}},
       .expected = {{0.774207869, -3.083279751, -2.24522878, 1.922128561, 4.623878392, 0.816080692,
                     -2.172645897, 2.044401363, 0.718664769, -1.225434071}},
       .source = "torch.nn.functional.conv1d of the padded, transposed input"},
      {.op = "conv2d",
       .operands = {F64({1, 2, 4, 5}), F64({2, 2, 3, 2}), F64({2})},
       .attributes = {{"stride", Ints{2, 1}}, {"padding", Ints{1, 0, 0, 2}}},
       .expected = {{5.548676816,  -1.328247453, -0.580860381, 0.02625457,   0.7192748,
                     -0.214155565, -4.991572741, 3.202831246,  -7.488202967, -1.55803146,
                     3.159228794,  -0.214155565, -2.489874184, -1.292263572, -1.807815781,
                     0.211308211,  -4.936602302, -1.74201961,  2.658295125,  -4.366761487,
                     1.722743701,  -0.904019552, -3.088773664, -1.74201961}},
       .source = "torch.nn.functional.conv2d of the padded input"},
      {.op = "conv2d",
       .operands = {F64({1, 5, 4, 2}), F64({4, 1, 3, 2})},
       .attributes = {{"layout", std::string("nhwc")},
                      {"groups", int64_t{2}},
                      {"stride", Ints{2, 2}},
                      {"auto_pad", std::string("same")}},
       .expected = {{-0.046834526, 2.727493635, -2.896226429, 0.348771412, 1.798865017,
                     -2.460622502, 0.481226434, -5.090890285, 0.594018413, 1.196162555,
                     -2.851388109, 3.020252694, 1.484206127,  -1.80184741, -3.135105454,
                     -2.934961211, 2.017026789, -1.213471728, 1.05894783,  4.305330233,
                     -7.798934148, 4.599277495, -2.696794827, -0.713351703}},
       .source = "torch.nn.functional.conv2d of the padded, transposed input"},
      {.op = "conv2d",
       .operands = {F64({1, 1, 5, 5}), F64({1, 1, 2, 2})},
       .attributes = {{"dilation", Ints{2, 3}}, {"auto_pad", std::string("valid")}},
       .expected = {{-1.113884253, -0.118903297, -1.348767395, -0.353786439, -1.583650536,
                     -0.588669581}},
       .source = "torch.nn.functional.conv2d"},
      {.op = "conv3d",
       .operands = {F64({1, 2, 3, 3, 4}), F64({2, 2, 2, 2, 2}), F64({2})},
       .attributes = {{"stride", Ints{1, 2, 2}}, {"padding", Ints{0, 1, 0, 0, 0, 1}}},
       .expected = {{-8.09335574, 0.734921583, 1.468551701, 2.654436667, 7.526411558, 3.310263141,
                     2.412451476, 6.483774641, -9.761982173, -0.734945169, -9.507492534,
                     -0.369912926, 7.050343211, 1.249655595, 5.363276212, 1.38629402}},
       .source = "torch.nn.functional.conv3d of the padded input"},
      {.op = "conv_transpose1d",
       .operands = {F64({1, 2, 3}), F64({2, 2, 3}), F64({2})},
       .attributes = {{"stride", Ints{2}}, {"padding", Ints{1, 1}}, {"output_padding", Ints{1}}},
       .expected = {{0.13274838, -0.465576298, 0.079169197, -4.209550182, 0.165862135, 0.060617195,
                     -1.605605545, -4.854033583, 0.124114153, 0.188397033, -2.67463111,
                     -2.77987605}},
       .source = "torch.nn.functional.conv_transpose1d"},
      {.op = "conv_transpose1d",
       .operands = {F64({1, 3, 4}), F64({4, 1, 2})},
       .attributes = {{"layout", std::string("nhwc")},
                      {"groups", int64_t{2}},
                      {"dilation", Ints{2}}},
       .expected = {{0.095012227, -0.082363898, 2.295382318, 1.697026434, -0.629042104,
                     -2.376823532, 0.301593558, 0.043817454, -1.826193651, -1.613300075}},
       .source = "torch.nn.functional.conv_transpose1d of the transposed input"},
      {.op = "conv_transpose2d",
       .operands = {F64({1, 2, 2, 3}), F64({2, 1, 3, 2}), F64({1})},
       .attributes = {{"stride", Ints{2, 1}}, {"padding", Ints{1, 0, 0, 1}}},
       .expected = {{-1.976518034, 4.618256156, -2.011155929, -0.428083009, 0.963912303,
                     -0.071999505, -2.54805312, 2.924116323, -3.705295762, 1.25387948, -3.137649937,
                     4.239149219}},
       .source = "torch.nn.functional.conv_transpose2d, cropped"},
      {.op = "conv_transpose2d",
       .operands = {F64({1, 2, 2, 2}), F64({2, 2, 3, 3})},
       .attributes = {{"stride", Ints{2, 2}}, {"auto_pad", std::string("same")}},
       .expected = {{1.366698654,  -1.518739546, 1.096745205,  0.281116212,  3.936402034,
                     -0.837579986, -2.314917694, 0.411206112,  -3.635834977, -0.069237217,
                     0.470553943,  2.428334979,  3.54853603,   -0.33379655,  -5.084438463,
                     0.914989548,  -1.258559746, 0.524739134,  -2.029892934, 0.671385912,
                     -0.577400186, 1.205898694,  -1.218643474, 0.801475812,  0.030142624,
                     2.599846004,  1.715897924,  -4.32045594,  -0.49459651,  -1.59673583,
                     0.730262758,  -2.001158712}},
       .source = "torch.nn.functional.conv_transpose2d, cropped"},
      {.op = "conv_transpose3d",
       .operands = {F64({1, 2, 2, 1, 2}), F64({2, 1, 2, 2, 2})},
       .attributes = {{"stride", Ints{1, 2, 2}}, {"output_padding", Ints{0, 1, 0}}},
       .expected = {{-4.008042946, -0.336200246, 3.562689211,  -0.319643369, 1.447098634,
                     -1.438339566, 0.020936411,  -0.530133249, 0.0,          0.0,
                     0.0,          0.0,          -3.629969877, 2.716821143,  3.406249499,
                     0.756146139,  -1.270756377, 2.295841383,  -2.339781941, 2.118465259,
                     0.0,          0.0,          0.0,          0.0,          0.167583189,
                     -0.934556131, -0.366929593, -2.911788013, 0.848742749,  -0.253396571,
                     1.205879407,  -1.338979013, 0.0,          0.0,          0.0,
                     0.0}},
       .source = "torch.nn.functional.conv_transpose3d"},
  };
}

OpSample Conv(TensorType x, TensorType w, Attributes attributes) {
  const std::string_view op = x.rank() == 3 ? "conv1d" : x.rank() == 4 ? "conv2d" : "conv3d";
  return {.op = op, .operands = {x, w}, .attributes = std::move(attributes)};
}

void AddConvolutions(std::vector<OpSample>& samples) {
  const std::vector<double> image = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
  const std::vector<double> sobel = {1, 0, -1, 2, 0, -2, 1, 0, -1};
  const std::vector<OpSample> convolutions = {
      {.op = "conv2d",
       .operands = {F32({1, 1, 4, 4}), F32({1, 1, 3, 3})},
       .attributes = {{"padding", Ints{1, 1, 1, 1}}},
       .values = {image, sobel},
       .expected = {{-7, -6, -6, 10, -20, -8, -8, 24, -36, -8, -8, 40, -35, -6, -6, 38}}},
      {.op = "conv2d",
       .operands = {F32({1, 1, 4, 4}), F32({1, 1, 3, 3})},
       .attributes = {{"padding", Ints{1, 1, 1, 1}}, {"stride", Ints{2, 2}}},
       .values = {image, sobel},
       .expected = {{-7, -6, -36, -8}}},
      {.op = "conv2d",
       .operands = {F32({1, 1, 2, 2}), F32({1, 1, 2, 2})},
       .attributes = {{"padding", Ints{1, 1, 1, 1}}, {"input_dilation", Ints{2, 2}}},
       .values = {{1, 2, 3, 4}, {1, 10, 100, 1000}},
       .expected = {{1000, 100, 2000, 200, 10, 1, 20, 2, 3000, 300, 4000, 400, 30, 3, 40, 4}},
       .source = "by hand: one product each"},
      Conv(F32({2, 3, 5, 4}), F32({4, 3, 3, 2}), {}),
      Conv(F32({2, 3, 7, 6}), F32({4, 3, 3, 3}),
           {{"stride", Ints{2, 2}}, {"padding", Ints{1, 1, 1, 1}}}),
      Conv(F32({1, 2, 6, 7}), F32({3, 2, 2, 3}),
           {{"stride", Ints{2, 3}}, {"padding", Ints{0, 2, 1, 0}}}),
      Conv(F32({1, 2, 7, 7}), F32({2, 2, 3, 2}),
           {{"dilation", Ints{2, 3}}, {"padding", Ints{1, 1, 1, 1}}}),
      Conv(F32({2, 4, 4, 4}), F32({6, 2, 3, 3}),
           {{"groups", int64_t{2}}, {"padding", Ints{1, 1, 1, 1}}}),
      Conv(F32({2, 3, 5, 5}), F32({3, 1, 2, 2}), {{"groups", int64_t{3}}, {"stride", Ints{2, 2}}}),
      Conv(F32({1, 2, 5, 5}), F32({2, 2, 2, 2}), {{"padding", Ints{-1, 0, 0, -1}}}),
      Conv(F32({1, 2, 3, 3}), F32({2, 2, 2, 2}),
           {{"input_dilation", Ints{2, 2}}, {"stride", Ints{3, 2}}, {"padding", Ints{1, 0, 1, 2}}}),
      Conv(F64({1, 1, 1, 17}), F64({1, 1, 1, 3}), {}),
      Conv(F32({0, 1, 3, 3}), F32({2, 1, 2, 2}), {}),
      Conv(F32({2, 3, 3, 3}), F32({17, 3, 1, 1}), {}),
  };
  samples.insert(samples.end(), convolutions.begin(), convolutions.end());
}

const Attributes kChannelsLast = {{"layout", std::string("nhwc")}};

Attributes With(Attributes attributes, std::string name, Attribute value) {
  attributes.Set(std::move(name), std::move(value));
  return attributes;
}

OpSample Transposed(TensorType x, TensorType w, Attributes attributes) {
  const std::string_view op = x.rank() == 3   ? "conv_transpose1d"
                              : x.rank() == 4 ? "conv_transpose2d"
                                              : "conv_transpose3d";
  return {.op = op, .operands = {x, w}, .attributes = std::move(attributes)};
}

OpSample WithBias(OpSample sample, int64_t filters) {
  sample.operands.push_back({sample.operands[0].dtype, {filters}});
  return sample;
}

/// Other ranks, channels last, automatic padding, bias.
void AddOtherConvolutions(std::vector<OpSample>& samples) {
  const Attribute same = std::string("same");
  for (const int64_t size : {1, 3, 17}) {
    samples.push_back(Conv(F32({2, 3, size}), F32({4, 3, 3}), {{"auto_pad", same}}));
    samples.push_back(Conv(F32({2, size, 5}), F32({size, size, 3}), {{"stride", Ints{2}}}));
    samples.push_back(WithBias(
        Conv(F32({1, 5, 3}), F32({size, 3, 2}), With(kChannelsLast, "stride", Ints{2})), size));
  }
  const std::vector<OpSample> convolutions = {
      Conv(F32({1, 4, 7}), F32({4, 1, 3}), {{"groups", int64_t{4}}, {"padding", Ints{2, 0}}}),
      Conv(F32({2, 5, 4, 3}), F32({4, 3, 3, 2}), kChannelsLast),
      Conv(F32({1, 6, 5, 4}), F32({6, 2, 3, 3}),
           With(With(kChannelsLast, "groups", int64_t{2}), "auto_pad", same)),
      Conv(F32({1, 5, 6, 3}), F32({3, 1, 2, 3}),
           With(With(kChannelsLast, "groups", int64_t{3}), "stride", Ints{2, 1})),
      Conv(F32({1, 2, 7, 6}), F32({3, 2, 3, 2}), {{"auto_pad", same}, {"stride", Ints{2, 3}}}),
      WithBias(Conv(F32({2, 3, 5, 5}), F32({4, 3, 3, 3}), {{"padding", Ints{1, 1, 1, 1}}}), 4),
      Conv(F32({1, 2, 3, 4, 3}), F32({3, 2, 2, 3, 2}), {{"padding", Ints{1, 0, 0, 0, 1, 1}}}),
      WithBias(Conv(F64({1, 3, 4, 3, 2}), F64({2, 1, 2, 2, 2}),
                    With(With(kChannelsLast, "groups", int64_t{2}), "dilation", Ints{1, 2, 1})),
               2),
      Conv(F32({1, 1, 2, 2, 2}), F32({1, 1, 2, 2, 2}),
           {{"input_dilation", Ints{1, 2, 3}}, {"padding", Ints{0, 1, 0, 1, 0, 0}}}),
  };
  samples.insert(samples.end(), convolutions.begin(), convolutions.end());
}

void AddTransposedConvolutions(std::vector<OpSample>& samples) {
  const Attribute same = std::string("same");
  for (const int64_t size : {1, 3, 17}) {
    samples.push_back(Transposed(F32({2, 2, size}), F32({2, 3, 3}), {{"stride", Ints{2}}}));
    samples.push_back(Transposed(F32({1, size, 3}), F32({size, 2, 2}), {}));
  }
  const std::vector<OpSample> convolutions = {
      Transposed(F32({2, 4, 3}), F32({4, 2, 3}),
                 {{"groups", int64_t{2}}, {"stride", Ints{3}}, {"output_padding", Ints{2}}}),
      Transposed(F32({1, 2, 3}), F32({2, 2, 1}), {{"stride", Ints{3}}, {"auto_pad", same}}),
      WithBias(Transposed(F32({2, 3, 4, 3}), F32({3, 2, 3, 2}),
                          {{"stride", Ints{2, 1}}, {"padding", Ints{1, 0, 1, 1}}}),
               2),
      Transposed(F32({1, 3, 2, 4}), F32({4, 1, 3, 3}),
                 With(With(kChannelsLast, "groups", int64_t{4}), "stride", Ints{2, 2})),
      Transposed(F32({1, 2, 3, 3}), F32({2, 2, 4, 4}),
                 {{"stride", Ints{2, 2}}, {"auto_pad", same}}),
      Transposed(F32({1, 1, 2, 3}), F32({1, 2, 2, 2}),
                 {{"dilation", Ints{2, 3}}, {"padding", Ints{-1, 0, 0, 1}}}),
      Transposed(F32({0, 1, 2, 2}), F32({1, 2, 2, 2}), {}),
      WithBias(Transposed(F64({1, 2, 2, 2, 2}), F64({2, 2, 2, 1, 3}),
                          With(kChannelsLast, "stride", Ints{2, 1, 1})),
               2),
      Transposed(F32({1, 2, 2, 2, 2}), F32({2, 1, 2, 2, 2}),
                 {{"groups", int64_t{2}}, {"stride", Ints{2, 2, 2}}, {"padding", Ints(6, 1)}}),
  };
  samples.insert(samples.end(), convolutions.begin(), convolutions.end());
}

constexpr int64_t kLowest = std::numeric_limits<int64_t>::min();
constexpr int64_t kHighest = std::numeric_limits<int64_t>::max();

std::vector<ErrorSample> ConvolutionErrors() {
  const TensorType x = F32({1, 2, 4, 4}), w = F32({3, 2, 3, 3}), v = F32({2, 3, 3, 3});
  const auto word = [](const char* text) { return Attribute(std::string(text)); };
  const int64_t huge = int64_t{1} << 40;
  return {
      {"conv2d", {F32({2, 4, 4}), w}, {}, "x must be [batch, channels, 2 spatial axes]"},
      {"conv2d", {F32({2, 4, 4}), w}, kChannelsLast, "x must be [batch, 2 spatial axes, channels]"},
      {"conv2d", {x, F32({3, 2, 3})}, {}, "w must be [filters"},
      {"conv2d", {x, F32({3, 1, 3, 3})}, {}, "takes 1 channels"},
      {"conv2d", {x, w}, {{"stride", Ints{0, 1}}}, "stride must be between 1 and"},
      {"conv2d", {x, w}, {{"stride", Ints{1, kHighest}}}, "stride must be between 1 and"},
      {"conv2d", {x, w}, {{"stride", Ints{1, 1, 1}}}, "stride needs 2 numbers, not 3"},
      {"conv2d", {x, w}, {{"dilation", Ints{1, kLowest}}}, "dilation must be between 1 and"},
      {"conv2d", {x, w}, {{"input_dilation", Ints{-1, 1}}}, "input_dilation must be between"},
      {"conv2d", {x, w}, {{"padding", Ints{1, 1}}}, "padding needs 4 numbers [top"},
      {"conv2d", {x, w}, {{"padding", Ints{0, 0, 0, kHighest}}}, "padding is too large"},
      {"conv2d", {x, w}, {{"padding", Ints{0, kLowest, 0, 0}}}, "padding is too large"},
      {"conv2d", {x, w}, {{"padding", Ints{huge, 0, -huge, 0}}}, "too large for a gradient"},
      {"conv2d", {x, w}, {{"groups", int64_t{2}}}, "groups = 2 does not divide"},
      {"conv2d", {x, w}, {{"groups", int64_t{0}}}, "groups = 0 does not divide"},
      {"conv2d", {x, w}, {{"groups", kLowest}}, "does not divide"},
      {"conv2d", {x, w}, {{"dilation", Ints{2, 2}}}, "the window of 5 is larger"},
      {"conv2d", {F32({1, 2, 0, 4}), w}, {}, "must not be empty"},
      {"conv2d", {x, w, F32({2})}, {}, "bias must be [3]"},
      {"conv2d",
       {x, w},
       {{"auto_pad", word("valid")}, {"padding", Ints{0, 0, 0, 1}}},
       "auto_pad must be explicit"},
      {"conv2d", {x, w}, {{"auto_pad", word("lower")}}, "is one of explicit, same, valid"},
      {"conv2d", {x, w}, {{"layout", word("chwn")}}, "is one of nchw, nhwc"},
      {"conv1d", {F32({1, 2, 4}), w}, {}, "w must be [filters"},
      {"conv1d", {x, F32({3, 2, 3})}, {}, "x must be [batch, channels, 1 spatial axis]"},
      {"conv1d",
       {F32({1, 2, 4}), F32({3, 2, 3})},
       {{"stride", Ints{1, 1}}},
       "stride needs 1 number"},
      {"conv3d", {x, w}, {}, "x must be [batch, channels, 3 spatial axes]"},
      {"conv_transpose1d", {x, v}, {}, "x must be [batch, channels, 1 spatial axis]"},
      {"conv_transpose3d", {x, v}, {}, "x must be [batch, channels, 3 spatial axes]"},
      {"conv_transpose2d", {x, F32({2, 3, 3})}, {}, "w must be [channels, filters / groups"},
      {"conv_transpose2d", {x, F32({3, 2, 3, 3})}, {}, "takes 3 channels"},
      {"conv_transpose2d", {x, v}, {{"groups", int64_t{3}}}, "groups = 3 does not divide 2"},
      {"conv_transpose2d", {x, v}, {{"groups", int64_t{0}}}, "groups = 0 does not divide 2"},
      {"conv_transpose2d", {x, v, F32({2})}, {}, "bias must be [3]"},
      {"conv_transpose2d", {x, v}, {{"stride", Ints{1, 0}}}, "stride must be between"},
      {"conv_transpose2d", {x, v}, {{"output_padding", Ints{0}}}, "output_padding needs 2 numbers"},
      {"conv_transpose2d", {x, v}, {{"output_padding", Ints{0, 1}}}, "below stride or dilation, 1"},
      {"conv_transpose2d", {x, v}, {{"output_padding", Ints{kLowest, 0}}}, "must be at least 0"},
      {"conv_transpose2d",
       {x, v},
       {{"output_padding", Ints{0, 1}}, {"stride", Ints{2, 2}}, {"auto_pad", word("same")}},
       "output_padding has no place"},
      {"conv_transpose2d", {x, v}, {{"padding", Ints{3, 0, 3, 0}}}, "padding leaves nothing"},
      {"conv_transpose2d", {F32({1, 2, 0, 4}), v}, {}, "must not be empty"},
      {"conv_transpose2d",
       {x, v},
       {{"padding", Ints{huge, 0, -huge, 0}}},
       "too large for a gradient"},
  };
}

}  // namespace

FamilySamples ConvolutionSamples() {
  FamilySamples family;
  family.samples = StatedConvolutions();
  AddConvolutions(family.samples);
  AddOtherConvolutions(family.samples);
  AddTransposedConvolutions(family.samples);
  family.errors = ConvolutionErrors();
  return family;
}

}  // namespace descent

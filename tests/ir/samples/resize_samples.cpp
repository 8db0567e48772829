#include "tests/ir/samples/samples.h"

namespace descent {
namespace {

constexpr int64_t kLowest = std::numeric_limits<int64_t>::min();
constexpr int64_t kHighest = std::numeric_limits<int64_t>::max();

/// Values stated by PyTorch 1.13 (NumPy where it says so) in float64 on the generated operand.
std::vector<OpSample> StatedImages() {
  return {
      {.op = "resize",
       .operands = {F64({1, 1, 5})},
       .attributes = {{"sizes", Ints{8}},
                      {"mode", std::string("linear")},
                      {"coordinates", std::string("half_pixel")}},
       .expected = {{0.472135955, -0.196304565, -0.901219593, 0.643865379, 0.938950351,
                     -0.015964677, -0.970879705, -1.639320225}},
       .source = "torch.nn.functional.interpolate"},
      {.op = "resize",
       .operands = {F64({1, 1, 5})},
       .attributes = {{"sizes", Ints{3}},
                      {"mode", std::string("linear")},
                      {"coordinates", std::string("half_pixel")}},
       .expected = {{-0.03715206, 1.416407865, -1.13003221}},
       .source = "torch.nn.functional.interpolate"},
      {.op = "resize",
       .operands = {F64({1, 1, 5})},
       .attributes = {{"sizes", Ints{7}},
                      {"mode", std::string("linear")},
                      {"coordinates", std::string("align_corners")}},
       .expected = {{0.472135955, -0.546440075, -0.231682772, 1.416407865, 0.397831835,
                     -0.620744195, -1.639320225}},
       .source = "torch.nn.functional.interpolate"},
      {.op = "resize",
       .operands = {F64({1, 1, 5})},
       .attributes = {{"sizes", Ints{8}},
                      {"mode", std::string("nearest")},
                      {"coordinates", std::string("asymmetric")}},
       .expected = {{0.472135955, 0.472135955, -1.05572809, -1.05572809, 1.416407865, -0.11145618,
                     -0.11145618, -1.639320225}},
       .source = "torch.nn.functional.interpolate, nearest"},
      {.op = "resize",
       .operands = {F64({1, 1, 5})},
       .attributes = {{"sizes", Ints{8}},
                      {"mode", std::string("nearest")},
                      {"coordinates", std::string("half_pixel")}},
       .expected = {{0.472135955, 0.472135955, -1.05572809, 1.416407865, 1.416407865, -0.11145618,
                     -1.639320225, -1.639320225}},
       .source = "torch.nn.functional.interpolate, nearest-exact"},
      {.op = "resize",
       .operands = {F64({1, 1, 5})},
       .attributes = {{"sizes", Ints{2}},
                      {"mode", std::string("nearest")},
                      {"coordinates", std::string("half_pixel")}},
       .expected = {{-1.05572809, -0.11145618}},
       .source = "torch.nn.functional.interpolate, nearest-exact"},
      {.op = "resize",
       .operands = {F64({1, 1, 4, 3})},
       .attributes = {{"sizes", Ints{6, 5}},
                      {"mode", std::string("cubic")},
                      {"coordinates", std::string("half_pixel")}},
       .expected = {{0.669469943,  -0.248010044, -1.005069051, 0.397871943,  1.704391956,
                     0.417726598,  -0.708253388, -1.667812395, -0.062371402, 1.452648612,
                     -0.144175853, -0.742470654, -1.189529661, -0.096588668, 0.89074616,
                     -0.752978745, 0.234356083,  1.327297076,  0.880238069,  0.281943268,
                     -1.314881197, 0.200138817,  1.80557981,   0.846020803,  -0.279959183,
                     -1.566624541, -0.260104528, 1.142836465,  0.385777459,  -0.531702528}},
       .source = "torch.nn.functional.interpolate"},
      {.op = "resize",
       .operands = {F64({1, 1, 4, 3})},
       .attributes = {{"sizes", Ints{3, 5}},
                      {"mode", std::string("cubic")},
                      {"coordinates", std::string("align_corners")}},
       .expected = {{0.472135955, -0.523558813, -1.05572809, 0.037102633, 1.416407865, -0.403252248,
                     -0.211447016, 0.068883707, 0.349214431, 0.541019662, -1.27864045, 0.100664782,
                     1.193495505, 0.661326228, -0.33436854}},
       .source = "torch.nn.functional.interpolate"},
      {.op = "resize",
       .operands = {F64({1, 1, 4, 3})},
       .attributes = {{"sizes", Ints{8, 6}},
                      {"mode", std::string("linear")},
                      {"coordinates", std::string("half_pixel")}},
       .expected = {{0.472135955,  0.090169944,  -0.673762079, -0.437694101, 0.798373876,
                     1.416407865,  0.326237921,  -0.05572809,  -0.819660113, -0.583592135,
                     0.652475842,  1.270509831,  0.034441854,  -0.347524158, -1.11145618,
                     -0.875388203, 0.360679775,  0.978713764,  -0.257354214, -0.389320225,
                     -0.653252248, -0.41718427,  0.318883707,  0.686917696,  -0.549150281,
                     -0.181116293, 0.554951685,  0.791019662,  0.52708764,   0.395121629,
                     -0.840946349, -0.22291236,  1.013155617,  1.249223595,  0.485291572,
                     0.103325561,  -1.132742416, -0.514708428, 0.72135955,   0.957427527,
                     0.193495505,  -0.188470506, -1.27864045,  -0.660606461, 0.575461516,
                     0.811529494,  0.047597471,  -0.33436854}},
       .source = "torch.nn.functional.interpolate"},
      {.op = "resize",
       .operands = {F64({1, 1, 4, 3})},
       .attributes = {{"sizes", Ints{1, 4}},
                      {"mode", std::string("linear")},
                      {"coordinates", std::string("align_corners")}},
       .expected = {{0.472135955, -0.546440075, -0.231682772, 1.416407865}},
       .source = "torch.nn.functional.interpolate"},
      {.op = "resize",
       .operands = {F64({1, 1, 4})},
       .attributes = {{"sizes", Ints{6}},
                      {"mode", std::string("linear")},
                      {"coordinates", std::string("asymmetric")}},
       .expected = {{0.472135955, -0.546440075, -0.231682772, 1.416407865, 0.397831835,
                     -0.11145618}},
       .source = "NumPy: numpy.interp"},
      {.op = "pixel_shuffle",
       .operands = {F64({1, 4, 2, 1})},
       .attributes = {{"factor", int64_t{2}}},
       .expected = {{0.472135955, 1.416407865, -1.639320225, -0.695048315, -1.05572809, -0.11145618,
                     0.83281573, 1.77708764}},
       .source = "torch.nn.functional.pixel_shuffle"},
      {.op = "pixel_unshuffle",
       .operands = {F64({1, 1, 2, 4})},
       .attributes = {{"factor", int64_t{2}}},
       .expected = {{0.472135955, 1.416407865, -1.05572809, -0.11145618, -1.639320225, -0.695048315,
                     0.83281573, 1.77708764}},
       .source = "torch.nn.functional.pixel_unshuffle"},
      {.op = "pixel_shuffle",
       .operands = {F64({1, 2, 2, 4})},
       .attributes = {{"factor", int64_t{2}}, {"layout", std::string("nhwc")}},
       .expected = {{0.472135955, -1.05572809, -1.639320225, 0.83281573, 1.416407865, -0.11145618,
                     -0.695048315, 1.77708764, 0.249223595, -1.27864045, -1.862232585, 0.60990337,
                     1.193495505, -0.33436854, -0.917960675, 1.55417528}},
       .source = "torch.nn.functional.pixel_shuffle of the transposed input"},
      {.op = "pixel_unshuffle",
       .operands = {F64({1, 2, 4, 1})},
       .attributes = {{"factor", int64_t{2}}, {"layout", std::string("nhwc")}},
       .expected = {{0.472135955, -1.05572809, -1.639320225, 0.83281573, 1.416407865, -0.11145618,
                     -0.695048315, 1.77708764}},
       .source = "torch.nn.functional.pixel_unshuffle of the transposed input"},
  };
}

OpSample Generated(std::string_view op, Shape shape, Attributes attributes) {
  return {.op = op, .operands = {F32(std::move(shape))}, .attributes = std::move(attributes)};
}

void AddResized(std::vector<OpSample>& samples) {
  for (const char* mode : {"nearest", "linear", "cubic"})
    for (const char* coordinates : {"half_pixel", "align_corners", "asymmetric"}) {
      const Attributes kind = {{"mode", std::string(mode)},
                               {"coordinates", std::string(coordinates)}};
      const auto resized = [&](Shape shape, Ints sizes, Ints axes) {
        Attributes attributes = kind;
        attributes.Set("sizes", std::move(sizes));
        attributes.Set("axes", std::move(axes));
        samples.push_back(Generated("resize", std::move(shape), std::move(attributes)));
      };
      resized({2, 2, 3}, {7}, {});
      resized({1, 1, 17}, {9}, {-1});
      resized({1, 1, 1}, {3}, {});
      resized({1, 2, 3}, {1}, {});
      resized({1, 3, 2, 2}, {4, 5}, {1, 2});
      resized({0, 1, 2}, {4}, {});
    }
  samples.push_back(
      {.op = "resize",
       .operands = {F64({1, 1, 3})},
       .attributes = {
           {"sizes", Ints{5}}, {"mode", std::string("cubic")}, {"cubic_coefficient", -0.5}}});
}

void AddGridSampled(std::vector<OpSample>& samples) {
  samples.push_back({.op = "grid_sample",
                     .operands = {F64({1, 1, 2, 3}), F64({1, 1, 3, 2})},
                     .attributes = {{"coordinates", std::string("align_corners")}},
                     .values = {{1, 2, 3, 4, 5, 6}, {-1, -1, 0.5, 0, 3, 3}},
                     .expected = {{1, 4, 0}},
                     .source = "by hand: places (0, 0), (1.5, 0.5), (4, 2)",
                     .smooth = false});
  for (const char* mode : {"nearest", "linear", "cubic"})
    for (const char* padding : {"zeros", "border", "reflection"})
      for (const char* coordinates : {"half_pixel", "align_corners"}) {
        const auto sampled = [&](Shape x, Shape grid, std::string layout = "nchw") {
          samples.push_back({.op = "grid_sample",
                             .operands = {F32(std::move(x)), F32(std::move(grid))},
                             .attributes = {{"mode", std::string(mode)},
                                            {"padding_mode", std::string(padding)},
                                            {"coordinates", std::string(coordinates)},
                                            {"layout", std::move(layout)}}});
        };
        sampled({2, 2, 3, 4}, {2, 2, 3, 2});
        sampled({1, 1, 1, 1}, {1, 3, 1, 2});
        if (std::string_view(mode) != "linear") continue;
        sampled({1, 3, 4, 2}, {1, 1, 5, 2}, "nhwc");
        sampled({1, 1, 7}, {1, 17, 1});
        sampled({0, 1, 2, 2}, {0, 2, 2, 2});
      }
  samples.push_back(
      {.op = "grid_sample", .operands = {F32({1, 2, 2, 3, 3}), F32({1, 2, 2, 3, 3})}});
}

void AddFractional(std::vector<OpSample>& samples) {
  const auto attributes = [](int64_t axis, int64_t size, int64_t step, int64_t offset,
                             int64_t divisor) {
    return Attributes{
        {"axis", axis}, {"size", size}, {"step", step}, {"offset", offset}, {"divisor", divisor}};
  };
  const auto with_kernel = [](Attributes all, int64_t kernel) {
    all.Set("kernel", kernel);
    return all;
  };
  samples.push_back({.op = "fractional_unfold",
                     .operands = {F32({3})},
                     .attributes = with_kernel(attributes(0, 4, 3, -2, 4), 2),
                     .values = {{1, 2, 3}},
                     .expected = {{0, 1, 1, 2, 2, 3, 2, 3}},
                     .source = "by hand: windows begin at -1, 0, 1, 1"});
  samples.push_back({.op = "fractional_fold",
                     .operands = {F32({4, 2})},
                     .attributes = attributes(0, 3, 3, -2, 4),
                     .values = {{1, 2, 4, 8, 16, 32, 64, 128}},
                     .expected = {{6, 88, 160}},
                     .source = "by hand: windows begin at -1, 0, 1, 1"});
  for (const int64_t size : {0, 1, 3, 17}) {
    samples.push_back(
        Generated("fractional_unfold", {2, 5, 3}, with_kernel(attributes(1, size, 5, 1, 7), 3)));
    samples.push_back(Generated("fractional_unfold", {2, size}, attributes(-1, 6, 2, 0, 3)));
    samples.push_back(Generated("fractional_fold", {2, 5, 3}, attributes(1, size, 5, 1, 7)));
    samples.push_back(Generated("fractional_fold", {size, 2, 4}, attributes(0, 5, 7, -3, 2)));
  }
}

void AddShuffled(std::vector<OpSample>& samples) {
  const Attribute nhwc = std::string("nhwc");
  samples.push_back(Generated("pixel_shuffle", {2, 9, 2, 1}, {{"factor", int64_t{3}}}));
  samples.push_back(Generated("pixel_shuffle", {0, 4, 2, 3}, {{"factor", int64_t{2}}}));
  samples.push_back(
      Generated("pixel_shuffle", {1, 2, 3, 8}, {{"factor", int64_t{2}}, {"layout", nhwc}}));
  samples.push_back(Generated("pixel_unshuffle", {2, 1, 3, 6}, {{"factor", int64_t{3}}}));
  samples.push_back(Generated("pixel_unshuffle", {1, 2, 1, 1}, {{"factor", int64_t{1}}}));
  samples.push_back(
      Generated("pixel_unshuffle", {1, 4, 2, 2}, {{"factor", int64_t{2}}, {"layout", nhwc}}));
}

std::vector<ErrorSample> ResizeErrors() {
  const TensorType x = F32({1, 4, 4, 4}), line = F32({1, 1, 4});
  const int64_t long_axis = int64_t{1} << 35;
  return {
      {"resize", {line}, {{"sizes", Ints{}}}, "needs one number for each of the 1 axes"},
      {"resize", {line}, {{"sizes", Ints{2, 2}}}, "needs one number for each of the 1 axes"},
      {"resize", {F32({2, 3})}, {{"sizes", Ints{}}}, "needs one number for each of the 0 axes"},
      {"resize", {line}, {{"sizes", Ints{2}}, {"axes", Ints{3}}}, "axis 3 is out of range"},
      {"resize", {line}, {{"sizes", Ints{2}}, {"axes", Ints{kLowest}}}, "is out of range"},
      {"resize", {line}, {{"sizes", Ints{2, 2}}, {"axes", Ints{2, -1}}}, "axis -1 is given twice"},
      {"resize", {line}, {{"sizes", Ints{0}}}, "must be between 1 and"},
      {"resize", {line}, {{"sizes", Ints{kHighest}}}, "must be between 1 and"},
      {"resize", {F32({1, 1, 0})}, {{"sizes", Ints{2}}}, "must be between 1 and"},
      {"resize", {line}, {{"sizes", Ints{2}}, {"cubic_coefficient", kNaN}}, "must be between -4"},
      {"resize", {line}, {{"sizes", Ints{2}}, {"mode", std::string("area")}}, "is one of nearest"},
      {"resize",
       {line},
       {{"sizes", Ints{2}}, {"coordinates", std::string("center")}},
       "is one of half_pixel"},
      {"resize", {F32({1024, 1024, 4})}, {{"sizes", Ints{524288}}}, "is too large to be resized"},
      {"resize", {F32(Shape(16, 1))}, {{"sizes", Ints{2}}, {"axes", Ints{0}}}, "is too large"},
      {"grid_sample", {F32({1, 2}), F32({1, 0})}, {}, "1, 2 or 3 spatial axes"},
      {"grid_sample", {x, F32({1, 3, 3, 3})}, {}, "grid must be [1, 2 extents of the result, 2]"},
      {"grid_sample", {x, F32({2, 3, 3, 2})}, {}, "grid must be [1, 2 extents"},
      {"grid_sample", {x, F32({1, 3, 2})}, {}, "grid must be [1, 2 extents"},
      {"grid_sample", {F32({1, 1, 0, 4}), F32({1, 3, 3, 2})}, {}, "must be between 1 and"},
      {"grid_sample", {x, F32({1, 1 << 20, 1 << 19, 2})}, {}, "is too large"},
      {"grid_sample", {x, F32({1, 3, 3, 2})}, {{"mode", std::string("area")}}, "is one of nearest"},
      {"grid_sample",
       {x, F32({1, 3, 3, 2})},
       {{"padding_mode", std::string("edge")}},
       "is one of zeros"},
      {"grid_sample",
       {x, F32({1, 3, 3, 2})},
       {{"coordinates", std::string("asymmetric")}},
       "is one of half_pixel"},
      {"pixel_shuffle", {line}, {{"factor", int64_t{2}}}, "x must be [batch, channels, 2 spatial"},
      {"pixel_shuffle", {x}, {{"factor", int64_t{0}}}, "factor must be between 1 and"},
      {"pixel_shuffle", {x}, {{"factor", kHighest}}, "factor must be between 1 and"},
      {"pixel_shuffle", {x}, {{"factor", int64_t{3}}}, "do not hold 3 x 3 pixels"},
      {"pixel_unshuffle", {x}, {{"factor", int64_t{3}}}, "factor 3 does not divide"},
      {"pixel_unshuffle", {x}, {{"factor", kLowest}}, "factor must be between 1 and"},
      {"fractional_unfold",
       {line},
       {{"axis", int64_t{3}}, {"size", int64_t{2}}},
       "axis 3 is out of range"},
      {"fractional_unfold", {line}, {{"axis", int64_t{2}}, {"size", int64_t{-1}}}, "size must be"},
      {"fractional_unfold",
       {line},
       {{"axis", int64_t{2}}, {"size", int64_t{2}}, {"step", int64_t{0}}},
       "step must be between 1"},
      {"fractional_unfold",
       {line},
       {{"axis", int64_t{2}}, {"size", int64_t{2}}, {"divisor", kLowest}},
       "divisor must be between 1"},
      {"fractional_unfold",
       {line},
       {{"axis", int64_t{2}}, {"size", int64_t{2}}, {"offset", kLowest}},
       "is too large"},
      {"fractional_unfold",
       {line},
       {{"axis", int64_t{2}}, {"size", int64_t{2}}, {"kernel", int64_t{0}}},
       "kernel must be between 1"},
      {"fractional_unfold",
       {F32({long_axis})},
       {{"axis", int64_t{0}}, {"size", int64_t{2}}},
       "is longer than"},
      {"fractional_fold",
       {F32({3})},
       {{"axis", int64_t{0}}, {"size", int64_t{2}}},
       "must have windows"},
      {"fractional_fold",
       {F32({4, 0})},
       {{"axis", int64_t{0}}, {"size", int64_t{2}}},
       "windows must have between 1 and"},
      {"fractional_fold", {line}, {{"axis", int64_t{2}}, {"size", int64_t{2}}}, "out of range"},
  };
}

}  // namespace

FamilySamples ResizeSamples() {
  FamilySamples family;
  family.samples = StatedImages();
  AddResized(family.samples);
  AddGridSampled(family.samples);
  AddFractional(family.samples);
  AddShuffled(family.samples);
  family.errors = ResizeErrors();
  return family;
}

}  // namespace descent

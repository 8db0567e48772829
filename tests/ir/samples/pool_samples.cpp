#include "tests/ir/samples/samples.h"

namespace descent {
namespace {

constexpr int64_t kLowest = std::numeric_limits<int64_t>::min();
constexpr int64_t kHighest = std::numeric_limits<int64_t>::max();

Attributes Window(Ints kernel, Ints stride = {1, 1}, Ints padding = {0, 0, 0, 0},
                  Ints dilation = {1, 1}) {
  return {{"kernel", std::move(kernel)},
          {"stride", std::move(stride)},
          {"padding", std::move(padding)},
          {"dilation", std::move(dilation)}};
}

Attributes With(Attributes attributes, std::string name, Attribute value) {
  attributes.Set(std::move(name), std::move(value));
  return attributes;
}

OpSample Generated(std::string_view op, Shape shape, Attributes attributes) {
  return {.op = op, .operands = {F32(std::move(shape))}, .attributes = std::move(attributes)};
}

/// Values stated by PyTorch 1.13 in float64 on the generated operand.
std::vector<OpSample> StatedPools() {
  return {
      {.op = "max_pool1d",
       .operands = {F64({1, 2, 7})},
       .attributes = {{"kernel", Ints{3}}, {"stride", Ints{2}}, {"padding", Ints{1, 1}}},
       .expected = {{0.472135955, 1.416407865, 0.83281573, 0.83281573, 1.77708764, 1.193495505,
                     1.193495505, 0.60990337}},
       .source = "torch.nn.functional.max_pool1d"},
      {.op = "max_pool1d",
       .operands = {F64({1, 2, 6})},
       .attributes =
           {{"kernel", Ints{2}}, {"stride", Ints{3}}, {"dilation", Ints{2}}, {"ceil_mode", true}},
       .expected = {{1.416407865, 0.83281573, 0.249223595, -0.33436854}},
       .source = "torch.nn.functional.max_pool1d"},
      {.op = "max_pool2d",
       .operands = {F64({1, 1, 5, 6})},
       .attributes = {{"kernel", Ints{2, 3}},
                      {"stride", Ints{2, 2}},
                      {"padding", Ints{1, 1, 1, 1}},
                      {"ceil_mode", true}},
       .expected = {{0.472135955, 1.416407865, 0.83281573, 0.83281573, 1.77708764, 1.77708764,
                     1.55417528, -0.33436854, 0.970583145, 1.914855055, 1.691942695, 1.33126292}},
       .source = "torch.nn.functional.max_pool2d"},
      {.op = "max_pool2d",
       .operands = {F64({1, 4, 3, 2})},
       .attributes = {{"kernel", Ints{2, 2}},
                      {"stride", Ints{1, 1}},
                      {"layout", std::string("nhwc")}},
       .expected = {{1.416407865, 1.77708764, 1.416407865, 0.83281573, 0.249223595, 1.77708764,
                     1.193495505, 1.55417528, 1.914855055, 1.55417528, 1.914855055, 1.55417528}},
       .source = "torch.nn.functional.max_pool2d of the transposed input"},
      {.op = "max_pool3d",
       .operands = {F64({1, 1, 3, 4, 4})},
       .attributes = {{"kernel", Ints{2, 2, 3}},
                      {"stride", Ints{1, 2, 2}},
                      {"padding", Ints{0, 0, 1, 0, 0, 1}}},
       .expected = {{1.914855055, 1.77708764, 1.691942695, 1.55417528, 1.914855055, 1.33126292,
                     1.82971011, 1.82971011}},
       .source = "torch.nn.functional.max_pool3d"},
      {.op = "avg_pool1d",
       .operands = {F64({1, 2, 6})},
       .attributes = {{"kernel", Ints{3}},
                      {"stride", Ints{2}},
                      {"padding", Ints{1, 1}},
                      {"count_include_pad", false}},
       .expected = {{-0.291796068, 0.083074532, -0.305986892, 0.541019662, 0.249223595,
                     -0.139837828}},
       .source = "torch.nn.functional.avg_pool1d"},
      {.op = "avg_pool2d",
       .operands = {F64({1, 1, 5, 4})},
       .attributes = {{"kernel", Ints{3, 3}},
                      {"stride", Ints{2, 2}},
                      {"padding", Ints{1, 1, 1, 1}},
                      {"ceil_mode", false},
                      {"count_include_pad", false}},
       .expected = {{-0.347524158, 0.360679775, -0.514708428, 0.304606616, -0.681892698,
                     0.026311235}},
       .source = "torch.nn.functional.avg_pool2d"},
      {.op = "avg_pool2d",
       .operands = {F64({1, 1, 5, 4})},
       .attributes = {{"kernel", Ints{3, 3}},
                      {"stride", Ints{2, 2}},
                      {"padding", Ints{1, 1, 1, 1}},
                      {"ceil_mode", false},
                      {"count_include_pad", true}},
       .expected = {{-0.154455181, 0.240453183, -0.343138952, 0.304606616, -0.303063421,
                     0.017540823}},
       .source = "torch.nn.functional.avg_pool2d"},
      {.op = "avg_pool2d",
       .operands = {F64({1, 1, 5, 4})},
       .attributes = {{"kernel", Ints{3, 3}},
                      {"stride", Ints{2, 2}},
                      {"padding", Ints{1, 1, 1, 1}},
                      {"ceil_mode", true},
                      {"count_include_pad", false}},
       .expected = {{-0.347524158, 0.360679775, 0.83281573, -0.514708428, 0.304606616, 0.998964793,
                     -0.681892698, 0.026311235, 0.49844719}},
       .source = "torch.nn.functional.avg_pool2d"},
      {.op = "avg_pool2d",
       .operands = {F64({1, 1, 5, 4})},
       .attributes = {{"kernel", Ints{3, 3}},
                      {"stride", Ints{2, 2}},
                      {"padding", Ints{1, 1, 1, 1}},
                      {"ceil_mode", true},
                      {"count_include_pad", true}},
       .expected = {{-0.154455181, 0.240453183, 0.277605243, -0.343138952, 0.304606616, 0.499482397,
                     -0.303063421, 0.017540823, 0.166149063}},
       .source = "torch.nn.functional.avg_pool2d"},
      {.op = "avg_pool3d",
       .operands = {F64({1, 1, 3, 6, 4})},
       .attributes = {{"kernel", Ints{2, 3, 2}},
                      {"stride", Ints{2, 2, 2}},
                      {"padding", Ints{0, 1, 1, 0, 1, 1}},
                      {"ceil_mode", true}},
       .expected = {{0.027346442,  -0.139837828, 0.166149063,  -0.042572473, -0.376941013,
                     0.332298127,  0.179304681,  -0.266520039, 0.220841947,  0.395121629,
                     -0.355654776, 0.249223595,  0.026311235,  0.524758425,  -0.168219477,
                     0.122541384,  0.619953367,  -0.169254683, 0.011085204,  0.397041007,
                     -0.280710863, 0.144345224,  0.142792414,  -0.00155281}},
       .source = "torch.nn.functional.avg_pool3d"},
      {.op = "lp_pool1d",
       .operands = {F64({1, 2, 6})},
       .attributes = {{"kernel", Ints{3}}, {"stride", Ints{2}}, {"p", 3.0}},
       .expected = {{1.603576961, 1.935301206, 1.813414895, 1.561312878}},
       .source = "torch.linalg.vector_norm of torch.Tensor.unfold"},
      {.op = "lp_pool2d",
       .operands = {F64({1, 1, 4, 4})},
       .attributes = {{"kernel", Ints{2, 2}}},
       .expected = {{2.172194052, 2.379026347, 2.353067386, 2.189599608}},
       .source = "torch.linalg.vector_norm of torch.Tensor.unfold"},
      {.op = "lp_pool3d",
       .operands = {F64({1, 1, 2, 3, 4})},
       .attributes = {{"kernel", Ints{2, 2, 2}}, {"stride", Ints{1, 1, 1}}, {"p", 1.0}},
       .expected = {{8.0, 8.0, 8.0, 7.82971011, 8.0, 8.0}},
       .source = "torch.linalg.vector_norm of torch.Tensor.unfold"},
      {.op = "global_max_pool",
       .operands = {F64({1, 2, 3, 3})},
       .expected = {{1.77708764, 1.55417528}},
       .source = "torch.nn.functional.adaptive_max_pool2d"},
      {.op = "global_avg_pool",
       .operands = {F64({1, 2, 3, 3})},
       .expected = {{0.138457553, -0.278985519}},
       .source = "torch.nn.functional.adaptive_avg_pool2d"},
      {.op = "global_lp_pool",
       .operands = {F64({1, 2, 3, 3})},
       .attributes = {{"p", 3.0}},
       .expected = {{2.470117376, 2.641251424}},
       .source = "torch.linalg.vector_norm"},
      {.op = "adaptive_avg_pool1d",
       .operands = {F64({1, 2, 7})},
       .attributes = {{"size", Ints{3}}},
       .expected = {{0.277605243, -0.11145618, -0.500517603, 0.249223595, -0.139837828,
                     -0.528899252}},
       .source = "torch.nn.functional.adaptive_avg_pool1d"},
      {.op = "adaptive_max_pool1d",
       .operands = {F64({1, 2, 7})},
       .attributes = {{"size", Ints{4}}},
       .expected = {{0.472135955, 1.416407865, 0.83281573, 0.83281573, 1.77708764, 1.193495505,
                     1.193495505, 0.60990337}},
       .source = "torch.nn.functional.adaptive_max_pool1d"},
      {.op = "adaptive_avg_pool2d",
       .operands = {F64({1, 1, 5, 4})},
       .attributes = {{"size", Ints{2, 6}}},
       .expected = {{-0.305986892, -0.403252248, -0.500517603, 0.638285018, 0.541019662,
                     0.443754307, -0.528899252, -0.626164608, -0.723429963, 0.415372658,
                     0.318107302, 0.220841947}},
       .source = "torch.nn.functional.adaptive_avg_pool2d"},
      {.op = "adaptive_max_pool2d",
       .operands = {F64({1, 1, 5, 4})},
       .attributes = {{"size", Ints{3, 2}}},
       .expected = {{0.83281573, 1.77708764, 0.83281573, 1.77708764, 0.60990337, 1.55417528}},
       .source = "torch.nn.functional.adaptive_max_pool2d"},
      {.op = "adaptive_avg_pool3d",
       .operands = {F64({1, 1, 2, 3, 5})},
       .attributes = {{"size", Ints{1, 2, 2}}},
       .expected = {{0.332298127, -0.056763297, 0.026311235, -0.029416855}},
       .source = "torch.nn.functional.adaptive_avg_pool3d"},
      {.op = "adaptive_max_pool3d",
       .operands = {F64({1, 1, 2, 3, 5})},
       .attributes = {{"size", Ints{2, 2, 3}}},
       .expected = {{0.83281573, 1.77708764, 0.249223595, 1.193495505, 1.77708764, 0.60990337,
                     1.914855055, 1.33126292, 1.33126292, 1.914855055, 1.691942695, 1.691942695}},
       .source = "torch.nn.functional.adaptive_max_pool3d"},
      {.op = "global_max_pool",
       .operands = {F64({1, 1, 3, 3})},
       .values = {{1, 3, 3, 0, 3, 2, 2, 2, 1}},
       .expected = {{3.0}},
       .source = "PyTorch: the first maximum in row-major order",
       .smooth = false,
       .gradients = {{0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0}}},
      {.op = "adaptive_max_pool2d",
       .operands = {F64({1, 1, 3, 3})},
       .attributes = {{"size", Ints{2, 2}}},
       .values = {{1, 3, 3, 0, 3, 2, 2, 2, 1}},
       .expected = {{3.0, 3.0, 3.0, 3.0}},
       .source = "PyTorch: the first maximum in row-major order",
       .smooth = false,
       .gradients = {{0.0, 2.0, 0.0, 0.0, 2.0, 0.0, 0.0, 0.0, 0.0}}},
      {.op = "max_pool2d",
       .operands = {F64({1, 1, 3, 3})},
       .attributes = {{"kernel", Ints{2, 2}}, {"stride", Ints{1, 1}}},
       .values = {{1, 3, 3, 0, 3, 2, 2, 2, 1}},
       .expected = {{3.0, 3.0, 3.0, 3.0}},
       .source = "PyTorch: the first maximum in row-major order",
       .smooth = false,
       .gradients = {{0.0, 2.0, 0.0, 0.0, 2.0, 0.0, 0.0, 0.0, 0.0}}},
      {.op = "lp_pool1d",
       .operands = {F64({1, 1, 4})},
       .attributes = {{"kernel", Ints{2}}},
       .values = {{0, 0, 3, 4}},
       .expected = {{0, 5}},
       .source = "torch.linalg.vector_norm, 0 where all are 0",
       .smooth = false,
       .gradients = {{0, 0, 0.6, 0.8}}},
  };
}

void AddImagePools(std::vector<OpSample>& samples) {
  const std::vector<double> image = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
  const std::vector<OpSample> pools = {
      {.op = "max_pool2d",
       .operands = {F32({1, 1, 4, 4})},
       .attributes = {{"kernel", Ints{2, 2}}},
       .values = {image},
       .expected = {{5, 7, 13, 15}}},
      {.op = "max_pool2d",
       .operands = {F32({1, 1, 2, 4})},
       .attributes = {{"kernel", Ints{2, 2}}},
       .values = {{1, 3, 2, 2, 3, 3, 2, 2}},
       .expected = {{3, 2}},
       .source = "PyTorch: the first maximum in row-major order",
       .smooth = false,
       .gradients = {{0, 1, 1, 0, 0, 0, 0, 0}}},
      Generated("max_pool2d", {2, 3, 6, 6}, Window({3, 3}, {2, 2}, {1, 1, 1, 1})),
      Generated("max_pool2d", {1, 2, 7, 5}, Window({2, 2}, {1, 2}, {0, 0, 1, 1}, {2, 1})),
      {.op = "avg_pool2d",
       .operands = {F32({1, 1, 4, 4})},
       .attributes = {{"kernel", Ints{2, 2}}},
       .values = {image},
       .expected = {{2.5, 4.5, 10.5, 12.5}}},
      {.op = "avg_pool2d",
       .operands = {F32({1, 1, 2, 2})},
       .attributes = {{"kernel", Ints{2, 2}},
                      {"stride", Ints{2, 2}},
                      {"padding", Ints{1, 1, 1, 1}}},
       .values = {{4, 8, 12, 16}},
       .expected = {{1, 2, 3, 4}},
       .source = "by hand; padding counts as in PyTorch"},
      Generated("avg_pool2d", {2, 3, 6, 5}, Window({3, 2}, {2, 1}, {1, 0, 1, 1})),
  };
  samples.insert(samples.end(), pools.begin(), pools.end());
}

void AddOtherPools(std::vector<OpSample>& samples) {
  const Attribute same = std::string("same"), nhwc = std::string("nhwc");
  const Attributes three = {{"kernel", Ints{3}}};
  for (const int64_t size : {3, 7, 9, 17, 33})
    for (const std::string_view op : {"max_pool1d", "avg_pool1d", "lp_pool1d"}) {
      samples.push_back(Generated(op, {2, 2, size}, three));
      samples.push_back(Generated(op, {1, size, 5}, With(three, "auto_pad", same)));
    }
  for (const std::string_view op : {"max_pool2d", "avg_pool2d", "lp_pool2d"}) {
    samples.push_back(Generated(op, {0, 2, 4, 4}, Window({2, 2})));
    samples.push_back(Generated(op, {2, 5, 4, 3}, With(Window({2, 3}), "layout", nhwc)));
    samples.push_back(Generated(op, {1, 2, 6, 5}, With(Window({2, 2}, {3, 2}), "auto_pad", same)));
    samples.push_back(Generated(
        op, {1, 1, 6, 7}, With(Window({2, 3}, {2, 3}, {0, 1, 1, 0}, {2, 1}), "ceil_mode", true)));
  }
  samples.push_back(
      Generated("avg_pool2d", {1, 1, 3, 2},
                With(Window({2, 2}, {1, 1}, {1, 0, 1, 0}, {2, 1}), "count_include_pad", false)));
  samples.push_back(Generated("lp_pool2d", {1, 2, 4, 4}, With(Window({2, 2}), "p", 2.5)));
  for (const std::string_view op : {"max_pool3d", "avg_pool3d", "lp_pool3d"})
    samples.push_back(Generated(op, {1, 2, 3, 4, 5}, {{"kernel", Ints{2, 2, 3}}}));
}

void AddWholeImagePools(std::vector<OpSample>& samples) {
  const Attribute nhwc = std::string("nhwc");
  for (const std::string_view op : {"global_max_pool", "global_avg_pool", "global_lp_pool"}) {
    for (const int64_t size : {1, 3, 17, 33}) samples.push_back(Generated(op, {2, 3, size}, {}));
    samples.push_back(Generated(op, {2, 3, 4, 2}, {{"layout", nhwc}}));
    samples.push_back(Generated(op, {0, 2, 2, 2, 3}, {}));
    samples.push_back(Generated(op, {1, 2, 2, 2, 3}, {}));
  }
  for (const std::string_view op : {"adaptive_avg_pool1d", "adaptive_max_pool1d"})
    for (const int64_t size : {1, 2, 5, 9, 17}) {
      samples.push_back(Generated(op, {2, 2, 9}, {{"size", Ints{size}}}));
      samples.push_back(Generated(op, {1, size, 3}, {{"size", Ints{2}}, {"layout", nhwc}}));
    }
  for (const std::string_view op : {"adaptive_avg_pool2d", "adaptive_max_pool2d"}) {
    samples.push_back(Generated(op, {2, 2, 6, 4}, {{"size", Ints{3, 2}}}));
    samples.push_back(Generated(op, {1, 5, 7, 2}, {{"size", Ints{3, 4}}, {"layout", nhwc}}));
    samples.push_back(Generated(op, {0, 2, 5, 4}, {{"size", Ints{3, 1}}}));
  }
  for (const std::string_view op : {"adaptive_avg_pool3d", "adaptive_max_pool3d"})
    samples.push_back(Generated(op, {1, 2, 2, 3, 4}, {{"size", Ints{2, 2, 3}}}));
}

std::vector<ErrorSample> PoolErrors() {
  const TensorType x = F32({1, 1, 4, 4}), line = F32({1, 1, 4}), block = F32({1, 1, 4, 4, 4});
  const Attribute same = std::string("same");
  std::vector<ErrorSample> errors = {
      {"max_pool2d",
       {x},
       Window({2, 2}, {2, 2}, {2, 0, 0, 0}),
       "padding must be between 0 and half"},
      {"max_pool2d",
       {x},
       Window({2, 2}, {2, 2}, {0, -1, 0, 0}),
       "padding must be between 0 and half"},
      {"max_pool2d", {x}, Window({2, 2}, {2, 2}, {0, 0, 0, kHighest}), "padding is too large"},
      {"max_pool2d", {x}, Window({5, 1}), "the window of 5 is larger"},
      {"max_pool2d", {x}, Window({2, kLowest}), "kernel must be between 1 and"},
      {"max_pool2d", {x}, Window({2}), "kernel needs 2 numbers, not 1"},
      {"max_pool2d", {x}, Window({2, 2}, {1}), "stride needs 2 numbers, not 1"},
      {"max_pool2d", {x}, Window({2, 2}, {0, 1}), "stride must be between 1 and"},
      {"max_pool2d", {x}, Window({2, 2}, {1, 1}, {0, 0, 0, 0}, {1, -1}), "dilation must be"},
      {"max_pool2d", {F32({1, 1, 0, 4})}, Window({1, 1}), "must not be empty"},
      {"max_pool2d", {I32({1, 1, 4, 4})}, Window({2, 2}), "must have a float type"},
      {"max_pool2d",
       {x},
       With(With(Window({2, 2}), "ceil_mode", true), "auto_pad", same),
       "ceil_mode has no place"},
      {"max_pool2d",
       {x},
       With(Window({2, 2}, {1, 1}, {1, 0, 0, 0}), "auto_pad", same),
       "auto_pad must be explicit"},
      {"max_pool2d",
       {F32({1, 1, 1048576, 1048576})},
       Window({2, 2}),
       "the windows [1, 1, 1048575, 1048575, 2, 2] would have more than 2^40"},
      {"avg_pool2d", {x}, {}, "needs attribute kernel"},
      {"lp_pool2d", {x}, With(Window({2, 2}), "p", 0.5), "p must be at least 1 and finite"},
      {"lp_pool1d", {line}, {{"kernel", Ints{2}}, {"p", kNaN}}, "p must be at least 1"},
      {"lp_pool3d", {block}, {{"kernel", Ints{2, 2, 2}}, {"p", kInfinity}}, "p must be at least 1"},
      {"global_max_pool", {F32({2, 3})}, {}, "x needs rows, channels and places"},
      {"global_avg_pool", {F32({2, 3, 0})}, {}, "must not be empty"},
      {"global_lp_pool", {line}, {{"p", 0.0}}, "p must be at least 1 and finite"},
      {"global_lp_pool", {F32({})}, {}, "x needs rows, channels and places"},
      {"adaptive_max_pool2d", {F32({1, 1, 0, 4})}, {{"size", Ints{1, 1}}}, "must not be empty"},
      {"adaptive_max_pool2d", {x}, {{"size", Ints{1, kHighest}}}, "size must be between 1 and"},
      {"adaptive_max_pool2d", {x}, {{"size", Ints{0, 1}}}, "size must be between 1 and"},
      {"adaptive_avg_pool1d",
       {F32({1, 1, int64_t{1} << 39})},
       {{"size", Ints{3}}},
       "is too large for size [3]"},
      {"adaptive_avg_pool2d",
       {F32({1, 1048576, 1024, 1024})},
       {{"size", Ints{1000, 1000}}},
       "is too large for size [1000, 1000]"},
  };
  for (const std::string_view op : {"max_pool1d", "avg_pool1d", "lp_pool1d"})
    errors.push_back(
        {op, {x}, {{"kernel", Ints{1}}}, "x must be [batch, channels, 1 spatial axis]"});
  for (const std::string_view op : {"max_pool3d", "avg_pool3d", "lp_pool3d"})
    errors.push_back({op, {x}, {{"kernel", Ints(3, 1)}}, "x must be [batch, channels, 3 spatial"});
  for (const std::string_view op : {"adaptive_avg_pool1d", "adaptive_max_pool1d"}) {
    errors.push_back({op, {x}, {{"size", Ints{1}}}, "x must be [batch, channels, 1 spatial axis]"});
    errors.push_back({op, {line}, {{"size", Ints{1, 1}}}, "size needs 1 number"});
  }
  for (const std::string_view op : {"adaptive_avg_pool3d", "adaptive_max_pool3d"})
    errors.push_back({op, {x}, {{"size", Ints(3, 1)}}, "x must be [batch, channels, 3 spatial"});
  return errors;
}

}  // namespace

FamilySamples PoolSamples() {
  FamilySamples family;
  family.samples = StatedPools();
  AddImagePools(family.samples);
  AddOtherPools(family.samples);
  AddWholeImagePools(family.samples);
  family.errors = PoolErrors();
  return family;
}

}  // namespace descent

// Gradients of convolutions, of strided ones above all, whose input gradient is put together from
// phases, against what the convolution itself makes of every unit image and unit filter: as it is
// linear in both, these are its derivatives.
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <vector>

#include "ir/autodiff.h"
#include "ir/expr.h"
#include "ir/interpreter.h"
#include "tests/ir/samples/samples.h"

namespace descent {
namespace {

using Ints = std::vector<int64_t>;

/// conv<N>d of x with w.
struct Sample {
  Shape x, w;
  Attributes attributes;

  int spatial() const { return static_cast<int>(x.size()) - 2; }
  std::string op() const { return fmt::format("conv{}d", spatial()); }
};

Tensor RandomTensor(const Shape& shape, uint64_t seed) {
  std::mt19937_64 random(seed);
  std::vector<double> values(Elements(shape));
  for (double& value : values) value = static_cast<double>(random() % 2001) / 1000 - 1;
  return Tensor::FromDoubles(F64(shape), values);
}

Tensor Convolved(const Sample& sample, const Tensor& x, const Tensor& w) {
  GraphBuilder b;
  const Value image = b.Input("x", x.type()), filters = b.Input("w", w.type());
  b.Output("y", b.Add(sample.op(), {image, filters}, sample.attributes));
  const Tensor inputs[] = {x, w};
  const auto run = Interpret(std::move(b).Build(), inputs);
  DESCENT_CHECK(run.has_value(), "a convolution can be interpreted");
  return run->outputs[0];
}

Tensor Unit(const Shape& shape, int64_t element) {
  std::vector<double> values(Elements(shape));
  values[element] = 1;
  return Tensor::FromDoubles(F64(shape), values);
}

double Product(const Tensor& a, const Tensor& b) {
  double sum = 0;
  for (int64_t i = 0; i < a.elements(); ++i) sum += a.GetDouble(i) * b.GetDouble(i);
  return sum;
}

/// The outputs dx and dw for the arriving gradient `g`, an input.
Graph GradientsOf(const Sample& sample, const TensorType& g) {
  GraphBuilder b;
  const Value x = b.Input("x", F64(sample.x)), w = b.Input("w", F64(sample.w));
  const Value gradient = b.Input("g", g);
  const Cotangent y{b.Add(sample.op(), {x, w}, sample.attributes), gradient};
  const Value wanted[] = {x, w};
  const auto gradients = ReverseWalk(b, {&y, 1}, wanted);
  DESCENT_CHECK(gradients.has_value(), "a convolution has gradients");
  b.Output("dx", (*gradients)[0]);
  b.Output("dw", (*gradients)[1]);
  return std::move(b).Build();
}

/// Both gradients, element by element.
void ExpectDerivatives(const Sample& sample) {
  const Tensor x = RandomTensor(sample.x, 1), w = RandomTensor(sample.w, 2);
  const Tensor g = RandomTensor(Convolved(sample, x, w).shape(), 3);
  const Tensor inputs[] = {x, w, g};
  const auto run = Interpret(GradientsOf(sample, g.type()), inputs);
  ASSERT_TRUE(run) << run.error().message;
  const Tensor &dx = run->outputs[0], &dw = run->outputs[1];
  ASSERT_EQ(dx.shape(), sample.x);
  ASSERT_EQ(dw.shape(), sample.w);
  for (int64_t i = 0; i < dx.elements(); ++i)
    ASSERT_NEAR(dx.GetDouble(i), Product(g, Convolved(sample, Unit(sample.x, i), w)), 1e-12)
        << "dx element " << i;
  for (int64_t i = 0; i < dw.elements(); ++i)
    ASSERT_NEAR(dw.GetDouble(i), Product(g, Convolved(sample, x, Unit(sample.w, i))), 1e-12)
        << "dw element " << i;
}

int64_t Between(std::mt19937_64& random, int64_t low, int64_t high) {
  return low + static_cast<int64_t>(random() % static_cast<uint64_t>(high - low + 1));
}

/// Strides up to 4, most of them without dilations, padding of any sign that leaves a window.
Sample RandomSample(uint64_t seed) {
  std::mt19937_64 random(seed);
  Sample sample;
  const int64_t spatial = Between(random, 1, seed % 8 == 0 ? 3 : 2);
  const int64_t groups = Between(random, 1, 4) / 3 + 1;
  const bool last = random() % 3 == 0, dilated = random() % 4 == 0;
  Ints stride, dilation, input_dilation, low, high;
  Shape extents, kernel;
  for (int64_t i = 0; i < spatial; ++i) {
    extents.push_back(Between(random, 1, spatial == 3 ? 3 : 6));
    kernel.push_back(Between(random, 1, spatial == 3 ? 2 : 5));
    stride.push_back(Between(random, 1, 4));
    dilation.push_back(dilated ? Between(random, 1, 2) : 1);
    input_dilation.push_back(dilated ? Between(random, 1, 2) : 1);
    low.push_back(Between(random, -1, 3));
    high.push_back(Between(random, -1, 3));
    const int64_t room =
        (extents[i] - 1) * input_dilation[i] + low[i] + high[i] - (kernel[i] - 1) * dilation[i];
    if (room < 0) high[i] -= room;
  }
  sample.x = extents;
  sample.x.insert(last ? sample.x.end() : sample.x.begin(), groups * Between(random, 1, 2));
  sample.x.insert(sample.x.begin(), Between(random, 1, 2));
  sample.w = {groups * Between(random, 1, 2), sample.x[last ? spatial + 1 : 1] / groups};
  sample.w.insert(sample.w.end(), kernel.begin(), kernel.end());
  Ints padding = low;
  padding.insert(padding.end(), high.begin(), high.end());
  sample.attributes = {{"stride", stride},     {"padding", padding},
                       {"dilation", dilation}, {"input_dilation", input_dilation},
                       {"groups", groups},     {"layout", std::string(last ? "nhwc" : "nchw")}};
  return sample;
}

TEST(ConvolutionGradient, IsTheDerivativeByEveryElement) {
  for (uint64_t seed = 0; seed < 300; ++seed) {
    const Sample sample = RandomSample(seed);
    SCOPED_TRACE(fmt::format("seed {}: {} {}", seed, ToString(sample.x), ToString(sample.w)));
    ExpectDerivatives(sample);
    if (HasFatalFailure()) return;
  }
}

/// Of x [1, 2, 9, 9] with w [3, 2, kernel, kernel].
Sample Strided(int64_t kernel, int64_t stride, int64_t dilation = 1) {
  return {{1, 2, 9, 9},
          {3, 2, kernel, kernel},
          {{"stride", Ints(2, stride)}, {"padding", Ints(4, 1)}, {"dilation", Ints(2, dilation)}}};
}

/// Convolutions that the gradient of x alone consists of, and how many of them run over an image
/// with zeros between its elements.
struct Convolutions {
  int all = 0, dilated = 0;
};
Convolutions InputGradientOf(const Sample& sample) {
  const Tensor y = Convolved(sample, RandomTensor(sample.x, 1), RandomTensor(sample.w, 2));
  GraphBuilder b;
  const Value x = b.Input("x", F64(sample.x)), w = b.Input("w", F64(sample.w));
  const Cotangent arriving{b.Add(sample.op(), {x, w}, sample.attributes), b.Input("g", y.type())};
  const auto gradients = ReverseWalk(b, {&arriving, 1}, {&x, 1});
  DESCENT_CHECK(gradients.has_value(), "a convolution has gradients");
  b.Output("dx", (*gradients)[0]);
  Convolutions found;
  const Graph graph = std::move(b).Build();
  for (const Node& node : graph.nodes()) {
    if (node.op->name != sample.op() || node.label.section != Section::kBackward) continue;
    ++found.all;
    found.dilated += std::ranges::max(node.attributes.Ints("input_dilation")) > 1;
  }
  return found;
}

TEST(PhasedInputGradient, MultipliesNoZerosBetweenElements) {
  const Convolutions of_3 = InputGradientOf(Strided(3, 2)), of_4 = InputGradientOf(Strided(4, 3));
  EXPECT_EQ(of_3.all, 4);
  EXPECT_EQ(of_4.all, 9);
  EXPECT_EQ(of_3.dilated + of_4.dilated, 0);
}

TEST(PhasedInputGradient, PhasesThatNoWindowCoversAreZeros) {
  EXPECT_EQ(InputGradientOf(Strided(1, 2)).all, 1);
  EXPECT_EQ(InputGradientOf(Strided(2, 4)).all, 4);
  ExpectDerivatives(Strided(1, 2));
  ExpectDerivatives(Strided(2, 4));
}

TEST(PhasedInputGradient, ManyPhasesAndDilatedWindowsAreOneConvolution) {
  const Convolutions many = InputGradientOf(Strided(5, 5)),
                     wide = InputGradientOf(Strided(3, 2, 2));
  EXPECT_EQ(many.all, 1);
  EXPECT_EQ(many.dilated, 1);
  EXPECT_EQ(wide.all, 1);
  EXPECT_EQ(wide.dilated, 1);
  ExpectDerivatives(Strided(5, 5));
  ExpectDerivatives(Strided(3, 2, 2));
}

}  // namespace
}  // namespace descent

#include "compiler/kernel/fuse.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "compiler/kernel/program_print.h"
#include "tests/compiler/kernel/lowering_harness.h"

namespace descent {
namespace {

constexpr const char* kClassifier = R"(model mlp {
  batch 128
  input image: f32[batch, 784] from features
  input label: u8[batch] from label
  parameter W1: f32[784, 512] = he_uniform
  parameter b1: f32[512] = zeros
  parameter W2: f32[512, 512] = he_uniform
  parameter b2: f32[512] = zeros
  parameter W3: f32[512, 10] = glorot_uniform
  parameter b3: f32[10] = zeros
  m1 = matmul(image, W1)
  z1 = add(m1, b1)
  h1 = relu(z1)
  m2 = matmul(h1, W2)
  z2 = add(m2, b2)
  h2 = relu(z2)
  m3 = matmul(h2, W3)
  logits = add(m3, b3)
  loss = cross_entropy(logits, label)
  train loss with adam(learning_rate=0.001)
})";

/// The kernel that computes the graph value `node`.
const Kernel& KernelOf(const KernelProgram& program, const std::string& node) {
  for (const Kernel& kernel : program.kernels)
    for (const std::string& covered : Summarize(kernel).nodes)
      if (covered == node) return kernel;
  ADD_FAILURE() << "no kernel computes " << node;
  return program.kernels[0];
}

bool Covers(const Kernel& kernel, const std::string& node) {
  const auto nodes = Summarize(kernel).nodes;
  return std::find(nodes.begin(), nodes.end(), node) != nodes.end();
}

class Classifier : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    model_ = new Model(OptimizedModel(kClassifier, "train_step"));
    fused_ = new Lowered(LowerModel(*model_, true));
  }
  static void TearDownTestSuite() {
    delete fused_;
    delete model_;
  }
  static Model* model_;
  static Lowered* fused_;
};
Model* Classifier::model_ = nullptr;
Lowered* Classifier::fused_ = nullptr;

TEST_F(Classifier, AdamStepIsAtMostSixteenCalls) {
  EXPECT_LE(fused_->call_count, 16);
  EXPECT_GT(LowerModel(*model_, false).call_count, 80);
}

TEST_F(Classifier, BiasAndReluStandInTheMatmulsKernel) {
  for (const char* layer : {"1", "2"}) {
    const Kernel& kernel = KernelOf(fused_->program, std::string("m") + layer);
    EXPECT_TRUE(kernel.is<ContractionForm>());
    EXPECT_TRUE(Covers(kernel, std::string("z") + layer));
    EXPECT_TRUE(Covers(kernel, std::string("h") + layer));
    const auto written = std::count_if(kernel.parameters.begin(), kernel.parameters.end(),
                                       [](const auto& parameter) { return parameter.written; });
    EXPECT_EQ(written, 1) << "only the activation is stored";
  }
}

TEST_F(Classifier, AdamStandsInTheWeightGradientsKernel) {
  for (const char* weight : {"W1", "W2", "W3"}) {
    const Kernel& kernel = KernelOf(fused_->program, std::string("grad.") + weight);
    EXPECT_TRUE(kernel.is<ContractionForm>());
    for (const char* slot : {"", ".m", ".v"})
      EXPECT_TRUE(Covers(kernel, std::string("next.") + weight + slot));
    // m, v and the weight are updated in place, the gradient is not stored.
    const auto written = std::count_if(kernel.parameters.begin(), kernel.parameters.end(),
                                       [](const auto& parameter) { return parameter.written; });
    EXPECT_EQ(written, 3);
    EXPECT_GE(kernel.may_alias.size(), 3U);
  }
}

TEST_F(Classifier, NoValueIsComputedInTwoCalls) {
  std::vector<std::string> written;
  for (const CallSummary& call : SummarizeCalls(fused_->program.entries[0], fused_->program))
    written.insert(written.end(), call.writes.begin(), call.writes.end());
  std::sort(written.begin(), written.end());
  EXPECT_TRUE(std::adjacent_find(written.begin(), written.end()) == written.end());
}

TEST_F(Classifier, EveryGraphValueIsCoveredByAKernel) {
  const std::string text = PrintKernels(fused_->program.entries[0], fused_->program);
  for (const char* node : {"m1", "z1", "h1", "m2", "z2", "h2", "m3", "logits", "loss", "grad.W1"})
    EXPECT_NE(text.find(node), std::string::npos) << node;
}

int Calls(const std::string& text) {
  return LowerModel(OptimizedModel(text, "run"), true).call_count;
}

TEST(Fuse, EqualLayersShareTheirKernel) {
  const Lowered lowered = LowerModel(OptimizedModel(R"(model f {
    input x: f32[8, 16]
    input a: f32[16, 16]
    input b: f32[16, 16]
    input c: f32[16, 16]
    h = matmul(x, a)
    i = tanh(h)
    j = matmul(i, b)
    k = tanh(j)
    l = matmul(k, c)
    y = tanh(l)
    output y
  })",
                                                    "run"),
                                     true);
  EXPECT_EQ(lowered.call_count, 3);
  EXPECT_EQ(lowered.program.kernels.size(), 1U);
}

TEST(Fuse, ExpensiveValuesWithDistantUsesAreStored) {
  const Lowered lowered = LowerModel(OptimizedModel(R"(model f {
    input x: f32[64, 64]
    input w: f32[64, 64]
    e = exp(x)
    m = matmul(e, w)
    y = add(m, e)
    output y
  })",
                                                    "run"),
                                     true);
  EXPECT_EQ(lowered.call_count, 2);
}

TEST(Fuse, CheapMaskIsComputedAgainWhereItIsUsed) {
  EXPECT_EQ(Calls(R"(model f {
    input x: f32[32, 48]
    input v: f32[48, 48]
    input w: f32[32, 48]
    h = matmul(x, v)
    a = relu(h)
    p = greater(a, 0)
    g = matmul(a, v)
    z = mul(g, w)
    o = where(p, z, 0)
    output a
    output o
  })"),
            2);
}

TEST(Fuse, TwoReductionsOfOneTensorAreOneLoop) {
  const Lowered lowered = LowerModel(OptimizedModel(R"(model f {
    input x: f32[16, 64]
    s = square(x)
    a = sum(x, axes=[1])
    b = sum(s, axes=[1])
    c = sub(b, a)
    d = exp(c)
    output d
  })",
                                                    "run"),
                                     true);
  EXPECT_EQ(lowered.call_count, 1);
  EXPECT_LE(lowered.program.kernels[0].stages.size(), 2U);
}

TEST(Fuse, NoCycleThroughAThirdKernel) {
  // y needs both x and the product that needs x: exp and add may not be one kernel.
  EXPECT_EQ(Calls(R"(model f {
    input x: f32[16, 16]
    input w: f32[16, 16]
    e = exp(x)
    m = matmul(e, w)
    t = tanh(m)
    n = matmul(t, w)
    y = add(n, e)
    z = mul(y, t)
    output z
  })"),
            3);
}

TEST(Fuse, LongReductionIsCutIntoChunks) {
  const Lowered lowered = LowerModel(OptimizedModel(R"(model f {
    input x: f32[1024, 1027]
    s = square(x)
    n = sum(s)
    y = sqrt(n)
    output y
  })",
                                                    "run"),
                                     true);
  ASSERT_EQ(lowered.call_count, 2);
  EXPECT_GT(lowered.program.kernels[0].schedule.tiles, 4);
}

TEST(Fuse, TallWeightGradientIsCutIntoChunks) {
  const Lowered lowered = LowerModel(OptimizedModel(R"(model f {
    input x: f32[32768, 27]
    input g: f32[32768, 64]
    w = matmul(x, g, transpose_a=true)
    output w
  })",
                                                    "run"),
                                     true);
  ASSERT_EQ(lowered.call_count, 2);
  const Kernel& kernel = lowered.program.kernels[0];
  EXPECT_TRUE(kernel.is<ContractionForm>());
  EXPECT_EQ(kernel.as<ContractionForm>().batch.size(), 1U);
  EXPECT_GE(kernel.schedule.tiles, 8);
}

}  // namespace
}  // namespace descent

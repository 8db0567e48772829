// Models that are wrong on purpose, in the text form: refused in little memory and time by every
// command that reads them. The protobuf forms are in hostile_proto_test.cpp, names and paths in
// hostile_names_test.cpp.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "tests/cli/limited.h"

namespace descent::test {
namespace {

struct Hostile {
  std::string name;
  std::string text;  ///< the file
  std::string place;
  std::string rule;
};

std::ostream& operator<<(std::ostream& stream, const Hostile& model) {
  return stream << model.name;
}

constexpr const char* kImage = "  input x: f32[1, 2, 8, 8]\n  input w: f32[2, 2, 3, 3]\n";
constexpr const char* kMatrix = "  input x: f32[4, 6]\n";
constexpr const char* kLowest = "-9223372036854775808";
constexpr const char* kHighest = "9223372036854775807";

/// y = CALL over an input x: f32[4, 6]; the call is at 4:7.
Hostile OfMatrix(std::string name, const std::string& call, std::string rule) {
  return {std::move(name), ModelText(kMatrix + ("  y = " + call + "\n  output y\n")),
          "m.descent:4:", std::move(rule)};
}

/// y = CALL over an image x and filters w.
Hostile OfImage(std::string name, const std::string& call, std::string rule) {
  return {std::move(name), ModelText(kImage + ("  y = " + call + "\n  output y\n")),
          "m.descent:5:", std::move(rule)};
}

std::string Repeated(const std::string& text, int times) {
  std::string all;
  for (int i = 0; i < times; ++i) all += text;
  return all;
}

std::string Training(const std::string& batch, const std::string& rows) {
  return ModelText(batch + "  input x: f32[" + rows + ", 2]\n  input t: f32[" + rows +
                   ", 1] from label\n  parameter w: f32[2, 1] = zeros\n  p = matmul(x, w)\n"
                   "  loss = mse(p, t)\n  predict p\n  train loss with sgd(learning_rate=1)\n");
}

class HostileModels : public testing::TestWithParam<Hostile> {};

TEST_P(HostileModels, AreRefusedByEveryCommand) {
  const Shell shell;
  shell.Write("m.descent", GetParam().text);
  for (const char* command :
       {"check m.descent", "compile m.descent --emit obj -o made.o", "inspect m.descent",
        "opt m.descent -o made.descent", "convert m.descent -o made.pb"})
    EXPECT_EQ(WhyNotRefused(shell, std::string("descent ") + command,
                            {GetParam().place, GetParam().rule}),
              "");
}

std::string NameOf(const testing::TestParamInfo<Hostile>& info) { return info.param.name; }

INSTANTIATE_TEST_SUITE_P(
    Shapes, HostileModels,
    testing::Values(
        Hostile{"ProductWraps",
                ModelText("  input x: f32[4294967296, 4294967296]\n  y = neg(x)\n  output y\n"),
                "m.descent:3:12", "a tensor has at most 1099511627776 elements"},
        Hostile{"ProductWrapsBehindAZero",
                ModelText("  input x: f32[1099511627776, 0, 1099511627776]\n  output x\n"),
                "m.descent:3:12", "a tensor has at most 1099511627776 elements"},
        Hostile{"ProductOfABroadcastIsTooLarge",
                ModelText("  input a: f32[1048576, 1, 1]\n  input b: f32[1048576, 1]\n  input c: "
                          "f32[1048576]\n  d = add(a, b)\n  y = add(d, c)\n  output y\n"),
                "m.descent:7:7", "'y' (add): the result [1048576, 1048576, 1048576]"},
        OfMatrix("ProductOfExpandWraps", "expand(x, shape=[4611686018427387904, 4, 6])",
                 "'y' (expand): the result [4611686018427387904, 4, 6]"),
        OfMatrix("ProductOfReshapeWraps", "reshape(x, shape=[4294967296, 4294967296])",
                 "has 24 elements, which do not fit shape"),
        OfMatrix("TileOverflows", std::string("tile(x, repeats=[") + kHighest + ", 2])",
                 "repeats must be between 0 and 2^40"),
        OfMatrix("PadOverflows",
                 std::string("pad(x, low=[") + kHighest + ", 0], high=[" + kHighest + ", 0])",
                 "low is too large"),
        Hostile{"OneHotExplodes",
                ModelText("  input i: i64[1000000]\n  y = one_hot(i, depth=1099511627776)\n"
                          "  output y\n"),
                "m.descent:4:7", "would have more than 2^40 elements"},
        Hostile{"NegativeDimension", ModelText("  input x: f32[-1]\n  output x\n"),
                "m.descent:3:16", "an extent is from 0 to 1099511627776"},
        Hostile{"LowestDimension",
                ModelText(std::string("  input x: f32[") + kLowest + "]\n  output x\n"),
                "m.descent:3:16", "an extent is from 0 to 1099511627776"},
        Hostile{"DimensionBeyondIntegers",
                ModelText("  input x: f32[99999999999999999999]\n  output x\n"), "m.descent:3:16",
                "is out of range"},
        Hostile{"RankTooHigh",
                ModelText("  input x: f32[" + Repeated("1, ", 16) + "1]\n  output x\n"),
                "m.descent:3:12", "at most 16"},
        OfMatrix("NegativeExtents", "reshape(x, shape=[-4, -6])", "do not fit shape [-4, -6]"),
        OfMatrix("TwoOpenExtents", "reshape(x, shape=[-1, -1])", "does not fit shape [-1, -1]"),
        Hostile{"NegativeIota",
                ModelText("  y = iota(shape=[-1], axis=0, dtype=f32)\n  output y\n"),
                "m.descent:3:7", "would have a negative extent: [-1]"},
        Hostile{"BatchOfZero", Training("  batch 0\n", "batch"), "m.descent:3:9",
                "a batch size is from 1 to 1099511627776"},
        Hostile{"NegativeBatch", Training("  batch -5\n", "batch"), "m.descent:3:9",
                "a batch size is from 1 to 1099511627776"},
        Hostile{"BatchTooLarge", Training("  batch 1099511627776\n", "batch"), "m.descent:4:12",
                "is too large"},
        Hostile{"WrongPayload", ModelText("  y: f32[3] = [1, 2]\n  output y\n"), "m.descent:3:20",
                "2 elements at axis 0 of a tensor of f32[3], not 3"},
        Hostile{"TooMuchPayload", ModelText("  y: f32[2] = [1, 2, 3]\n  output y\n"),
                "m.descent:3:22", "more than 2 elements at axis 0"},
        Hostile{"ConstantExplodes",
                ModelText("  c: f32[1099511627776] = 1.0\n  y = sum(c)\n  output y\n"),
                "m.descent:3:27", "constants given as one number may have 268435456 bytes"}),
    NameOf);

INSTANTIATE_TEST_SUITE_P(
    Attributes, HostileModels,
    testing::Values(
        OfImage("StrideOfZero", "conv2d(x, w, stride=[0, 1])",
                "'y' (conv2d): stride must be between 1 and 1048576, not 0"),
        OfImage("NegativeStride", "conv2d(x, w, stride=[-1, 1])", "not -1"),
        OfImage("TransposedStrideOfZero", "conv_transpose2d(x, w, stride=[0, 1])",
                "stride must be between 1 and 1048576, not 0"),
        OfImage("DilationOfZero", "conv2d(x, w, dilation=[0, 1])",
                "dilation must be between 1 and 1048576, not 0"),
        OfImage("LowestDilation", std::string("conv2d(x, w, dilation=[1, ") + kLowest + "])",
                "dilation must be between 1 and 1048576"),
        OfImage("GroupsOfZero", "conv2d(x, w, groups=0)",
                "groups = 0 does not divide 2 channels and 2 filters"),
        OfImage("NegativeGroups", "conv2d(x, w, groups=-1)", "groups = -1 does not divide"),
        OfImage("LowestGroups", std::string("conv2d(x, w, groups=") + kLowest + ")",
                "does not divide"),
        OfImage("PaddingOverflows",
                std::string("conv2d(x, w, padding=[") + kHighest + ", " + kHighest + ", 0, 1])",
                "padding is too large"),
        OfImage("LowestPadding", std::string("conv2d(x, w, padding=[") + kLowest + ", 0, 0, 0])",
                "padding is too large"),
        OfImage("KernelOfZero", "max_pool2d(x, kernel=[0, 2])",
                "kernel must be between 1 and 1048576, not 0"),
        OfImage("PoolStrideOfZero", "max_pool2d(x, kernel=[2, 2], stride=[0, 1])",
                "stride must be between 1 and 1048576, not 0"),
        OfImage("NegativePoolStride", "avg_pool2d(x, kernel=[2, 2], stride=[-1, 1])",
                "stride must be between 1 and 1048576, not -1"),
        OfImage("PoolDilationOfZero", "max_pool2d(x, kernel=[2, 2], dilation=[0, 1])",
                "dilation must be between 1 and 1048576, not 0"),
        OfImage("FactorOfZero", "pixel_shuffle(x, factor=0)",
                "factor must be between 1 and 1048576, not 0"),
        OfImage("StridesLongerThanTheRank", "conv2d(x, w, stride=[1, 1, 1])",
                "stride needs 2 numbers, not 3"),
        OfMatrix("NormGroupsOfZero", "group_norm(x, groups=0)", "groups = 0 does not divide"),
        OfMatrix("AxisOutOfRange", "sum(x, axes=[7])", "axis 7 is out of range for rank 2"),
        OfMatrix("NegativeAxisOutOfRange", "softmax(x, axis=-3)",
                 "axis -3 is out of range for rank 2"),
        OfMatrix("LowestAxis", std::string("sum(x, axes=[") + kLowest + "])",
                 "axis -9223372036854775808 is out of range for rank 2"),
        OfMatrix("HighestAxis", std::string("concat(x, x, axis=") + kHighest + ")",
                 "axis 9223372036854775807 is out of range for rank 2"),
        OfMatrix("AxesLongerThanTheRank", "sum(x, axes=[0, 1, 0])", "axis 0 is given twice"),
        OfMatrix("FlipLongerThanTheRank", "flip(x, axes=[0, 1, 2])",
                 "axis 2 is out of range for rank 2"),
        OfMatrix("PermutationLongerThanTheRank", "transpose(x, permutation=[0, 1, 2])",
                 "does not name each axis of [4, 6] once"),
        OfMatrix("LowestPermutation", std::string("transpose(x, permutation=[") + kLowest + ", 0])",
                 "does not name each axis of [4, 6] once"),
        OfMatrix("StartsLongerThanTheRank", "slice(x, starts=[0, 0, 0], stops=[1, 1, 1])",
                 "needs one number per axis of [4, 6]"),
        OfMatrix("LowestStart", std::string("slice(x, starts=[") + kLowest + ", 0], stops=[4, 6])",
                 "leaves the axis or runs against its step 1"),
        OfMatrix("StepOfZero", "slice(x, starts=[0, 0], stops=[4, 6], steps=[0, 1])",
                 "steps must be between -2^40 and 2^40 and not 0"),
        OfMatrix("LowestStep",
                 std::string("slice(x, starts=[0, 0], stops=[4, 6], steps=[") + kLowest + ", 1])",
                 "steps must be between -2^40 and 2^40 and not 0"),
        OfMatrix("SizesOverflow", std::string("split(x, sizes=[") + kHighest + ", 3])",
                 "do not add up to extent 4 of axis 0"),
        OfMatrix("NegativeDepth", "eye(rows=-1, dtype=f32)",
                 "rows and columns must not be negative"),
        OfMatrix("NumberBeyondIntegers", "softmax(x, axis=99999999999999999999)",
                 "is out of range")),
    NameOf);

INSTANTIATE_TEST_SUITE_P(
    Structure, HostileModels,
    testing::Values(
        Hostile{"Cycle",
                ModelText("  input x: f32[4]\n  a = add(b, x)\n  b = add(a, x)\n  output b\n"),
                "m.descent:4:11", "'b' is used before it is defined"},
        Hostile{"OwnOperand", ModelText("  y = neg(y)\n  output y\n"), "m.descent:3:11",
                "'y' is used before it is defined"},
        OfMatrix("UnknownOperator", "frobnicate(x)", "unknown operator 'frobnicate'"),
        OfMatrix("UnknownAttribute", "sum(x, axises=[0])", "sum has no attribute 'axises'"),
        OfMatrix("AttributeTwice", "sum(x, axes=[0], axes=[1])", "attribute 'axes' is given twice"),
        Hostile{"UnknownType", ModelText("  input x: f33[2]\n  output x\n"), "m.descent:3:12",
                "unknown element type 'f33'"},
        Hostile{"ValueTwice",
                ModelText("  input x: f32[2]\n  y = neg(x)\n  y = abs(x)\n  output y\n"),
                "m.descent:5:3", "'y' is defined twice"},
        Hostile{"InputTwice", ModelText("  input x: f32[2]\n  input x: f32[2]\n  output x\n"),
                "m.descent:4:9", "'x' is defined twice"},
        Hostile{"OutputTwice", ModelText("  input x: f32[2]\n  output x\n  output x\n"),
                "m.descent", "x"},
        OfMatrix("DeepCalls", Repeated("neg(", 100000) + "x" + Repeated(")", 100000),
                 "calls are not nested"),
        Hostile{"DeepLists",
                ModelText("  y: f32[2] = " + Repeated("[", 100000) + "1\n  output y\n"),
                "m.descent:3:16", "expected a number, not '['"},
        OfMatrix("DeepAttributes", "sum(x, axes=" + Repeated("[", 100000) + ")", "'['"),
        Hostile{"DeepShapes", ModelText("  input x: f32" + Repeated("[", 100000) + "\n"),
                "m.descent:3:16", "'['"},
        Hostile{"DeepModels", "descent 1\n" + Repeated("model m {\n", 100000), "m.descent:3:1",
                "unknown statement 'model'"},
        Hostile{"DeepBodies",
                ModelText("  input s: f32[3]\n" +
                          Repeated("  r = scan(s, trip_count=2, carried=1) body(s: f32[3]) {\n",
                                   100000)),
                "m.descent:20:", "bodies are nested more than 16 deep"}),
    NameOf);

// ---- what is valid and could explode ------------------------------------------------------------

TEST(HostileModels, TooManyNodesAreRefused) {
  const Shell shell;
  std::string text = "  input x: f32[2]\n";
  for (int i = 0; i < (1 << 20) + 1; ++i) text += "%" + std::to_string(i + 1) + " = neg(x)\n";
  shell.Write("m.descent", ModelText(text));
  EXPECT_EQ(WhyNotRefused(shell, "descent check m.descent",
                          {"m.descent:1048580:1", "a model has at most 1048576 nodes"}),
            "");
}

/// A product of constants that is small, but takes 2^32 multiplications: left to the program.
TEST(HostileModels, FoldingTakesLittleTime) {
  const Shell shell;
  shell.Write("m.descent", ModelText("  input x: f32[16]\n  a: f32[16, 1048576] = 1.5\n"
                                     "  b: f32[1048576, 16] = 1.5\n  c = matmul(a, b)\n"
                                     "  d = matmul(b, a)\n  e = matmul(c, a)\n  f = matmul(e, b)\n"
                                     "  s = sum(f, axes=[0])\n  y = mul(x, s)\n  output y\n"));
  const auto start = std::chrono::steady_clock::now();
  EXPECT_EQ(RunLimited(shell, "descent compile -q --emit obj -o made.o m.descent").status, 0);
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(30));
}

/// Constants are not folded into more than they were: 400 GB, 40 GB and a product of doublings.
TEST(HostileModels, FoldingDoesNotExplode) {
  const Shell shell;
  shell.Write("iota.descent",
              ModelText("  c = iota(shape=[1000000, 100000], axis=0, dtype=f32)\n  y = sum(c)\n"
                        "  output y\n"));
  shell.Write("outer.descent",
              ModelText("  c = iota(shape=[100000], axis=0, dtype=f32)\n"
                        "  d = reshape(c, shape=[100000, 1])\n  e = add(c, d)\n  y = sum(e)\n"
                        "  output y\n"));
  std::string doubled = "  c0: f32[64] = 0.5\n";
  for (int i = 0; i < 30; ++i) {
    const std::string last = "c" + std::to_string(i);
    doubled += "  c" + std::to_string(i + 1) + " = concat(" + last + ", " + last + ", axis=0)\n";
  }
  shell.Write("doubled.descent", ModelText(doubled + "  y = sum(c30)\n  output y\n"));
  for (const std::string name : {"iota", "outer", "doubled"})
    for (const std::string command : {"check", "inspect", "compile --emit obj -o made.o"}) {
      const Outcome outcome =
          RunLimited(shell, "descent " + command + " " + name + ".descent >/dev/null");
      EXPECT_EQ(outcome.status, 0) << command << name << outcome.err;
      if (shell.Exists("made.o")) {
        EXPECT_LT(shell.Read("made.o").size(), 1u << 20) << name;
      }
    }
}

// An instrumented allocator is not limited and says so itself.
#if !defined(DESCENT_SANITIZE_ADDRESS) && !defined(DESCENT_SANITIZE_THREAD)

TEST(HostileModels, WhatDoesNotFitMemoryIsRefused) {
  const Shell shell;
  shell.Write("m.descent",
              ModelText("  y = iota(shape=[1000000, 100000], axis=0, dtype=f32)\n  output y\n"));
  for (const char* line : {"descent run m.descent", "descent run --interpreter m.descent",
                           "descent diff m.descent --compiled --interpreter"})
    EXPECT_EQ(WhyNotRefused(shell, line, {"m.descent", "memory"}), "");
}

#endif

TEST(HostileModels, TheLowestIntegerDividedByMinusOneIsItself) {
  const Shell shell;
  shell.Write("m.descent",
              ModelText("  input x: i64[2]\n  a: i64[2] = [-9223372036854775808, 7]\n"
                        "  b: i64[2] = [-1, 0]\n  folded = div(a, b)\n  computed = div(a, x)\n"
                        "  rest = remainder(a, x)\n  part = fmod(a, x)\n  output folded\n"
                        "  output computed\n  output rest\n  output part\n"));
  for (const std::string how : {"", "--interpreter "}) {
    const Outcome outcome = RunLimited(shell, "descent run " + how + "m.descent 'x=[-1, 0]'");
    EXPECT_EQ(outcome.status, 0) << outcome.err;
    EXPECT_EQ(outcome.out,
              "folded: i64[2] = [-9223372036854775808, 0]\n"
              "computed: i64[2] = [-9223372036854775808, 0]\n"
              "rest: i64[2] = [0, 0]\npart: i64[2] = [0, 0]\n");
  }
}

/// Time and memory grow as the model does: a chain of 200,000 nodes is read and compiled.
TEST(HostileModels, LongChains) {
  const Shell shell;
  std::string text = "  input x: f32[2]\n  y0 = neg(x)\n";
  for (int i = 1; i < 200000; ++i)
    text += "  y" + std::to_string(i) + " = neg(y" + std::to_string(i - 1) + ")\n";
  shell.Write("m.descent", ModelText(text + "  output y199999\n"));
  for (const char* command : {"check -q", "compile -q --emit obj -o made.o"})
    EXPECT_EQ(RunLimited(shell, std::string("descent ") + command + " m.descent").status, 0);
}

// A sanitizer takes as long for the small network as this takes for the deep one.
#if !defined(DESCENT_SANITIZE_ADDRESS) && !defined(DESCENT_SANITIZE_THREAD)

/// A network that is trained reads each value twice, forward and backward, at opposite ends of the
/// program: what looks for a way from one to the other must not take the square of the depth.
TEST(HostileModels, DeepNetworks) {
  const Shell shell;
  std::string text =
      "  batch 8\n  input x: f32[batch, 16]\n  input t: f32[batch, 16] from label\n"
      "  parameter w: f32[16, 16] = glorot_uniform\n  y0 = matmul(x, w)\n";
  constexpr int kDepth = 16000;
  const std::string_view operators[] = {"tanh", "sigmoid", "sin", "cos"};
  for (int i = 1; i <= kDepth; ++i)
    text += fmt::format("  y{} = {}(y{})\n", i, operators[i % 4], i - 1);
  text += fmt::format("  l = mse(y{0}, t)\n  predict y{0}\n  train l with sgd(learning_rate=0.1)\n",
                      kDepth);
  shell.Write("m.descent", ModelText(text));
  EXPECT_EQ(RunLimited(shell, "descent compile --emit kernels m.descent -o m.kernels").status, 0);
}

TEST(HostileModels, WideConcatenations) {
  const Shell shell;
  std::string text = "  input x: f32[1]\n  y = concat(x";
  for (int i = 1; i < 70000; ++i) text += ", x";
  shell.Write("m.descent", ModelText(text + ", axis=0)\n  output y\n"));
  EXPECT_EQ(RunLimited(shell, "descent check m.descent").status, 0);
}

#endif

}  // namespace
}  // namespace descent::test

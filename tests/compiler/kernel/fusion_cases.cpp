#include "tests/compiler/kernel/fusion_cases.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <vector>

namespace descent {
namespace {

/// y0 = op(x), y1 = op(y0), ... and then output of the last.
std::string Chain(int length, std::string_view op) {
  std::string text = fmt::format("y0 = {}(x)\n", op);
  for (int i = 1; i < length; ++i) text += fmt::format("y{} = {}(y{})\n", i, op, i - 1);
  return text + fmt::format("output y{}\n", length - 1);
}

/// The sum of scalars, s1, s2 and so on, that scales a vector.
std::string ScaledBySum(int length) {
  std::string text = "input x0: f64[]\n", sum = "x0";
  for (int i = 1; i < length; ++i) {
    text += fmt::format("input x{0}: f64[]\ns{0} = add({1}, x{0})\n", i, sum);
    sum = fmt::format("s{}", i);
  }
  return text + fmt::format("input v: f64[8]\ny = mul({}, v)\noutput y\n", sum);
}

/// Different values of one, all of them outputs.
std::string ManyResults(int count) {
  std::string text = "input x: f64[]\ne = exp(x)\noutput e\n";
  for (int i = 2; i < count + 2; ++i) text += fmt::format("r{0} = mul(e, {0})\noutput r{0}\n", i);
  return text;
}

/// A reshape that fits no other and a transpose, over and over.
std::string Layouts(int pairs) {
  constexpr int64_t kShapes[][2] = {{6, 35}, {10, 21}, {14, 15}, {30, 7}, {2, 105}, {42, 5}};
  std::string text = "input x: f64[6, 35]\nt = neg(x)\n", last = "t";
  for (int i = 0; i < pairs; ++i) {
    const auto [a, b] = kShapes[i % std::size(kShapes)];
    text += fmt::format("r{0} = reshape({1}, shape=[{2}, {3}])\n", i, last, a, b);
    text += fmt::format("t{0} = transpose(r{0}, permutation=[1, 0])\n", i);
    last = fmt::format("t{}", i);
  }
  return text + fmt::format("y = exp({})\noutput y\n", last);
}

std::string Softmaxes(int count) {
  std::string text = "input x: f64[16, 8]\n", last = "x";
  for (int i = 0; i < count; ++i) {
    text +=
        fmt::format("m{0} = max({1}, axes=[1], keepdims=true)\ny{0} = sub({1}, m{0})\n", i, last);
    text += fmt::format("s{0} = sum(y{0}, axes=[1], keepdims=true)\nz{0} = div(y{0}, s{0})\n", i);
    last = fmt::format("z{}", i);
  }
  return text + fmt::format("output {}\n", last);
}

std::vector<FusionCase> MakeCases() {
  using enum Obstacle;
  constexpr FusionWay kInline = FusionWay::kInline, kLoop = FusionWay::kOneLoop,
                      kRows = FusionWay::kSharedRows;
  const std::string matrices = "input x: f64[16, 16]\ninput w: f64[16, 16]\n";
  const std::string product = matrices + "m = matmul(x, w)\n";
  return {
      {kForm, kInline, "y0", "input x: f64[4, 6]\ny0 = exp(x)\ny = cumsum(y0, axis=1)\noutput y\n"},
      {kForm, kLoop, "c", "input x: f64[4, 6]\nc = cumsum(x, axis=1)\ny = exp(c)\noutput y\n"},
      {kForm, kRows, "c", "input x: f64[4, 6]\nc = cumsum(x, axis=1)\ny = exp(c)\noutput y\n"},
      {kControl, kLoop, "last",
       "input x: f64[4, 6]\ninput h: f64[6]\n"
       "last, _ = scan(h, x, carried=1, sliced=1) body(h: f64[6], x: f64[6]) {\n"
       " n = add(h, x)\n return n\n}\ny = exp(last)\noutput y\n"},
      {kPath, kLoop, "e",
       matrices + "e = exp(x)\noutput e\nm = matmul(e, w)\nt = max(m)\ny = sub(e, t)\noutput y\n"},
      {kOperations, kLoop, "y24", "input x: f64[]\n" + Chain(60, "sin")},
      {kOperations, kInline, "y24", "input x: f64[]\n" + Chain(60, "sin")},
      {kAllAxes, kRows, "y24",
       "input x: f64[2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2]\n" + Chain(60, "sin")},
      {kMadeLater, kInline, "n.partial",
       "input x: f32[1024, 1027]\ns = square(x)\nn = sum(s)\ny = sqrt(n)\noutput y\n"},
      {kReduction, kInline, "m", product + "y = matmul(m, w)\noutput y\n"},
      {kReaderReduces, kLoop, "m", product + "y = matmul(m, w)\noutput y\n"},
      {kContraction, kRows, "m", product + "y = matmul(m, w)\noutput y\n"},
      {kAsserts, kInline, "a", matrices + "a = assert_finite(x)\ny = matmul(a, w)\noutput y\n"},
      {kDelivered, kInline, "e", matrices + "e = exp(x)\noutput e\ny = matmul(e, w)\noutput y\n"},
      {kReadAtData, kInline, "e",
       "input x: f64[8, 4]\ninput i: i64[5]\ne = exp(x)\ny = gather(e, i)\noutput y\n"},
      {kIndexComputed, kInline, "j",
       "input x: f64[8, 4]\ninput i: i64[]\nj = add(i, 1)\ny = gather(x, j)\noutput y\n"},
      {kUsedAsIndex, kLoop, "j",
       "input x: f64[8]\ninput i: i64[]\nj = add(i, 1)\noutput j\ny = gather(x, j)\noutput y\n"},
      {kReads, kInline, "s23", ScaledBySum(24)},
      {kIndexNodes, kInline, "t4", Layouts(10)},
      {kKeptNarrow, kInline, "r",
       "input x: f32[8, 4]\ne = exp(x)\nr = cast(e, to=bf16)\nw = cast(r, to=f32)\n"
       "t = transpose(w, permutation=[1, 0])\ny = matmul(t, w)\noutput y\n"},
      {kIndexDivisions, kInline, "b",
       "input x: f64[7, 45]\ninput y: f64[100, 315]\nr = reshape(x, shape=[9, 35])\n"
       "t = transpose(r, permutation=[1, 0])\nb = reshape(t, shape=[315])\nz = add(y, b)\n"
       "output z\n"},
      {kContractionLost, kInline, "g",
       matrices + "input i: i64[16]\ng = gather(x, i)\ny = matmul(g, w)\noutput y\n"},
      {kGatheredAgain, kInline, "g",
       "input x: f64[8, 4]\ninput i: i64[5]\ng = gather(x, i)\ny = exp(g)\nz = sum(g)\n"
       "output y\noutput z\n"},
      {kPackedOperations, kInline, "e", matrices + "e = tanh(x)\ny = matmul(e, w)\noutput y\n"},
      {kPackedReaders, kInline, "r",
       matrices + "input v: f64[16, 8]\ninput u: f64[16, 4]\nr = relu(x)\ny = matmul(r, w)\n"
                  "z = matmul(r, v)\na = matmul(r, u)\noutput y\noutput z\noutput a\n"},
      {kEndsEpilogue, kInline, "r", product + "r = relu(m)\ny = matmul(r, w)\noutput y\n"},
      {kRepeatedOperations, kInline, "e",
       "input x: f64[16, 16]\ne = tanh(x)\ny = sum(e, axes=[0])\nz = sum(e, axes=[1])\n"
       "output y\noutput z\n"},
      {kEvaluations, kInline, "r",
       "input x: f64[64]\ninput v: f64[100, 64]\nr = square(x)\ny = mul(r, v)\noutput y\n"},
      {kPointCount, kLoop, "r",
       "input x: f64[64]\ninput v: f64[100, 64]\nr = square(x)\ny = mul(r, v)\noutput y\n"},
      {kNoRows, kRows, "r",
       "input x: f64[64]\ninput v: f64[100, 64]\nr = square(x)\ny = mul(r, v)\noutput y\n"},
      {kSeveralStages, kLoop, "s", matrices + "s = softmax(x)\ny = matmul(s, w)\noutput y\n"},
      {kOtherPoints, kLoop, "e",
       "input x: f64[8, 8]\ne = tanh(x)\noutput e\nt = transpose(e, permutation=[1, 0])\n"
       "y = mul(e, t)\noutput y\n"},
      {kReshapedReads, kLoop, "e",
       "input x: f64[6, 35]\ninput v: f64[21, 10]\ne = exp(x)\noutput e\n"
       "r = reshape(e, shape=[10, 21])\nt = transpose(v, permutation=[1, 0])\ny = add(r, t)\n"
       "output y\n"},
      {kResults, kLoop, "e", ManyResults(14)},
      {kStages, kRows, "z3", Softmaxes(9)},
      {kStrides, kRows, "s",
       "input x: f64[16, 32]\ns = sum(x, axes=[0])\nt = transpose(x, permutation=[1, 0])\n"
       "r = reshape(s, shape=[32, 1])\ny = sub(t, r)\noutput y\n"},
      {kRowBytes, kRows, "s",
       "input x: f64[1024, 10000]\nm = max(x, axes=[1], keepdims=true)\ns = sub(x, m)\noutput s\n"
       "y = sum(s, axes=[1])\noutput y\n"},
      {kFewRows, kRows, "y19",
       "input x: f32[4, 2000]\n" + Chain(20, "sin") +
           "s = sum(y19, axes=[1], keepdims=true)\nz = sub(y19, s)\noutput z\n"},
  };
}

}  // namespace

std::span<const FusionCase> FusionCases() {
  static const std::vector<FusionCase> kCases = MakeCases();
  return kCases;
}

std::string RunText(const std::string& text) { return "model m {\n" + text + "}\n"; }

}  // namespace descent

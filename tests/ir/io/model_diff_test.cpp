#include "ir/io/model_diff.h"

#include <gtest/gtest.h>

#include "ir/io/model_file.h"
#include "tests/ir/io/samples.h"

namespace descent {
namespace {

using Lines = std::vector<std::string>;

const std::string kBase =
    "batch 4\ninput x: f32[batch, 2]\nparameter w: f32[2, 3] = zeros\n"
    "z = matmul(x, w)\na = sigmoid(z)\nb = leaky_relu(a, slope=0.1)\noutput b\n";

/// `kBase` with one piece of its text replaced.
Lines DiffOf(const std::string& from, const std::string& to) {
  std::string text = kBase;
  const size_t place = text.find(from);
  EXPECT_NE(place, std::string::npos);
  text.replace(place, from.size(), to);
  return DiffModels(ModelFrom(kBase), ModelFrom(text));
}

TEST(DiffModels, IsEmptyForEqualModels) {
  for (const auto& path : FilesOf("models", ".descent"))
    EXPECT_EQ(DiffModels(*ReadModel(path.string()), *ReadModel(path.string())), Lines()) << path;
  EXPECT_EQ(DiffOf("batch 4\n", "# a comment\nbatch 4\n"), Lines());
}

TEST(DiffModels, MatchesNodesByStructure) {
  // Another name and an unrelated node before it move every number.
  EXPECT_EQ(DiffOf("z = matmul(x, w)\na = sigmoid(z)\n",
                   "q = neg(x)\noutput q\nh = matmul(x, w)\na = sigmoid(h)\n"),
            Lines({"output 'q' is only in the second"}));
}

TEST(DiffModels, NamesTheNodeThatChanged) {
  EXPECT_EQ(DiffOf("sigmoid", "tanh"), Lines({"value 'a': operator sigmoid -> tanh"}));
  EXPECT_EQ(DiffOf("slope=0.1", "slope=0.2"), Lines({"value 'b': slope 0.1 -> 0.2"}));
  EXPECT_EQ(DiffOf("sigmoid(z)", "sigmoid(w)"), Lines({"value 'a', operand 0: 'z' -> 'w'"}));
  EXPECT_EQ(DiffOf("output b", "output c = b"),
            Lines({"output 'b' is only in the first", "output 'c' is only in the second"}));
}

TEST(DiffModels, ComparesDeclarations) {
  EXPECT_EQ(DiffOf("= zeros", "= ones"),
            Lines({"parameter 'w': parameter w: f32[2, 3] = zeros -> parameter w: f32[2, 3] = "
                   "ones"}));
  EXPECT_EQ(DiffOf("parameter w", "parameter v: f32[] = ones\nparameter w"),
            Lines({"parameter 'v' is only in the second"}));
  EXPECT_EQ(DiffOf("batch 4", "batch 8"), Lines({"batch: 4 -> 8"}));
  EXPECT_EQ(DiffOf("x: f32[batch, 2]", "x: f32[batch, 2] from petals"),
            Lines({"input 'x': input x: f32[batch, 2] -> input x: f32[batch, 2] from petals"}));
  EXPECT_EQ(DiffModels(ModelFrom("parameter weights_of_a_long_name: f32[3, 2, 1] = [[[1], [2]], "
                                 "[[3], [4]], [[5], [6]]]\noutput weights_of_a_long_name"),
                       ModelFrom("parameter weights_of_a_long_name: f32[3, 2, 1] = [[[1], [2]], "
                                 "[[3], [4]], [[5], [7]]]\noutput weights_of_a_long_name")),
            Lines({"parameter 'weights_of_a_long_name': ...], [4.0]], [[5.0], [6.0]]] -> ...], "
                   "[4.0]], [[5.0], [7.0]]]"}));
}

TEST(DiffModels, LooksIntoBodies) {
  const std::string body =
      "input x: f32[2]\ny, _ = scan(x, carried=1, trip_count=3) body(x: f32[2]) {\n"
      "  z = tanh(x)\n  return z\n}\noutput y";
  std::string other = body;
  other.replace(other.find("tanh"), 4, "relu");
  EXPECT_EQ(DiffModels(ModelFrom(body), ModelFrom(other)),
            Lines({"value 'y', body: value 'z': operator tanh -> relu"}));
}

TEST(DiffModels, StopsAtAHundred) {
  std::string first = "input x: f32[2]\n", second = first;
  for (int i = 0; i < 200; ++i) {
    first += fmt::format("y{} = mul(x, {})\noutput y{}\n", i, i + 1, i);
    second += fmt::format("y{} = mul(x, {})\noutput y{}\n", i, -i, i);
  }
  const Lines lines = DiffModels(ModelFrom(first), ModelFrom(second));
  ASSERT_EQ(lines.size(), 101u);
  EXPECT_EQ(lines.back(), "and more");
}

}  // namespace
}  // namespace descent

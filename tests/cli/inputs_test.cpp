// Values on the command line: which input they are, and that none loses a digit.

#include <gtest/gtest.h>

#include <string>

#include "tests/cli/shell.h"

namespace descent::test {
namespace {

void ExpectPrints(const Outcome& outcome, const std::string& text) {
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_NE(outcome.out.find(text), std::string::npos) << outcome.out;
}

void ExpectRefused(const Outcome& outcome, int status, const std::string& text) {
  EXPECT_EQ(outcome.status, status) << outcome.out << outcome.err;
  EXPECT_NE(outcome.err.find(text), std::string::npos) << outcome.err;
}

constexpr const char* kDiff = "descent diff orange-blue.descent --compiled --interpreter ";

TEST(Inputs, IndicesOutOfRangeAreNamed) {
  const Shell shell;
  shell.Write("m.descent",
              "descent 1\nmodel m {\n  input ids: i64[3, 2]\n  parameter w: f32[5, 2] = ones\n"
              "  y = embedding(w, ids)\n  output y\n}\n");
  shell.Write("i.descent", "descent 1\nmodel i {\n  input x: i64[3, 2]\n  output x\n}\n");
  EXPECT_EQ(shell.Run("descent run i.descent '[[0, 1], [2, 5], [1, -1]]' -o made").status, 0);
  for (const std::string how : {"--compiled ", "--interpreter "}) {
    const Outcome literal =
        shell.Run("descent run " + how + "m.descent '[[0, 1], [2, 1], [1, -1]]'");
    EXPECT_EQ(literal.status, 1);
    EXPECT_TRUE(
        literal.err.contains("input 'ids' holds -1 at [2, 1]; it takes whole numbers from 0 to 4"))
        << literal.err;
    const Outcome file = shell.Run("descent run " + how + "m.descent made/output_0.npy");
    EXPECT_TRUE(file.err.contains("input 'ids' holds 5 at [1, 1]")) << file.err;
    EXPECT_TRUE(file.err.contains("made/output_0.npy")) << file.err;
  }
}

TEST(DiffInputs, GoToEveryEntryPointThatReadsThem) {
  const Shell shell;
  for (const char* inputs :
       {"'x=[[1, 2]]' 'y=[[1]]'", "'x=[[1, 2]]'", "'[[1, 2]]' '[[1]]'", "'y=[[1]]' '[[1, 2]]'"}) {
    const Outcome outcome = shell.Run(kDiff + std::string(inputs));
    EXPECT_EQ(outcome.status, 0) << inputs << outcome.err;
    for (const char* entry : {"initialize: ", "train_step: ", "evaluate: ", "predict: "})
      EXPECT_NE(outcome.out.find(entry), std::string::npos) << outcome.out;
  }
  EXPECT_EQ(shell.Run("descent run orange-blue.descent 'x=[[1, 2]]' -o out").status, 0);
  EXPECT_EQ(shell.Run(std::string(kDiff) + "'x=[[1, 2]]' y=out/output_0.npy").status, 0);
}

TEST(DiffInputs, OfNoEntryPointThatRunsAreRefused) {
  const Shell shell;
  ExpectRefused(shell.Run(std::string(kDiff) + "'z=[[1, 2]]'"), 2,
                "error: model 'orange_blue' has no input 'z'\n  = help: it reads x, y");
  ExpectRefused(shell.Run(std::string(kDiff) + "--entry predict 'y=[[1]]'"), 2,
                "error: entry point predict has no input 'y'");
  ExpectRefused(shell.Run(std::string(kDiff) + "'[[1, 2]]' '[[1]]' '[[1]]'"), 2,
                "reads 2 inputs, not 3");
}

/// A model that gives back its input of this type.
std::string Identity(const std::string& type) {
  return "descent 1\nmodel same {\n  input d: " + type + "\n  y = reshape(d, shape=[2])\n" +
         "  output y\n}\n";
}

TEST(Literals, AreExactForEveryType) {
  const struct {
    const char *type, *literal, *printed;
  } cases[] = {
      {"i64", "[9007199254740993, 1]", "[9007199254740993, 1]"},
      {"i64", "[9223372036854775807, -9223372036854775808]",
       "[9223372036854775807, -9223372036854775808]"},
      {"u64", "[18446744073709551615, +1]", "[18446744073709551615, 1]"},
      {"i32", "[2147483647, -2147483648]", "[2147483647, -2147483648]"},
      {"u8", "[255, 0]", "[255, 0]"},
      {"bool", "[true, false]", "[1, 0]"},
      {"bool", "[0, 1]", "[0, 1]"},
      // Halfway between two floats but for its last digit: rounding to f64 first would round down.
      {"f32", "[1.00000005960464477540, 1]", "[1.0000001, 1]"},
      {"f32", "[3.4028235e38, -inf]", "[3.4028235e+38, -inf]"},
      {"f64", "[0.1, nan]", "[0.1, nan]"},
  };
  for (const auto& [type, literal, printed] : cases) {
    const Shell shell;
    shell.Write("m.descent", Identity(std::string(type) + "[2]"));
    for (const char* how : {"", "--interpreter "})
      ExpectPrints(shell.Run(std::string("descent run m.descent ") + how + "'d=" + literal + "'"),
                   std::string("y: ") + type + "[2] = " + printed);
  }
}

TEST(Literals, WithoutAPlaceInTheTypeAreRefused) {
  const struct {
    const char *type, *literal, *message;
  } cases[] = {
      {"i64", "[9223372036854775808, 1]", "'9223372036854775808' is out of range for i64"},
      {"u64", "[18446744073709551616, 1]", "is out of range for u64"},
      {"u64", "[1, -1]", "'-1' is not an integer"},
      {"u8", "[256, 1]", "'256' is out of range for u8"},
      {"i32", "[1.5, 1]", "'1.5' is not an integer"},
      {"f32", "[1e39, 1]", "'1e39' is out of range for f32"},
      {"f64", "[1e999, 1]", "'1e999' is out of range for f64"},
      {"bool", "[2, 1]", "'2' is not true or false"},
      {"f32", "[true, 1]", "true is not a number of f32"},
      {"f32", "[one, 1]", "expected a number, not 'one'"},
  };
  for (const auto& [type, literal, message] : cases) {
    const Shell shell;
    shell.Write("m.descent", Identity(std::string(type) + "[2]"));
    const Outcome outcome = shell.Run(std::string("descent run m.descent 'd=") + literal + "'");
    ExpectRefused(outcome, 1, message);
    ExpectRefused(outcome, 1, "error: input 'd': ");
    ExpectRefused(outcome, 1, "^");
  }
}

TEST(NpyFiles, ConvertWithoutLoss) {
  const Shell shell;
  for (const char* type : {"u64", "i64", "f64", "f32"})
    shell.Write(std::string(type) + ".descent", Identity(std::string(type) + "[2]"));
  ASSERT_EQ(shell
                .Run("descent run i64.descent 'd=[9007199254740993, 7]' -o i && "
                     "descent run i64.descent 'd=[-1, 7]' -o n && "
                     "descent run f64.descent 'd=[1e39, 7]' -o f")
                .status,
            0);
  ExpectPrints(shell.Run("descent run u64.descent i/output_0.npy"), "[9007199254740993, 7]");
  ExpectRefused(shell.Run("descent run u64.descent n/output_0.npy"), 1,
                "input 'd': -1 is no value of type u64");
  ExpectRefused(shell.Run("descent run f32.descent f/output_0.npy"), 1, "is no value of type f32");
}

}  // namespace
}  // namespace descent::test

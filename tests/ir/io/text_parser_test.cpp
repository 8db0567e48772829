// Every erroneous text under tests/ir/errors gives exactly the diagnostic beside it.
//
// DESCENT_BLESS=1 in the environment rewrites the expected files.
#include "ir/io/text_parser.h"

#include <gtest/gtest.h>

#include <cstdlib>

#include "ir/io/model_file.h"
#include "tests/ir/io/samples.h"

namespace descent {
namespace {

class Errors : public testing::TestWithParam<std::filesystem::path> {};

TEST_P(Errors, GiveTheirDiagnostic) {
  const auto model = ParseModel(FileText(GetParam()), GetParam().filename().string());
  ASSERT_FALSE(model.has_value()) << "this text is good";
  const std::string actual = fmt::format("{}exit status {}\n", model.error().ToString(),
                                         static_cast<int>(model.error().status));
  auto expected = GetParam();
  expected.replace_extension(".expected");
  if (std::getenv("DESCENT_BLESS") != nullptr) {
    std::ofstream(expected) << actual;
    return;
  }
  EXPECT_EQ(actual, FileText(expected)) << "DESCENT_BLESS=1 rewrites the file";
}

INSTANTIATE_TEST_SUITE_P(Texts, Errors, testing::ValuesIn(FilesOf("errors", ".descent")),
                         [](const auto& info) { return info.param.stem().string(); });

std::string ErrorOf(const std::string& text) {
  const auto model = ParseText(text, "t.descent");
  return model ? "none" : model.error().message;
}

TEST(ParseText, RefusesWhatIsNotText) {
  EXPECT_EQ(ErrorOf(std::string("descent 1\nmodel a\0b {}", 22)), "NUL byte: this is not a text");
  EXPECT_EQ(ErrorOf("descent 1\nmodel \xff {}"), "this byte is not UTF-8");
  EXPECT_EQ(ErrorOf("descent 1\nmodel m {  # \x02\n}"), "control character '\\x02' in a comment");
  EXPECT_EQ(ErrorOf(""), "expected 'descent 1', not the end of the file");
}

TEST(ParseText, PointsAtCharactersNotBytes) {
  const auto model = ParseText("descent 1\nmodel m {\n  \"größe\": f32[] = ?\n}\n", "t");
  ASSERT_FALSE(model.has_value());
  EXPECT_EQ(model.error().location.line, 3);
  EXPECT_EQ(model.error().location.column, 20);
}

TEST(ParseText, ReadsByteOrderMarksAndCarriageReturns) {
  const auto model = ParseText(
      "\xef\xbb\xbf"
      "descent 1\r\nmodel m {\r\n  input x: f32[2]  # note\r\n  output x\r\n}\r\n",
      "t");
  ASSERT_TRUE(model.has_value()) << model.error().ToString();
  EXPECT_EQ(model->inputs[0].trailing, "note");
}

TEST(ParseText, LimitsNesting) {
  std::string text = "descent 1\nmodel m {\n  input x: f32[2]\n", close;
  for (int i = 0; i < 40; ++i) {
    text += fmt::format("y{} = scan(x, carried=1, trip_count=2) body(x: f32[2]) {{\n", i);
    close += "return x\n}\n";
  }
  EXPECT_EQ(ErrorOf(text + close + "}"), "bodies are nested more than 16 deep");
  EXPECT_EQ(ErrorOf("descent 1\nmodel m {\n  x: f32[1] = " + std::string(100000, '[')),
            "expected a number, not '['");
}

TEST(ParseText, LimitsWhatOneNumberFills) {
  std::string text = "descent 1\nmodel m {\n";
  for (int i = 0; i < 5; ++i) text += fmt::format("  c{}: f32[1024, 1024, 16] = {}\n", i, i);
  EXPECT_EQ(ErrorOf(text + "}"), "constants given as one number may have 268435456 bytes in all");
}

TEST(ParseText, EqualStatementsAreOneValue) {
  const Model model =
      ModelFrom("input x: f32[2]\na = neg(x)\nb = neg(x)\nc = add(a, b)\noutput c\noutput b");
  EXPECT_EQ(model.graph.nodes().size(), 3u);
  EXPECT_EQ(model.graph.FindOutput("b")->value, (Value{1, 0}));
}

TEST(ParseText, KeepsPlaces) {
  const Model model = ModelFrom("input x: f32[2]\n  y = neg(x)\noutput y");
  const SourceLocation& place = model.graph.nodes()[1].label.location;
  EXPECT_EQ(place.file, "test.descent");
  EXPECT_EQ(place.line, 4);
  EXPECT_EQ(place.column, 3);
}

TEST(ParseText, HyperparametersAreFloats) {
  const Model model = ModelFrom(
      "input x: f32[2]\nparameter w: f32[2] = zeros\nd = mul(x, w)\nloss = sum(d)\n"
      "train loss with sgd(learning_rate=1, nesterov=true, kind=plain) "
      "schedule step(milestones=[10, 20], factor=0.5)");
  const Update& update = model.updates[0];
  EXPECT_EQ(update.hyperparameters.Float("learning_rate"), 1.0);
  EXPECT_TRUE(update.hyperparameters.Bool("nesterov"));
  EXPECT_EQ(update.hyperparameters.String("kind"), "plain");
  EXPECT_EQ(update.schedule_parameters.Floats("milestones"), (std::vector<double>{10, 20}));
}

}  // namespace
}  // namespace descent

#include "ir/io/text_printer.h"

#include <gtest/gtest.h>

#include "ir/io/model_file.h"
#include "tests/ir/io/samples.h"

namespace descent {
namespace {

class Models : public testing::TestWithParam<std::filesystem::path> {};

/// Everything that the text holds; print(parse(x)) tells models apart by it.
void ExpectSame(const Model& a, const Model& b) {
  EXPECT_TRUE(SameGraph(a.graph, b.graph));
  EXPECT_EQ(PrintText(a), PrintText(b));
}

TEST_P(Models, AreCanonical) {
  const std::string text = FileText(GetParam());
  const auto model = ParseModel(text, "m.descent");
  ASSERT_TRUE(model.has_value()) << model.error().ToString();
  EXPECT_EQ(PrintText(*model), text);
}

TEST_P(Models, GoThroughAllForms) {
  const std::string text = FileText(GetParam());
  const auto model = ParseModel(text, "m.descent");
  ASSERT_TRUE(model.has_value()) << model.error().ToString();
  for (const ModelForm form : {ModelForm::kText, ModelForm::kBinary, ModelForm::kProtoText}) {
    const auto bytes = SerializeModel(*model, form);
    ASSERT_TRUE(bytes.has_value());
    const auto again = ParseModel(*bytes, "no extension");
    ASSERT_TRUE(again.has_value()) << ToString(form) << "\n" << again.error().ToString();
    ExpectSame(*model, *again);
    // Labels, comments and the order of nodes are the same, too.
    for (const ModelForm other : {form, ModelForm::kBinary})
      EXPECT_EQ(*SerializeModel(*again, other), *SerializeModel(*model, other)) << ToString(form);
  }
}

INSTANTIATE_TEST_SUITE_P(Texts, Models, testing::ValuesIn(FilesOf("models", ".descent")),
                         [](const auto& info) { return info.param.stem().string(); });

/// The fenced blocks of a language in a Markdown file.
std::vector<std::string> Blocks(const std::string& markdown, const std::string& language) {
  std::vector<std::string> blocks;
  const std::string open = "```" + language + "\n";
  for (size_t place = 0; (place = markdown.find(open, place)) != std::string::npos;) {
    place += open.size();
    blocks.push_back(markdown.substr(place, markdown.find("```", place) - place));
  }
  return blocks;
}

TEST(Documentation, ShowsCanonicalModels) {
  const auto blocks = Blocks(FileText(DESCENT_SOURCE_DIR "/docs/ir.md"), "descent");
  EXPECT_GE(blocks.size(), 3u);
  for (const std::string& block : blocks) {
    const auto model = ParseModel(block, "ir.md");
    ASSERT_TRUE(model.has_value()) << model.error().ToString();
    EXPECT_EQ(PrintText(*model), block);
  }
}

std::string Reprinted(const std::string& statements) {
  const std::string text = PrintText(ModelFrom(statements));
  const auto again = ParseText(text, "printed");
  EXPECT_TRUE(again.has_value()) << again.error().ToString();
  EXPECT_EQ(PrintText(*again), text);
  const size_t begin = text.find("{\n") + 2;
  return text.substr(begin, text.rfind('}') - begin);
}

TEST(PrintText, NumbersUnnamedValuesInOrder) {
  EXPECT_EQ(Reprinted("input x: f32[2]\n%90 = neg(x)\n%7 = mul(%90, 2)\noutput y = %7"),
            "  input x: f32[2]\n\n"
            "  %1: f32[2] = neg(x)\n"
            "  y: f32[2] = mul(%1, 2.0)\n\n"
            "  output y\n");
}

TEST(PrintText, OutputsThatAreImpliedStandAlone) {
  // The loss comes first, against the order of what implies outputs, so it is stated.
  EXPECT_EQ(Reprinted("input x: f32[2]\nparameter w: f32[2] = zeros\np = mul(x, w)\nl = sum(p)\n"
                      "output l\npredict p\ntrain l with sgd(learning_rate=1)"),
            "  input x: f32[2] from features\n\n"
            "  parameter w: f32[2] = zeros\n\n"
            "  p: f32[2] = mul(x, w)\n"
            "  l: f32[] = sum(p)\n\n"
            "  output l\n\n"
            "  predict p\n"
            "  train l with sgd(learning_rate=1)\n");
}

TEST(PrintText, MetricsOfInputsImplyNoOutput) {
  const Model model = ModelFrom(
      "batch 2\ninput x: f32[batch, 1]\ninput y: f32[batch, 1]\np = sigmoid(x)\npredict p\n"
      "metric m = mean_absolute_error(p, y)");
  ASSERT_EQ(model.graph.outputs().size(), 1u);
  EXPECT_EQ(model.graph.outputs()[0].name, "p");
}

TEST(PrintText, DeclarationsFollowTheGraphsInputs) {
  const std::string statements =
      "  parameter a: f32[] = zeros\n"
      "  parameter gone: f32[] = zeros unread\n\n"
      "  input x: f32[]\n\n"
      "  parameter b: f32[] = zeros\n\n"
      "  s: f32[] = add(a, x)\n"
      "  t: f32[] = add(s, b)\n\n"
      "  output t\n";
  EXPECT_EQ(Reprinted(statements), statements);
}

TEST(PrintText, SectionsAndOriginsReturn) {
  const std::string statements =
      "  input x: f32[2]\n\n"
      "  y: f32[2] = neg(x)\n\n"
      "  section backward\n"
      "  g: f32[2] = mul(y, 2.0) from y\n\n"
      "  section forward\n"
      "  z: f32[2] = abs(g) from \"a % of it\"\n\n"
      "  output z\n";
  EXPECT_EQ(Reprinted(statements), statements);
  const Model model = ModelFrom(statements);
  const auto& nodes = model.graph.nodes();
  EXPECT_EQ(nodes[2].label.section, Section::kBackward);  // the literal 2.0, with its user
  EXPECT_EQ(nodes[3].label.section, Section::kBackward);
  EXPECT_EQ(nodes[3].label.origin, "y");
  EXPECT_EQ(nodes[4].label.section, Section::kForward);
}

// A graph that was built in another order: inputs last, a shared constant first.
TEST(PrintText, AnyBuildingOrderReturns) {
  GraphBuilder b;
  const Value two = b.Constant(Tensor::Scalar(DType::kF32, 2));
  const Value wide = b.Constant(Tensor::FromDoubles({DType::kF32, {2}}, std::vector{1.0, 3.0}));
  const Value m = b.Add("mul", {wide, two});
  const Value w = b.Input("w", {DType::kF32, {2}});
  const Value x = b.Input("x", {DType::kF32, {2}});
  const Value s = b.Add("sub", {x, w});
  b.Output("y", b.Add("mul", {m, s}));
  b.Output("again", s);
  b.Output("w", w);
  Model model = {.name = "m"};
  model.inputs = {{.name = "x", .type = {DType::kF32, {2}}}};
  model.slots = {{.name = "w", .type = {DType::kF32, {2}}, .initializer = {.op = "zeros"}}};
  model.graph = std::move(b).Build();
  ASSERT_TRUE(Verify(model).has_value());
  const std::string text = PrintText(model);
  const auto again = ParseText(text, "printed");
  ASSERT_TRUE(again.has_value()) << again.error().ToString() << text;
  ExpectSame(model, *again);
}

}  // namespace
}  // namespace descent

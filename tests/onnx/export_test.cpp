// What is exported and read again computes the same: every sample of every operator.
#include "frontends/onnx/export.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>

#include "compiler/graph/specialize.h"
#include "frontends/onnx/import.h"
#include "ir/interpreter.h"
#include "ir/io/text_parser.h"
#include "tests/ir/samples/samples.h"

namespace descent::test {
namespace {

Model ModelOf(const OpSample& sample) {
  Model model{.name = "sample"};
  auto graph = SampleGraph(sample);
  EXPECT_TRUE(graph) << Describe(sample);
  model.graph = *std::move(graph);
  for (const NamedValue& input : model.graph.inputs())
    model.inputs.push_back({.name = input.name, .type = model.graph.type(input.value)});
  return model;
}

/// Those that the graph reads: "x2" is number 2.
std::vector<Tensor> InputsOf(const Graph& graph, const std::vector<Tensor>& all) {
  std::vector<Tensor> inputs;
  for (const NamedValue& input : graph.inputs())
    inputs.push_back(all.at(std::stoul(input.name.substr(1))));
  return inputs;
}

void ExpectClose(const Tensor& got, const Tensor& want) {
  ASSERT_EQ(ToString(got.type()), ToString(want.type()));
  const double scale = Info(want.dtype()).digits < 20 ? 2e-2 : 1e-4;
  for (int64_t i = 0; i < want.elements(); ++i) {
    const double g = got.GetDouble(i), w = want.GetDouble(i);
    if (std::isnan(w) && std::isnan(g)) continue;
    if (!Info(want.dtype()).is_float || std::isinf(w)) {
      ASSERT_EQ(g, w) << "element " << i;
    } else {
      ASSERT_NEAR(g, w, scale * std::abs(w) + scale) << "element " << i;
    }
  }
}

class Export : public testing::TestWithParam<std::string_view> {};

/// Operators that have no form in ONNX: random numbers, of a generator that it does not have.
const std::set<std::string_view> kRefused = {
    "bernoulli",   "categorical", "glorot_normal",    "glorot_uniform",
    "gumbel",      "he_normal",   "he_uniform",       "normal",
    "permutation", "randint",     "random_normal",    "random_uniform",
    "random_unit", "random_word", "truncated_normal", "uniform"};

TEST_P(Export, IsReadAgain) {
  int refused = 0;
  for (const OpSample& sample : AllSamples()) {
    if (sample.op != GetParam() || sample.bad_index) continue;
    SCOPED_TRACE(Describe(sample));
    const auto model = Specialize(ModelOf(sample), {.entry = "run"});
    ASSERT_TRUE(model);
    const auto bytes = onnx::ExportModel(ModelOf(sample), {});
    if (!bytes) {
      EXPECT_EQ(bytes.error().status, ExitStatus::kUnsupported) << bytes.error().message;
      ++refused;
      continue;
    }
    const auto read = onnx::ParseModel(*bytes, "sample.onnx");
    ASSERT_TRUE(read) << read.error().ToString();
    const auto again = Specialize(*read, {.entry = "run"});
    ASSERT_TRUE(again) << again.error().ToString();
    const std::vector<Tensor> inputs = SampleOperands(sample);
    const auto want = Interpret(model->graph, InputsOf(model->graph, inputs)),
               got = Interpret(again->graph, InputsOf(again->graph, inputs));
    ASSERT_TRUE(want && got);
    ASSERT_EQ(got->outputs.size(), want->outputs.size());
    for (size_t i = 0; i < want->outputs.size(); ++i)
      ExpectClose(got->outputs[i], want->outputs[i]);
  }
  EXPECT_EQ(refused > 0, kRefused.contains(GetParam()));
}

std::vector<std::string_view> Operators() {
  std::vector<std::string_view> names;
  for (const OpFamily& family : OpFamilies())
    for (const OpDef& op : family.ops)
      if (op.leaf == Leaf::kNone && !op.is_metric()) names.push_back(op.name);
  return names;
}

INSTANTIATE_TEST_SUITE_P(All, Export, testing::ValuesIn(Operators()),
                         [](const auto& info) { return std::string(info.param); });

Model RowsModel(int64_t rows, const std::string& statements) {
  const auto model = ParseText(
      fmt::format("descent 1\nmodel rows {{\n  batch {}\n  input x: f32[batch, 2, 3]\n{}}}\n", rows,
                  statements),
      "rows");
  EXPECT_TRUE(model) << model.error().ToString();
  return *model;
}

/// Of an input 0, 1, 2, ...
std::vector<Tensor> Outputs(const Model& model) {
  const TensorType type = model.inputs[0].type;
  std::vector<double> numbers(type.elements());
  std::iota(numbers.begin(), numbers.end(), 0);
  const auto result = Interpret(model.graph, std::vector{Tensor::FromDoubles(type, numbers)});
  EXPECT_TRUE(result);
  return result->outputs;
}

void ExpectSameForAnyRows(const std::string& statements) {
  const auto bytes = onnx::ExportModel(RowsModel(4, statements), {});
  ASSERT_TRUE(bytes) << bytes.error().ToString();
  for (const int64_t rows : {1, 4, 7}) {
    const auto read = onnx::ParseModel(*bytes, "rows.onnx", {.dims = {{"batch", rows}}});
    ASSERT_TRUE(read) << read.error().ToString();
    const std::vector<Tensor> want = Outputs(RowsModel(rows, statements)), got = Outputs(*read);
    ASSERT_EQ(got.size(), want.size());
    for (size_t i = 0; i < want.size(); ++i) ExpectClose(got[i], want[i]);
  }
}

TEST(ExportBatch, IsAnyWhereOperatorsAllowIt) {
  ExpectSameForAnyRows(R"(
  halves = reshape(x, shape=[-1, 3])
  y = softmax(halves)
  whole = reshape(y, shape=[-1, 6])
  z = layer_norm(whole)
  output y
  output z
)");
}

TEST(ExportBatch, IsAnyBesideWindowsSortingAndLoops) {
  ExpectSameForAnyRows(R"(
  w = unfold(x, kernel=[2], axis=2, padding=[1, 1])
  back = fold(w, size=[3], axis=2, padding=[1, 1])
  longer = resize(x, sizes=[5], mode=cubic)
  products = cumprod(x, axis=1)
  places = argsort(x, axis=2)
  output back
  output longer
  output products
  output places
)");
}

TEST(ExportBatch, IsAnyOfRecurrentLayers) {
  ExpectSameForAnyRows(R"(
  one = iota(shape=[8, 3], dtype=f32)
  w = mul(one, 0.1)
  two = iota(shape=[8, 2], axis=1, dtype=f32)
  r = mul(two, -0.2)
  y, h, c = lstm(x, w, r, bias=false, batch_first=true)
  output y
  output h
)");
}

TEST(ExportBatch, IsTheModelsWhereTheyHoldItFast) {
  const auto bytes =
      onnx::ExportModel(RowsModel(4, "  y = reshape(x, shape=[4, 6])\n  output y\n"), {});
  ASSERT_TRUE(bytes) << bytes.error().ToString();
  const auto read = onnx::ParseModel(*bytes, "rows.onnx");
  ASSERT_TRUE(read) << read.error().ToString();
  EXPECT_EQ(read->inputs[0].type.shape, (Shape{4, 2, 3}));
}

/// Exports, reads again, compares with the interpreter; the model as it was read.
Model ReadAgain(const std::string& statements) {
  const auto model =
      ParseText("descent 1\nmodel plain {\n  input x: f32[2, 3]\n" + statements + "}\n", "plain");
  EXPECT_TRUE(model) << model.error().ToString();
  const auto bytes = onnx::ExportModel(*model, {});
  EXPECT_TRUE(bytes) << bytes.error().ToString();
  auto read = onnx::ParseModel(*bytes, "plain.onnx");
  EXPECT_TRUE(read) << read.error().ToString();
  const std::vector<Tensor> want = Outputs(*model), got = Outputs(*read);
  EXPECT_EQ(got.size(), want.size());
  for (size_t i = 0; i < want.size(); ++i) ExpectClose(got[i], want[i]);
  return *std::move(read);
}

TEST(ExportNames, OneValueMayHaveTwo) {
  ReadAgain("  y = tanh(x)\n  z = tanh(x)\n  output y\n  output z\n");
}

/// Bodies read y, which the file's output renames.
TEST(ExportControl, BodiesReadWhatIsOutside) {
  const Model read = ReadAgain(R"(
  y, n = while(x, bound=20) condition(v: f32[2, 3]) {
    m = max(v)
    go = less(m, 100)
    return go
  } body(v: f32[2, 3]) {
    a = mul(v, 1.5)
    b = add(a, 1)
    return b
  }
  z = for(x, y, trip_count=3) body(v: f32[2, 3], w: f32[2, 3]) {
    a = mul(v, 0.5)
    b = add(a, w)
    return b
  }
  s = sum(x)
  c = greater(s, 0)
  q = if(c, x, y) then_body(a: f32[2, 3], b: f32[2, 3]) {
    r = add(a, b)
    return r
  } else_body(a: f32[2, 3], b: f32[2, 3]) {
    r = sub(a, b)
    return r
  }
  output y
  output n
  output z
  output q
)");
  std::set<std::string_view> operators;
  for (const Node& node : read.graph.nodes()) operators.insert(node.op->name);
  for (const std::string_view loop : {"while", "scan", "if"})
    EXPECT_TRUE(operators.contains(loop)) << loop;
}

TEST(ExportRecurrent, LayersStayLayers) {
  const Model read = ReadAgain(R"(
  steps = reshape(x, shape=[2, 1, 3])
  one = iota(shape=[8, 3], dtype=f32)
  w = mul(one, 0.1)
  two = iota(shape=[8, 2], axis=1, dtype=f32)
  r = mul(two, -0.2)
  y, h, c = lstm(steps, w, r, bias=false)
  output y
  output c
)");
  EXPECT_TRUE(std::ranges::any_of(read.graph.nodes(),
                                  [](const Node& node) { return node.op->name == "lstm"; }));
}

}  // namespace
}  // namespace descent::test

// Loops: the number of the iteration, in one loop and in loops in loops.
#include <gtest/gtest.h>

#include <algorithm>

#include "ir/interpreter.h"
#include "ir/op_def.h"
#include "tests/onnx/text_file.h"

namespace descent::onnx {
namespace {

/// A body of the number `i` and the carried x (with `inside`), whose next value is y.
std::string Body(const std::string& i, const std::string& x, const std::string& y,
                 const std::string& inside) {
  return fmt::format(
      "attribute {{ name: \"body\" type: GRAPH g {{ input {{ name: \"{}\" }} "
      "input {{ name: \"{}c\" }} input {{ name: \"{}\" }} {} "
      "node {{ op_type: \"Identity\" input: \"{}c\" output: \"{}d\" }} "
      "output {{ name: \"{}d\" }} output {{ name: \"{}\" }} }} }} ",
      i, i, x, inside, i, i, i, y);
}

std::string Trips(const std::string& name, int64_t trips) {
  return fmt::format("initializer {{ name: \"{}\" data_type: 7 int64_data: {} }} ", name, trips);
}

std::vector<double> ResultOf(const Result<Model>& model, const Tensor& x) {
  ExpectGood(model);
  if (!model) return {};
  const auto run = Interpret(model->graph, std::vector{x});
  EXPECT_TRUE(run) << run.error().message;
  if (!run) return {};
  std::vector<double> values;
  for (int64_t i = 0; i < run->outputs[0].elements(); ++i)
    values.push_back(run->outputs[0].GetDouble(i));
  return values;
}

const Tensor kTwo = Tensor::FromDoubles({DType::kF32, {2}}, std::vector<double>{10, 20});
const std::string kToFloat = "attribute { name: \"to\" type: INT i: 1 } ";

TEST(OnnxLoop, TellsTheBodyWhichIterationItIs) {
  const std::string body =
      Body("i", "v", "w", Node("Cast", "i", "f", kToFloat) + Node("Add", "vf", "w"));
  EXPECT_EQ(
      ResultOf(ReadStatic(File(kX + Trips("m", 4) + Node("Loop", "m-x", "y", body) + kY)), kTwo),
      (std::vector<double>{16, 26}));
}

/// The number of the outer loop is read in the inner one, and as an index.
TEST(OnnxLoop, CountsEachLoopByItself) {
  const std::string inner =
      Body("j", "p", "q",
           Node("Mul", "ij", "k") + Node("Cast", "k", "h", kToFloat) + Node("Gather", "xi", "g") +
               Node("Add", "ph", "r") + Node("Add", "rg", "q"));
  const std::string outer = Body("i", "v", "w", Node("Loop", "n-v", "w", inner));
  const auto model =
      ReadStatic(File(kX + Trips("m", 2) + Trips("n", 3) + Node("Loop", "m-x", "y", outer) + kY));
  // i j over i < 2, j < 3 is 3; x[i], three times each, 90.
  EXPECT_EQ(ResultOf(model, kTwo), (std::vector<double>{103, 113}));
}

TEST(OnnxLoop, HoldsNothingForEachOfManyIterations) {
  const std::string body =
      Body("i", "v", "w", Node("Cast", "i", "f", kToFloat) + Node("Add", "vf", "w"));
  const auto model =
      ReadStatic(File(kX + Trips("m", 1'000'000'000) + Node("Loop", "m-x", "y", body) + kY));
  ExpectGood(model);
  if (!model) return;
  EXPECT_TRUE(std::ranges::none_of(
      model->graph.nodes(), [](const descent::Node& each) { return each.op->name == "iota"; }));
}

}  // namespace
}  // namespace descent::onnx

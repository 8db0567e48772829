// Axes without a number take it from the inputs that are given.
#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

#include <cmath>

#include "compiler/graph/specialize.h"
#include "frontends/onnx/import.h"
#include "ir/batch_axis.h"
#include "ir/interpreter.h"
#include "onnx.pb.h"
#include "tests/onnx/text_file.h"

namespace descent::onnx {
namespace {

constexpr const char* kModel = R"(
ir_version: 8 opset_import { version: 17 }
graph {
  name: "net"
  node { op_type: "Add" input: "a" input: "b" output: "s" }
  node { op_type: "Add" input: "s" input: "w" output: "y" }
  input { name: "a" type { tensor_type { elem_type: 1 shape { dim { dim_param: "n" } dim { } } } } }
  input { name: "w" type { tensor_type { elem_type: 1 shape { dim { dim_value: 1 } } } } }
  input { name: "b" type { tensor_type { elem_type: 1 shape { dim { dim_param: "n" } dim { dim_value: 1 } } } } }
  initializer { name: "w" data_type: 1 dims: [1] float_data: [2] }
  output { name: "y" type { tensor_type { elem_type: 1 } } }
})";

/// Type of y, whose first axis is called `rows` if that is given, or the error.
std::string Read(ImportOptions options, const char* rows = nullptr) {
  proto::ModelProto file;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(kModel, &file));
  if (rows != nullptr) {
    auto& shape = *file.mutable_graph()->mutable_output(0)->mutable_type()->mutable_tensor_type();
    shape.mutable_shape()->add_dim()->set_dim_param(rows);
    shape.mutable_shape()->add_dim();
  }
  const auto model = ParseModel(file.SerializeAsString(), "net.onnx", options);
  return model ? ToString(model->graph.type(model->graph.outputs()[0].value))
               : model.error().message;
}

TEST(InputShapes, AreThoseOfTheInputsByNameOrInOrder) {
  EXPECT_EQ(Read({.inputs = {{"", {3, 2}}, {"", {3, 1}}}}), "f32[3, 2]");
  EXPECT_EQ(Read({.inputs = {{"b", {3, 1}}, {"", {3, 2}}}}), "f32[3, 2]");
  EXPECT_EQ(Read({.inputs = {{"a", {3, 2}}}}), "f32[3, 2]");
  EXPECT_EQ(Read({.inputs = {{"", {3, 2}}, {"", {3, 1}}, {"", {9}}}}), "f32[3, 2]");  // a cotangent
  EXPECT_EQ(Read({.dims = {{"n", 7}, {"a.1", 8}}, .inputs = {{"a", {3, 2}}}}), "f32[3, 2]");
  EXPECT_EQ(Read({.dims = {{"a.1", 8}}, .inputs = {{"b", {3, 1}}}}), "f32[3, 8]");
}

TEST(InputShapes, TooFewInOrderSayNothing) {
  EXPECT_EQ(Read({.dims = {{"n", 7}, {"a.1", 8}}, .inputs = {{"", {3, 2}}}}), "f32[7, 8]");
}

TEST(InputShapes, RowsAreWhatTheFirstInputAndAllOutputsBeginWith) {
  EXPECT_EQ(Read({.dims = {{"a.1", 8}}, .batch = 5}, "n"), "f32[5, 8]");
  EXPECT_EQ(Read({.dims = {{"a.1", 8}, {"n", 3}}, .batch = 5, .batch_is_guess = true}, "n"),
            "f32[3, 8]");
  EXPECT_EQ(Read({.batch = 5, .inputs = {{"a", {3, 2}}}}, "n"), "f32[3, 2]");
  const std::string open = "2 errors\n  axis 0 of 'a' has no number but the name 'n'";
  EXPECT_TRUE(Read({.dims = {{"a.1", 8}}}, "n").starts_with(open));
  EXPECT_TRUE(Read({.dims = {{"a.1", 8}}, .batch = 5}, "m").starts_with(open));
  EXPECT_TRUE(Read({.dims = {{"a.1", 8}}, .batch = 5}).starts_with(open));
}

TEST(InputShapes, NamesAreThoseOfAxesWithoutANumber) {
  EXPECT_EQ(Read({.dims = {{"n", 3}, {"a.1", 8}, {"m", 1}}}),
            "no axis without a number is called 'm'");
}

TEST(InputShapes, MustAgree) {
  EXPECT_EQ(Read({.inputs = {{"a", {3, 2}}, {"b", {4, 1}}}}),
            "axes called 'n' must have one extent, but input 'a' has 3 there and 'b' has 4");
  EXPECT_EQ(Read({.inputs = {{"a", {3}}}}), "input 'a' must have 2 axes, but [3] was given");
}

/// The sum of x: f32[rows, 2], reshaped by its shape, over what `nodes` make of it.
Result<Model> SumOver(const std::string& nodes, const std::string& inside, bool for_task) {
  const std::string flat =
      "initializer { name: \"f\" data_type: 7 dims: 1 int64_data: -1 } "
      "initializer { name: \"i\" data_type: 7 int64_data: 0 } ";
  const std::string to_float = "attribute { name: \"to\" type: INT i: 1 } ";
  const auto file =
      File(Info("input", "x", kFloat, kRows + Dim(2)) + Info("output", "y", kFloat, "") + flat +
           inside + nodes + Node("Cast", "c", "d", to_float) + Node("Shape", "x", "h") +
           Node("Reshape", "xh", "r") +
           Node("ReduceSum", "r", "t", "attribute { name: \"keepdims\" type: INT i: 0 } ") +
           Node("Div", "td", "y"));
  return ParseModel(file.SerializeAsString(), "g.onnx",
                    {.dims = {{"rows", 3}}, .for_task = for_task});
}

/// Of ones, when `rows` of the three are there; NaN, and an error, where the file is refused.
double LossOf(const Result<Model>& model, int64_t rows) {
  EXPECT_TRUE(model) << model.error().message;
  if (!model) return NAN;
  const Tensor ones = Tensor::FromDoubles({DType::kF32, {3, 2}}, std::vector<double>(6, 1));
  const auto run = Interpret(model->graph, std::vector{ones}, {.valid_rows = rows});
  EXPECT_TRUE(run) << run.error().message;
  return run ? run->outputs[0].GetDouble(0) : NAN;
}

TEST(InputShapes, RowsOfATaskAreCountedAsTheyCome) {
  const std::string first = Node("Shape", "x", "s") + Node("Gather", "si", "c");
  EXPECT_EQ(LossOf(SumOver(first, "", true), 2), 3);
  EXPECT_EQ(LossOf(SumOver(first, "", false), 2), 2);  // no task: the whole batch
  EXPECT_EQ(LossOf(SumOver(Node("Size", "x", "c"), "", true), 2), 1.5);
  const std::string last = "attribute { name: \"start\" type: INT i: 1 } ";
  EXPECT_EQ(LossOf(SumOver(Node("Shape", "x", "s", last) + Node("Gather", "si", "c"), "", true), 2),
            3);  // no rows among these extents
}

TEST(InputShapes, RowsOfAValueFollowFromWhatComputesIt) {
  const std::string first = Node("Shape", "a", "s") + Node("Gather", "si", "c");
  EXPECT_EQ(LossOf(SumOver(Node("Relu", "x", "a") + first, "", true), 2), 3);
  // Two positions for each row.
  EXPECT_EQ(LossOf(SumOver(Node("Reshape", "xf", "a") + first, "", true), 2), 1.5);
}

TEST(InputShapes, RowsOfAValueAreElseWhatItsDeclarationCallsSo) {
  const std::string nodes = Node("Transpose", "x", "w") + Node("MatMul", "xw", "a") +
                            Node("Shape", "a", "s") + Node("Gather", "si", "c");
  const std::string declared = Info("value_info", "a", kFloat, kRows + Dim(3));
  EXPECT_EQ(LossOf(SumOver(nodes, declared, true), 2), 3);
  EXPECT_EQ(LossOf(SumOver(nodes, "", true), 2), 2);
  // Twice as many positions as rows: not the rows, whatever they are called.
  const std::string twice =
      Node("Concat", "xx", "a", "attribute { name: \"axis\" type: INT i: 0 } ");
  EXPECT_EQ(LossOf(SumOver(twice + Node("Shape", "a", "s") + Node("Gather", "si", "c"),
                           Info("value_info", "a", kFloat, kRows + Dim(2)), true),
                   2),
            1);
}

/// y: f32[rows, 2] of x: f32[rows, 2], with the parameter p: f32[2].
Result<Model> RowsOf(const std::string& nodes, bool for_task = true) {
  const auto file = File(
      Info("input", "x", kFloat, kRows + Dim(2)) + Info("output", "y", kFloat, kRows + Dim(2)) +
      "initializer { name: \"p\" data_type: 1 dims: 2 float_data: [3, 4] } " + nodes);
  return ParseModel(file.SerializeAsString(), "g.onnx",
                    {.dims = {{"rows", 3}}, .for_task = for_task});
}

TEST(InputShapes, WhatIsExpandedToTheRowsHasAsManyAsCome) {
  const std::string shape = Node("Shape", "x", "s");
  const std::string expanded[] = {
      Node("Expand", "ps", "y"),
      Node("Expand", "ps", "e") + Node("Mul", "ex", "y"),
      Node("ConstantOfShape", "s", "z") + Node("Add", "zx", "y"),
      Node("Relu", "x", "a") + Node("Shape", "a", "t") + Node("Expand", "pt", "y"),
  };
  for (const std::string& nodes : expanded) {
    const auto model = RowsOf(shape + nodes);
    ASSERT_TRUE(model) << model.error().message;
    for (const int64_t batch : {1, 3, 5}) {
      const auto other = Specialize(*model, {.entry = "run", .batch = batch});
      ASSERT_TRUE(other) << nodes << other.error().message;
      EXPECT_EQ(OutputBatchAxes(*other), std::vector<int>{0}) << nodes;
      EXPECT_EQ(other->graph.type(other->graph.outputs()[0].value).shape, (Shape{batch, 2}));
    }
  }
  const auto fixed = RowsOf(shape + expanded[1], false);
  ASSERT_TRUE(fixed) << fixed.error().message;
  EXPECT_FALSE(Specialize(*fixed, {.entry = "run", .batch = 5}));
}

TEST(InputShapes, ABatchOfOneIsRepeatedAsAnyAxis) {
  const auto file = File(Info("input", "x", kFloat, kRows + Dim(2)) +
                         Info("output", "y", kFloat, Dim(5) + Dim(2)) +
                         "initializer { name: \"s\" data_type: 7 dims: 2 int64_data: [5, 2] } " +
                         Node("Expand", "xs", "y"));
  const auto five =
      ParseModel(file.SerializeAsString(), "g.onnx", {.dims = {{"rows", 1}}, .for_task = true});
  ASSERT_TRUE(five) << five.error().message;
  EXPECT_EQ(five->graph.type(five->graph.outputs()[0].value).shape, (Shape{5, 2}));
}

/// The numbers of rows are of their rows, and as many as in the file.
TEST(InputShapes, NumbersOfRowsFitOneBatch) {
  const std::string number =
      "initializer { name: \"i\" data_type: 7 int64_data: 0 } "
      "initializer { name: \"o\" data_type: 7 int64_data: 1 } "
      "initializer { name: \"f\" data_type: 7 dims: 2 int64_data: [-1, 1] } " +
      Node("Gather", "si", "c") + Node("Range", "ico", "q") + Node("Reshape", "qf", "r") +
      Node("Cast", "r", "u", "attribute { name: \"to\" type: INT i: 1 } ");
  const auto numbers = RowsOf(Node("Shape", "x", "s") + number + Node("Add", "ux", "y"));
  ASSERT_TRUE(numbers) << numbers.error().message;
  EXPECT_TRUE(Specialize(*numbers, {.entry = "run"}));
  EXPECT_FALSE(Specialize(*numbers, {.entry = "run", .batch = 5}));
}

}  // namespace
}  // namespace descent::onnx

// Operators of ai.onnx.ml, of which ONNX has no node tests.
#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

#include <cmath>

#include "compiler/graph/specialize.h"
#include "frontends/onnx/import.h"
#include "ir/interpreter.h"
#include "onnx.pb.h"

namespace descent::onnx {
namespace {

std::string Input(std::string_view name, int type, std::string_view dims) {
  return fmt::format(
      "input {{ name: \"{}\" type {{ tensor_type {{ elem_type: {} shape {{ {} }} }} }} }}\n", name,
      type, dims);
}

/// The node, of ai.onnx.ml unless it says otherwise, gives y, floats of the axes `y_dims`; "": y is
/// not declared.
Result<Model> Read(const std::string& inputs, const std::string& node,
                   const ImportOptions& options = {}, std::string_view y_dims = {}) {
  const std::string domain = node.starts_with("domain") ? "" : "domain: \"ai.onnx.ml\"";
  const std::string type =
      y_dims.empty()
          ? ""
          : fmt::format("type {{ tensor_type {{ elem_type: 1 shape {{ {} }} }} }}", y_dims);
  proto::ModelProto file;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(
      fmt::format("ir_version: 8 opset_import {{ version: 17 }} opset_import {{ domain: "
                  "\"ai.onnx.ml\" version: 3 }}\n"
                  "graph {{ name: \"net\" {} node {{ {} output: \"y\" {} }}\n"
                  "output {{ name: \"y\" {} }} }}",
                  inputs, domain, node, type),
      &file));
  return ParseModel(file.SerializeAsString(), "net.onnx", options);
}

/// "f32[2, 1]: 1 2"
std::string RunOf(const Model& model, const std::vector<Tensor>& inputs) {
  const auto entry = Specialize(model, {.entry = "run"});
  if (!entry) return entry.error().ToString();
  const auto run = Interpret(entry->graph, inputs);
  if (!run) return run.error().ToString();
  const Tensor& y = run->outputs[0];
  std::string text = ToString(y.type()) + ":";
  for (int64_t i = 0; i < y.elements(); ++i) text += fmt::format(" {}", y.GetDouble(i));
  return text;
}

constexpr std::string_view kRowsOfTwo = "dim { } dim { dim_value: 2 }";
constexpr std::string_view kNamedRows = "dim { dim_param: \"rows\" } dim { dim_value: 2 }";

TEST(Scikit, ScalerShiftsThenScalesFeatures) {
  const auto model = Read(Input("X", 1, kRowsOfTwo),
                          R"(op_type: "Scaler" input: "X"
                             attribute { name: "offset" type: FLOATS floats: [1, 2] }
                             attribute { name: "scale" type: FLOATS floats: [10] })",
                          {.dims = {{"X.0", 2}}});
  ASSERT_TRUE(model) << model.error().ToString();
  const std::vector<double> x = {1, 2, 3, 4};
  EXPECT_EQ(RunOf(*model, {Tensor::FromDoubles({DType::kF32, {2, 2}}, x)}), "f32[2, 2]: 0 0 20 20");
}

TEST(Scikit, ArrayFeatureExtractorTakesOfTheLastAxis) {
  const std::string node = R"(op_type: "ArrayFeatureExtractor" input: "X" input: "I")";
  const std::string indices = Input("I", 7, "dim { dim_value: 1 } dim { dim_value: 3 }");
  const Tensor at = Tensor::FromInts({DType::kI64, {1, 3}}, std::vector<int64_t>{1, 0, 1});
  const std::vector<double> x = {1, 2, 3, 4}, classes = {5, 6};
  const auto rows =
      Read(Input("X", 1, "dim { dim_value: 2 } dim { dim_value: 2 }") + indices, node);
  ASSERT_TRUE(rows) << rows.error().ToString();
  EXPECT_EQ(RunOf(*rows, {Tensor::FromDoubles({DType::kF32, {2, 2}}, x), at}),
            "f32[2, 3]: 2 1 2 4 3 4");
  const auto vector = Read(Input("X", 1, "dim { dim_value: 2 }") + indices, node);
  ASSERT_TRUE(vector) << vector.error().ToString();
  EXPECT_EQ(RunOf(*vector, {Tensor::FromDoubles({DType::kF32, {2}}, classes), at}),
            "f32[1, 3]: 6 5 6");
}

std::string RunOn(const std::string& node, const std::vector<double>& x) {
  const auto model = Read(Input("X", 1, kRowsOfTwo), node, {.dims = {{"X.0", 2}}});
  if (!model) return model.error().message;
  return RunOf(*model, {Tensor::FromDoubles({DType::kF32, {2, 2}}, x)});
}

TEST(Scikit, BinarizerComparesWithItsThreshold) {
  EXPECT_EQ(
      RunOn(R"(op_type: "Binarizer" input: "X" attribute { name: "threshold" type: FLOAT f: 2 })",
            {1, 2, 3, -4}),
      "f32[2, 2]: 0 0 1 0");
}

TEST(Scikit, ImputerReplacesOneValueOrNan) {
  EXPECT_EQ(RunOn(R"(op_type: "Imputer" input: "X"
                     attribute { name: "imputed_value_floats" type: FLOATS floats: [7, 8] }
                     attribute { name: "replaced_value_float" type: FLOAT f: nan })",
                  {NAN, NAN, 3, 0}),
            "f32[2, 2]: 7 8 3 0");
  EXPECT_EQ(RunOn(R"(op_type: "Imputer" input: "X"
                     attribute { name: "imputed_value_floats" type: FLOATS floats: [7] })",
                  {0, 1, 3, 0}),
            "f32[2, 2]: 7 1 3 7");
}

TEST(Scikit, NormalizerDividesRowsByTheirNorm) {
  const auto with = [](const char* norm, const std::vector<double>& x) {
    return RunOn(fmt::format(R"(op_type: "Normalizer" input: "X"
                                attribute {{ name: "norm" type: STRING s: "{}" }})",
                             norm),
                 x);
  };
  EXPECT_EQ(with("L1", {1, -3, 0, 0}), "f32[2, 2]: 0.25 -0.75 0 0");
  EXPECT_EQ(with("L2", {3, -4, 0, 0}), "f32[2, 2]: 0.6000000238418579 -0.800000011920929 0 0");
  EXPECT_EQ(with("MAX", {2, -4, -1, -4}), "f32[2, 2]: 1 -2 1 4");  // as onnxruntime: no magnitude
  EXPECT_NE(with("L3", {1, 1, 1, 1}).find("there is no norm 'L3'"), std::string::npos);
}

TEST(Scikit, LabelEncoderTakesTheFirstKey) {
  EXPECT_EQ(RunOn(R"(op_type: "LabelEncoder" input: "X"
                     attribute { name: "keys_floats" type: FLOATS floats: [1, nan, 1] }
                     attribute { name: "values_int64s" type: INTS ints: [10, 20, 30] })",
                  {1, NAN, 3, 1}),
            "i64[2, 2]: 10 20 -1 10");
  EXPECT_NE(RunOn(R"(op_type: "LabelEncoder" input: "X"
                     attribute { name: "keys_strings" type: STRINGS strings: ["a"] }
                     attribute { name: "values_int64s" type: INTS ints: [10] })",
                  {1, 2, 3, 4})
                .find("its keys are text"),
            std::string::npos);
}

constexpr std::string_view kClasses =
    R"(initializer { name: "classes" data_type: 8 dims: [3] string_data: ["b", "a", "b"] }
       initializer { name: "place" data_type: 7 dims: [2] int64_data: [1, 2] } )";

/// `node` gives y; classes and place are what a classifier has, t the text that it tells.
Result<Model> ReadNames(const std::string& node) {
  return Read(Input("X", 1, kRowsOfTwo) + std::string(kClasses) +
                  R"(node { domain: "ai.onnx.ml" op_type: "ArrayFeatureExtractor" output: "t"
                            input: "classes" input: "place" } )",
              node, {.dims = {{"X.0", 2}}});
}

TEST(Scikit, NamesOfClassesAreTheirNumbers) {
  const auto moved = ReadNames(R"(domain: "" op_type: "Identity" input: "t")");
  ASSERT_TRUE(moved) << moved.error().ToString();
  EXPECT_EQ(RunOf(*moved, {}), "i64[1, 2]: 1 0");
  EXPECT_EQ(RunOn(R"(op_type: "LabelEncoder" input: "X"
                     attribute { name: "keys_floats" type: FLOATS floats: [1, 2, 3] }
                     attribute { name: "values_strings" type: STRINGS strings: ["a", "b", "a"] })",
                  {3, 2, 1, 9}),
            "i64[2, 2]: 0 1 0 2");
}

TEST(Scikit, OtherTextIsRefused) {
  for (const char* node :
       {R"(domain: "" op_type: "Equal" input: "t" input: "t")",
        R"(domain: "" op_type: "Cast" input: "t" attribute { name: "to" type: INT i: 7 })",
        R"(domain: "" op_type: "Gather" input: "place" input: "t")",
        R"(op_type: "ArrayFeatureExtractor" input: "X" input: "t")"}) {
    const auto model = ReadNames(node);
    ASSERT_FALSE(model) << node;
    EXPECT_EQ(model.error().status, ExitStatus::kUnsupported);
    EXPECT_EQ(model.error().message, "tensor 'classes': element type string is not supported");
  }
}

/// skl2onnx gives the axis of rows no name.
TEST(Scikit, RowsWithoutANameAreTheBatch) {
  const std::string scaler = R"(op_type: "Scaler" input: "X")";
  const auto batch = [&](std::string_view dims, const std::string& node, std::string_view y_dims) {
    ImportOptions options;
    if (dims == kRowsOfTwo) options.dims = {{"X.0", 5}};
    if (dims == kNamedRows) options.dims = {{"rows", 5}};
    const auto model = Read(Input("X", 1, dims), node, options, y_dims);
    EXPECT_TRUE(model) << model.error().ToString();
    return model->batch;
  };
  EXPECT_EQ(batch(kRowsOfTwo, scaler, kRowsOfTwo), 5);
  EXPECT_EQ(batch(kRowsOfTwo, scaler, kNamedRows), 0);
  EXPECT_EQ(batch(kNamedRows, scaler, kRowsOfTwo), 0);
  EXPECT_EQ(batch("dim { dim_value: 5 } dim { dim_value: 2 }", scaler, kRowsOfTwo), 0);
  // Another extent than that of the input.
  EXPECT_EQ(batch(kRowsOfTwo,
                  R"(domain: "" op_type: "Transpose" input: "X"
                     attribute { name: "perm" type: INTS ints: [1, 0] })",
                  "dim { } dim { }"),
            0);
}

TEST(Scikit, WhatIsMissingIsNamed) {
  const auto axis = Read(Input("X", 1, kRowsOfTwo), R"(op_type: "Scaler" input: "X")");
  ASSERT_FALSE(axis);
  EXPECT_EQ(axis.error().message, "axis 0 of 'X' has no number");
  EXPECT_EQ(axis.error().hint, "give it one: --dim X.0=N");
  const auto map =
      Read(Input("X", 1, kRowsOfTwo), R"(op_type: "ZipMap" input: "X")", {.dims = {{"X.0", 2}}});
  ASSERT_FALSE(map);
  EXPECT_EQ(map.error().status, ExitStatus::kUnsupported);
  EXPECT_NE(map.error().message.find("options={'zipmap': False}"), std::string::npos)
      << map.error().message;
}

}  // namespace
}  // namespace descent::onnx

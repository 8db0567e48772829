// Operators of ai.onnx.ml, of which ONNX has no node tests.
#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

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

Result<Model> Read(const std::string& inputs, const std::string& node,
                   const ImportOptions& options = {}) {
  proto::ModelProto file;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(
      fmt::format("ir_version: 8 opset_import {{ version: 17 }} opset_import {{ domain: "
                  "\"ai.onnx.ml\" version: 3 }}\n"
                  "graph {{ name: \"net\" {} node {{ domain: \"ai.onnx.ml\" output: \"y\" {} }}\n"
                  "output {{ name: \"y\" type {{ tensor_type {{ elem_type: 1 }} }} }} }}",
                  inputs, node),
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

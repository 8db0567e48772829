// ONNX files of a few nodes as protobuf's text, and what reading them is expected to say.
#pragma once

#include <fmt/format.h>
#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "frontends/onnx/import.h"
#include "onnx.pb.h"

namespace descent::onnx {

inline proto::ModelProto Parsed(const std::string& text) {
  proto::ModelProto file;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &file)) << text;
  return file;
}

/// A file of operator set 17 with this graph, and what else stands there.
inline proto::ModelProto File(const std::string& graph, const std::string& beside = "") {
  return Parsed("ir_version: 8 opset_import { version: 17 } " + beside + " graph { name: \"g\" " +
                graph + " }");
}

inline std::string Info(const std::string& field, const std::string& name, int type,
                        const std::string& dims) {
  return fmt::format(
      "{} {{ name: \"{}\" type {{ tensor_type {{ elem_type: {} shape {{ {} }} }} }} }} ", field,
      name, type, dims);
}
inline std::string Dim(int64_t extent) { return fmt::format("dim {{ dim_value: {} }} ", extent); }
inline constexpr const char* kRows = "dim { dim_param: \"rows\" } ";

inline std::string Node(const std::string& op, const std::string& operands,
                        const std::string& results, const std::string& beside = "") {
  std::string text = "node { op_type: \"" + op + "\" ";
  for (const auto& [field, names] : {std::pair("input", operands), std::pair("output", results)})
    for (const char name : names)
      text += fmt::format("{}: \"{}\" ", field, name == '-' ? "" : std::string(1, name));
  return text + beside + " } ";
}

inline constexpr int kFloat = proto::TensorProto::FLOAT, kInt64 = proto::TensorProto::INT64;
inline const std::string kX = Info("input", "x", kFloat, Dim(2));
inline const std::string kY = Info("output", "y", kFloat, Dim(2));
inline const std::string kRelu = Node("Relu", "x", "y");
/// w: f32[2]
inline const std::string kWeight =
    "initializer { name: \"w\" data_type: 1 dims: 2 float_data: 1 float_data: 2 } ";

inline Result<Model> Read(const proto::ModelProto& file) {
  return ParseModel(file.SerializeAsString(), "g.onnx", {.dims = {{"rows", 2}}});
}
inline Result<Model> ReadStatic(const proto::ModelProto& file) {
  return ParseModel(file.SerializeAsString(), "g.onnx", {});
}

inline void ExpectGood(const Result<Model>& model) { EXPECT_TRUE(model) << model.error().message; }
inline void ExpectRefused(const Result<Model>& model, const std::string& message,
                          ExitStatus status = ExitStatus::kInvalid) {
  ASSERT_FALSE(model) << message;
  EXPECT_EQ(model.error().message, message);
  EXPECT_EQ(model.error().status, status) << message;
}

}  // namespace descent::onnx

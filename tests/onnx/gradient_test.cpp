// ai.onnx.preview.training's Gradient: examples of its specification, of small functions.
#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

#include "compiler/graph/specialize.h"
#include "frontends/onnx/import.h"
#include "ir/interpreter.h"
#include "onnx.pb.h"

namespace descent::onnx {
namespace {

std::string Node(std::string_view op, const std::vector<std::string>& operands,
                 const std::vector<std::string>& results, std::string_view more = {}) {
  std::string text = fmt::format("node {{ op_type: \"{}\" {} ", op, more);
  for (const std::string& operand : operands) text += fmt::format("input: \"{}\" ", operand);
  for (const std::string& result : results) text += fmt::format("output: \"{}\" ", result);
  return text + "}\n";
}

std::string Gradient(const std::vector<std::string>& xs, const std::vector<std::string>& zs,
                     std::string_view y, const std::vector<std::string>& operands,
                     const std::vector<std::string>& results) {
  std::string more = fmt::format(
      "domain: \"ai.onnx.preview.training\" attribute {{ name: \"y\" type: STRING s: \"{}\" }}", y);
  for (const auto& [name, words] : {std::pair("xs", &xs), std::pair("zs", &zs)}) {
    if (words->empty()) continue;
    more += fmt::format(" attribute {{ name: \"{}\" type: STRINGS ", name);
    for (const std::string& word : *words) more += fmt::format("strings: \"{}\" ", word);
    more += "}";
  }
  return Node("Gradient", operands, results, more);
}

/// Outputs r... of the graph over vectors a = [2, 3], b = [5, 7] and c = [1, 10], or the error.
std::string RunOf(const std::string& nodes, const std::vector<std::string>& outputs) {
  std::string text =
      "ir_version: 8 opset_import { version: 17 } opset_import { domain: "
      "\"ai.onnx.preview.training\" version: 1 } graph { name: \"net\" " +
      nodes;
  for (const std::string name : {"a", "b", "c"})
    text += fmt::format(
        "input {{ name: \"{}\" type {{ tensor_type {{ elem_type: 1 shape {{ dim {{ dim_value: 2 }} "
        "}} }} }} }}\n",
        name);
  for (const std::string& name : outputs)
    text +=
        fmt::format("output {{ name: \"{}\" type {{ tensor_type {{ elem_type: 1 }} }} }}", name);
  proto::ModelProto file;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text + "}", &file)) << text;
  const auto model = ParseModel(file.SerializeAsString(), "net.onnx", {});
  if (!model) return model.error().message;
  const auto entry = Specialize(*model, {.entry = "run"});
  if (!entry) return entry.error().ToString();
  const std::map<std::string, std::vector<double>> values = {
      {"a", {2, 3}}, {"b", {5, 7}}, {"c", {1, 10}}};
  std::vector<Tensor> inputs;
  for (const auto& input : entry->graph.inputs())
    inputs.push_back(Tensor::FromDoubles({DType::kF32, {2}}, values.at(input.name)));
  const auto run = Interpret(entry->graph, inputs);
  if (!run) return run.error().ToString();
  std::string told;
  for (const Tensor& output : run->outputs)
    told += fmt::format("[{} {}]", output.GetDouble(0), output.GetDouble(1));
  return told;
}

const std::string kSquares = Node("Mul", {"a", "a"}, {"h"}) + Node("Mul", {"h", "b"}, {"y"});

TEST(Gradient, OfASum) {
  EXPECT_EQ(RunOf(Node("Add", {"a", "b"}, {"y"}) +
                      Gradient({"a", "b"}, {}, "y", {"a", "b"}, {"da", "db"}),
                  {"y", "da", "db"}),
            "[7 10][1 1][1 1]");
}

TEST(Gradient, OfAProduct) {
  EXPECT_EQ(RunOf(kSquares + Gradient({"a", "b"}, {}, "y", {"a", "b"}, {"da", "db"}), {"da", "db"}),
            "[20 42][4 9]");
}

TEST(Gradient, ResultsMayBeLeftOut) {
  EXPECT_EQ(RunOf(kSquares + Gradient({"a", "b"}, {}, "y", {"a", "b"}, {"", "db"}), {"db"}),
            "[4 9]");
}

TEST(Gradient, OfAnIntermediateTensor) {
  EXPECT_EQ(RunOf(kSquares + Gradient({"h", "b"}, {}, "y", {"h", "b"}, {"dh", "db"}), {"dh", "db"}),
            "[5 7][4 9]");
}

TEST(Gradient, WithConstants) {
  EXPECT_EQ(RunOf(Node("Mul", {"a", "a"}, {"h"}) + Node("Mul", {"h", "a"}, {"y"}) +
                      Gradient({"a"}, {"h"}, "y", {"a", "h"}, {"da"}),
                  {"da"}),
            "[4 9]");
}

TEST(Gradient, AtOtherValues) {
  EXPECT_EQ(RunOf(kSquares + Gradient({"a"}, {"b"}, "y", {"c", "b"}, {"da"}), {"y", "da"}),
            "[20 63][10 140]");
  EXPECT_EQ(RunOf(kSquares + Gradient({"h", "b"}, {}, "y", {"c", "a"}, {"dh", "db"}), {"dh", "db"}),
            "[2 3][1 10]");
}

TEST(Gradient, OfAGradient) {
  EXPECT_EQ(RunOf(kSquares + Gradient({"a"}, {"b"}, "y", {"a", "b"}, {"da"}) +
                      Gradient({"a", "b"}, {}, "da", {"a", "b"}, {"daa", "dab"}),
                  {"daa", "dab"}),
            "[10 14][4 6]");
}

TEST(Gradient, ErrorsSayWhatIsWrong) {
  const auto fails = [](const std::string& gradient, std::string_view text) {
    const std::string told = RunOf(kSquares + gradient, {"da"});
    EXPECT_NE(told.find(text), std::string::npos) << told;
  };
  fails(Gradient({"a"}, {}, "z", {"a"}, {"da"}), "nothing before it defines 'z'");
  fails(Gradient({"z"}, {}, "y", {"a"}, {"da"}), "nothing before it defines 'z'");
  fails(Gradient({"a", "b"}, {}, "y", {"a"}, {"da"}), "name 2 tensors, but it has 1 operands");
  fails(Gradient({}, {}, "y", {}, {"da"}), "name 0 tensors");
  fails(Node("ReduceSum", {"a"}, {"s"}) + Gradient({"a"}, {}, "y", {"s"}, {"da"}),
        "'a' is f32[2], but its operand f32[1]");
  fails(Node("ArgMax", {"a"}, {"i"}) + Gradient({"a"}, {}, "i", {"a"}, {"da"}),
        "only floats have a gradient");
  fails(Node("ArgMax", {"a"}, {"i"}) + Gradient({"i"}, {}, "y", {"i"}, {"da"}),
        "only floats have one");
}

}  // namespace
}  // namespace descent::onnx

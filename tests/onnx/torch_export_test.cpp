// What PyTorch's exporters merge, fold and tell beside the graph.
#include "frontends/onnx/torch_export.h"

#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

#include "compiler/graph/specialize.h"
#include "frontends/onnx/import.h"
#include "ir/interpreter.h"
#include "ir/io/text_parser.h"
#include "ir/io/text_printer.h"

namespace descent::onnx {
namespace {

constexpr std::string_view kInput =
    R"(input { name: "x" type { tensor_type { elem_type: 1 shape { dim { dim_value: 1 } dim { dim_value: 2 } } } } })";

std::string Initializer(std::string_view name, std::string_view shape, std::string_view values) {
  return fmt::format(R"(initializer {{ name: "{}" data_type: 1 dims: [{}] float_data: [{}] }})",
                     name, shape, values);
}

std::string Node(std::string_view op, std::vector<std::string> inputs, std::string_view output,
                 std::string_view metadata = {}) {
  std::string text = fmt::format(R"(node {{ op_type: "{}" output: "{}" )", op, output);
  for (const std::string& input : inputs) text += fmt::format(R"(input: "{}" )", input);
  if (!metadata.empty())
    text += fmt::format(
        R"(metadata_props {{ key: "pkg.torch.onnx.fx_node" value: "{}" }} )"
        R"(metadata_props {{ key: "pkg.torch.onnx.name_scopes" value: "['', 'top', 'top.{}', 'call']" }} )",
        metadata, output);
  return text + "}\n";
}

/// The graph's last node gives "y".
proto::ModelProto File(const std::string& graph, std::string_view producer = "pytorch",
                       std::string_view signature = {}) {
  std::string text = fmt::format(
      "ir_version: 8 producer_name: \"{}\" opset_import {{ version: 18 }}\ngraph {{ name: "
      "\"net\"\n{}\n{}\n"
      "output {{ name: \"y\" type {{ tensor_type {{ elem_type: 1 }} }} }}\n",
      producer, kInput, graph);
  if (!signature.empty())
    text += fmt::format(
        R"(metadata_props {{ key: "pkg.torch.export.ExportedProgram.graph_signature" value: "{}" }})",
        signature);
  proto::ModelProto file;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text + "}", &file)) << text;
  return file;
}

/// "name, name (not trained)" of the model's parameters.
std::string ParametersOf(const proto::ModelProto& file) {
  const auto model = ParseModel(file.SerializeAsString(), "net.onnx");
  if (!model) return model.error().ToString();
  std::vector<std::string> names;
  for (const Slot& slot : model->slots)
    names.push_back(slot.name + (slot.trainable ? "" : " (not trained)"));
  return fmt::format("{}", fmt::join(names, ", "));
}

TEST(TorchExport, AnIdentityOfAParameterIsAnother) {
  const std::string graph =
      Initializer("a.scale", "2", "1, 1") + Node("Identity", {"a.scale"}, "b.scale") +
      Node("Identity", {"b.scale"}, "c.scale") + Node("Mul", {"x", "a.scale"}, "p") +
      Node("Mul", {"p", "b.scale"}, "q") + Node("Mul", {"q", "c.scale"}, "y");
  EXPECT_EQ(ParametersOf(File(graph)), "a.scale, b.scale, c.scale");
  EXPECT_EQ(ParametersOf(File(graph, "another")), "a.scale");
}

TEST(TorchExport, AParameterThatIsReadTwiceIsOne) {
  EXPECT_EQ(ParametersOf(File(Initializer("tied", "2", "1, 1") + Node("Mul", {"x", "tied"}, "p") +
                              Node("Mul", {"p", "tied"}, "y"))),
            "tied");
}

TEST(TorchExport, CopiesHaveABound) {
  std::string graph = "initializer { name: \"a\" data_type: 1 dims: [67108864] }\n";
  for (const char* name : {"b", "c", "d", "y"}) graph += Node("Identity", {"a"}, name);
  proto::ModelProto file = File(graph);
  SeparateMergedParameters(file);
  EXPECT_EQ(file.graph().initializer_size(), 3);
  ASSERT_EQ(file.graph().node_size(), 2);
  EXPECT_EQ(file.graph().node(1).output(0), "y");  // an output stays one
}

constexpr std::string_view kSignature =
    R"(\n# inputs\np_a_scale: PARAMETER target='a.scale'\np_b_scale: PARAMETER target='b.scale'\n)"
    R"(p_weight: PARAMETER target='weight'\nb_table: BUFFER target='table' persistent=True\n)";

std::string Call(std::string_view parameter) {
  return fmt::format(
      "%mul : [num_users=1] = call_function[target=aten.mul](args = (%x, %{}), kwargs = {{}})",
      parameter);
}

TEST(TorchExport, CallsTellWhichParameterIsRead) {
  const std::string graph = Initializer("a.scale", "2", "1, 1") +
                            Node("Mul", {"x", "a.scale"}, "p", Call("p_a_scale")) +
                            Node("Mul", {"p", "a.scale"}, "q", Call("p_b_scale")) +
                            Node("Mul", {"q", "a.scale"}, "y", Call("p_a_scale"));
  EXPECT_EQ(ParametersOf(File(graph, "pytorch", kSignature)), "a.scale, b.scale");
  EXPECT_EQ(ParametersOf(File(graph)), "a.scale");
}

TEST(TorchExport, WhatIsFoldedOfParametersIsToldApartByWhoReadsIt) {
  const std::string graph = Initializer("val_1", "2, 1", "1, 1") +
                            Node("Mul", {"x", "val_1"}, "p", Call("p_a_scale")) +
                            Node("Mul", {"p", "val_1"}, "q", Call("p_a_scale")) +
                            Node("Mul", {"q", "val_1"}, "y", Call("p_b_scale"));
  EXPECT_EQ(ParametersOf(File(graph, "pytorch", kSignature)), "val_1, top.y.val_1");
}

/// The ones of a normalization without weights lie in those of another that has them.
TEST(TorchExport, NumbersThatAreMergedWithParametersAreTakenApart) {
  const std::string number =
      "%norm : [num_users=1] = call_function[target=aten.norm](args = (%x,))";
  const auto graph = [&](std::string_view values) {
    return Initializer("a.scale", "2", values) +
           Node("Mul", {"x", "a.scale"}, "p", Call("p_a_scale")) +
           Node("Mul", {"p", "a.scale"}, "y", number);
  };
  proto::ModelProto file = File(graph("1, 1"), "pytorch", kSignature);
  EXPECT_EQ(ParametersOf(file), "a.scale");
  SeparateMergedParameters(file);
  EXPECT_EQ(file.graph().node(1).input(1), "top.y.a.scale");
  // What is no such number is a parameter that is used twice.
  proto::ModelProto tied = File(graph("1, 2"), "pytorch", kSignature);
  SeparateMergedParameters(tied);
  EXPECT_EQ(tied.graph().node(1).input(1), "a.scale");
}

TEST(TorchExport, NumbersAndBuffersAreNotTrained) {
  const std::string graph = Initializer("val_1", "1", "0.5") + Initializer("weight", "2", "1, 1") +
                            Initializer("table", "2", "3, 4") + Node("Mul", {"x", "val_1"}, "p") +
                            Node("Mul", {"p", "weight"}, "q") + Node("Add", {"q", "table"}, "y");
  EXPECT_EQ(ParametersOf(File(graph, "pytorch", kSignature)), "weight, table (not trained)");
  EXPECT_EQ(ParametersOf(File(graph)), "val_1, weight, table");
}

TEST(TorchExport, StatisticsAreNoParametersThatAreNotTrained) {
  constexpr std::string_view kBuffers =
      R"(\n# inputs\nb_mean: BUFFER target='mean' persistent=True\nb_var: BUFFER target='var' persistent=True\n)";
  std::string graph;
  for (const char* name : {"scale", "shift", "mean", "var"})
    graph += Initializer(name, "2", "1, 2");
  graph += Node("BatchNormalization", {"x", "scale", "shift", "mean", "var"}, "y");
  const proto::ModelProto file = File(graph, "pytorch", kBuffers);
  const auto model = ParseModel(file.SerializeAsString(), "net.onnx");
  ASSERT_TRUE(model) << model.error().ToString();
  const std::string text = PrintText(*model);
  EXPECT_NE(text.find("statistic mean"), std::string::npos) << text;
  const auto again = ParseText(text, "net.descent");
  EXPECT_TRUE(again) << again.error().ToString();
}

/// Nothing was computed of a parameter where all of them are there: other constants are none.
TEST(TorchExport, WhatIsComputedBesideAllParametersIsNotTrained) {
  const std::string others = Initializer("b.scale", "2", "1, 1");
  const std::string graph = Initializer("a.scale", "2", "1, 3") +
                            Initializer("sub_1", "2", "4, 5") + Node("Mul", {"x", "a.scale"}, "p") +
                            Node("Mul", {"p", "b.scale"}, "q") + Node("Mul", {"q", "sub_1"}, "r");
  const std::string rest = Node("Identity", {"r"}, "y");
  const std::string two =
      "p_a_scale: PARAMETER target='a.scale'\\np_b_scale: PARAMETER "
      "target='b.scale'";
  EXPECT_EQ(ParametersOf(File(others + graph + rest, "pytorch", two)), "a.scale, b.scale");
  // Of one that is not there, another constant may have been made.
  const std::string three = two + "\\np_c_scale: PARAMETER target='c.scale'";
  EXPECT_EQ(ParametersOf(File(others + graph + rest, "pytorch", three)), "a.scale, b.scale, sub_1");
}

/// 1 + weight of two fresh layers, of which the exporter keeps one.
TEST(TorchExport, WhatWasComputedOfEqualParametersIsTakenApart) {
  const auto call = [](std::string_view x, std::string_view read) {
    return fmt::format("%m : [num_users=1] = call_function[target=aten.mul](args = (%{}, %{}))", x,
                       read);
  };
  const auto graph = [&](std::string_view second) {
    return Initializer("add_19", "2", "1, 1") +
           Node("Mul", {"x", "add_19"}, "p", call("x", "add_19")) +
           Node("Mul", {"p", "add_19"}, "y", call("p", second));
  };
  const std::string signature = "p_a: PARAMETER target='a'\\np_b: PARAMETER target='b'";
  const auto names = [&](std::string_view second) {
    proto::ModelProto file = File(graph(second), "pytorch", signature);
    SeparateMergedParameters(file);
    return file.graph().node(1).input(1);
  };
  EXPECT_EQ(names("add_42"), "add_42");
  EXPECT_EQ(names("add_19"), "add_19");
}

TEST(TorchExport, PaddingRowsGetNoGradient) {
  const auto node = [](std::string_view arguments) {
    proto::NodeProto gather;
    auto& call = *gather.add_metadata_props();
    call.set_key("pkg.torch.onnx.fx_node");
    call.set_value(
        fmt::format("%embedding : [num_users=1] = call_function[target=torch.ops.aten."
                    "embedding.default](args = ({}), kwargs = {{}})",
                    arguments));
    return gather;
  };
  EXPECT_EQ(PaddingRow(node("%p_emb_weight, %x, 3")), 3);
  EXPECT_EQ(PaddingRow(node("%p_emb_weight, %x, 0, True")), 0);
  EXPECT_EQ(PaddingRow(node("%p_emb_weight, %x")), std::nullopt);
  EXPECT_EQ(PaddingRow(node("%p_emb_weight, %x, -1")), std::nullopt);
  EXPECT_EQ(PaddingRow(node("%p_emb_weight, %x, 99999999999999999999")), std::nullopt);
  EXPECT_EQ(PaddingRow(proto::NodeProto()), std::nullopt);
}

/// Of 3 elements 7 (2.5 times), PyTorch's last is the last one; ONNX's cases divide by 6.5.
TEST(TorchExport, CornersAreAlignedWithTheResult) {
  const auto last = [](std::string_view producer) {
    proto::ModelProto file;
    EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(
        fmt::format(
            R"(ir_version: 8 producer_name: "{}" opset_import {{ version: 18 }} graph {{ name: "net"
        initializer {{ name: "s" data_type: 1 dims: 1 float_data: 2.5 }}
        input {{ name: "x" type {{ tensor_type {{ elem_type: 1 shape {{ dim {{ dim_value: 3 }} }} }} }} }}
        node {{ op_type: "Resize" input: "x" input: "" input: "s" output: "y"
          attribute {{ name: "mode" type: STRING s: "linear" }}
          attribute {{ name: "coordinate_transformation_mode" type: STRING s: "align_corners" }} }}
        output {{ name: "y" type {{ tensor_type {{ elem_type: 1 }} }} }} }})",
            producer),
        &file));
    const auto model = ParseModel(file.SerializeAsString(), "net.onnx");
    EXPECT_TRUE(model) << model.error().message;
    const Tensor x = Tensor::FromDoubles({DType::kF32, {3}}, std::vector<double>{0, 1, 2});
    const auto entry = Specialize(*model, {.entry = "run"});
    EXPECT_TRUE(entry) << entry.error().message;
    const auto run = Interpret(entry->graph, std::vector{x});
    EXPECT_TRUE(run) << run.error().message;
    return run->outputs.at(0).GetDouble(6);
  };
  EXPECT_DOUBLE_EQ(last("pytorch"), 2);
  EXPECT_NEAR(last("backend-test"), 12 / 6.5, 1e-6);
}

/// A state that begins with zeros, folded; of a file without a signature it may be a weight.
TEST(TorchExport, TensorsOfEqualElementsAreNumbers) {
  const std::string graph = Initializer("val_1", "1, 2", "0, 0") +
                            Initializer("weight", "2", "1, 1") + Node("Mul", {"x", "weight"}, "p") +
                            Node("Add", {"p", "val_1"}, "y");
  EXPECT_EQ(ParametersOf(File(graph, "pytorch", kSignature)), "weight");
  EXPECT_EQ(ParametersOf(File(graph)), "weight, val_1");
}

TEST(TorchExport, InfiniteTensorsAreNotTrained) {
  const std::string graph = Initializer("mask", "2", "0, -inf") +
                            Initializer("weight", "2", "1, 1") + Node("Mul", {"x", "weight"}, "p") +
                            Node("Add", {"p", "mask"}, "y");
  for (const char* producer : {"pytorch", "another"})
    EXPECT_EQ(ParametersOf(File(graph, producer)), "weight, mask (not trained)");
}

/// weight [2, 3], and a matrix that the exporter has computed: x weight copy.
proto::ModelProto WithCopy(std::string_view copy, std::string_view elements,
                           std::string_view producer = "pytorch", std::string_view signature = {}) {
  return File(Initializer("weight", "2, 3", "1, 2, 3, 4, 5, 6") +
                  Initializer(copy, "3, 2", elements) + Node("MatMul", {"x", "weight"}, "p") +
                  Node("MatMul", {"p", std::string(copy)}, "y"),
              producer, signature);
}

TEST(TorchExport, TransposedCopiesStayTied) {
  constexpr std::string_view kTransposed = "1, 4, 2, 5, 3, 6";
  const proto::ModelProto tied = WithCopy("onnx::MatMul_7", kTransposed);
  EXPECT_EQ(ParametersOf(tied), "weight");
  EXPECT_EQ(ParametersOf(WithCopy("val_4", kTransposed, "pytorch", kSignature)), "weight");
  const auto model = ParseModel(tied.SerializeAsString(), "net.onnx");
  ASSERT_TRUE(model) << model.error().ToString();
  const auto run = Interpret(
      model->graph, std::vector{Tensor::FromDoubles({DType::kF32, {1, 2}}, std::vector{1., 10.}),
                                *model->slots[0].initializer.data});
  ASSERT_TRUE(run) << run.error().ToString();
  EXPECT_EQ(run->outputs[0], Tensor::FromDoubles({DType::kF32, {1, 2}}, std::vector{334., 802.}));
}

TEST(TorchExport, OtherMatricesAreNotTied) {
  EXPECT_EQ(ParametersOf(WithCopy("onnx::MatMul_7", "1, 4, 2, 7, 3, 6")), "weight, onnx::MatMul_7");
  EXPECT_EQ(ParametersOf(WithCopy("head.weight", "1, 4, 2, 5, 3, 6")), "weight, head.weight");
  EXPECT_EQ(ParametersOf(WithCopy("onnx::MatMul_7", "1, 4, 2, 5, 3, 6", "another")),
            "weight, onnx::MatMul_7");
}

}  // namespace
}  // namespace descent::onnx

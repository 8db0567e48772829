// Which initializers of a file are parameters: scalars by who wrote the file, and what is relied
// on.
#include "frontends/onnx/weights.h"

#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "compiler/graph/gradient_model.h"
#include "frontends/onnx/import.h"
#include "ir/interpreter.h"
#include "ir/op_def.h"

namespace descent::onnx {
namespace {

std::string Initializer(std::string_view name, std::string_view shape, std::string_view values) {
  return fmt::format("initializer {{ name: \"{}\" data_type: 1 dims: [{}] float_data: [{}] }}\n",
                     name, shape, values);
}
std::string Scalar(std::string_view name, std::string_view value) {
  return Initializer(name, "", value);
}

std::string Node(std::string_view op, const std::vector<std::string>& inputs,
                 std::string_view output, std::string_view more = {}) {
  std::string text = fmt::format("node {{ op_type: \"{}\" output: \"{}\" {} ", op, output, more);
  for (const std::string& input : inputs) text += fmt::format("input: \"{}\" ", input);
  return text + "}\n";
}

std::string Declared(std::string_view kind, std::string_view name, std::string_view shape) {
  return fmt::format("{} {{ name: \"{}\" type {{ tensor_type {{ elem_type: 1 {} }} }} }}\n", kind,
                     name, shape);
}

/// A graph of x [2] -> y.
std::string File(const std::string& graph, std::string_view producer = {},
                 std::string_view signature = {}) {
  std::string text = fmt::format(
      "ir_version: 8 producer_name: \"{}\" opset_import {{ version: 18 }}\n"
      "opset_import {{ domain: \"ai.onnx.ml\" version: 3 }}\ngraph {{ name: \"net\"\n{}{}{}",
      producer, Declared("input", "x", "shape { dim { dim_value: 2 } }"), graph,
      Declared("output", "y", ""));
  if (!signature.empty())
    text += fmt::format(
        "metadata_props {{ key: \"pkg.torch.export.ExportedProgram.graph_signature\" value: \"{}\" "
        "}}",
        signature);
  proto::ModelProto file;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text + "}", &file)) << text;
  return file.SerializeAsString();
}

Model Imported(const std::string& file, const ImportOptions& options = {}) {
  auto model = ParseModel(file, "net.onnx", options);
  EXPECT_TRUE(model) << model.error().ToString();
  return model ? *std::move(model) : Model{};
}

/// "name, name (not trained)" of the model's parameters.
std::string ParametersOf(const Model& model) {
  std::vector<std::string> names;
  for (const Slot& slot : model.slots)
    names.push_back(slot.name + (slot.trainable ? "" : " (not trained)"));
  return fmt::format("{}", fmt::join(names, ", "));
}
std::string ParametersOf(const std::string& file, const ImportOptions& options = {}) {
  return ParametersOf(Imported(file, options));
}

/// x times scalars of these names, one after the other.
std::string Product(const std::vector<std::string>& names) {
  std::string graph, x = "x";
  for (size_t i = 0; i < names.size(); ++i) {
    const std::string y = i + 1 == names.size() ? "y" : fmt::format("h{}", i);
    graph += Scalar(names[i], fmt::format("{}", i + 2)) + Node("Mul", {x, names[i]}, y);
    x = y;
  }
  return graph;
}

TEST(Weights, ScalarsOfTorchScriptHaveTheNamesOfTheModule) {
  const std::string graph =
      Product({"logit_scale", "head.scale", "onnx::Mul_12", "/act/Constant_output_0", "17"});
  EXPECT_EQ(ParametersOf(File(graph, "pytorch")), "logit_scale, head.scale");
}

TEST(Weights, ScalarsOfTorchExportAreThoseOfItsSignature) {
  const std::string_view signature =
      "p_scale: PARAMETER target='scale'\\nb_factor: BUFFER target='factor' persistent=True";
  const std::string graph = Product({"scale", "factor", "val_3", "exp", "clamp_max"});
  EXPECT_EQ(ParametersOf(File(graph, "pytorch", signature)), "scale, factor (not trained)");
}

/// "exp" was computed of scale, of which nothing tells any more; "low" belongs to a call.
TEST(Weights, WhatTorchExportComputedOfScalarsIsAParameter) {
  const auto reads = [](std::string_view name, std::string_view args) {
    return fmt::format(
        "metadata_props {{ key: \"pkg.torch.onnx.fx_node\" value: \"%{} : [num_users=1] = "
        "call_function[target=aten.mul](args = ({}), kwargs = {{}})\" }}",
        name, args);
  };
  const std::string graph = Scalar("exp", "2") + Scalar("low", "-1") +
                            Node("Mul", {"x", "exp"}, "h", reads("h", "%x, %exp")) +
                            Node("Max", {"h", "low"}, "y", reads("y", "%h, -1"));
  const std::string gone = "p_scale: PARAMETER target='scale'";
  EXPECT_EQ(ParametersOf(File(graph, "pytorch", gone)), "exp");
  EXPECT_EQ(ParametersOf(File(graph, "pytorch", "b_scale: BUFFER target='scale'")), "");
  const std::string there = graph + Scalar("scale", "3");
  EXPECT_EQ(ParametersOf(File(there, "pytorch", gone)), "");
}

TEST(Weights, TheSlopeOfAPReluIsAParameter) {
  const std::string graph = Scalar("val_3", "0.25") + Node("PRelu", {"x", "val_3"}, "y");
  EXPECT_EQ(ParametersOf(File(graph, "pytorch", "p_a: PARAMETER target='a'")), "val_3");
  EXPECT_EQ(ParametersOf(File(graph, "skl2onnx")), "val_3");
}

TEST(Weights, ScalarsOfTensorFlowAreReadOfVariables) {
  const std::string graph =
      Product({"net/scale/ReadVariableOp:0", "net/norm/add/y:0", "const_fold_opt__7", "Const:0"});
  EXPECT_EQ(ParametersOf(File(graph, "tf2onnx")), "net/scale/ReadVariableOp:0");
}

TEST(Weights, ScikitLearnHasNoScalars) {
  EXPECT_EQ(ParametersOf(File(Product({"unity"}), "skl2onnx")), "");
  const std::string scaled = Product({"unity"});
  EXPECT_EQ(ParametersOf(File(scaled)), "unity");
  EXPECT_EQ(ParametersOf(File(scaled + Node("Binarizer", {"x"}, "b", "domain: \"ai.onnx.ml\""))),
            "");
}

/// StandardScaler of doubles is no operator of its own.
TEST(Weights, ScalersOfScikitLearnAreNotTrained) {
  const std::string graph = Initializer("mean", "2", "1, 2") + Initializer("scale", "2", "3, 4") +
                            Initializer("coefficient", "2", "5, 6") +
                            Node("Sub", {"x", "mean"}, "a") + Node("Div", {"a", "scale"}, "b") +
                            Node("Mul", {"b", "coefficient"}, "y");
  EXPECT_EQ(ParametersOf(File(graph, "skl2onnx")), "coefficient");
  EXPECT_EQ(ParametersOf(File(graph)), "mean, scale, coefficient");
}

/// With a task a Dropout in training mode is Descent's, which drops in training only, unless
/// somebody reads what it drops.
TEST(Dropout, InTrainingModeDropsInTrainingOfATask) {
  const auto graph = [](std::string_view more) {
    return Scalar("half", "0.5") +
           "initializer { name: \"on\" data_type: 9 int32_data: 1 }\n"
           "node { op_type: \"Dropout\" input: \"x\" input: \"half\" input: \"on\" output: \"d\" "
           "output: \"mask\" }\n" +
           std::string(more);
  };
  const auto has_dropout = [](const Model& model) {
    return std::ranges::any_of(model.graph.nodes(),
                               [](const auto& node) { return node.op->name == "dropout"; });
  };
  const std::string plain = File(graph(Node("Identity", {"d"}, "y")));
  EXPECT_FALSE(has_dropout(Imported(plain)));
  EXPECT_TRUE(has_dropout(Imported(plain, {.for_task = true})));
  const std::string masked =
      File(graph(Node("Cast", {"mask"}, "m", "attribute { name: \"to\" type: INT i: 1 }") +
                 Node("Mul", {"d", "m"}, "y")));
  EXPECT_FALSE(has_dropout(Imported(masked, {.for_task = true})));
}

TEST(Weights, ScalarsOfOtherFilesAreParameters) {
  const std::string graph = Product({"alpha", "two", "val_0", "Constant_3", "5"});
  EXPECT_EQ(ParametersOf(File(graph)), "alpha, two");
  EXPECT_EQ(ParametersOf(File(graph, "backend-test")), "alpha, two");
  // Its own exporter writes numbers as Constant nodes.
  EXPECT_EQ(ParametersOf(File(Product({"val_0"}), "descent")), "val_0");
}

/// One step, one unit: the zeros that it begins with are no weights, unless they have a name of
/// the module.
TEST(Weights, ZerosThatALayerBeginsWithAreNumbers) {
  const auto layer = [](const std::string& state, std::string_view value) {
    return File(Initializer("W", "1, 1, 2", "1, 2") + Initializer("R", "1, 1, 1", "1") +
                Initializer(state, "1, 1, 1", value) +
                "initializer { name: \"axes\" data_type: 7 dims: [3] int64_data: [1, 1, 2] }\n" +
                Node("Reshape", {"x", "axes"}, "s") +
                Node("RNN", {"s", "W", "R", "", "", state}, "y",
                     "attribute { name: \"hidden_size\" type: INT i: 1 }"));
  };
  EXPECT_EQ(ParametersOf(layer("val_10", "0")), "R, W");
  EXPECT_EQ(ParametersOf(layer("val_10", "0.5")), "R, val_10, W");
  EXPECT_EQ(ParametersOf(layer("layer.start", "0")), "R, layer.start, W");
}

/// Limits of a Clip in a file whose names say nothing.
const std::string kClipped = Scalar("low", "-1") + Scalar("high", "2") +
                             Initializer("W", "2", "1, 1") + Node("Mul", {"x", "W"}, "h") +
                             Node("Clip", {"h", "low", "high"}, "y");

bool HasClamp(const Model& model) {
  return std::ranges::any_of(model.graph.nodes(), [](const descent::Node& node) {
    return std::ranges::any_of(
        node.attributes, [](const Attributes::Entry& entry) { return entry.first == "high"; });
  });
}

TEST(Weights, SettingsAreNone) {
  const Model model = Imported(File(kClipped));
  EXPECT_EQ(ParametersOf(model), "W");
  EXPECT_TRUE(HasClamp(model));
  const std::string quantized = Scalar("step", "0.5") + Node("QuantizeLinear", {"x", "step"}, "q") +
                                Node("DequantizeLinear", {"q", "step"}, "d") +
                                Node("Dropout", {"d", "ratio"}, "y");
  EXPECT_EQ(ParametersOf(File(Scalar("ratio", "0.5") + quantized)), "");
  // A module's own limit is trained: PyTorch writes numbers as Constant nodes.
  EXPECT_EQ(ParametersOf(File(kClipped, "pytorch")), "W, low, high");
  EXPECT_FALSE(HasClamp(Imported(File(kClipped, "pytorch"))));
}

TEST(Weights, AreWhatIsNamed) {
  const std::string graph = Product({"onnx::Mul_12", "scale"});
  EXPECT_EQ(ParametersOf(File(graph, "pytorch"), {.parameters = {"onnx::Mul_12"}}),
            "onnx::Mul_12, scale");
}

/// What decides a shape or a form is a constant, wherever else it is read.
TEST(Weights, WhatTheImportReliesOnIsAConstant) {
  const std::string graph =
      Scalar("extent", "2") + Scalar("scale", "3") +
      Node("Cast", {"extent"}, "n", "attribute { name: \"to\" type: INT i: 7 }") +
      "initializer { name: \"one\" data_type: 7 dims: [1] int64_data: 1 }\n" +
      Node("Reshape", {"n", "one"}, "target") + Node("Reshape", {"x", "target"}, "h") +
      Node("Mul", {"h", "extent"}, "g") + Node("Mul", {"g", "scale"}, "y");
  const Model model = Imported(File(graph));
  EXPECT_EQ(ParametersOf(model), "scale");
  const auto run = Interpret(
      model.graph, std::vector{Tensor::FromDoubles({DType::kF32, {2}}, std::vector<double>{1, 2}),
                               Tensor::Scalar(DType::kF32, 3)});
  ASSERT_TRUE(run) << run.error().ToString();
  EXPECT_EQ(run->outputs[0].GetDouble(1), 12);
}

/// A condition that data decide relies on nothing.
TEST(Weights, WhatIsNotKnownReliesOnNothing) {
  const std::string branch =
      [](std::string_view name, std::string_view op) {
        return fmt::format(
            "attribute {{ name: \"{}\" type: GRAPH g {{ name: \"b\" node {{ op_type: \"{}\" input: "
            "\"x\" "
            "input: \"scale\" output: \"r\" }} output {{ name: \"r\" }} }} }}\n",
            name, op);
      }("then_branch", "Mul") +
      "attribute { name: \"else_branch\" type: GRAPH g { name: \"b\" node { "
      "op_type: \"Neg\" input: \"x\" output: \"r\" } output { name: \"r\" } } }";
  const std::string graph =
      Scalar("scale", "3") +
      Node("ReduceSum", {"x"}, "s", "attribute { name: \"keepdims\" type: INT i: 0 }") +
      Node("Mul", {"s", "scale"}, "t") + Node("Greater", {"t", "scale"}, "c") +
      Node("If", {"c"}, "y", branch);
  EXPECT_EQ(ParametersOf(File(graph)), "scale");
}

/// Both exporters of PyTorch store equal parameters once, and dynamo's numbers among them.
TEST(Weights, MergedScalarsAreTakenApart) {
  const std::string identities = Scalar("a", "1") + Node("Identity", {"a"}, "b") +
                                 Node("Mul", {"x", "a"}, "h") + Node("Mul", {"h", "b"}, "y");
  proto::ModelProto file;
  ASSERT_TRUE(file.ParseFromString(File(identities, "pytorch")));
  SeparateMergedParameters(file);
  EXPECT_EQ(ParametersOf(file.SerializeAsString()), "a, b");
}

/// Names and values of the gradients where every cotangent is 1.
std::string GradientsOf(const std::string& file, std::vector<double> x) {
  const Model model = Imported(file, {.all_parameters = true});
  auto gradient = GradientModel(model);
  EXPECT_TRUE(gradient) << gradient.error().ToString();
  std::vector<Tensor> inputs;
  for (const NamedValue& input : gradient->graph.inputs()) {
    const Slot* slot = model.FindSlot(input.name);
    const TensorType& type = gradient->graph.type(input.value);
    inputs.push_back(slot != nullptr     ? *slot->initializer.data
                     : input.name == "x" ? Tensor::FromDoubles(type, x)
                                         : Tensor::Full(type, 1));
  }
  const auto run = Interpret(gradient->graph, inputs);
  EXPECT_TRUE(run) << run.error().ToString();
  std::string text;
  for (size_t i = 0; i < run->outputs.size(); ++i) {
    text += gradient->graph.outputs()[i].name + "=";
    for (int64_t k = 0; k < run->outputs[i].elements(); ++k)
      text += fmt::format("{},", run->outputs[i].GetDouble(k));
    text += " ";
  }
  return text;
}

TEST(Weights, AllInitializersHaveGradients) {
  EXPECT_EQ(GradientsOf(File(Product({"onnx::Mul_1", "scale"}), "pytorch"), {1, 10}),
            "grad.x=6,6, grad.onnx::Mul_1=33, grad.scale=22, ");
  // Limits pass gradients to what lies at them, as a clamp does.
  EXPECT_EQ(GradientsOf(File(kClipped), {-2, 2}),
            "grad.x=0,1, grad.W=-0,2, grad.low=1, grad.high=0, ");
  const std::string unread = Node("Neg", {"x"}, "y") + Initializer("unread", "3", "1, 2, 3") +
                             Scalar("alone", "1") + Initializer("empty", "0", "") +
                             Initializer("dead", "2", "1, 1") + Node("Mul", {"x", "dead"}, "d");
  EXPECT_EQ(GradientsOf(File(unread), {1, 2}),
            "grad.x=-1,-1, grad.dead=0,0, grad.alone=0, grad.empty= grad.unread=0,0,0, ");
  // An output itself; read for its shape and for integers only.
  EXPECT_EQ(GradientsOf(File(Initializer("y", "2", "1, 2")), {1, 2}), "grad.x=0,0, grad.y=1,1, ");
  const std::string integers =
      Initializer("W", "2", "1, 1") +
      Node("Cast", {"W"}, "i", "attribute { name: \"to\" type: INT i: 7 }") +
      Node("Cast", {"i"}, "f", "attribute { name: \"to\" type: INT i: 1 }") +
      Node("Mul", {"x", "f"}, "y");
  EXPECT_EQ(GradientsOf(File(integers), {1, 2}), "grad.x=1,1, grad.W=0,0, ");
}

/// The value around a padding, which Clip's siblings have as an attribute, too.
TEST(Weights, NumbersOfPadsAndOneHotsHaveGradients) {
  const std::string padded =
      "initializer { name: \"pads\" data_type: 7 dims: [2] int64_data: [1, 2] }\n" +
      Scalar("around", "4") + Node("Pad", {"x", "pads", "around"}, "y");
  EXPECT_EQ(GradientsOf(File(padded), {1, 2}), "grad.x=1,1, grad.around=3, ");
  EXPECT_EQ(ParametersOf(File(padded)), "");
  const std::string hot =
      "initializer { name: \"depth\" data_type: 7 dims: [] int64_data: 3 }\n"
      "initializer { name: \"of\" data_type: 7 dims: [2] int64_data: [1, 2] }\n" +
      Initializer("off_on", "2", "0, 5") + Node("OneHot", {"of", "depth", "off_on"}, "h") +
      Node("ReduceSum", {"h"}, "s", "attribute { name: \"keepdims\" type: INT i: 0 }") +
      Node("Mul", {"x", "s"}, "y");
  EXPECT_EQ(GradientsOf(File(hot), {1, 2}), "grad.x=10,10, grad.off_on=12,6, ");
  EXPECT_EQ(ParametersOf(File(hot)), "");
}

}  // namespace
}  // namespace descent::onnx

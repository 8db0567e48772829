// One violation of every invariant of docs/ir.md.
#include "ir/verify.h"

#include <gtest/gtest.h>

#include <cmath>

#include "ir/op_def.h"
#include "tests/ir/io/samples.h"

namespace descent {
namespace {

Model Good() {
  return ModelFrom(
      "batch 4\ninput x: f32[batch, 2] normalize scale(0.5)\ninput y: f32[batch, 1] from label\n"
      "parameter w: f32[2, 1] = glorot_uniform\nstatistic s: f32[] = 0 -> t\n"
      "z = matmul(x, w)\np = sigmoid(z)\nloss = bce(p, y)\nt = add(s, 1)\n"
      "predict p as probability\nmetric m = binary_accuracy(p, y)\n"
      "train loss with sgd(learning_rate=1)");
}

/// The number of the invariant that `damage` violates in a good model.
template <typename Damage>
std::string Violated(Damage damage) {
  Model model = Good();
  damage(model);
  const auto verified = Verify(model);
  return verified ? "none" : verified.error().message.substr(0, verified.error().message.find(':'));
}

Graph OneInput(const std::string& name, TensorType type) {
  GraphBuilder b;
  b.Output("out", b.Input(name, std::move(type)));
  return std::move(b).Build();
}

TEST(Verify, AcceptsTheSamples) {
  EXPECT_EQ(Violated([](Model&) {}), "none");
  for (const auto& path : FilesOf("models", ".descent")) {
    const auto model = ParseText(FileText(path), path.string());
    ASSERT_TRUE(model.has_value()) << model.error().ToString();
    const auto verified = Verify(*model);
    EXPECT_TRUE(verified.has_value()) << path << verified.error().ToString();
  }
}

TEST(Verify, IsDocumented) {
  const std::string page = FileText(DESCENT_SOURCE_DIR "/docs/ir.md");
  for (int number = 1; number <= 21; ++number)
    EXPECT_NE(page.find(fmt::format("| **V{}** |", number)), std::string::npos) << number;
  EXPECT_EQ(page.find("| **V22** |"), std::string::npos);
}

TEST(Verify, V1Version) {
  EXPECT_EQ(Violated([](Model& m) { m.format_version = 2; }), "V1");
  EXPECT_EQ(Violated([](Model& m) { m.format_version = 0; }), "V1");
}

TEST(Verify, V2Text) {
  EXPECT_EQ(Violated([](Model& m) { m.inputs[0].name = ""; }), "V2");
  EXPECT_EQ(Violated([](Model& m) { m.inputs[0].column = "a\nb"; }), "V2");
  EXPECT_EQ(Violated([](Model& m) { m.slots[0].name = "\xff"; }), "V2");
  EXPECT_EQ(Violated([](Model& m) { m.slots[0].name = std::string(1001, 'a'); }), "V2");
  EXPECT_EQ(Violated([](Model& m) { m.slots[0].trailing = "two\nlines"; }), "V2");
  EXPECT_EQ(Violated([](Model& m) { m.comment = "bell \a"; }), "V2");
  EXPECT_EQ(Violated([](Model& m) { m.comment = "two\nlines,\ta tab"; }), "none");
}

TEST(Verify, V3OutputsAreNoOtherInput) {
  for (const bool same : {false, true}) {
    Model model{.name = "m"};
    model.inputs = {{.name = "x", .type = {DType::kF32, {2}}}};
    GraphBuilder b;
    const Value x = b.Input("x", {DType::kF32, {2}});
    b.Output("x", same ? x : b.Add("tanh", {x}));
    model.graph = std::move(b).Build();
    EXPECT_EQ(Verify(model).has_value(), same);
  }
}

TEST(Verify, V3UniqueNames) {
  EXPECT_EQ(Violated([](Model& m) { m.inputs.push_back(m.inputs[0]); }), "V3");
  EXPECT_EQ(Violated([](Model& m) { m.slots[0].name = "x"; }), "V3");
  EXPECT_EQ(Violated([](Model& m) { m.metrics.push_back(m.metrics[0]); }), "V3");
  EXPECT_EQ(Violated([](Model& m) { m.predictions.push_back(m.predictions[0]); }), "V3");
}

TEST(Verify, V4InputsAreClaimed) {
  EXPECT_EQ(Violated([](Model& m) { m.slots.erase(m.slots.begin()); }), "V4");
  EXPECT_EQ(Violated([](Model& m) { m.slots[0].type.shape = {1, 2}; }), "V4");
}

TEST(Verify, V5InputsAreInOrder) {
  EXPECT_EQ(Violated([](Model& m) { std::swap(m.inputs[0], m.inputs[1]); }), "V5");
  EXPECT_EQ(Violated([](Model& m) { std::swap(m.slots[0], m.slots[1]); }), "V5");
}

TEST(Verify, V6BodiesAreBounded) {
  const auto nested = [](int depth) {
    Graph body = OneInput("x", {DType::kF32, {2}});
    for (int i = 0; i < depth; ++i) {
      GraphBuilder b;
      const Value x = b.Input("x", {DType::kF32, {2}});
      b.Output("out", b.Add("scan", {x},
                            {{"body", std::make_shared<const Graph>(std::move(body))},
                             {"carried", int64_t{1}},
                             {"trip_count", int64_t{2}}}));
      body = std::move(b).Build();
    }
    Model model = {.name = "m"};
    model.inputs = {{.name = "x", .type = {DType::kF32, {2}}}};
    model.graph = std::move(body);
    return Verify(model);
  };
  EXPECT_TRUE(nested(16).has_value());
  ASSERT_FALSE(nested(17).has_value());
  EXPECT_EQ(nested(17).error().message, "V6: bodies are nested more than 16 deep");
}

TEST(Verify, V7TypesFollow) {
  Node node = {.op = FindOp("neg"), .types = {{DType::kF32, {3}}}};
  const std::vector<TensorType> operands = {{DType::kF32, {2}}};
  EXPECT_EQ(VerifyNode(node, operands).error().message,
            "V7: its types are not those that the operator infers");
  node.types = {{DType::kF32, {2}}};
  EXPECT_TRUE(VerifyNode(node, operands).has_value());
  node.op = FindOp("leaky_relu");
  EXPECT_EQ(VerifyNode(node, operands).error().message,
            "V7: an attribute that has a default is missing");
}

TEST(Verify, V8ExpressionsAreWellFormed) {
  const OpDef broken = {.name = "broken",
                        .signature = {.operands = {{"x"}}},
                        .infer = [](const OpContext& op) -> Result<std::vector<TensorType>> {
                          return std::vector<TensorType>{op.operands[0]};
                        },
                        .define =
                            [](const OpContext& op) {
                              // Reads operand 1, which does not exist.
                              TensorExpr expr{.axes = op.shape(0), .rank = op.operands[0].rank()};
                              expr.reads = {{.operand = 1, .coordinates = {Axis(0)}}};
                              expr.results = {ReadScalar(0, op.dtype(0))};
                              return expr;
                            }};
  const std::vector<TensorType> operands = {{DType::kF32, {2}}};
  const Node node = {.op = &broken, .types = operands};
  EXPECT_TRUE(VerifyNode(node, operands).error().message.starts_with("V8: "));
}

TEST(Verify, V9BatchIsConsistent) {
  EXPECT_EQ(Violated([](Model& m) { m.batch = 5; }), "V9");
  EXPECT_EQ(Violated([](Model& m) { m.batch = -1; }), "V9");
  EXPECT_EQ(Violated([](Model& m) { m.inputs[0].batch_axis = 2; }), "V9");
  EXPECT_EQ(Violated([](Model& m) { m.inputs[0].batch_axis = 1; }), "V9");
  EXPECT_EQ(Violated([](Model& m) {
              m.inputs[0].batch_axis = m.inputs[1].batch_axis = -1;
              m.predict_batch = 1;
            }),
            "V9");
  EXPECT_EQ(Violated([](Model& m) {
              m.entry = "evaluate";
              m.inputs[0].batch_axis = 1;
            }),
            "V9");
}

TEST(Verify, V10Normalization) {
  EXPECT_EQ(Violated([](Model& m) { m.inputs[0].scale = 0; }), "V10");
  EXPECT_EQ(Violated([](Model& m) { m.inputs[0].scale = INFINITY; }), "V10");
  EXPECT_EQ(Violated([](Model& m) {
              m.graph = OneInput("n", {DType::kI64, {2}});
              m.inputs = {{.name = "n",
                           .type = {DType::kI64, {2}},
                           .normalization = Normalization::kStandardize}};
            }),
            "V10");
}

TEST(Verify, V11Initializers) {
  EXPECT_EQ(Violated([](Model& m) { m.slots[0].initializer = {}; }), "V11");
  EXPECT_EQ(Violated([](Model& m) { m.slots[0].initializer.file = "w.safetensors"; }), "V11");
  EXPECT_EQ(Violated([](Model& m) { m.slots[0].initializer.op = "neg"; }), "V11");
  EXPECT_EQ(Violated([](Model& m) { m.slots[0].initializer.attributes.Set("gaim", 1.0); }), "V11");
  EXPECT_EQ(Violated([](Model& m) { m.slots[0].initializer.attributes.Set("stream", int64_t{1}); }),
            "V11");
  EXPECT_EQ(
      Violated([](Model& m) { m.slots[0].initializer = {.data = Tensor::Scalar(DType::kF32, 1)}; }),
      "V11");
  for (const std::string path : {"/etc/passwd", "../w", "a/../../w", ".."})
    EXPECT_EQ(Violated([&](Model& m) { m.slots[0].initializer = {.file = path}; }), "V11") << path;
  EXPECT_EQ(Violated([](Model& m) { m.slots[0].initializer = {.file = "a..b/w"}; }), "none");
}

TEST(Verify, V12ParameterAttributes) {
  EXPECT_EQ(Violated([](Model& m) { m.slots[0].l2 = -1; }), "V12");
  EXPECT_EQ(Violated([](Model& m) { m.slots[0].weight_decay = NAN; }), "V12");
  EXPECT_EQ(Violated([](Model& m) { m.slots[1].l1 = 1; }), "V12");
  EXPECT_EQ(Violated([](Model& m) {
              m.graph = OneInput("n", {DType::kI64, {2}});
              m.inputs.clear();
              m.slots = {{.name = "n", .type = {DType::kI64, {2}}, .initializer = {.op = "zeros"}}};
            }),
            "V12");
}

TEST(Verify, V13NextValues) {
  EXPECT_EQ(Violated([](Model& m) { m.slots[1].next = "nothing"; }), "V13");
  EXPECT_EQ(Violated([](Model& m) { m.slots[1].next = "p"; }), "V13");
  // Other entry points do not compute them.
  EXPECT_EQ(Violated([](Model& m) {
              m.slots[1].next = "nothing";
              m.entry = "evaluate";
            }),
            "none");
}

TEST(Verify, V14Predictions) {
  EXPECT_EQ(Violated([](Model& m) { m.predictions[0].name = "q"; }), "V14");
  EXPECT_EQ(Violated([](Model& m) { m.predictions[0].kind = PredictionKind::kProbabilities; }),
            "V14");
}

TEST(Verify, V15Metrics) {
  EXPECT_EQ(Violated([](Model& m) { m.metrics[0].name = "loss"; }), "V15");
  EXPECT_EQ(Violated([](Model& m) { m.metrics[0].op = "neg"; }), "V15");
  EXPECT_EQ(Violated([](Model& m) { m.metrics[0].operands = {"p", "q"}; }), "V15");
  EXPECT_EQ(Violated([](Model& m) { m.metrics[0].operands = {"p"}; }), "V15");
  EXPECT_EQ(Violated([](Model& m) { m.metrics[0].attributes.Set("treshold", 0.5); }), "V15");
}

TEST(Verify, V16Losses) {
  EXPECT_EQ(Violated([](Model& m) { m.updates[0].loss = "q"; }), "V16");
  EXPECT_EQ(Violated([](Model& m) { m.updates[0].loss = "p"; }), "V16");
}

TEST(Verify, V17SomethingToTrain) {
  EXPECT_EQ(Violated([](Model& m) { m.updates[0].parameters = "v*"; }), "V17");
  EXPECT_EQ(Violated([](Model& m) { m.slots[0].trainable = false; }), "V17");
}

TEST(Verify, V18UpdateValues) {
  EXPECT_EQ(Violated([](Model& m) { m.updates[0].every = 0; }), "V18");
  EXPECT_EQ(Violated([](Model& m) { m.updates[0].clip_norm = 0; }), "V18");
  EXPECT_EQ(Violated([](Model& m) { m.updates[0].clip_value = INFINITY; }), "V18");
  EXPECT_EQ(Violated([](Model& m) { m.updates[0].hyperparameters.Set("n", int64_t{3}); }), "V18");
}

TEST(Verify, V19EntryPoints) {
  EXPECT_EQ(Violated([](Model& m) { m.entry = "trian_step"; }), "V19");
  EXPECT_EQ(Violated([](Model& m) { m.gradients = {"grad.w"}; }), "V19");
}

TEST(Verify, V20Outputs) {
  Model model = {.name = "m"};
  model.graph = GraphBuilder().Build();
  EXPECT_TRUE(Verify(model).error().message.starts_with("V20: "));
  model.entry = "initialize";
  EXPECT_TRUE(Verify(model).has_value());
}

TEST(Verify, V21ExpandedModelsHaveNoComposites) {
  // bce is one.
  EXPECT_EQ(Violated([](Model& m) { m.expanded = true; }), "V21");
  GraphBuilder body;
  body.Output("y", body.Add("softmax", {body.Input("x", {DType::kF32, {2}})}));
  GraphBuilder b;
  const Value x = b.Input("x", {DType::kF32, {2}});
  b.Output("y", b.Add("scan", {x},
                      {{"body", std::make_shared<const Graph>(std::move(body).Build())},
                       {"carried", int64_t{1}},
                       {"trip_count", int64_t{2}}}));
  Model model = {.name = "m"};
  model.inputs = {{.name = "x", .type = {DType::kF32, {2}}}};
  model.graph = std::move(b).Build();
  EXPECT_TRUE(Verify(model).has_value());
  model.expanded = true;
  EXPECT_TRUE(Verify(model).error().message.starts_with("V21: "));
}

}  // namespace
}  // namespace descent

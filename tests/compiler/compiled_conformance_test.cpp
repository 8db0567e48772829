// Every sample of every operator, its gradients, and models over all families, compiled: the
// interpreter's values. Samples are run on special values, too: zeros of both signs, denormals,
// infinities, NaN.

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "compiler/graph/expand.h"
#include "tests/compiler/compiled_entry.h"
#include "tests/compiler/kernel/lowered_models.h"
#include "tests/compiler/kernel/lowering_harness.h"
#include "tests/compiler/kernel/sample_graphs.h"
#include "tests/ir/samples/parameters.h"

namespace descent {
namespace {

double ToleranceOf(const Tensor& tensor) { return tensor.dtype() == DType::kF64 ? 1e-9 : 3e-5; }

/// A sample's results and gradients, compiled.
class CompiledSample {
 public:
  explicit CompiledSample(const OpSample& sample) : sample_(sample) {
    auto graph = GraphWithGradients(sample);
    DESCENT_CHECK(graph.has_value(), graph.error().message);
    graph_ = *std::move(graph);
    auto expanded = ExpandGraph(graph_);
    DESCENT_CHECK(expanded.has_value(), expanded.error().message);
    lowered_ = LowerModel(RunModel(std::move(*expanded)), true);
    jit_.emplace(*JitProgram::Load(lowered_.program, **ResolveTarget("native")));
  }

  ProgramRun Run(std::span<const Tensor> inputs) const {
    std::vector<std::byte> state = SampleState(lowered_.program);
    return RunCompiledEntry(lowered_.program, jit_->program().entries[0], state, inputs,
                            kSampleValues.valid_rows);
  }
  Interpretation Interpreted(std::span<const Tensor> inputs) const {
    auto run = Interpret(graph_, inputs, kSampleValues);
    DESCENT_CHECK(run.has_value(), run.error().message);
    return *std::move(run);
  }
  const std::string& NameOf(size_t output) const { return graph_.outputs()[output].name; }

  /// Whether an element of a result depends on one element of each operand, by one instruction
  /// after another: then it is exact where the interpreter's is.
  bool IsElementwise() const {
    const Node& node = graph_.node(graph_.outputs()[0].value);
    if (node.op->define == nullptr) return false;
    return !node.op->define({sample_.operands, node.attributes}).reducer;
  }

 private:
  const OpSample& sample_;
  Graph graph_;
  Lowered lowered_;
  std::optional<JitProgram> jit_;
};

// ---- special values ----------------------------------------------------------------------------

/// The sample's operands with its floats replaced, each operand's by another order.
std::vector<Tensor> SpecialOperands(const OpSample& sample) {
  std::vector<Tensor> operands = SampleOperands(sample);
  for (size_t operand = 0; operand < operands.size(); ++operand) {
    const TensorType type = operands[operand].type();
    if (!Info(type.dtype).is_float) continue;
    const double smallest = type.dtype == DType::kF64 ? std::numeric_limits<double>::denorm_min()
                                                      : std::numeric_limits<float>::denorm_min();
    const double tiny = sample.denormals ? smallest : 1;
    const double special[] = {0.0,  -0.0, 5 * tiny, -3 * tiny, kInfinity, -kInfinity,
                              kNaN, 1.0,  -1.5,     0.5,       2.0};
    std::vector<double> values;
    for (int64_t i = 0; i < type.elements(); ++i)
      values.push_back(special[(i * (1 + operand) + 3 * operand) % std::size(special)]);
    operands[operand] = Tensor::FromDoubles(type, values);
  }
  return operands;
}

/// Whether a key whose queries are all in other tiles may have a gradient of 0 where the definition
/// multiplies what they do not see by NaN: how far tiles reach depends on the target.
bool LeavesOutWhatIsNotSeen(const OpSample& sample) {
  const Attribute* causal = sample.attributes.Find("causal");
  return causal != nullptr && std::get<bool>(*causal) && sample.op.contains("attention");
}

/// NaNs and infinities alike; other numbers within `tolerance` of the magnitude and a few denormal
/// steps, or, if not `relative`, of 1 where that is larger.
void ExpectAlike(const Tensor& actual, const Tensor& expected, bool relative, bool leaves_out,
                 const std::string& what) {
  const double tolerance = ToleranceOf(actual);
  const double step = actual.dtype() == DType::kF64 ? std::numeric_limits<double>::denorm_min()
                                                    : std::numeric_limits<float>::denorm_min();
  for (int64_t i = 0; i < actual.elements(); ++i) {
    const double a = actual.GetDouble(i), e = expected.GetDouble(i);
    if (std::isnan(e) && (std::isnan(a) || (leaves_out && a == 0))) continue;
    const bool same_sign = !relative || a != 0 || e != 0 || std::signbit(a) == std::signbit(e);
    const double scale = relative ? std::abs(e) : std::max(1.0, std::abs(e));
    EXPECT_TRUE(same_sign && (a == e || std::abs(a - e) <= tolerance * scale + 4 * step))
        << what << " element " << i << ": " << a << " for " << e;
  }
}

class CompiledConformance : public testing::TestWithParam<Operator> {};
INSTANTIATE_TEST_SUITE_P(All, CompiledConformance, testing::ValuesIn(AllOperators()),
                         OperatorName());

TEST_P(CompiledConformance, SamplesAndTheirGradients) {
  for (const OpSample& sample : SamplesOf(*GetParam().op)) {
    SCOPED_TRACE(Describe(sample));
    const CompiledSample compiled(sample);
    const std::vector<Tensor> inputs = SampleOperands(sample);
    const Interpretation expected = compiled.Interpreted(inputs);
    const ProgramRun run = compiled.Run(inputs);
    EXPECT_EQ(run.bad_index, expected.bad_index);
    EXPECT_EQ(run.not_finite, expected.not_finite);
    for (size_t i = 0; i < run.outputs.size(); ++i)
      ExpectClose(run.outputs[i], expected.outputs[i], ToleranceOf(run.outputs[i]),
                  compiled.NameOf(i));
    const std::vector<Tensor> special = SpecialOperands(sample);
    const Interpretation alike = compiled.Interpreted(special);
    const ProgramRun special_run = compiled.Run(special);
    for (size_t i = 0; i < special_run.outputs.size(); ++i)
      ExpectAlike(special_run.outputs[i], alike.outputs[i],
                  compiled.IsElementwise() && compiled.NameOf(i).starts_with('y'),
                  LeavesOutWhatIsNotSeen(sample), "special values: " + compiled.NameOf(i));
  }
}

class CompiledModels : public testing::TestWithParam<ModelSample> {};

TEST_P(CompiledModels, GiveTheInterpretersValues) {
  const ModelSample& sample = GetParam();
  const Model model = OptimizedModel(sample.text, sample.entry);
  ASSERT_FALSE(model.graph.outputs().empty());
  ExpectSameAsInterpreter(model, std::max(sample.tolerance, 1e-9), CompiledRunner());
}

INSTANTIATE_TEST_SUITE_P(All, CompiledModels, testing::ValuesIn(ModelSamples()),
                         [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace descent

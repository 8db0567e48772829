#include "tests/compiler/kernel/lowering_harness.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <map>
#include <random>

#include "compiler/graph/pipeline.h"
#include "ir/interpreter.h"
#include "ir/io/text_parser.h"
#include "tests/compiler/state_slots.h"

namespace descent {
namespace {

int CountCalls(const std::vector<Step>& steps) {
  int count = 0;
  for (const Step& step : steps) {
    count += std::holds_alternative<KernelCall>(step.what) ? 1 : 0;
    for (const std::vector<Step>* inner : InnerSteps(step)) count += CountCalls(*inner);
  }
  return count;
}

/// One way to run: a lowered program with its own state.
struct Runner {
  Lowered lowered;
  std::vector<std::byte> state;

  std::string way;

  Runner(const Model& model, std::string name, bool fuse, const TargetFacts& target = {})
      : lowered(LowerModel(model, fuse, target)),
        state(lowered.program.state_bytes),
        way(std::move(name)) {}
};

}  // namespace

void ExpectClose(const Tensor& actual, const Tensor& expected, double tolerance,
                 const std::string& what) {
  ASSERT_EQ(ToString(actual.type()), ToString(expected.type())) << what;
  for (int64_t i = 0; i < actual.elements(); ++i) {
    const double a = actual.GetDouble(i), e = expected.GetDouble(i);
    if (a == e || (std::isnan(e) && std::isnan(a))) continue;
    ASSERT_NEAR(a, e, tolerance * std::max(1.0, std::abs(e))) << what << " element " << i;
  }
}

Model OptimizedModel(const std::string& text, const std::string& entry) {
  auto model = ParseText("descent 1\n" + text, "test.descent");
  if (!model) {
    ADD_FAILURE() << model.error().ToString();
    return {};
  }
  PipelineOptions options;
  options.pass.entry = entry;
  auto optimized = RunPasses(*model, StandardPasses(*model, "optimized"), options);
  if (!optimized) {
    ADD_FAILURE() << optimized.error().ToString();
    return {};
  }
  return *std::move(optimized);
}

Model RunModel(Graph graph) {
  Model model;
  model.name = "test";
  model.entry = "run";
  for (const NamedValue& input : graph.inputs()) {
    const TensorType& type = graph.type(input.value);
    if (!input.name.starts_with("slot.")) {
      model.inputs.push_back({.name = input.name, .type = type});
      continue;
    }
    Slot slot{.name = input.name, .type = type};
    if (graph.FindOutput("next." + input.name) != nullptr) slot.next = "next." + input.name;
    model.slots.push_back(std::move(slot));
  }
  model.graph = std::move(graph);
  return model;
}

Tensor RandomTensor(const TensorType& type, uint64_t seed, int64_t integer_limit) {
  std::mt19937_64 random(seed);
  if (Info(type.dtype).is_float) {
    std::vector<double> values(type.elements());
    for (double& value : values) value = static_cast<double>(random() % 2001) / 1000.0 - 1.0;
    return Tensor::FromDoubles(type, values);
  }
  std::vector<int64_t> values(type.elements());
  const auto limit = static_cast<uint64_t>(type.dtype == DType::kBool ? 2 : integer_limit);
  for (int64_t& value : values) value = static_cast<int64_t>(random() % limit);
  return Tensor::FromInts(type, values);
}

TargetFacts FineTiles() {
  TargetFacts facts;
  facts.dispatch_work = facts.tile_work = 1;
  return facts;
}

Lowered LowerModel(const Model& model, bool fuse, const TargetFacts& target, Winograd winograd) {
  Lowered lowered;
  lowered.program.name = model.name;
  lowered.program.prefix = "t";
  LayoutState(model, lowered.program);
  const LowerOptions options{.fuse = fuse, .target = target, .winograd = winograd};
  if (auto ordered = OrderState({&model, 1}, model.entry, lowered.program, options); !ordered) {
    ADD_FAILURE() << ordered.error().message;
    return lowered;
  }
  auto entry = LowerEntry(model, lowered.program, options);
  if (!entry) {
    ADD_FAILURE() << entry.error().message;
    return lowered;
  }
  lowered.call_count = CountCalls(entry->steps);
  lowered.program.entries.push_back(std::move(*entry));
  return lowered;
}

namespace {

/// Slot that a graph output replaces; "" if it is an output of the entry point.
std::string ReplacedSlot(const Model& model, const std::string& output) {
  for (const Slot& slot : model.slots)
    if (!slot.next.empty() && slot.next == output) return slot.name;
  return output.starts_with("next.") ? output.substr(5) : "";
}

}  // namespace

ProgramRunner InterpretingRunner() {
  return [](const KernelProgram& program, std::span<std::byte> state,
            std::span<const Tensor> inputs, int64_t valid_rows) {
    return RunProgram(program, program.entries[0], state, inputs, valid_rows);
  };
}

int ExpectSameAsInterpreter(const Model& model, double tolerance,
                            const ProgramRunner& run_program) {
  std::vector<Runner> runners;
  runners.emplace_back(model, "unfused ", false);
  runners.emplace_back(model, "fused ", true);
  if (Runner fine(model, "finely cut ", true, FineTiles());
      fine.lowered.call_count != runners[1].lowered.call_count)
    runners.push_back(std::move(fine));
  std::map<std::string, Tensor> state;
  const auto& slots = runners[0].lowered.program.state;
  for (size_t i = 0; i < slots.size(); ++i) {
    state[slots[i].name] = i < 3 ? Tensor::Full(slots[i].type, i == 0   ? 11
                                                               : i == 1 ? 3
                                                                        : 0.25)
                                 : RandomTensor(slots[i].type, 100 + i);
    for (Runner& runner : runners)
      WriteSlot(runner.state, runner.lowered.program.state[i], state[slots[i].name]);
  }
  const Graph& graph = model.graph;
  for (int round = 0; round < 2; ++round) {
    std::vector<Tensor> inputs, data;
    for (const NamedValue& input : graph.inputs()) {
      if (state.contains(input.name)) {
        inputs.push_back(state[input.name]);
        continue;
      }
      inputs.push_back(RandomTensor(graph.type(input.value), 10 * round + inputs.size()));
      data.push_back(inputs.back());
    }
    const auto expected = Interpret(graph, inputs,
                                    {.seed = state["seed"].GetInt(0),
                                     .step = state["step"].GetInt(0),
                                     .valid_rows = 2,
                                     .learning_rate = state["learning_rate"].GetDouble(0)});
    if (!expected) {
      ADD_FAILURE() << expected.error().message;
      return 0;
    }
    for (size_t i = 0; i < graph.outputs().size(); ++i) {
      const std::string& name = graph.outputs()[i].name;
      const std::string slot = ReplacedSlot(model, name);
      if (!slot.empty()) state[slot] = expected->outputs[i];
    }
    for (Runner& runner : runners) {
      const KernelProgram& program = runner.lowered.program;
      const ProgramRun run = run_program(program, runner.state, data, 2);
      EXPECT_EQ(run.bad_index, expected->bad_index);
      EXPECT_EQ(run.not_finite, expected->not_finite);
      size_t output = 0;
      for (size_t i = 0; i < graph.outputs().size(); ++i) {
        const std::string& name = graph.outputs()[i].name;
        if (!ReplacedSlot(model, name).empty()) continue;
        ExpectClose(run.outputs[output++], expected->outputs[i], tolerance, runner.way + name);
      }
      for (const StateSlot& slot : program.state)
        ExpectClose(ReadSlot(runner.state, slot), state[slot.name], tolerance,
                    runner.way + slot.name);
    }
  }
  return runners[1].lowered.call_count;
}

}  // namespace descent

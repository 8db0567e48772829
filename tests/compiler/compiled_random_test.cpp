// Random words, and what is made of them without rounding: the interpreter's bits, in any shape.

#include <gtest/gtest.h>

#include "compiler/graph/expand.h"
#include "tests/compiler/compiled_entry.h"
#include "tests/compiler/kernel/lowering_harness.h"
#include "tests/compiler/kernel/sample_graphs.h"

namespace descent {
namespace {

/// Every draw of one shape under one stream, as outputs.
Graph Draws(const Shape& shape) {
  GraphBuilder b;
  const auto add = [&](std::string_view op, Attributes attributes) {
    attributes.Set("stream", int64_t{11});
    b.Output(std::string(op), b.Add(op, {}, std::move(attributes)));
  };
  const std::vector<Value> counters = {b.Add("seed", {}), b.Add("step", {}),
                                       b.Add("loop_step", {})};
  b.Output("random_word",
           b.Add("random_word", counters, {{"shape", shape}, {"stream", int64_t{11}}}));
  add("uniform", {{"shape", shape}});
  add("bernoulli", {{"shape", shape}, {"probability", 0.3}});
  add("randint", {{"shape", shape}, {"low", int64_t{-5}}, {"high", int64_t{1000003}}});
  add("permutation", {{"n", shape.empty() ? 1 : shape[0]}});
  return std::move(b).Build();
}

TEST(CompiledRandom, SameBitsAsTheInterpreter) {
  const auto target = ResolveTarget("native");
  ASSERT_TRUE(target) << target.error().message;
  for (const Shape& shape : {Shape{}, Shape{0}, Shape{1}, Shape{17}, Shape{64}, Shape{65, 3},
                             Shape{7, 33, 5}, Shape{2, 1030}}) {
    SCOPED_TRACE(ToString(shape));
    const Graph graph = Draws(shape);
    const auto expected = Interpret(graph, std::vector<Tensor>{}, kSampleValues);
    ASSERT_TRUE(expected) << expected.error().message;
    auto expanded = ExpandGraph(graph);
    ASSERT_TRUE(expanded) << expanded.error().message;
    for (const bool fuse : {false, true}) {
      const Lowered lowered = LowerModel(RunModel(*expanded), fuse);
      const auto jit = JitProgram::Load(lowered.program, **target);
      ASSERT_TRUE(jit) << jit.error().message;
      std::vector<std::byte> state = SampleState(lowered.program);
      const ProgramRun run = RunCompiledEntry(lowered.program, jit->program().entries[0], state, {},
                                              kSampleValues.valid_rows);
      for (size_t i = 0; i < run.outputs.size(); ++i)
        EXPECT_TRUE(run.outputs[i] == expected->outputs[i]) << graph.outputs()[i].name;
    }
  }
}

}  // namespace
}  // namespace descent

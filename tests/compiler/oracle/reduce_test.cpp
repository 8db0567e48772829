#include "tests/compiler/oracle/reduce.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "ir/op_def.h"
#include "tests/compiler/oracle/case_file.h"
#include "tests/compiler/oracle/random_case.h"

namespace descent {
namespace {

int NodesBeyondInputs(const Graph& graph) {
  return static_cast<int>(std::ranges::count_if(
      graph.nodes(), [](const Node& node) { return node.op->leaf != Leaf::kInput; }));
}

/// What an operator alone makes fail shrinks to that operator on inputs.
TEST(Reduce, LeavesTheNodeThatFails) {
  for (uint64_t seed = 0; seed < 12; ++seed) {
    SCOPED_TRACE(seed);
    const OracleCase one = seed % 2 == 0 ? RandomRunCase(seed)
                                         : RandomTrainingCase(seed).value_or(RandomRunCase(seed));
    const auto nodes = one.model.graph.nodes();
    const auto place =
        std::ranges::find_if(nodes, [](const Node& node) { return node.op->leaf == Leaf::kNone; });
    if (place == nodes.end()) continue;
    const OpDef* guilty = place->op;
    const Fails fails = [&](const OracleCase& smaller, const OptionSet&) {
      return std::ranges::any_of(smaller.model.graph.nodes(),
                                 [&](const Node& node) { return node.op == guilty; });
    };
    const ReducedCase reduced = Reduce(one, DrawOptions(seed), fails);
    EXPECT_TRUE(fails(reduced.one, reduced.options));
    EXPECT_EQ(NodesBeyondInputs(reduced.one.model.graph), 1)
        << PrintCase({reduced.one, reduced.options});
    EXPECT_EQ(ToString(reduced.options), ToString(OptionSet()));
    const OptionSet usual;
    EXPECT_EQ(Check(reduced.one, {&usual, 1}).failure, "");
  }
}

}  // namespace
}  // namespace descent

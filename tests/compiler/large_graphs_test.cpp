// Wide and deep graphs, compiled: their values are those of the interpreter.
#include <gtest/gtest.h>

#include "tests/compiler/compiled_entry.h"
#include "tests/compiler/kernel/large_graphs.h"

namespace descent {
namespace {

TEST(LargeGraphs, ConcatOfThreeHundred) {
  for (const int axis : {0, 1})
    ExpectSameAsInterpreter(RunModel(WideConcat(300, axis)), 0, CompiledRunner());
}

TEST(LargeGraphs, ChainOfTwoThousand) {
  ExpectSameAsInterpreter(RunModel(DeepChain(2000)), 1e-5, CompiledRunner());
}

}  // namespace
}  // namespace descent

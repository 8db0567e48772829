// Lowers a graph with and without fusion, runs both and compares them with the reference
// interpreter.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "compiler/kernel/lower_model.h"
#include "ir/expr.h"
#include "ir/graph.h"
#include "tests/compiler/kernel/program_interpreter.h"

namespace descent {

/// Reads `text` ("descent 1" is added) and runs the standard passes for `entry`.
Model OptimizedModel(const std::string& text, const std::string& entry);

/// A model with the entry point `run` over `graph`; inputs named "slot.*" are state that
/// "next.slot.*" replaces.
Model RunModel(Graph graph);

/// Values in [-1, 1] for floats, small non-negative integers otherwise.
Tensor RandomTensor(const TensorType& type, uint64_t seed, int64_t integer_limit = 4);

struct Lowered {
  KernelProgram program;
  int call_count = 0;
};
Lowered LowerModel(const Model& model, bool fuse, const TargetFacts& target = {},
                   Winograd winograd = Winograd::kWhereItPays);
/// A target for which every kernel is cut as finely as can be.
TargetFacts FineTiles();

/// Equal types, and elements within `tolerance` of the larger of 1 and the expected magnitude.
void ExpectClose(const Tensor& actual, const Tensor& expected, double tolerance,
                 const std::string& what);

/// How the first entry point of a lowered program is run.
using ProgramRunner =
    std::function<ProgramRun(const KernelProgram& program, std::span<std::byte> state,
                             std::span<const Tensor> inputs, int64_t valid_rows)>;
/// By the program interpreter.
ProgramRunner InterpretingRunner();

/// Runs `model` twice in a row (state carries over), lowered with and without fusion and, if that
/// gives other kernels, for FineTiles; expects equal outputs and state within `tolerance`. Returns
/// the number of kernel calls with fusion.
int ExpectSameAsInterpreter(const Model& model, double tolerance = 1e-12,
                            const ProgramRunner& runner = InterpretingRunner());
inline int ExpectSameAsInterpreter(Graph graph, double tolerance = 1e-12) {
  return ExpectSameAsInterpreter(RunModel(std::move(graph)), tolerance);
}

}  // namespace descent

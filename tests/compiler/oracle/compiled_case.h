// One optimized entry point, compiled in process, whose calls take and give values by name.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "compiler/codegen/jit.h"
#include "ir/interpreter.h"
#include "ir/model.h"
#include "tests/compiler/oracle/option_set.h"

namespace descent {

/// Inputs and state by name: a graph's inputs, and "seed", "step" and "learning_rate".
using NamedTensors = std::map<std::string, Tensor>;

/// `values` with the system's own as kSampleValues has them, where they are not given.
NamedTensors WithSystemValues(NamedTensors values);
/// What the leaves read.
RunValues RunValuesOf(const NamedTensors& values);
/// In the order of the graph's inputs.
std::vector<Tensor> InputsOf(const Graph& graph, const NamedTensors& values);

/// Changes a program before code is generated for it.
using Tamper = std::function<void(KernelProgram&)>;

class CompiledCase {
 public:
  static Result<CompiledCase> Make(const Model& optimized, const OptionSet& options,
                                   const Tamper& tamper = {});

  struct Call {
    std::vector<Tensor> outputs;  ///< in the order of the graph's outputs
    bool bad_index = false;
  };
  Call Run(const NamedTensors& values) const;

 private:
  CompiledCase(Model optimized, OptionSet options, KernelProgram program, JitProgram jit);

  Model model_;
  OptionSet options_;
  KernelProgram program_;
  JitProgram jit_;
};

/// Multiplies the floats that a kernel of the program stores (number `which`, modulo their count)
/// by 1 + `relative`.
void Perturb(KernelProgram& program, uint64_t which, double relative);

}  // namespace descent

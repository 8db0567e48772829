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

/// Inputs and state by name: a graph's inputs, "seed", "step", "learning_rate" and "valid_rows".
using NamedTensors = std::map<std::string, Tensor>;

inline constexpr std::string_view kValidRowsName = "valid_rows";

/// By OptionSet::threads; at most one of several threads lives at a time.
const descent_executor* ExecutorFor(int threads);

/// `values` with the system's own as kSampleValues has them, where they are not given.
NamedTensors WithSystemValues(NamedTensors values);
/// What the leaves read.
RunValues RunValuesOf(const NamedTensors& values);
/// In the order of the graph's inputs; where the graph's have fewer rows, the first ones.
std::vector<Tensor> InputsOf(const Graph& graph, const NamedTensors& values);

/// Row-major places, in `whole`, of the elements whose coordinates lie inside `corner`.
std::vector<int64_t> PlacesInside(const Shape& whole, const Shape& corner);
/// These elements.
Tensor CornerOf(const Tensor& tensor, const Shape& corner);

/// Rows along `axis` from number `valid_rows` on are those of row 0.
Tensor WithFirstRowRepeated(const Tensor& tensor, int axis, int64_t valid_rows);

/// Changes a program before code is generated for it.
using Tamper = std::function<void(KernelProgram&)>;

class CompiledCase {
 public:
  static Result<CompiledCase> Make(const Model& optimized, const OptionSet& options,
                                   const Tamper& tamper = {});

  struct Call {
    std::vector<Tensor> outputs;  ///< in the order of the graph's outputs
    bool bad_index = false;
    std::string unwritten;  ///< a value that was shown to the observer before it was whole
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

// The reference interpreter: slow, obvious, the truth for every test.
//
//   auto run = Interpret(graph, inputs, {.seed = 1}, Precision::kTyped);
//   if (run) Use(run->outputs[0]);
//
// Operators with a define are evaluated point by point, expansions are expanded, loops run their
// body. In Precision::kExact floats are f64 throughout: every float output is an f64 tensor, and
// inputs may be.
#pragma once

#include <functional>
#include <span>
#include <string_view>
#include <vector>

#include "ir/expr_eval.h"
#include "ir/graph.h"

namespace descent {

/// Values of the leaves that come from the system.
struct RunValues {
  int64_t seed = 0;
  int64_t step = 0;
  int64_t valid_rows = 0;
  double learning_rate = 0;
  int64_t loop_step = 0;
};

struct Interpretation {
  std::vector<Tensor> outputs;  ///< in the order of the graph's outputs
  bool bad_index = false;       ///< an index from data was out of range
  bool not_finite = false;      ///< an assert_finite failed
};

/// Called for every named value in order of computation.
using TraceHook = std::function<void(std::string_view name, const Tensor& value)>;

/// `inputs` stand in the order of the graph's inputs. Fails only where they do not fit.
Result<Interpretation> Interpret(const Graph& graph, std::span<const Tensor> inputs,
                                 const RunValues& values = {},
                                 Precision precision = Precision::kTyped,
                                 const TraceHook& trace = {});

}  // namespace descent

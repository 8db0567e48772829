// A model as a whole, compiled in several ways, against the interpreter: it is initialized,
// trained, evaluated and asked for predictions over one state, whose slots are read and written
// through the C interface. Unlike the oracle's cases, entry points share what they leave in memory.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "compiler/graph/pass_options.h"
#include "ir/model.h"
#include "tests/compiler/oracle/compiled_case.h"

namespace descent {

/// What occurred in the programs that were compiled.
struct NetworkCounts {
  int ordered_slots = 0;   ///< that do not lie row-major
  int operand_copies = 0;  ///< of convolutions and windows
  int windowed = 0;        ///< contractions that read their image from a box
  int winograd = 0;        ///< that are computed by Winograd's algorithm

  void Add(const NetworkCounts& other);
};

struct NetworkReport {
  std::string failure;  ///< entry point, way, value and element that differ; empty: nothing does
  NetworkCounts counts;
};

/// How a model is compiled; what is interpreted is the lowered program, without code.
struct NetworkWays {
  std::vector<OptionSet> compiled, interpreted;
  FactorPrecision precision = FactorPrecision::kF32;
};

/// Compares all values after every call with the exact interpreter's, which continues from the
/// state that compiled code left; in bf16 with those of the interpreter that rounds as the types
/// say. Tolerances are relative to a tensor's largest magnitude.
NetworkReport CheckNetwork(const Model& model, const NetworkWays& ways, const Tamper& tamper = {});

}  // namespace descent

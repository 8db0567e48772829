// The oracle: a model's entry point compiled in several ways against the interpreter. Every decided
// element must lie within the error bound that follows from the graph alone.
//
// With a batch, the rows behind `valid_rows` are padding: the compiled program, told how many rows
// are valid, must give in these what the interpreter makes of a graph that has no others. A graph
// that is refused on account of padding alone is reported as such.
//
//   const CheckReport report = Check(RandomCase(7), std::vector{OptionSet(), DrawOptions(7)});
//   if (!report.failure.empty()) ...
#pragma once

#include <span>
#include <string>
#include <vector>

#include "tests/compiler/oracle/compiled_case.h"
#include "tests/compiler/oracle/error_bounds.h"

namespace descent {

/// What is compiled, and the values it is run on.
struct OracleCase {
  Model model;
  std::string entry = "run";
  NamedTensors values;  ///< of the inputs and of every slot that is there before the first call
  int calls = 1;        ///< each from the state that compiled code left
};

/// How well the bounds could tell right from wrong.
struct Sharpness {
  int64_t elements = 0, decided = 0;
  int64_t floats = 0, finite = 0;  ///< of the exact values
  std::vector<double> relative;    ///< median bound of each tensor over its largest magnitude

  void Add(const Sharpness& other);
};

struct CheckReport {
  std::string failure;  ///< what differs and how it was compiled; empty: nothing does
  std::string refused;  ///< why the case is no case: its padding cannot be left out
  OptionSet options;    ///< those of the failure
  Sharpness sharpness;
};

/// `tamper` changes every compiled program.
CheckReport Check(const OracleCase& one, std::span<const OptionSet> options,
                  const Tamper& tamper = {});

/// What the entry point means for the rows that are valid, with every pass that is no
/// optimization.
Result<Model> ReferenceModel(const OracleCase& one);

/// First element of `got` that lies outside the bounds: of the graph as it was written, and of the
/// graph as it was computed, which is what rewriting may use up. "" if none does.
std::string Difference(const Tensor& got, const BoundedArray& written, const BoundedArray& computed,
                       Sharpness* sharpness = nullptr);

}  // namespace descent

// What `inspect` says about a model: shape, parameters and operations of every value, and which
// forward values are kept for the backward section.
//
//   ModelFacts facts = FactsOf(model);
//   facts.values[0]   // z1 f32[10, 3] matmul, 6 parameters, 120 FLOPs, kept
#pragma once

#include <span>
#include <string>
#include <vector>

#include "ir/model.h"

namespace descent {

struct ValueFacts {
  std::string name;
  std::string op;
  std::vector<TensorType> types;  ///< one per result
  Section section = Section::kForward;
  std::string origin;
  /// Elements of parameters that it is the first to read.
  int64_t parameters = 0;
  /// Floating-point operations as its definition says: an addition, a multiplication and a function
  /// are one each; comparisons, selections, casts and integer work are none.
  int64_t flops = 0;
  /// A forward value that the backward section or the update reads, so it stays until then.
  bool kept_for_backward = false;
};

struct ModelFacts {
  std::vector<ValueFacts> values;  ///< in the graph's order, without inputs and constants
  int64_t parameters = 0;          ///< elements of all parameter slots
  int64_t trainable_parameters = 0;
  int64_t flops[3] = {};    ///< by Section
  int64_t kept_bytes = 0;   ///< of values kept for backward
  int64_t state_bytes = 0;  ///< of all slots
};

ModelFacts FactsOf(const Model& model);

/// Of one application of an operator; composites count what they expand to, loops every iteration.
int64_t FlopsOf(const OpDef& op, std::span<const TensorType> operands,
                const Attributes& attributes);

}  // namespace descent

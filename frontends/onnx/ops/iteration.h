// Loops over a body: ONNX's Loop and Scan as Descent's scan and while, or unrolled.
#pragma once

#include <limits>
#include <optional>
#include <vector>

#include "frontends/onnx/ops/body.h"

namespace descent::onnx {

/// More iterations than this are not unrolled.
inline constexpr int64_t kMaxUnrolled = 1000;

/// The body takes, if `numbered`, the number of the iteration and whether to go on, then what is
/// carried, then a slice of each of `sliced`; it gives, if `numbered`, whether to go on, then the
/// next carried ones, then a slice of each stacked result.
struct Iteration {
  const proto::GraphProto& body;
  bool numbered = false;
  int stacked = 0;
  std::vector<Bound> carried = {};
  std::vector<Value> sliced = {};                       ///< along their first axis
  int64_t trips = std::numeric_limits<int64_t>::max();  ///< if numbered: at most
  Value condition = {};                                 ///< if numbered: whether to begin

  int carried_input() const { return numbered ? 2 : 0; }
  int carried_output() const { return numbered ? 1 : 0; }
};

/// Of what an iteration sees: an element of the first axis.
TensorType SliceType(const TensorType& type);

/// The last carried values, then the stacked results. Nothing, and an error, where that fails.
std::optional<std::vector<Bound>> Iterate(OnnxNode& n, Iteration iteration);

}  // namespace descent::onnx

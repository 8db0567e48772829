// Samples in other shapes and with other attributes than the tables state: what an operator's
// `infer` accepts is the constraint, and is asked instead of solved.
//
// All equal extents of a sample are renamed together, so matmul(f32[2, 3], f32[3, 4]) may become
// matmul(f64[2, 17], f64[17, 4]). Stated values go on to fill the new shape, so that operands stay
// inside the domain for which the sample was written.
#pragma once

#include <random>

#include "tests/ir/samples/samples.h"

namespace descent {

using Random = std::mt19937_64;

/// Limits on every operand and result of a random graph; those of convolutions may be 16 times as
/// large, as they have many channels.
inline constexpr int64_t kMaxRandomElements = 240;

/// The types of the sample's results, if it is valid and within the limit and nothing is empty.
std::optional<std::vector<TensorType>> SmallResults(const OpSample& sample);

/// Stated values fill operands whose types were changed, and indices stay inside what they index.
void Refit(OpSample& sample);

/// `sample` with f64 for all float types, or itself where its operator does not take it so.
OpSample InDouble(const OpSample& sample);

/// `sample` changed in one or a few ways, or itself where no change is accepted.
OpSample Varied(const OpSample& sample, Random& random);

}  // namespace descent

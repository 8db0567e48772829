// Error bounds of whole graphs: every value in exact arithmetic and how far one that is computed in
// its type, in any order of summation, may lie from it. Derived from magnitudes, instruction by
// instruction (Higham, *Accuracy and Stability of Numerical Algorithms*, 2002, chapter 3); nothing
// is tuned.
//
//   a sum of n terms x_i with errors e_i:   sum e_i + n u sum |x_i|
#pragma once

#include <span>
#include <vector>

#include "ir/interpreter.h"
#include "tests/compiler/oracle/bounded.h"

namespace descent {

struct BoundedArray {
  TensorType type;
  std::vector<Bounded> cells;  ///< row-major
};

/// What an element is that is read by an index out of range: 0, or undecided, which shows what
/// depends on it.
enum class BadRead : uint8_t { kZero, kUndecided };

/// The outputs of a graph. With Precision::kExact the errors are those of the exact interpreter:
/// all floats are f64. Where the graph was made of `source` by a pass, constants that the source
/// does not have are numbers that the pass has rounded, once, to their element type.
std::vector<BoundedArray> BoundErrors(const Graph& graph, std::span<const Tensor> inputs,
                                      const RunValues& values,
                                      Precision precision = Precision::kTyped,
                                      const Graph* source = nullptr,
                                      BadRead bad_read = BadRead::kZero);

}  // namespace descent

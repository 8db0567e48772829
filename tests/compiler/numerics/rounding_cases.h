// Sums and convolutions whose rounding errors docs/numerics.md lists.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "ir/model.h"
#include "tests/compiler/oracle/compiled_case.h"

namespace descent {

enum class Numbers : uint8_t {
  kNormal,    ///< mean 0, variance 1
  kUniform,   ///< between 0 and 1, as behind a ReLU: nothing cancels
  kOutliers,  ///< normal, but one of 1000 is 1000 times as large
};

struct RoundingCase {
  enum class Kind : uint8_t { kMatmul, kSum, kConvolution } kind;
  Numbers numbers;
  /// kMatmul: [rows, terms] by [terms, rows]. kSum: over the last axis of [rows, terms].
  /// kConvolution: a batch of two, `terms` channels to as many, images of `rows` x `rows` pixels, a
  /// filter of 3x3, padded by 1.
  int64_t rows, terms;

  /// "conv-normal-256": of files, too.
  std::string name() const;
};

std::span<const RoundingCase> RoundingCases();

/// y; of convolutions also the gradients dx and dw for the arriving gradient g.
Model ModelOf(const RoundingCase& one, DType dtype);

/// Numbers that f32 holds, in f32, by the names of inputs; the same on every machine.
NamedTensors InputsOf(const RoundingCase& one);

/// Of every output of the model: its values as compiled code gives them for InputsOf. `winograd`:
/// convolutions take that way wherever they can, else nowhere.
Result<std::vector<Tensor>> CompiledValues(const RoundingCase& one, DType dtype, bool winograd);
/// The same in f64, of the magnitudes of all inputs: of each result the sum of the magnitudes of
/// its products.
Result<std::vector<Tensor>> Magnitudes(const RoundingCase& one);

/// Errors in units of 2^-24, the most by which rounding changes a number, relative to it.
struct Errors {
  double typical = 0;  ///< root of their mean square, relative to that of the exact values
  double largest = 0;  ///< relative to the magnitudes of the result's own products
};
Errors ErrorsOf(const Tensor& computed, const Tensor& exact, const Tensor& magnitudes);

}  // namespace descent

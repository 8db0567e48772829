// What every graph pass gets beside the model. A pass is a pure function
//
//   Result<Model> Name(Model model, const PassOptions& options);
//
// and reads only the fields named after it. It owns its model, so that one in a row copies nothing
// that it replaces.
#pragma once

#include <cstdint>
#include <string>

namespace descent {

/// Of the factors of products and of the activations in memory; sums are f32 in both.
enum class FactorPrecision : uint8_t { kF32, kBF16 };

struct PassOptions {
  // Specialize.
  std::string entry;           ///< initialize | train_step | evaluate | predict | metrics | run
  int64_t batch = 0;           ///< overrides Model::batch where positive
  int64_t evaluate_batch = 0;  ///< overrides Model::evaluate_batch where positive
  int64_t predict_batch = 0;   ///< overrides Model::predict_batch where positive

  FactorPrecision precision = FactorPrecision::kF32;  ///< MixedPrecision

  /// FoldConstants: largest result that is turned into a constant.
  int64_t fold_limit_elems = 256;
  /// FoldConstants: work on all nodes of a model together (ir/work.h), under a second.
  int64_t fold_limit_work = int64_t{1} << 22;
};

}  // namespace descent

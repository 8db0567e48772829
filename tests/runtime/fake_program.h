// A descent_program written by hand, as the compiler would emit it: linear regression yhat = x w +
// b on two features, mean squared error, gradient descent with momentum. It uses everything the
// runtime must serve: an executor and worker scratch, seed and step, partial batches, metric sums,
// normalization, a learning rate that can be set.
#pragma once

#include <cstdint>

#include "runtime/abi.h"
#include "tests/runtime/fake_tensors.h"

namespace descent::runtime {

struct FakeOptions {
  bool keep_partial_batch = false;
  bool other_model = false;         ///< same shapes, another hash
  int64_t poison_step = 0;          ///< train_step number that puts infinity into w (0: none)
  int64_t bad_validation_step = 0;  ///< evaluate's loss is infinite for the state behind this step
  int64_t bad_value_step = 0;  ///< train_step number whose value "error" is NaN, as its loss is
  int32_t normalization = DESCENT_NORMALIZE_STANDARDIZE;
  const void* weights = nullptr;
  int64_t weights_bytes = 0;
  bool has_values = false;
  const descent_onnx* onnx = nullptr;
  FakeTensors tensors = FakeTensors::kNone;  ///< that the state has besides
};

inline constexpr int64_t kFakeBatch = 8, kFakePredictBatch = 3;

/// The table stays valid until the next call.
const descent_program* FakeProgram(const FakeOptions& options = {});

/// Called at the beginning of every train_step with its number, when set.
extern void (*fake_step_hook)(int64_t step);
/// Called by `initialize`, when set.
extern void (*fake_initialize_hook)();

}  // namespace descent::runtime

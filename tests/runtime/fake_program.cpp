#include "tests/runtime/fake_program.h"

#include <cmath>
#include <cstddef>
#include <cstring>
#include <iterator>
#include <limits>
#include <vector>

namespace descent::runtime {

void (*fake_step_hook)(int64_t step) = nullptr;
void (*fake_initialize_hook)() = nullptr;

namespace {

constexpr int64_t kFeatures = 2;
constexpr int64_t kTiles = 4, kRowsPerTile = kFakeBatch / kTiles;
constexpr double kMomentum = 0.5;

/// The state block.
struct FakeState {
  alignas(64) float w[kFeatures];
  alignas(64) float b;
  alignas(64) float w_velocity[kFeatures];
  alignas(64) float b_velocity;
  alignas(64) int64_t seed;
  alignas(64) int64_t step;
  alignas(64) double learning_rate;
  FakeTensorState tensors;
};

/// Partial sums of a tile: squared error and gradients by w and b.
struct TileSums {
  float loss, w[kFeatures], b;
};

FakeOptions current;

struct StepArgument {
  const descent_call* call;
  TileSums* sums;
};

void StepTile(void* argument, int32_t worker, int64_t first, int64_t last) {
  auto& step = *static_cast<StepArgument*>(argument);
  const descent_call& call = *step.call;
  auto* scratch = static_cast<char*>(call.scratch) + kTiles * sizeof(TileSums) + worker * 64;
  const auto* state = static_cast<const FakeState*>(call.state);
  const auto* x = static_cast<const float*>(call.inputs[0]);
  const auto* y = static_cast<const float*>(call.inputs[1]);
  for (int64_t tile = first; tile < last; ++tile) {
    TileSums sums = {};
    for (int64_t row = tile * kRowsPerTile; row < (tile + 1) * kRowsPerTile; ++row) {
      if (row >= call.valid_rows) continue;
      float error = x[2 * row] * state->w[0] + x[2 * row + 1] * state->w[1] + state->b - y[row];
      std::memcpy(scratch, &error, sizeof(error));
      sums.loss += error * error;
      for (int64_t f = 0; f < kFeatures; ++f) sums.w[f] += 2 * error * x[2 * row + f];
      sums.b += 2 * error;
    }
    step.sums[tile] = sums;
  }
}

/// A mask, which is always -inf, and the sum of squared errors.
void Show(const descent_call& call, float error) {
  static const descent_value kMask = {{"mask", DESCENT_F32, 0, nullptr}, "", ""};
  static const descent_value kError = {{"error", DESCENT_F32, 0, nullptr}, "loss", "x.w\0sum\0"};
  const float mask = -std::numeric_limits<float>::infinity();
  call.observer->computed(call.observer->self, &kMask, &mask);
  call.observer->computed(call.observer->self, &kError, &error);
}

uint32_t Initialize(const descent_call* call) {
  if (fake_initialize_hook) fake_initialize_hook();
  auto* state = static_cast<FakeState*>(call->state);
  for (int64_t f = 0; f < kFeatures; ++f) {
    state->w[f] = static_cast<float>(std::sin(static_cast<double>(state->seed * 7 + f)));
    state->w_velocity[f] = 0;
  }
  state->b = state->b_velocity = 0;
  state->step = 0;
  state->learning_rate = 0.05;
  InitializeFakeTensors(current.tensors, state->seed, &state->tensors);
  return 0;
}

uint32_t TrainStep(const descent_call* call) {
  auto* state = static_cast<FakeState*>(call->state);
  if (fake_step_hook) fake_step_hook(state->step + 1);
  StepArgument argument = {call, static_cast<TileSums*>(call->scratch)};
  if (call->executor) {
    call->executor->run(call->executor->self, StepTile, &argument, kTiles);
  } else {
    StepTile(&argument, 0, 0, kTiles);
  }
  TileSums sums = {};
  for (int64_t tile = 0; tile < kTiles; ++tile) {
    sums.loss += argument.sums[tile].loss;
    for (int64_t f = 0; f < kFeatures; ++f) sums.w[f] += argument.sums[tile].w[f];
    sums.b += argument.sums[tile].b;
  }
  auto rows = static_cast<float>(call->valid_rows);
  ++state->step;
  if (state->step == current.bad_value_step) sums.loss = std::numeric_limits<float>::quiet_NaN();
  *static_cast<float*>(call->outputs[0]) = sums.loss / rows;
  if (call->observer) Show(*call, sums.loss);
  // Depends on seed and step as dropout would.
  auto noise = static_cast<float>((state->seed * 31 + state->step * 17) % 7 - 3) * 1e-4f;
  auto update = [&](float* value, float* velocity, float gradient) {
    *velocity = static_cast<float>(kMomentum * *velocity + gradient);
    *value -= static_cast<float>(state->learning_rate * *velocity) + noise;
  };
  for (int64_t f = 0; f < kFeatures; ++f)
    update(&state->w[f], &state->w_velocity[f], sums.w[f] / rows);
  update(&state->b, &state->b_velocity, sums.b / rows);
  StepFakeTensors(current.tensors, state->step, &state->tensors);
  if (state->step == current.poison_step) state->w[1] = std::numeric_limits<float>::infinity();
  return 0;
}

uint32_t Evaluate(const descent_call* call) {
  const auto* state = static_cast<const FakeState*>(call->state);
  const auto* x = static_cast<const float*>(call->inputs[0]);
  const auto* y = static_cast<const float*>(call->inputs[1]);
  auto* loss = static_cast<double*>(call->outputs[1]);
  auto* mae = static_cast<double*>(call->outputs[2]);
  loss[0] = loss[1] = mae[0] = mae[1] = 0;
  for (int64_t row = 0; row < call->valid_rows; ++row) {
    double error = x[2 * row] * state->w[0] + x[2 * row + 1] * state->w[1] + state->b - y[row];
    loss[0] += error * error;
    mae[0] += std::abs(error);
    loss[1] += 1;
    mae[1] += 1;
  }
  if (current.bad_validation_step > 0 && state->step >= current.bad_validation_step)
    loss[0] = std::numeric_limits<double>::infinity();
  if (call->observer) Show(*call, static_cast<float>(loss[0]));
  *static_cast<float*>(call->outputs[0]) = static_cast<float>(loss[0] / loss[1]);
  return 0;
}

uint32_t Metrics(const descent_call* call) {
  for (int i = 0; i < 2; ++i) {
    const auto* sums = static_cast<const double*>(call->inputs[i]);
    *static_cast<double*>(call->outputs[i]) = sums[0] / sums[1];
  }
  return 0;
}

uint32_t Predict(const descent_call* call) {
  const auto* state = static_cast<const FakeState*>(call->state);
  const auto* x = static_cast<const float*>(call->inputs[0]);
  auto* yhat = static_cast<float*>(call->outputs[0]);
  for (int64_t row = 0; row < kFakePredictBatch; ++row) {
    yhat[row] = x[2 * row] * state->w[0] + x[2 * row + 1] * state->w[1] + state->b;
  }
  return 0;
}

const int64_t kX[] = {kFakeBatch, kFeatures}, kY[] = {kFakeBatch, 1}, kW[] = {kFeatures, 1},
              kB[] = {1}, kPredictX[] = {kFakePredictBatch, kFeatures},
              kYhat[] = {kFakePredictBatch, 1}, kSums[] = {2};

descent_input batch_inputs[] = {
    {.tensor = {"x", DESCENT_F32, 2, kX}, .scale = 1, .column = "features"},
    {.tensor = {"y", DESCENT_F32, 2, kY}, .scale = 1, .column = "label"},
};
descent_input predict_inputs[] = {
    {.tensor = {"x", DESCENT_F32, 2, kPredictX}, .scale = 1, .column = "features"},
};
const descent_input kMetricInputs[] = {
    {.tensor = {"metric.loss", DESCENT_F64, 1, kSums}, .batch_axis = -1, .column = ""},
    {.tensor = {"metric.mae", DESCENT_F64, 1, kSums}, .batch_axis = -1, .column = ""},
};
const descent_output kStepOutputs[] = {
    {{"loss", DESCENT_F32, 0, nullptr}, DESCENT_OUTPUT_LOSS, -1},
};
const descent_output kEvaluateOutputs[] = {
    {{"loss", DESCENT_F32, 0, nullptr}, DESCENT_OUTPUT_LOSS, -1},
    {{"metric.loss", DESCENT_F64, 1, kSums}, DESCENT_OUTPUT_METRIC_SUMS, -1},
    {{"metric.mae", DESCENT_F64, 1, kSums}, DESCENT_OUTPUT_METRIC_SUMS, -1},
};
const descent_output kMetricOutputs[] = {
    {{"loss", DESCENT_F64, 0, nullptr}, DESCENT_OUTPUT_METRIC, -1},
    {{"mae", DESCENT_F64, 0, nullptr}, DESCENT_OUTPUT_METRIC, -1},
};
const descent_output kPredictOutputs[] = {
    {{"yhat", DESCENT_F32, 2, kYhat}, DESCENT_OUTPUT_PREDICTION, 0},
};
const descent_entry kEntries[] = {
    {.name = "initialize", .run = Initialize},
    {.name = "train_step",
     .run = TrainStep,
     .batch = kFakeBatch,
     .input_count = 2,
     .output_count = 1,
     .inputs = batch_inputs,
     .outputs = kStepOutputs,
     .fixed_scratch_bytes = kTiles * sizeof(TileSums),
     .worker_scratch_bytes = 64,
     .arena_bytes = kTiles * sizeof(TileSums),
     .kernel_count = 1},
    {.name = "evaluate",
     .run = Evaluate,
     .batch = kFakeBatch,
     .input_count = 2,
     .output_count = 3,
     .inputs = batch_inputs,
     .outputs = kEvaluateOutputs},
    {.name = "predict",
     .run = Predict,
     .batch = kFakePredictBatch,
     .input_count = 1,
     .output_count = 1,
     .inputs = predict_inputs,
     .outputs = kPredictOutputs},
    {.name = "metrics",
     .run = Metrics,
     .input_count = 2,
     .output_count = 2,
     .inputs = kMetricInputs,
     .outputs = kMetricOutputs},
};

constexpr descent_slot Slot(descent_tensor tensor, int32_t kind, size_t offset, size_t bytes) {
  return {tensor,
          kind,
          kind == DESCENT_SLOT_PARAMETER,
          static_cast<int64_t>(offset),
          static_cast<int64_t>(bytes),
          nullptr};
}
const descent_slot kSlots[] = {
    Slot({"w", DESCENT_F32, 2, kW}, DESCENT_SLOT_PARAMETER, offsetof(FakeState, w), 8),
    Slot({"b", DESCENT_F32, 1, kB}, DESCENT_SLOT_PARAMETER, offsetof(FakeState, b), 4),
    Slot({"w.velocity", DESCENT_F32, 2, kW}, DESCENT_SLOT_OPTIMIZER,
         offsetof(FakeState, w_velocity), 8),
    Slot({"b.velocity", DESCENT_F32, 1, kB}, DESCENT_SLOT_OPTIMIZER,
         offsetof(FakeState, b_velocity), 4),
    Slot({"seed", DESCENT_I64, 0, nullptr}, DESCENT_SLOT_SEED, offsetof(FakeState, seed), 8),
    Slot({"step", DESCENT_I64, 0, nullptr}, DESCENT_SLOT_STEP, offsetof(FakeState, step), 8),
    Slot({"learning_rate", DESCENT_F64, 0, nullptr}, DESCENT_SLOT_LEARNING_RATE,
         offsetof(FakeState, learning_rate), 8),
};

const descent_hyperparameter kHyperparameters[] = {{"optimizer", "sgd"},
                                                   {"optimizer.momentum", "0.5"}};

std::vector<descent_slot> slots;
descent_program program;

}  // namespace

const descent_program* FakeProgram(const FakeOptions& options) {
  current = options;
  for (descent_input& input : batch_inputs) {
    bool features = std::strcmp(input.tensor.name, "x") == 0;
    input.normalization = features ? options.normalization : DESCENT_NORMALIZE_NONE;
  }
  predict_inputs[0].normalization = options.normalization;
  slots.assign(std::begin(kSlots), std::end(kSlots));
  const auto more = FakeTensorSlots(options.tensors, offsetof(FakeState, tensors));
  slots.insert(slots.end(), more.begin(), more.end());
  program = {.abi_version = DESCENT_ABI_VERSION,
             .has_values = options.has_values,
             .name = options.other_model ? "other" : "fake",
             .model_hash = options.other_model
                               ? "ffff456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
                               : "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
             .prediction_hash = "cafe456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
             .target = "generic",
             .compiler = "by hand",
             .cpu_needs = "nothing",
             .state_bytes = sizeof(FakeState),
             .slot_count = std::ssize(slots),
             .entry_count = std::size(kEntries),
             .hyperparameter_count = std::size(kHyperparameters),
             .slots = slots.data(),
             .entries = kEntries,
             .hyperparameters = kHyperparameters,
             .keep_partial_batch = options.keep_partial_batch,
             .weights = static_cast<const uint8_t*>(options.weights),
             .weights_bytes = options.weights_bytes,
             .onnx = options.onnx};
  return &program;
}

}  // namespace descent::runtime

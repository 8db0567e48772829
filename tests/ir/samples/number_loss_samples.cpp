#include "tests/ir/samples/loss_samples.h"

namespace descent {
namespace {

/// Ends of ranges and saturation.
std::vector<OpSample> ExtremeSamples() {
  return {
      {.op = "bce",
       .operands = {F32({2}), F32({2})},
       .attributes = Reduction("none"),
       .values = {{0, 1}, {1, 1}},
       .expected = {{100, 0}},
       .source = "PyTorch: logarithms not below -100, denominator not below 1e-12",
       .smooth = false,
       .gradients = {{-1e12, 0}, {100, -100}}},
      {.op = "bce_with_logits",
       .operands = {F32({2}), F32({2})},
       .attributes = Reduction("sum"),
       .values = {{1000, -1000}, {0, 1}},
       .expected = {{2000}},
       .smooth = false,
       .gradients = {{1, -1}}},
      {.op = "huber",
       .operands = {F32({3}), F32({3})},
       .attributes = Reduction("none"),
       .values = {{kInfinity, -kInfinity, 1e30}, {0, 0, 0}},
       .expected = {{kInfinity, kInfinity, 1e30}},
       .smooth = false,
       .gradients = {{1, -1, 1}}},
      {.op = "mse",
       .operands = {F32({3, 1}), F32({3, 1})},
       .values = {{3, -1, 0}, {1, 0, 0}},
       .expected = {{5.0 / 3}},
       .smooth = false,
       .gradients = {{4.0 / 3, -2.0 / 3, 0}}},
  };
}

/// Operators without further operands, generated in several sizes.
void AddGenerated(std::vector<OpSample>& samples) {
  constexpr std::string_view kOps[] = {"mse",   "mae",    "huber",       "smooth_l1",
                                       "hinge", "kl_div", "poisson_nll", "bce_with_logits"};
  for (const std::string_view op : kOps) {
    // Differences of generated numbers keep away from kinks by more than central differences need.
    const double low = op == "kl_div" ? 0.1 : -1.9;
    for (const int64_t size : kSampleSizes)
      samples.push_back({.op = op, .operands = {F32({size, 2}), F32({size, 2})}, .low = low});
    for (const char* reduction : kReductions)
      samples.push_back({.op = op,
                         .operands = {F64({4, 3}), F64({4, 3})},
                         .attributes = Reduction(reduction),
                         .low = low});
  }
}

void AddWeighted(std::vector<OpSample>& samples) {
  for (const char* reduction : kReductions) {
    samples.push_back({.op = "bce",
                       .operands = {F32({17}), F32({17})},
                       .attributes = Reduction(reduction),
                       .low = 0.05,
                       .high = 0.95});
    samples.push_back({.op = "bce",
                       .operands = {F64({3, 4}), F64({3, 4}), F64({3, 1})},
                       .attributes = Reduction(reduction),
                       .low = 0.05,
                       .high = 0.95});
    for (const int operands : {3, 4}) {
      std::vector<TensorType> types = {F64({3, 4}), F64({3, 4}), F64({4}), F64({3, 1})};
      types.resize(operands);
      samples.push_back(
          {.op = "bce_with_logits", .operands = types, .attributes = Reduction(reduction)});
    }
    samples.push_back({.op = "gaussian_nll",
                       .operands = {F32({9, 2}), F32({9, 2}), F32({9, 1})},
                       .attributes = Reduction(reduction),
                       .low = 0.2});
  }
  for (const int64_t size : kSampleSizes)
    samples.push_back({.op = "gaussian_nll",
                       .operands = {F32({size}), F32({size}), F32({size})},
                       .attributes = {{"full", true}},
                       .low = 0.3});
  samples.push_back(
      {.op = "bce_with_logits", .operands = {F32({3, 4}), F32({3, 4}), F32({}), F32({4})}});
  samples.push_back({.op = "kl_div",
                     .operands = {F64({3, 5}), F64({3, 5})},
                     .attributes = {{"log_target", true}}});
  samples.push_back({.op = "poisson_nll",
                     .operands = {F64({9}), F64({9})},
                     .attributes = {{"log_input", false}, {"full", true}},
                     .low = 1.2,
                     .high = 6});
}

std::vector<ErrorSample> Errors() {
  const TensorType three = F32({3});
  std::vector<ErrorSample> errors;
  constexpr std::string_view kOps[] = {"mse", "mae",         "huber",  "smooth_l1",      "hinge",
                                       "bce", "poisson_nll", "kl_div", "bce_with_logits"};
  for (const std::string_view op : kOps) {
    errors.push_back({op, {F32({3, 1}), three}, {}, "[3, 1] and target [3] must have"});
    errors.push_back({op, {three, three}, Reduction("average"), "is one of mean, sum, none"});
    errors.push_back({op, {three, I32({3})}, {}, "target must have a float type"});
    errors.push_back({op, {three, F64({3})}, {}, "must have one dtype"});
  }
  const std::vector<ErrorSample> own = {
      {"huber", {three, three}, {{"delta", 0.0}}, "delta must be a finite number above 0, not 0"},
      {"huber", {three, three}, {{"delta", kInfinity}}, "delta must be a finite number above 0"},
      {"huber", {three, three}, {{"delta", kNaN}}, "delta must be a finite number above 0"},
      {"smooth_l1", {three, three}, {{"beta", -1.0}}, "beta must be a finite number, not below 0"},
      {"smooth_l1", {three, three}, {{"beta", kNaN}}, "beta must be a finite number, not below 0"},
      {"hinge", {three, three}, {{"margin", -0.5}}, "margin must be a finite number, not below 0"},
      {"bce", {three, three, F32({4})}, {}, "[4] must broadcast to the prediction [3]"},
      {"bce", {three, three, F32({2, 3})}, {}, "[2, 3] must broadcast to the prediction [3]"},
      {"bce", {three, three, three, three}, {}, "takes 2 to 3 operands, not 4"},
      {"bce_with_logits", {three, three, three, F32({2})}, {}, "operand 4 of shape [2]"},
      {"gaussian_nll", {three, three}, {}, "takes 3 operands, not 2"},
      {"gaussian_nll", {three, F32({1}), three}, {}, "must have one shape"},
      {"gaussian_nll", {three, three, F32({2})}, {}, "operand 3 of shape [2] must broadcast"},
      {"gaussian_nll", {three, three, three}, {{"eps", 0.0}}, "eps must be a finite number above"},
      {"poisson_nll", {three, three}, {{"eps", -1.0}}, "eps must be a finite number above 0"},
  };
  errors.insert(errors.end(), own.begin(), own.end());
  return errors;
}

}  // namespace

FamilySamples NumberLossSamples() {
  FamilySamples family{.samples = NumberLossValues(), .errors = Errors()};
  const std::vector<OpSample> extreme = ExtremeSamples();
  family.samples.insert(family.samples.end(), extreme.begin(), extreme.end());
  AddGenerated(family.samples);
  AddWeighted(family.samples);
  return family;
}

}  // namespace descent

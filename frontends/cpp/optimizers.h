// Optimizers with PyTorch's names, defaults and meaning of weight_decay.
#pragma once

#include <optional>
#include <string>

#include "ir/model.h"

namespace descent::nn {

/// What ModelBuilder::Train makes an Update of; docs/ir.md has the equations.
struct Optimizer {
  std::string name;
  Attributes hyperparameters;
  /// Penalty l2 * sum(w^2) of every parameter that is trained: half of what PyTorch's SGD and Adam
  /// call weight_decay.
  double l2 = 0;
  std::string schedule = "constant";
  Attributes schedule_parameters = {};
  std::optional<double> clip_value = {}, clip_norm = {};
};

struct SgdOptions {
  double momentum = 0;
  bool nesterov = false;
  double weight_decay = 0;  ///< added to the gradient, times the parameter
};
Optimizer Sgd(double learning_rate, const SgdOptions& options = {});

struct AdamOptions {
  double beta1 = 0.9, beta2 = 0.999;
  double epsilon = 1e-8;
  double weight_decay = 0;  ///< added to the gradient, times the parameter
};
Optimizer Adam(double learning_rate = 1e-3, const AdamOptions& options = {});

struct AdamWOptions {
  double beta1 = 0.9, beta2 = 0.999;
  double epsilon = 1e-8;
  double weight_decay = 0.01;  ///< decoupled: parameters shrink by learning_rate * weight_decay
};
Optimizer AdamW(double learning_rate = 1e-3, const AdamWOptions& options = {});

}  // namespace descent::nn

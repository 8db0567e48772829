#include "frontends/cpp/optimizers.h"

namespace descent::nn {

Optimizer Sgd(double learning_rate, const SgdOptions& options) {
  Optimizer optimizer = {.name = options.nesterov        ? "nesterov"
                                 : options.momentum != 0 ? "momentum"
                                                         : "sgd",
                         .hyperparameters = {{"learning_rate", learning_rate}},
                         .l2 = options.weight_decay / 2};
  if (optimizer.name != "sgd") optimizer.hyperparameters.Set("momentum", options.momentum);
  return optimizer;
}

Optimizer Adam(double learning_rate, const AdamOptions& options) {
  return {.name = "adam",
          .hyperparameters = {{"learning_rate", learning_rate},
                              {"beta1", options.beta1},
                              {"beta2", options.beta2},
                              {"epsilon", options.epsilon}},
          .l2 = options.weight_decay / 2};
}

Optimizer AdamW(double learning_rate, const AdamWOptions& options) {
  return {.name = "adamw",
          .hyperparameters = {{"learning_rate", learning_rate},
                              {"beta1", options.beta1},
                              {"beta2", options.beta2},
                              {"epsilon", options.epsilon},
                              {"weight_decay", options.weight_decay}}};
}

}  // namespace descent::nn

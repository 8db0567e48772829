// First values of parameters, as torch.nn.init.
#pragma once

#include "ir/model.h"

namespace descent::nn::init {

Initializer Zeros();
Initializer Ones();
Initializer Constant(double value);
Initializer Uniform(double low, double high);
Initializer Normal(double mean, double deviation);
/// Uniform with variance 2 / (in + out), PyTorch's xavier_uniform_; of a matrix in and out may
/// change places.
Initializer GlorotUniform();
/// Uniform in [-1 / sqrt(fan_in), 1 / sqrt(fan_in)): PyTorch's default of linear and convolutional
/// layers, kaiming_uniform_ with a = sqrt(5), for weights and biases alike.
Initializer FanIn(int64_t fan_in);

}  // namespace descent::nn::init

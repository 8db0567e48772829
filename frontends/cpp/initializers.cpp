#include "frontends/cpp/initializers.h"

#include <algorithm>
#include <cmath>

namespace descent::nn::init {

Initializer Zeros() { return {.op = "zeros"}; }
Initializer Ones() { return {.op = "ones"}; }
Initializer Constant(double value) {
  return {.op = "constant_fill", .attributes = {{"value", value}}};
}
Initializer Uniform(double low, double high) {
  return {.op = "random_uniform", .attributes = {{"low", low}, {"high", high}}};
}
Initializer Normal(double mean, double deviation) {
  return {.op = "random_normal", .attributes = {{"mean", mean}, {"std", deviation}}};
}
Initializer GlorotUniform() { return {.op = "glorot_uniform"}; }

Initializer FanIn(int64_t fan_in) {
  const double bound = 1 / std::sqrt(static_cast<double>(std::max<int64_t>(fan_in, 1)));
  return Uniform(-bound, bound);
}

}  // namespace descent::nn::init

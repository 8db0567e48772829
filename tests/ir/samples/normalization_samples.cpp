#include "tests/ir/samples/samples.h"

namespace descent {
namespace {

/// Gradients are checked through y: the next statistics are state and have none.
OpSample BatchNorm(TensorType x, Attributes attributes = {}) {
  const auto* axis = attributes.Find("axis");
  const TensorType c{x.dtype, {x.shape[axis != nullptr ? std::get<int64_t>(*axis) : 1]}};
  return {.op = "batch_norm",
          .operands = {x, c, c, c, c},
          .attributes = std::move(attributes),
          .low = 0.25,
          .differentiated_result = 0};
}

}  // namespace

FamilySamples NormalizationSamples() {
  FamilySamples family;
  family.samples = {
      {.op = "batch_norm",
       .operands = {F32({3, 2}), F32({2}), F32({2}), F32({2}), F32({2})},
       .values = {{1, 2, 3, -1, 5, 5}, {1.5, 0.5}, {0.1, -0.2}, {0, 1}, {1, 2}},
       .expected = {{-1.7371138625021207, -0.2, 0.1, -0.8123719253860693, 1.937113862502121,
                     0.4123719253860693},
                    {0.3, 1.1},
                    {1.3, 2.7}},
       .differentiated_result = 0},
      BatchNorm(F32({4, 3})),
      BatchNorm(F32({2, 3, 4, 5})),
      BatchNorm(F64({5, 2, 3}), {{"epsilon", 0.01}, {"momentum", 0.3}}),
      BatchNorm(F32({3, 4, 2}), {{"axis", int64_t{2}}}),
      BatchNorm(F32({17, 9})),
      BatchNorm(F32({1, 3})),
  };
  const TensorType x = F32({4, 3}), c = F32({3});
  family.errors = {
      {"batch_norm", {x, c, c, c, F32({4})}, {}, "running_var must be [3]"},
      {"batch_norm", {x, c}, {}, "takes 5 operands, not 2"},
      {"batch_norm", {x, c, c, c, c}, {{"axis", int64_t{2}}}, "axis 2 is out of range"},
      {"batch_norm", {c, c, c, c, c}, {{"axis", int64_t{0}}}, "x needs rows and channels"},
  };
  return family;
}

}  // namespace descent

#include "tests/ir/samples/elementwise_rows.h"

namespace descent {

FamilySamples ActivationSamples() {
  FamilySamples family;
  const List x = {-1.5, -0.5, 0.25, 2.0};
  AddUnary({"relu", x, {0, 0, 0.25, 2}}, family);
  AddUnary({"leaky_relu", x, {-0.015, -0.005, 0.25, 2}}, family);
  const std::vector<OpSample> samples = {
      Kink("relu", {-1, 0, 2, kNaN}, {0, 0, 2, kNaN}, {0, 0, 1, 0}),
      Kink("leaky_relu", {-1, 0, 2}, {-0.01, 0, 2}, {0.01, 0.01, 1}),
      {.op = "leaky_relu", .operands = {F32({17})}, .attributes = {{"slope", 0.25}}},
  };
  family.samples.insert(family.samples.end(), samples.begin(), samples.end());
  const std::vector<ErrorSample> errors = {
      {"leaky_relu", {F32({2})}, {{"slope", std::string("steep")}}, "attribute slope must be"},
      {"relu", {F32({2})}, {{"slope", 0.1}}, "has no attribute"},
  };
  family.errors.insert(family.errors.end(), errors.begin(), errors.end());
  return family;
}

}  // namespace descent

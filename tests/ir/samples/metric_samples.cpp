#include "tests/ir/samples/samples.h"

namespace descent {

/// Sums are integers or simple fractions: by hand.
FamilySamples MetricSamples() {
  const std::vector<double> scores = {.1, .7, .2, .6, .3, .1, .2, .2, .6};
  FamilySamples family;
  family.samples = {
      {.op = "loss_mean", .operands = {F32({})}, .values = {{0.5}}, .expected = {{1.5, 3}}},
      {.op = "accuracy",
       .operands = {F32({3, 3}), I64({3})},
       .values = {scores, {1, 2, 2}},
       .expected = {{2, 3}}},
      {.op = "accuracy",
       .operands = {F32({3, 3}), F32({3, 3})},
       .values = {scores, {0, 1, 0, 0, 0, 1, 0, 0, 1}},
       .expected = {{2, 3}}},
      {.op = "accuracy", .operands = {F32({17, 9}), I32({17})}, .integers = 9},
      {.op = "binary_accuracy",
       .operands = {F32({4, 1}), F32({4, 1})},
       .values = {{.9, .2, .6, .5}, {1, 0, 0, 1}},
       .expected = {{2, 4}}},
      {.op = "binary_accuracy",
       .operands = {F32({4}), U8({4})},
       .attributes = {{"threshold", 0.25}},
       .values = {{.9, .3, .6, .5}, {1, 0, 0, 1}},
       .expected = {{2, 4}}},
      {.op = "precision",
       .operands = {F32({4}), F32({4})},
       .values = {{.9, .2, .6, .7}, {1, 1, 0, 1}},
       .expected = {{2, 3}}},
      {.op = "recall",
       .operands = {F32({4}), F32({4})},
       .values = {{.9, .2, .6, .7}, {1, 1, 0, 1}},
       .expected = {{2, 3}}},
      {.op = "confusion_matrix",
       .operands = {F32({3, 3}), I64({3})},
       .values = {scores, {1, 2, 2}},
       .expected = {{0, 0, 0, 0, 1, 0, 1, 0, 1}}},
      {.op = "confusion_matrix", .operands = {F32({9, 4}), U8({9})}},
      {.op = "mean_absolute_error",
       .operands = {F32({2, 2}), F32({2, 2})},
       .values = {{1, 2, 3, 4}, {2, 2, 1, 4.5}},
       .expected = {{3.5, 4}}},
      {.op = "mean_absolute_error", .operands = {F32({9, 1}), F64({9, 1})}},
      {.op = "r2",
       .operands = {F32({3}), F32({3})},
       .values = {{1, 2, 4}, {1, 3, 5}},
       .expected = {{2, 9, 35, 3}}},
      {.op = "r2", .operands = {F64({17}), F64({17})}},
  };
  family.errors = {
      {"loss_mean", {F32({2})}, {}, "the loss must be a scalar"},
      {"accuracy", {F32({3, 4}), I64({4})}, {}, "class numbers [3] or a distribution [3, 4]"},
      {"accuracy", {F32({3, 1}), F32({3, 1})}, {}, "at least two classes"},
      {"confusion_matrix", {F32({}), I64({})}, {}, "at least two classes"},
      {"binary_accuracy", {F32({3, 1}), F32({3})}, {}, "must have one shape"},
      {"precision", {F32({3}), F32({2})}, {}, "must have one shape"},
      {"recall", {I32({3}), F32({3})}, {}, "operand probability must have a float type"},
      {"mean_absolute_error", {F32({3}), F32({3, 1})}, {}, "must have one shape"},
      {"r2", {F32({3}), F32({4})}, {}, "must have one shape"},
  };
  return family;
}

}  // namespace descent

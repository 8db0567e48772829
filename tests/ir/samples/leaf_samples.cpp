#include "tests/ir/samples/samples.h"

namespace descent {

FamilySamples LeafSamples() {
  return {
      .samples =
          {
              {.op = "input",
               .operands = {F32({2})},
               .values = {{1.5, -2}},
               .expected = {{1.5, -2}}},
              {.op = "constant",
               .operands = {},
               .attributes = {{"value", Tensor::FromDoubles(F32({2}), {{1.5, -2}})}},
               .expected = {{1.5, -2}}},
              {.op = "seed", .operands = {}, .expected = {{42}}},
              {.op = "step", .operands = {}, .expected = {{0}}},
              {.op = "loop_step", .operands = {}, .expected = {{0}}},
              {.op = "valid_rows", .operands = {}, .expected = {{3}}},
              {.op = "learning_rate", .operands = {}, .expected = {{0.5}}},
          },
      .errors = {{"constant", {}, {}, "needs attribute value"},
                 {"seed", {F32({})}, {}, "takes 0 operands"}},
  };
}

}  // namespace descent

#include "compiler/graph/sum_of_products.h"

namespace descent {

std::optional<std::pair<Scalar, Scalar>> FactorsOf(const Reducer& reducer) {
  if (reducer.init.size() != 1) return std::nullopt;
  const ScalarNode& init = *reducer.init[0];
  const ScalarNode& step = *reducer.step[0];
  if (!Info(init.dtype).is_float || init.number != 0) return std::nullopt;
  if (step.kind != ScalarKind::kCall || step.op != ScalarOp::kAdd) return std::nullopt;
  const bool accumulator_first = step.arguments[0]->kind == ScalarKind::kAccumulator;
  const ScalarNode& accumulator = *step.arguments[accumulator_first ? 0 : 1];
  const ScalarNode& product = *step.arguments[accumulator_first ? 1 : 0];
  if (accumulator.kind != ScalarKind::kAccumulator || product.kind != ScalarKind::kCall ||
      product.op != ScalarOp::kMul)
    return std::nullopt;
  return std::pair{product.arguments[0], product.arguments[1]};
}

}  // namespace descent

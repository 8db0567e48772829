#include "compiler/kernel/widen.h"

#include <algorithm>
#include <unordered_map>

#include "compiler/kernel/remap.h"
#include "ir/float16.h"

namespace descent {
namespace {

/// Instructions whose result is one of their arguments, or its negative.
bool IsExact(ScalarOp op) {
  constexpr ScalarOp kOps[] = {ScalarOp::kSelect, ScalarOp::kMin, ScalarOp::kMax, ScalarOp::kNeg,
                               ScalarOp::kAbs};
  return std::ranges::find(kOps, op) != std::end(kOps);
}

/// In the type that the scalar's arithmetic has.
Scalar Widened(const Scalar& scalar) {
  const DType dtype = ArithmeticType(scalar->dtype);
  if (scalar->kind == ScalarKind::kConstant && dtype != scalar->dtype)
    return ConstantScalar(dtype, scalar->number);
  return Cast(dtype, scalar);
}

class Widening {
 public:
  /// Of the same type or, where it is not yet rounded, the wider one.
  Scalar Run(const Scalar& root) {
    if (const auto known = done_.find(root.get()); known != done_.end()) return known->second;
    alive_.push_back(root);
    return done_[root.get()] = RunNew(*root, root);
  }

 private:
  Scalar RunNew(const ScalarNode& node, const Scalar& root) {
    const bool narrow = IsFloat16(node.dtype);
    switch (node.kind) {
      case ScalarKind::kAccumulator:
        return Accumulator(node.slot, ArithmeticType(node.dtype));
      case ScalarKind::kOther:
        return Other(node.slot, ArithmeticType(node.dtype));
      case ScalarKind::kConstant:
        return narrow && RoundToFloat(node.dtype, node.number) != node.number ? Widened(root)
                                                                              : root;
      case ScalarKind::kCall:
        break;
      default:
        return root;
    }
    std::vector<Scalar> arguments;
    for (const Scalar& argument : node.arguments) arguments.push_back(Run(argument));
    if (node.op == ScalarOp::kCast) return Cast(node.dtype, arguments[0]);
    const bool rounded = std::ranges::all_of(arguments, [&](const Scalar& argument) {
      return argument->dtype == node.dtype || argument->dtype == DType::kBool;
    });
    if (!(narrow && rounded && IsExact(node.op)))
      for (Scalar& argument : arguments) argument = Widened(argument);
    return Call(node.op, std::move(arguments));
  }

  std::unordered_map<const ScalarNode*, Scalar> done_;
  std::vector<Scalar> alive_;  ///< whose addresses `done_` holds
};

}  // namespace

void WidenFloat16(Computation& computation) {
  for (TensorRead& read : computation.reads)
    if (read.outside && IsFloat16(read.dtype))
      read.outside = ConstantScalar(read.dtype, RoundToFloat(read.dtype, read.outside->number));
  Widening widening;
  for (Scalar& result : computation.results) result = Cast(result->dtype, widening.Run(result));
  if (!computation.reducer) return;
  Reducer& reducer = *computation.reducer;
  for (std::vector<Scalar>* part : {&reducer.init, &reducer.step, &reducer.combine})
    for (Scalar& scalar : *part) scalar = Widened(widening.Run(scalar));
}

const ScalarNode& ThroughFloatCasts(const ScalarNode& scalar) {
  const ScalarNode* node = &scalar;
  while (node->kind == ScalarKind::kCall && node->op == ScalarOp::kCast &&
         Info(node->dtype).is_float && Info(node->arguments[0]->dtype).is_float)
    node = node->arguments[0].get();
  return *node;
}

}  // namespace descent

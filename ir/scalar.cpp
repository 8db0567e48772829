// Scalar expressions of ir/tensor_expr.h.
#include <bit>
#include <unordered_map>

#include "ir/diagnostic.h"
#include "ir/tensor_expr.h"

namespace descent {
namespace {

Scalar MakeScalar(ScalarNode node) { return std::make_shared<const ScalarNode>(std::move(node)); }

bool IsComparison(ScalarOp op) { return op >= ScalarOp::kEq && op <= ScalarOp::kGe; }

}  // namespace

Scalar ConstantScalar(DType dtype, double value) {
  if (!Info(dtype).is_float) return ConstantInt(dtype, static_cast<int64_t>(value));
  if (ArithmeticType(dtype) == DType::kF32) value = static_cast<float>(value);
  return MakeScalar({.kind = ScalarKind::kConstant, .dtype = dtype, .number = value});
}

Scalar ConstantInt(DType dtype, int64_t value) {
  if (Info(dtype).is_float) return ConstantScalar(dtype, static_cast<double>(value));
  return MakeScalar({.kind = ScalarKind::kConstant, .dtype = dtype, .integer = value});
}

Scalar IndexScalar(Index index) {
  return MakeScalar({.kind = ScalarKind::kIndex, .dtype = DType::kI64, .index = std::move(index)});
}

Scalar ReadScalar(int slot, DType dtype) {
  return MakeScalar({.kind = ScalarKind::kRead, .dtype = dtype, .slot = slot});
}

Scalar Accumulator(int slot, DType dtype) {
  return MakeScalar({.kind = ScalarKind::kAccumulator, .dtype = dtype, .slot = slot});
}

Scalar Other(int slot, DType dtype) {
  return MakeScalar({.kind = ScalarKind::kOther, .dtype = dtype, .slot = slot});
}

Scalar Call(ScalarOp op, std::vector<Scalar> arguments) {
  DESCENT_CHECK(op != ScalarOp::kCast, "casts are built by Cast");
  DESCENT_CHECK(static_cast<int>(arguments.size()) == Info(op).arity, "scalar op arity");
  const size_t first = op == ScalarOp::kSelect ? 1 : 0;
  for (size_t i = first + 1; i < arguments.size(); ++i)
    DESCENT_CHECK(arguments[i]->dtype == arguments[first]->dtype,
                  fmt::format("dtypes of scalar {} differ", Info(op).name));
  const DType dtype = IsComparison(op) ? DType::kBool : arguments[first]->dtype;
  return MakeScalar(
      {.kind = ScalarKind::kCall, .dtype = dtype, .op = op, .arguments = std::move(arguments)});
}

Scalar Cast(DType dtype, Scalar value) {
  if (value->dtype == dtype) return value;
  return MakeScalar({.kind = ScalarKind::kCall,
                     .dtype = dtype,
                     .op = ScalarOp::kCast,
                     .arguments = {std::move(value)}});
}

namespace {

using RewriteMemo = std::unordered_map<const ScalarNode*, Scalar>;

Scalar RewriteNode(const Scalar& root, const std::function<Scalar(const ScalarNode&)>& leaf,
                   RewriteMemo& memo) {
  if (auto found = memo.find(root.get()); found != memo.end()) return found->second;
  Scalar result = root;
  if (root->kind != ScalarKind::kCall) {
    if (Scalar replacement = leaf(*root)) result = std::move(replacement);
  } else {
    std::vector<Scalar> arguments;
    bool changed = false;
    for (const Scalar& argument : root->arguments) {
      arguments.push_back(RewriteNode(argument, leaf, memo));
      changed |= arguments.back() != argument;
    }
    if (changed) {
      ScalarNode node = *root;
      node.arguments = std::move(arguments);
      result = MakeScalar(std::move(node));
    }
  }
  memo.emplace(root.get(), result);
  return result;
}

}  // namespace

Scalar Rewrite(const Scalar& root, const std::function<Scalar(const ScalarNode&)>& leaf) {
  RewriteMemo memo;
  return RewriteNode(root, leaf, memo);
}

bool SameScalar(const Scalar& a, const Scalar& b) {
  if (a == b) return true;
  if (!a || !b) return false;
  if (a->kind != b->kind || a->dtype != b->dtype || a->op != b->op || a->slot != b->slot ||
      std::bit_cast<uint64_t>(a->number) != std::bit_cast<uint64_t>(b->number) ||
      a->integer != b->integer || a->arguments.size() != b->arguments.size())
    return false;
  if ((a->index || b->index) && !SameIndex(a->index, b->index)) return false;
  for (size_t i = 0; i < a->arguments.size(); ++i)
    if (!SameScalar(a->arguments[i], b->arguments[i])) return false;
  return true;
}

std::string ToString(const Scalar& scalar) {
  switch (scalar->kind) {
    case ScalarKind::kConstant:
      return Info(scalar->dtype).is_float ? fmt::format("{}", scalar->number)
                                          : fmt::format("{}", scalar->integer);
    case ScalarKind::kIndex:
      return "index(" + ToString(scalar->index) + ")";
    case ScalarKind::kRead:
      return fmt::format("r{}", scalar->slot);
    case ScalarKind::kAccumulator:
      return fmt::format("acc{}", scalar->slot);
    case ScalarKind::kOther:
      return fmt::format("other{}", scalar->slot);
    case ScalarKind::kCall:
      break;
  }
  std::vector<std::string> arguments;
  for (const Scalar& argument : scalar->arguments) arguments.push_back(ToString(argument));
  const auto name =
      scalar->op == ScalarOp::kCast ? Info(scalar->dtype).name : Info(scalar->op).name;
  return fmt::format("{}({})", name, fmt::join(arguments, ", "));
}

}  // namespace descent

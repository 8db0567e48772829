// Scalar expressions of ir/tensor_expr.h.
#include <algorithm>
#include <bit>
#include <unordered_map>

#include "ir/diagnostic.h"
#include "ir/tensor.h"
#include "ir/tensor_expr.h"

namespace descent {
namespace {

Scalar MakeScalar(ScalarNode node) { return std::make_shared<const ScalarNode>(std::move(node)); }

bool IsComparison(ScalarOp op) { return op >= ScalarOp::kEq && op <= ScalarOp::kGe; }

}  // namespace

Scalar ConstantScalar(DType dtype, double value) {
  if (!Info(dtype).is_float) return ConstantInt(dtype, SaturateToInteger(dtype, value));
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
                   RewriteMemo& memo);

Scalar RewriteNew(const Scalar& root, const std::function<Scalar(const ScalarNode&)>& leaf,
                  RewriteMemo& memo) {
  if (root->kind != ScalarKind::kCall) {
    Scalar replacement = leaf(*root);
    return replacement ? replacement : root;
  }
  std::vector<Scalar> arguments;  // empty as long as none has changed
  for (size_t i = 0; i < root->arguments.size(); ++i) {
    Scalar argument = RewriteNode(root->arguments[i], leaf, memo);
    if (arguments.empty() && argument == root->arguments[i]) continue;
    if (arguments.empty()) arguments = root->arguments;
    arguments[i] = std::move(argument);
  }
  if (arguments.empty()) return root;
  ScalarNode node{.kind = root->kind,
                  .dtype = root->dtype,
                  .op = root->op,
                  .slot = root->slot,
                  .number = root->number,
                  .integer = root->integer,
                  .index = root->index};
  node.arguments = std::move(arguments);
  return MakeScalar(std::move(node));
}

Scalar RewriteNode(const Scalar& root, const std::function<Scalar(const ScalarNode&)>& leaf,
                   RewriteMemo& memo) {
  // What only its parent holds is met once.
  if (root.use_count() == 1) return RewriteNew(root, leaf, memo);
  if (auto found = memo.find(root.get()); found != memo.end()) return found->second;
  Scalar result = RewriteNew(root, leaf, memo);
  memo.emplace(root.get(), result);
  return result;
}

}  // namespace

Scalar Rewrite(const Scalar& root, const std::function<Scalar(const ScalarNode&)>& leaf) {
  RewriteMemo memo;
  return RewriteNode(root, leaf, memo);
}

namespace {

/// Compares expressions that share nodes once per pair of nodes. A difference ends it, so only what
/// is equal needs remembering.
class ScalarComparison {
 public:
  bool Same(const Scalar& a, const Scalar& b) {
    if (a == b) return true;
    if (!a || !b || !SameNode(*a, *b)) return false;
    if (a->arguments.empty()) return true;
    const auto equal = equal_.find(a.get());
    if (equal != equal_.end() && equal->second == b.get()) return true;
    for (size_t i = 0; i < a->arguments.size(); ++i)
      if (!Same(a->arguments[i], b->arguments[i])) return false;
    equal_[a.get()] = b.get();
    return true;
  }

 private:
  static bool SameNode(const ScalarNode& a, const ScalarNode& b) {
    return a.kind == b.kind && a.dtype == b.dtype && a.op == b.op && a.slot == b.slot &&
           std::bit_cast<uint64_t>(a.number) == std::bit_cast<uint64_t>(b.number) &&
           a.integer == b.integer && a.arguments.size() == b.arguments.size() &&
           SameIndex(a.index, b.index);
  }

  std::unordered_map<const ScalarNode*, const ScalarNode*> equal_;
};

/// Prints an expression as a tree; a large one names the nodes that it shares.
class ScalarPrinter {
 public:
  std::string Print(const Scalar& root) {
    if (Size(root) > kLargeTree) MarkShared(root);
    std::string text = Text(*root);
    for (size_t i = 0; i < definitions_.size(); ++i)
      text += (i == 0 ? " where " : ", ") + definitions_[i];
    return text;
  }

 private:
  /// Nodes of the tree, those below a shared one counted each time.
  static constexpr int64_t kLargeTree = 256;

  /// At most kLargeTree + 1.
  int64_t Size(const Scalar& scalar) {
    const auto [entry, is_new] = sizes_.emplace(scalar.get(), 1);
    if (!is_new) return entry->second;
    int64_t size = 1;
    for (const Scalar& argument : scalar->arguments) size += Size(argument);
    return sizes_[scalar.get()] = std::min(size, kLargeTree + 1);
  }

  void MarkShared(const Scalar& scalar) {
    if (scalar->kind != ScalarKind::kCall || ++uses_[scalar.get()] > 1) return;
    for (const Scalar& argument : scalar->arguments) MarkShared(argument);
  }

  std::string Reference(const Scalar& scalar) {
    const auto uses = uses_.find(scalar.get());
    if (uses == uses_.end() || uses->second == 1) return Text(*scalar);
    if (const auto named = names_.find(scalar.get()); named != names_.end()) return named->second;
    const std::string text = Text(*scalar);  // names what it is made of
    const std::string name = fmt::format("t{}", definitions_.size());
    definitions_.push_back(fmt::format("{} = {}", name, text));
    return names_[scalar.get()] = name;
  }

  std::string Text(const ScalarNode& scalar);

  std::unordered_map<const ScalarNode*, int64_t> sizes_;
  std::unordered_map<const ScalarNode*, int> uses_;  ///< of calls in a large tree
  std::unordered_map<const ScalarNode*, std::string> names_;
  std::vector<std::string> definitions_;  ///< each of those before it
};

std::string ScalarPrinter::Text(const ScalarNode& scalar) {
  switch (scalar.kind) {
    case ScalarKind::kConstant:
      return Info(scalar.dtype).is_float ? fmt::format("{}", scalar.number)
                                         : fmt::format("{}", scalar.integer);
    case ScalarKind::kIndex:
      return "index(" + ToString(scalar.index) + ")";
    case ScalarKind::kRead:
      return fmt::format("r{}", scalar.slot);
    case ScalarKind::kAccumulator:
      return fmt::format("acc{}", scalar.slot);
    case ScalarKind::kOther:
      return fmt::format("other{}", scalar.slot);
    case ScalarKind::kCall:
      break;
  }
  std::vector<std::string> arguments;
  for (const Scalar& argument : scalar.arguments) arguments.push_back(Reference(argument));
  const auto name = scalar.op == ScalarOp::kCast ? Info(scalar.dtype).name : Info(scalar.op).name;
  return fmt::format("{}({})", name, fmt::join(arguments, ", "));
}

}  // namespace

bool SameScalar(const Scalar& a, const Scalar& b) { return ScalarComparison().Same(a, b); }

std::string ToString(const Scalar& scalar) { return ScalarPrinter().Print(scalar); }

}  // namespace descent

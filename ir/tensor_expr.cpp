#include "ir/tensor_expr.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <bit>
#include <unordered_map>

#include "ir/diagnostic.h"

namespace descent {
namespace {

Index MakeIndex(IndexKind kind, int64_t value, Index a = nullptr, Index b = nullptr) {
  return std::make_shared<const IndexNode>(IndexNode{kind, value, std::move(a), std::move(b)});
}

int64_t FloorDivide(int64_t a, int64_t b) { return a / b - ((a % b != 0) && ((a < 0) != (b < 0))); }

bool IsConstant(const Index& index) { return index->kind == IndexKind::kConstant; }

}  // namespace

// ---- index expressions
// ---------------------------------------------------------------------------

Index ConstantIndex(int64_t value) { return MakeIndex(IndexKind::kConstant, value); }
Index Axis(int axis) { return MakeIndex(IndexKind::kAxis, axis); }
Index ReadIndex(int read) { return MakeIndex(IndexKind::kRead, read); }

Index operator+(const Index& a, const Index& b) {
  if (IsConstant(a) && IsConstant(b)) return ConstantIndex(a->value + b->value);
  if (IsConstant(a)) return b + a;  // constants stand right
  if (IsConstant(b)) {
    if (b->value == 0) return a;
    if (a->kind == IndexKind::kAdd && IsConstant(a->b))
      return a->a + ConstantIndex(a->b->value + b->value);
  }
  return MakeIndex(IndexKind::kAdd, 0, a, b);
}

Index operator*(const Index& a, int64_t factor) {
  if (factor == 0) return ConstantIndex(0);
  if (factor == 1) return a;
  if (IsConstant(a)) return ConstantIndex(a->value * factor);
  if (a->kind == IndexKind::kMul) return a->a * (a->value * factor);
  return MakeIndex(IndexKind::kMul, factor, a);
}

Index FloorDiv(const Index& a, int64_t divisor) {
  if (divisor == 1) return a;
  if (IsConstant(a)) return ConstantIndex(FloorDivide(a->value, divisor));
  return MakeIndex(IndexKind::kFloorDiv, divisor, a);
}

Index Mod(const Index& a, int64_t divisor) {
  if (divisor == 1) return ConstantIndex(0);
  if (IsConstant(a)) return ConstantIndex(a->value - divisor * FloorDivide(a->value, divisor));
  return MakeIndex(IndexKind::kMod, divisor, a);
}

int64_t Evaluate(const Index& index, std::span<const int64_t> axes,
                 const std::function<int64_t(int)>& read) {
  switch (index->kind) {
    case IndexKind::kConstant:
      return index->value;
    case IndexKind::kAxis:
      return axes[index->value];
    case IndexKind::kAdd:
      return Evaluate(index->a, axes, read) + Evaluate(index->b, axes, read);
    case IndexKind::kMul:
      return Evaluate(index->a, axes, read) * index->value;
    case IndexKind::kFloorDiv:
      return FloorDivide(Evaluate(index->a, axes, read), index->value);
    case IndexKind::kMod: {
      const int64_t a = Evaluate(index->a, axes, read);
      return a - index->value * FloorDivide(a, index->value);
    }
    case IndexKind::kRead:
      return read(static_cast<int>(index->value));
  }
  InternalError(__FILE__, __LINE__, "unknown index kind");
}

Index Substitute(const Index& index, std::span<const Index> axes, int read_offset) {
  switch (index->kind) {
    case IndexKind::kConstant:
      return index;
    case IndexKind::kAxis:
      return axes[index->value];
    case IndexKind::kAdd:
      return Substitute(index->a, axes, read_offset) + Substitute(index->b, axes, read_offset);
    case IndexKind::kMul:
      return Substitute(index->a, axes, read_offset) * index->value;
    case IndexKind::kFloorDiv:
      return FloorDiv(Substitute(index->a, axes, read_offset), index->value);
    case IndexKind::kMod:
      return Mod(Substitute(index->a, axes, read_offset), index->value);
    case IndexKind::kRead:
      return ReadIndex(static_cast<int>(index->value) + read_offset);
  }
  InternalError(__FILE__, __LINE__, "unknown index kind");
}

bool SameIndex(const Index& a, const Index& b) {
  if (a == b) return true;
  if (!a || !b) return false;
  return a->kind == b->kind && a->value == b->value && SameIndex(a->a, b->a) &&
         SameIndex(a->b, b->b);
}

std::string ToString(const Index& index) {
  const auto operand = [](const Index& inner) {
    const bool atom = inner->kind == IndexKind::kAxis || inner->kind == IndexKind::kRead ||
                      (inner->kind == IndexKind::kConstant && inner->value >= 0);
    return atom ? ToString(inner) : "(" + ToString(inner) + ")";
  };
  switch (index->kind) {
    case IndexKind::kConstant:
      return fmt::format("{}", index->value);
    case IndexKind::kAxis:
      return fmt::format("i{}", index->value);
    case IndexKind::kAdd:
      if (IsConstant(index->b) && index->b->value < 0)
        return fmt::format("{} - {}", ToString(index->a), -index->b->value);
      return fmt::format("{} + {}", ToString(index->a), ToString(index->b));
    case IndexKind::kMul:
      return fmt::format("{} * {}", operand(index->a), index->value);
    case IndexKind::kFloorDiv:
      return fmt::format("{} / {}", operand(index->a), index->value);
    case IndexKind::kMod:
      return fmt::format("{} % {}", operand(index->a), index->value);
    case IndexKind::kRead:
      return fmt::format("r{}", index->value);
  }
  InternalError(__FILE__, __LINE__, "unknown index kind");
}

std::optional<AffineIndex> AsAffine(const Index& index, int axis_count) {
  AffineIndex affine{std::vector<int64_t>(axis_count, 0), 0};
  switch (index->kind) {
    case IndexKind::kConstant:
      affine.constant = index->value;
      return affine;
    case IndexKind::kAxis:
      affine.coefficients[index->value] = 1;
      return affine;
    case IndexKind::kAdd: {
      auto a = AsAffine(index->a, axis_count), b = AsAffine(index->b, axis_count);
      if (!a || !b) return std::nullopt;
      for (int i = 0; i < axis_count; ++i) a->coefficients[i] += b->coefficients[i];
      a->constant += b->constant;
      return a;
    }
    case IndexKind::kMul: {
      auto a = AsAffine(index->a, axis_count);
      if (!a) return std::nullopt;
      for (int64_t& coefficient : a->coefficients) coefficient *= index->value;
      a->constant *= index->value;
      return a;
    }
    case IndexKind::kFloorDiv:
    case IndexKind::kMod:
    case IndexKind::kRead:
      return std::nullopt;
  }
  return std::nullopt;
}

// ---- scalar expressions
// --------------------------------------------------------------------------

namespace {

Scalar MakeScalar(ScalarNode node) { return std::make_shared<const ScalarNode>(std::move(node)); }

bool IsComparison(ScalarOp op) { return op >= ScalarOp::kEq && op <= ScalarOp::kGe; }

}  // namespace

Scalar ConstantScalar(DType dtype, double value) {
  if (!Info(dtype).is_float) return ConstantInt(dtype, static_cast<int64_t>(value));
  if (dtype == DType::kF32) value = static_cast<float>(value);
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

// ---- the whole expression
// ------------------------------------------------------------------------

namespace {

/// Collects the first violation while walking.
class ExprChecker {
 public:
  ExprChecker(const TensorExpr& expr, std::span<const TensorType> operands)
      : expr_(expr), operands_(operands) {}

  std::string Run() {
    if (expr_.rank < 0 || expr_.rank > static_cast<int>(expr_.axes.size())) Fail("rank");
    if (!expr_.reducer && expr_.rank != static_cast<int>(expr_.axes.size()))
      Fail("reduced axes without a reducer");
    for (size_t i = 0; i < expr_.reads.size(); ++i) CheckRead(static_cast<int>(i));
    if (expr_.reducer) CheckReducer();
    for (const Scalar& result : expr_.results)
      CheckScalar(result, expr_.reducer.has_value(), false, "result");
    return violation_;
  }

 private:
  void Fail(std::string what) {
    if (violation_.empty()) violation_ = std::move(what);
  }

  void CheckIndex(const Index& index, int reads_before) {
    if (!index) return Fail("missing index");
    if (index->kind == IndexKind::kAxis &&
        (index->value < 0 || index->value >= static_cast<int64_t>(expr_.axes.size())))
      Fail("index of an axis that does not exist");
    if (index->kind == IndexKind::kRead && (index->value < 0 || index->value >= reads_before))
      Fail("index read that does not stand before its use");
    if ((index->kind == IndexKind::kFloorDiv || index->kind == IndexKind::kMod) &&
        index->value <= 0)
      Fail("divisor that is not positive");
    if (index->a) CheckIndex(index->a, reads_before);
    if (index->b) CheckIndex(index->b, reads_before);
  }

  void CheckRead(int number) {
    const Read& read = expr_.reads[number];
    if (read.operand < 0 || read.operand >= static_cast<int>(operands_.size()))
      return Fail("read of an operand that does not exist");
    const TensorType& type = operands_[read.operand];
    if (static_cast<int>(read.coordinates.size()) != type.rank())
      Fail(fmt::format("read {} has {} coordinates for rank {}", number, read.coordinates.size(),
                       type.rank()));
    for (const Index& index : read.coordinates) CheckIndex(index, number);
    for (const Guard& guard : read.guards) CheckIndex(guard.index, number);
    if (!read.guards.empty() && !read.outside) Fail("guarded read without an outside value");
    if (read.outside && read.outside->dtype != type.dtype) Fail("dtype of an outside value");
  }

  void CheckReducer() {
    const Reducer& reducer = *expr_.reducer;
    if (reducer.init.size() != reducer.step.size() || reducer.init.size() != reducer.combine.size())
      return Fail("reducer tuples of different sizes");
    for (size_t i = 0; i < reducer.init.size(); ++i) {
      if (reducer.init[i]->kind != ScalarKind::kConstant) Fail("init that is not a constant");
      CheckScalar(reducer.step[i], true, false, "step");
      CheckScalar(reducer.combine[i], true, true, "combine");
      if (reducer.step[i]->dtype != reducer.init[i]->dtype ||
          reducer.combine[i]->dtype != reducer.init[i]->dtype)
        Fail("dtypes of a reducer differ");
    }
  }

  void CheckScalar(const Scalar& scalar, bool accumulators, bool others, std::string_view where) {
    if (!scalar) return Fail("missing scalar");
    const auto states = expr_.reducer ? static_cast<int>(expr_.reducer->init.size()) : 0;
    switch (scalar->kind) {
      case ScalarKind::kConstant:
        break;
      case ScalarKind::kIndex:
        CheckIndex(scalar->index, static_cast<int>(expr_.reads.size()));
        break;
      case ScalarKind::kRead:
        if (scalar->slot < 0 || scalar->slot >= static_cast<int>(expr_.reads.size()))
          return Fail(fmt::format("{} uses a read that does not exist", where));
        if (scalar->dtype != operands_[expr_.reads[scalar->slot].operand].dtype)
          Fail(fmt::format("{} takes a read at another dtype", where));
        break;
      case ScalarKind::kAccumulator:
      case ScalarKind::kOther:
        if (scalar->kind == ScalarKind::kAccumulator ? !accumulators : !others)
          Fail(fmt::format("{} uses an accumulator", where));
        if (scalar->slot < 0 || scalar->slot >= states)
          Fail(fmt::format("{} uses an accumulator that does not exist", where));
        break;
      case ScalarKind::kCall:
        for (const Scalar& argument : scalar->arguments)
          CheckScalar(argument, accumulators, others, where);
        break;
    }
  }

  const TensorExpr& expr_;
  std::span<const TensorType> operands_;
  std::string violation_;
};

}  // namespace

std::string Violation(const TensorExpr& expr, std::span<const TensorType> operands) {
  return ExprChecker(expr, operands).Run();
}

std::string ToString(const TensorExpr& expr) {
  std::string text = "for";
  for (size_t axis = 0; axis < expr.axes.size(); ++axis)
    text += fmt::format(" i{}<{}{}", axis, expr.axes[axis],
                        static_cast<int>(axis) + 1 == expr.rank && expr.reducer ? " reduce" : "");
  text += "\n";
  for (size_t i = 0; i < expr.reads.size(); ++i) {
    const Read& read = expr.reads[i];
    std::vector<std::string> coordinates;
    for (const Index& index : read.coordinates) coordinates.push_back(ToString(index));
    text += fmt::format("  r{} = operand{}[{}]", i, read.operand, fmt::join(coordinates, ", "));
    for (const Guard& guard : read.guards)
      text += fmt::format(" if 0 <= {} < {}", ToString(guard.index), guard.extent);
    if (read.outside) text += " else " + ToString(read.outside);
    text += "\n";
  }
  if (expr.reducer)
    for (size_t i = 0; i < expr.reducer->init.size(); ++i)
      text += fmt::format("  acc{} = {} then {}\n", i, ToString(expr.reducer->init[i]),
                          ToString(expr.reducer->step[i]));
  for (const Scalar& result : expr.results) text += "  yield " + ToString(result) + "\n";
  return text;
}

}  // namespace descent

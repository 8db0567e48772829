#include "ir/tensor_expr.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "ir/diagnostic.h"

namespace descent {
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
    if (!violation_.empty()) return violation_;  // scalars look at what reads refer to
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

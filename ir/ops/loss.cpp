// Losses: what they share. The tables stand in number_loss.cpp, class_loss.cpp, vector_loss.cpp and
// ctc_loss.cpp.

#include <cmath>

#include "ir/ops/families.h"
#include "ir/ops/losses.h"
#include "ir/ops/shapes.h"

namespace descent {

AttributeSpec ReductionAttribute() {
  return {"reduction",
          AttributeKind::kString,
          Attribute(std::string("mean")),
          "what is made of the terms",
          {"mean", "sum", "none"}};
}

bool IsMean(const OpContext& op) { return op.attributes.String("reduction") == "mean"; }

Expr Reduced(Expr terms, const Attributes& attributes) {
  const std::string& reduction = attributes.String("reduction");
  if (reduction == "none") return terms;
  return reduction == "sum" ? Sum(terms) : Mean(terms);
}

Result<std::vector<TensorType>> ReducedType(const OpContext& op, Shape terms) {
  return OneResult(op.dtype(0),
                   op.attributes.String("reduction") == "none" ? std::move(terms) : Shape{});
}

Expr TermGradient(const VjpContext& v, int64_t terms) {
  const Expr g = Gradient(v);
  return IsMean(v.op) ? g / static_cast<double>(terms) : g;
}

Result<void> CheckPositive(const OpContext& op, std::string_view attribute) {
  const double value = op.attributes.Float(attribute);
  if (!(value > 0) || std::isinf(value))
    return Error("{} must be a finite number above 0, not {}", attribute, value);
  return {};
}

Result<void> CheckNotNegative(const OpContext& op, std::string_view attribute) {
  const double value = op.attributes.Float(attribute);
  if (!(value >= 0) || std::isinf(value))
    return Error("{} must be a finite number, not below 0, not {}", attribute, value);
  return {};
}

Expr ClampedLog(Expr x) { return Maximum(Log(x), -100.0); }

int RowAxisOf(std::span<const int> axis_by_operand) {
  int row_axis = kNoRows;
  for (const int axis : axis_by_operand) {
    if (axis == kNoRows) continue;
    if (axis == kMixedRows || (row_axis != kNoRows && row_axis != axis)) return kMixedRows;
    row_axis = axis;
  }
  return row_axis;
}

Expr ValidTerms(const MaskContext& m, std::string_view op, int row_axis) {
  Attributes attributes = m.op.attributes;
  attributes.Set("reduction", std::string("none"));
  const Expr terms(m.b, m.b.Add(op, {m.operands.begin(), m.operands.end()}, attributes));
  return Where(RowMask(m.b, terms.shape(), row_axis, m.valid_rows), terms, 0.0);
}

std::vector<Value> MaskedLoss(const MaskContext& m, std::string_view op,
                              std::span<const int> axis_by_operand) {
  const int row_axis = RowAxisOf(axis_by_operand);
  if (row_axis == kMixedRows || m.op.attributes.String("reduction") == "none") return {};
  const Expr terms = ValidTerms(m, op, row_axis);
  const Expr sum = Sum(terms);
  if (!IsMean(m.op)) return {sum};
  return {sum / ValidElements(m.b, terms.shape(), row_axis, m.valid_rows, m.op.dtype(0))};
}

std::span<const OpDef> LossOps() {
  static const std::vector<OpDef> kOps = [] {
    std::vector<OpDef> ops;
    for (const auto table : {NumberLosses(), ClassLosses(), VectorLosses(), CtcLosses()})
      ops.insert(ops.end(), table.begin(), table.end());
    return ops;
  }();
  return kOps;
}

}  // namespace descent

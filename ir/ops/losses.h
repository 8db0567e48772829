// What the tables of losses share: reduction of terms, its gradient, and padded rows.
//
// A loss gives one number per element or row, its terms; `reduction` makes their mean or sum, or
// leaves them.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "ir/expr.h"
#include "ir/op_def.h"

namespace descent {

// The tables that make up the family.
std::span<const OpDef> NumberLosses();  ///< of numbers, element by element
std::span<const OpDef> ClassLosses();   ///< of one class among several
std::span<const OpDef> VectorLosses();  ///< of distances and angles between vectors
std::span<const OpDef> CtcLosses();     ///< of sequences that are not aligned

AttributeSpec ReductionAttribute();
bool IsMean(const OpContext& op);

/// Of terms whose mean divides by their number.
Expr Reduced(Expr terms, const Attributes& attributes);
Result<std::vector<TensorType>> ReducedType(const OpContext& op, Shape terms);
/// The arriving gradient per term: of a mean, divided by the number of terms.
Expr TermGradient(const VjpContext& v, int64_t terms);

/// The attribute is a finite number, above 0 or not below it.
Result<void> CheckPositive(const OpContext& op, std::string_view attribute);
Result<void> CheckNotNegative(const OpContext& op, std::string_view attribute);

/// Logarithm that stays finite, as PyTorch's binary_cross_entropy has it.
Expr ClampedLog(Expr x);
/// Smallest denominator of gradients of probabilities, as PyTorch has it.
inline constexpr double kSmallestDenominator = 1e-12;

// ---- padded rows -------------------------------------------------------------------------------

inline constexpr int kNoRows = -1;     ///< an operand, or the terms, without a batch axis
inline constexpr int kMixedRows = -2;  ///< rows that the terms do not keep apart

/// The one axis of the terms along which rows run, given where each operand puts them; kMixedRows
/// if they differ.
int RowAxisOf(std::span<const int> axis_by_operand);
/// Terms of the same operator, 0 where padded.
Expr ValidTerms(const MaskContext& m, std::string_view op, int row_axis);
/// The loss over valid rows; no rule (empty) where rows are mixed or the terms are not reduced.
std::vector<Value> MaskedLoss(const MaskContext& m, std::string_view op,
                              std::span<const int> axis_by_operand);

}  // namespace descent

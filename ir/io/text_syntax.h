// What the parser and the printer of the text IR share: names, numbers, and which constants are
// written in place.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ir/graph.h"
#include "ir/model.h"
#include "ir/op_def.h"

namespace descent {

// ---- names ----------------------------------------------------------------------------------

inline bool IsNameStart(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}
inline bool IsNamePart(char c) { return IsNameStart(c) || (c >= '0' && c <= '9'); }

/// The words inf, nan, true and false stand for values, `_` for no name: as names they need quotes.
bool IsReserved(std::string_view word);
/// The name as it is where the grammar allows it, else quoted with escapes.
std::string PrintName(std::string_view name);
std::string PrintString(std::string_view text);

/// Sorts comments by their statements; those of one statement keep their order.
void SortByStatement(std::vector<StatementComment>& comments);

/// The statement that declares a slot of a kind: parameter, statistic, state.
std::string_view SlotKeyword(SlotKind kind);

// ---- numbers --------------------------------------------------------------------------------

/// The shortest decimal that reads back to the same bits; always shows a point, an exponent, inf or
/// nan. A NaN that is not the default one shows its bits: "nan(0x7fc00001)".
std::string PrintFloat(double value);
/// One element of a tensor, in the notation of its dtype.
std::string PrintElement(const Tensor& tensor, int64_t index);

// ---- literals as operands -------------------------------------------------------------------

/// The dtype of a literal that stands as operand `index`: that of the first other operand of the
/// same dtype group, bool for an operand that must be bool; nullopt where it is open. `operands`
/// has nullopt for literals.
std::optional<DType> LiteralDType(const OpDef& op, size_t index,
                                  std::span<const std::optional<DType>> operands);

/// The order in which a graph is written down, in text and in files: inputs, then the nodes as they
/// stand, a constant written in place just before its first use. Reading gives the nodes this
/// order, so `position` is the number of a node in the graph that is read back.
struct StatementOrder {
  std::vector<int32_t> nodes;
  std::vector<int32_t> position;  ///< by node
  std::vector<bool> in_place;     ///< by node: a constant written as an operand
};
StatementOrder OrderStatements(const Graph& graph);
/// An order that follows from the structure alone: inputs, then what each output needs, operands
/// first. Nothing is in place.
StatementOrder OrderByStructure(const Graph& graph);

}  // namespace descent

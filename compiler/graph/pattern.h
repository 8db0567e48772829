// Patterns over values: the language of the rule table, its matcher and its builder.
//
//   x            any value; the same name twice is the same value
//   C, C1, C2    a constant whose elements are all equal (an expanded one, too)
//   0, -0, 2     such a constant with this value, bit by bit
//   mul(x, 1)    an operator over patterns, attributes at their defaults
//   sum(x; axes=$a, keepdims=true)
//                attributes: $a binds the value, a literal must be equal
//   F(x, y)      any operator of the rule's list
//
// add, mul, equal, not_equal, logical_and and logical_or match in both orders. In replacements
// numbers and K (a constant that the rule's condition computed) are scalars of the dtype of the
// value beside them.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ir/graph.h"

namespace descent {

struct PatternAttribute {
  std::string name;
  std::string variable;  ///< "$a" without the sign; empty for a literal
  Attribute literal;
};

struct Pattern {
  enum class Kind { kVariable, kConstant, kNumber, kCall };
  Kind kind = Kind::kVariable;
  std::string name;  ///< variable or operator; "F" for the rule's list
  double number = 0;
  std::vector<Pattern> operands;
  std::vector<PatternAttribute> attributes;
};

/// For the rule table only: a pattern that does not parse is a bug.
Pattern ParsePattern(std::string_view text);

/// What a pattern bound. Conditions may add attributes and constants for the replacement.
struct Match {
  const GraphBuilder& b;
  Value root;
  std::map<std::string, Value> values;
  std::map<std::string, Attribute> attributes;
  std::map<std::string, double> numbers;  ///< K
  std::string op;                         ///< what F stands for

  const TensorType& type(std::string_view variable) const;
  const TensorType& root_type() const { return b.type(root); }
  /// The element of a matched constant C.
  double Number(std::string_view variable) const;
  const std::vector<int64_t>& Ints(std::string_view attribute) const;
  bool Bool(std::string_view attribute) const;
};

std::optional<Match> MatchPattern(const Pattern& pattern, std::span<const std::string_view> ops,
                                  const GraphBuilder& b, Value root);

/// Adds the replacement; `add` adds one operator and may simplify it. A diagnostic from `add` (a
/// replacement that does not fit these shapes) is returned.
using AddNode = std::function<Result<Value>(std::string_view op, std::vector<Value> operands,
                                            Attributes attributes)>;
Result<Value> BuildPattern(const Pattern& pattern, const Match& match, GraphBuilder& b,
                           const AddNode& add);

/// The value that all elements of a constant have, or of one that was only moved about (expanded,
/// reshaped, sliced).
std::optional<double> UniformConstant(const GraphBuilder& b, Value value);

}  // namespace descent

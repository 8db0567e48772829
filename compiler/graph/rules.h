// The algebraic rules of Simplify, as one table.
//
// A rule is *exact* (same bits for all inputs, NaN, infinities and -0 included) or *real* (equal in
// real arithmetic; may make a NaN or infinity finite, never the reverse).
// tests/compiler/graph/rules_test.cpp evaluates both sides of every rule, on special and on random
// values, and holds it to what the table says. 0 x -> 0, x - x -> 0 and x / x -> 1 are no rules.
//
// Rules also hold for derivatives, since they run before differentiation: none moves a kink.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "compiler/graph/pattern.h"

namespace descent {

enum class RuleKind : uint8_t { kExact, kReal };

struct Rule {
  std::string_view name;
  RuleKind kind;
  std::string_view pattern;
  std::string_view replacement;
  /// Types and attributes to test it with, alternatives after '|': "x: f32[2, 3], a = [1]".
  /// Variables that it leaves out are f32[2, 3], constants scalars.
  std::string_view example = "";
  /// Further conditions; may bind what the replacement needs.
  bool (*condition)(Match&) = nullptr;
  /// What F stands for.
  std::span<const std::string_view> ops = {};
  /// Operands for which the rule claims its kind; all others are out of the operator's own domain.
  /// "x finite", "|x| <= 1e30", "y in [0, 1]"; empty: everywhere.
  std::string_view domain = "";
};

std::span<const Rule> Rules();

}  // namespace descent

// Prints the statements of a graph: names, calls, literals, bodies.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "ir/graph.h"
#include "ir/io/text_syntax.h"

namespace descent {

inline constexpr size_t kTextColumns = 100;

/// "[[1.0, 2.0], [3.0, 4.0]]" or one number when all elements are equal; broken into lines where it
/// does not fit behind `column` characters.
std::string PrintTensor(const Tensor& tensor, size_t column, size_t indent);
/// The value of an attribute that is not a graph.
std::string PrintAttribute(const Attribute& attribute);
/// "low=-0.1, high=0.1": what is given, in the order of the operator's signature.
std::string PrintAttributes(const Attributes& attributes, const OpDef& op);
/// "learning_rate=0.03, steps=1000": the rate first, numbers as short as they are.
std::string PrintHyperparameters(const Attributes& attributes);
/// "  # text", or nothing.
std::string PrintTrailing(std::string_view trailing);
/// The lines of a comment, each "# text" at `indent`.
std::string PrintCommentLines(std::string_view comment, size_t indent);

class GraphPrinter {
 public:
  GraphPrinter(const Graph& graph, size_t indent);

  const StatementOrder& order() const { return order_; }
  /// How statements refer to a value: "z1", "%3", or a literal written in place.
  std::string Reference(Value value) const;
  /// Whether `name` without more refers to `value`.
  bool IsCalled(Value value, std::string_view name) const;
  /// "z1: f32[10, 3] = matmul(x, W1)\n" with its comments and indentation.
  std::string Statement(int32_t node) const;

 private:
  std::string Call(const Node& node, size_t column) const;
  std::vector<std::string> Arguments(const Node& node) const;
  std::string Bodies(const Node& node, size_t column) const;
  std::string Body(std::string_view name, const Graph& body, size_t column,
                   std::string_view trailing) const;

  const Graph& graph_;
  size_t indent_;
  StatementOrder order_;
  std::vector<std::vector<std::string>> names_;  ///< printed, by node and result
};

}  // namespace descent

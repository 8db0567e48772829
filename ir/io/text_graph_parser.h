// The statements of the text IR that define values: operators, literals and bodies.
#pragma once

#include <string>
#include <unordered_map>
#include <vector>

#include "ir/graph.h"
#include "ir/io/text_cursor.h"
#include "ir/io/text_literal.h"
#include "ir/op_def.h"

namespace descent {

/// Names and values of a graph that is being read. A body has its own.
struct GraphScope {
  struct Named {
    Value value;  ///< invalid: declared, but not an input of the graph
    int line = 0;
  };

  GraphBuilder builder;
  std::unordered_map<std::string, Named> names;  ///< "W1"; unnamed values by "%3"
  Section section = Section::kForward;
  const GraphScope* outer = nullptr;  ///< of a body; only to explain errors
};

class GraphParser {
 public:
  GraphParser(TextCursor& cursor, LiteralParser& literals) : cursor_(cursor), literals_(literals) {}

  /// Whether a statement that defines values begins here.
  bool AtDefinition();
  /// "z: f32[10, 3] = matmul(x, W)  # comment"; `above` are the comment lines before it.
  Result<void> Definition(GraphScope& scope, std::string above);
  /// "section backward"
  Result<void> SectionHeading(GraphScope& scope);

  /// Gives a value its name in the scope; an error if the name is taken.
  Result<void> Declare(GraphScope& scope, const Token& name, Value value);
  /// The value a name stands for.
  Result<Value> Resolve(const GraphScope& scope, const Token& name);
  Result<Token> ExpectValueName(std::string_view what);
  /// Attributes of a call whose operands are done, up to ')'. `hidden` ones count as unknown.
  Result<void> AttributeOf(const OpDef& op, Attributes& attributes,
                           std::span<const std::string_view> hidden = {});
  Result<const OpDef*> Operator(const Token& name);

 private:
  struct Target {
    Token name;
    bool has_type = false;
    TypeSyntax type;
  };
  struct Operand {
    Value value;
    bool is_literal = false;
    ScalarLiteral literal;
  };
  struct Call {
    Token name;
    const OpDef* op = nullptr;
    std::vector<Operand> operands;
    Attributes attributes;
    std::string origin;
  };

  Result<std::vector<Target>> Targets();
  Result<Call> ParseCall(GraphScope& scope, std::string& trailing);
  Result<Call> ParseLiteral(std::span<const Target> targets);
  Result<void> Bind(GraphScope& scope, const Call& call, std::span<const Target> targets,
                    std::span<const Value> values);
  Result<void> Argument(GraphScope& scope, Call& call);
  Result<Operand> ParseOperand(GraphScope& scope);
  Result<void> Bodies(GraphScope& scope, Call& call, std::string& trailing);
  Result<void> CheckBodyName(const Call& call, const Token& name);
  Result<Graph> Body(const GraphScope& outer, std::string& trailing);
  Result<void> BodyStatements(GraphScope& body, std::string& comments);
  /// The end of a statement whose comments go to the node that owns the body.
  Result<void> FinishInBody(std::string above, std::string& comments);
  Result<void> Parameters(GraphScope& body);
  Result<void> Return(GraphScope& body);
  Result<std::string> Origin();
  Result<std::vector<Value>> AddCall(GraphScope& scope, const Call& call, Label label);
  Result<Value> AddLiteral(GraphScope& scope, const Call& call, size_t operand,
                           std::span<const std::optional<DType>> dtypes);
  Result<void> CheckType(const GraphScope& scope, const Target& target, Value value);

  TextCursor& cursor_;
  LiteralParser& literals_;
  int depth_ = 0;
  int64_t nodes_ = 0;
  std::string body_comments_;  ///< of `return` statements and closing braces
};

}  // namespace descent

#include "ir/io/text_graph_parser.h"

#include <algorithm>

#include "ir/io/limits.h"
#include "ir/io/text_syntax.h"
#include "ir/suggest.h"

namespace descent {
namespace {

/// Literal statements make nodes of the operator whose value stands in the file.
const OpDef& ConstantOp() {
  static const OpDef* op = [] {
    for (const OpFamily& family : OpFamilies())
      for (const OpDef& candidate : family.ops)
        if (candidate.leaf == Leaf::kConstant) return &candidate;
    InternalError(__FILE__, __LINE__, "no constant operator");
  }();
  return *op;
}

std::vector<std::string_view> OperatorNames() {
  std::vector<std::string_view> names;
  for (const OpFamily& family : OpFamilies())
    for (const OpDef& op : family.ops) names.push_back(op.name);
  return names;
}

/// What the label keeps of a target's name: nothing of `_` and "%3".
std::string LabelOf(const Token& name) {
  return name.kind == TokenKind::kNumbered || name.IsWord("_") ? "" : name.Name();
}

/// "%3" as a number and "%3" as a quoted name are different.
std::string KeyOf(const Token& name) {
  return name.kind == TokenKind::kString && name.value.starts_with('%') ? "%" + name.value
                                                                        : name.Name();
}

}  // namespace

bool GraphParser::AtDefinition() {
  const Token& first = cursor_.Peek();
  if (first.kind == TokenKind::kNumbered || first.kind == TokenKind::kString) return true;
  if (first.kind != TokenKind::kName) return false;
  const Token& second = cursor_.Peek(1);
  return second.Is("=") || second.Is(":") || second.Is(",");
}

Result<void> GraphParser::SectionHeading(GraphScope& scope) {
  for (const Section section : {Section::kForward, Section::kBackward, Section::kUpdate}) {
    if (!cursor_.AcceptWord(ToString(section))) continue;
    scope.section = section;
    return {};
  }
  return std::unexpected(cursor_.Unexpected("forward, backward or update"));
}

Result<Token> GraphParser::ExpectValueName(std::string_view what) {
  if (cursor_.Peek().kind == TokenKind::kNumbered) return cursor_.Take();
  const Token token = cursor_.Peek();
  DESCENT_TRY(name, cursor_.ExpectName(what));
  if (name.Name().empty())
    return std::unexpected(cursor_.ErrorAt(name, "a name has at least one character"));
  if (name.kind == TokenKind::kName && IsReserved(name.text) && name.text != "_")
    return std::unexpected(
        cursor_.ErrorAt(token, fmt::format("{} is a literal, not a name", Quoted(name.text)),
                        fmt::format("as a name it stands in quotes: \"{}\"", name.text)));
  return name;
}

Result<void> GraphParser::Declare(GraphScope& scope, const Token& name, Value value) {
  if (name.IsWord("_")) return {};
  const auto [place, is_new] = scope.names.try_emplace(KeyOf(name), value, name.line);
  if (is_new) return {};
  return std::unexpected(cursor_.ErrorAt(
      name, fmt::format("{} is defined twice", Quoted(name.Name())),
      fmt::format("the first definition is on line {}; every value has its own name",
                  place->second.line)));
}

Result<Value> GraphParser::Resolve(const GraphScope& scope, const Token& name) {
  const auto place = scope.names.find(KeyOf(name));
  if (place != scope.names.end() && place->second.value.valid()) return place->second.value;
  const std::string quoted = Quoted(name.Name());
  if (place != scope.names.end())
    return std::unexpected(cursor_.ErrorAt(
        name, fmt::format("{} is declared unread on line {}", quoted, place->second.line),
        "remove 'unread' there to use it"));
  for (const GraphScope* outer = scope.outer; outer != nullptr; outer = outer->outer)
    if (outer->names.contains(KeyOf(name)))
      return std::unexpected(cursor_.ErrorAt(
          name, fmt::format("{} is defined outside of this body", quoted),
          "a body is closed: make the value an operand of the node and a parameter of the body"));
  if (const int line = cursor_.LineOfDefinition(name.text); line > 0)
    return std::unexpected(
        cursor_.ErrorAt(name, fmt::format("{} is used before it is defined", quoted),
                        fmt::format("its definition on line {} must come first", line)));
  std::vector<std::string_view> known;
  for (const auto& [known_name, named] : scope.names)
    if (named.value.valid()) known.push_back(known_name);
  std::ranges::sort(known);
  return std::unexpected(cursor_.ErrorAt(name, fmt::format("unknown value {}", quoted),
                                         DidYouMean(name.Name(), known)));
}

Result<std::vector<GraphParser::Target>> GraphParser::Targets() {
  std::vector<Target> targets;
  do {
    Target target;
    DESCENT_TRY(name, ExpectValueName("a name"));
    target.name = name;
    if (cursor_.Accept(":")) {
      DESCENT_TRY(type, literals_.Type());
      target.has_type = true;
      target.type = std::move(type);
    }
    targets.push_back(std::move(target));
  } while (cursor_.Accept(","));
  DESCENT_RETURN_IF_ERROR(cursor_.Expect("=", "in the definition of a value"));
  return targets;
}

Result<std::string> GraphParser::Origin() {
  if (!cursor_.AcceptWord("from")) return "";
  if (cursor_.Peek().kind == TokenKind::kNumbered) return std::string(cursor_.Take().text);
  DESCENT_TRY(origin, cursor_.ExpectName("what the value comes from"));
  return origin.Name();
}

Result<const OpDef*> GraphParser::Operator(const Token& name) {
  const OpDef* op = FindOp(name.text);
  if (op != nullptr && op->leaf != Leaf::kInput && op->leaf != Leaf::kConstant) return op;
  if (op != nullptr)
    return std::unexpected(
        cursor_.ErrorAt(name, fmt::format("{} is written as a statement", Quoted(name.text)),
                        op->leaf == Leaf::kInput ? "input x: f32[batch, 2]" : "half: f32[] = 0.5"));
  std::string hint = DidYouMean(name.text, OperatorNames());
  if (hint.empty()) hint = "a value is a call, as in add(a, b); `descent ops` lists the operators";
  return std::unexpected(cursor_.ErrorAt(
      name, fmt::format("unknown operator {}", Quoted(name.text)), std::move(hint)));
}

Result<void> GraphParser::AttributeOf(const OpDef& op, Attributes& attributes,
                                      std::span<const std::string_view> hidden) {
  const Token name = cursor_.Take();
  cursor_.Take();  // '='
  const auto is_hidden = [&](std::string_view attribute) {
    return std::ranges::find(hidden, attribute) != hidden.end();
  };
  const auto& specs = op.signature.attributes;
  const auto spec = std::ranges::find(specs, name.text, &AttributeSpec::name);
  if (spec == specs.end() || is_hidden(name.text)) {
    std::vector<std::string_view> known;
    for (const AttributeSpec& each : specs)
      if (!is_hidden(each.name)) known.push_back(each.name);
    std::string hint = DidYouMean(name.text, known);
    if (hint.empty())
      hint = known.empty() ? fmt::format("{} has no attributes", op.name)
                           : fmt::format("{} has the attribute{} {}", op.name,
                                         known.size() == 1 ? "" : "s", fmt::join(known, ", "));
    return std::unexpected(cursor_.ErrorAt(
        name, fmt::format("{} has no attribute {}", op.name, Quoted(name.text)), std::move(hint)));
  }
  if (attributes.Find(name.text) != nullptr)
    return std::unexpected(
        cursor_.ErrorAt(name, fmt::format("attribute {} is given twice", Quoted(name.text))));
  DESCENT_TRY(value, literals_.AttributeOf(spec->kind, name.text));
  attributes.Set(std::string(name.text), std::move(value));
  return {};
}

Result<GraphParser::Operand> GraphParser::ParseOperand(GraphScope& scope) {
  if (literals_.AtScalar()) {
    DESCENT_TRY(literal, literals_.Scalar());
    return Operand{.value = {}, .is_literal = true, .literal = std::move(literal)};
  }
  if (cursor_.Peek().Is("["))
    return std::unexpected(cursor_.ErrorAt(cursor_.Peek(), "a tensor cannot stand as an operand",
                                           "give it a name first: w: f32[2] = [0.1, 0.2]"));
  DESCENT_TRY(name, ExpectValueName("an operand"));
  if (cursor_.Peek().Is("("))
    return std::unexpected(
        cursor_.ErrorAt(name, "calls are not nested",
                        fmt::format("give the inner value a name first: h = {}(...)", name.text)));
  DESCENT_TRY(value, Resolve(scope, name));
  return Operand{.value = value};
}

Result<void> GraphParser::Argument(GraphScope& scope, Call& call) {
  if (cursor_.Peek().kind == TokenKind::kName && cursor_.Peek(1).Is("="))
    return AttributeOf(*call.op, call.attributes);
  if (!call.attributes.empty())
    return std::unexpected(cursor_.Unexpected("an attribute", "operands come before attributes"));
  DESCENT_TRY(operand, ParseOperand(scope));
  call.operands.push_back(std::move(operand));
  return {};
}

Result<GraphParser::Call> GraphParser::ParseCall(GraphScope& scope, std::string& trailing) {
  Call call = {.name = cursor_.Peek()};
  if (call.name.kind != TokenKind::kName)
    return std::unexpected(cursor_.Unexpected("an operator or a number"));
  DESCENT_TRY(op, Operator(call.name));
  call.op = op;
  cursor_.Take();
  DESCENT_RETURN_IF_ERROR(cursor_.Expect("(", fmt::format("after operator {}", op->name)));
  cursor_.Open();
  while (!cursor_.Peek().Is(")")) {
    DESCENT_RETURN_IF_ERROR(Argument(scope, call));
    if (!cursor_.Accept(",") && !cursor_.Peek().Is(")"))
      return std::unexpected(
          cursor_.Unexpected(fmt::format("',' or ')' in the call of {}", op->name)));
  }
  cursor_.Close();
  cursor_.Take();
  DESCENT_TRY(origin, Origin());
  call.origin = std::move(origin);
  DESCENT_RETURN_IF_ERROR(Bodies(scope, call, trailing));
  return call;
}

Result<Value> GraphParser::AddLiteral(GraphScope& scope, const Call& call, size_t operand,
                                      std::span<const std::optional<DType>> dtypes) {
  const ScalarLiteral& literal = call.operands[operand].literal;
  const auto dtype = LiteralDType(*call.op, operand, dtypes);
  if (!dtype)
    return std::unexpected(cursor_.ErrorAt(
        literal.token,
        fmt::format("the type of {} is open: no other operand of {} fixes it", literal.token.text,
                    call.op->name),
        fmt::format("give it a name and a type first: c: f32[] = {}", literal.token.text)));
  DESCENT_TRY(tensor, literals_.ScalarOf(literal, *dtype));
  return scope.builder.Add(ConstantOp().name, {}, {{"value", std::move(tensor)}});
}

Result<std::vector<Value>> GraphParser::AddCall(GraphScope& scope, const Call& call, Label label) {
  std::vector<std::optional<DType>> dtypes;
  for (const Operand& operand : call.operands)
    dtypes.push_back(operand.is_literal ? std::nullopt
                                        : std::optional(scope.builder.dtype(operand.value)));
  std::vector<Value> operands;
  for (size_t i = 0; i < call.operands.size(); ++i) {
    operands.push_back(call.operands[i].value);
    if (!call.operands[i].is_literal) continue;
    DESCENT_TRY(value, AddLiteral(scope, call, i, dtypes));
    operands.back() = value;
  }
  auto values =
      scope.builder.TryAdd(call.op->name, std::move(operands), call.attributes, std::move(label));
  if (values) return values;
  Diagnostic diagnostic = cursor_.ErrorAt(call.name, values.error().message, values.error().hint);
  diagnostic.status = values.error().status;
  return std::unexpected(std::move(diagnostic));
}

Result<void> GraphParser::CheckType(const GraphScope& scope, const Target& target, Value value) {
  const TensorType& type = scope.builder.type(value);
  if (!target.has_type || target.type.type == type) return {};
  return std::unexpected(
      cursor_.ErrorAt(target.type.token,
                      fmt::format("{} is {}, not {}", Quoted(target.name.Name()), ToString(type),
                                  ToString(target.type.type)),
                      fmt::format("write {} or leave the type out", ToString(type))));
}

/// "[[1, 2], [3, 4]] from z" behind "name: type =".
Result<GraphParser::Call> GraphParser::ParseLiteral(std::span<const Target> targets) {
  Call call = {.name = cursor_.Peek(), .op = &ConstantOp()};
  if (targets.size() != 1 || !targets[0].has_type)
    return std::unexpected(
        cursor_.ErrorAt(call.name, "a literal needs one name with a type",
                        fmt::format("write {}: f32[] = ...", targets[0].name.text)));
  DESCENT_TRY(tensor, literals_.TensorOf(targets[0].type.type));
  call.attributes.Set("value", std::move(tensor));
  DESCENT_TRY(origin, Origin());
  call.origin = std::move(origin);
  return call;
}

/// Checks the results of a node against what its statement says, and names them.
Result<void> GraphParser::Bind(GraphScope& scope, const Call& call, std::span<const Target> targets,
                               std::span<const Value> values) {
  if (values.size() != targets.size())
    return std::unexpected(
        cursor_.ErrorAt(targets[std::min(targets.size() - 1, values.size())].name,
                        fmt::format("{} has {}, not {}", call.op->name,
                                    Counted(values.size(), "result"), targets.size()),
                        "name every result; '_' for one that is not used"));
  for (size_t i = 0; i < targets.size(); ++i) {
    DESCENT_RETURN_IF_ERROR(CheckType(scope, targets[i], values[i]));
    DESCENT_RETURN_IF_ERROR(Declare(scope, targets[i].name, values[i]));
  }
  return {};
}

Result<void> GraphParser::Definition(GraphScope& scope, std::string above) {
  const Token start = cursor_.Peek();
  if (++nodes_ > kMaxNodes)
    return std::unexpected(
        cursor_.ErrorAt(start, fmt::format("a model has at most {} nodes", kMaxNodes)));
  DESCENT_TRY(targets, Targets());
  std::string trailing;
  const bool is_literal = literals_.AtScalar() || cursor_.Peek().Is("[");
  DESCENT_TRY(call, is_literal ? ParseLiteral(targets) : ParseCall(scope, trailing));
  DESCENT_TRY(comments,
              cursor_.FinishStatement(JoinComments(std::move(above), body_comments_, "\n")));
  body_comments_.clear();
  scope.builder.SetOrigin(call.origin, scope.section);
  Label label = {.origin = call.origin,
                 .section = scope.section,
                 .comment = std::move(comments.above),
                 .trailing = JoinComments(std::move(trailing), comments.trailing, " "),
                 .location = {.file = cursor_.file(), .line = start.line, .column = start.column}};
  for (const Target& target : targets) label.names.push_back(LabelOf(target.name));
  DESCENT_TRY(values, AddCall(scope, call, std::move(label)));
  return Bind(scope, call, targets, values);
}

// ---- bodies ---------------------------------------------------------------------------------

Result<void> GraphParser::CheckBodyName(const Call& call, const Token& name) {
  const auto& specs = call.op->signature.attributes;
  const auto spec = std::ranges::find(specs, name.text, &AttributeSpec::name);
  if (spec == specs.end() || spec->kind != AttributeKind::kGraph)
    return std::unexpected(
        cursor_.ErrorAt(name, fmt::format("{} has no body {}", call.op->name, Quoted(name.text))));
  if (call.attributes.Find(name.text) != nullptr)
    return std::unexpected(
        cursor_.ErrorAt(name, fmt::format("body {} is given twice", Quoted(name.text))));
  if (depth_ == kMaxBodyDepth)
    return std::unexpected(
        cursor_.ErrorAt(name, fmt::format("bodies are nested more than {} deep", kMaxBodyDepth)));
  return {};
}

Result<void> GraphParser::Bodies(GraphScope& scope, Call& call, std::string& trailing) {
  while (cursor_.Peek().kind == TokenKind::kName && cursor_.Peek(1).Is("(")) {
    const Token name = cursor_.Take();
    DESCENT_RETURN_IF_ERROR(CheckBodyName(call, name));
    DESCENT_TRY(body, Body(scope, trailing));
    call.attributes.Set(std::string(name.text), std::make_shared<const Graph>(std::move(body)));
  }
  return {};
}

Result<Graph> GraphParser::Body(const GraphScope& outer, std::string& trailing) {
  GraphScope body = {.builder = {}, .names = {}, .outer = &outer};
  DESCENT_RETURN_IF_ERROR(Parameters(body));
  DESCENT_RETURN_IF_ERROR(cursor_.Expect("{", "before the statements of a body"));
  trailing = JoinComments(std::move(trailing), cursor_.TakeTrailing(), " ");
  std::string comments =
      JoinComments(std::exchange(body_comments_, ""), cursor_.TakeInnerComments(), "\n");
  ++depth_;
  DESCENT_RETURN_IF_ERROR(BodyStatements(body, comments));
  --depth_;
  DESCENT_RETURN_IF_ERROR(cursor_.Expect("}", "after 'return'"));
  body_comments_ = std::move(comments);
  return std::move(body.builder).Build();
}

Result<void> GraphParser::FinishInBody(std::string above, std::string& comments) {
  DESCENT_TRY(own, cursor_.FinishStatement(std::move(above)));
  comments = JoinComments(std::move(comments), own.above, "\n");
  comments = JoinComments(std::move(comments), own.trailing, "\n");
  return {};
}

Result<void> GraphParser::BodyStatements(GraphScope& body, std::string& comments) {
  while (true) {
    std::string above = cursor_.TakeCommentLines();
    if (AtDefinition()) {
      DESCENT_RETURN_IF_ERROR(Definition(body, std::move(above)));
    } else if (cursor_.AcceptWord("section")) {
      DESCENT_RETURN_IF_ERROR(SectionHeading(body));
      DESCENT_RETURN_IF_ERROR(FinishInBody(std::move(above), comments));
    } else if (cursor_.AcceptWord("return")) {
      DESCENT_RETURN_IF_ERROR(Return(body));
      DESCENT_RETURN_IF_ERROR(FinishInBody(std::move(above), comments));
      comments = JoinComments(std::move(comments), cursor_.TakeCommentLines(), "\n");
      return {};
    } else {
      return std::unexpected(
          cursor_.Unexpected("a definition or 'return'", "a body ends with: return y"));
    }
  }
}

Result<void> GraphParser::Parameters(GraphScope& body) {
  DESCENT_RETURN_IF_ERROR(cursor_.Expect("(", "before the parameters of a body"));
  cursor_.Open();
  while (!cursor_.Peek().Is(")")) {
    DESCENT_TRY(name, cursor_.ExpectName("the name of a parameter"));
    DESCENT_RETURN_IF_ERROR(cursor_.Expect(":", "after the name of a parameter"));
    DESCENT_TRY(type, literals_.Type());
    const Value value = body.builder.Input(name.Name(), type.type);
    DESCENT_RETURN_IF_ERROR(Declare(body, name, value));
    if (!cursor_.Accept(",") && !cursor_.Peek().Is(")"))
      return std::unexpected(cursor_.Unexpected("',' or ')' in the parameters of a body"));
  }
  cursor_.Close();
  cursor_.Take();
  return {};
}

Result<void> GraphParser::Return(GraphScope& body) {
  const Token& first = cursor_.Peek();
  if (first.kind == TokenKind::kNewline || first.kind == TokenKind::kComment || first.Is("}"))
    return {};
  do {
    DESCENT_TRY(name, ExpectValueName("a value"));
    Token source = name;
    if (cursor_.Accept("=")) {
      DESCENT_TRY(value_name, ExpectValueName("a value"));
      source = value_name;
    }
    if (name.kind == TokenKind::kNumbered)
      return std::unexpected(cursor_.ErrorAt(name, "a result of a body needs a name",
                                             fmt::format("write: return y = {}", name.text)));
    DESCENT_TRY(value, Resolve(body, source));
    body.builder.Output(name.Name(), value);
  } while (cursor_.Accept(","));
  return {};
}

}  // namespace descent

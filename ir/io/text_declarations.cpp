// Statements of the text IR that declare inputs and slots.
#include <algorithm>
#include <set>

#include "ir/io/text_model_parser.h"
#include "ir/io/text_syntax.h"
#include "ir/suggest.h"

namespace descent {

Result<void> ModelParser::DeclareInput(const Token& name, const TensorType& type) {
  if (name.Name().empty())
    return std::unexpected(cursor_.ErrorAt(name, "a name has at least one character"));
  Value value;
  scope_.builder.SetOrigin("", Section::kForward);
  if (!cursor_.AcceptWord("unread")) value = scope_.builder.Input(name.Name(), type);
  return graph_.Declare(scope_, name, value);
}

Result<void> ModelParser::Normalize(InputBinding& input) {
  static constexpr Normalization kKinds[] = {Normalization::kStandardize, Normalization::kMinMax,
                                             Normalization::kScale};
  for (const Normalization kind : kKinds) {
    if (!cursor_.AcceptWord(ToString(kind))) continue;
    input.normalization = kind;
    if (kind != Normalization::kScale) return {};
    DESCENT_RETURN_IF_ERROR(cursor_.Expect("(", "before the factor"));
    DESCENT_TRY(scale, literals_.Number("the factor"));
    input.scale = scale;
    DESCENT_RETURN_IF_ERROR(cursor_.Expect(")", "after the factor"));
    return {};
  }
  return std::unexpected(cursor_.Unexpected("standardize, min_max or scale(FACTOR)"));
}

Result<void> ModelParser::Input(std::string above) {
  InputBinding input;
  DESCENT_TRY(name, cursor_.ExpectName("the name of the input"));
  input.name = name.Name();
  DESCENT_RETURN_IF_ERROR(cursor_.Expect(":", "and the type after the name of an input"));
  DESCENT_TRY(type, literals_.Type());
  input.type = type.type;
  input.batch_axis = type.batch_axis;
  if (cursor_.AcceptWord("from")) {
    DESCENT_TRY(column, cursor_.ExpectName("a column name"));
    input.column = column.Name();
  }
  if (cursor_.AcceptWord("normalize")) DESCENT_RETURN_IF_ERROR(Normalize(input));
  DESCENT_RETURN_IF_ERROR(DeclareInput(name, input.type));
  DESCENT_RETURN_IF_ERROR(FinishObject(input, std::move(above)));
  model_.inputs.push_back(std::move(input));
  return {};
}

Result<void> ModelParser::CallAttributes(const OpDef& op, Attributes& attributes,
                                         std::span<const std::string_view> hidden) {
  while (!cursor_.Peek().Is(")")) {
    if (cursor_.Peek().kind != TokenKind::kName || !cursor_.Peek(1).Is("="))
      return std::unexpected(cursor_.Unexpected(fmt::format("an attribute of {}", op.name)));
    DESCENT_RETURN_IF_ERROR(graph_.AttributeOf(op, attributes, hidden));
    if (!cursor_.Accept(",") && !cursor_.Peek().Is(")"))
      return std::unexpected(cursor_.Unexpected(fmt::format("',' or ')' after {}", op.name)));
  }
  return {};
}

Result<void> ModelParser::SlotInitializer(Slot& slot) {
  Initializer& initializer = slot.initializer;
  if (literals_.AtScalar() || cursor_.Peek().Is("[")) {
    DESCENT_TRY(data, literals_.TensorOf(slot.type));
    initializer.data = std::move(data);
    return {};
  }
  if (cursor_.Peek().IsWord("file") && cursor_.Peek(1).kind == TokenKind::kString) {
    cursor_.Take();
    initializer.file = cursor_.Take().Name();
    return {};
  }
  return InitializerOp(initializer);
}

Result<void> ModelParser::InitializerOp(Initializer& initializer) {
  static constexpr std::string_view kFromSlot[] = {"shape", "dtype", "stream"};
  const Token name = cursor_.Peek();
  if (name.kind != TokenKind::kName)
    return std::unexpected(cursor_.Unexpected("an initializer, a tensor or file \"NAME\""));
  const auto families = OpFamilies();
  const auto family = std::ranges::find(families, "initializer", &OpFamily::name);
  std::vector<std::string_view> known;
  if (family != families.end())
    for (const OpDef& op : family->ops) known.push_back(op.name);
  const OpDef* op = FindOp(name.text);
  if (std::ranges::find(known, name.text) == known.end() || op == nullptr) {
    std::string hint = DidYouMean(name.text, known);
    if (hint.empty()) hint = fmt::format("the initializers are {}", fmt::join(known, ", "));
    return std::unexpected(cursor_.ErrorAt(
        name, fmt::format("unknown initializer {}", Quoted(name.text)), std::move(hint)));
  }
  initializer.op = cursor_.Take().Name();
  if (!cursor_.Accept("(")) return {};
  cursor_.Open();
  DESCENT_RETURN_IF_ERROR(CallAttributes(*op, initializer.attributes, kFromSlot));
  cursor_.Close();
  cursor_.Take();
  return {};
}

namespace {

/// What may stand in the braces behind a parameter.
struct Option {
  std::string_view name;
  Result<void> (*parse)(Slot& slot, LiteralParser& literals);
};

Result<void> ReadNumber(LiteralParser& literals, std::string_view what, auto& field) {
  DESCENT_TRY(value, literals.Number(what));
  field = value;
  return {};
}

constexpr Option kOptions[] = {
    {"trainable",
     [](Slot& slot, LiteralParser& literals) -> Result<void> {
       DESCENT_TRY(value, literals.AttributeOf(AttributeKind::kBool, "trainable"));
       slot.trainable = std::get<bool>(value);
       return {};
     }},
    {"l1",
     [](Slot& slot, LiteralParser& literals) {
       return ReadNumber(literals, "a number for l1", slot.l1);
     }},
    {"l2",
     [](Slot& slot, LiteralParser& literals) {
       return ReadNumber(literals, "a number for l2", slot.l2);
     }},
    {"weight_decay",
     [](Slot& slot, LiteralParser& literals) {
       return ReadNumber(literals, "a number for weight_decay", slot.weight_decay);
     }},
};

}  // namespace

Result<void> ModelParser::SlotOptions(Slot& slot) {
  std::vector<std::string_view> names;
  for (const Option& option : kOptions) names.push_back(option.name);
  std::set<std::string_view> given;
  while (!cursor_.Peek().Is("}")) {
    const Token name = cursor_.Peek();
    const auto option = std::ranges::find(kOptions, name.text, &Option::name);
    if (name.kind != TokenKind::kName || option == std::end(kOptions))
      return std::unexpected(cursor_.Unexpected(fmt::format("one of {}", fmt::join(names, ", ")),
                                                DidYouMean(name.text, names)));
    if (!given.insert(option->name).second)
      return std::unexpected(
          cursor_.ErrorAt(name, fmt::format("{} is given twice", Quoted(name.text))));
    cursor_.Take();
    DESCENT_RETURN_IF_ERROR(cursor_.Expect("=", "after the option"));
    DESCENT_RETURN_IF_ERROR(option->parse(slot, literals_));
    if (!cursor_.Accept(",") && !cursor_.Peek().Is("}"))
      return std::unexpected(cursor_.Unexpected("',' or '}' in the options"));
  }
  return {};
}

Result<void> ModelParser::DeclareSlot(SlotKind kind, std::string above) {
  Slot slot = {.name = {}, .type = {}, .kind = kind};
  DESCENT_TRY(name, cursor_.ExpectName(fmt::format("the name of the {}", SlotKeyword(kind))));
  slot.name = name.Name();
  DESCENT_RETURN_IF_ERROR(
      cursor_.Expect(":", fmt::format("and the type after the name of a {}", SlotKeyword(kind))));
  DESCENT_TRY(type, literals_.Type());
  slot.type = std::move(type.type);
  if (cursor_.Accept("=")) DESCENT_RETURN_IF_ERROR(SlotInitializer(slot));
  if (kind == SlotKind::kParameter && cursor_.Accept("{")) {
    cursor_.Open();
    DESCENT_RETURN_IF_ERROR(SlotOptions(slot));
    cursor_.Close();
    cursor_.Take();
  }
  if (cursor_.Accept("->")) {
    DESCENT_TRY(next, cursor_.ExpectName("the name of the next value"));
    slot.next = next.Name();
    next_.push_back(next);
  }
  DESCENT_RETURN_IF_ERROR(DeclareInput(name, slot.type));
  DESCENT_RETURN_IF_ERROR(FinishObject(slot, std::move(above)));
  model_.slots.push_back(std::move(slot));
  return {};
}

}  // namespace descent

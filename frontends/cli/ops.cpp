// `descent ops`: what the registry of operators says, as a list, as one page, or as docs/ops.md.

#include <algorithm>
#include <memory>

#include "frontends/cli/commands.h"
#include "ir/op_def.h"

namespace descent::cli {
namespace {

struct OpsArguments {
  std::string name;
  bool markdown = false;
};

std::string FirstSentence(std::string_view doc) {
  const std::string_view line = doc.substr(0, doc.find('\n'));
  const size_t stop = line.find(". ");
  return std::string(stop == std::string_view::npos ? line : line.substr(0, stop + 1));
}

std::string AttributeText(const AttributeSpec& spec);

/// "y = matmul(a, b; transpose_a=false, transpose_b=false)"
std::string SignatureText(const OpDef& op) {
  std::vector<std::string> operands, attributes;
  for (const OperandSpec& operand : op.signature.operands)
    operands.push_back(std::string(operand.name) + (operand.variadic   ? "..."
                                                    : operand.optional ? "?"
                                                                       : ""));
  for (const AttributeSpec& spec : op.signature.attributes)
    attributes.push_back(AttributeText(spec));
  std::string text = fmt::format("{}({}", op.name, fmt::join(operands, ", "));
  if (!attributes.empty())
    text += fmt::format("{}{}", operands.empty() ? "" : "; ", fmt::join(attributes, ", "));
  return text + fmt::format(") -> {}", fmt::join(op.signature.results, ", "));
}

std::string DefaultText(const Attribute& value) {
  struct Visitor {
    std::string operator()(bool b) const { return b ? "true" : "false"; }
    std::string operator()(int64_t i) const { return fmt::format("{}", i); }
    std::string operator()(double d) const { return fmt::format("{}", d); }
    std::string operator()(const std::string& s) const { return s; }
    std::string operator()(const std::vector<int64_t>& v) const {
      return fmt::format("[{}]", fmt::join(v, ", "));
    }
    std::string operator()(const std::vector<double>& v) const {
      return fmt::format("[{}]", fmt::join(v, ", "));
    }
    std::string operator()(DType dtype) const { return std::string(Info(dtype).name); }
    std::string operator()(const Tensor& tensor) const { return ToString(tensor.type()); }
    std::string operator()(const std::shared_ptr<const Graph>&) const { return "{...}"; }
  };
  return std::visit(Visitor{}, value);
}

std::string AttributeText(const AttributeSpec& spec) {
  return spec.default_value ? fmt::format("{}={}", spec.name, DefaultText(*spec.default_value))
                            : std::string(spec.name);
}

std::string_view GradientText(const OpDef& op) {
  if (op.vjp != nullptr) return "yes";
  return op.no_gradient.empty() ? "none" : op.no_gradient;
}

std::string Page(const OpDef& op, bool markdown) {
  std::string text = markdown
                         ? fmt::format("### {}\n\n```\n{}\n```\n\n", op.name, SignatureText(op))
                         : fmt::format("{}\n\n", SignatureText(op));
  text += fmt::format("{}\n", op.doc);
  if (!op.signature.attributes.empty()) text += "\n";
  for (const AttributeSpec& spec : op.signature.attributes) {
    text += fmt::format("- {}{}{}: {}", markdown ? "`" : "", AttributeText(spec),
                        markdown ? "`" : "", ToString(spec.kind));
    if (!spec.choices.empty()) text += fmt::format(", one of {}", fmt::join(spec.choices, ", "));
    text += fmt::format("{}{}\n", spec.doc.empty() ? "" : "; ", spec.doc);
  }
  return text + fmt::format("\nGradient: {}\n", GradientText(op));
}

std::string List() {
  std::string text;
  for (const OpFamily& family : OpFamilies())
    for (const OpDef& op : family.ops)
      text += fmt::format("{:<26} {:<12} {}\n", op.name, family.name, FirstSentence(op.doc));
  return text;
}

std::string Markdown() {
  std::string text =
      "# Operators\n\n<!-- Made by `descent ops --markdown`; do not edit. -->\n\n"
      "A signature reads `name(operands; attributes) -> results`; an attribute with `=` has that "
      "default, `?` marks an operand that may be left out, `...` one that may be repeated.\n";
  for (const OpFamily& family : OpFamilies()) {
    text += fmt::format("\n## {}\n", family.name);
    for (const OpDef& op : family.ops) text += "\n" + Page(op, true);
  }
  return text;
}

Result<ExitStatus> Ops(const OpsArguments& arguments) {
  if (arguments.name.empty()) {
    fmt::print("{}", arguments.markdown ? Markdown() : List());
    return ExitStatus::kGood;
  }
  const OpDef* op = FindOp(arguments.name);
  if (op == nullptr) {
    std::vector<std::string> names;
    for (const OpFamily& family : OpFamilies())
      for (const OpDef& known : family.ops) names.emplace_back(known.name);
    std::string hint = DidYouMean(arguments.name, names);
    if (hint.empty()) hint = "`descent ops` lists them";
    return InputError(fmt::format("unknown operator {}", Quoted(arguments.name)), std::move(hint));
  }
  fmt::print("{}", Page(*op, arguments.markdown));
  return ExitStatus::kGood;
}

}  // namespace

Command OpsCommand() {
  auto arguments = std::make_shared<OpsArguments>();
  return {.name = "ops",
          .summary = "list the operators, or show one's documentation",
          .description =
              "Without NAME prints one line for each operator: name, family and what it "
              "does. With NAME prints its documentation: equation, shapes, attributes "
              "with defaults, gradient.",
          .arguments = {{.names = "NAME",
                         .value = "",
                         .doc = "an operator",
                         .destination = &arguments->name}},
          .groups = {{"Options",
                      {{.names = "--markdown",
                        .value = "",
                        .doc = "print Markdown; without NAME the whole of docs/ops.md",
                        .destination = &arguments->markdown}}}},
          .examples = {{"descent ops | grep pool", "which pooling operators are there?"},
                       {"descent ops matmul", "what does matmul take?"}},
          .run = [arguments] { return Ops(*arguments); }};
}

}  // namespace descent::cli

#include "ir/op_docs.h"

#include <fmt/ranges.h>

namespace descent {
namespace {

std::string_view ClassText(DTypeClass dtypes) {
  static constexpr std::string_view kTexts[] = {"any", "float", "integer", "float or integer",
                                                "bool"};
  return kTexts[static_cast<size_t>(dtypes)];
}

/// A default as the text IR writes it.
std::string DefaultText(const Attribute& value) {
  struct Printer {
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
  return std::visit(Printer{}, value);
}

std::string OperandText(const OperandSpec& operand) {
  return std::string(operand.name) + (operand.variadic ? "..." : operand.optional ? "?" : "");
}

std::string OperandTable(const Signature& signature) {
  if (signature.operands.empty()) return "";
  std::string text = "| operand | element type |\n|---|---|\n";
  for (const OperandSpec& operand : signature.operands) {
    const bool alone = operand.dtype_group < 0 || signature.operands.size() == 1;
    text += fmt::format("| `{}` | {}{} |\n", OperandText(operand), ClassText(operand.dtypes),
                        alone ? "" : ", one for all such operands");
  }
  return text + "\n";
}

std::string AttributeDoc(const AttributeSpec& attribute) {
  std::string doc(attribute.doc);
  if (!attribute.choices.empty()) doc += fmt::format(": {}", fmt::join(attribute.choices, ", "));
  return doc;
}

std::string AttributeTable(const Signature& signature) {
  if (signature.attributes.empty()) return "";
  std::string text = "| attribute | kind | default | |\n|---|---|---|---|\n";
  for (const AttributeSpec& attribute : signature.attributes)
    text += fmt::format("| `{}` | {} | {} | {} |\n", attribute.name, ToString(attribute.kind),
                        attribute.default_value
                            ? fmt::format("`{}`", DefaultText(*attribute.default_value))
                            : "required",
                        AttributeDoc(attribute));
  return text + "\n";
}

/// What the compiler knows about it beside its meaning; one sentence without full stop.
std::string Facts(const OpDef& op) {
  std::vector<std::string> facts;
  if (!op.no_gradient.empty()) {
    facts.push_back(fmt::format("no gradient: {}", op.no_gradient));
  } else {
    facts.push_back(op.vjp != nullptr ? "gradient: yes" : "gradient: that of its expansion");
  }
  if (op.expand != nullptr) facts.push_back("composite: expands into other operators");
  if (op.inference != nullptr) facts.push_back("replaced outside training");
  if (op.mask_rows != nullptr) facts.push_back("leaves padded rows out");
  if (op.is_metric()) facts.push_back("sums over rows are added up over a whole pass");
  return fmt::format("{}", fmt::join(facts, "; "));
}

}  // namespace

std::string SignatureText(const OpDef& op) {
  std::vector<std::string> operands, attributes;
  for (const OperandSpec& operand : op.signature.operands) operands.push_back(OperandText(operand));
  for (const AttributeSpec& attribute : op.signature.attributes)
    attributes.push_back(
        attribute.default_value
            ? fmt::format("{}={}", attribute.name, DefaultText(*attribute.default_value))
            : std::string(attribute.name));
  return fmt::format("{}({}{}{}) -> {}", op.name, fmt::join(operands, ", "),
                     attributes.empty() ? "" : "; ", fmt::join(attributes, ", "),
                     fmt::join(op.signature.results, ", "));
}

std::string OpReference(const OpDef& op) {
  const std::string example =
      op.example.empty() ? "" : fmt::format("Example: `{}`\n\n", op.example);
  return fmt::format("### {}\n\n`{}`\n\n{}\n\n{}{}{}*{}.*\n\n", op.name, SignatureText(op), op.doc,
                     example, OperandTable(op.signature), AttributeTable(op.signature), Facts(op));
}

std::string OpPage(const OpDef& op) {
  std::string text = fmt::format("{}\n\n{}\n\n", SignatureText(op), op.doc);
  for (const AttributeSpec& attribute : op.signature.attributes)
    text += fmt::format("  {:<16} {} ({})\n", attribute.name, AttributeDoc(attribute),
                        ToString(attribute.kind));
  if (!op.signature.attributes.empty()) text += "\n";
  if (!op.example.empty()) text += fmt::format("{}\n\n", op.example);
  return text + Facts(op) + "\n";
}

std::string OpsReference() {
  std::string text =
      "# Operators\n\n"
      "Generated from the operator definitions in `ir/ops/` by `descent ops --markdown`; do not "
      "edit.\n\n"
      "`g` is the gradient that arrives at the result. Shapes are written as [rows, columns]; "
      "\"broadcast as NumPy does\" means: aligned at the last axis, extents equal or 1.\n\n";
  for (const OpFamily& family : OpFamilies()) {
    std::vector<std::string> links;
    for (const OpDef& op : family.ops) links.push_back(fmt::format("[{0}](#{0})", op.name));
    text += fmt::format("- **{}**: {}\n", family.name, fmt::join(links, " "));
  }
  for (const OpFamily& family : OpFamilies()) {
    text += fmt::format("\n## {}\n\n", family.name);
    for (const OpDef& op : family.ops) text += OpReference(op);
    text.pop_back();
  }
  return text;
}

}  // namespace descent

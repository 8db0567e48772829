#include "ir/io/text_graph_printer.h"

#include <algorithm>
#include <unordered_set>

#include "ir/op_def.h"

namespace descent {
namespace {

constexpr size_t kIndent = 2;

bool AllEqual(const Tensor& tensor) {
  const auto bytes = tensor.bytes();
  const size_t size = static_cast<size_t>(Info(tensor.dtype()).bytes);
  return !bytes.empty() &&
         std::ranges::equal(bytes.subspan(size), bytes.first(bytes.size() - size));
}

/// One tensor's nested lists; `index` walks through the elements.
class TensorText {
 public:
  explicit TensorText(const Tensor& tensor) : tensor_(tensor) {}

  /// The list at `axis` that starts at element `first`, on one line; nullopt past `width`
  /// characters.
  std::optional<std::string> Flat(int axis, int64_t first, size_t width) const {
    if (axis == tensor_.type().rank()) return PrintElement(tensor_, first);
    std::string text = "[";
    for (int64_t i = 0; i < tensor_.shape()[axis]; ++i) {
      if (text.size() > width) return std::nullopt;
      const auto element = Flat(axis + 1, first + i * Stride(axis), width - text.size());
      if (!element) return std::nullopt;
      text += (i > 0 ? ", " : "") + *element;
    }
    text += "]";
    return text.size() > width ? std::nullopt : std::optional(text);
  }

  std::string Lines(int axis, int64_t first, size_t column, size_t indent) const {
    const size_t width = column < kTextColumns ? kTextColumns - column : 0;
    if (auto flat = Flat(axis, first, width)) return *flat;
    if (axis + 1 == tensor_.type().rank()) return Filled(first, indent);
    const std::string margin(indent + kIndent, ' ');
    std::string text = "[\n";
    for (int64_t i = 0; i < tensor_.shape()[axis]; ++i)
      text +=
          fmt::format("{}{}{}\n", margin,
                      Lines(axis + 1, first + i * Stride(axis), margin.size() + 1, margin.size()),
                      i + 1 < tensor_.shape()[axis] ? "," : "");
    return text + std::string(indent, ' ') + "]";
  }

 private:
  /// The innermost list: as many elements a line as fit.
  std::string Filled(int64_t first, size_t indent) const {
    const std::string margin(indent + kIndent, ' ');
    std::string text = "[\n", line = margin;
    const int64_t count = tensor_.shape().back();
    for (int64_t i = 0; i < count; ++i) {
      const std::string element = PrintElement(tensor_, first + i) + (i + 1 < count ? "," : "");
      if (line.size() > margin.size() && line.size() + 1 + element.size() > kTextColumns) {
        text += line + "\n";
        line = margin;
      }
      line += (line.size() > margin.size() ? " " : "") + element;
    }
    return text + line + "\n" + std::string(indent, ' ') + "]";
  }

  int64_t Stride(int axis) const {
    int64_t stride = 1;
    for (int i = axis + 1; i < tensor_.type().rank(); ++i) stride *= tensor_.shape()[i];
    return stride;
  }

  const Tensor& tensor_;
};

template <typename List, typename Print>
std::string PrintList(const List& list, Print print) {
  std::string text = "[";
  for (size_t i = 0; i < list.size(); ++i) text += (i > 0 ? ", " : "") + print(list[i]);
  return text + "]";
}

/// "open" + pieces + "close" behind `column` characters, broken into lines where it does not fit.
std::string Broken(std::string_view open, const std::vector<std::string>& pieces,
                   std::string_view close, size_t column, size_t indent) {
  std::string flat = fmt::format("{}{}{}", open, fmt::join(pieces, ", "), close);
  if (column + flat.size() <= kTextColumns || pieces.empty()) return flat;
  const std::string margin(indent + 2 * kIndent, ' ');
  std::string text = fmt::format("{}\n", open), line = margin;
  for (size_t i = 0; i < pieces.size(); ++i) {
    const std::string piece = fmt::format("{}{}", pieces[i], i + 1 < pieces.size() ? "," : close);
    if (line.size() > margin.size() && line.size() + 1 + piece.size() > kTextColumns) {
      text += line + "\n";
      line = margin;
    }
    line += (line.size() > margin.size() ? " " : "") + piece;
  }
  return text + line;
}

/// Characters on the last line of a text.
size_t LastLine(std::string_view text) {
  const size_t line_end = text.rfind('\n');
  return line_end == std::string_view::npos ? text.size() : text.size() - line_end - 1;
}

/// `numbers_are_short`: 1000 for 1000.0, where every number is a float.
std::string PrintAttribute(const Attribute& attribute, bool numbers_are_short) {
  const auto number = [&](double value) {
    std::string text = PrintFloat(value);
    if (numbers_are_short && text.ends_with(".0")) text.resize(text.size() - 2);
    return text;
  };
  return std::visit(
      [&](const auto& value) -> std::string {
        using T = std::decay_t<decltype(value)>;
        if constexpr (std::is_same_v<T, bool>) {
          return value ? "true" : "false";
        } else if constexpr (std::is_same_v<T, int64_t>) {
          return fmt::format("{}", value);
        } else if constexpr (std::is_same_v<T, double>) {
          return number(value);
        } else if constexpr (std::is_same_v<T, std::string>) {
          return PrintName(value);
        } else if constexpr (std::is_same_v<T, std::vector<int64_t>>) {
          return PrintList(value, [](int64_t element) { return fmt::format("{}", element); });
        } else if constexpr (std::is_same_v<T, std::vector<double>>) {
          return PrintList(value, number);
        } else if constexpr (std::is_same_v<T, DType>) {
          return std::string(Info(value).name);
        } else if constexpr (std::is_same_v<T, Tensor>) {
          return ToString(value.type()) + " " + PrintTensor(value, 0, kIndent);
        } else {
          return "";  // graphs are printed behind the call
        }
      },
      attribute);
}

}  // namespace

std::string PrintAttribute(const Attribute& attribute) { return PrintAttribute(attribute, false); }

std::string PrintTensor(const Tensor& tensor, size_t column, size_t indent) {
  if (tensor.elements() == 0) return "[]";
  if (tensor.type().rank() == 0 || AllEqual(tensor)) return PrintElement(tensor, 0);
  return TensorText(tensor).Lines(0, 0, column, indent);
}

std::string PrintAttributes(const Attributes& attributes, const OpDef& op) {
  std::string text;
  for (const AttributeSpec& spec : op.signature.attributes)
    if (const Attribute* value = attributes.Find(spec.name))
      text += fmt::format("{}{}={}", text.empty() ? "" : ", ", spec.name,
                          PrintAttribute(*value, false));
  return text;
}

std::string PrintHyperparameters(const Attributes& attributes) {
  std::string text;
  for (const bool rate : {true, false})
    for (const auto& [name, value] : attributes)
      if ((name == "learning_rate") == rate)
        text += fmt::format("{}{}={}", text.empty() ? "" : ", ", PrintName(name),
                            PrintAttribute(value, true));
  return text;
}

std::string PrintTrailing(std::string_view trailing) {
  return trailing.empty() ? "" : fmt::format("  # {}", trailing);
}

std::string PrintCommentLines(std::string_view comment, size_t indent) {
  std::string text;
  for (size_t begin = 0; !comment.empty() && begin <= comment.size();) {
    const size_t end = std::min(comment.find('\n', begin), comment.size());
    const std::string_view line = comment.substr(begin, end - begin);
    text += fmt::format("{}#{}{}\n", std::string(indent, ' '), line.empty() ? "" : " ", line);
    begin = end + 1;
  }
  return text;
}

GraphPrinter::GraphPrinter(const Graph& graph, size_t indent)
    : graph_(graph), indent_(indent), order_(OrderStatements(graph)) {
  // Two values of one name can only come from a graph that was not built by GraphBuilder; the first
  // keeps the name, so that what is printed is always one value a name.
  std::unordered_set<std::string_view> used;
  names_.resize(graph.nodes().size());
  for (const int32_t number : order_.nodes) {
    const Node& node = graph.nodes()[number];
    for (size_t result = 0; result < node.types.size(); ++result) {
      const std::string_view label =
          result < node.label.names.size() ? node.label.names[result] : std::string_view();
      if (!label.empty() && used.insert(label).second) {
        names_[number].push_back(PrintName(label));
      } else if (node.types.size() == 1) {
        names_[number].push_back(fmt::format("%{}", order_.position[number]));
      } else {
        names_[number].push_back(fmt::format("%{}.{}", order_.position[number], result));
      }
    }
  }
}

std::string GraphPrinter::Reference(Value value) const {
  if (order_.in_place[value.node])
    return PrintElement(graph_.node(value).attributes.Literal("value"), 0);
  return names_[value.node][value.result];
}

bool GraphPrinter::IsCalled(Value value, std::string_view name) const {
  return names_[value.node][value.result] == PrintName(name);
}

std::vector<std::string> GraphPrinter::Arguments(const Node& node) const {
  std::vector<std::string> arguments;
  for (const Value operand : node.operands) arguments.push_back(Reference(operand));
  for (const AttributeSpec& spec : node.op->signature.attributes) {
    const Attribute* value = node.attributes.Find(spec.name);
    if (value == nullptr || spec.kind == AttributeKind::kGraph) continue;
    if (spec.default_value && SameAttribute(*value, *spec.default_value)) continue;
    arguments.push_back(fmt::format("{}={}", spec.name, PrintAttribute(*value, false)));
  }
  return arguments;
}

std::string GraphPrinter::Call(const Node& node, size_t column) const {
  return Broken(fmt::format("{}(", node.op->name), Arguments(node), ")", column, indent_);
}

std::string GraphPrinter::Statement(int32_t number) const {
  const Node& node = graph_.nodes()[number];
  std::string text(indent_, ' ');
  for (size_t i = 0; i < node.types.size(); ++i)
    text += fmt::format("{}{}: {}", i > 0 ? ", " : "", names_[number][i], ToString(node.types[i]));
  text += " = ";
  if (node.op->leaf == Leaf::kConstant) {
    text += PrintTensor(node.attributes.Literal("value"), text.size(), indent_);
  } else {
    text += Call(node, text.size());
  }
  if (!node.label.origin.empty()) text += " from " + PrintName(node.label.origin);
  const bool has_body = std::ranges::any_of(node.attributes, [](const auto& entry) {
    return KindOf(entry.second) == AttributeKind::kGraph;
  });
  text += has_body ? Bodies(node, LastLine(text)) : PrintTrailing(node.label.trailing);
  return PrintCommentLines(node.label.comment, indent_) + text + "\n";
}

std::string GraphPrinter::Bodies(const Node& node, size_t column) const {
  std::string text;
  std::string_view trailing = node.label.trailing;
  for (const AttributeSpec& spec : node.op->signature.attributes) {
    if (spec.kind != AttributeKind::kGraph) continue;
    text += Body(spec.name, node.attributes.Body(spec.name), text.empty() ? column : indent_ + 1,
                 trailing);
    trailing = "";
  }
  return text;
}

std::string GraphPrinter::Body(std::string_view name, const Graph& body, size_t column,
                               std::string_view trailing) const {
  const GraphPrinter printer(body, indent_ + kIndent);
  std::vector<std::string> parameters;
  for (const NamedValue& input : body.inputs())
    parameters.push_back(
        fmt::format("{}: {}", printer.Reference(input.value), ToString(body.type(input.value))));
  std::string text = Broken(fmt::format(" {}(", name), parameters, ") {", column, indent_);
  text += PrintTrailing(trailing) + "\n";
  const std::string margin(indent_ + kIndent, ' ');
  Section section = Section::kForward;
  for (const int32_t number : printer.order().nodes) {
    const Node& node = body.nodes()[number];
    if (node.op->leaf == Leaf::kInput || printer.order().in_place[number]) continue;
    if (node.label.section != section)
      text += fmt::format("{}section {}\n", margin, ToString(node.label.section));
    section = node.label.section;
    text += printer.Statement(number);
  }
  text += margin + "return";
  bool first = true;
  for (const NamedValue& output : body.outputs()) {
    text += first ? " " : ", ";
    first = false;
    if (!printer.IsCalled(output.value, output.name)) text += PrintName(output.name) + " = ";
    text += printer.Reference(output.value);
  }
  return text + "\n" + std::string(indent_, ' ') + "}";
}

}  // namespace descent

#include "ir/op_docs.h"

#include <fmt/ranges.h>

#include <algorithm>

namespace descent {
namespace {

/// What the operators of a family have in common.
struct Chapter {
  std::string_view family, doc;
};
constexpr Chapter kChapters[] = {
    {"leaf",
     "Values that come from outside the graph. Inputs and constants are statements of "
     "the text form; the others are called like any operator."},
    {"arithmetic",
     "Element by element, broadcast as NumPy does. Floats follow IEEE 754, "
     "integers wrap and never trap."},
    {"elementary",
     "Functions of C's math.h, element by element, over all arguments; what is "
     "NaN stays NaN. Compiled code is at most 2 units in the last place off for "
     "exp, log, tanh and sigmoid, 4 for the others."},
    {"elementwise",
     "Comparisons, logic, bits, choice and conversion, element by element, "
     "broadcast as NumPy does."},
    {"reduce",
     "One number of all elements along some axes, which disappear or, with "
     "`keepdims`, stay with extent 1, so that the result broadcasts against x. "
     "Floats are added in an order that follows from shapes and target alone."},
    {"statistic", "Reductions that are made of others."},
    {"prefix", "Running reductions: each element depends on those before it along an axis."},
    {"contract", "Sums of products."},
    {"einsum", "Any sum of products."},
    {"convolution", "Weighted sums over windows of images."},
    {"transposed_convolution", "The adjoints of convolutions, as operators of their own."},
    {"layout",
     "The same elements in other places. In a fused kernel these cost nothing: they "
     "compose with the coordinates at which others read."},
    {"slicing", "Parts of a tensor, and elements around one."},
    {"arrange", "Tensors cut, joined, repeated and moved."},
    {"matrix", "Matrices: diagonals, triangles, grids."},
    {"window", "All windows of a tensor as axes of their own, and back."},
    {"pool", "One number of each window of an image."},
    {"global_pool", "One number of a whole image, or of each of a fixed number of parts."},
    {"resample", "Windows at a distance that is a fraction."},
    {"resize", "Images of another size."},
    {"grid_sample", "Images read at places that come from data."},
    {"rectifier",
     "Activations of straight or exponential pieces, element by element. At a "
     "kink the derivative is PyTorch's."},
    {"activation", "Smooth activations, element by element, and gated ones."},
    {"softmax", "Probabilities of scores along an axis."},
    {"loss",
     "`reduction` makes the mean or the sum of the terms, or leaves them as they are "
     "(`none`). A gradient is that of one term, `g` what arrives at it; of a mean, `g` "
     "is divided by what the mean divides by. Padded rows of a last, smaller batch are "
     "left out."},
    {"normalization", "Rows normalized by statistics of the batch."},
    {"attention", "Averages whose weights come from data."},
    {"transformer", "What transformers are made of, beside attention."},
    {"layer_normalization",
     "Rows normalized by their own statistics, in training and outside "
     "of it alike."},
    {"local_response_normalization", "Elements normalized by their neighbours across channels."},
    {"weight_normalization", "Vectors and weights of a given length."},
    {"quantize", "Floats as narrow integers, and back."},
    {"indexing",
     "Elements chosen by indices that come from data. An index out of range never "
     "reads elsewhere: it gives 0 and sets a bit of the status word."},
    {"scatter",
     "Elements put to places that come from data, in the order of the updates. An "
     "update whose index is out of range is dropped and sets a bit of the status "
     "word."},
    {"bag", "Sums over groups of rows that come from data."},
    {"sort", "Order. All are stable, and so the same bits anywhere."},
    {"selection", "Elements chosen by a condition; results have a static size."},
    {"random",
     "Random numbers are counted, not drawn: an element depends on the seed, the "
     "step, the loop step, the `stream` of its node and its row-major index, and on "
     "nothing else (docs/design.md, Randomness). Two nodes with one stream and shape "
     "give the same numbers."},
    {"initializer",
     "First values of parameters and other state, named where a slot is "
     "declared: `parameter W: f32[784, 100] = glorot_uniform`. Shape and type "
     "are the slot's, the stream its position."},
    {"control",
     "Loops over a body. A body is a graph of its own, closed: what it uses from "
     "outside are operands of its node (docs/ir.md, Bodies)."},
    {"flow", "Branches, and loops that are made of scan."},
    {"annotation", "Values that stay as they are: what is said about them counts."},
    {"recurrent", "Layers that run over sequences."},
    {"metric",
     "Metrics count over a whole pass. One call gives sums over its rows, in f64, "
     "which are added up; behind `->` stands what is shown of sums. Padded rows are "
     "left out."}};

std::string_view ChapterDoc(const OpFamily& family) {
  const auto* chapter = std::ranges::find(kChapters, family.name, &Chapter::family);
  DESCENT_CHECK(chapter != std::end(kChapters), "a family needs a chapter of the reference");
  return chapter->doc;
}

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

std::string RangeText(const OperandSpec& operand) {
  if (!operand.range) return "";
  return fmt::format(", from {} to {}", operand.range->lowest, operand.range->highest);
}

/// Operands of one group have the type of its first.
std::string OperandTypes(const Signature& signature, const OperandSpec& operand) {
  const auto first =
      std::ranges::find(signature.operands, operand.dtype_group, &OperandSpec::dtype_group);
  if (operand.dtype_group >= 0 && &*first != &operand)
    return fmt::format("that of `{}`", first->name);
  const bool several = operand.variadic && operand.dtype_group >= 0;
  return fmt::format("{}{}", ClassText(operand.dtypes), several ? ", one for all" : "");
}

std::string OperandTable(const Signature& signature) {
  if (signature.operands.empty()) return "";
  std::string text = "| operand | element type |\n|---|---|\n";
  for (const OperandSpec& operand : signature.operands)
    text += fmt::format("| `{}` | {}{} |\n", OperandText(operand), OperandTypes(signature, operand),
                        RangeText(operand));
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

/// The doc, in which what it says about the gradient is a paragraph of its own.
std::string Paragraphs(std::string_view doc) {
  std::string text(doc);
  const size_t gradient = text.find(" Gradient");
  if (gradient != std::string::npos) text.replace(gradient, 1, "\n\n");
  return text;
}

std::string ExampleBlock(std::string_view example) {
  if (example.empty()) return "";
  if (example.contains('\n')) return fmt::format("Example:\n\n```\n{}\n```\n\n", example);
  return fmt::format("Example: `{}`\n\n", example);
}

/// What it is compiled as.
std::string_view KindOf(const OpDef& op) {
  if (op.leaf != Leaf::kNone) return "leaf";
  if (op.control != Control::kNone) return "control";
  switch (op.form) {
    case KernelForm::kLoops:
      return op.is_composite() ? "composite" : "loops";
    case KernelForm::kScatter:
      return "scatter";
    case KernelForm::kPrefix:
      return "prefix";
    case KernelForm::kSort:
      return "sort";
    case KernelForm::kAttention:
    case KernelForm::kAttentionGradient:
      return "attention";
  }
  return "";
}

/// What the compiler knows about it beside its meaning; one sentence without full stop.
std::string Facts(const OpDef& op) {
  std::vector<std::string> facts;
  facts.push_back(KindOf(op) == "composite" ? "composite: expands into other operators"
                                            : fmt::format("primitive: {}", KindOf(op)));
  if (!op.no_gradient.empty()) {
    facts.push_back(fmt::format("no gradient: {}", op.no_gradient));
  } else {
    facts.push_back(op.vjp != nullptr ? "gradient: a rule of its own"
                                      : "gradient: that of its expansion");
  }
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
  return fmt::format("### {}\n\n`{}`\n\n{}\n\n{}{}{}*{}.*\n\n", op.name, SignatureText(op),
                     Paragraphs(op.doc), ExampleBlock(op.example), OperandTable(op.signature),
                     AttributeTable(op.signature), Facts(op));
}

std::string OpPage(const OpDef& op) {
  std::string text = fmt::format("{}\n\n{}\n\n", SignatureText(op), Paragraphs(op.doc));
  for (const AttributeSpec& attribute : op.signature.attributes)
    text += fmt::format("  {:<16} {} ({})\n", attribute.name, AttributeDoc(attribute),
                        ToString(attribute.kind));
  if (!op.signature.attributes.empty()) text += "\n";
  if (!op.example.empty()) text += fmt::format("Example: {}\n\n", op.example);
  return text + Facts(op) + "\n";
}

std::string OpKinds() {
  std::string text;
  size_t primitives = 0, all = 0;
  for (const std::string_view kind :
       {"leaf", "loops", "scatter", "prefix", "sort", "attention", "control", "composite"}) {
    std::vector<std::string_view> names;
    for (const OpFamily& family : OpFamilies())
      for (const OpDef& op : family.ops)
        if (KindOf(op) == kind) names.push_back(op.name);
    const bool primitive = kind != "composite";
    text += fmt::format("{} ({})\n", kind, names.size());
    if (primitive) text += fmt::format("  {}\n", fmt::join(names, " "));
    all += names.size();
    if (primitive) primitives += names.size();
  }
  return text + fmt::format("{} operators, {} of them primitive\n", all, primitives);
}

std::string OpsReference() {
  std::string text =
      "# Operators\n\n"
      "Generated from the operator definitions in `ir/ops/` by `descent ops --markdown`; do not "
      "edit.\n\n"
      "`g` is the gradient that arrives at the result. Shapes are written as [rows, columns]; "
      "\"broadcast as NumPy does\" means: aligned at the last axis, extents equal or 1.\n\n"
      "An example is a call and what it gives: operands are literals, f32 where no type stands "
      "before them; numbers hold to the places that are written; `_` is a result that is not "
      "shown. Examples run in training with seed 1, step 0, learning rate 0.1 and 4 rows.\n\n"
      "A *primitive* is compiled as it is, into the kernel form that is named; a *composite* is "
      "replaced by what it expands into ([what is primitive, and "
      "why](design.md#what-is-primitive-and-why)).\n\n";
  for (const OpFamily& family : OpFamilies()) {
    std::vector<std::string> links;
    for (const OpDef& op : family.ops) links.push_back(fmt::format("[{0}](#{0})", op.name));
    text += fmt::format("- **{}**: {}\n", family.name, fmt::join(links, " "));
  }
  for (const OpFamily& family : OpFamilies()) {
    text += fmt::format("\n## {}\n\n{}\n\n", family.name, ChapterDoc(family));
    for (const OpDef& op : family.ops) text += OpReference(op);
    text.pop_back();
  }
  return text;
}

}  // namespace descent

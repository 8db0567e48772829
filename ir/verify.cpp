#include "ir/verify.h"

#include <algorithm>
#include <array>
#include <unordered_map>
#include <unordered_set>

#include "ir/invariants.h"
#include "ir/io/limits.h"
#include "ir/model.h"
#include "ir/op_def.h"
#include "ir/utf8.h"

namespace descent {

bool IsPlainText(std::string_view text) {
  return !FirstInvalidUtf8(text) && std::ranges::none_of(text, [](char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
  });
}

Result<void> CheckName(std::string_view what, std::string_view name) {
  if (name.empty()) return Error("{} has no name", what);
  if (name.size() > kMaxNameBytes)
    return Error("the name of {} has {} bytes; at most {} are allowed", what, name.size(),
                 kMaxNameBytes);
  if (!IsPlainText(name))
    return Error("the name {} of {} has control characters or is not UTF-8", Quoted(name), what);
  return {};
}

namespace {

constexpr std::array<std::string_view, 6> kEntries = {"initialize", "train_step", "evaluate",
                                                      "predict",    "metrics",    "run"};

// ---- V1 to V3: version, text, names ---------------------------------------------------------

Result<void> CheckVersion(const Model& model) {
  if (model.format_version >= 1 && model.format_version <= kFormatVersion) return {};
  return Error("format version {} is not from 1 to {}", model.format_version, kFormatVersion);
}

/// Lines of plain text; tabs are fine.
Result<void> CheckComment(std::string_view of, std::string above, std::string trailing) {
  std::ranges::replace(above, '\n', ' ');
  std::ranges::replace(above, '\t', ' ');
  std::ranges::replace(trailing, '\t', ' ');
  if (IsPlainText(above) && IsPlainText(trailing)) return {};
  return Error("a comment on {} is not plain UTF-8", of);
}

Result<void> CheckLabel(const Label& label) {
  for (const std::string& name : label.names)
    if (!name.empty()) DESCENT_RETURN_IF_ERROR(CheckName("a value", name));
  if (!label.origin.empty()) DESCENT_RETURN_IF_ERROR(CheckName("an origin", label.origin));
  return CheckComment("a node", label.comment, label.trailing);
}

Result<void> CheckTextOfUpdate(const Update& update) {
  DESCENT_RETURN_IF_ERROR(CheckName("a loss", update.loss));
  DESCENT_RETURN_IF_ERROR(CheckName("an optimizer", update.optimizer));
  DESCENT_RETURN_IF_ERROR(CheckName("a schedule", update.schedule));
  DESCENT_RETURN_IF_ERROR(CheckName("a pattern of parameters", update.parameters));
  return CheckComment("an update", update.comment, update.trailing);
}

Result<void> CheckTextOfGraph(const Graph& graph) {
  for (const NamedValue& input : graph.inputs())
    DESCENT_RETURN_IF_ERROR(CheckName("a graph input", input.name));
  for (const NamedValue& output : graph.outputs())
    DESCENT_RETURN_IF_ERROR(CheckName("a graph output", output.name));
  for (const Node& node : graph.nodes())
    DESCENT_RETURN_IF_ERROR(At(node.label.location, CheckLabel(node.label)));
  return {};
}

Result<void> CheckText(const Model& model) {
  if (!model.name.empty()) DESCENT_RETURN_IF_ERROR(CheckName("the model", model.name));
  DESCENT_RETURN_IF_ERROR(CheckComment("the model", model.comment, ""));
  for (const StatementComment& comment : model.comments)
    DESCENT_RETURN_IF_ERROR(CheckComment("a statement", comment.comment, comment.trailing));
  const auto all = [](std::string_view what, const auto& items) -> Result<void> {
    for (const auto& item : items) {
      DESCENT_RETURN_IF_ERROR(At(item.location, CheckName(what, item.name)));
      DESCENT_RETURN_IF_ERROR(At(item.location, CheckComment(what, item.comment, item.trailing)));
    }
    return {};
  };
  DESCENT_RETURN_IF_ERROR(all("an input", model.inputs));
  DESCENT_RETURN_IF_ERROR(all("a slot", model.slots));
  DESCENT_RETURN_IF_ERROR(all("a prediction", model.predictions));
  DESCENT_RETURN_IF_ERROR(all("a metric", model.metrics));
  for (const InputBinding& input : model.inputs)
    DESCENT_RETURN_IF_ERROR(At(input.location, CheckName("a column", input.column)));
  for (const Update& update : model.updates)
    DESCENT_RETURN_IF_ERROR(At(update.location, CheckTextOfUpdate(update)));
  return CheckTextOfGraph(model.graph);
}

class Names {
 public:
  explicit Names(std::string_view what) : what_(what) {}
  Result<void> Add(std::string_view name) {
    if (used_.insert(name).second) return {};
    return Error("two {} are named {}", what_, Quoted(name));
  }
  template <typename Items>
  Result<void> AddAll(const Items& items) {
    for (const auto& item : items) {
      auto added = Add(item.name);
      // Inputs and outputs of a graph have no place of their own.
      if constexpr (requires { item.location; }) added = At(item.location, std::move(added));
      if (!added) return added;
    }
    return {};
  }

 private:
  std::string_view what_;
  std::unordered_set<std::string_view> used_;
};

Result<void> CheckUnique(const Model& model) {
  Names declared("inputs or slots");
  DESCENT_RETURN_IF_ERROR(declared.AddAll(model.inputs));
  DESCENT_RETURN_IF_ERROR(declared.AddAll(model.slots));
  DESCENT_RETURN_IF_ERROR(Names("predictions").AddAll(model.predictions));
  DESCENT_RETURN_IF_ERROR(Names("metrics").AddAll(model.metrics));
  DESCENT_RETURN_IF_ERROR(Names("graph inputs").AddAll(model.graph.inputs()));
  DESCENT_RETURN_IF_ERROR(Names("graph outputs").AddAll(model.graph.outputs()));
  for (const NamedValue& output : model.graph.outputs())
    if (const NamedValue* input = model.graph.FindInput(output.name);
        input != nullptr && input->value != output.value)
      return Error("the output {} has the name of an input, which is another value",
                   Quoted(output.name));
  return {};
}

// ---- V4 and V5: graph inputs ----------------------------------------------------------------

Result<void> CheckClaims(const Model& model) {
  std::unordered_map<std::string_view, const TensorType*> declared;
  for (const InputBinding& input : model.inputs) declared.emplace(input.name, &input.type);
  for (const Slot& slot : model.slots) declared.emplace(slot.name, &slot.type);
  for (const NamedValue& input : model.graph.inputs()) {
    const auto place = declared.find(input.name);
    if (place == declared.end())
      return Error("the graph input {} is neither an input nor a slot of the model",
                   Quoted(input.name));
    if (*place->second != model.graph.type(input.value))
      return Error("the graph input {} is {}, but declared {}", Quoted(input.name),
                   ToString(model.graph.type(input.value)), ToString(*place->second));
  }
  return {};
}

Result<void> CheckOrder(const Model& model) {
  std::unordered_map<std::string_view, size_t> position;
  for (const NamedValue& input : model.graph.inputs())
    position.emplace(input.name, position.size());
  const auto in_order = [&](const auto& items) -> Result<void> {
    size_t last = 0;
    for (const auto& item : items) {
      const auto place = position.find(item.name);
      if (place == position.end()) continue;
      if (place->second < last)
        return Error("the graph input {} stands before one that is declared earlier",
                     Quoted(item.name));
      last = place->second;
    }
    return {};
  };
  DESCENT_RETURN_IF_ERROR(in_order(model.inputs));
  return in_order(model.slots);
}

// ---- V6 to V8: nodes ------------------------------------------------------------------------

Result<void> CheckTypes(const Node& node, std::span<const TensorType> operands) {
  Attributes attributes = node.attributes;
  DESCENT_TRY(types, InferTypes(*node.op, operands, attributes));
  if (!SameAttributes(attributes, node.attributes))
    return Error("an attribute that has a default is missing");
  if (types != node.types) return Error("its types are not those that the operator infers");
  for (const TensorType& type : types)
    if (type.rank() > kMaxRank || !CheckedElements(type.shape))
      return Error("{} is too large", ToString(type));
  return {};
}

Result<void> CheckExpr(const Node& node, std::span<const TensorType> operands) {
  if (node.op->define == nullptr) return {};
  const TensorExpr expr = node.op->define({operands, node.attributes});
  const std::string violation = Violation(expr, operands);
  if (!violation.empty()) return Error("its expression is not well-formed: {}", violation);
  if (expr.results.size() != node.types.size())
    return Error("its expression has {} results, not {}", expr.results.size(), node.types.size());
  const Shape shape(expr.axes.begin(), expr.axes.begin() + expr.rank);
  for (size_t i = 0; i < node.types.size(); ++i)
    if (node.types[i] != TensorType{expr.results[i]->dtype, shape})
      return Error("its expression gives {}, not {}",
                   ToString(TensorType{expr.results[i]->dtype, shape}), ToString(node.types[i]));
  return {};
}

using NodeCheck = Result<void> (*)(const Node&, std::span<const TensorType>);

/// Runs a check over the nodes of a graph and of its bodies; the diagnostic names the node.
Result<void> ForEachNode(const Graph& graph, NodeCheck check, int depth = 0) {
  if (depth > kMaxBodyDepth) return {};  // V6
  for (size_t i = 0; i < graph.nodes().size(); ++i) {
    const Node& node = graph.nodes()[i];
    std::vector<TensorType> operands;
    for (const Value operand : node.operands) operands.push_back(graph.type(operand));
    if (auto checked = check(node, operands); !checked) {
      Diagnostic diagnostic = std::move(checked).error();
      diagnostic.message =
          fmt::format("{} ({}): {}", Quoted(graph.NameOf({static_cast<int32_t>(i)})), node.op->name,
                      diagnostic.message);
      diagnostic.location = node.label.location;
      return std::unexpected(std::move(diagnostic));
    }
    for (const auto& [name, value] : node.attributes)
      if (const auto* body = std::get_if<std::shared_ptr<const Graph>>(&value))
        DESCENT_RETURN_IF_ERROR(ForEachNode(**body, check, depth + 1));
  }
  return {};
}

Result<void> CheckNodeTypes(const Model& model) { return ForEachNode(model.graph, CheckTypes); }
Result<void> CheckNodeExprs(const Model& model) { return ForEachNode(model.graph, CheckExpr); }

Result<void> CheckBody(const Graph& body, int depth) {
  if (depth > kMaxBodyDepth) return Error("bodies are nested more than {} deep", kMaxBodyDepth);
  if (depth > 0) {
    DESCENT_RETURN_IF_ERROR(CheckTextOfGraph(body));
    DESCENT_RETURN_IF_ERROR(Names("inputs of one body").AddAll(body.inputs()));
    DESCENT_RETURN_IF_ERROR(Names("outputs of one body").AddAll(body.outputs()));
  }
  for (const Node& node : body.nodes())
    for (const auto& [name, value] : node.attributes)
      if (const auto* inner = std::get_if<std::shared_ptr<const Graph>>(&value))
        DESCENT_RETURN_IF_ERROR(CheckBody(**inner, depth + 1));
  return {};
}

Result<void> CheckBodies(const Model& model) { return CheckBody(model.graph, 0); }

// ---- V19 to V21: entry points, outputs, operators
// ------------------------------------------------

Result<void> CheckEntry(const Model& model) {
  if (!IsSource(model) && std::ranges::find(kEntries, model.entry) == kEntries.end())
    return Error("unknown entry point {}; they are {}", Quoted(model.entry),
                 fmt::join(kEntries, ", "));
  if (IsSource(model) && !model.gradients.empty())
    return Error("a source model has no gradients; they belong to the entry point train_step");
  return {};
}

Result<void> CheckOutputs(const Model& model) {
  if (IsSource(model) && model.graph.outputs().empty())
    return Error("the model has no output: it neither trains nor predicts nor computes anything");
  return {};
}

Result<void> CheckExpanded(const Model& model) {
  if (!model.expanded) return {};
  return ForEachNode(model.graph, [](const Node& node, std::span<const TensorType> operands) {
    return node.op->IsReplaced({operands, node.attributes})
               ? Error("a composite operator in an expanded model")
               : Result<void>();
  });
}

struct Invariant {
  int number;
  Result<void> (*check)(const Model&);
};

/// In the order of docs/ir.md; a check may rely on those before it.
constexpr Invariant kInvariants[] = {
    {1, CheckVersion},   {2, CheckText},           {3, CheckUnique},        {4, CheckClaims},
    {5, CheckOrder},     {6, CheckBodies},         {7, CheckNodeTypes},     {8, CheckNodeExprs},
    {9, CheckBatch},     {10, CheckNormalization}, {11, CheckInitializers}, {12, CheckParameters},
    {13, CheckNext},     {14, CheckPredictions},   {15, CheckMetrics},      {16, CheckLosses},
    {17, CheckPatterns}, {18, CheckUpdateValues},  {19, CheckEntry},        {20, CheckOutputs},
    {21, CheckExpanded},
};

}  // namespace

Result<void> VerifyNode(const Node& node, std::span<const TensorType> operands) {
  if (auto types = CheckTypes(node, operands); !types)
    return Error("V7: {}", types.error().message);
  if (auto expr = CheckExpr(node, operands); !expr) return Error("V8: {}", expr.error().message);
  return {};
}

Result<void> Verify(const Model& model) {
  for (const Invariant& invariant : kInvariants) {
    auto checked = invariant.check(model);
    if (checked) continue;
    Diagnostic diagnostic = std::move(checked).error();
    diagnostic.message = fmt::format("V{}: {}", invariant.number, diagnostic.message);
    return std::unexpected(std::move(diagnostic));
  }
  return {};
}

}  // namespace descent

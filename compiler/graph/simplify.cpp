#include "compiler/graph/simplify.h"

#include <algorithm>
#include <unordered_map>

#include "compiler/graph/transcribe.h"
#include "ir/op_def.h"

namespace descent {
namespace {

/// A rule with its patterns parsed.
struct ParsedRule {
  const Rule* rule;
  Pattern pattern, replacement;
};

ParsedRule Parsed(const Rule& rule) {
  return {&rule, ParsePattern(rule.pattern), ParsePattern(rule.replacement)};
}

/// Rules by the operator at their root.
const std::unordered_map<std::string_view, std::vector<ParsedRule>>& RulesByRoot() {
  static const auto* kRules = [] {
    auto* by_root = new std::unordered_map<std::string_view, std::vector<ParsedRule>>;
    for (const Rule& rule : Rules()) {
      ParsedRule parsed = Parsed(rule);
      if (parsed.pattern.name == "F") {
        for (const std::string_view op : rule.ops) (*by_root)[op].push_back(parsed);
      } else {
        const OpDef* op = FindOp(parsed.pattern.name);
        DESCENT_CHECK(op != nullptr, "a rule names an operator");
        (*by_root)[op->name].push_back(std::move(parsed));
      }
    }
    return by_root;
  }();
  return *kRules;
}

/// `value` broadcast to the type of what it replaces; nullopt where it does not fit.
std::optional<Value> FitTo(GraphBuilder& b, Value value, const TensorType& type) {
  if (b.type(value) == type) return value;
  if (b.dtype(value) != type.dtype) return std::nullopt;
  const auto expanded = b.TryAdd("expand", {value}, {{"shape", type.shape}});
  if (!expanded) return std::nullopt;
  return (*expanded)[0];
}

std::optional<Value> Apply(const ParsedRule& parsed, GraphBuilder& b, Value root,
                           const AddNode& add) {
  auto match = MatchPattern(parsed.pattern, parsed.rule->ops, b, root);
  if (!match) return std::nullopt;
  if (parsed.rule->condition != nullptr && !parsed.rule->condition(*match)) return std::nullopt;
  const TensorType type = b.type(root);
  const auto value = BuildPattern(parsed.replacement, *match, b, add);
  if (!value || *value == root) return std::nullopt;
  return FitTo(b, *value, type);
}

bool NamesComposite(const Pattern& pattern) {
  const OpDef* op = pattern.kind == Pattern::Kind::kCall ? FindOp(pattern.name) : nullptr;
  return (op != nullptr && op->is_composite()) ||
         std::ranges::any_of(pattern.operands, NamesComposite);
}

class Simplifier {
 public:
  Simplifier(GraphBuilder& b, bool expanded) : b_(b), expanded_(expanded) {}

  Value Simplify(Value value) {
    // Every rule makes a graph smaller or moves work towards the inputs, so this ends.
    static constexpr int kMaxRewrites = 1000;
    for (int rewrites = 0; rewrites < kMaxRewrites; ++rewrites) {
      const std::optional<Value> simpler = Once(value);
      if (!simpler) return value;
      value = *simpler;
    }
    InternalError(__FILE__, __LINE__, "the rules of Simplify run in circles");
  }

 private:
  std::optional<Value> Once(Value value) {
    if (b_.node(value).types.size() != 1) return std::nullopt;
    const auto rules = RulesByRoot().find(b_.node(value).op->name);
    if (rules == RulesByRoot().end()) return std::nullopt;
    const AddNode add = [this, value](std::string_view op, std::vector<Value> operands,
                                      Attributes attributes) -> Result<Value> {
      DESCENT_TRY(values, b_.TryAdd(op, std::move(operands), std::move(attributes)));
      // A rule that gives what was there already (operands in their order) has not applied.
      return values[0] == value ? value : Simplify(values[0]);
    };
    for (const ParsedRule& rule : rules->second) {
      if (expanded_ && NamesComposite(rule.replacement)) continue;
      if (const auto simpler = Apply(rule, b_, value, add)) return simpler;
    }
    return std::nullopt;
  }

  GraphBuilder& b_;
  bool expanded_;
};

Result<std::optional<std::vector<Value>>> SimplifyNode(GraphBuilder& b, const Node& node,
                                                       std::span<const Value> operands,
                                                       bool expanded) {
  // Operators with bodies and with several results have no rules; Transcribe simplifies the bodies.
  if (node.types.size() != 1 || !RulesByRoot().contains(node.op->name)) return std::nullopt;
  const std::string origin = b.origin();
  const Section section = b.section();
  b.SetOrigin("", Section::kForward);
  DESCENT_TRY(copy, b.Copy(node, {operands.begin(), operands.end()}));
  b.SetOrigin(origin, section);
  return std::vector{Simplifier(b, expanded).Simplify(copy[0])};
}

}  // namespace

std::optional<Value> ApplyRule(const Rule& rule, GraphBuilder& b, Value root) {
  const AddNode add = [&](std::string_view op, std::vector<Value> operands,
                          Attributes attributes) -> Result<Value> {
    DESCENT_TRY(values, b.TryAdd(op, std::move(operands), std::move(attributes)));
    return values[0];
  };
  return Apply(Parsed(rule), b, root, add);
}

Result<Graph> SimplifyGraph(const Graph& graph, bool expanded) {
  return Transcribe(graph,
                    [expanded](GraphBuilder& b, const Node& node, std::span<const Value> operands) {
                      return SimplifyNode(b, node, operands, expanded);
                    });
}

Result<Model> Simplify(Model model, const PassOptions&) {
  DESCENT_TRY(graph, SimplifyGraph(model.graph, model.expanded));
  model.graph = std::move(graph);
  return model;
}

}  // namespace descent

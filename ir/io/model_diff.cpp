#include "ir/io/model_diff.h"

#include <algorithm>
#include <set>
#include <unordered_map>

#include "ir/io/text_graph_printer.h"
#include "ir/io/text_statements.h"
#include "ir/op_def.h"

namespace descent {
namespace {

constexpr size_t kMaxShownCharacters = 60;

using Differences = std::vector<std::string>;

/// Numbers nodes of several graphs so that equal computations on inputs of equal names get one
/// number.
class NodeClasses {
 public:
  std::vector<int32_t> Classify(const Graph& graph) {
    std::vector<int32_t> classes;
    std::unordered_map<int32_t, std::string_view> input_names;
    for (const NamedValue& input : graph.inputs()) input_names[input.value.node] = input.name;
    for (size_t i = 0; i < graph.nodes().size(); ++i) {
      const Node& node = graph.nodes()[i];
      Key key = {.op = node.op, .types = &node.types, .attributes = &node.attributes};
      if (node.op->leaf == Leaf::kInput) key.input = input_names[static_cast<int32_t>(i)];
      for (const Value operand : node.operands)
        key.operands.push_back({classes[operand.node], operand.result});
      classes.push_back(Number(std::move(key)));
    }
    return classes;
  }

 private:
  struct Key {
    const OpDef* op;
    const std::vector<TensorType>* types;
    const Attributes* attributes;
    std::string_view input = {};  ///< of an input, whose attributes hold its position
    std::vector<Value> operands = {};
  };

  static size_t Hash(const Key& key) {
    size_t hash = std::hash<const void*>()(key.op) ^ std::hash<std::string_view>()(key.input);
    if (key.op->leaf != Leaf::kInput) hash ^= HashAttributes(*key.attributes);
    for (const Value operand : key.operands)
      hash = hash * 1000003 + static_cast<size_t>(operand.node) * 8 + operand.result;
    return hash;
  }
  static bool Same(const Key& a, const Key& b) {
    return a.op == b.op && a.input == b.input && *a.types == *b.types && a.operands == b.operands &&
           (a.op->leaf == Leaf::kInput || SameAttributes(*a.attributes, *b.attributes));
  }
  int32_t Number(Key key) {
    const auto [first, last] = known_.equal_range(Hash(key));
    for (auto place = first; place != last; ++place)
      if (Same(keys_[place->second], key)) return place->second;
    const auto number = static_cast<int32_t>(keys_.size());
    known_.emplace(Hash(key), number);
    keys_.push_back(std::move(key));
    return number;
  }

  std::vector<Key> keys_;
  std::unordered_multimap<size_t, int32_t> known_;
};

/// A window on a long text such that the character after the first `same` ones, where it begins to
/// differ from another, is seen.
std::string Shortened(std::string text, size_t same = 0) {
  constexpr size_t kBefore = kMaxShownCharacters / 3;
  constexpr std::string_view kDots = "...";
  std::ranges::replace(text, '\n', ' ');
  if (text.size() <= kMaxShownCharacters) return text;
  const size_t begin = same + kBefore < kMaxShownCharacters ? 0 : same - kBefore;
  std::string shown(begin > 0 ? kDots : "");
  const size_t rest = text.size() - begin, room = kMaxShownCharacters - shown.size();
  if (rest <= room) return shown + text.substr(begin);
  return shown + text.substr(begin, room - kDots.size()) + std::string(kDots);
}

std::string ShowAttribute(const Attribute* attribute) {
  if (attribute == nullptr) return "none";
  if (const auto* body = std::get_if<std::shared_ptr<const Graph>>(attribute))
    return fmt::format("a body of {} nodes", (*body)->nodes().size());
  return Shortened(PrintAttribute(*attribute));
}

void DiffGraphs(const Graph& a, const Graph& b, const std::string& place, Differences& out);

/// Walks from a pair of outputs down to where the graphs part.
class GraphDiff {
 public:
  GraphDiff(const Graph& a, const Graph& b, std::string place, Differences& out)
      : a_(a), b_(b), place_(std::move(place)), out_(out) {
    NodeClasses classes;
    classes_a_ = classes.Classify(a);
    classes_b_ = classes.Classify(b);
  }

  void Run() {
    for (const NamedValue& output : a_.outputs()) {
      const NamedValue* other = b_.FindOutput(output.name);
      if (other == nullptr) {
        Add(fmt::format("output {} is only in the first", Quoted(output.name)));
      } else {
        Compare(output.value, other->value, fmt::format("output {}", Quoted(output.name)));
      }
    }
    for (const NamedValue& output : b_.outputs())
      if (a_.FindOutput(output.name) == nullptr)
        Add(fmt::format("output {} is only in the second", Quoted(output.name)));
    // A stack, as graphs are too deep for recursion; `seen_` keeps pairs from being walked twice.
    while (!pairs_.empty() && out_.size() <= kMaxDifferences) {
      const auto [x, y] = pairs_.back();
      pairs_.pop_back();
      Nodes(x, y);
    }
    CompareOrder(a_.inputs(), b_.inputs(), "inputs");
    CompareOrder(a_.outputs(), b_.outputs(), "outputs");
  }

 private:
  void Add(std::string difference) { out_.push_back(place_ + std::move(difference)); }
  bool Same(Value x, Value y) const {
    return classes_a_[x.node] == classes_b_[y.node] && x.result == y.result;
  }

  void Compare(Value x, Value y, const std::string& role) {
    if (Same(x, y)) return;
    const bool other_result = classes_a_[x.node] == classes_b_[y.node];
    const bool inputs = a_.node(x).op->leaf == Leaf::kInput || b_.node(y).op->leaf == Leaf::kInput;
    if (other_result || (inputs && a_.NameOf(x) != b_.NameOf(y))) {
      Add(fmt::format("{}: {} -> {}", role, Quoted(a_.NameOf(x)), Quoted(b_.NameOf(y))));
    } else if (seen_.emplace(x.node, y.node).second) {
      pairs_.emplace_back(x.node, y.node);
    }
  }

  void Nodes(int32_t x, int32_t y) {
    const Node& p = a_.nodes()[x];
    const Node& q = b_.nodes()[y];
    const std::string value = fmt::format("value {}", Quoted(a_.NameOf({x, 0})));
    const std::string named = a_.NameOf({x, 0}) == b_.NameOf({y, 0})
                                  ? value
                                  : fmt::format("{} / {}", value, Quoted(b_.NameOf({y, 0})));
    if (p.op != q.op)
      return Add(fmt::format("{}: operator {} -> {}", named, p.op->name, q.op->name));
    // The types of inputs are compared with their declarations, where there are any.
    if (p.op->leaf == Leaf::kInput) return;
    CompareAttributes(p, q, named);
    if (p.operands.size() != q.operands.size())
      return Add(fmt::format("{}: {} operands -> {}", named, p.operands.size(), q.operands.size()));
    for (size_t i = 0; i < p.operands.size(); ++i)
      Compare(p.operands[i], q.operands[i], fmt::format("{}, operand {}", named, i));
  }

  void CompareAttributes(const Node& p, const Node& q, const std::string& named) {
    for (const AttributeSpec& spec : p.op->signature.attributes) {
      const Attribute* left = p.attributes.Find(spec.name);
      const Attribute* right = q.attributes.Find(spec.name);
      if (left == right || (left && right && SameAttribute(*left, *right))) continue;
      if (left && right && spec.kind == AttributeKind::kGraph) {
        DiffGraphs(p.attributes.Body(spec.name), q.attributes.Body(spec.name),
                   fmt::format("{}{}, {}: ", place_, named, spec.name), out_);
      } else {
        Add(fmt::format("{}: {} {} -> {}", named, spec.name, ShowAttribute(left),
                        ShowAttribute(right)));
      }
    }
  }

  void CompareOrder(std::span<const NamedValue> x, std::span<const NamedValue> y,
                    std::string_view what) {
    std::vector<std::string_view> left, right;
    for (const NamedValue& each : x) left.push_back(each.name);
    for (const NamedValue& each : y) right.push_back(each.name);
    if (left != right && std::ranges::is_permutation(left, right))
      Add(fmt::format("the order of the {} differs", what));
  }

  const Graph& a_;
  const Graph& b_;
  std::string place_;
  Differences& out_;
  std::vector<int32_t> classes_a_, classes_b_;
  std::set<std::pair<int32_t, int32_t>> seen_;
  std::vector<std::pair<int32_t, int32_t>> pairs_;
};

void DiffGraphs(const Graph& a, const Graph& b, const std::string& place, Differences& out) {
  for (const NamedValue& input : a.inputs()) {
    const NamedValue* other = b.FindInput(input.name);
    if (other == nullptr && !place.empty())
      out.push_back(fmt::format("{}input {} is only in the first", place, Quoted(input.name)));
    if (other != nullptr && !place.empty() && a.type(input.value) != b.type(other->value))
      out.push_back(fmt::format("{}input {}: {} -> {}", place, Quoted(input.name),
                                ToString(a.type(input.value)), ToString(b.type(other->value))));
  }
  for (const NamedValue& input : b.inputs())
    if (a.FindInput(input.name) == nullptr && !place.empty())
      out.push_back(fmt::format("{}input {} is only in the second", place, Quoted(input.name)));
  GraphDiff(a, b, place, out).Run();
}

/// "left -> right", shortened; where that hides the difference, it says so.
std::string Change(const std::string& left, const std::string& right) {
  if (left == right) return fmt::format("{} with other data", Shortened(left));
  const size_t same = std::ranges::mismatch(left, right).in1 - left.begin();
  return fmt::format("{} -> {}", Shortened(left, same), Shortened(right, same));
}

/// Compares two lists of named things by their statements. `what` names the kind of an item.
template <typename T, typename What, typename Show>
void DiffNamed(const std::vector<T>& a, const std::vector<T>& b, What what, Show show,
               Differences& out) {
  std::unordered_map<std::string_view, const T*> others, own;
  for (const T& item : b) others.emplace(item.name, &item);
  for (const T& item : a) {
    own.emplace(item.name, &item);
    const auto other = others.find(item.name);
    const std::string name = fmt::format("{} {}", what(item), Quoted(item.name));
    if (other == others.end()) {
      out.push_back(name + " is only in the first");
    } else if (const auto [left, right] = show(item, *other->second); left != right) {
      out.push_back(fmt::format("{}: {}", name, Change(left, right)));
    }
  }
  for (const T& item : b)
    if (!own.contains(item.name))
      out.push_back(fmt::format("{} {} is only in the second", what(item), Quoted(item.name)));
}

void DiffUpdates(const Model& a, const Model& b, Differences& out) {
  const size_t count = std::max(a.updates.size(), b.updates.size());
  for (size_t i = 0; i < count; ++i) {
    const auto show = [i](const Model& model) {
      return i < model.updates.size() ? StatementOf(model.updates[i]) : std::string("none");
    };
    if (show(a) != show(b))
      out.push_back(fmt::format("update {}: {}", i + 1, Change(show(a), show(b))));
  }
}

void DiffSettings(const Model& a, const Model& b, Differences& out) {
  const auto setting = [&](std::string_view name, const auto& left, const auto& right) {
    if (left != right) out.push_back(fmt::format("{}: {} -> {}", name, left, right));
  };
  setting("name", Quoted(a.name), Quoted(b.name));
  setting("entry", Quoted(a.entry), Quoted(b.entry));
  setting("expanded", a.expanded, b.expanded);
  setting("batch", a.batch, b.batch);
  setting("evaluate_batch", a.evaluate_batch, b.evaluate_batch);
  setting("predict_batch", a.predict_batch, b.predict_batch);
  setting("keep_partial_batch", a.keep_partial_batch, b.keep_partial_batch);
  setting("gradients", fmt::format("{}", fmt::join(a.gradients, ", ")),
          fmt::format("{}", fmt::join(b.gradients, ", ")));
}

}  // namespace

std::vector<std::string> DiffModels(const Model& a, const Model& b) {
  Differences out;
  DiffSettings(a, b, out);
  const auto statements = [](const auto& left, const auto& right) {
    return std::pair(StatementOf(left), StatementOf(right));
  };
  const auto as = [](std::string_view what) { return [what](const auto&) { return what; }; };
  DiffNamed(
      a.inputs, b.inputs, as("input"),
      [&](const InputBinding& left, const InputBinding& right) {
        return std::pair(StatementOf(left, a), StatementOf(right, b));
      },
      out);
  DiffNamed(
      a.slots, b.slots, [](const Slot& slot) { return ToString(slot.kind); }, statements, out);
  DiffNamed(a.predictions, b.predictions, as("prediction"), statements, out);
  DiffNamed(a.metrics, b.metrics, as("metric"), statements, out);
  DiffUpdates(a, b, out);
  DiffGraphs(a.graph, b.graph, "", out);
  if (out.size() > kMaxDifferences) {
    out.resize(kMaxDifferences);
    out.push_back("and more");
  }
  return out;
}

}  // namespace descent

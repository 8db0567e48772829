#include "ir/io/text_printer.h"

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include "ir/io/text_graph_printer.h"
#include "ir/io/text_statements.h"
#include "ir/io/text_syntax.h"
#include "ir/op_def.h"

namespace descent {
namespace {

class ModelPrinter {
 public:
  explicit ModelPrinter(const Model& model)
      : model_(model), printer_(model.graph, kStatementIndent) {}

  std::string Print() &&;

 private:
  /// Statements of one group stand together; a blank line parts groups, and precedes comment lines.
  enum class Group { kNone, kSettings, kInputs, kSlots, kNodes, kOutputs, kTasks };

  void Begin(Group group, std::string_view comment);
  void Line(Group group, std::string_view comment, std::string_view text,
            std::string_view trailing);
  /// A statement whose comments are kept under `key`.
  void KeyedLine(Group group, const std::string& key, std::string_view text);
  StatementComment TakeComment(const std::string& key);

  void Settings();
  void Declarations();
  void Nodes();
  void Outputs();
  void Tasks();
  size_t ExplicitOutputs() const;
  std::vector<std::string_view> ImpliedOutputs() const;
  std::string Unread(std::string_view name) const {
    return inputs_.contains(name) ? "" : " unread";
  }

  const Model& model_;
  GraphPrinter printer_;
  std::unordered_map<std::string, size_t> taken_;  ///< comments of a statement that are printed
  std::unordered_set<std::string_view> inputs_;
  std::string text_;
  Group group_ = Group::kNone;
};

void ModelPrinter::Begin(Group group, std::string_view comment) {
  if (group_ != Group::kNone && (group_ != group || !comment.empty())) text_ += "\n";
  group_ = group;
  text_ += PrintCommentLines(comment, kStatementIndent);
}

void ModelPrinter::Line(Group group, std::string_view comment, std::string_view text,
                        std::string_view trailing) {
  Begin(group, comment);
  text_ +=
      fmt::format("{}{}{}\n", std::string(kStatementIndent, ' '), text, PrintTrailing(trailing));
}

StatementComment ModelPrinter::TakeComment(const std::string& key) {
  const auto& comments = model_.comments;
  const auto first = std::ranges::lower_bound(comments, key, {}, &StatementComment::statement);
  const size_t index = static_cast<size_t>(first - comments.begin()) + taken_[key];
  if (index >= comments.size() || comments[index].statement != key) return {};
  ++taken_[key];
  return comments[index];
}

void ModelPrinter::KeyedLine(Group group, const std::string& key, std::string_view text) {
  const StatementComment comment = TakeComment(key);
  Line(group, comment.comment, text, comment.trailing);
}

void ModelPrinter::Settings() {
  const auto size = [&](const std::string& keyword, int64_t value) {
    if (value != 0) KeyedLine(Group::kSettings, keyword, fmt::format("{} {}", keyword, value));
  };
  if (!model_.entry.empty())
    KeyedLine(Group::kSettings, "entry", "entry " + PrintName(model_.entry));
  if (model_.expanded) KeyedLine(Group::kSettings, "expanded", "expanded");
  size("batch", model_.batch);
  size("evaluate_batch", model_.evaluate_batch);
  size("predict_batch", model_.predict_batch);
  if (model_.keep_partial_batch)
    KeyedLine(Group::kSettings, "keep_partial_batch", "keep_partial_batch");
}

// ---- inputs and slots -----------------------------------------------------------------------

/// Declarations stand in the order of the graph's inputs; those that the graph does not read stand
/// behind the one before them in their own list.
void ModelPrinter::Declarations() {
  std::unordered_map<std::string_view, size_t> input_at, slot_at;
  for (size_t i = 0; i < model_.inputs.size(); ++i) input_at.emplace(model_.inputs[i].name, i);
  for (size_t i = 0; i < model_.slots.size(); ++i) slot_at.emplace(model_.slots[i].name, i);
  for (const NamedValue& input : model_.graph.inputs()) inputs_.insert(input.name);
  size_t next_input = 0, next_slot = 0;
  const auto inputs_until = [&](size_t end) {
    for (; next_input < end; ++next_input) {
      const InputBinding& input = model_.inputs[next_input];
      Line(Group::kInputs, input.comment, StatementOf(input, model_) + Unread(input.name),
           input.trailing);
    }
  };
  const auto slots_until = [&](size_t end) {
    for (; next_slot < end; ++next_slot) {
      const Slot& slot = model_.slots[next_slot];
      Line(Group::kSlots, slot.comment, StatementOf(slot) + Unread(slot.name), slot.trailing);
    }
  };
  const auto unread_inputs = [&] {
    while (next_input < model_.inputs.size() && !inputs_.contains(model_.inputs[next_input].name))
      inputs_until(next_input + 1);
  };
  const auto unread_slots = [&] {
    while (next_slot < model_.slots.size() && !inputs_.contains(model_.slots[next_slot].name))
      slots_until(next_slot + 1);
  };
  unread_inputs();
  for (const NamedValue& input : model_.graph.inputs()) {
    if (const auto place = input_at.find(input.name); place != input_at.end()) {
      inputs_until(place->second + 1);
      unread_inputs();
    } else if (const auto slot = slot_at.find(input.name); slot != slot_at.end()) {
      unread_slots();
      slots_until(slot->second + 1);
      unread_slots();
    }
  }
  inputs_until(model_.inputs.size());
  slots_until(model_.slots.size());
}

// ---- nodes and outputs ----------------------------------------------------------------------

void ModelPrinter::Nodes() {
  Section section = Section::kForward;
  for (const int32_t number : printer_.order().nodes) {
    const Node& node = model_.graph.nodes()[number];
    if (node.op->leaf == Leaf::kInput || printer_.order().in_place[number]) continue;
    const bool heading = node.label.section != section;
    if (heading) {
      section = node.label.section;
      const std::string text = fmt::format("section {}", ToString(section));
      const StatementComment comment = TakeComment(text);
      group_ = group_ == Group::kNone ? group_ : Group::kSettings;  // a blank line before it
      Line(Group::kNodes, comment.comment, text, comment.trailing);
    }
    if (group_ != Group::kNone &&
        (group_ != Group::kNodes || (!heading && !node.label.comment.empty())))
      text_ += "\n";
    group_ = Group::kNodes;
    text_ += printer_.Statement(number);
  }
}

/// The outputs that a source model's other statements ask for, in the order in which the parser
/// adds them.
std::vector<std::string_view> ModelPrinter::ImpliedOutputs() const {
  std::vector<std::string_view> names;
  if (!model_.entry.empty()) return names;
  for (const Prediction& prediction : model_.predictions) names.push_back(prediction.name);
  for (const Metric& metric : model_.metrics)
    for (const std::string& operand : metric.operands)
      if (!inputs_.contains(operand)) names.push_back(operand);
  for (const Update& update : model_.updates) names.push_back(update.loss);
  for (const Slot& slot : model_.slots)
    if (!slot.next.empty()) names.push_back(slot.next);
  return names;
}

/// How many of the graph's outputs need a statement of their own: the rest is implied, in this
/// order.
size_t ModelPrinter::ExplicitOutputs() const {
  const auto outputs = model_.graph.outputs();
  std::unordered_map<std::string_view, size_t> implied;
  for (const std::string_view name : ImpliedOutputs()) implied.emplace(name, implied.size());
  size_t first = outputs.size();
  size_t after = implied.size();
  while (first > 0) {
    const NamedValue& output = outputs[first - 1];
    const auto place = implied.find(output.name);
    if (place == implied.end() || place->second >= after ||
        !printer_.IsCalled(output.value, output.name))
      break;
    after = place->second;
    --first;
  }
  return first;
}

void ModelPrinter::Outputs() {
  const size_t count = ExplicitOutputs();
  for (const NamedValue& output : model_.graph.outputs().first(count)) {
    std::string text = "output " + PrintName(output.name);
    if (!printer_.IsCalled(output.value, output.name))
      text += " = " + printer_.Reference(output.value);
    KeyedLine(Group::kOutputs, "output " + output.name, text);
  }
  for (const std::string& gradient : model_.gradients)
    KeyedLine(Group::kOutputs, "gradient " + gradient, "gradient " + PrintName(gradient));
}

void ModelPrinter::Tasks() {
  const auto lines = [&](const auto& items) {
    for (const auto& item : items)
      Line(Group::kTasks, item.comment, StatementOf(item), item.trailing);
  };
  lines(model_.predictions);
  lines(model_.metrics);
  lines(model_.updates);
}

std::string ModelPrinter::Print() && {
  const StatementComment version = TakeComment("descent"), head = TakeComment("model");
  text_ = PrintCommentLines(model_.comment, 0);
  text_ += fmt::format("descent {}{}\n\n", model_.format_version, PrintTrailing(version.trailing));
  text_ += PrintCommentLines(head.comment, 0);
  text_ += fmt::format("model {} {{{}\n", PrintName(model_.name), PrintTrailing(head.trailing));
  Settings();
  Declarations();
  Nodes();
  Outputs();
  Tasks();
  const StatementComment close = TakeComment("}");
  text_ += PrintCommentLines(close.comment, kStatementIndent);
  text_ += "}" + PrintTrailing(close.trailing) + "\n";
  text_ += PrintCommentLines(TakeComment("end").comment, 0);
  return std::move(text_);
}

}  // namespace

std::string PrintText(const Model& model) { return ModelPrinter(model).Print(); }

}  // namespace descent

#include "frontends/cli/inspect/summary.h"

#include <algorithm>
#include <set>

#include "compiler/graph/flops.h"
#include "compiler/graph/pipeline.h"
#include "compiler/graph/specialize.h"
#include "ir/io/text_statements.h"
#include "ir/op_def.h"

namespace descent::cli {
namespace {

/// "1,234,567"
std::string Grouped(int64_t number) {
  std::string digits = fmt::format("{}", number);
  for (auto at = static_cast<int64_t>(digits.size()) - 3; at > (number < 0 ? 1 : 0); at -= 3)
    digits.insert(static_cast<size_t>(at), ",");
  return digits;
}

Summary::Row RowOf(const Graph& graph, const Model& model, size_t number,
                   std::set<int32_t>& counted) {
  const Node& node = graph.nodes()[number];
  Summary::Row row;
  for (size_t result = 0; result < node.types.size(); ++result) {
    const Value value{static_cast<int32_t>(number), static_cast<int32_t>(result)};
    row.value += (result > 0 ? ", " : "") + graph.NameOf(value);
    row.type += (result > 0 ? ", " : "") + ToString(node.types[result]);
  }
  row.op = node.op->name;
  for (const Value operand : node.operands) {
    const Slot* slot = model.FindSlot(graph.NameOf(operand));
    const bool parameter = slot != nullptr && graph.node(operand).op->leaf == Leaf::kInput &&
                           slot->kind == SlotKind::kParameter;
    if (parameter && counted.insert(operand.node).second) row.parameters += slot->type.elements();
  }
  row.flops = FlopsOf(graph, node);
  return row;
}

Result<void> AddEntries(Summary& summary) {
  const Model& model = *summary.model;
  for (const std::string& entry : EntryPoints(model)) {
    PipelineOptions options;
    options.pass.entry = entry;
    DESCENT_TRY(optimized, RunPasses(model, StandardPasses(model), options));
    summary.entries.push_back({.name = entry,
                               .batch = optimized.batch,
                               .nodes = static_cast<int64_t>(optimized.graph.nodes().size()),
                               .flops = ModelFlops(optimized.graph)});
  }
  for (const Slot& slot : StateSlots(model))
    if (slot.kind == SlotKind::kOptimizer) summary.optimizer_bytes += slot.type.bytes();
  return {};
}

size_t Width(const std::vector<Summary::Row>& rows, std::string Summary::Row::* column,
             std::string_view title) {
  size_t width = title.size();
  for (const Summary::Row& row : rows) width = std::max(width, (row.*column).size());
  return width;
}

std::string Table(const Summary& summary) {
  const auto& rows = summary.rows;
  const size_t value = Width(rows, &Summary::Row::value, "value");
  const size_t op = Width(rows, &Summary::Row::op, "operator");
  const size_t type = Width(rows, &Summary::Row::type, "shape");
  const std::string rule(value + op + type + 34, '-');
  std::string text = fmt::format("{:<{}}  {:<{}}  {:<{}}  {:>12}  {:>14}\n{}\n", "value", value,
                                 "operator", op, "shape", type, "parameters", "FLOPs", rule);
  for (const Summary::Row& row : rows)
    text += fmt::format("{:<{}}  {:<{}}  {:<{}}  {:>12}  {:>14}\n", row.value, value, row.op, op,
                        row.type, type, Grouped(row.parameters), Grouped(row.flops));
  return text + rule + "\n";
}

}  // namespace

Result<Summary> Summarize(const Model& model) {
  Summary summary{.model = &model};
  std::set<int32_t> counted;
  const auto nodes = model.graph.nodes();
  for (size_t number = 0; number < nodes.size(); ++number) {
    const Node& node = nodes[number];
    const bool data =
        node.op->leaf == Leaf::kInput && model.FindInput(node.label.names.front()) != nullptr;
    if (node.op->leaf == Leaf::kNone || data)
      summary.rows.push_back(RowOf(model.graph, model, number, counted));
  }
  for (const Slot& slot : model.slots) {
    if (slot.kind == SlotKind::kOptimizer) summary.optimizer_bytes += slot.type.bytes();
    if (slot.kind != SlotKind::kParameter) continue;
    (slot.trainable ? summary.trainable : summary.fixed) += slot.type.elements();
    summary.parameter_bytes += slot.type.bytes();
  }
  summary.flops = FlopsOf(model.graph);
  if (model.entry.empty()) DESCENT_RETURN_IF_ERROR(AddEntries(summary));
  return summary;
}

std::string SummaryText(const Summary& summary) {
  constexpr std::string_view kTrain = "train ";
  const Model& model = *summary.model;
  std::string text = fmt::format("Model {}", model.name);
  if (!model.entry.empty()) text += fmt::format(", entry point {}", model.entry);
  if (model.batch > 0) text += fmt::format(", batch {}", model.batch);
  text += "\n\n" + Table(summary);
  text += fmt::format("Parameters       {} ({} bytes): {} trainable, {} fixed\n",
                      Grouped(summary.trainable + summary.fixed), Grouped(summary.parameter_bytes),
                      Grouped(summary.trainable), Grouped(summary.fixed));
  if (summary.optimizer_bytes > 0)
    text += fmt::format("Optimizer state  {} bytes\n", Grouped(summary.optimizer_bytes));
  text += fmt::format("FLOPs            {} a call of the graph above\n", Grouped(summary.flops));
  for (const Update& update : model.updates)
    text += fmt::format("Training         {}\n", StatementOf(update).substr(kTrain.size()));
  if (!summary.entries.empty()) text += "\nEntry point        batch   nodes           FLOPs\n";
  for (const Summary::EntryCost& entry : summary.entries)
    text += fmt::format("{:<14}  {:>8}  {:>6}  {:>14}\n", entry.name,
                        entry.batch > 0 ? fmt::format("{}", entry.batch) : "-", entry.nodes,
                        Grouped(entry.flops));
  return text;
}

void WriteSummary(const Summary& summary, JsonWriter& json) {
  json.Key("values").BeginArray();
  for (const Summary::Row& row : summary.rows) {
    json.BeginObject();
    json.Key("value").String(row.value);
    json.Key("operator").String(row.op);
    json.Key("type").String(row.type);
    json.Key("parameters").Integer(row.parameters);
    json.Key("flops").Integer(row.flops);
    json.EndObject();
  }
  json.EndArray();
  json.Key("trainable_parameters").Integer(summary.trainable);
  json.Key("fixed_parameters").Integer(summary.fixed);
  json.Key("parameter_bytes").Integer(summary.parameter_bytes);
  json.Key("optimizer_bytes").Integer(summary.optimizer_bytes);
  json.Key("flops").Integer(summary.flops);
  json.Key("entries").BeginArray();
  for (const Summary::EntryCost& entry : summary.entries) {
    json.BeginObject();
    json.Key("name").String(entry.name);
    json.Key("batch").Integer(entry.batch);
    json.Key("nodes").Integer(entry.nodes);
    json.Key("flops").Integer(entry.flops);
    json.EndObject();
  }
  json.EndArray();
}

}  // namespace descent::cli

#include "compiler/hyperparameter_list.h"

#include <fmt/format.h>

#include "compiler/graph/optimizers.h"

namespace descent {
namespace {

std::string Printed(const Attribute& value) {
  if (const auto* number = std::get_if<double>(&value)) return fmt::format("{}", *number);
  if (const auto* integer = std::get_if<int64_t>(&value)) return fmt::format("{}", *integer);
  if (const auto* flag = std::get_if<bool>(&value)) return *flag ? "true" : "false";
  if (const auto* list = std::get_if<std::vector<double>>(&value))
    return fmt::format("[{}]", fmt::join(*list, ", "));
  if (const auto* word = std::get_if<std::string>(&value)) return *word;
  return "";
}

}  // namespace

std::vector<std::pair<std::string, std::string>> HyperparameterList(const Model& source) {
  std::vector<std::pair<std::string, std::string>> list;
  for (size_t i = 0; i < source.updates.size(); ++i) {
    const Update& update = source.updates[i];
    const std::string place = source.updates.size() > 1 ? fmt::format("updates[{}].", i) : "";
    const auto add = [&](const std::string& name, std::string value) {
      list.emplace_back(place + name, std::move(value));
    };
    if (update.parameters != "*") add("over", update.parameters);
    add("optimizer", update.optimizer);
    for (const auto& [name, value] : HyperparametersOf(update))
      add("optimizer." + name, Printed(value));
    add("schedule", update.schedule);
    for (const auto& [name, value] : ScheduleParametersOf(update))
      add("schedule." + name, Printed(value));
    if (update.clip_value) add("clip_value", fmt::format("{}", *update.clip_value));
    if (update.clip_norm) add("clip_norm", fmt::format("{}", *update.clip_norm));
    if (update.every != 1) add("every", fmt::format("{}", update.every));
  }
  for (const Slot& slot : source.slots) {
    if (slot.l1 != 0) list.emplace_back(slot.name + ".l1", fmt::format("{}", slot.l1));
    if (slot.l2 != 0) list.emplace_back(slot.name + ".l2", fmt::format("{}", slot.l2));
    if (slot.weight_decay)
      list.emplace_back(slot.name + ".weight_decay", fmt::format("{}", *slot.weight_decay));
  }
  return list;
}

}  // namespace descent

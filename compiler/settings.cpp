#include "compiler/settings.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <functional>
#include <map>
#include <optional>
#include <string_view>
#include <vector>

#include "compiler/graph/optimizers.h"
#include "compiler/kernel/lower_model.h"
#include "ir/op_def.h"
#include "ir/verify.h"

namespace descent {
namespace {

struct Setting {
  std::string_view name, value;
};

std::optional<double> ParseNumber(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<int64_t> ParseInteger(std::string_view text) {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<bool> ParseBool(std::string_view text) {
  if (text == "true") return true;
  if (text == "false") return false;
  return std::nullopt;
}

std::unexpected<Diagnostic> BadValue(const Setting& setting, std::string_view wanted) {
  return Error("{} takes {}, not {}", Quoted(setting.name), wanted, Quoted(setting.value));
}

Result<double> Number(const Setting& setting) {
  const auto number = ParseNumber(setting.value);
  if (!number) return BadValue(setting, "a number");
  return *number;
}

// ---- updates -----------------------------------------------------------------------------------

/// Hyperparameters are floats, bools and words, as in the text of a model.
Attribute Hyperparameter(std::string_view text) {
  if (const auto number = ParseNumber(text)) return *number;
  if (const auto flag = ParseBool(text)) return *flag;
  return std::string(text);
}

struct UpdateSetting {
  std::string_view name;
  Result<void> (*apply)(const Setting& setting, Update& update);
};

Result<void> SetOptimizer(const Setting& setting, Update& update) {
  const Attribute* rate = update.hyperparameters.Find("learning_rate");
  Attributes kept;
  if (rate != nullptr) kept.Set("learning_rate", *rate);
  update.optimizer = setting.value;
  update.hyperparameters = std::move(kept);
  return {};
}

constexpr UpdateSetting kUpdateSettings[] = {
    {"optimizer", SetOptimizer},
    {"learning_rate",
     [](const Setting& setting, Update& update) -> Result<void> {
       update.hyperparameters.Set("learning_rate", Hyperparameter(setting.value));
       return {};
     }},
    {"schedule",
     [](const Setting& setting, Update& update) -> Result<void> {
       update.schedule = setting.value;
       update.schedule_parameters = {};
       return {};
     }},
    {"clip_value",
     [](const Setting& setting, Update& update) -> Result<void> {
       DESCENT_TRY(number, Number(setting));
       update.clip_value = number;
       return {};
     }},
    {"clip_norm",
     [](const Setting& setting, Update& update) -> Result<void> {
       DESCENT_TRY(number, Number(setting));
       update.clip_norm = number;
       return {};
     }},
    {"every",
     [](const Setting& setting, Update& update) -> Result<void> {
       const auto every = ParseInteger(setting.value);
       if (!every || *every < 1) return BadValue(setting, "a whole number above 0");
       update.every = *every;
       return {};
     }},
};

/// Whether the setting was one of an update.
Result<bool> SetInUpdate(const Setting& setting, Update& update) {
  if (setting.name.starts_with("optimizer.")) {
    update.hyperparameters.Set(std::string(setting.name.substr(10)), Hyperparameter(setting.value));
    return true;
  }
  if (setting.name.starts_with("schedule.")) {
    update.schedule_parameters.Set(std::string(setting.name.substr(9)),
                                   Hyperparameter(setting.value));
    return true;
  }
  const auto row = std::ranges::find(kUpdateSettings, setting.name, &UpdateSetting::name);
  if (row == std::end(kUpdateSettings)) return false;
  DESCENT_RETURN_IF_ERROR(row->apply(setting, update));
  return true;
}

Result<bool> SetInUpdates(const Setting& setting, Model& model) {
  constexpr std::string_view kIndexed = "updates[";
  if (setting.name.starts_with(kIndexed)) {
    const size_t close = setting.name.find("].");
    const auto index =
        close == std::string_view::npos
            ? std::nullopt
            : ParseInteger(setting.name.substr(kIndexed.size(), close - kIndexed.size()));
    if (!index) return Error("{} is not of the form updates[N].NAME", Quoted(setting.name));
    if (*index < 0 || *index >= static_cast<int64_t>(model.updates.size()))
      return Error("the model has {}, counted from 0", Counted(model.updates.size(), "update"));
    return SetInUpdate({setting.name.substr(close + 2), setting.value}, model.updates[*index]);
  }
  bool known = false;
  for (Update& update : model.updates) {
    DESCENT_TRY(done, SetInUpdate(setting, update));
    known |= done;
  }
  return known;
}

// ---- parameters --------------------------------------------------------------------------------

struct ParameterSetting {
  std::string_view name;
  Result<void> (*apply)(const Setting& setting, Slot& slot);
};

constexpr ParameterSetting kParameterSettings[] = {
    {"l1",
     [](const Setting& setting, Slot& slot) -> Result<void> {
       DESCENT_TRY(number, Number(setting));
       slot.l1 = number;
       return {};
     }},
    {"l2",
     [](const Setting& setting, Slot& slot) -> Result<void> {
       DESCENT_TRY(number, Number(setting));
       slot.l2 = number;
       return {};
     }},
    {"weight_decay",
     [](const Setting& setting, Slot& slot) -> Result<void> {
       DESCENT_TRY(number, Number(setting));
       slot.weight_decay = number;
       return {};
     }},
    {"trainable",
     [](const Setting& setting, Slot& slot) -> Result<void> {
       const auto flag = ParseBool(setting.value);
       if (!flag) return BadValue(setting, "true or false");
       slot.trainable = *flag;
       return {};
     }},
};

Result<bool> SetInParameters(const Setting& setting, Model& model) {
  const size_t dot = setting.name.rfind('.');
  if (dot == std::string_view::npos) return false;
  const auto row =
      std::ranges::find(kParameterSettings, setting.name.substr(dot + 1), &ParameterSetting::name);
  if (row == std::end(kParameterSettings)) return false;
  bool found = false;
  for (Slot& slot : model.slots) {
    if (slot.kind != SlotKind::kParameter ||
        !MatchesPattern(setting.name.substr(0, dot), slot.name))
      continue;
    DESCENT_RETURN_IF_ERROR(row->apply(setting, slot));
    found = true;
  }
  return found;
}

// ---- attributes of operators -------------------------------------------------------------------

template <typename T>
Result<std::vector<T>> ParseList(const Setting& setting,
                                 std::optional<T> (*parse)(std::string_view)) {
  std::string_view text = setting.value;
  if (text.starts_with('[') && text.ends_with(']')) text = text.substr(1, text.size() - 2);
  std::vector<T> values;
  while (!text.empty()) {
    const size_t comma = std::min(text.find(','), text.size());
    std::string_view word = text.substr(0, comma);
    while (word.starts_with(' ')) word.remove_prefix(1);
    const auto value = parse(word);
    if (!value) return BadValue(setting, "a list of numbers");
    values.push_back(*value);
    text.remove_prefix(std::min(comma + 1, text.size()));
  }
  return values;
}

template <typename T>
Result<Attribute> Required(const Setting& setting, std::optional<T> value,
                           std::string_view wanted) {
  if (!value) return BadValue(setting, wanted);
  return *std::move(value);
}

Result<Attribute> ParseAttribute(const Setting& setting, AttributeKind kind) {
  switch (kind) {
    case AttributeKind::kBool:
      return Required(setting, ParseBool(setting.value), "true or false");
    case AttributeKind::kInt:
      return Required(setting, ParseInteger(setting.value), "an integer");
    case AttributeKind::kFloat:
      return Required(setting, ParseNumber(setting.value), "a number");
    case AttributeKind::kString:
      return std::string(setting.value);
    case AttributeKind::kInts: {
      DESCENT_TRY(values, ParseList(setting, ParseInteger));
      return values;
    }
    case AttributeKind::kFloats: {
      DESCENT_TRY(values, ParseList(setting, ParseNumber));
      return values;
    }
    case AttributeKind::kDType:
      return Required(setting, ParseDType(setting.value), "an element type");
    case AttributeKind::kTensor:
    case AttributeKind::kGraph:
      break;
  }
  return Error("attributes that are {} cannot be set from the command line", ToString(kind));
}

/// The node that computes a value of that name.
const Node* FindNode(const Graph& graph, std::string_view name) {
  for (const Node& node : graph.nodes())
    if (std::ranges::find(node.label.names, name) != node.label.names.end()) return &node;
  return nullptr;
}

Result<Graph> Rebuild(const Graph& graph, const Node* changed, const Attributes& attributes) {
  GraphBuilder builder;
  std::vector<std::vector<Value>> map;
  for (const Node& node : graph.nodes()) {
    if (node.op->leaf == Leaf::kInput) {
      map.push_back({builder.Input(node.label.names.front(), node.types.front(), node.label)});
      continue;
    }
    std::vector<Value> operands;
    for (const Value operand : node.operands) operands.push_back(map[operand.node][operand.result]);
    DESCENT_TRY(results,
                builder.TryAdd(node.op->name, std::move(operands),
                               &node == changed ? attributes : node.attributes, node.label));
    map.push_back(std::move(results));
  }
  for (const NamedValue& output : graph.outputs())
    builder.Output(output.name, map[output.value.node][output.value.result]);
  return std::move(builder).Build();
}

Result<bool> SetInGraph(const Setting& setting, Model& model) {
  const size_t dot = setting.name.rfind('.');
  if (dot == std::string_view::npos) return false;
  const Node* node = FindNode(model.graph, setting.name.substr(0, dot));
  if (node == nullptr || node->op->leaf != Leaf::kNone) return false;
  const auto& specs = node->op->signature.attributes;
  const auto spec = std::ranges::find(specs, setting.name.substr(dot + 1), &AttributeSpec::name);
  if (spec == specs.end()) return false;
  DESCENT_TRY(value, ParseAttribute(setting, spec->kind));
  Attributes attributes = node->attributes;
  attributes.Set(std::string(spec->name), std::move(value));
  DESCENT_TRY(graph, Rebuild(model.graph, node, attributes));
  model.graph = std::move(graph);
  return true;
}

std::unexpected<Diagnostic> Unknown(const Setting& setting) {
  auto error = Error("{} fits nothing in the model", Quoted(setting.name));
  error.error().hint =
      "optimizer.NAME, schedule.NAME, clip_value, clip_norm, every, PARAMETER.weight_decay (l1, "
      "l2, "
      "trainable), or VALUE.ATTRIBUTE";
  return error;
}

Result<void> Apply(const std::string& text, Model& model) {
  using Place = Result<bool> (*)(const Setting&, Model&);
  constexpr Place kPlaces[] = {SetInUpdates, SetInParameters, SetInGraph};
  const size_t equals = text.find('=');
  if (equals == std::string::npos || equals == 0) {
    auto error = Error("this is not of the form NAME=VALUE");
    error.error().status = ExitStatus::kUsage;
    return error;
  }
  const Setting setting = {std::string_view(text).substr(0, equals),
                           std::string_view(text).substr(equals + 1)};
  for (const Place place : kPlaces) {
    DESCENT_TRY(found, place(setting, model));
    if (found) return {};
  }
  return Unknown(setting);
}

/// The mistake is on the command line, wherever in the model it shows.
std::unexpected<Diagnostic> Blame(const std::string& text, Diagnostic error) {
  const bool plain = text.find_first_of(" '\\\n\t*[];&|<>$") == std::string::npos;
  error.message = fmt::format("--set {}: {}", plain ? text : Quoted(text), error.message);
  error.location = {.file = "command line"};
  error.snippet.clear();
  return std::unexpected(std::move(error));
}

/// The setting after which the model first had the error that it has after all of them: one that
/// needs another, as `schedule=step` needs `schedule.steps`, may stand before it.
std::unexpected<Diagnostic> BlameOneOf(std::span<const std::string> settings, Model model,
                                       Diagnostic error) {
  const auto is_there = [&] {
    const auto checked = CheckConfigured(model);
    return !checked && checked.error().message == error.message;
  };
  if (is_there()) return std::unexpected(std::move(error));
  for (const std::string& text : settings) {
    DESCENT_CHECK(Apply(text, model).has_value(), "a setting that was applied is applied again");
    if (is_there()) return Blame(text, std::move(error));
  }
  return std::unexpected(std::move(error));
}

/// The state holds more than what a model declares: nothing of it may have a name twice.
Result<void> CheckStateNames(const Model& model) {
  if (!model.entry.empty()) return {};
  std::map<std::string, std::string, std::less<>> taken;
  for (const std::string_view name : {kSeedSlot, kStepSlot, kLearningRateSlot})
    taken.emplace(name, "what every program keeps");
  for (const OptimizerSlot& slot : OptimizerSlotsByUpdate(model))
    taken.emplace(slot.slot.name,
                  fmt::format("what the optimizer keeps for {}", Quoted(slot.parameter)));
  for (const Slot& slot : model.slots) {
    const auto place = taken.find(slot.name);
    if (place == taken.end()) continue;
    auto error =
        Error("{} {} has the name of {}", ToString(slot.kind), Quoted(slot.name), place->second);
    error.error().location = slot.location;
    return error;
  }
  return {};
}

/// Another optimizer or schedule forgets the old one's numbers, not those that are set with it.
std::vector<std::string> ChoicesFirst(std::span<const std::string> settings) {
  std::vector<std::string> ordered(settings.begin(), settings.end());
  std::ranges::stable_partition(ordered, [](std::string_view text) {
    const std::string_view name = text.substr(0, text.find('='));
    return std::ranges::any_of(std::array{"optimizer", "schedule"}, [&](std::string_view choice) {
      return name == choice || name.ends_with("]." + std::string(choice));
    });
  });
  return ordered;
}

}  // namespace

Result<void> CheckConfigured(const Model& model) {
  for (const Update& update : model.updates) DESCENT_RETURN_IF_ERROR(CheckUpdate(update));
  DESCENT_RETURN_IF_ERROR(Verify(model));
  return CheckStateNames(model);
}

Result<Model> ApplySettings(const Model& model, std::span<const std::string> settings) {
  Model changed = model;
  for (const std::string& text : ChoicesFirst(settings))
    if (auto applied = Apply(text, changed); !applied)
      return Blame(text, std::move(applied).error());
  if (auto checked = CheckConfigured(changed); !checked)
    return BlameOneOf(settings, model, std::move(checked).error());
  return changed;
}

}  // namespace descent

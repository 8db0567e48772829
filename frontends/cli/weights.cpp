#include "frontends/cli/weights.h"

#include <algorithm>
#include <cstdio>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "compiler/graph/optimizers.h"
#include "compiler/kernel/lower_model.h"
#include "compiler/prediction_hash.h"
#include "frontends/cli/command.h"
#include "frontends/cpp/runtime_result.h"
#include "ir/onnx_form.h"
#include "runtime/safetensors.h"

namespace descent::cli {
namespace {

static_assert(kNormalizationPrefix == runtime::kNormalizationPrefix);

constexpr size_t kListed = 8;  ///< names in an error

/// Every tensor that a checkpoint of the model may hold, except normalizations.
std::map<std::string, TensorType, std::less<>> StateTypes(const Model& model) {
  std::map<std::string, TensorType, std::less<>> types = {
      {std::string(kSeedSlot), {DType::kI64, {}}},
      {std::string(kStepSlot), {DType::kI64, {}}},
      {std::string(kLearningRateSlot), {DType::kF64, {}}}};
  for (const Slot& slot : model.slots) types.insert_or_assign(slot.name, slot.type);
  if (model.entry.empty())
    for (const Slot& slot : OptimizerSlots(model)) types.emplace(slot.name, slot.type);
  return types;
}

/// "W1.velocity", "W1.velocity.1": what some optimizer keeps for a parameter of the model.
bool IsOptimizerState(std::string_view name, const Model& model) {
  return std::ranges::any_of(model.slots, [&](const Slot& slot) {
    if (slot.kind != SlotKind::kParameter || !name.starts_with(slot.name + ".")) return false;
    std::string_view rest = name.substr(slot.name.size() + 1);
    rest = rest.substr(0, rest.find('.'));
    return std::ranges::any_of(Optimizers(), [&](const Optimizer& optimizer) {
      return std::ranges::find(optimizer.state, rest, &OptimizerState::suffix) !=
             optimizer.state.end();
    });
  });
}

/// How a file and a model differ.
struct Mismatch {
  std::vector<std::string> missing, extra, different;
};

Mismatch Compare(const runtime::Safetensors& file, const Model& model,
                 const std::set<std::string, std::less<>>& optional) {
  Mismatch mismatch;
  for (const Slot& slot : model.slots)
    if (slot.kind != SlotKind::kOptimizer && file.Find(slot.name) == nullptr &&
        !optional.contains(slot.name))
      mismatch.missing.push_back(Quoted(slot.name));
  const auto types = StateTypes(model);
  for (const runtime::NamedTensor& tensor : file.tensors) {
    const auto known = types.find(tensor.name);
    const TensorType type = {static_cast<DType>(tensor.dtype), tensor.shape};
    if (known == types.end()) {
      if (!runtime::IsNormalization(tensor.name) && !IsOptimizerState(tensor.name, model))
        mismatch.extra.push_back(Quoted(tensor.name));
    } else if (type != known->second) {
      mismatch.different.push_back(fmt::format("{} is {}, but the model has {}",
                                               Quoted(tensor.name), ToString(type),
                                               ToString(known->second)));
    }
  }
  return mismatch;
}

std::string Listed(const std::vector<std::string>& names, std::string_view separator) {
  const size_t shown = std::min(names.size(), kListed);
  std::string text = fmt::format("{}", fmt::join(names.begin(), names.begin() + shown, separator));
  if (shown < names.size()) text += fmt::format(" and {} more", names.size() - shown);
  return text;
}

std::unexpected<Diagnostic> Refuse(const Mismatch& mismatch, const runtime::Weights& weights,
                                   const Model& model) {
  std::vector<std::string> parts;
  const std::string name = Quoted(model.name);
  if (!mismatch.missing.empty())
    parts.push_back(
        fmt::format("it lacks {}, which model {} needs", Listed(mismatch.missing, ", "), name));
  if (!mismatch.extra.empty())
    parts.push_back(
        fmt::format("it has {}, which model {} does not have", Listed(mismatch.extra, ", "), name));
  if (!mismatch.different.empty()) parts.push_back(Listed(mismatch.different, "; "));
  const std::string what = fmt::format("{}", fmt::join(parts, "; "));
  if (!weights.record) return InputError(fmt::format("{}: {}", weights.path, what));
  const std::string_view origin = runtime::ModelOf(weights);
  return InputError(fmt::format("{}: is a checkpoint of another model{}: {}", weights.path,
                                origin == model.name ? "" : ", " + Quoted(origin), what),
                    "give the model that was trained, or a checkpoint of this one");
}

/// Numbers that inputs were normalized by must meet inputs that are normalized, and the reverse.
/// The loss's inputs count, too: losses and metrics would be of other units.
Result<void> CheckNormalizations(const runtime::Weights& weights, const Model& model,
                                 bool predicts_the_same) {
  const auto& fitted = weights.record->provenance.normalizations;
  const auto is_fitted = [](const InputBinding& input) {
    return input.normalization == Normalization::kStandardize ||
           input.normalization == Normalization::kMinMax;
  };
  const std::string hint = "give the model that was trained, or parameters of this one";
  for (const auto& [name, numbers] : fitted) {
    const InputBinding* input = model.FindInput(name);
    if (input == nullptr ? !model.entry.empty() : is_fitted(*input)) continue;
    return InputError(fmt::format("{}: its parameters were trained with input {} normalized, "
                                  "which model {} {}",
                                  weights.path, Quoted(name), Quoted(model.name),
                                  input == nullptr ? "does not have" : "takes as it is"),
                      hint);
  }
  for (const InputBinding& input : model.inputs)
    if (!predicts_the_same && is_fitted(input) && !fitted.contains(input.name))
      return InputError(fmt::format("{}: its parameters were trained without a normalization of "
                                    "input {}, which model {} normalizes",
                                    weights.path, Quoted(input.name), Quoted(model.name)),
                        hint);
  return {};
}

/// `diff` reads a file again for each entry point.
void WarnOnce(const std::string& text) {
  static std::string last;
  if (std::exchange(last, text) != text) fmt::print(stderr, "warning: {}\n", text);
}

/// A checkpoint of a model that would predict something else from these parameters is taken, with
/// a warning: graphs may differ by intention.
Result<void> CheckPredictions(const runtime::Weights& weights, const Model& model,
                              const std::string& origin) {
  DESCENT_TRY(hash, PredictionHash(model));
  // Behind it stands the origin, of a model that has one.
  const std::string_view trained = runtime::PredictionHashOf(weights);
  const size_t space = trained.find(' ');
  const bool same_origin =
      !origin.empty() && space != std::string_view::npos && trained.substr(space + 1) == origin;
  // One entry point's model has other nodes than its source.
  const bool same = !model.entry.empty() || hash == trained.substr(0, space) || same_origin;
  DESCENT_RETURN_IF_ERROR(CheckNormalizations(weights, model, same));
  if (same) return {};
  const std::string other = Quoted(runtime::ModelOf(weights)), name = Quoted(model.name);
  WarnOnce(fmt::format(
      "{}: was trained as {}; its parameters are taken all the same", weights.path,
      other == name ? fmt::format("another model {}, which predicts otherwise", name)
                    : fmt::format("model {}, which predicts otherwise than {}", other, name)));
  return {};
}

/// "OLD=NEW" in parts: what stands before and behind the star of each side.
struct Renaming {
  std::string rule;
  bool has_star;
  std::string prefix, suffix, new_prefix, new_suffix;
  bool used = false;

  /// The new name, or nothing where the rule is not about `name`.
  std::optional<std::string> Apply(std::string_view name) const {
    if (!has_star) return name == prefix ? std::optional(new_prefix) : std::nullopt;
    if (name.size() < prefix.size() + suffix.size() || !name.starts_with(prefix) ||
        !name.ends_with(suffix))
      return std::nullopt;
    name = name.substr(prefix.size(), name.size() - prefix.size() - suffix.size());
    return fmt::format("{}{}{}", new_prefix, name, new_suffix);
  }
};

Result<Renaming> ParseRenaming(const std::string& rule) {
  const size_t equals = rule.find('=');
  const std::string from = rule.substr(0, equals);
  const std::string to = equals == std::string::npos ? "" : rule.substr(equals + 1);
  const auto stars = std::pair(std::ranges::count(from, '*'), std::ranges::count(to, '*'));
  if (from.empty() || to.empty() || stars.first != stars.second || stars.first > 1)
    return UsageError(
        fmt::format("--rename takes OLD=NEW, with one * on both sides or on none, "
                    "not {}",
                    Quoted(rule)));
  const auto cut = [](const std::string& side) {
    const size_t star = std::min(side.find('*'), side.size());
    return std::pair(side.substr(0, star), side.substr(std::min(star + 1, side.size())));
  };
  const auto [prefix, suffix] = cut(from);
  const auto [new_prefix, new_suffix] = cut(to);
  return Renaming{rule, stars.first > 0, prefix, suffix, new_prefix, new_suffix};
}

/// The file with other names, as if it were of another origin. The first rule about a name decides.
Result<runtime::Weights> Renamed(runtime::Weights weights, const std::vector<std::string>& rules) {
  std::vector<Renaming> renamings;
  for (const std::string& rule : rules) {
    DESCENT_TRY(renaming, ParseRenaming(rule));
    renamings.push_back(std::move(renaming));
  }
  std::set<std::string> names;
  for (runtime::NamedTensor& tensor : weights.file.tensors) {
    for (Renaming& renaming : renamings) {
      auto name = renaming.Apply(tensor.name);
      if (!name) continue;
      tensor.name = *std::move(name);
      renaming.used = true;
      break;
    }
    if (!names.insert(tensor.name).second)
      return InputError(fmt::format("{}: --rename leaves two tensors of the name {}", weights.path,
                                    Quoted(tensor.name)));
  }
  for (const Renaming& renaming : renamings)
    if (!renaming.used)
      return InputError(
          fmt::format("{}: --rename {} is about none of its tensors", weights.path, renaming.rule));
  return FromRuntime(runtime::ParseWeights(
      runtime::WriteSafetensors({}, std::move(weights.file.tensors)), weights.path));
}

}  // namespace

std::vector<Option> WeightsFlags::Options(std::string names, std::string doc) {
  flag = names.substr(0, names.find(','));
  return {{.names = std::move(names),
           .value = "FILE",
           .doc = doc + ": a safetensors file, or a trainer's checkpoint (of a model that predicts "
                        "otherwise, with a warning)",
           .destination = &file,
           .completion = Completion::kFile},
          {.names = "--rename",
           .value = "OLD=NEW",
           .doc = "what tensors of that file are called in the model, with one * on both sides or "
                  "on none (encoder.*=*); may be repeated, the first that fits counts",
           .destination = &renames}};
}

Result<void> WeightsFlags::Check() const {
  if (renames.empty() || given()) return {};
  return UsageError(fmt::format("--rename is for the tensors of a file, and there is no {}", flag),
                    fmt::format("add {} FILE, or leave out --rename", flag));
}

runtime::Bytes ValuesOf(const Model& model) {
  std::vector<runtime::NamedTensor> tensors;
  for (const Slot& slot : model.slots)
    if (slot.initializer.data)
      tensors.push_back({slot.name, static_cast<int32_t>(slot.type.dtype), slot.type.shape,
                         slot.initializer.data->bytes()});
  return runtime::WriteSafetensors({{"model", model.name}}, std::move(tensors));
}

Result<runtime::Weights> ReadWeights(const WeightsFlags& flags, const Model& model) {
  DESCENT_TRY(bytes, FromRuntime(runtime::ReadFile(flags.file)));
  DESCENT_TRY(weights, FromRuntime(runtime::ParseWeights(std::move(bytes), flags.file)));
  if (!flags.renames.empty()) {
    DESCENT_TRY(renamed, Renamed(std::move(weights), flags.renames));
    weights = std::move(renamed);
  }
  const Mismatch mismatch = Compare(weights.file, model, flags.optional);
  // One entry point's model lists only the state that it reads.
  const bool all_known = mismatch.extra.empty() || !weights.record || !model.entry.empty();
  if (!mismatch.missing.empty() || !mismatch.different.empty() || !all_known)
    return Refuse(mismatch, weights, model);
  if (weights.record) DESCENT_RETURN_IF_ERROR(CheckPredictions(weights, model, flags.origin));
  if (!weights.record && !mismatch.extra.empty() && model.entry.empty())
    WarnOnce(fmt::format("{}: it has {}, which model {} does not have as parameters; left out",
                         weights.path, Listed(mismatch.extra, ", "), Quoted(model.name)));
  return weights;
}

}  // namespace descent::cli

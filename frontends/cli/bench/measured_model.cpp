#include "frontends/cli/bench/measured_model.h"

#include <charconv>
#include <cmath>

#include "frontends/cli/load_model.h"
#include "frontends/cli/model_input.h"
#include "frontends/cpp/models/ready_models.h"
#include "runtime/file.h"

namespace descent::cli {

Option MeasuredModelArgument(std::string* destination) {
  Option option = ModelArgument(destination);
  option.doc += ", or the name of a ready model (`descent model --list`)";
  for (const nn::ReadyModel& ready : nn::ReadyModels()) option.offers.emplace_back(ready.name);
  return option;
}

Option ThreadsOption(int64_t* destination) {
  return {.names = "--threads",
          .value = "T",
          .doc = "threads (default: one per core)",
          .destination = destination,
          .minimum = 1};
}

Option MeasuredEntryOption(std::string* destination) {
  return {.names = "--entry",
          .value = "ENTRY",
          .doc = "entry point (default train_step, of a model without a loss run or predict)",
          .destination = destination,
          .choices = {"train_step", "evaluate", "predict", "run"}};
}

Result<Model> LoadMeasuredModel(const std::string& name, const ModelFlags& flags,
                                std::vector<runtime::NamedFile>* read) {
  const nn::ReadyModel* ready = nn::FindReadyModel(name);
  if (ready == nullptr || runtime::FileExists(name)) return LoadModel(name, flags, read);
  DESCENT_TRY(model, nn::BuildReadyModel(*ready, {}));
  return flags.Apply(std::move(model));
}

Result<double> SecondsOf(const std::string& text, double usual) {
  if (text.empty()) return usual;
  double seconds = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(seconds) ||
      seconds <= 0)
    return UsageError(fmt::format("--seconds takes a number above 0, not {}", Quoted(text)));
  return seconds;
}

CompileOptions OfOneEntry(CompileOptions options, const Model& model, const std::string& entry) {
  if (!model.entry.empty()) return options;
  options.entries = {entry};
  if (!model.slots.empty()) options.entries.emplace_back("initialize");
  return options;
}

}  // namespace descent::cli

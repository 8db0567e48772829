#include <algorithm>

#include "runtime/commands.h"
#include "runtime/data/source.h"
#include "runtime/predictions.h"

namespace descent::runtime {
namespace {

/// Rows to predict for; a label column that training had is set aside.
Result<Dataset> LoadInput(const std::string& spec, const std::vector<const descent_input*>& inputs,
                          const Provenance* provenance) {
  DataNeeds needs = NeedsOf(inputs);
  if (provenance && !provenance->label.empty()) needs.columns.insert(provenance->label);
  auto loaded = LoadData(spec, needs);
  if (!loaded) return std::unexpected(loaded.error());
  Dataset data = loaded->test ? *std::move(loaded->test) : std::move(loaded->data);
  if (!provenance) return data;
  for (Column& column : data.columns) {
    if (column.name == provenance->label) column.role = ColumnRole::kOther;
  }
  for (const auto& [column, classes] : provenance->classes) {
    if (column == provenance->label) continue;
    if (auto aligned = AlignClasses(data, column, classes); !aligned) {
      return std::unexpected(aligned.error());
    }
  }
  return data;
}

Result<void> CheckFeatures(const Dataset& data, const std::vector<const descent_input*>& inputs,
                           const Provenance* provenance) {
  if (!provenance || !data.named) return {};
  std::vector<std::string> names = FeatureNames(inputs, data);
  const std::vector<std::string>& trained = provenance->features;
  if (names.empty() || trained.empty() || names == trained) return {};
  auto [at, expected] = std::ranges::mismatch(names, trained);
  std::string found = at == names.end() ? "nothing" : Quoted(*at);
  std::string wanted = expected == trained.end() ? "nothing more" : Quoted(*expected);
  return Fail(data.origin, "columns differ from training's: feature {} is {}, but was {}",
              at - names.begin() + 1, found, wanted);
}

Result<Bytes> Encode(const std::string& path, const std::vector<PredictedOutput>& predictions,
                     const std::vector<std::string>& classes) {
  if (path.ends_with(".csv")) {
    std::string csv = PredictionsCsv(predictions, classes);
    ByteView view = BytesOf(csv);
    return Bytes(view.begin(), view.end());
  }
  if (predictions.size() != 1) {
    return WithHint(
        FailWith(ExitStatus::kUsage, path, "an .npy file holds one prediction; the model has {}",
                 predictions.size()),
        "write a .csv file");
  }
  return WriteNpy(predictions[0].values);
}

}  // namespace

Result<ExitStatus> Predict(const Program& program, const PredictCommand& command) {
  if (command.output.empty()) return FailWith(ExitStatus::kUsage, "", "--output is needed");
  if (!command.output.ends_with(".csv") && !command.output.ends_with(".npy")) {
    return FailWith(ExitStatus::kUsage, command.output, "--output must end with .csv or .npy");
  }
  std::vector<NamedFile> read = {{"--checkpoint", command.checkpoint}};
  for (const std::string& file : FilesOf(command.input)) read.push_back({"--input", file});
  if (auto apart = CheckOutputs({{"--output", command.output}}, read); !apart) {
    return std::unexpected(apart.error());
  }
  if (auto writable = CheckWritable(command.output); !writable) {
    return std::unexpected(writable.error());
  }
  const descent_entry* entry = program.Find("predict");
  if (!entry) entry = program.Find("run");
  if (!entry || entry->output_count == 0) {
    return FailWith(ExitStatus::kUnsupported, "", "model {} predicts nothing",
                    Quoted(program.name()));
  }
  auto state = State::Make(program);
  if (!state) return std::unexpected(state.error());
  auto record = LoadParameters(program, command.checkpoint, *state);
  if (!record) return std::unexpected(record.error());
  const Provenance* provenance = *record ? &(*record)->provenance : nullptr;
  auto inputs = DataInputs({entry});
  std::optional<Dataset> data;
  std::optional<PreparedData> prepared;
  if (!inputs.empty()) {
    if (command.input.empty()) return FailWith(ExitStatus::kUsage, "", "--input is needed");
    auto loaded = LoadInput(command.input, inputs, provenance);
    if (!loaded) return std::unexpected(loaded.error());
    data = *std::move(loaded);
    if (auto same = CheckFeatures(*data, inputs, provenance); !same) {
      return std::unexpected(same.error());
    }
    auto made = Prepare(*data, inputs, provenance ? provenance->normalizations : Normalizations{});
    if (!made) return std::unexpected(made.error());
    prepared = *std::move(made);
  }
  auto executor = Executor::Make(command.threads, BindCaller::kYes);
  if (!executor) return std::unexpected(executor.error());
  auto predictions = PredictAll(*entry, **executor, *state, prepared ? &*prepared : nullptr);
  if (!predictions) return std::unexpected(predictions.error());
  auto bytes = Encode(command.output, *predictions,
                      provenance ? LabelClasses(*provenance) : std::vector<std::string>{});
  if (!bytes) return std::unexpected(bytes.error());
  auto written = WriteFileAtomically(command.output, *bytes);
  if (!written) return std::unexpected(written.error());
  return ExitStatus::kGood;
}

}  // namespace descent::runtime

#include "runtime/program_data.h"

#include <algorithm>

namespace descent::runtime {
namespace {

template <typename T>
Result<T> Resolve(std::string_view flag, const std::optional<T>& given, const T* known,
                  T otherwise) {
  if (given && known && *given != *known) {
    return WithHint(
        FailWith(ExitStatus::kUsage, "", "{} is {}, but the checkpoint was trained with {}", flag,
                 *given, *known),
        "leave it out: the checkpoint's is taken");
  }
  return given ? *given : known ? *known : otherwise;
}

Result<void> AlignWith(Dataset& data, const Provenance& provenance) {
  for (const auto& [column, names] : provenance.classes) {
    if (auto aligned = AlignClasses(data, column, names); !aligned) return aligned;
  }
  // Trained on numbers: text has none.
  const Column* label = data.label();
  bool is_text = label && !label->class_names.empty() && label->dtype == DESCENT_I64;
  if (is_text && !provenance.classes.contains(label->name)) {
    return AlignClasses(data, label->name, {});
  }
  return {};
}

/// Test data goes by the class numbers of the training data.
Result<void> AlignTest(const Dataset& data, Dataset& test) {
  for (const Column& column : data.columns) {
    if (column.class_names.empty() && column.role != ColumnRole::kLabel) continue;
    auto aligned = AlignClasses(test, column.name, column.class_names);
    if (!aligned) return aligned;
  }
  return {};
}

/// A source given as test data: its own test part where it has one.
Result<Dataset> LoadTestData(const std::string& spec, const DataNeeds& needs) {
  auto loaded = LoadData(spec, needs);
  if (!loaded) return std::unexpected(loaded.error());
  return loaded->test ? *std::move(loaded->test) : std::move(loaded->data);
}

/// Rows kept for testing beside test data that came by itself.
std::unexpected<Failure> TwoTestSets(const std::string& origin, const DataOptions& options,
                                     const SplitOptions& splits, const TrainingRecord* known) {
  const bool given = !options.test_data.empty();
  if (!known) {
    return WithHint(
        FailWith(ExitStatus::kUsage, origin, "has test data {}; --test-split would mix the two",
                 given ? "by --test-data" : "of its own"),
        given ? "leave out one of --test-data and --test-split" : "leave out --test-split");
  }
  return WithHint(
      FailWith(ExitStatus::kUsage, origin,
               "has test data {}, but the checkpoint was trained with --test-split {}",
               given ? "by --test-data" : "of its own", splits.test),
      given ? "leave out --test-data for the rows that training kept; `evaluate --test-data` "
              "without --data tests on all of that file"
            : "give the data that was trained on");
}

std::string InputNames(const std::vector<const descent_input*>& inputs) {
  std::string text;
  for (const descent_input* input : inputs) {
    text += (text.empty() ? "" : ", ") + std::string(input->tensor.name);
  }
  return text;
}

}  // namespace

Result<SplitOptions> ResolveSplits(const DataOptions& options, const TrainingRecord* known) {
  const Provenance* provenance = known ? &known->provenance : nullptr;
  auto seed = Resolve("--seed", options.seed, provenance ? &provenance->seed : nullptr, int64_t{1});
  if (!seed) return std::unexpected(seed.error());
  auto validation = Resolve("--validation-split", options.validation_split,
                            provenance ? &provenance->validation_split : nullptr, 0.0);
  if (!validation) return std::unexpected(validation.error());
  auto test = Resolve("--test-split", options.test_split,
                      provenance ? &provenance->test_split : nullptr, 0.0);
  if (!test) return std::unexpected(test.error());
  return SplitOptions{.validation = *validation, .test = *test, .seed = *seed};
}

Result<std::optional<SplitData>> LoadSplitData(const std::vector<const descent_input*>& inputs,
                                               const DataOptions& options,
                                               const SplitOptions& splits,
                                               const TrainingRecord* known) {
  if (inputs.empty()) {
    if (options.data.empty() && options.test_data.empty()) return std::nullopt;
    return FailWith(ExitStatus::kUsage, "", "the model reads no data; --data has no effect");
  }
  if (options.data.empty()) {
    return FailWith(ExitStatus::kUsage, "", "--data SPEC is needed: the model reads {}",
                    InputNames(inputs));
  }
  DataNeeds needs = NeedsOf(inputs);
  auto loaded = LoadData(options.data, needs);
  if (!loaded) return std::unexpected(loaded.error());
  if (!options.test_data.empty()) {
    auto test = LoadTestData(options.test_data, needs);
    if (!test) return std::unexpected(test.error());
    loaded->test = *std::move(test);
  }
  if (splits.test > 0 && loaded->test) {
    return TwoTestSets(loaded->data.origin, options, splits, known);
  }
  if (known) {
    if (auto aligned = AlignWith(loaded->data, known->provenance); !aligned) {
      return std::unexpected(aligned.error());
    }
  }
  if (loaded->test) {
    if (auto aligned = AlignTest(loaded->data, *loaded->test); !aligned) {
      return std::unexpected(aligned.error());
    }
  }
  auto split = SplitRows(*std::move(loaded), splits);
  if (!split) return std::unexpected(split.error());
  return std::optional<SplitData>(*std::move(split));
}

std::vector<std::string> FeatureNames(const std::vector<const descent_input*>& inputs,
                                      const Dataset& data) {
  std::vector<std::string> names;
  DataNeeds needs = NeedsOf(inputs);
  for (const descent_input* input : inputs) {
    if (!data.named || std::string_view(input->column) != "features" || !names.empty()) continue;
    auto columns = ColumnsOf(*input, data, needs);
    if (!columns) continue;
    for (const Column* column : *columns) names.push_back(column->name);
  }
  return names;
}

Result<Provenance> DescribeData(const std::vector<const descent_input*>& inputs,
                                const SplitData* data, const SplitOptions& splits) {
  Provenance provenance = {
      .seed = splits.seed, .validation_split = splits.validation, .test_split = splits.test};
  if (!data) return provenance;
  provenance.data_fingerprint = Fingerprint(data->data);
  if (const Column* label = data->data.label()) provenance.label = label->name;
  provenance.features = FeatureNames(inputs, data->data);
  for (const Column& column : data->data.columns) {
    if (!column.class_names.empty()) provenance.classes[column.name] = column.class_names;
  }
  auto fitted = FitNormalizations(data->data, inputs, data->Rows(Split::kTrain));
  if (!fitted) return std::unexpected(fitted.error());
  provenance.normalizations = *std::move(fitted);
  return provenance;
}

const std::vector<std::string>& LabelClasses(const Provenance& provenance) {
  static const std::vector<std::string> kNone;
  auto found = provenance.classes.find(provenance.label);
  return found == provenance.classes.end() ? kNone : found->second;
}

}  // namespace descent::runtime

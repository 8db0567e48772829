#include <algorithm>
#include <cstdio>

#include "runtime/commands.h"

namespace descent::runtime {
namespace {

/// Test data alone, without the data that was trained on.
bool TestDataAlone(const EvaluateCommand& command) {
  return command.split == Split::kTest && command.data.data.empty() &&
         !command.data.test_data.empty();
}

/// What a checkpoint was trained without cannot be split off now.
std::string EmptySplitHint(Split split, const TrainingRecord* known) {
  const bool test = split == Split::kTest;
  if (!known) return test ? "give --test-data or --test-split" : "give --validation-split";
  return test ? "the checkpoint was trained without --test-split: give --test-data"
              : "the checkpoint was trained without --validation-split";
}

Result<std::optional<SplitData>> LoadForEvaluation(const std::vector<const descent_input*>& inputs,
                                                   const EvaluateCommand& command,
                                                   const TrainingRecord* known) {
  DataOptions options = command.data;
  if (TestDataAlone(command)) {
    options.data = options.test_data;
    auto data = LoadSplitData(inputs, options, SplitOptions{}, known);
    return data;
  }
  if (options.data.empty() && command.split == Split::kTest && !inputs.empty()) {
    return WithHint(
        FailWith(ExitStatus::kUsage, "", "no data to evaluate on"),
        "give --data SPEC, the data of training with its test rows, or --test-data SPEC");
  }
  auto splits = ResolveSplits(options, known);
  if (!splits) return std::unexpected(splits.error());
  auto data = LoadSplitData(inputs, options, *splits, known);
  if (!data || !*data) return data;
  const SplitData& split = **data;
  bool drawn = command.split != Split::kTest || (splits->test > 0 && !split.own_test);
  if (known && drawn && Fingerprint(split.data) != known->provenance.data_fingerprint) {
    return WithHint(
        Fail(split.data.origin, "is not the data that was trained on, so its {} split is unknown",
             kSplitNames[static_cast<size_t>(command.split)]),
        command.split == Split::kTest
            ? "give that data, or --test-data without --data to test on all rows"
            : "give that data");
  }
  if (split.Rows(command.split).empty()) {
    return WithHint(FailWith(ExitStatus::kUsage, split.data.origin, "has no {} split",
                             kSplitNames[static_cast<size_t>(command.split)]),
                    EmptySplitHint(command.split, known));
  }
  return data;
}

/// Matrices first, so that the output ends with the numbers.
std::string MetricsText(std::span<const Metric> metrics, const std::vector<std::string>& classes) {
  std::string matrices, scalars;
  for (const Metric& metric : metrics) {
    (metric.elements() > 1 ? matrices : scalars) += MetricText(metric, classes);
  }
  return matrices + scalars;
}

const std::vector<std::string>& ClassesOf(const SplitData* data, const TrainingRecord* known) {
  static const std::vector<std::string> kNone;
  if (known) return LabelClasses(known->provenance);
  return data && data->data.label() ? data->data.label()->class_names : kNone;
}

/// Parameters as the model's file gives them.
Result<std::optional<TrainingRecord>> OwnValues(const Program& program, State& state) {
  auto executor = Executor::Make(1, BindCaller::kNo);
  if (!executor) return std::unexpected(executor.error());
  if (auto made = Initialize(program, **executor, 1, state); !made)
    return std::unexpected(made.error());
  return std::nullopt;
}

}  // namespace

Result<std::optional<TrainingRecord>> LoadParameters(const Program& program,
                                                     const std::string& checkpoint, State& state) {
  std::optional<Weights> weights;
  if (!checkpoint.empty()) {
    std::string warning;
    auto loaded = LoadCheckpoint(checkpoint, program, Accept::kAnyWeights, &warning);
    if (!loaded) return std::unexpected(loaded.error());
    if (!warning.empty()) Warn(warning);
    weights = *std::move(loaded);
  } else {
    auto baked = LoadBakedWeights(program);
    if (!baked) return std::unexpected(baked.error());
    weights = *std::move(baked);
  }
  if (!weights) {
    bool has_parameters = program.FindSlot(DESCENT_SLOT_PARAMETER) != nullptr;
    if (!has_parameters) return std::nullopt;
    if (program.abi().has_values) return OwnValues(program, state);
    return FailWith(ExitStatus::kUsage, "",
                    "no parameters: give --checkpoint FILE (none are built in)");
  }
  auto restored = RestoreState(program, *weights, Restore::kParameters, state);
  if (!restored) return std::unexpected(restored.error());
  return weights->record;
}

Result<ExitStatus> Evaluate(const Program& program, const EvaluateCommand& command) {
  if (auto present = RequireEntry(program, "evaluate"); !present) {
    return std::unexpected(present.error());
  }
  auto state = State::Make(program);
  if (!state) return std::unexpected(state.error());
  auto record = LoadParameters(program, command.checkpoint, *state);
  if (!record) return std::unexpected(record.error());
  const TrainingRecord* known = *record ? &**record : nullptr;
  auto inputs = DataInputs({program.Find("evaluate")});
  auto data = LoadForEvaluation(inputs, command, known);
  if (!data) return std::unexpected(data.error());
  SplitData* split = *data ? &**data : nullptr;
  // Where test data came alone, it was loaded as both; its rows are all test rows.
  std::optional<PreparedData> prepared;
  if (split) {
    auto made = Prepare(split->source(command.split), inputs,
                        known ? known->provenance.normalizations : Normalizations{});
    if (!made) return std::unexpected(made.error());
    prepared = *std::move(made);
  }
  auto executor = Executor::Make(command.threads, BindCaller::kYes);
  if (!executor) return std::unexpected(executor.error());
  const std::vector<int64_t> no_rows;
  auto evaluator = Evaluator::Make(program, **executor, prepared ? &*prepared : nullptr,
                                   split ? split->Rows(command.split) : no_rows);
  if (!evaluator) return std::unexpected(evaluator.error());
  if (uint32_t status = (*evaluator)->Run(*state)) {
    return Fail("", "evaluate: {}", StatusText(status));
  }
  const std::vector<std::string>& classes = ClassesOf(split, known);
  return PrintResult(command.json ? MetricsJson((*evaluator)->metrics(), classes) + "\n"
                                  : MetricsText((*evaluator)->metrics(), classes));
}

}  // namespace descent::runtime

#include <cstdio>

#include "runtime/commands.h"
#include "runtime/data/source.h"
#include "runtime/interrupt.h"

namespace descent::runtime {
namespace {

/// What training writes is neither data nor two things at once.
Result<void> CheckFiles(const TrainCommand& command) {
  std::vector<NamedFile> inputs;
  for (const std::string& file : FilesOf(command.data.data)) inputs.push_back({"--data", file});
  for (const std::string& file : FilesOf(command.data.test_data))
    inputs.push_back({"--test-data", file});
  return CheckOutputs(OutputsOf(command.train.log, command.train.checkpoint), inputs);
}

/// The checkpoint to go on from, if there is one.
Result<std::optional<Weights>> FindCheckpoint(const Program& program, const TrainCommand& command,
                                              bool* fell_back) {
  const std::string& path = command.train.checkpoint;
  if (!command.resume) return std::nullopt;
  if (path.empty()) {
    return FailWith(ExitStatus::kUsage, "", "--resume needs --checkpoint FILE");
  }
  if (!FileExists(path) && !FileExists(path + ".1")) return std::nullopt;
  std::string warning;
  auto weights = LoadCheckpoint(path, program, Accept::kCheckpoint, &warning);
  if (!weights) return std::unexpected(weights.error());
  if (!warning.empty()) Warn(warning);
  *fell_back = !warning.empty();
  return std::optional<Weights>(*std::move(weights));
}

/// The record of a new run, or the checkpoint's after a look at whether the data is the same.
Result<TrainingRecord> MakeRecord(const std::vector<const descent_input*>& inputs,
                                  const SplitData* data, const SplitOptions& splits,
                                  const Weights* resumed) {
  if (!resumed) {
    auto provenance = DescribeData(inputs, data, splits);
    if (!provenance) return std::unexpected(provenance.error());
    return TrainingRecord{.progress = {}, .provenance = *std::move(provenance)};
  }
  if (data && Fingerprint(data->data) != resumed->record->provenance.data_fingerprint) {
    return Fail(data->data.origin, "is not the data that {} was trained on", resumed->path);
  }
  return *resumed->record;
}

void AnnounceResume(const std::string& path, const Weights* resumed) {
  if (resumed) {
    const Progress& progress = resumed->record->progress;
    const bool inside = progress.batch > 0;
    fmt::print("going on from {}: step {}, {} epoch {}\n", resumed->path, progress.step,
               inside ? "in" : "after", progress.epoch + (inside ? 1 : 0));
  } else {
    fmt::print("no checkpoint {} yet: starting anew\n", path);
  }
  std::fflush(stdout);
}

ExitStatus StatusOf(StopReason reason) {
  if (reason == StopReason::kInterrupted) return ExitStatus::kInterrupted;
  return reason == StopReason::kDiverged ? ExitStatus::kDiverged : ExitStatus::kGood;
}

/// The first state: what the initializers give, over it the parameters in the program itself.
Result<void> Begin(const Program& program, const Executor& executor, int64_t seed, State& state) {
  if (auto begun = Initialize(program, executor, seed, state); !begun) return begun;
  auto baked = LoadBakedWeights(program);
  if (!baked) return std::unexpected(baked.error());
  return *baked ? RestoreState(program, **baked, Restore::kFirstValues, state) : Result<void>();
}

}  // namespace

std::vector<NamedFile> OutputsOf(const std::string& log, const std::string& checkpoint) {
  std::vector<NamedFile> outputs = {{"--log", log}};
  for (const char* suffix : {"", ".1", ".best"})
    if (!checkpoint.empty()) outputs.push_back({"--checkpoint", checkpoint + suffix});
  return outputs;
}

void Warn(const std::string& text) { fmt::print(stderr, "warning: {}\n", text); }

Result<void> RequireEntry(const Program& program, std::string_view entry) {
  if (program.Find(entry)) return {};
  return WithHint(FailWith(ExitStatus::kUnsupported, "", "model {} was compiled without {}",
                           Quoted(program.name()), entry),
                  "it has no loss, or `descent compile --entry` left it out");
}

Result<ExitStatus> PrintResult(const std::string& text) {
  const bool printed = std::fwrite(text.data(), 1, text.size(), stdout) == text.size();
  if (printed && std::fflush(stdout) == 0) return ExitStatus::kGood;
  return IoFailure("standard output", "cannot be written");
}

Result<ExitStatus> Train(const Program& program, const TrainCommand& command) {
  if (auto present = RequireEntry(program, "train_step"); !present) {
    return std::unexpected(present.error());
  }
  if (auto apart = CheckFiles(command); !apart) return std::unexpected(apart.error());
  // Until the trainer watches there is nothing to save.
  const bool has_old = !command.train.checkpoint.empty() && FileExists(command.train.checkpoint);
  const InterruptExit ends(has_old ? kStoppedWithOldCheckpoint : kStoppedBeforeTheFirstStep);
  bool fell_back = false;
  auto checkpoint = FindCheckpoint(program, command, &fell_back);
  if (!checkpoint) return std::unexpected(checkpoint.error());
  const Weights* resumed = *checkpoint ? &**checkpoint : nullptr;
  const TrainingRecord* known = resumed ? &*resumed->record : nullptr;
  if (command.resume && !command.train.quiet) AnnounceResume(command.train.checkpoint, resumed);
  auto inputs = DataInputs({program.Find("train_step"), program.Find("evaluate")});
  auto splits = ResolveSplits(command.data, known);
  if (!splits) return std::unexpected(splits.error());
  auto data = LoadSplitData(inputs, command.data, *splits, known);
  if (!data) return std::unexpected(data.error());
  const SplitData* split_data = *data ? &**data : nullptr;
  auto record = MakeRecord(inputs, split_data, *splits, resumed);
  if (!record) return std::unexpected(record.error());
  std::optional<PreparedData> prepared;
  if (split_data) {
    auto made = Prepare(split_data->data, inputs, record->provenance.normalizations);
    if (!made) return std::unexpected(made.error());
    prepared = *std::move(made);
  }
  auto executor = Executor::Make(command.threads, BindCaller::kYes);
  if (!executor) return std::unexpected(executor.error());
  auto state = State::Make(program);
  if (!state) return std::unexpected(state.error());
  auto begun = resumed ? RestoreState(program, *resumed, Restore::kEverything, *state)
                       : Begin(program, **executor, splits->seed, *state);
  if (!begun) return std::unexpected(begun.error());
  auto trainer = Trainer::Make({.program = &program,
                                .executor = executor->get(),
                                .state = &*state,
                                .data = split_data,
                                .prepared = prepared ? &*prepared : nullptr,
                                .record = *std::move(record),
                                .resumed = resumed,
                                .fell_back = fell_back},
                               command.train);
  if (!trainer) return std::unexpected(trainer.error());
  auto outcome = (*trainer)->Run();
  if (!outcome) return std::unexpected(outcome.error());
  const ExitStatus status = StatusOf(outcome->reason);
  const bool shown = (*trainer)->HasShownAll() && std::fflush(stdout) == 0 && !std::ferror(stdout);
  if (status != ExitStatus::kGood || shown) return status;
  return FailWith(ExitStatus::kIo, "standard output", "cannot be written");
}

}  // namespace descent::runtime

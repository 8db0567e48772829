// `descent train`: compiles into a temporary folder and becomes the trainer.

#include <fcntl.h>
#include <unistd.h>

#include <memory>

#include "compiler/compile.h"
#include "frontends/cli/artifact.h"
#include "frontends/cli/commands.h"
#include "frontends/cli/compile_flags.h"
#include "frontends/cli/files.h"
#include "frontends/cli/load_model.h"
#include "frontends/cli/model_input.h"
#include "frontends/cli/temporary_folder.h"
#include "frontends/cli/trainer_commands.h"
#include "frontends/cpp/runtime_result.h"
#include "runtime/interrupt.h"

namespace descent::cli {
namespace {

struct TrainArguments {
  std::string model;
  std::vector<std::string> words = {"train"};  ///< for the trainer
  CompileFlags flags;
};

constexpr std::string_view kTrainer = "trainer";  ///< in its folder

ExitStatus Stop() {
  Print("{}", runtime::kStoppedBeforeTheFirstStep);
  return ExitStatus::kInterrupted;
}

/// Replaces this process by the trainer. Its file is opened before the folder goes, so nothing is
/// left behind however training ends.
Result<ExitStatus> Become(TemporaryFolder folder, std::vector<std::string> words,
                          const runtime::InterruptWatch& watch) {
  const std::string trainer = folder.File(kTrainer);
  const int file = open(trainer.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return FileError("open", trainer);
  folder.Remove();
  const runtime::InterruptExit nothing_left;
  if (watch.interrupted()) return Stop();
  words.insert(words.begin(), "trainer");
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  std::fflush(stdout);
  fexecve(file, arguments.data(), environ);
  return FileError("start", "the compiled trainer");
}

Result<ExitStatus> Train(const TrainArguments& arguments) {
  DESCENT_TRY(line, FromRuntime(runtime::ParseCommandLine(arguments.words)));
  const runtime::InterruptExit nothing_made;
  std::vector<runtime::NamedFile> read = {{"--tuning", arguments.flags.tuning}};
  DESCENT_TRY(model, LoadModel(arguments.model, arguments.flags.model, &read));
  DESCENT_RETURN_IF_ERROR(FromRuntime(
      runtime::CheckOutputs(runtime::OutputsOf(line.train.log, line.checkpoint), read)));
  if (!model.has_loss())
    return InputError(fmt::format("model {} has no `train` statement, so it cannot be trained",
                                  Quoted(model.name)));
  DESCENT_TRY(options, arguments.flags.Options());
  DESCENT_TRY(compilation, Compile(model, options));
  if (const std::string origin = OriginOf(model, arguments.model); !origin.empty())
    compilation.program.prediction_hash += " " + origin;
  WarnOfOtherTargets(options, {&compilation, 1});
  // What is made from here on goes first.
  const runtime::InterruptWatch watch(runtime::SecondSignal::kWaits);
  DESCENT_TRY(folder, TemporaryFolder::Make());
  const auto written =
      WriteArtifact(compilation, ArtifactKind::kExecutable, folder.File(kTrainer), options);
  if (watch.interrupted()) return Stop();
  DESCENT_RETURN_IF_ERROR(written);
  return Become(std::move(folder), arguments.words, watch);
}

}  // namespace

Command TrainCommand() {
  auto arguments = std::make_shared<TrainArguments>();
  OptionGroup compilation = arguments->flags.Group();
  compilation.options.push_back(arguments->flags.CacheOption());
  compilation.options.push_back(arguments->flags.TuningOption());
  return {
      .name = "train",
      .summary = "compile and train in one step",
      .description =
          "Compiles the model into a temporary executable and runs its `train`: what `descent "
          "compile MODEL -o trainer && ./trainer train` does, and nothing is left behind. `descent "
          "run --checkpoint` and `descent plot` use what it learned. " +
          std::string(runtime::CommandSpecs()[0].note) + ".",
      .arguments = {ModelArgument(&arguments->model)},
      .groups = {TrainerOptions(runtime::kTrain, &arguments->words), std::move(compilation)},
      .examples =
          {{"descent train model.descent --data circle:samples=500 --epochs 100",
            "train on a generated set"},
           {"descent train --data iris.csv --batch 32 model.descent --checkpoint iris.safetensors",
            "with another batch size, keeping the result"}},
      .subject = &arguments->model,
      .run = [arguments] { return Train(*arguments); }};
}

}  // namespace descent::cli

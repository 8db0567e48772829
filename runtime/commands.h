// The commands of a produced executable, as functions over options: train, evaluate, predict,
// export, info.
// The command line (trainer_main.h) fills the options; nothing here parses arguments.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "runtime/overwrite.h"
#include "runtime/program.h"
#include "runtime/program_choice.h"
#include "runtime/program_data.h"
#include "runtime/trainer.h"

namespace descent::runtime {

struct TrainCommand {
  DataOptions data;
  TrainOptions train;
  bool resume = false;
  int32_t threads = 0;
};
/// The files that training writes, where they are asked for.
std::vector<NamedFile> OutputsOf(const std::string& log, const std::string& checkpoint);
/// kGood, kInterrupted or kDiverged.
Result<ExitStatus> Train(const Program& program, const TrainCommand& command);

struct EvaluateCommand {
  DataOptions data;
  Split split = Split::kTest;
  std::string checkpoint;
  bool json = false;
  int32_t threads = 0;
};
Result<ExitStatus> Evaluate(const Program& program, const EvaluateCommand& command);

struct PredictCommand {
  std::string input, output;
  std::string checkpoint;
  int32_t threads = 0;
};
Result<ExitStatus> Predict(const Program& program, const PredictCommand& command);

struct ExportCommand {
  std::string output, checkpoint;
};
/// What the model predicts as an ONNX file, with the parameters of a checkpoint or those built in.
Result<ExitStatus> Export(const Program& program, const ExportCommand& command);

/// Shapes, parameters, memory, kernels, target, dependencies, hyperparameters. `programs` are all
/// of the executable.
std::string InfoText(const Program& program, Programs programs);

/// Parameters into `state`: of the checkpoint, or without one the built-in ones or the model's own.
/// Gives the record of a checkpoint.
Result<std::optional<TrainingRecord>> LoadParameters(const Program& program,
                                                     const std::string& checkpoint, State& state);

/// Fails when the executable was compiled without this entry point.
Result<void> RequireEntry(const Program& program, std::string_view entry);

/// "warning: ..." on standard error.
void Warn(const std::string& text);

/// What a command was asked for, on standard output.
Result<ExitStatus> PrintResult(const std::string& text);

}  // namespace descent::runtime

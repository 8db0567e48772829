#include "runtime/trainer_main.h"

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <new>

#include "runtime/commands.h"

namespace descent::runtime {
namespace {

constexpr const char* kDataHelp =
    "What to work on: a generator (circle, xor, gauss, spiral, plane, multi-gauss, sine, shapes) "
    "with options as "
    "in circle:samples=500,noise=0.1,seed=1; fashion-mnist; a .csv (CSV:label=NAME), .npz or IDX "
    "file; "
    "features=FILE,label=FILE; or a folder with MNIST's four files";

/// Numbers outside [low, high] are usage errors.
std::function<std::string(const std::string&)> InRange(double low, double high) {
  return [=](const std::string& text) {
    char* end = nullptr;
    double value = std::strtod(text.c_str(), &end);
    bool good = !text.empty() && *end == '\0' && value >= low && value <= high;
    return good ? std::string()
                : fmt::format("{} is not a number in [{}, {}]", Quoted(text), low, high);
  };
}
constexpr double kMost = 9007199254740992.0;  // 2^53

void AddDataOptions(CLI::App* command, DataOptions* data) {
  command->add_option("--data", data->data, kDataHelp)->type_name("SPEC");
  command->add_option("--test-data", data->test_data, "Test data of its own, as --data")
      ->type_name("SPEC");
  command
      ->add_option("--validation-split", data->validation_split,
                   "Share of the training data to validate on (checkpoints remember it)")
      ->type_name("F")
      ->check(InRange(0, 1));
  command
      ->add_option("--test-split", data->test_split,
                   "Share of the data to test on, where it has no test data of its own")
      ->type_name("F")
      ->check(InRange(0, 1));
  command
      ->add_option("--seed", data->seed,
                   "Decides initial values, order of rows, splits, dropout [1]")
      ->type_name("S");
}

void AddThreads(CLI::App* command, int32_t* threads) {
  command->add_option("--threads", *threads, "Threads [one per core]; results don't depend on it")
      ->type_name("T")
      ->check(InRange(1, MaxThreads()));
}

CLI::App* AddTrain(CLI::App* app, TrainCommand* command) {
  CLI::App* train = app->add_subcommand("train", "Learn parameters from data");
  TrainOptions& options = command->train;
  AddDataOptions(train, &command->data);
  train
      ->add_option("--epochs", options.epochs,
                   "Passes over the training data, those before --resume included [10]")
      ->type_name("N")
      ->check(InRange(0, kMost));
  AddThreads(train, &command->threads);
  train->add_option("--learning-rate", options.learning_rate, "Replaces the model's base rate")
      ->type_name("RATE");
  train
      ->add_option("--checkpoint", options.checkpoint,
                   "Save to FILE (FILE.1: the one before, FILE.best: best validation loss, "
                   "restored at the end)")
      ->type_name("FILE");
  train
      ->add_option("--checkpoint-every", options.checkpoint_every,
                   "Save every N steps [at ends of epochs, using at most 5% of the time]")
      ->type_name("N")
      ->check(InRange(1, kMost));
  train->add_flag("--resume", command->resume, "Go on from --checkpoint FILE if it is there");
  train
      ->add_option("--early-stopping", options.early_stopping,
                   "Stop after PATIENCE epochs without a better validation loss")
      ->type_name("PATIENCE")
      ->check(InRange(1, kMost));
  train
      ->add_option("--tolerance", options.tolerance,
                   "Converged when an epoch changes the training loss by at most T")
      ->type_name("T")
      ->check(InRange(0, kMost));
  train
      ->add_option("--log", options.log,
                   "One JSON object a line: epochs, and steps with --log-every")
      ->type_name("FILE.jsonl");
  train->add_option("--log-every", options.log_every, "Log every N steps, too")
      ->type_name("N")
      ->check(InRange(1, kMost));
  train
      ->add_option("--track", options.track,
                   "Parameters to log with each step: scalars, or elements such as W1[0,2]")
      ->type_name("NAME,...")
      ->allow_extra_args(false);
  train->add_flag("--quiet", options.quiet, "Print only why training stopped");
  return train;
}

CLI::App* AddEvaluate(CLI::App* app, EvaluateCommand* command, std::string* split) {
  CLI::App* evaluate = app->add_subcommand("evaluate", "Print loss and metrics");
  AddDataOptions(evaluate, &command->data);
  evaluate->add_option("--split", *split, "train, validation or test [test]")
      ->type_name("SPLIT")
      ->check([](const std::string& text) {
        bool known = std::ranges::find(kSplitNames, text) != std::end(kSplitNames);
        return known ? std::string() : Quoted(text) + " is not train, validation or test";
      });
  evaluate->add_option("--checkpoint", command->checkpoint, "Parameters [built-in ones]")
      ->type_name("FILE");
  evaluate->add_flag("--json", command->json, "Print one JSON object");
  AddThreads(evaluate, &command->threads);
  return evaluate;
}

CLI::App* AddPredict(CLI::App* app, PredictCommand* command) {
  CLI::App* predict = app->add_subcommand("predict", "Write predictions for new data");
  predict
      ->add_option("--input", command->input,
                   "Rows: .npy or .csv with the columns of training, or as --data of train")
      ->type_name("X.npy|X.csv");
  predict
      ->add_option("--output", command->output,
                   "Where to: .csv with class names and probabilities, or .npy")
      ->type_name("Y.npy|Y.csv")
      ->required();
  predict->add_option("--checkpoint", command->checkpoint, "Parameters [built-in ones]")
      ->type_name("FILE");
  AddThreads(predict, &command->threads);
  return predict;
}

int Report(const Failure& failure) {
  fmt::print(stderr, "error: {}\n", failure.ToString());
  return static_cast<int>(failure.status);
}

int Run(const descent_program* abi,
        const std::function<Result<ExitStatus>(const Program&)>& command) {
  auto program = Program::Open(abi);
  if (!program) return Report(program.error());
  auto status = command(*program);
  return status ? static_cast<int>(*status) : Report(status.error());
}

}  // namespace

int TrainerMain(const descent_program* abi, int argc, char** argv) try {
  CLI::App app(fmt::format("Trains, evaluates and predicts with the model '{}' ({} for {}).",
                           abi->name, abi->compiler, abi->target));
  app.require_subcommand(1);
  app.get_formatter()->column_width(34);
  TrainCommand train;
  EvaluateCommand evaluate;
  PredictCommand predict;
  std::string split = "test";
  const CLI::App* train_app = AddTrain(&app, &train);
  const CLI::App* evaluate_app = AddEvaluate(&app, &evaluate, &split);
  const CLI::App* predict_app = AddPredict(&app, &predict);
  app.add_subcommand("info", "Print shapes, sizes, target, dependencies and hyperparameters");
  app.footer(
      "Exit status: 0 good, 1 bad input, 2 usage, 3 not supported, 4 I/O, 5 training diverged, 70 "
      "internal, 130 "
      "interrupted after a checkpoint.");
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& help) {
    return app.exit(help);
  } catch (const CLI::ParseError& error) {
    fmt::print(stderr, "error: {} (--help explains)\n", error.what());
    return static_cast<int>(ExitStatus::kUsage);
  }
  if (train_app->parsed()) return Run(abi, [&](auto& program) { return Train(program, train); });
  if (evaluate_app->parsed()) {
    evaluate.split =
        static_cast<Split>(std::ranges::find(kSplitNames, split) - std::begin(kSplitNames));
    return Run(abi, [&](auto& program) { return Evaluate(program, evaluate); });
  }
  if (predict_app->parsed())
    return Run(abi, [&](auto& program) { return Predict(program, predict); });
  return Run(abi, [](const Program& program) -> Result<ExitStatus> {
    fmt::print("{}", InfoText(program));
    return ExitStatus::kGood;
  });
} catch (const std::bad_alloc&) {
  return Report(FailWith(ExitStatus::kIo, "", "the system has no memory left").error());
}

}  // namespace descent::runtime

#include "runtime/command_line.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>

#include "runtime/executor.h"

namespace descent::runtime {
namespace {

// ---- values ------------------------------------------------------------------------------------

constexpr int64_t kMost = int64_t{1} << 53;

template <typename... Args>
std::unexpected<Failure> Usage(fmt::format_string<Args...> format, Args&&... args) {
  return FailWith(ExitStatus::kUsage, "", format, std::forward<Args>(args)...);
}

template <typename T>
bool Read(std::string_view word, T* value) {
  auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), *value);
  return error == std::errc() && end == word.data() + word.size();
}

Result<void> Integer(std::string_view word, int64_t low, int64_t high, auto&& destination) {
  int64_t value = 0;
  if (Read(word, &value) && value >= low && value <= high) {
    destination = static_cast<std::remove_reference_t<decltype(destination)>>(value);
    return {};
  }
  if (low == std::numeric_limits<int64_t>::min())
    return Usage("takes a whole number, not {}", Quoted(word));
  if (high == kMost) return Usage("takes a whole number of at least {}, not {}", low, Quoted(word));
  return Usage("takes a whole number from {} to {}, not {}", low, high, Quoted(word));
}

Result<void> NotNegative(std::string_view word, std::optional<double>& destination) {
  double value = 0;
  if (!Read(word, &value) || !std::isfinite(value) || value < 0)
    return Usage("takes a number of at least 0, not {}", Quoted(word));
  destination = value;
  return {};
}

Result<void> Share(std::string_view word, std::optional<double>& destination) {
  double value = 0;
  if (!Read(word, &value) || !(value >= 0 && value < 1))
    return Usage("takes a share, from 0 to below 1, not {}", Quoted(word));
  destination = value;
  return {};
}

Result<void> Text(std::string_view word, std::string& destination) {
  if (word.empty()) return Usage("takes a name, not ''");
  destination = word;
  return {};
}

Result<void> Threads(CommandLine& line, std::string_view word) {
  if (MaxThreads() == 1 && word != "1")
    return Usage("takes 1 only: this program is single-threaded");
  return Integer(word, 1, MaxThreads(), line.threads);
}

Result<void> SplitName(CommandLine& line, std::string_view word) {
  const auto* name = std::ranges::find(kSplitNames, word);
  if (name == std::end(kSplitNames))
    return Usage("takes train, validation or test, not {}", Quoted(word));
  line.split = static_cast<Split>(name - std::begin(kSplitNames));
  return {};
}

// ---- tables ------------------------------------------------------------------------------------

using Line = CommandLine&;
using Word = std::string_view;

Result<void> Set(bool& flag) {
  flag = true;
  return {};
}

constexpr CommandSpec kCommands[] = {
    {kTrain, "train", "learn parameters from data",
     "Ctrl-C stops after the step and saves a checkpoint; a second Ctrl-C ends it at once, "
     "unsaved"},
    {kEvaluate, "evaluate", "print loss and metrics"},
    {kPredict, "predict", "write predictions for new data"},
    {kExport, "export", "write the model with what it has learned as an ONNX file"},
    {kInfo, "info", "print shapes, sizes, target, dependencies and hyperparameters"},
};

constexpr OptionSpec kOptions[] = {
    {kTrain | kEvaluate, "--data", "SPEC",
     "what to work on: a generator (circle, xor, gauss, spiral, plane, multi-gauss, sine, shapes) "
     "with options as in circle:samples=500,noise=0.1,seed=1; fashion-mnist; a .csv "
     "(FILE.csv:label=NAME), .npz or IDX file; features=FILE,label=FILE; or a folder with MNIST's "
     "four files",
     [](Line line, Word word) { return Text(word, line.data.data); }},
    {kTrain | kEvaluate, "--test-data", "SPEC", "test data of its own, as --data",
     [](Line line, Word word) { return Text(word, line.data.test_data); }},
    {kTrain | kEvaluate, "--validation-split", "F",
     "share of the training data to validate on (a checkpoint remembers it)",
     [](Line line, Word word) { return Share(word, line.data.validation_split); }},
    {kTrain | kEvaluate, "--test-split", "F",
     "share of the data to test on, where it has no test data of its own",
     [](Line line, Word word) { return Share(word, line.data.test_split); }},
    {kTrain | kEvaluate, "--seed", "S",
     "decides initial values, order of rows, splits, dropout (default 1)",
     [](Line line, Word word) {
       return Integer(word, std::numeric_limits<int64_t>::min(),
                      std::numeric_limits<int64_t>::max(), line.data.seed.emplace());
     }},
    {kTrain, "--epochs", "N",
     "passes over the training data, those before --resume included (default 10)",
     [](Line line, Word word) { return Integer(word, 0, kMost, line.train.epochs); }},
    {kTrain, "--learning-rate", "RATE",
     "replaces the model's base rate; of several updates, the first one's, and scales the others",
     [](Line line, Word word) { return NotNegative(word, line.train.learning_rate); }},
    {kTrain, "--checkpoint", "FILE",
     "save to FILE (FILE.1: the one before; FILE.best: best validation loss, restored at the end)",
     [](Line line, Word word) { return Text(word, line.checkpoint); }},
    {kTrain, "--checkpoint-every", "N",
     "save every N steps (default: at ends of epochs, using at most 5% of the time)",
     [](Line line, Word word) { return Integer(word, 1, kMost, line.train.checkpoint_every); }},
    {kTrain, "--resume", "", "go on from --checkpoint FILE if it is there",
     [](Line line, Word) { return Set(line.resume); }},
    {kTrain, "--early-stopping", "PATIENCE",
     "stop after PATIENCE epochs without a better validation loss",
     [](Line line, Word word) { return Integer(word, 1, kMost, line.train.early_stopping); }},
    {kTrain, "--tolerance", "T", "converged when an epoch changes the training loss by at most T",
     [](Line line, Word word) { return NotNegative(word, line.train.tolerance); }},
    {kTrain, "--log", "FILE.jsonl", "one JSON object a line: epochs, and steps with --log-every",
     [](Line line, Word word) { return Text(word, line.train.log); }},
    {kTrain, "--log-every", "N", "log every N steps, too",
     [](Line line, Word word) { return Integer(word, 1, kMost, line.train.log_every); }},
    {kTrain, "--track", "NAME,...",
     "parameters to log with each step: scalars, or elements such as W1[0,2]",
     [](Line line, Word word) { return Text(word, line.train.track.emplace_back()); }},
    {kTrain, "--quiet", "", "print only why training stopped",
     [](Line line, Word) { return Set(line.train.quiet); }},
    {kEvaluate, "--split", "SPLIT", "train, validation or test (default test)", SplitName},
    {kPredict, "--input", "X.npy|X.csv",
     "rows: .npy or .csv with the columns of training, or as --data of train",
     [](Line line, Word word) { return Text(word, line.input); }},
    {kPredict, "--output", "Y.npy|Y.csv",
     "where to: .csv with class names and probabilities, or .npy",
     [](Line line, Word word) { return Text(word, line.output); }, "-o"},
    {kExport, "--output", "FILE.onnx", "where to",
     [](Line line, Word word) { return Text(word, line.output); }, "-o"},
    {kEvaluate | kPredict | kExport, "--checkpoint", "FILE",
     "parameters (default: those compiled in)",
     [](Line line, Word word) { return Text(word, line.checkpoint); }},
    {kEvaluate, "--json", "", "print one JSON object",
     [](Line line, Word) { return Set(line.json); }},
    {kTrain | kEvaluate | kPredict, "--threads", "T",
     "threads (default: one per core); results don't depend on it", Threads},
    {.commands = kTrain | kEvaluate | kPredict | kExport | kInfo,
     .name = "--isa",
     .value = "TARGET",
     .doc = "of an executable for several targets the program of this one (default: the best one "
            "that the CPU can run)",
     .set = [](Line line, Word word) { return Text(word, line.isa); },
     .of_several_programs = true},
};

// ---- parsing -----------------------------------------------------------------------------------

Result<const CommandSpec*> FindCommand(std::string_view word) {
  const auto* found = std::ranges::find(kCommands, word, &CommandSpec::name);
  if (found != std::end(kCommands)) return found;
  return WithHint(
      Usage("unknown {} {}", word.starts_with('-') ? "option" : "command", Quoted(word)),
      "commands are train, evaluate, predict, export and info");
}

/// Known names that begin like `name`, or `name` like them: "--epoch", "--checkpoints".
std::string Similar(std::string_view name, const std::vector<const OptionSpec*>& options) {
  for (const OptionSpec* option : options)
    if (name.size() > 3 && (option->name.starts_with(name) || name.starts_with(option->name)))
      return fmt::format("did you mean {}?", option->name);
  return "--help lists the options";
}

}  // namespace

std::span<const CommandSpec> CommandSpecs() { return kCommands; }

std::vector<const OptionSpec*> OptionsOf(CommandBit command) {
  std::vector<const OptionSpec*> options;
  for (const OptionSpec& option : kOptions)
    if (option.commands & command) options.push_back(&option);
  return options;
}

Result<CommandLine> ParseCommandLine(std::span<const std::string> words) {
  CommandLine line;
  line.help = words.empty() || words[0] == "--help" || words[0] == "-h" || words[0] == "help";
  line.version = !words.empty() && words[0] == "--version";
  if (line.help || line.version) return line;
  auto command = FindCommand(words[0]);
  if (!command) return std::unexpected(command.error());
  line.command = *command;
  const std::vector<const OptionSpec*> options = OptionsOf(line.command->bit);
  for (size_t i = 1; i < words.size(); ++i) {
    const std::string_view word = words[i];
    if (word == "--help" || word == "-h") {
      line.help = true;
      return line;
    }
    if (word == "--") {  // the end of the options, and no command takes arguments
      if (i + 1 == words.size()) return line;
      return Usage("unexpected argument {}", Quoted(words[i + 1]));
    }
    if (!word.starts_with('-')) return Usage("unexpected argument {}", Quoted(word));
    const size_t equal = word.find('=');
    const std::string_view name = word.substr(0, equal);
    auto found = std::ranges::find_if(options, [&](const OptionSpec* option) {
      return name == option->name || name == option->short_name;
    });
    if (found == options.end())
      return WithHint(Usage("{} has no option {}", line.command->name, Quoted(name)),
                      Similar(name, options));
    const bool is_flag = (*found)->value.empty(), attached = equal != std::string_view::npos;
    if (is_flag && attached) return Usage("{} takes no value", name);
    if (!is_flag && !attached && i + 1 == words.size())
      return Usage("{} needs a value: {}", name, (*found)->value);
    const std::string_view value = is_flag    ? std::string_view()
                                   : attached ? word.substr(equal + 1)
                                              : std::string_view(words[++i]);
    if (auto set = (*found)->set(line, value); !set)
      return Usage("{} {}", name, set.error().message);
  }
  return line;
}

}  // namespace descent::runtime

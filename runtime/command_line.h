// The command line of a produced executable as data: its commands and their options. Parsing,
// --help and `descent train` are made from these tables, so they cannot disagree.
//
//   auto line = ParseCommandLine({"train", "--data", "circle", "--epochs", "5"});
//   line->train.epochs == 5
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/commands.h"

namespace descent::runtime {

/// Bits, so that an option can belong to several commands.
enum CommandBit : uint8_t { kTrain = 1, kEvaluate = 2, kPredict = 4, kExport = 8, kInfo = 16 };

struct CommandSpec {
  CommandBit bit;
  std::string_view name, doc;
  std::string_view note = "";  ///< what else to know; one sentence without full stop
};
std::span<const CommandSpec> CommandSpecs();

/// What was asked for, after parsing.
struct CommandLine {
  const CommandSpec* command = nullptr;  ///< null: --help or --version of the whole program
  bool help = false, version = false;
  DataOptions data;
  std::string checkpoint;
  int32_t threads = 0;
  TrainOptions train;  ///< all but the checkpoint
  bool resume = false;
  Split split = Split::kTest;
  bool json = false;
  std::string input, output;
  std::string isa;  ///< a target's name, or "": the best one
};

struct OptionSpec {
  int commands;            ///< bits
  std::string_view name;   ///< "--epochs"
  std::string_view value;  ///< placeholder: "N"; empty for flags
  std::string_view doc;
  /// Stores the value (empty for flags). A failure continues the option's name: "takes ...".
  Result<void> (*set)(CommandLine& line, std::string_view value);
  std::string_view short_name = "";  ///< "-o"
  /// Chooses between the programs of an executable; --help of others leaves it out.
  bool of_several_programs = false;
};
/// The options of one command, in the order of its help.
std::vector<const OptionSpec*> OptionsOf(CommandBit command);

/// Failures have status kUsage. "--name value" and "--name=value" are the same; "--" ends the
/// options.
Result<CommandLine> ParseCommandLine(std::span<const std::string> words);

}  // namespace descent::runtime

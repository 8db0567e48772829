// descent-fuzz: random graphs, compiled in process, against the interpreter.
//
//   descent-fuzz --graphs 20000 --seed 0
//   descent-fuzz --reproduce descent-fuzz-17.descent
#include <CLI/CLI.hpp>
#include <cstdio>
#include <fstream>
#include <sstream>

#include "tests/compiler/oracle/case_file.h"
#include "tests/compiler/oracle/fuzz_run.h"

namespace descent {
namespace {

int Fail(const Diagnostic& error) {
  fmt::print(stderr, "{}", error.ToString());
  return static_cast<int>(error.status);
}

/// A stored case, with the options it was stored with.
int Reproduce(const std::string& path) {
  std::ifstream file(path);
  if (!file) return Fail({.message = "cannot read " + Quoted(path), .status = ExitStatus::kIo});
  std::stringstream text;
  text << file.rdbuf();
  const auto stored = ParseCase(text.str(), path);
  if (!stored) return Fail(stored.error());
  const std::string failure = CheckApart(stored->one, stored->options);
  fmt::print("{}: {}\n", ToString(stored->options),
             failure.empty() ? "equal to the interpreter" : failure);
  return static_cast<int>(failure.empty() ? ExitStatus::kGood : ExitStatus::kDiffers);
}

int Main(int argc, char** argv) {
  CLI::App app("Random graphs over all operators, compiled in process, against the interpreter.");
  FuzzOptions options;
  std::string reproduced;
  app.add_option("--graphs", options.graphs, "how many")->check(CLI::NonNegativeNumber);
  app.add_option("--seed", options.seed, "of the first graph; the next ones have the next numbers");
  app.add_option("--minutes", options.minutes, "stop after so many")->check(CLI::NonNegativeNumber);
  app.add_option("--inject", options.injected, "relative error put into a kernel of every program");
  app.add_option("--output", options.folder, "folder of reduced cases");
  app.add_option("--reduce", options.reduced, "so many failures at most");
  app.add_option("--reproduce", reproduced, "run a reduced case instead");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : static_cast<int>(ExitStatus::kUsage);
  }
  if (!reproduced.empty()) return Reproduce(reproduced);
  const FuzzResult result = RunFuzz(options);
  const bool good = result.mismatches == 0 && result.crashes == 0;
  return static_cast<int>(good ? ExitStatus::kGood : ExitStatus::kDiffers);
}

}  // namespace
}  // namespace descent

int main(int argc, char** argv) { return descent::Main(argc, argv); }

#include "tests/cli/limited.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <regex>
#include <sstream>

namespace descent::test {
namespace {

namespace fs = std::filesystem;

/// One error, and below it only its place, source line and hint.
bool IsOneDiagnostic(const std::string& text) {
  static const std::regex kBelow(" *--> .*| *\\d* \\|.*| *= help: .*");
  std::istringstream lines(text);
  std::string line;
  if (!std::getline(lines, line) || !line.starts_with("error: ")) return false;
  while (std::getline(lines, line))
    if (!std::regex_match(line, kBelow)) return false;
  return text.ends_with('\n');
}

}  // namespace

Outcome RunLimited(const Shell& shell, const std::string& line) {
#if defined(DESCENT_SANITIZE_ADDRESS) || defined(DESCENT_SANITIZE_THREAD)
  const std::string limits = "ulimit -t 60\n";
#else
  const std::string limits = "ulimit -t 60 -v 2097152\n";
#endif
  shell.Write("../" + fs::path(shell.folder()).filename().string() + ".line", line + "\n");
  const std::string file = shell.folder() + ".line";
  const Outcome outcome = shell.Run(limits + "timeout -s KILL 600 bash -o pipefail " + file);
  fs::remove(file);
  return outcome;
}

std::vector<std::string> FilesIn(const Shell& shell) {
  std::vector<std::string> files;
  for (const auto& entry : fs::recursive_directory_iterator(shell.folder()))
    if (!entry.is_directory())
      files.push_back(fmt::format("{} {}", fs::relative(entry.path(), shell.folder()).string(),
                                  entry.is_symlink() ? 0 : entry.file_size()));
  std::ranges::sort(files);
  return files;
}

std::string WhyNotRefused(const Shell& shell, const std::string& line,
                          const std::vector<std::string>& words) {
  const std::vector<std::string> before = FilesIn(shell);
  const Outcome outcome = RunLimited(shell, line);
  std::string why;
  if (outcome.status != 1) why += fmt::format("exit status {}\n", outcome.status);
  if (!outcome.out.empty()) why += "a result\n";
  if (!IsOneDiagnostic(outcome.err)) why += "not one diagnostic\n";
  for (const std::string& word : words)
    if (outcome.err.find(word) == std::string::npos) why += fmt::format("nothing of '{}'\n", word);
  if (FilesIn(shell) != before) why += "files were made or changed\n";
  if (!why.empty())
    why += fmt::format("{}\n{}{}", line, outcome.out.substr(0, 500), outcome.err.substr(0, 2000));
  return why;
}

std::string ModelText(const std::string& statements) {
  return "descent 1\nmodel m {\n" + statements + "}\n";
}

}  // namespace descent::test

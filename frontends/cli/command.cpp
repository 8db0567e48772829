#include "frontends/cli/command.h"

#include <algorithm>
#include <numeric>

#include "frontends/cli/commands.h"

namespace descent::cli {
namespace {

/// Number of inserted, deleted, replaced or swapped neighbouring letters (Damerau, restricted).
size_t EditDistance(std::string_view a, std::string_view b) {
  std::vector<std::vector<size_t>> d(a.size() + 1, std::vector<size_t>(b.size() + 1));
  for (size_t i = 0; i <= a.size(); ++i) d[i][0] = i;
  std::iota(d[0].begin(), d[0].end(), size_t{0});
  for (size_t i = 1; i <= a.size(); ++i) {
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t replaced = d[i - 1][j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      d[i][j] = std::min({d[i - 1][j] + 1, d[i][j - 1] + 1, replaced});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        d[i][j] = std::min(d[i][j], d[i - 2][j - 2] + 1);
    }
  }
  return d[a.size()][b.size()];
}

}  // namespace

const std::vector<Command>& Commands() {
  static const std::vector<Command> kCommands = {
      OpsCommand(),
      CompletionCommand(),
      ManCommand(),
  };
  return kCommands;
}

const Command* FindCommand(std::string_view name) {
  const auto place = std::ranges::find(Commands(), name, &Command::name);
  return place == Commands().end() ? nullptr : &*place;
}

std::string Closest(std::string_view word, const std::vector<std::string>& words) {
  std::string best;
  size_t best_distance = std::max<size_t>(1, word.size() / 3) + 1;
  for (const std::string& candidate : words) {
    const size_t distance = EditDistance(word.substr(0, 64), candidate);
    if (distance < best_distance) {
      best = candidate;
      best_distance = distance;
    }
  }
  return best;
}

std::string DidYouMean(std::string_view word, const std::vector<std::string>& words) {
  const std::string closest = Closest(word, words);
  return closest.empty() ? "" : fmt::format("did you mean {}?", Quoted(closest));
}

namespace {

std::unexpected<Diagnostic> Fail(ExitStatus status, std::string message, std::string hint) {
  Diagnostic diagnostic;
  diagnostic.message = std::move(message);
  diagnostic.hint = std::move(hint);
  diagnostic.status = status;
  return std::unexpected(std::move(diagnostic));
}

}  // namespace

std::unexpected<Diagnostic> UsageError(std::string message, std::string hint) {
  return Fail(ExitStatus::kUsage, std::move(message), std::move(hint));
}

std::unexpected<Diagnostic> InputError(std::string message, std::string hint) {
  return Fail(ExitStatus::kInvalid, std::move(message), std::move(hint));
}

}  // namespace descent::cli

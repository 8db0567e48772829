// Files of tunings: see tuning.h.

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>

#include "compiler/tuning.h"

namespace descent {
namespace {

constexpr std::string_view kMagic = "descent tuning ", kVersion = "1";
constexpr std::string_view kTarget = "target ", kContraction = "contraction ", kIs = " = ";
constexpr std::string_view kOnLanes[] = {"columns on lanes, tile ", "rows on lanes, tile "};
/// Files of any model are far smaller.
constexpr uintmax_t kMostBytes = 16 << 20;

bool Take(std::string_view& text, std::string_view word) {
  if (!text.starts_with(word)) return false;
  text.remove_prefix(word.size());
  return true;
}

bool Take(std::string_view& text, int64_t& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc()) return false;
  text.remove_prefix(static_cast<size_t>(end - text.data()));
  return number > 0;
}

bool TakePair(std::string_view& text, int64_t& m, int64_t& n) {
  return Take(text, m) && Take(text, "x") && Take(text, n);
}

std::optional<ContractionChoice> ParseChoice(std::string_view text) {
  ContractionChoice choice;
  if (Take(text, kOnLanes[1]))
    choice.lanes = LaneGroup::kRows;
  else if (!Take(text, kOnLanes[0]))
    return std::nullopt;
  if (!TakePair(text, choice.register_m, choice.register_n) || !Take(text, ", blocks ") ||
      !TakePair(text, choice.block_m, choice.block_n))
    return std::nullopt;
  choice.parallel = text == ", parallel";
  if (!choice.parallel && text != ", serial") return std::nullopt;
  return choice;
}

class TuningParser {
 public:
  TuningParser(std::string_view text, const std::string& file) : text_(text) {
    tuning_.file = file;
  }

  Result<Tuning> Parse() {
    DESCENT_RETURN_IF_ERROR(ParseHead());
    while (!text_.empty()) {
      const std::string_view line = NextLine();
      if (!line.empty() && !line.starts_with('#')) DESCENT_RETURN_IF_ERROR(ParseLine(line));
    }
    return std::move(tuning_);
  }

 private:
  std::string_view NextLine() {
    const size_t end = std::min(text_.find('\n'), text_.size());
    std::string_view line = text_.substr(0, end);
    text_.remove_prefix(std::min(end + 1, text_.size()));
    ++line_;
    while (line.ends_with(' ') || line.ends_with('\r')) line.remove_suffix(1);
    return line;
  }

  std::unexpected<Diagnostic> Wrong(std::string message, std::string hint = "") const {
    return std::unexpected(Diagnostic{.message = std::move(message),
                                      .location = {.file = tuning_.file, .line = line_},
                                      .hint = std::move(hint)});
  }

  Result<void> ParseHead() {
    std::string_view line = NextLine();
    if (!Take(line, kMagic)) return Wrong("this is no tuning", "`descent tune MODEL` writes one");
    if (line == kVersion) return {};
    auto error = Wrong(fmt::format("tunings have version {} here, not {}", kVersion, Quoted(line)));
    error.error().status = ExitStatus::kUnsupported;
    return error;
  }

  Result<void> ParseLine(std::string_view line) {
    if (std::string_view name = line; Take(name, kTarget)) return BeginTarget(name);
    if (!line.starts_with(kContraction))
      return Wrong(fmt::format("{} is nothing that is tuned; contractions are",
                               Quoted(line.substr(0, line.find(' ')))));
    if (lines_ == nullptr) return Wrong("no line `target` says for which CPU this is");
    const size_t is = line.rfind(kIs);
    if (is == std::string_view::npos) return Wrong("a contraction's line is `KEY = CHOICE`");
    TunedContraction tuned{.key = std::string(line.substr(0, is)), .line = line_};
    const std::string_view text = line.substr(is + kIs.size());
    const auto choice = ParseChoice(text);
    if (!choice)
      return Wrong(
          fmt::format("{} is no choice", Quoted(text)),
          fmt::format("one is as {}", Quoted(ToString(ContractionChoice{.register_m = 6,
                                                                        .register_n = 64,
                                                                        .block_m = 96,
                                                                        .block_n = 512,
                                                                        .parallel = true}))));
    tuned.choice = *choice;
    const auto other = std::ranges::find(*lines_, tuned.key, &TunedContraction::key);
    if (other != lines_->end())
      return Wrong(fmt::format("line {} has chosen for this contraction already", other->line));
    lines_->push_back(std::move(tuned));
    return {};
  }

  Result<void> BeginTarget(std::string_view name) {
    const auto known = AllTargets();
    if (std::ranges::find(known, name, &Target::name) == known.end())
      return Wrong(fmt::format("unknown target {}", Quoted(name)));
    lines_ = &tuning_.targets[std::string(name)];
    return {};
  }

  std::string_view text_;
  Tuning tuning_;
  int line_ = 0;
  std::vector<TunedContraction>* lines_ = nullptr;
};

}  // namespace

std::string ToString(const ContractionChoice& choice) {
  return fmt::format("{}{}x{}, blocks {}x{}, {}", kOnLanes[choice.lanes == LaneGroup::kRows],
                     choice.register_m, choice.register_n, choice.block_m, choice.block_n,
                     choice.parallel ? "parallel" : "serial");
}

Result<Tuning> ParseTuning(std::string_view text, const std::string& file) {
  return TuningParser(text, file).Parse();
}

Result<Tuning> ReadTuning(const std::string& file) {
  errno = 0;
  std::ifstream stream(file, std::ios::binary);
  std::error_code error;
  if (std::filesystem::is_directory(file, error)) errno = EISDIR;
  if (!stream || errno == EISDIR)
    return ErrorWithStatus(ExitStatus::kIo, "cannot read {}: {}", Quoted(file),
                           std::strerror(errno));
  std::string text;
  for (char buffer[1 << 14]; stream.read(buffer, sizeof buffer), stream.gcount() > 0;) {
    text.append(buffer, static_cast<size_t>(stream.gcount()));
    if (text.size() > kMostBytes)
      return std::unexpected(
          Diagnostic{.message = "this is no tuning: it is too long", .location = {.file = file}});
  }
  return ParseTuning(text, file);
}

std::string PrintTuning(const Tuning& tuning) {
  std::string text = fmt::format("{}{}\n", kMagic, kVersion);
  for (const auto& [target, lines] : tuning.targets) {
    text += fmt::format("{}{}\n", kTarget, target);
    for (const TunedContraction& line : lines) {
      if (!line.note.empty()) text += fmt::format("# {}\n", line.note);
      text += fmt::format("{}{}{}\n", line.key, kIs, ToString(line.choice));
    }
  }
  return text;
}

}  // namespace descent

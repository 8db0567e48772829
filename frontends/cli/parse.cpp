#include "frontends/cli/parse.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>
#include <list>

namespace descent::cli {
namespace {

/// "--output" of "-o,--output": the name in messages.
std::string LongName(const Option& option) {
  const size_t comma = option.names.rfind(',');
  return comma == std::string::npos ? option.names : option.names.substr(comma + 1);
}

/// An option as CLI11 sees it: words only. Conversion is ours, so that messages are, too.
struct Binding {
  const Option* option;
  std::vector<std::string> words;
  bool flag = false;
};

std::unexpected<Diagnostic> BadValue(const Option& option, std::string_view wanted,
                                     const std::string& word, std::string hint = "") {
  return UsageError(fmt::format("{} takes {}, not {}", LongName(option), wanted, Quoted(word)),
                    std::move(hint));
}

Result<void> CheckChoice(const Option& option, const std::string& word) {
  if (option.choices.empty() || std::ranges::find(option.choices, word) != option.choices.end())
    return {};
  return BadValue(option, fmt::format("one of {}", fmt::join(option.choices, ", ")), word,
                  DidYouMean(word, option.choices));
}

Result<int64_t> ParseInteger(const Option& option, const std::string& word) {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
  if (error != std::errc() || end != word.data() + word.size())
    return BadValue(option, "a whole number", word);
  if (value < option.minimum)
    return BadValue(option, fmt::format("a number of at least {}", option.minimum), word);
  return value;
}

std::vector<std::string> SplitAtCommas(const std::vector<std::string>& words) {
  std::vector<std::string> parts;
  for (const std::string& word : words)
    for (auto& part : CLI::detail::split(word, ','))
      if (!part.empty()) parts.push_back(std::move(part));
  return parts;
}

/// Where a value is missing the option says so itself; a title may be empty.
Result<void> Store(const Binding& binding) {
  const Option& option = *binding.option;
  const auto& words = option.comma_list ? SplitAtCommas(binding.words) : binding.words;
  for (const std::string& word : words) {
    if (word.empty() && !option.is_argument() && option.value != "TEXT")
      return BadValue(option, option.value, word);
    DESCENT_RETURN_IF_ERROR(CheckChoice(option, word));
  }
  if (const auto* forwarded = std::get_if<Forwarded>(&option.destination)) {
    if (binding.flag) forwarded->words->push_back(LongName(option));
    for (const std::string& word : words)
      forwarded->words->insert(forwarded->words->end(), {LongName(option), word});
  } else if (auto* const* flag = std::get_if<bool*>(&option.destination)) {
    **flag = binding.flag;
  } else if (auto* const* list = std::get_if<std::vector<std::string>*>(&option.destination)) {
    **list = words;
  } else if (!words.empty()) {
    const std::string& last = words.back();
    if (auto* const* text = std::get_if<std::string*>(&option.destination)) {
      **text = last;
    } else {
      DESCENT_TRY(value, ParseInteger(option, last));
      if (auto* const* integer = std::get_if<int64_t*>(&option.destination)) **integer = value;
      if (auto* const* integer = std::get_if<std::optional<int64_t>*>(&option.destination))
        **integer = value;
    }
  }
  return {};
}

/// CLI11 splits "[1, 2]" at its commas unless it begins otherwise.
constexpr char kWhole = '\x01';

void KeepWhole(std::string& word) {
  if (word.starts_with('[')) word.insert(word.begin(), kWhole);
}

void Restore(std::vector<std::string>& words) {
  for (std::string& word : words)
    if (word.starts_with(kWhole) && word.substr(1).starts_with('[')) word.erase(0, 1);
}

const Option* FindOption(const Command& command, std::string_view name) {
  for (const OptionGroup& group : command.groups)
    for (const Option& option : group.options)
      for (const std::string& own : CLI::detail::split(option.names, ','))
        if (own == name) return &option;
  return nullptr;
}

/// CLI11 takes the next word for the value of "--output=", and "--quiet=no" for no flag at all.
Result<void> CheckAttached(const Command& command, const std::vector<std::string>& words) {
  for (const std::string& word : words) {
    if (word == "--") break;
    const size_t equals = word.find('=');
    if (!word.starts_with("--") || equals == std::string::npos) continue;
    const std::string name = word.substr(0, equals);
    const Option* option = FindOption(command, name);
    if (option == nullptr) continue;
    if (option->is_flag()) return UsageError(fmt::format("{} takes no value", name));
    if (equals + 1 == word.size()) return BadValue(*option, option->value, "");
  }
  return {};
}

void Declare(CLI::App& app, Binding& binding) {
  const Option& option = *binding.option;
  if (option.is_flag()) {
    app.add_flag(option.names, binding.flag);
    return;
  }
  CLI::Option* declared = app.add_option(option.names, binding.words);
  declared->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  if (option.is_argument()) {
    declared->expected(option.is_repeated() ? -1 : 1)->allow_extra_args(option.is_repeated());
  } else {
    declared->expected(1)->allow_extra_args(false);
  }
}

std::vector<std::string> OptionNames(const Command& command) {
  std::vector<std::string> names = {"--help"};
  for (const OptionGroup& group : command.groups)
    for (const Option& option : group.options) names.push_back(LongName(option));
  return names;
}

Result<void> RefuseExtras(const Command& command, const std::vector<std::string>& extras) {
  if (extras.empty()) return {};
  const std::string& word = extras.front();
  if (word.starts_with('-') && word.size() > 1) {
    const std::string name = word.substr(0, word.find('='));
    std::string hint = DidYouMean(name, OptionNames(command));
    if (hint.empty()) hint = fmt::format("`descent {} --help` lists the options", command.name);
    return UsageError(fmt::format("unknown option {}", Quoted(name)), std::move(hint));
  }
  return UsageError(fmt::format("unexpected argument {}", Quoted(word)),
                    fmt::format("`descent {} --help` shows how it is used", command.name));
}

Result<void> CheckRequired(const Command& command, const Binding& binding) {
  if (!binding.option->required || !binding.words.empty()) return {};
  const Option& option = *binding.option;
  return UsageError(
      fmt::format("{} is missing", option.is_argument() ? option.names : LongName(option)),
      fmt::format("`descent {} --help` shows how it is used", command.name));
}

}  // namespace

Result<Request> Parse(const Command& command, std::vector<std::string> words) {
  CLI::App app;
  app.set_help_flag();
  app.allow_extras();
  bool help = false;
  app.add_flag("-h,--help", help);
  std::list<Binding> bindings;
  const auto declare = [&](const Option& option) {
    bindings.push_back({.option = &option, .words = {}});
    Declare(app, bindings.back());
  };
  for (const Option& option : command.arguments) declare(option);
  for (const OptionGroup& group : command.groups)
    for (const Option& option : group.options) declare(option);

  DESCENT_RETURN_IF_ERROR(CheckAttached(command, words));
  std::ranges::reverse(words);
  std::ranges::for_each(words, KeepWhole);
  try {
    app.parse(words);
  } catch (const CLI::ArgumentMismatch& mismatch) {
    const std::string text = mismatch.what();
    return UsageError(fmt::format("{} needs a value", text.substr(0, text.find(':'))),
                      fmt::format("`descent {} --help` says which", command.name));
  } catch (const CLI::ParseError& error) {
    return UsageError(error.what());
  }
  if (help) return Request::kHelp;
  std::vector<std::string> extras = app.remaining();
  Restore(extras);
  if (const auto mark = std::ranges::find(extras, "--"); mark != extras.end()) extras.erase(mark);
  DESCENT_RETURN_IF_ERROR(RefuseExtras(command, extras));
  for (Binding& binding : bindings) {
    Restore(binding.words);
    DESCENT_RETURN_IF_ERROR(CheckRequired(command, binding));
    if (!binding.words.empty() || binding.option->is_flag())
      DESCENT_RETURN_IF_ERROR(Store(binding));
  }
  return Request::kRun;
}

}  // namespace descent::cli

#include "tests/compiler/oracle/case_file.h"

#include <charconv>
#include <sstream>

#include "compiler/graph/specialize.h"
#include "ir/io/text_parser.h"
#include "ir/io/text_printer.h"

namespace descent {
namespace {

constexpr std::string_view kOptions = "options ", kEntry = "entry ", kCalls = "calls ",
                           kValues = "values:";

/// A model whose state is the values: the text IR prints and reads tensors exactly.
std::string PrintValues(const NamedTensors& values) {
  Model model{.name = "values"};
  for (const auto& [name, tensor] : values) {
    Slot slot{.name = name, .type = tensor.type(), .kind = SlotKind::kStatistic};
    slot.initializer.data = tensor;
    model.slots.push_back(std::move(slot));
  }
  return PrintText(model);
}

Result<NamedTensors> ParseValues(const std::string& text, const std::string& name) {
  DESCENT_TRY(model, ParseText(text, name + ", values"));
  NamedTensors values;
  for (const Slot& slot : model.slots)
    if (slot.initializer.data) values[slot.name] = *slot.initializer.data;
  return values;
}

/// What follows `word` on its line.
std::string Field(const std::string& comment, std::string_view word) {
  std::istringstream lines(comment);
  for (std::string line; std::getline(lines, line);)
    if (line.starts_with(word)) return line.substr(word.size());
  return "";
}

}  // namespace

std::string PrintCase(const CaseFile& file) {
  Model model = file.one.model;
  model.comment =
      fmt::format("{}{}\n{}{}\n{}{}\n{}\n{}", kOptions, ToString(file.options), kEntry,
                  file.one.entry, kCalls, file.one.calls, kValues, PrintValues(file.one.values));
  while (model.comment.ends_with('\n')) model.comment.pop_back();
  return PrintText(model);
}

Result<CaseFile> ParseCase(const std::string& text, const std::string& name) {
  CaseFile file;
  DESCENT_TRY(model, ParseText(text, name));
  const std::string comment = model.comment;
  file.one.model = std::move(model);
  DESCENT_TRY(options, ParseOptions(Field(comment, kOptions)));
  file.options = std::move(options);
  file.one.entry = Field(comment, kEntry);
  const std::string calls = Field(comment, kCalls);
  std::from_chars(calls.data(), calls.data() + calls.size(), file.one.calls);
  const size_t values = comment.find(kValues);
  if (values == std::string::npos || file.one.entry.empty())
    return Error("{} is no case of descent-fuzz: its comment has no entry and values", name);
  DESCENT_TRY(parsed, ParseValues(comment.substr(values + kValues.size()), name));
  file.one.values = std::move(parsed);
  return file;
}

}  // namespace descent

#include "runtime/data/csv.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <map>

namespace descent::runtime {
namespace {

constexpr size_t kMaxColumns = 1'000'000;
constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

std::string_view Trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

std::optional<double> ParseNumber(std::string_view text) {
  text = Trimmed(text);
  if (text.starts_with('+')) text.remove_prefix(1);
  double value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || end != text.data() + text.size()) return std::nullopt;
  if (error == std::errc::result_out_of_range) return INFINITY;
  return error == std::errc() ? std::optional(value) : std::nullopt;
}

bool IsMissing(std::string_view text) {
  constexpr std::string_view kMissing[] = {"", "NA", "N/A", "NaN", "nan", "null", "NULL", "?"};
  return std::ranges::find(kMissing, Trimmed(text)) != std::end(kMissing);
}

/// Splits the text into records of fields.
class RecordReader {
 public:
  RecordReader(std::string_view text, const std::string& path, char separator)
      : text_(text), path_(path), separator_(separator) {
    if (text_.starts_with(kByteOrderMark)) text_.remove_prefix(kByteOrderMark.size());
  }

  /// The next record into `fields` (reused), or false at the end. Empty lines are skipped where
  /// they cannot be a record: when records have several fields.
  Result<bool> Next(std::vector<std::string>* fields, size_t expected_fields) {
    for (;;) {
      if (at_ == text_.size()) return false;
      first_line_ = line_;
      size_t count = 0;
      for (bool more = true; more;) {
        if (count == kMaxColumns) return FailAt(path_, line_, "more than {} columns", kMaxColumns);
        if (count == fields->size()) fields->emplace_back();
        auto ended = Field(&(*fields)[count++]);
        if (!ended) return std::unexpected(ended.error());
        more = !*ended;
      }
      bool empty = count == 1 && (*fields)[0].empty();
      if (empty && (expected_fields != 1 || at_ == text_.size())) continue;
      fields->resize(count);
      return true;
    }
  }
  int64_t line() const { return first_line_; }

 private:
  /// Reads one field; true when it was the record's last.
  Result<bool> Field(std::string* field) {
    field->clear();
    if (at_ < text_.size() && text_[at_] == '"') return QuotedField(field);
    size_t begin = at_;
    while (at_ < text_.size() && text_[at_] != separator_ && text_[at_] != '\n') {
      if (text_[at_] == '\0') return FailAt(path_, line_, "NUL byte: this is not a text file");
      if (text_[at_] == '\r' && at_ + 1 < text_.size() && text_[at_ + 1] == '\n') break;
      ++at_;
    }
    *field = text_.substr(begin, at_ - begin);
    return EndOfField();
  }

  Result<bool> QuotedField(std::string* field) {
    int64_t opened = line_;
    for (++at_; at_ < text_.size(); ++at_) {
      if (text_[at_] == '"') {
        if (at_ + 1 == text_.size() || text_[at_ + 1] != '"') break;
        ++at_;
      }
      line_ += text_[at_] == '\n';
      field->push_back(text_[at_]);
    }
    if (at_ == text_.size()) return FailAt(path_, opened, "quote is not closed");
    ++at_;
    if (at_ < text_.size() && text_[at_] != separator_ && text_[at_] != '\n' &&
        text_[at_] != '\r') {
      return FailAt(path_, line_, "text after a closing quote");
    }
    return EndOfField();
  }

  bool EndOfField() {
    if (at_ < text_.size() && text_[at_] == separator_) {
      ++at_;
      return false;
    }
    if (at_ < text_.size() && text_[at_] == '\r') ++at_;
    if (at_ < text_.size() && text_[at_] == '\n') ++at_;
    ++line_;
    return true;
  }

  std::string_view text_;
  const std::string& path_;
  const char separator_;
  size_t at_ = 0;
  int64_t line_ = 1, first_line_ = 1;
};

/// One column while it is read. One that may be text keeps a dictionary of its texts.
struct ColumnReader {
  std::string name;
  ColumnRole role = ColumnRole::kFeature;
  bool may_be_text = false;
  std::string text_hint;  ///< what to do when it is text and may not be
  std::vector<double> numbers;
  bool is_text = false;
  std::map<std::string, int64_t, std::less<>> dictionary;
  std::vector<int64_t> codes;  ///< into the dictionary, in order of appearance

  Result<void> Add(const std::string& field, size_t index, int64_t line, const std::string& path) {
    if (IsMissing(field)) {
      return FailAt(path, line, "column {} ({}): missing value {}", index + 1, Quoted(name),
                    Quoted(field));
    }
    std::optional<double> number = ParseNumber(field);
    if (!number && !may_be_text) {
      return WithHint(FailAt(path, line, "column {} ({}): {} is not a number", index + 1,
                             Quoted(name), Quoted(field)),
                      text_hint);
    }
    if (number && !std::isfinite(*number)) {
      return FailAt(path, line, "column {} ({}): {} is not finite", index + 1, Quoted(name),
                    Quoted(field));
    }
    is_text |= !number;
    numbers.push_back(number.value_or(0));
    if (may_be_text) {
      auto [entry, added] = dictionary.try_emplace(std::string(Trimmed(field)), dictionary.size());
      codes.push_back(entry->second);
    }
    return {};
  }

  Column Finish() && {
    if (!is_text) return MakeColumn(name, role, DESCENT_F64, {}, numbers);
    std::vector<int64_t> sorted(dictionary.size());
    std::vector<std::string> class_names;
    for (const auto& [text, code] : dictionary) {
      sorted[code] = static_cast<int64_t>(class_names.size());
      class_names.push_back(text);
    }
    for (int64_t& code : codes) code = sorted[code];
    Column column = MakeColumn(name, role, DESCENT_I64, {}, codes);
    column.class_names = std::move(class_names);
    return column;
  }
};

bool FirstRecordIsHeader(const std::vector<std::string>& record, CsvOptions::Header header) {
  if (header != CsvOptions::Header::kAuto) return header == CsvOptions::Header::kYes;
  return std::ranges::none_of(record,
                              [](auto& field) { return ParseNumber(field) || IsMissing(field); });
}

/// Position of the label, -1 for none.
Result<int64_t> FindLabel(const std::vector<ColumnReader>& columns, const CsvOptions& options,
                          const DataNeeds& needs, const std::string& path) {
  int64_t count = static_cast<int64_t>(columns.size());
  auto named = [&](std::string_view name) {
    auto found = std::ranges::find(columns, name, &ColumnReader::name);
    return found == columns.end() ? -1 : found - columns.begin();
  };
  if (!options.label) {
    if (!needs.label) return -1;
    int64_t index = named("label");
    return index >= 0 ? index : count - 1;
  }
  if (int64_t index = named(*options.label); index >= 0) return index;
  int64_t index = 0;
  const char* begin = options.label->data();
  auto [end, error] = std::from_chars(begin, begin + options.label->size(), index);
  if (error == std::errc() && end == begin + options.label->size() && index >= -count &&
      index < count) {
    return index < 0 ? index + count : index;
  }
  return Fail(path, "has no column {}, named or numbered, for the label ({} columns)",
              Quoted(*options.label), count);
}

Result<std::vector<ColumnReader>> MakeColumns(const std::vector<std::string>& first, bool header,
                                              const CsvOptions& options, const DataNeeds& needs,
                                              const std::string& path) {
  std::vector<ColumnReader> columns;
  std::set<std::string> names;
  for (size_t i = 0; i < first.size(); ++i) {
    std::string name = header ? std::string(Trimmed(first[i])) : fmt::format("column{}", i);
    if (!names.insert(name).second) {
      return FailAt(path, 1, "two columns are named {}", Quoted(name));
    }
    columns.push_back({.name = name, .may_be_text = needs.CanBeText(name)});
  }
  auto label = FindLabel(columns, options, needs, path);
  if (!label) return std::unexpected(label.error());
  if (*label < 0) return columns;
  for (ColumnReader& column : columns) {
    column.text_hint = fmt::format(
        "text is for the label, which is column {}; if it should be "
        "this one, append :label={}",
        Quoted(columns[*label].name), column.name);
  }
  columns[*label].role = ColumnRole::kLabel;
  columns[*label].may_be_text = true;
  return columns;
}

}  // namespace

Result<Dataset> ParseCsv(ByteView bytes, const std::string& path, const CsvOptions& options,
                         const DataNeeds& needs) {
  RecordReader reader(TextOf(bytes), path, options.separator);
  std::vector<std::string> record;
  auto more = reader.Next(&record, 0);
  if (!more) return std::unexpected(more.error());
  if (!*more) return Fail(path, "is empty");
  bool header = FirstRecordIsHeader(record, options.header);
  if (record.size() == 1 && record[0].find_first_of(";\t") != std::string::npos) {
    return WithHint(FailAt(path, 1, "is one column, {}", Quoted(record[0])),
                    record[0].find(';') != std::string::npos
                        ? "if ; parts columns, append :separator=;"
                        : "if tabs part columns, append :separator=tab");
  }
  auto columns = MakeColumns(record, header, options, needs, path);
  if (!columns) return std::unexpected(columns.error());
  if (header) more = reader.Next(&record, columns->size());
  Dataset data = {.origin = path, .named = header};
  for (; more && *more; more = reader.Next(&record, columns->size()), ++data.rows) {
    if (record.size() != columns->size()) {
      return FailAt(path, reader.line(), "{}, but the first line has {}",
                    Counted(static_cast<int64_t>(record.size()), "field"), columns->size());
    }
    for (size_t i = 0; i < record.size(); ++i) {
      auto added = (*columns)[i].Add(record[i], i, reader.line(), path);
      if (!added) return std::unexpected(added.error());
    }
  }
  if (!more) return std::unexpected(more.error());
  if (data.rows == 0) return Fail(path, "holds no rows");
  for (ColumnReader& column : *columns) data.columns.push_back(std::move(column).Finish());
  return data;
}

}  // namespace descent::runtime

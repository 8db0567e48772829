// CSV as RFC 4180 has it: quoted fields with doubled quotes and line breaks inside, CRLF or LF, an
// optional UTF-8 byte order mark. All columns become f64; a text column becomes class indices with
// the sorted texts as class names.
//
//   x1,x2,species
//   5.1,3.5,setosa
//
// Refused, with line and column: missing values (empty, NA, nan, ?), values that are not finite,
// text where a number is needed, rows of another length, unterminated quotes.
#pragma once

#include <optional>
#include <string>

#include "runtime/data/dataset.h"

namespace descent::runtime {

struct CsvOptions {
  enum class Header {
    kAuto,
    kYes,
    kNo
  } header = Header::kAuto;  ///< kAuto: yes if no field of line 1 is a number
  /// Name, or index from 0 (negative: from the end). Unset: the column named "label", else the last
  /// one.
  std::optional<std::string> label;
  char separator = ',';
};

/// Without a header columns are named column0, column1, ... Without needs.label and options.label
/// no column is the label.
Result<Dataset> ParseCsv(ByteView bytes, const std::string& path, const CsvOptions& options,
                         const DataNeeds& needs);

}  // namespace descent::runtime

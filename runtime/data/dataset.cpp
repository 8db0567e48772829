#include "runtime/data/dataset.h"

#include <algorithm>
#include <cstring>

namespace descent::runtime {
namespace {

/// FNV-1a's constants over 8-byte words, with a shift so that high bits reach low ones.
class Hash {
 public:
  void Add(ByteView bytes) {
    size_t i = 0;
    for (; i + 8 <= bytes.size(); i += 8) {
      uint64_t word;
      std::memcpy(&word, bytes.data() + i, 8);
      AddWord(word);
    }
    for (; i < bytes.size(); ++i) AddWord(static_cast<uint64_t>(bytes[i]));
    AddWord(bytes.size());
  }
  void AddWord(uint64_t word) {
    state_ = (state_ ^ word) * 0x100000001B3;
    state_ ^= state_ >> 32;
  }
  uint64_t value() const { return state_; }

 private:
  uint64_t state_ = 0xCBF29CE484222325;
};

}  // namespace

const Column* Dataset::Find(std::string_view name) const {
  auto found = std::ranges::find(columns, name, &Column::name);
  return found == columns.end() ? nullptr : &*found;
}

const Column* Dataset::label() const {
  auto found = std::ranges::find(columns, ColumnRole::kLabel, &Column::role);
  return found == columns.end() ? nullptr : &*found;
}

Dataset SelectRows(const Dataset& data, const std::vector<int64_t>& rows, std::string origin) {
  Dataset selected = {
      .origin = std::move(origin), .rows = static_cast<int64_t>(rows.size()), .named = data.named};
  for (const Column& column : data.columns) {
    Column& copy = selected.columns.emplace_back(Column{.name = column.name,
                                                        .role = column.role,
                                                        .dtype = column.dtype,
                                                        .row_shape = column.row_shape,
                                                        .class_names = column.class_names});
    size_t row_bytes = static_cast<size_t>(column.row_elements() * SizeOf(column.dtype));
    copy.values.resize(rows.size() * row_bytes);
    for (size_t i = 0; i < rows.size(); ++i) {
      std::memcpy(copy.values.data() + i * row_bytes,
                  column.values.data() + static_cast<size_t>(rows[i]) * row_bytes, row_bytes);
    }
  }
  return selected;
}

Result<void> AlignClasses(Dataset& data, std::string_view name,
                          const std::vector<std::string>& reference) {
  auto column = std::ranges::find(data.columns, name, &Column::name);
  if (column == data.columns.end() || column->class_names == reference) return {};
  if (reference.empty() || column->class_names.empty()) {
    return Fail(data.origin, "column {} holds {}, but {} in the training data", Quoted(name),
                reference.empty() ? "text" : "numbers", reference.empty() ? "numbers" : "text");
  }
  std::vector<int64_t> renumbered;
  for (const std::string& class_name : column->class_names) {
    auto found = std::ranges::find(reference, class_name);
    if (found == reference.end()) {
      return Fail(data.origin, "class {} of column {} is not in the training data",
                  Quoted(class_name), Quoted(name));
    }
    renumbered.push_back(found - reference.begin());
  }
  std::vector<int64_t> codes(static_cast<size_t>(data.rows));
  for (int64_t row = 0; row < data.rows; ++row) {
    codes[row] =
        renumbered[static_cast<size_t>(NumberAt(column->dtype, column->values.data(), row))];
  }
  Column aligned = MakeColumn(column->name, column->role, DESCENT_I64, column->row_shape, codes);
  aligned.class_names = reference;
  *column = std::move(aligned);
  return {};
}

uint64_t Fingerprint(const Dataset& data) {
  Hash hash;
  hash.AddWord(static_cast<uint64_t>(data.rows));
  for (const Column& column : data.columns) {
    hash.Add(BytesOf(column.name));
    hash.AddWord(static_cast<uint64_t>(column.dtype));
    hash.Add(column.values);
  }
  return hash.value();
}

}  // namespace descent::runtime

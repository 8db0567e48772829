// Dataset: a table in memory. Columns are named arrays [rows, ...] that share the number of rows.
//
//   features of circle: x1 f32[250], x2 f32[250]; label f32[250]
//   Fashion-MNIST:      image u8[60000, 28, 28];  label u8[60000]
//
// Readers give values as the file has them; conversion to what a model wants happens in
// PreparedData.
#pragma once

#include <cstddef>
#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/dtype.h"
#include "runtime/file.h"
#include "runtime/status.h"

namespace descent::runtime {

enum class ColumnRole {
  kFeature,  ///< part of "features"
  kLabel,    ///< "label"; at most one
  kOther,    ///< read only by name
};

struct Column {
  std::string name;
  ColumnRole role = ColumnRole::kFeature;
  int32_t dtype = DESCENT_F32;
  std::vector<int64_t> row_shape;  ///< without the rows axis; {}: one number a row
  Bytes values;                    ///< row-major [rows, row_shape]
  /// Of a column that held text or has named classes: its values are indices into this list.
  std::vector<std::string> class_names;

  int64_t row_elements() const {
    int64_t count = 1;
    for (int64_t extent : row_shape) count *= extent;
    return count;
  }
};

struct Dataset {
  std::string origin;  ///< for messages: "iris.csv", "circle (test half)"
  int64_t rows = 0;
  std::vector<Column> columns;
  bool named = true;  ///< column names come from the data, not from their position

  const Column* Find(std::string_view name) const;
  const Column* label() const;
};

/// What the model asks of the data, so that a reader knows what to look for.
struct DataNeeds {
  bool label = true;              ///< some input is fed from "label"
  std::set<std::string> columns;  ///< columns that inputs name
  bool CanBeText(std::string_view column) const { return columns.contains(std::string(column)); }
};

/// A column of numbers: values are copied.
template <typename T>
Column MakeColumn(std::string name, ColumnRole role, int32_t dtype, std::vector<int64_t> row_shape,
                  const std::vector<T>& values) {
  const auto* bytes = reinterpret_cast<const std::byte*>(values.data());
  return {.name = std::move(name),
          .role = role,
          .dtype = dtype,
          .row_shape = std::move(row_shape),
          .values = Bytes(bytes, bytes + values.size() * sizeof(T))};
}

/// Rows `rows` of `data`, in that order.
Dataset SelectRows(const Dataset& data, const std::vector<int64_t>& rows, std::string origin);

/// Makes the class indices of `data` mean what they mean in `reference` (its training data, or the
/// class names of a checkpoint): renumbers text labels; refuses unknown ones.
Result<void> AlignClasses(Dataset& data, std::string_view column,
                          const std::vector<std::string>& reference);

/// Content hash of columns and rows: a checkpoint remembers what it was trained on.
uint64_t Fingerprint(const Dataset& data);

}  // namespace descent::runtime

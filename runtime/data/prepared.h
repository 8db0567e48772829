// PreparedData: the values that a model's inputs take, one array [rows, row elements] per input,
// checked and converted once so that filling a batch is copying.
//
// Conversions: columns of "features" are concatenated; numbers get the input's dtype and its
// normalization; class numbers become one-hot rows where the input is float with one column per
// class. Checked for every row before the first step: indices are whole numbers below the input's
// index limit, values lie in its range, floats are finite, integers fit their type.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "runtime/data/normalization.h"
#include "runtime/program.h"

namespace descent::runtime {

/// By input name.
using Normalizations = std::map<std::string, Normalization>;

/// Inputs of the entries, each name once.
std::vector<const descent_input*> DataInputs(const std::vector<const descent_entry*>& entries);

DataNeeds NeedsOf(const std::vector<const descent_input*>& inputs);

/// What feeds an input: its named column, the label, or all features that no input names.
Result<ColumnList> ColumnsOf(const descent_input& input, const Dataset& data,
                             const DataNeeds& needs);

class PreparedInput {
 public:
  PreparedInput(PreparedInput&&) = default;
  PreparedInput& operator=(PreparedInput&&) = default;

  int64_t row_elements() const { return row_elements_; }
  /// Elements [first, first + count) of a row, in the input's dtype.
  void Copy(int64_t row, int64_t first, int64_t count, std::byte* to) const {
    if (table_.empty()) {
      std::memcpy(to, values_ + (row * row_elements_ + first) * element_bytes_,
                  static_cast<size_t>(count * element_bytes_));
      return;
    }
    const std::byte* from = values_ + row * row_elements_ + first;
    float* out = reinterpret_cast<float*>(to);
    for (int64_t i = 0; i < count; ++i) out[i] = table_[static_cast<uint8_t>(from[i])];
  }

 private:
  PreparedInput() = default;
  friend class InputPreparer;

  const std::byte* values_ = nullptr;  ///< into `owned_` or into the dataset
  Bytes owned_;
  std::vector<float> table_;  ///< u8 read through a table of 256 f32, so images stay small
  int64_t row_elements_ = 0, element_bytes_ = 0;
};

/// May refer to the dataset, which must outlive it.
struct PreparedData {
  int64_t rows = 0;
  std::map<std::string, PreparedInput, std::less<>> inputs;
};

/// `normalizations` must hold every input that needs a fit.
Result<PreparedData> Prepare(const Dataset& data, const std::vector<const descent_input*>& inputs,
                             const Normalizations& normalizations);

/// Fits what needs it on `rows` of `data`.
Result<Normalizations> FitNormalizations(const Dataset& data,
                                         const std::vector<const descent_input*>& inputs,
                                         const std::vector<int64_t>& rows);

}  // namespace descent::runtime

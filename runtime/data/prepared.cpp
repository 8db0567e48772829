#include "runtime/data/prepared.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace descent::runtime {
namespace {

int64_t RowElements(const descent_input& input) {
  int64_t elements = 1;
  for (int32_t axis = 0; axis < input.tensor.rank; ++axis) {
    if (axis != input.batch_axis) elements *= input.tensor.dims[axis];
  }
  // Without a batch axis the leading axis counts the rows.
  if (input.batch_axis < 0 && input.tensor.rank > 0 && input.tensor.dims[0] > 0) {
    elements /= input.tensor.dims[0];
  }
  return elements;
}

int64_t RowElements(const ColumnList& columns) {
  int64_t elements = 0;
  for (const Column* column : columns) elements += column->row_elements();
  return elements;
}

std::string ColumnsText(const ColumnList& columns) {
  std::string text;
  for (const Column* column : columns) {
    if (text.size() > 60) return text + ", ...";
    text += (text.empty() ? "" : ", ") + column->name;
  }
  return text;
}

}  // namespace

std::vector<const descent_input*> DataInputs(const std::vector<const descent_entry*>& entries) {
  std::vector<const descent_input*> inputs;
  for (const descent_entry* entry : entries) {
    if (!entry) continue;
    for (const descent_input& input : Inputs(*entry)) {
      bool known = std::ranges::any_of(inputs, [&](auto* other) {
        return std::string_view(other->tensor.name) == input.tensor.name;
      });
      if (!known) inputs.push_back(&input);
    }
  }
  return inputs;
}

DataNeeds NeedsOf(const std::vector<const descent_input*>& inputs) {
  DataNeeds needs = {.label = false};
  for (const descent_input* input : inputs) {
    std::string_view column = input->column;
    if (column == "label") {
      needs.label = true;
    } else if (column != "features") {
      needs.columns.emplace(column);
    }
  }
  return needs;
}

Result<ColumnList> ColumnsOf(const descent_input& input, const Dataset& data,
                             const DataNeeds& needs) {
  std::string_view wanted = input.column;
  ColumnList columns;
  if (wanted == "label" && data.label()) {
    columns.push_back(data.label());
  } else if (wanted == "features" && !data.Find("features")) {
    for (const Column& column : data.columns) {
      if (column.role == ColumnRole::kFeature && !needs.columns.contains(column.name)) {
        columns.push_back(&column);
      }
    }
  } else if (const Column* column = data.Find(wanted)) {
    columns.push_back(column);
  }
  if (!columns.empty()) return columns;
  std::vector<std::string_view> names;
  for (const Column& column : data.columns) names.push_back(column.name);
  if (names.size() > 20) names.resize(20);
  return WithHint(Fail(data.origin, "input {} is fed from {}, which the data does not have",
                       Quoted(input.tensor.name), Quoted(wanted)),
                  fmt::format("its columns are {}", fmt::join(names, ", ")));
}

/// Fills one PreparedInput.
class InputPreparer {
 public:
  InputPreparer(const descent_input& input, const Dataset& data, ColumnList columns,
                Normalization normalization)
      : input_(input),
        data_(data),
        columns_(std::move(columns)),
        normalization_(std::move(normalization)) {
    out_.row_elements_ = RowElements(input);
    out_.element_bytes_ = SizeOf(input.tensor.dtype);
  }

  Result<PreparedInput> Run() {
    auto checked = CheckShape();
    if (!checked) return std::unexpected(checked.error());
    const Column& first = *columns_[0];
    bool whole = columns_.size() == 1 && !one_hot_;
    Result<void> done;
    if (whole && first.dtype == input_.tensor.dtype && !normalization_.active()) {
      out_.values_ = first.values.data();
      done = CheckValues(first.values.data());
    } else if (whole && first.dtype == DESCENT_U8 && input_.tensor.dtype == DESCENT_F32 &&
               normalization_.uniform()) {
      done = UseTable(first);
    } else {
      done = Convert();
    }
    if (!done) return std::unexpected(done.error());
    return std::move(out_);
  }

 private:
  Result<void> CheckShape() {
    const descent_tensor& tensor = input_.tensor;
    int64_t have = RowElements(columns_);
    std::string_view what = input_.column;
    const size_t classes = columns_[0]->class_names.size();
    if (have == 1 && out_.row_elements_ > 1 && IsFloat(tensor.dtype) && what != "features") {
      one_hot_ = true;
      if (classes > static_cast<size_t>(out_.row_elements_)) {
        return Fail(data_.origin, "column {} has {} classes, but input {} takes {}",
                    Quoted(columns_[0]->name), classes, Quoted(tensor.name), out_.row_elements_);
      }
      return {};
    }
    if (have != out_.row_elements_) {
      return Fail(data_.origin, "a row of {} ({}) is {}, but input {} is {}: {} a row", what,
                  ColumnsText(columns_), Counted(have, "number"), Quoted(tensor.name),
                  ShapeText(tensor), out_.row_elements_);
    }
    for (const Column* column : columns_) {
      if (what == "features" && !column->class_names.empty()) {
        return Fail(data_.origin,
                    "column {} holds classes; as a feature it needs an input of its own",
                    Quoted(column->name));
      }
    }
    if (IsFloat(tensor.dtype) && classes > 2) {
      return Fail(data_.origin, "column {} has {} classes, but input {} takes one number a row",
                  Quoted(columns_[0]->name), classes, Quoted(tensor.name));
    }
    return {};
  }

  /// The failure for a value that the column may not hold: element `element` of all its rows.
  std::unexpected<Failure> Bad(const Column& column, int64_t element, double value,
                               std::string_view rule) const {
    const int64_t in_row = column.row_elements();
    const std::string number =
        in_row == 1 ? "" : fmt::format("number {} of ", element % in_row + 1);
    return Fail(data_.origin, "{}row {} of column {} holds {}; input {} takes {}", number,
                element / in_row + 1, Quoted(column.name), value, Quoted(input_.tensor.name), rule);
  }

  /// Values that are used as they are: only ranges are looked at.
  Result<void> CheckValues(const std::byte* bytes) const {
    const Column& column = *columns_[0];
    int64_t count = data_.rows * out_.row_elements_;
    return Visit(column.dtype, [&]<typename T>() -> Result<void> {
      const T* values = reinterpret_cast<const T*>(bytes);
      for (int64_t i = 0; i < count; ++i) {
        if (!std::isfinite(static_cast<double>(values[i]))) {
          return Bad(column, i, static_cast<double>(values[i]), "finite numbers");
        }
        if (input_.index_limit > 0 &&
            (static_cast<double>(values[i]) < 0 ||
             static_cast<double>(values[i]) >= static_cast<double>(input_.index_limit))) {
          return Bad(column, i, static_cast<double>(values[i]), IndexRule());
        }
        if (!InRange(static_cast<double>(values[i]))) {
          return OutOfRange(column, i, static_cast<double>(values[i]));
        }
      }
      return {};
    });
  }

  std::string IndexRule() const {
    return fmt::format("whole numbers from 0 to {}", input_.index_limit - 1);
  }

  bool InRange(double value) const {
    const bool anywhere = input_.lowest == 0 && input_.highest == 0;
    return anywhere || (value >= input_.lowest && value <= input_.highest);
  }

  std::unexpected<Failure> OutOfRange(const Column& column, int64_t element, double value) const {
    const std::string low = fmt::format("{}", input_.lowest),
                      high = fmt::format("{}", input_.highest);
    return WithHint(
        Bad(column, element, value, fmt::format("numbers from {} to {}", low, high)),
        fmt::format("write two classes as {} and {}, or as names; scale other numbers", low, high));
  }

  Result<void> UseTable(const Column& column) {
    double shift = normalization_.active() ? normalization_.shift[0] : 0;
    double factor = normalization_.active() ? normalization_.factor[0] : 1;
    bool all_in_range = true;
    for (int value = 0; value < 256; ++value) {
      out_.table_.push_back(static_cast<float>((value - shift) * factor));
      all_in_range = all_in_range && InRange(out_.table_.back());
    }
    out_.values_ = column.values.data();
    if (all_in_range) return {};
    for (size_t i = 0; i < column.values.size(); ++i) {
      auto value = static_cast<uint8_t>(column.values[i]);
      if (InRange(out_.table_[value])) continue;
      return OutOfRange(column, static_cast<int64_t>(i), value);
    }
    return {};
  }

  Result<void> Convert() {
    out_.owned_.resize(static_cast<size_t>(data_.rows * out_.row_elements_ * out_.element_bytes_));
    out_.values_ = out_.owned_.data();
    int64_t base = 0;
    for (const Column* column : columns_) {
      auto done = Visit(column->dtype, [&]<typename From>() {
        return Visit(input_.tensor.dtype, [&]<typename To>() {
          return one_hot_ ? OneHot<From, To>(*column) : ConvertColumn<From, To>(*column, base);
        });
      });
      if (!done) return done;
      base += column->row_elements();
    }
    return {};
  }

  template <typename From, typename To>
  Result<void> OneHot(const Column& column) {
    const From* from = reinterpret_cast<const From*>(column.values.data());
    To* to = reinterpret_cast<To*>(out_.owned_.data());
    for (int64_t row = 0; row < data_.rows; ++row, to += out_.row_elements_) {
      double value = static_cast<double>(from[row]);
      if (!(value >= 0) || value != std::floor(value) ||
          value >= static_cast<double>(out_.row_elements_)) {
        return Bad(column, row, value,
                   fmt::format("class numbers from 0 to {}", out_.row_elements_ - 1));
      }
      to[static_cast<int64_t>(value)] = static_cast<To>(1);
    }
    return {};
  }

  /// Elements of `column` go to positions [base, base + its elements) of each row.
  template <typename From, typename To>
  Result<void> ConvertColumn(const Column& column, int64_t base) {
    const From* from = reinterpret_cast<const From*>(column.values.data());
    To* to = reinterpret_cast<To*>(out_.owned_.data()) + base;
    int64_t elements = column.row_elements();
    int64_t positions = static_cast<int64_t>(normalization_.factor.size());
    int64_t per_position = positions ? out_.row_elements_ / positions : 1;
    for (int64_t row = 0; row < data_.rows; ++row, from += elements, to += out_.row_elements_) {
      for (int64_t e = 0; e < elements; ++e) {
        double value = static_cast<double>(from[e]);
        int64_t element = row * elements + e;
        if (!std::isfinite(value)) return Bad(column, element, value, "finite numbers");
        if constexpr (kIsFloat<To>) {
          if (positions) {
            int64_t p = (base + e) / per_position;
            value = (value - normalization_.shift[p]) * normalization_.factor[p];
          }
        } else if (auto fits = CheckInteger<To>(column, element, value); !fits) {
          return fits;
        }
        // Without normalization no detour over f64: an i64 stays exact.
        to[e] = positions ? static_cast<To>(value) : static_cast<To>(from[e]);
        if constexpr (kIsFloat<To>) {
          if (!std::isfinite(static_cast<double>(to[e])))
            return Bad(column, element, static_cast<double>(from[e]),
                       fmt::format("numbers within the range of {}", NameOf(input_.tensor.dtype)));
        }
        if (!InRange(static_cast<double>(to[e])))
          return OutOfRange(column, element, static_cast<double>(from[e]));
      }
    }
    return {};
  }

  template <typename To>
  Result<void> CheckInteger(const Column& column, int64_t element, double value) const {
    if (input_.index_limit > 0 && (value < 0 || value >= static_cast<double>(input_.index_limit) ||
                                   value != std::floor(value))) {
      return Bad(column, element, value, IndexRule());
    }
    double high = input_.tensor.dtype == DESCENT_BOOL
                      ? 1
                      : static_cast<double>(std::numeric_limits<To>::max());
    // max() of a 64-bit type rounds to 2^63 or 2^64, which do not fit.
    bool above = sizeof(To) == 8 ? value >= high : value > high;
    if (value != std::floor(value) || above ||
        value < static_cast<double>(std::numeric_limits<To>::min())) {
      return Bad(column, element, value,
                 fmt::format("numbers of type {}", NameOf(input_.tensor.dtype)));
    }
    return {};
  }

  const descent_input& input_;
  const Dataset& data_;
  ColumnList columns_;
  Normalization normalization_;
  bool one_hot_ = false;
  PreparedInput out_;
};

Result<PreparedData> Prepare(const Dataset& data, const std::vector<const descent_input*>& inputs,
                             const Normalizations& normalizations) {
  PreparedData prepared = {.rows = data.rows};
  DataNeeds needs = NeedsOf(inputs);
  for (const descent_input* input : inputs) {
    auto columns = ColumnsOf(*input, data, needs);
    if (!columns) return std::unexpected(columns.error());
    Normalization normalization = FixedNormalization(*input);
    if (NeedsFit(*input)) {
      auto fitted = normalizations.find(input->tensor.name);
      if (fitted == normalizations.end() ||
          static_cast<int64_t>(fitted->second.factor.size()) != NormalizationPositions(*input)) {
        return WithHint(
            Fail("", "input {} is normalized, but the parameters come without its numbers",
                 Quoted(input->tensor.name)),
            "use a checkpoint that train wrote");
      }
      normalization = fitted->second;
    }
    auto one = InputPreparer(*input, data, *std::move(columns), std::move(normalization)).Run();
    if (!one) return std::unexpected(one.error());
    prepared.inputs.emplace(input->tensor.name, *std::move(one));
  }
  return prepared;
}

Result<Normalizations> FitNormalizations(const Dataset& data,
                                         const std::vector<const descent_input*>& inputs,
                                         const std::vector<int64_t>& rows) {
  Normalizations fitted;
  DataNeeds needs = NeedsOf(inputs);
  for (const descent_input* input : inputs) {
    if (!NeedsFit(*input)) continue;
    auto columns = ColumnsOf(*input, data, needs);
    if (!columns) return std::unexpected(columns.error());
    if (RowElements(*columns) != RowElements(*input)) continue;  // Prepare says what is wrong
    fitted[input->tensor.name] = FitNormalization(*input, *columns, rows);
  }
  return fitted;
}

}  // namespace descent::runtime

#include "runtime/predictions.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "runtime/data/feed.h"
#include "runtime/dtype.h"

namespace descent::runtime {
namespace {

/// Copies rows [0, valid) of a batch's output [outer, batch, inner] to rows from `first` of `to`.
void Collect(const descent_output& output, const std::byte* from, int64_t first, int64_t valid,
             Array& to) {
  const descent_tensor& tensor = output.tensor;
  int64_t outer = 1, inner = SizeOf(tensor.dtype), batch = tensor.dims[output.batch_axis];
  for (int32_t axis = 0; axis < tensor.rank; ++axis) {
    if (axis < output.batch_axis) outer *= tensor.dims[axis];
    if (axis > output.batch_axis) inner *= tensor.dims[axis];
  }
  for (int64_t row = 0; row < valid; ++row) {
    for (int64_t o = 0; o < outer; ++o) {
      std::copy_n(from + (o * batch + row) * inner, inner,
                  to.values.data() + ((first + row) * outer + o) * inner);
    }
  }
}

Array EmptyArray(const descent_output& output, int64_t rows) {
  Array array = {.dtype = output.tensor.dtype};
  if (output.batch_axis >= 0) array.shape.push_back(rows);
  for (int32_t axis = 0; axis < output.tensor.rank; ++axis) {
    if (axis != output.batch_axis) array.shape.push_back(output.tensor.dims[axis]);
  }
  int64_t bytes = SizeOf(array.dtype);
  for (int64_t extent : array.shape) bytes *= extent;
  array.values.resize(static_cast<size_t>(bytes));
  return array;
}

std::string CsvField(std::string_view text) {
  if (text.find_first_of(",\"\r\n") == std::string_view::npos) return std::string(text);
  std::string quoted = "\"";
  for (char c : text) {
    if (c == '"') quoted += '"';
    quoted += c;
  }
  return quoted + '"';
}

/// A NaN has no sign to show.
std::string NumberText(const Array& array, int64_t i) {
  if (std::isnan(NumberAt(array.dtype, array.values.data(), i))) return "nan";
  return Visit(array.dtype, [&]<typename T>() {
    T value = reinterpret_cast<const T*>(array.values.data())[i];
    if constexpr (std::is_integral_v<T> && sizeof(T) == 1) {
      return fmt::format("{}", static_cast<int>(value));
    } else if constexpr (std::is_arithmetic_v<T>) {
      return fmt::format("{}", value);
    } else {
      return fmt::format("{}", static_cast<float>(value));
    }
  });
}

/// What a prediction adds to the table.
class CsvColumns {
 public:
  CsvColumns(const PredictedOutput& prediction, bool prefixed,
             const std::vector<std::string>& classes)
      : array_(prediction.values), kind_(prediction.output->kind), classes_(classes) {
    rows_ = array_.shape.empty() ? 1 : array_.shape[0];
    elements_ =
        rows_ > 0 ? static_cast<int64_t>(array_.values.size()) / SizeOf(array_.dtype) / rows_ : 0;
    name_ = prediction.output->tensor.name;
    prefix_ = prefixed ? name_ + "." : "";
    if (kind_ == DESCENT_OUTPUT_PROBABILITY && elements_ != 1) kind_ = DESCENT_OUTPUT_PREDICTION;
  }
  int64_t rows() const { return rows_; }

  void Header(std::vector<std::string>* fields) const {
    if (kind_ == DESCENT_OUTPUT_PROBABILITY) {
      fields->push_back(prefix_ + "class");
      fields->push_back(prefix_ + "probability");
    } else if (kind_ == DESCENT_OUTPUT_PROBABILITIES) {
      fields->push_back(prefix_ + "class");
      for (int64_t i = 0; i < elements_; ++i)
        fields->push_back(prefix_ + "p(" + ClassName(i) + ")");
    } else {
      for (int64_t i = 0; i < elements_; ++i) {
        fields->push_back(elements_ == 1 ? name_ : fmt::format("{}[{}]", name_, i));
      }
    }
  }

  void Row(int64_t row, std::vector<std::string>* fields) const {
    int64_t first = row * elements_;
    auto at = [&](int64_t i) { return NumberAt(array_.dtype, array_.values.data(), first + i); };
    if (kind_ == DESCENT_OUTPUT_PROBABILITY) {
      fields->push_back(ClassName(at(0) >= 0.5 ? 1 : 0));
    } else if (kind_ == DESCENT_OUTPUT_PROBABILITIES) {
      int64_t best = 0;
      for (int64_t i = 1; i < elements_; ++i) best = at(i) > at(best) ? i : best;
      fields->push_back(ClassName(best));
    }
    for (int64_t i = 0; i < elements_; ++i) fields->push_back(NumberText(array_, first + i));
  }

 private:
  std::string ClassName(int64_t index) const {
    bool named = index < static_cast<int64_t>(classes_.size());
    return named ? classes_[index] : fmt::format("{}", index);
  }
  const Array& array_;
  int32_t kind_;
  const std::vector<std::string>& classes_;
  std::string name_, prefix_;
  int64_t rows_ = 0, elements_ = 0;
};

void AppendLine(const std::vector<std::string>& fields, std::string* text) {
  for (size_t i = 0; i < fields.size(); ++i) *text += (i ? "," : "") + CsvField(fields[i]);
  *text += '\n';
}

}  // namespace

Result<std::vector<PredictedOutput>> PredictAll(const descent_entry& entry,
                                                const Executor& executor, const State& state,
                                                const PreparedData* prepared) {
  auto call = EntryCall::Make(entry, executor);
  if (!call) return std::unexpected(call.error());
  int64_t rows = prepared && entry.batch > 0 ? prepared->rows : 1;
  std::vector<int64_t> order(static_cast<size_t>(prepared ? prepared->rows : 0));
  std::iota(order.begin(), order.end(), 0);
  Feed feed;
  if (prepared) {
    auto made = Feed::Make(*call, *prepared, order);
    if (!made) return std::unexpected(made.error());
    feed = *std::move(made);
  }
  std::vector<PredictedOutput> predictions;
  for (const descent_output& output : Outputs(entry)) {
    predictions.push_back({&output, EmptyArray(output, rows)});
  }
  int64_t batch = std::max<int64_t>(entry.batch, 1);
  for (int64_t first = 0; first < rows; first += batch) {
    int64_t valid = std::min(batch, rows - first);
    if (entry.batch > 0) feed.Fill(std::span(order).subspan(first, valid), executor);
    if (uint32_t status = call->Run(state, valid)) {
      return Fail("", "{}: {}", entry.name, StatusText(status, entry));
    }
    for (size_t i = 0; i < predictions.size(); ++i) {
      auto& [output, values] = predictions[i];
      const std::byte* from = call->output(static_cast<int64_t>(i));
      if (output->batch_axis >= 0) {
        Collect(*output, from, first, valid, values);
      } else {
        std::copy_n(from, values.values.size(), values.values.data());
      }
    }
  }
  return predictions;
}

std::string PredictionsCsv(const std::vector<PredictedOutput>& predictions,
                           const std::vector<std::string>& class_names) {
  std::vector<CsvColumns> columns;
  std::vector<std::string> fields;
  for (const PredictedOutput& prediction : predictions) {
    columns.emplace_back(prediction, predictions.size() > 1, class_names);
    columns.back().Header(&fields);
  }
  std::string text;
  AppendLine(fields, &text);
  for (int64_t row = 0; row < columns[0].rows(); ++row) {
    fields.clear();
    for (const CsvColumns& one : columns) one.Row(row, &fields);
    AppendLine(fields, &text);
  }
  return text;
}

}  // namespace descent::runtime

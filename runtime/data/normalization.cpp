#include "runtime/data/normalization.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace descent::runtime {
namespace {

/// Calls visit(position, value) over `rows`, columns in order.
template <typename Visitor>
void ForEachValue(const ColumnList& columns, const std::vector<int64_t>& rows,
                  int64_t elements_per_position, Visitor visit) {
  int64_t base = 0;
  for (const Column* column : columns) {
    int64_t elements = column->row_elements();
    Visit(column->dtype, [&]<typename T>() {
      const T* values = reinterpret_cast<const T*>(column->values.data());
      for (int64_t row : rows) {
        for (int64_t e = 0; e < elements; ++e) {
          visit((base + e) / elements_per_position,
                static_cast<double>(values[row * elements + e]));
        }
      }
    });
    base += elements;
  }
}

}  // namespace

bool Normalization::uniform() const {
  auto same = [](const std::vector<double>& v) {
    return std::ranges::all_of(v, [&](double x) { return x == v[0]; });
  };
  return same(shift) && same(factor);
}

int64_t NormalizationPositions(const descent_input& input) {
  for (int32_t axis = 0; axis < input.tensor.rank; ++axis) {
    if (axis != input.batch_axis) return input.tensor.dims[axis];
  }
  return 1;
}

bool NeedsFit(const descent_input& input) {
  return input.normalization == DESCENT_NORMALIZE_STANDARDIZE ||
         input.normalization == DESCENT_NORMALIZE_MIN_MAX;
}

Normalization FixedNormalization(const descent_input& input) {
  if (input.normalization != DESCENT_NORMALIZE_SCALE) return {};
  auto positions = static_cast<size_t>(NormalizationPositions(input));
  return {std::vector<double>(positions, 0), std::vector<double>(positions, input.scale)};
}

Normalization FitNormalization(const descent_input& input, const ColumnList& columns,
                               const std::vector<int64_t>& rows) {
  auto positions = static_cast<size_t>(NormalizationPositions(input));
  int64_t row_elements = 0;
  for (const Column* column : columns) row_elements += column->row_elements();
  int64_t per_position = row_elements / static_cast<int64_t>(positions);
  std::vector<double> low(positions, std::numeric_limits<double>::infinity());
  std::vector<double> high(positions, -std::numeric_limits<double>::infinity());
  std::vector<double> mean(positions, 0), square(positions, 0);
  double count = static_cast<double>(rows.size()) * static_cast<double>(per_position);
  ForEachValue(columns, rows, per_position, [&](int64_t p, double x) {
    low[p] = std::min(low[p], x);
    high[p] = std::max(high[p], x);
    mean[p] += x / count;
  });
  Normalization fitted;
  auto inverse = [](double spread) { return spread > 0 ? 1 / spread : 1.0; };
  if (input.normalization == DESCENT_NORMALIZE_MIN_MAX) {
    for (size_t p = 0; p < positions; ++p) fitted.factor.push_back(inverse(high[p] - low[p]));
    fitted.shift = std::move(low);
    return fitted;
  }
  ForEachValue(columns, rows, per_position,
               [&](int64_t p, double x) { square[p] += (x - mean[p]) * (x - mean[p]) / count; });
  for (size_t p = 0; p < positions; ++p) {
    // A constant column's variance is not exactly 0 in floating point; its range is.
    fitted.factor.push_back(high[p] > low[p] ? inverse(std::sqrt(square[p])) : 1);
  }
  fitted.shift = std::move(mean);
  return fitted;
}

}  // namespace descent::runtime

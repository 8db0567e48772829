// Which rows train, validate and test. The three never share a row: validation and test rows are
// drawn from the seed once, before anything looks at the data.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "runtime/data/source.h"

namespace descent::runtime {

enum class Split { kTrain = 0, kValidation, kTest };
inline constexpr std::string_view kSplitNames[] = {"train", "validation", "test"};

struct SplitOptions {
  double validation = 0;  ///< share of the training data, in [0, 1)
  double test = 0;        ///< share of the data, where the source has no test data of its own
  int64_t seed = 1;
};

struct SplitData {
  Dataset data;
  std::optional<Dataset> own_test;           ///< test rows index it when there is one, else `data`
  std::array<std::vector<int64_t>, 3> rows;  ///< ascending, by Split

  const Dataset& source(Split split) const {
    return split == Split::kTest && own_test ? *own_test : data;
  }
  const std::vector<int64_t>& Rows(Split split) const { return rows[static_cast<size_t>(split)]; }
};

/// The order of an epoch: `rows` shuffled by (seed, epoch). `order` is overwritten; no allocation
/// when it has the size.
void EpochOrder(const std::vector<int64_t>& rows, int64_t seed, int64_t epoch,
                std::vector<int64_t>& order);

Result<SplitData> SplitRows(LoadedData loaded, const SplitOptions& options);

}  // namespace descent::runtime

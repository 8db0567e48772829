#include "runtime/data/split.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "runtime/data/generators.h"

namespace descent::runtime {
namespace {

/// Moves a share of `rows`, drawn from the seed, to the result. Both stay ascending.
std::vector<int64_t> Draw(std::vector<int64_t>& rows, double share, RandomSequence random) {
  auto count = static_cast<ptrdiff_t>(std::floor(static_cast<double>(rows.size()) * share));
  Shuffle(rows, random);
  std::vector<int64_t> drawn(rows.begin(), rows.begin() + count);
  rows.erase(rows.begin(), rows.begin() + count);
  std::ranges::sort(rows);
  std::ranges::sort(drawn);
  return drawn;
}

Result<void> CheckShare(double share, std::string_view name) {
  if (share >= 0 && share < 1) return {};
  return FailWith(ExitStatus::kUsage, "", "{} is {}; it must be at least 0 and below 1", name,
                  share);
}

}  // namespace

void EpochOrder(const std::vector<int64_t>& rows, int64_t seed, int64_t epoch,
                std::vector<int64_t>& order) {
  order = rows;
  Shuffle(order, RandomSequence(seed, RandomUse::kEpochOrder, epoch));
}

Result<SplitData> SplitRows(LoadedData loaded, const SplitOptions& options) {
  for (auto [share, name] : {std::pair(options.validation, "--validation-split"),
                             std::pair(options.test, "--test-split")}) {
    if (auto checked = CheckShare(share, name); !checked) return std::unexpected(checked.error());
  }
  if (options.test > 0 && loaded.test) {
    return FailWith(ExitStatus::kUsage, loaded.data.origin,
                    "has test data already; --test-split would mix the two");
  }
  SplitData split = {.data = std::move(loaded.data), .own_test = std::move(loaded.test)};
  auto& [train, validation, test] = split.rows;
  train.resize(static_cast<size_t>(split.data.rows));
  std::iota(train.begin(), train.end(), 0);
  if (split.own_test) {
    test.resize(static_cast<size_t>(split.own_test->rows));
    std::iota(test.begin(), test.end(), 0);
  } else if (options.test > 0) {
    test = Draw(train, options.test, RandomSequence(options.seed, RandomUse::kTestSplit));
  }
  if (options.validation > 0) {
    validation =
        Draw(train, options.validation, RandomSequence(options.seed, RandomUse::kValidationSplit));
  }
  struct Asked {
    bool asked;
    Split split;
  };
  for (auto [asked, which] :
       {Asked{true, Split::kTrain}, Asked{options.validation > 0, Split::kValidation},
        Asked{options.test > 0, Split::kTest}}) {
    if (asked && split.Rows(which).empty()) {
      return Fail(split.data.origin, "{} rows leave none for the {} split", split.data.rows,
                  kSplitNames[static_cast<size_t>(which)]);
    }
  }
  return split;
}

}  // namespace descent::runtime

// Named numbers of optimizers and schedules: what they are, their defaults and ranges.
//
//   Complete("optimizer adam", specs, {{"beta1", 0.8}})  ->  {beta1 = 0.8, beta2 = 0.999, ...}
#pragma once

#include <limits>
#include <optional>
#include <span>
#include <string_view>

#include "ir/attribute.h"
#include "ir/diagnostic.h"

namespace descent {

struct HyperparameterSpec {
  std::string_view name;
  std::optional<double> default_value;  ///< required when absent
  double minimum = 0;
  double maximum = std::numeric_limits<double>::max();
  bool above_minimum = false;  ///< the minimum itself is excluded
  bool below_maximum = false;  ///< the maximum itself is excluded
  bool whole = false;          ///< a whole number
  std::string_view doc = "";
};

/// All of them, as floats; unknown names, other kinds and values out of range are diagnosed.
/// `owner` is what messages call the table ("optimizer adam").
Result<Attributes> Complete(std::string_view owner, std::span<const HyperparameterSpec> specs,
                            const Attributes& given);

}  // namespace descent

#include "compiler/graph/hyperparameters.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "ir/suggest.h"

namespace descent {
namespace {

std::optional<double> AsNumber(const Attribute& value) {
  if (const auto* number = std::get_if<double>(&value)) return *number;
  if (const auto* integer = std::get_if<int64_t>(&value)) return static_cast<double>(*integer);
  return std::nullopt;
}

Result<double> Checked(std::string_view owner, const HyperparameterSpec& spec,
                       const Attribute& value) {
  const auto number = AsNumber(value);
  if (!number)
    return Error("{}: {} must be a number, not {}", owner, spec.name, ToString(KindOf(value)));
  const bool low = spec.above_minimum ? !(*number > spec.minimum) : !(*number >= spec.minimum);
  const bool fits = spec.below_maximum ? *number < spec.maximum : *number <= spec.maximum;
  if (low || !fits) {
    std::string rule =
        fmt::format("{} {}", spec.above_minimum ? "above" : "at least", spec.minimum);
    if (spec.maximum != std::numeric_limits<double>::max())
      rule += fmt::format(" and {} {}", spec.below_maximum ? "below" : "at most", spec.maximum);
    return Error("{}: {} must be {}, not {}", owner, spec.name, rule, *number);
  }
  if (spec.whole && *number != std::floor(*number))
    return Error("{}: {} must be a whole number, not {}", owner, spec.name, *number);
  return *number;
}

}  // namespace

Result<Attributes> Complete(std::string_view owner, std::span<const HyperparameterSpec> specs,
                            const Attributes& given) {
  for (const auto& [name, value] : given) {
    if (std::ranges::find(specs, name, &HyperparameterSpec::name) != specs.end()) continue;
    auto error = Error("{} has no hyperparameter {}", owner, Quoted(name));
    std::vector<std::string_view> names;
    for (const HyperparameterSpec& spec : specs) names.push_back(spec.name);
    error.error().hint = SuggestionAmong(name, names, "it takes");
    return error;
  }
  Attributes complete;
  for (const HyperparameterSpec& spec : specs) {
    const Attribute* value = given.Find(spec.name);
    if (value == nullptr) {
      if (!spec.default_value) return Error("{} needs {}", owner, spec.name);
      complete.Set(std::string(spec.name), *spec.default_value);
      continue;
    }
    DESCENT_TRY(number, Checked(owner, spec, *value));
    complete.Set(std::string(spec.name), number);
  }
  return complete;
}

}  // namespace descent

// Learning rate schedules: factors of the base rate as functions of the step, as graph.
//
// Each takes `warmup_steps`, too: for that many steps the factor climbs linearly to the schedule's
// first value
// ((s + 1) / warmup_steps), then the schedule starts counting at 0. All arithmetic is f64.
//
//   cosine(steps=1000):  (1 + cos(pi min(s, 1000) / 1000)) / 2
#pragma once

#include <span>
#include <string_view>

#include "compiler/graph/hyperparameters.h"
#include "ir/expr.h"

namespace descent {

struct Schedule {
  std::string_view name;
  std::string_view doc;  ///< equation of the factor at step s, which counts from 0
  std::vector<HyperparameterSpec> hyperparameters;
  /// `step` is an f64 scalar.
  Expr (*factor)(Expr step, const Attributes& hyperparameters);
};

std::span<const Schedule> Schedules();

/// Unknown names and wrong hyperparameters are diagnosed.
Result<Attributes> CompleteSchedule(std::string_view name, const Attributes& given);

/// The factor at `step` (an f64 scalar), warm-up included. `hyperparameters` are complete.
Expr ScheduleFactor(std::string_view name, const Attributes& hyperparameters, Expr step);

}  // namespace descent

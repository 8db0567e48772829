// Optimizers: state, hyperparameters and update equations, one table row each.
//
// Defaults and equations are PyTorch's (torch.optim, single-tensor form). Scalars that depend on
// the step are f64 and are rounded to the parameter's dtype where they meet it; parameters of
// 16-bit floats are seen as f32, so that a decay of 0.999 is not rounded to 1. AppendOptimizer
// applies the equations.
//
//   momentum:  velocity' = momentum velocity + g,   p' = p - rate velocity'
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "compiler/graph/hyperparameters.h"
#include "ir/expr.h"
#include "ir/model.h"

namespace descent {

/// A tensor of the parameter's type (f32 for a 16-bit float) that the optimizer keeps for it: slot
/// "<parameter>.<suffix>".
struct OptimizerState {
  std::string_view suffix;
  std::string_view initial = "";  ///< hyperparameter that fills it at first; "" = 0
  std::string_view needs = "";    ///< kept only where this hyperparameter is not 0; "" = always
};

/// What an update equation sees.
struct UpdateContext {
  Expr parameter, gradient;
  std::vector<Expr> state;  ///< in the order of the table, those that are kept
  Expr rate;                ///< f64 scalar: learning rate of this step, schedule included
  Expr count;               ///< f64 scalar: number of this update, from 1
  const Attributes& hyperparameters;

  double Get(std::string_view name) const { return hyperparameters.Float(name); }
  /// An f64 scalar rounded to the parameter's dtype.
  Expr Rounded(Expr scalar) const;
};

struct Optimizer {
  std::string_view name;
  std::string_view doc;  ///< equations
  std::vector<HyperparameterSpec> hyperparameters;
  std::vector<OptimizerState> state;
  /// The new parameter, then the new state.
  std::vector<Expr> (*update)(const UpdateContext&);
};

std::span<const Optimizer> Optimizers();
/// Null when there is none of that name.
const Optimizer* FindOptimizer(std::string_view name);

/// Optimizer, schedule, their hyperparameters, clipping and `every`; the first thing wrong.
Result<void> CheckUpdate(const Update& update);

/// Complete hyperparameters of a checked update, and of its schedule.
Attributes HyperparametersOf(const Update& update);
Attributes ScheduleParametersOf(const Update& update);

/// A slot that an update keeps for a parameter.
struct OptimizerSlot {
  size_t update = 0;
  std::string parameter;
  Slot slot;
};
/// In the order of updates, then parameters, then the optimizer's table. A parameter that a second
/// update trains, too, gets that update's slots under "<parameter>.<suffix>.<update>".
std::vector<OptimizerSlot> OptimizerSlotsByUpdate(const Model& model);
std::vector<Slot> OptimizerSlots(const Model& model);

/// Trainable parameters that the update's pattern matches, in slot order.
std::vector<const Slot*> ParametersOf(const Model& model, const Update& update);

}  // namespace descent

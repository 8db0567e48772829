// AppendOptimizer: appends one update's equations to a differentiated train_step.
//
// In this order: penalties join the gradients (2 l2 p + l1 sign(p)); clipping by value; clipping by
// the global norm over all parameters of the update (PyTorch's clip_grad_norm_: factor min(1, clip
// / (norm + 1e-6)), f64); decoupled weight decay (p scaled by 1 - rate decay); the optimizer's
// equations. With `every` k the new values are taken at steps divisible by k only, and the update
// counts itself, not the steps. Outputs "grad.<parameter>" become "next.<parameter>" and
// "next.<optimizer slot>"; the last update also gives next.step = step + 1.
//
// rate = learning_rate * schedule(step); `learning_rate` is state that starts as the first update's
// hyperparameter, so other updates scale it by the ratio of theirs to the first's.
#pragma once

#include "compiler/graph/pass_options.h"
#include "ir/model.h"

namespace descent {

Result<Model> AppendOptimizer(Model model, const PassOptions& options);

}  // namespace descent

// The entry point initialize: the first value of every slot from its initializer, and of the
// system's state.
//
// Outputs are "next.<slot>" for each slot (the optimizers', too), and for models that train
// next.step (0) and next.learning_rate (the first update's). Random initializers draw from the
// stream of the slot's position, past the streams of the model's own random operators.
#pragma once

#include "compiler/graph/pass_options.h"
#include "ir/model.h"

namespace descent {

Result<Model> InitializeEntry(Model model, const PassOptions& options);

}  // namespace descent

// What a checkpoint says about the model that its parameters predict in.
#pragma once

#include <string>

#include "ir/diagnostic.h"
#include "ir/model.h"

namespace descent {

/// Two source models with one hash predict the same from the same parameters and statistics: it is
/// the ModelHash of the entry point predict (of one without predictions evaluate, without a loss
/// run) for one row, without the model's name and what is only for training. So optimizers, batch
/// sizes, initializers, penalties, losses and dropout do not count; graph, inputs, their columns
/// and normalizations do. Where operators hold the batch fast, it counts, too.
Result<std::string> PredictionHash(const Model& source);

}  // namespace descent

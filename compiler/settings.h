// Settings: changes to a model from the command line, "name=value".
//
//   learning_rate=0.1       short for optimizer.learning_rate
//   optimizer=adam          another optimizer, of the old hyperparameters with learning_rate alone
//   optimizer.momentum=0.9  a hyperparameter
//   schedule=cosine, schedule.steps=1000, clip_norm=1, clip_value=5, every=2
//   W*.l2=0.01              of parameters by name or pattern: l1, l2, weight_decay, trainable
//   hidden.rate=0.5         an attribute of the operator that computes the value `hidden`
//
// Their order does not matter where they concern different things: a choice of optimizer or
// schedule comes before its hyperparameters. Optimizer settings apply to every update of the model;
// with "updates[1]." in front to one, counted from 0.
#pragma once

#include <span>
#include <string>

#include "ir/model.h"

namespace descent {

/// The changed model, checked. An error names the setting that it comes from, as `--set` has it.
Result<Model> ApplySettings(const Model& model, std::span<const std::string> settings);

/// Updates and all invariants.
Result<void> CheckConfigured(const Model& model);

}  // namespace descent

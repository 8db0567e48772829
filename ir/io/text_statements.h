// The statements of a model that are not values, each as one line of text IR: without comments,
// indentation and the word `unread`.
#pragma once

#include <string>

#include "ir/model.h"

namespace descent {

/// Indentation of every statement of a model.
inline constexpr size_t kStatementIndent = 2;

/// "input x: f32[batch, 2] from features"; the model knows the batch size.
std::string StatementOf(const InputBinding& input, const Model& model);
/// "parameter W1: f32[2, 3] = glorot_uniform {l2=0.01} -> next.W1"
std::string StatementOf(const Slot& slot);
/// "predict yhat as probability"
std::string StatementOf(const Prediction& prediction);
/// "metric accuracy = binary_accuracy(yhat, y)"
std::string StatementOf(const Metric& metric);
/// "train loss with sgd(learning_rate=0.03)"
std::string StatementOf(const Update& update);

}  // namespace descent

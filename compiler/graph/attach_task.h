// What an inference model is to be trained for: a loss on its first output, and an optimizer.
//
//   logits = f(image)   ->   loss = cross_entropy(logits, target), predict, metric, train
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "ir/model.h"

namespace descent {

struct Task {
  /// A loss of a prediction and a target ("cross_entropy", "bce", "mse", ...). Empty: the model's
  /// first output, a scalar, is the loss.
  std::string loss = {};
  std::string optimizer = "adam";
  /// Of losses of classes: the output's axis of classes, from the end where negative. Without it
  /// the output tells, or the task is refused.
  std::optional<int64_t> class_axis = {};
};

/// Losses that a task may name.
const std::vector<std::string>& TaskLosses();
/// Whether the target of this loss holds class numbers.
bool IsOfClasses(const std::string& loss);

/// A model without a task with this one. Rows lie along the first axis of the first input; inputs
/// of as many rows have the same batch. The target becomes an input "target" from the label column:
/// for cross_entropy and nll class numbers, of the prediction's shape without its axis of classes,
/// else of the prediction's shape. The axis of classes is that of two; of more that of the softmax
/// or log_softmax that gives the output, or else the one that the weights of the last layer give
/// (class_axis.h): axis 1 behind a convolution, the last behind a linear layer. A softmax or
/// sigmoid under a cross entropy is merged with it: the loss is computed of the logits, which is
/// exact where probabilities round to 0 or 1. Probabilities [1 - p, p] of two classes are computed
/// of the logit of p: under cross_entropy, whose target is the class, and under bce, whose target
/// is a number for p, [batch, 1].
Result<Model> AttachTask(const Model& model, const Task& task);

/// Freezes the parameters that match a glob of `freeze`, and where `train` has any, those that
/// match none of it. A pattern of `train` that is a parameter's full name trains it also where the
/// model says that it is not trained. Fails where a pattern matches no parameter.
Result<void> ChooseTrained(Model& model, const std::vector<std::string>& freeze,
                           const std::vector<std::string>& train);

/// Freezes parameters of a model with a loss that have no derivative, which differentiate refuses:
/// frameworks, too, leave them as they are. Fails where `train` has the full name of one. Where
/// nothing would be left to train, all stay as they are.
Result<void> FreezeWithoutDerivative(Model& model, const std::vector<std::string>& train);

/// Fresh values for all parameters that are trained: he_uniform for matrices and above, by the name
/// of the operand that reads a vector ones for scales, else zeros. Scalars keep their value:
/// nothing tells what a scale or temperature begins with.
void Reinitialize(Model& model);

}  // namespace descent

// Specialize: from a source model to the model of one entry point.
//
//   train_step  loss and the next value of statistics        (x, y, state) -> loss, next.<slot>
//   evaluate    loss and sums of metrics, inference mode      (x, y, state) -> loss, metric.<name>
//   predict     predictions, inference mode                   (x, state) -> predictions
//   metrics     final values from sums over all batches       metric.<name> -> <name>
//   initialize  first value of every slot, optimizer's too    () -> next.<slot>
//   run         a model without loss: its outputs             (x, state) -> outputs
//
// The graph is rebuilt with the entry point's batch size, so shapes are inferred anew. Outside
// train_step the operators' `inference` replaces them and updates of the state are dropped. Where
// the last batch may be partial the row mask is bound (row_mask.h). Every entry point lists all
// slots of the source; only those it reads are graph inputs. Losses after the first update's are
// outputs "loss.<update>".
#pragma once

#include <string>
#include <vector>

#include "compiler/graph/pass_options.h"
#include "ir/model.h"

namespace descent {

Result<Model> Specialize(Model model, const PassOptions& options);

/// Names of the entry points that `model` (source) has, in the order above.
std::vector<std::string> EntryPoints(const Model& model);

/// Every slot of the state in its order: the model's own, then the optimizers'. This is the layout
/// that all entry points share.
std::vector<Slot> StateSlots(const Model& model);

/// The output that replaces a slot: "next.<slot>".
std::string NextName(const std::string& slot);

/// The model for just as many rows as it is given: they have no axis of their own, none of them is
/// ever padding, and operators may mix them.
void ForgetBatch(Model& model);

/// A batch that is no more than a guess, such as that of an imported file whose first axes have one
/// name, is none where operators of the entry point `run` mix its rows.
void ForgetBatchOfMixedRows(Model& model);

/// Leaves out what data and training are for: batch sizes, inputs, predictions, metrics and
/// updates.
void ForgetTask(Model& model);

}  // namespace descent

// Trainer: the training loop. Epochs of mini-batches in an order drawn from (seed, epoch),
// checkpoints, validation, early stopping, convergence, interruption, divergence.
//
//   auto trainer = Trainer::Make(parts, options);
//   auto outcome = (*trainer)->Run();        // why it stopped
//
// Invariants
// - What happens depends on the record alone, never on time: a run resumed from any of its
// checkpoints does exactly what
//   the uninterrupted one did, so both end in the same bytes.
// - At a step that ends an epoch the order is: log line of the step, validation, log line of the
// epoch, FILE.best, FILE. So
//   everything in the log up to a checkpoint's step was written before the checkpoint.
// - FILE.best on disk is never older than what FILE knows to be the best.
// - A step (fill, kernels, log line) allocates nothing from the third on.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "runtime/checkpoint.h"
#include "runtime/data/split.h"
#include "runtime/evaluation.h"
#include "runtime/interrupt.h"
#include "runtime/progress_display.h"
#include "runtime/training_log.h"

namespace descent::runtime {

struct TrainOptions {
  int64_t epochs = 10;
  std::optional<double> learning_rate;
  std::string checkpoint;  ///< empty: none are saved
  int64_t checkpoint_every =
      0;  ///< steps; 0: at ends of epochs, as often as costs at most 5% of the time
  int64_t early_stopping = 0;       ///< epochs without better validation loss; 0: never
  std::optional<double> tolerance;  ///< stop when an epoch's loss changes by at most this
  std::string log;
  int64_t log_every = 0;  ///< steps; 0: only epochs
  std::vector<std::string> track;
  bool quiet = false;
};

enum class StopReason { kEpochs, kConverged, kEarlyStopping, kInterrupted, kDiverged };

struct TrainOutcome {
  StopReason reason;
  std::string text;  ///< "early stopping: no better validation loss for 3 epochs"
  Progress progress;
};

class Trainer {
 public:
  /// What is trained on what. All must outlive the trainer; `data` and `prepared` are null for a
  /// model without data inputs.
  struct Parts {
    const Program* program;
    const Executor* executor;
    State* state;
    const SplitData* data;
    const PreparedData* prepared;
    TrainingRecord record;
    const Weights* resumed;  ///< the checkpoint that `state` and `record` come from, or null
    bool fell_back;          ///< it was FILE.1, because FILE is damaged
  };
  static Result<std::unique_ptr<Trainer>> Make(Parts parts, TrainOptions options);

  Result<TrainOutcome> Run();
  /// Did all lines reach standard output?
  bool HasShownAll() const { return display_->has_shown_all(); }

 private:
  Trainer(Parts parts, TrainOptions options, EntryCall step);

  // Preparing (trainer_setup.cpp).
  Result<void> SetUp();
  Result<void> SetUpBatches();
  Result<void> SetUpLog();
  Result<void> SetUpBest();

  // The loop.
  std::optional<StopReason> ReasonToStop() const;
  /// Until the epoch ends, or a reason to stop inside it.
  Result<std::optional<StopReason>> RunEpoch();
  void FillBatch(int64_t batch);
  uint32_t RunBatch(int64_t batch, const descent_observer* observer = nullptr);
  Result<void> FinishStep(double loss);
  Result<std::optional<StopReason>> FinishEpoch();
  Result<void> Validate();
  /// Looks at the state, too, before an epoch ends or a checkpoint is written.
  bool HasDiverged(double loss) const;
  double ReadLoss() const;
  int64_t RowsOfBatch(int64_t batch) const;

  // Checkpoints.
  bool IsSaveDue(bool epoch_ended) const;
  Result<void> Save();
  Result<void> RestoreBest();
  Result<TrainOutcome> Finish(StopReason reason);
  std::string ReasonText(StopReason reason) const;

  // Divergence (divergence.cpp).
  /// "the loss is inf; first not finite: 'h'". The state is lost.
  std::string DescribeDivergence();
  std::string DescribeValidation();
  void ReturnToEpochStart();
  /// Repeats the epoch's steps up to the last one; the value and, if it isn't of the last, its
  /// step. Empty where all that is seen is finite.
  std::string FirstNonFinite();
  std::string FirstNonFiniteOfValidation();
  /// Runs a step whose loss and new state are finite, if one is found: from the epoch's first state
  /// on another batch, or from the model's first state.
  void RunGoodStep(const descent_observer* observer);
  std::string NonFiniteInput() const;
  std::string NonFiniteSlot() const;
  std::string NameOf(const descent_value& value) const;

  Parts parts_;
  TrainOptions options_;
  EntryCall step_;
  Feed feed_;
  Progress& progress_;       ///< of parts_.record
  int64_t first_epoch_ = 0;  ///< that this run began in
  std::vector<int64_t> order_;
  std::vector<int64_t> no_rows_;
  int64_t batches_ = 1;  ///< per epoch
  int64_t loss_output_ = 0;
  uint32_t status_ = 0;  ///< of the last step

  std::unique_ptr<Evaluator> validation_;
  std::optional<TrainingLog> log_;
  std::unique_ptr<ProgressDisplay> display_;
  InterruptWatch interrupt_{std::defer_lock};  ///< from the end of SetUp, which may wait

  std::optional<CheckpointStore> store_;
  std::optional<State> best_state_;  ///< with validation: memory for the best epoch's state
  std::optional<Progress> best_;     ///< that epoch's, when best_state_ is filled
  bool best_saved_ = true;           ///< FILE.best holds it
  std::optional<Progress> saved_;    ///< what FILE holds
  double last_save_seconds_ = 0, last_saved_at_ = 0;

  Bytes epoch_start_;  ///< the state block, to find out what went wrong
  int64_t epoch_start_batch_ = 0;
  std::string divergence_;
};

}  // namespace descent::runtime

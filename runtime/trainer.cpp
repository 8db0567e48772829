#include "runtime/trainer.h"

#include <algorithm>
#include <cmath>

#include "runtime/dtype.h"

namespace descent::runtime {
namespace {

constexpr double kSaveShare = 0.05;  // of the time, for checkpoints at ends of epochs

}  // namespace

std::optional<StopReason> Trainer::ReasonToStop() const {
  if (progress_.batch > 0) return std::nullopt;
  if (options_.early_stopping > 0 &&
      progress_.epochs_without_improvement >= options_.early_stopping) {
    return StopReason::kEarlyStopping;
  }
  if (options_.tolerance && std::isfinite(progress_.previous_loss) &&
      std::abs(progress_.previous_loss - progress_.epoch_loss) <= *options_.tolerance) {
    return StopReason::kConverged;
  }
  if (progress_.epoch >= options_.epochs) return StopReason::kEpochs;
  return std::nullopt;
}

Result<TrainOutcome> Trainer::Run() {
  for (;;) {
    if (auto reason = ReasonToStop()) return Finish(*reason);
    auto stopped = RunEpoch();
    if (!stopped) return std::unexpected(stopped.error());
    if (*stopped) return Finish(**stopped);
  }
}

int64_t Trainer::RowsOfBatch(int64_t batch) const {
  int64_t size = step_.entry().batch;
  if (size == 0) return 1;
  return std::min(size, static_cast<int64_t>(order_.size()) - batch * size);
}

double Trainer::ReadLoss() const {
  return NumberAt(step_.entry().outputs[loss_output_].tensor.dtype, step_.output(loss_output_), 0);
}

void Trainer::FillBatch(int64_t batch) {
  int64_t size = step_.entry().batch;
  if (size == 0) return;
  feed_.Fill(std::span(order_).subspan(batch * size, RowsOfBatch(batch)), *parts_.executor);
}

uint32_t Trainer::RunBatch(int64_t batch, const descent_observer* observer) {
  FillBatch(batch);
  return step_.Run(*parts_.state, RowsOfBatch(batch), observer);
}

Result<std::optional<StopReason>> Trainer::RunEpoch() {
  if (parts_.data) {
    EpochOrder(parts_.data->Rows(Split::kTrain), parts_.record.provenance.seed, progress_.epoch,
               order_);
  }
  std::copy_n(parts_.state->data(), parts_.state->size(), epoch_start_.data());
  epoch_start_batch_ = progress_.batch;
  for (;;) {
    status_ = RunBatch(progress_.batch);
    double loss = ReadLoss();
    if (status_ & DESCENT_STATUS_BAD_INDEX) {
      return Fail("", "step {}: {}", progress_.step + 1, StatusText(status_, step_.entry()));
    }
    if (auto finished = FinishStep(loss); !finished) return std::unexpected(finished.error());
    if (HasDiverged(loss)) {
      divergence_ = DescribeDivergence();
      return StopReason::kDiverged;
    }
    bool epoch_ended = progress_.batch == batches_;
    if (epoch_ended) {
      if (auto stopped = FinishEpoch(); !stopped || *stopped) return stopped;
    }
    if (interrupt_.interrupted()) return StopReason::kInterrupted;
    if (IsSaveDue(epoch_ended)) {
      if (auto saved = Save(); !saved) return std::unexpected(saved.error());
    }
    if (epoch_ended) return std::nullopt;
  }
}

bool Trainer::HasDiverged(double loss) const {
  if (status_ != 0 || !std::isfinite(loss)) return true;
  bool epoch_ended = progress_.batch == batches_;
  bool is_kept = epoch_ended || IsSaveDue(epoch_ended) || interrupt_.interrupted();
  return is_kept && !NonFiniteSlot().empty();
}

Result<void> Trainer::FinishStep(double loss) {
  int64_t rows = RowsOfBatch(progress_.batch);
  ++progress_.batch;
  ++progress_.step;
  progress_.loss_sum += loss * static_cast<double>(rows);
  progress_.loss_rows += rows;
  if (log_ && options_.log_every > 0 && progress_.step % options_.log_every == 0) {
    if (auto logged = log_->Step(progress_, loss, *parts_.state); !logged) return logged;
  }
  display_->Step(progress_, loss, rows);
  return {};
}

Result<std::optional<StopReason>> Trainer::FinishEpoch() {
  ++progress_.epoch;
  progress_.batch = 0;
  progress_.previous_loss = progress_.epoch_loss;
  progress_.epoch_loss = progress_.loss_sum / static_cast<double>(progress_.loss_rows);
  progress_.loss_sum = 0;
  progress_.loss_rows = 0;
  std::span<const Metric> metrics;
  if (validation_) {
    if (auto validated = Validate(); !validated) return std::unexpected(validated.error());
    metrics = validation_->metrics();
  }
  if (log_) {
    const descent_slot* rate = parts_.program->FindSlot(DESCENT_SLOT_LEARNING_RATE);
    auto logged = log_->Epoch(progress_, parts_.state->Scalar<double>(rate, NAN), metrics);
    if (!logged) return std::unexpected(logged.error());
  }
  display_->Epoch(progress_, metrics);
  if (!validation_ || std::isfinite(validation_->loss())) return std::nullopt;
  divergence_ = DescribeValidation();
  return StopReason::kDiverged;
}

Result<void> Trainer::Validate() {
  if (uint32_t status = validation_->Run(*parts_.state)) {
    return Fail("", "validation after step {}: {}", progress_.step, StatusText(status));
  }
  // A NaN is never better.
  if (validation_->loss() < progress_.best_loss) {
    progress_.best_loss = validation_->loss();
    progress_.best_epoch = progress_.epoch;
    progress_.epochs_without_improvement = 0;
    std::copy_n(parts_.state->data(), parts_.state->size(), best_state_->data());
    best_ = progress_;
    best_saved_ = false;
  } else {
    ++progress_.epochs_without_improvement;
  }
  return {};
}

bool Trainer::IsSaveDue(bool epoch_ended) const {
  if (!store_) return false;
  if (options_.checkpoint_every > 0) return progress_.step % options_.checkpoint_every == 0;
  if (!epoch_ended) return false;
  return !saved_ || (display_->seconds() - last_saved_at_) * kSaveShare >= last_save_seconds_;
}

Result<void> Trainer::Save() {
  if (!store_ || saved_ == progress_) return {};
  double begin = display_->seconds();
  if (!best_saved_) {
    TrainingRecord record = {*best_, parts_.record.provenance};
    auto saved = store_->SaveBest(MakeCheckpoint(*parts_.program, *best_state_, record));
    if (!saved) return saved;
    best_saved_ = true;
  }
  auto saved = store_->Save(MakeCheckpoint(*parts_.program, *parts_.state, parts_.record));
  if (!saved) return saved;
  saved_ = progress_;
  last_saved_at_ = display_->seconds();
  last_save_seconds_ = last_saved_at_ - begin;
  return {};
}

Result<void> Trainer::RestoreBest() {
  if (!validation_ || progress_.best_epoch == progress_.epoch || progress_.best_epoch == 0)
    return {};
  if (!best_) {
    display_->Line(fmt::format("warning: the best epoch ({}) is not in {}; the last one is kept",
                               progress_.best_epoch, store_ ? store_->best_path() : "memory"),
                   true);
    return {};
  }
  std::copy_n(best_state_->data(), best_state_->size(), parts_.state->data());
  progress_ = *best_;
  return Save();
}

Result<TrainOutcome> Trainer::Finish(StopReason reason) {
  Progress reached = progress_;
  std::string text = ReasonText(reason);
  if (reason != StopReason::kDiverged) {
    if (auto saved = Save(); !saved) return std::unexpected(saved.error());
  }
  if (reason != StopReason::kDiverged && reason != StopReason::kInterrupted) {
    if (auto restored = RestoreBest(); !restored) return std::unexpected(restored.error());
    if (progress_ != reached) text += fmt::format("; epoch {} restored, the best", progress_.epoch);
  }
  double seconds = display_->seconds();
  if (display_->steps() > 0) {
    display_->Line(fmt::format("{}, {} in {:.1f} s ({:.0f} samples/s)",
                               Counted(reached.epoch - first_epoch_, "epoch"),
                               Counted(display_->steps(), "step"), seconds,
                               static_cast<double>(display_->rows()) / seconds),
                   false);
  }
  display_->Line("stopped: " + text, true);
  return TrainOutcome{reason, std::move(text), reached};
}

std::string Trainer::ReasonText(StopReason reason) const {
  std::string saved = store_ && saved_
                          ? fmt::format("the checkpoint of step {} stays", saved_->step)
                          : "no checkpoint was saved";
  switch (reason) {
    case StopReason::kEpochs:
      return progress_.epoch > options_.epochs
                 ? fmt::format("{} are done already, and --epochs is {}",
                               Counted(progress_.epoch, "epoch"), options_.epochs)
             : progress_.epoch == 1 ? "the only epoch is done"
                                    : fmt::format("all {} epochs done", progress_.epoch);
    case StopReason::kConverged:
      return fmt::format("converged: the loss changed by {:.3g} in epoch {}",
                         std::abs(progress_.previous_loss - progress_.epoch_loss), progress_.epoch);
    case StopReason::kEarlyStopping:
      return fmt::format("early stopping: no better validation loss for {}",
                         Counted(progress_.epochs_without_improvement, "epoch"));
    case StopReason::kInterrupted:
      return fmt::format("interrupted after step {}; {}", progress_.step,
                         store_ ? "--resume goes on from " + store_->path() : saved);
    case StopReason::kDiverged:
      return fmt::format("diverged at step {}: {}; {}", progress_.step, divergence_, saved);
  }
  return "";
}

}  // namespace descent::runtime

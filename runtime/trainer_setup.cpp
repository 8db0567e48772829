#include <algorithm>

#include "runtime/dtype.h"
#include "runtime/trainer.h"

namespace descent::runtime {

Trainer::Trainer(Parts parts, TrainOptions options, EntryCall step)
    : parts_(std::move(parts)),
      options_(std::move(options)),
      step_(std::move(step)),
      progress_(parts_.record.progress),
      first_epoch_(progress_.epoch) {}

Result<std::unique_ptr<Trainer>> Trainer::Make(Parts parts, TrainOptions options) {
  const descent_entry* entry = parts.program->Find("train_step");
  if (!entry) {
    return FailWith(ExitStatus::kUnsupported, "",
                    "model {} has no loss, so there is nothing to train",
                    Quoted(parts.program->name()));
  }
  auto step = EntryCall::Make(*entry, *parts.executor);
  if (!step) return std::unexpected(step.error());
  std::unique_ptr<Trainer> trainer(
      new Trainer(std::move(parts), std::move(options), *std::move(step)));
  if (auto done = trainer->SetUp(); !done) return std::unexpected(done.error());
  return trainer;
}

Result<void> Trainer::SetUp() {
  loss_output_ = FindOutput(step_.entry(), DESCENT_OUTPUT_LOSS);
  if (loss_output_ < 0) {
    return FailWith(ExitStatus::kInternal, "", "entry train_step gives no loss");
  }
  if (auto done = SetUpBatches(); !done) return done;
  epoch_start_.resize(static_cast<size_t>(parts_.state->size()));
  if (options_.learning_rate) {
    const descent_slot* rate = parts_.program->FindSlot(DESCENT_SLOT_LEARNING_RATE);
    if (!rate) {
      return FailWith(ExitStatus::kUsage, "",
                      "the model's learning rate is fixed; --learning-rate has no effect");
    }
    parts_.state->SetScalar(rate, *options_.learning_rate);
  }
  if (options_.checkpoint.empty() && options_.checkpoint_every > 0) {
    return FailWith(ExitStatus::kUsage, "", "--checkpoint-every needs --checkpoint FILE");
  }
  if (!options_.checkpoint.empty()) {
    if (auto writable = CheckWritable(options_.checkpoint); !writable) return writable;
    store_.emplace(options_.checkpoint);
    if (parts_.resumed) {
      if (parts_.fell_back) {
        store_->DistrustNewest();
      } else {
        saved_ = progress_;
      }
    } else {
      store_->BeginNewRun();
    }
  }
  if (auto done = SetUpBest(); !done) return done;
  if (auto done = SetUpLog(); !done) return done;
  display_ = std::make_unique<ProgressDisplay>(
      ProgressDisplay::Facts{options_.quiet, options_.epochs, batches_});
  interrupt_.Begin();
  return {};
}

Result<void> Trainer::SetUpBatches() {
  const descent_entry& entry = step_.entry();
  const std::vector<int64_t>& rows = parts_.data ? parts_.data->Rows(Split::kTrain) : no_rows_;
  if (entry.input_count > 0) {
    auto feed = Feed::Make(step_, *parts_.prepared, rows);
    if (!feed) return std::unexpected(feed.error());
    feed_ = *std::move(feed);
  }
  if (entry.batch > 0) {
    bool keep = parts_.program->abi().keep_partial_batch;
    auto count = static_cast<int64_t>(rows.size());
    batches_ = (count + (keep ? entry.batch - 1 : 0)) / entry.batch;
    if (batches_ == 0) {
      return WithHint(Fail(parts_.data->data.origin, "{} to train on {} fewer than a batch of {}",
                           Counted(count, "row"), count == 1 ? "is" : "are", entry.batch),
                      "compile with a smaller --batch");
    }
  }
  if (progress_.batch >= batches_) {
    return Fail(parts_.resumed ? parts_.resumed->path : "", "checkpoint is at batch {} of {}",
                progress_.batch, batches_);
  }
  if (parts_.data && !parts_.data->Rows(Split::kValidation).empty()) {
    if (!parts_.program->Find("evaluate") || !parts_.program->Find("metrics")) {
      return WithHint(
          FailWith(ExitStatus::kUnsupported, "",
                   "model {} was compiled without evaluate and metrics, so training cannot be "
                   "validated",
                   Quoted(parts_.program->name())),
          "leave out --validation-split");
    }
    auto validation = Evaluator::Make(*parts_.program, *parts_.executor, parts_.prepared,
                                      parts_.data->Rows(Split::kValidation));
    if (!validation) return std::unexpected(validation.error());
    validation_ = *std::move(validation);
  } else if (options_.early_stopping > 0) {
    return FailWith(ExitStatus::kUsage, "",
                    "--early-stopping needs validation data: give --validation-split");
  }
  return {};
}

Result<void> Trainer::SetUpLog() {
  if (options_.log.empty()) {
    if (options_.track.empty() && options_.log_every == 0) return {};
    return FailWith(ExitStatus::kUsage, "", "--track and --log-every need --log FILE");
  }
  auto tracked = FindTracked(*parts_.program, options_.track);
  if (!tracked) return std::unexpected(tracked.error());
  bool tracks = !tracked->empty();
  if (tracks && options_.log_every == 0) options_.log_every = 1;
  auto log = parts_.resumed ? TrainingLog::Resume(options_.log, progress_.step, *std::move(tracked))
                            : TrainingLog::Create(options_.log, *std::move(tracked));
  if (!log) return std::unexpected(log.error());
  log_ = *std::move(log);
  // A trajectory begins where the parameters were initialized.
  if (tracks && progress_.step == 0) return log_->Step(progress_, std::nullopt, *parts_.state);
  return {};
}

Result<void> Trainer::SetUpBest() {
  if (!validation_) return {};
  auto memory = State::Make(*parts_.program);
  if (!memory) return std::unexpected(memory.error());
  best_state_ = *std::move(memory);
  if (!store_ || !parts_.resumed || progress_.best_epoch == 0) return {};
  if (progress_.best_epoch == progress_.epoch && progress_.batch == 0) {
    std::copy_n(parts_.state->data(), parts_.state->size(), best_state_->data());
    best_ = progress_;
    return {};
  }
  auto bytes = ReadFile(store_->best_path());
  if (!bytes) return {};
  auto best = ParseWeights(*std::move(bytes), store_->best_path(), *parts_.program);
  // One that a killed run wrote after this checkpoint: that epoch will come again.
  if (!best || !best->record || best->record->progress.epoch != progress_.best_epoch ||
      best->record->progress.best_loss != progress_.best_loss) {
    return {};
  }
  auto restored = RestoreState(*parts_.program, *best, Restore::kEverything, *best_state_);
  if (restored) best_ = best->record->progress;
  return {};
}

}  // namespace descent::runtime

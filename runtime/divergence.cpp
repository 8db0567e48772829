#include <algorithm>
#include <cmath>

#include "runtime/dtype.h"
#include "runtime/trainer.h"

namespace descent::runtime {
namespace {

bool IsFinite(const descent_tensor& tensor, const std::byte* values, int64_t elements) {
  if (!IsFloat(tensor.dtype)) return true;
  for (int64_t i = 0; i < elements; ++i) {
    if (!std::isfinite(NumberAt(tensor.dtype, values, i))) return false;
  }
  return true;
}

}  // namespace

std::string Trainer::FindFirstNonFinite() {
  double loss = ReadLoss();
  std::string outcome = StatusText(status_, step_.entry());
  if (!std::isfinite(loss)) {
    outcome = fmt::format("the loss is {}{}{}", std::isnan(loss) ? NAN : loss,
                          outcome.empty() ? "" : ", ", outcome);
  }
  // The state is already updated with the bad values. Training is deterministic, so the state
  // before the step is had by repeating the epoch's steps up to it.
  std::copy_n(epoch_start_.data(), epoch_start_.size(), parts_.state->data());
  int64_t failed = progress_.batch - 1;
  int64_t step = progress_.step - 1 - (failed - epoch_start_batch_);
  for (int64_t batch = epoch_start_batch_;; ++batch, ++step) {
    if (std::string slot = NonFiniteSlot(); !slot.empty()) {
      return fmt::format("{}; first not finite: {}, after step {}", outcome, slot, step);
    }
    if (batch == failed) break;
    RunBatch(batch);
  }
  FillBatch(failed);
  const descent_entry& entry = step_.entry();
  for (int64_t i = 0; i < entry.input_count; ++i) {
    const descent_tensor& tensor = entry.inputs[i].tensor;
    if (!IsFinite(tensor, step_.input(i), ElementCount(tensor))) {
      return fmt::format("{}; first not finite: input {}", outcome, Quoted(tensor.name));
    }
  }
  if (std::string prediction = NonFinitePrediction(); !prediction.empty()) {
    return fmt::format("{}; first not finite: {}", outcome, prediction);
  }
  if (std::isfinite(loss)) return outcome;
  return fmt::format("{}; first not finite: {}", outcome,
                     Quoted(entry.outputs[loss_output_].tensor.name));
}

std::string Trainer::NonFiniteSlot() const {
  for (const descent_slot& slot : parts_.program->slots()) {
    const descent_tensor& tensor = slot.tensor;
    if (!IsFinite(tensor, parts_.state->Bytes(slot).data(), ElementCount(tensor))) {
      bool parameter = slot.kind == DESCENT_SLOT_PARAMETER;
      return fmt::format("{} {}", parameter ? "parameter" : "state", Quoted(tensor.name));
    }
  }
  return "";
}

std::string Trainer::NonFinitePrediction() {
  const descent_entry* predict = parts_.program->Find("predict");
  if (!predict || predict->batch == 0 || step_.entry().batch == 0 || !parts_.prepared) return "";
  auto call = EntryCall::Make(*predict, *parts_.executor);
  if (!call) return "";
  auto feed = Feed::Make(*call, *parts_.prepared, order_);
  if (!feed) return "";
  int64_t first = (progress_.batch - 1) * step_.entry().batch;
  int64_t end = first + RowsOfBatch(progress_.batch - 1);
  for (int64_t row = first; row < end; row += predict->batch) {
    int64_t rows = std::min(predict->batch, end - row);
    feed->Fill(std::span(order_).subspan(row, rows), *parts_.executor);
    call->Run(*parts_.state, rows);
    for (int64_t i = 0; i < predict->output_count; ++i) {
      const descent_tensor& tensor = predict->outputs[i].tensor;
      if (!IsFinite(tensor, call->output(i), ElementCount(tensor))) {
        return fmt::format("prediction {}", Quoted(tensor.name));
      }
    }
  }
  return "";
}

}  // namespace descent::runtime

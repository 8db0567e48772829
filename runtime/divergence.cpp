// What made training diverge: the steps of the epoch are repeated, which training in the same bytes
// allows, while an observer looks at every value that they compute. A step that goes well comes
// first, to learn which values this model means to be infinite.
#include <algorithm>
#include <cmath>
#include <map>

#include "runtime/dtype.h"
#include "runtime/trainer.h"

namespace descent::runtime {
namespace {

enum NonFinite : unsigned { kNaN = 1, kInfinity = 2, kMinusInfinity = 4 };

/// Which of NonFinite are among the elements.
unsigned NonFiniteIn(const descent_tensor& tensor, const void* elements) {
  if (!IsFloat(tensor.dtype)) return 0;
  unsigned kinds = 0;
  const int64_t count = ElementCount(tensor);
  for (int64_t i = 0; i < count; ++i) {
    const double number = NumberAt(tensor.dtype, static_cast<const std::byte*>(elements), i);
    if (std::isfinite(number)) continue;
    kinds |= std::isnan(number) ? kNaN : number > 0 ? kInfinity : kMinusInfinity;
  }
  return kinds;
}

/// Names of values that one kernel computes, in a message.
constexpr size_t kListedValues = 4;

/// Other batches of an epoch that are tried for one that goes well.
constexpr int64_t kOtherBatches = 8;

/// The first value of a step with non-finite elements. A model may mean some, as in a mask of -inf:
/// kinds that a value had in the step before, which went well, don't count.
class Watch {
 public:
  void BeginStep() {
    before_ = std::move(now_);
    now_.clear();
    first_ = nullptr;
  }
  const descent_observer* observer() const { return &observer_; }
  const descent_value* first() const { return first_; }

 private:
  static void Computed(void* self, const descent_value* value, const void* elements) {
    static_cast<Watch*>(self)->Look(*value, elements);
  }

  void Look(const descent_value& value, const void* elements) {
    const unsigned kinds = NonFiniteIn(value.tensor, elements);
    if (kinds == 0) return;
    now_[&value] |= kinds;
    if (first_) return;
    const auto known = before_.find(&value);
    if (known == before_.end() || (kinds & ~known->second) != 0) first_ = &value;
  }

  descent_observer observer_ = {Computed, this};
  std::map<const descent_value*, unsigned> before_, now_;
  const descent_value* first_ = nullptr;
};

std::string SlotName(const descent_slot& slot) {
  const bool parameter = slot.kind == DESCENT_SLOT_PARAMETER;
  return fmt::format("{} {}", parameter ? "parameter" : "state", Quoted(slot.tensor.name));
}

std::string LossText(std::string_view what, double loss) {
  // The sign of a NaN means nothing.
  return fmt::format("the {} is {}", what, std::isnan(loss) ? std::abs(loss) : loss);
}

std::string WithFirst(std::string outcome, const std::string& first) {
  return first.empty() ? outcome : fmt::format("{}; first not finite: {}", outcome, first);
}

}  // namespace

std::string Trainer::DescribeDivergence() {
  const double loss = ReadLoss();
  std::string outcome = StatusText(status_, step_.entry());
  if (!std::isfinite(loss))
    outcome = LossText("loss", loss) + (outcome.empty() ? "" : ", " + outcome);
  if (outcome.empty()) outcome = "the new state is not finite";
  return WithFirst(std::move(outcome), FirstNonFinite());
}

std::string Trainer::DescribeValidation() {
  const double loss = validation_->loss();
  return WithFirst(LossText("validation loss", loss), FirstNonFiniteOfValidation());
}

void Trainer::ReturnToEpochStart() {
  std::copy_n(epoch_start_.data(), epoch_start_.size(), parts_.state->data());
}

std::string Trainer::FirstNonFinite() {
  const int64_t failed = progress_.batch - 1;
  int64_t step = progress_.step - (failed - epoch_start_batch_);
  ReturnToEpochStart();
  if (std::string slot = NonFiniteSlot(); !slot.empty())
    return fmt::format("{}, before step {}", slot, step);
  Watch watch;
  RunGoodStep(watch.observer());
  ReturnToEpochStart();
  for (int64_t batch = epoch_start_batch_; batch <= failed; ++batch, ++step) {
    watch.BeginStep();
    RunBatch(batch, watch.observer());
    const std::string slot = NonFiniteSlot();
    if (batch < failed && slot.empty()) continue;
    std::string first = NonFiniteInput();
    if (first.empty()) first = watch.first() ? NameOf(*watch.first()) : slot;
    return batch == failed || first.empty() ? first : fmt::format("{}, in step {}", first, step);
  }
  return "";
}

void Trainer::RunGoodStep(const descent_observer* observer) {
  const auto try_step = [&](int64_t batch, const auto& prepare) {
    if (!prepare() || RunBatch(batch) != 0 || !std::isfinite(ReadLoss())) return false;
    if (!NonFiniteSlot().empty()) return false;
    prepare();
    RunBatch(batch, observer);
    return true;
  };
  const auto epoch_start = [&] {
    ReturnToEpochStart();
    return true;
  };
  const auto first_state = [&] {
    const int64_t seed = parts_.record.provenance.seed;
    return Initialize(*parts_.program, *parts_.executor, seed, *parts_.state).has_value();
  };
  const int64_t failed = progress_.batch - 1;
  for (int64_t batch = 0; batch < std::min(batches_, kOtherBatches); ++batch)
    if (batch != failed && try_step(batch, epoch_start)) return;
  try_step(failed, first_state);
}

std::string Trainer::FirstNonFiniteOfValidation() {
  State& state = *parts_.state;
  std::copy_n(state.data(), state.size(), epoch_start_.data());
  Watch watch;
  const int64_t seed = parts_.record.provenance.seed;
  if (Initialize(*parts_.program, *parts_.executor, seed, state) && validation_->Run(state) == 0 &&
      std::isfinite(validation_->loss()))
    validation_->Run(state, watch.observer());
  ReturnToEpochStart();
  watch.BeginStep();
  validation_->Run(state, watch.observer());
  return watch.first() ? NameOf(*watch.first()) : "";
}

std::string Trainer::NonFiniteInput() const {
  const descent_entry& entry = step_.entry();
  for (int64_t i = 0; i < entry.input_count; ++i) {
    const descent_tensor& tensor = entry.inputs[i].tensor;
    if (NonFiniteIn(tensor, step_.input(i))) return fmt::format("input {}", Quoted(tensor.name));
  }
  return "";
}

/// A parameter that is not trained stays what it is, such as a mask of -inf.
std::string Trainer::NonFiniteSlot() const {
  for (const descent_slot& slot : parts_.program->slots()) {
    if (slot.kind == DESCENT_SLOT_PARAMETER && !slot.trainable) continue;
    if (NonFiniteIn(slot.tensor, parts_.state->Bytes(slot).data())) return SlotName(slot);
  }
  return "";
}

std::string Trainer::NameOf(const descent_value& value) const {
  const descent_slot* slot = parts_.program->FindSlot(value.tensor.name);
  const bool unnamed = *value.tensor.name == '%' && *value.origin;
  std::string text = slot ? SlotName(*slot) : Quoted(value.tensor.name);
  if (unnamed) text = fmt::format("a value of {}", Quoted(value.origin));
  if (*value.origin && !unnamed) text += fmt::format(" from {}", Quoted(value.origin));
  std::vector<std::string> others;
  size_t count = 0;
  for (std::string_view name = value.covered; !name.empty(); name = name.data() + name.size() + 1)
    if (++count <= kListedValues) others.push_back(Quoted(name));
  if (others.empty()) return text;
  if (count > kListedValues) others.push_back(fmt::format("{} more", count - kListedValues));
  return fmt::format("one of {} and {}, which one kernel computes", fmt::join(others, ", "), text);
}

}  // namespace descent::runtime

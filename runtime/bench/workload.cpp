#include "runtime/bench/workload.h"

#include <cmath>
#include <limits>

#include "runtime/bench/made_up_input.h"
#include "runtime/dtype.h"

namespace descent::runtime {
namespace {

constexpr int64_t kSeed = 1;

/// Significant bits of a float, the hidden one included.
int Digits(int32_t dtype) {
  switch (dtype) {
    case DESCENT_F64:
      return 53;
    case DESCENT_F16:
      return 11;
    case DESCENT_BF16:
      return 8;
    default:
      return 24;
  }
}

/// Each number by -1, 0 or 1 units of its last place.
void Move(const descent_tensor& tensor, std::byte* at, RandomSequence& random) {
  const double unit = std::ldexp(1, 1 - Digits(tensor.dtype));
  Visit(tensor.dtype, [&]<typename T>() {
    for (int64_t i = 0; i < ElementCount(tensor); ++i, at += sizeof(T)) {
      T value;
      std::memcpy(&value, at, sizeof(T));
      value = static_cast<T>(static_cast<double>(value) *
                             (1 + unit * static_cast<double>(random.Below(3) - 1)));
      std::memcpy(at, &value, sizeof(T));
    }
  });
}

}  // namespace

Workload::Workload(Program program, std::unique_ptr<Executor> executor, State state, EntryCall call)
    : program_(program),
      executor_(std::move(executor)),
      state_(std::move(state)),
      call_(std::move(call)),
      loss_output_(FindOutput(call_.entry(), DESCENT_OUTPUT_LOSS)) {}

Result<Workload> Workload::Make(const descent_program* abi, std::string_view entry,
                                int32_t threads) {
  auto program = Program::Open(abi);
  if (!program) return std::unexpected(program.error());
  const descent_entry* found = program->Find(entry);
  if (!found) return FailWith(ExitStatus::kInternal, "", "the program has no entry {}", entry);
  auto executor = Executor::Make(threads, BindCaller::kYes);
  if (!executor) return std::unexpected(executor.error());
  auto state = State::Make(*program);
  if (!state) return std::unexpected(state.error());
  auto call = EntryCall::Make(*found, **executor);
  if (!call) return std::unexpected(call.error());
  return Workload(*program, *std::move(executor), *std::move(state), *std::move(call));
}

Result<void> Workload::Restart(int64_t move) {
  if (program_.Find("initialize")) {
    if (auto done = Initialize(program_, *executor_, kSeed, state_); !done) return done;
    const descent_slot* step = program_.FindSlot(DESCENT_SLOT_STEP);
    state_.SetScalar<int64_t>(step, 0);
  }
  RandomSequence random(kSeed, RandomUse::kGenerator);
  const auto inputs = Inputs(entry());
  for (size_t i = 0; i < inputs.size(); ++i)
    MakeUp(inputs[i], random, call_.input(static_cast<int64_t>(i)));
  if (move > 0) MoveByLastBit(move);
  steps_ = 0;
  return {};
}

void Workload::MoveByLastBit(int64_t move) {
  RandomSequence random(kSeed, RandomUse::kGenerator, move);
  for (const descent_slot& slot : program_.slots()) {
    if (slot.kind != DESCENT_SLOT_PARAMETER || !IsFloat(slot.tensor.dtype)) continue;
    Bytes values(state_.Bytes(slot).size());
    state_.Read(slot, values);
    Move(slot.tensor, values.data(), random);
    state_.Write(slot, values);
  }
  const auto inputs = Inputs(entry());
  for (size_t i = 0; i < inputs.size(); ++i)
    if (IsFloat(inputs[i].tensor.dtype) && inputs[i].index_limit == 0)
      Move(inputs[i].tensor, call_.input(static_cast<int64_t>(i)), random);
}

Result<void> Workload::Step() {
  ++steps_;
  const uint32_t status = call_.Run(state_, entry().batch);
  if (status == 0) return {};
  return Fail("", "call {} of {} on made-up data: {}", steps_, entry().name,
              StatusText(status, entry()));
}

double Workload::Loss() const {
  if (!has_loss()) return std::numeric_limits<double>::quiet_NaN();
  return NumberAt(entry().outputs[loss_output_].tensor.dtype, call_.output(loss_output_), 0);
}

double Workload::Figure() const {
  if (has_loss()) return Loss();
  double sum = 0;
  int64_t count = 0;
  const auto outputs = Outputs(entry());
  for (size_t i = 0; i < outputs.size(); ++i) {
    const int64_t elements = ElementCount(outputs[i].tensor);
    for (int64_t at = 0; at < elements; ++at)
      sum += NumberAt(outputs[i].tensor.dtype, call_.output(static_cast<int64_t>(i)), at);
    count += elements;
  }
  return count == 0 ? 0 : sum / static_cast<double>(count);
}

}  // namespace descent::runtime

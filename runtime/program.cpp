#include "runtime/program.h"

#include <algorithm>

#include "runtime/axis_order.h"
#include "runtime/dtype.h"

namespace descent::runtime {
namespace {

int64_t RoundUp(int64_t bytes) {
  return (bytes + DESCENT_ALIGNMENT - 1) / DESCENT_ALIGNMENT * DESCENT_ALIGNMENT;
}

Result<void> CheckSlot(const descent_slot& slot) {
  const descent_tensor& tensor = slot.tensor;
  if (!IsAxisOrder(slot.order, tensor.rank)) {
    return FailWith(ExitStatus::kInternal, "", "slot {} of shape {} has no order of axes [{}]",
                    Quoted(tensor.name), ShapeText(tensor),
                    fmt::join(slot.order, slot.order + tensor.rank, ", "));
  }
  struct Scalar {
    int32_t kind, dtype;
  };
  constexpr Scalar kScalars[] = {{DESCENT_SLOT_SEED, DESCENT_I64},
                                 {DESCENT_SLOT_STEP, DESCENT_I64},
                                 {DESCENT_SLOT_LEARNING_RATE, DESCENT_F64}};
  for (auto [kind, dtype] : kScalars) {
    if (slot.kind == kind && (tensor.dtype != dtype || ElementCount(tensor) != 1)) {
      return FailWith(ExitStatus::kInternal, "", "slot {} is not a scalar of type {}",
                      Quoted(tensor.name), NameOf(dtype));
    }
  }
  return {};
}

Failure OutOfMemory(const descent_entry* entry, int64_t bytes) {
  return Fail("", "no memory for {} bytes of {}", bytes, entry ? entry->name : "state").error();
}

}  // namespace

Result<Program> Program::Open(const descent_program* program) {
  if (program->abi_version != DESCENT_ABI_VERSION) {
    return FailWith(ExitStatus::kUnsupported, "", "model {} has ABI version {}, the runtime {}",
                    Quoted(program->name), program->abi_version, DESCENT_ABI_VERSION);
  }
  if (program->cpu_is_supported && !program->cpu_is_supported()) {
    return WithHint(Fail("", "target {} needs {}, and this CPU does not have all of it",
                         program->target, program->cpu_needs),
                    "compile for this CPU, or with --target x86-64-v2");
  }
  Program view(program);
  for (const descent_slot& slot : view.slots()) {
    if (auto checked = CheckSlot(slot); !checked) return std::unexpected(checked.error());
  }
  return view;
}

const descent_entry* Program::Find(std::string_view entry) const {
  auto found =
      std::ranges::find(entries(), entry, [](auto& e) { return std::string_view(e.name); });
  return found == entries().end() ? nullptr : &*found;
}

const descent_slot* Program::FindSlot(std::string_view name) const {
  auto found =
      std::ranges::find(slots(), name, [](auto& s) { return std::string_view(s.tensor.name); });
  return found == slots().end() ? nullptr : &*found;
}

const descent_slot* Program::FindSlot(int32_t kind) const {
  auto found = std::ranges::find(slots(), kind, &descent_slot::kind);
  return found == slots().end() ? nullptr : &*found;
}

int64_t FindOutput(const descent_entry& entry, int32_t kind) {
  for (int64_t i = 0; i < entry.output_count; ++i) {
    if (entry.outputs[i].kind == kind) return i;
  }
  return -1;
}

std::string ShapeText(const descent_tensor& tensor) {
  return fmt::format("[{}]", fmt::join(tensor.dims, tensor.dims + tensor.rank, ", "));
}

Result<State> State::Make(const Program& program) {
  Block block(program.abi().state_bytes);
  if (!block.data()) return std::unexpected(OutOfMemory(nullptr, block.size()));
  return State(std::move(block));
}

std::span<std::byte> State::Bytes(const descent_slot& slot) const {
  return {data() + slot.offset_bytes, static_cast<size_t>(ByteCount(slot.tensor))};
}

void State::Read(const descent_slot& slot, std::span<std::byte> row_major) const {
  ToRowMajor(slot, Bytes(slot).data(), row_major.data());
}

void State::Write(const descent_slot& slot, ByteView row_major) {
  FromRowMajor(slot, row_major.data(), Bytes(slot).data());
}

ByteView State::RowMajor(const descent_slot& slot,
                         std::vector<std::vector<std::byte>>& copies) const {
  if (!slot.order) return Bytes(slot);
  std::vector<std::byte>& copy = copies.emplace_back(Bytes(slot).size());
  Read(slot, copy);
  return copy;
}

std::byte* State::Element(const descent_slot& slot, int64_t element) const {
  return Bytes(slot).data() + PlaceInMemory(slot, element) * SizeOf(slot.tensor.dtype);
}

int64_t EntryCall::PlaceBuffers(int64_t guard_bytes) {
  int64_t bytes = guard_bytes;
  auto place = [&](const descent_tensor& tensor, std::vector<int64_t>& offsets) {
    offsets.push_back(bytes);
    bytes += RoundUp(std::max<int64_t>(ByteCount(tensor), 1)) + guard_bytes;
  };
  for (const descent_input& input : Inputs(*entry_)) place(input.tensor, input_offsets_);
  for (const descent_output& output : Outputs(*entry_)) place(output.tensor, output_offsets_);
  return bytes;
}

Result<EntryCall> EntryCall::Make(const descent_entry& entry, const Executor& executor,
                                  int64_t guard_bytes) {
  EntryCall call(entry, executor);
  const int64_t buffers = call.PlaceBuffers(guard_bytes);
  const int64_t scratch =
      entry.fixed_scratch_bytes + executor.threads() * entry.worker_scratch_bytes;
  // Zeros are not written into one where there is no room for the other.
  if (Block::HasRoom(buffers + scratch)) {
    call.buffers_ = Block(buffers);
    call.scratch_ = Block(scratch);
  }
  if (!call.buffers_.data() || !call.scratch_.data())
    return std::unexpected(OutOfMemory(&entry, buffers + scratch));
  for (int64_t i = 0; i < entry.input_count; ++i) call.inputs_.push_back(call.input(i));
  for (int64_t offset : call.output_offsets_)
    call.outputs_.push_back(call.buffers_.data() + offset);
  return call;
}

uint32_t EntryCall::Run(const State& state, int64_t valid_rows, const descent_observer* observer) {
  descent_call call = {.state = state.data(),
                       .scratch = scratch_.data(),
                       .inputs = inputs_.data(),
                       .outputs = outputs_.data(),
                       .valid_rows = valid_rows,
                       .executor = executor_->threads() > 1 ? executor_->abi() : nullptr,
                       .observer = observer};
  return entry_->run(&call);
}

Result<void> Initialize(const Program& program, const Executor& executor, int64_t seed,
                        State& state) {
  const descent_entry* entry = program.Find("initialize");
  if (!entry)
    return FailWith(ExitStatus::kUnsupported, "", "the program holds no code to initialize");
  auto call = EntryCall::Make(*entry, executor);
  if (!call) return std::unexpected(call.error());
  const descent_slot* seed_slot = program.FindSlot(DESCENT_SLOT_SEED);
  state.SetScalar<int64_t>(seed_slot, seed);
  if (uint32_t status = call->Run(state, 0)) return Fail("", "initialize: {}", StatusText(status));
  state.SetScalar<int64_t>(seed_slot, seed);
  return {};
}

std::string StatusText(uint32_t status) {
  struct Bit {
    uint32_t bit;
    std::string_view text;
  };
  constexpr Bit kBits[] = {{DESCENT_STATUS_BAD_INDEX, "an index from data is out of range"},
                           {DESCENT_STATUS_NOT_FINITE, "a value that must be finite is not"},
                           {DESCENT_STATUS_BAD_CPU, "the CPU lacks what the program needs"}};
  std::string text;
  for (auto [bit, what] : kBits) {
    if (status & bit) text += (text.empty() ? "" : ", ") + std::string(what);
  }
  return text;
}

std::string StatusText(uint32_t status, const descent_entry& entry) {
  std::string text = StatusText(status);
  const int64_t assertion = status >> DESCENT_STATUS_ASSERTION_SHIFT;
  if (assertion > 0 && assertion <= entry.assertion_count)
    text += fmt::format(" ({})", Quoted(entry.assertions[assertion - 1]));
  return text;
}

}  // namespace descent::runtime

// C++ view of a descent_program: lookup, the state block, and prepared calls of entry points.
//
//   auto program = Program::Open(descent_main_programs[0]);
//   State state(*program);
//   auto step = EntryCall::Make(program->Find("train_step"), *executor);
//   std::memcpy(step->input(0), ...);
//   uint32_t status = step->Run(state, valid_rows);
//
// A Program refers to the descent_program, which must outlive it. After Make a call allocates
// nothing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "runtime/abi.h"
#include "runtime/executor.h"
#include "runtime/file.h"
#include "runtime/memory.h"
#include "runtime/status.h"

namespace descent::runtime {

class Program {
 public:
  /// Refuses another ABI version, a CPU that lacks what the code needs, and slots whose order is
  /// not one of their axes.
  static Result<Program> Open(const descent_program* program);

  const descent_program& abi() const { return *program_; }
  std::string_view name() const { return program_->name; }
  std::span<const descent_slot> slots() const {
    return {program_->slots, static_cast<size_t>(program_->slot_count)};
  }
  std::span<const descent_entry> entries() const {
    return {program_->entries, static_cast<size_t>(program_->entry_count)};
  }
  /// Null when there is none.
  const descent_entry* Find(std::string_view entry) const;
  const descent_slot* FindSlot(std::string_view name) const;
  const descent_slot* FindSlot(int32_t kind) const;

 private:
  explicit Program(const descent_program* program) : program_(program) {}
  const descent_program* program_;
};

inline std::span<const descent_input> Inputs(const descent_entry& entry) {
  return {entry.inputs, static_cast<size_t>(entry.input_count)};
}
inline std::span<const descent_output> Outputs(const descent_entry& entry) {
  return {entry.outputs, static_cast<size_t>(entry.output_count)};
}
/// Position of the first output of `kind`, or -1.
int64_t FindOutput(const descent_entry& entry, int32_t kind);

/// "[128, 784]".
std::string ShapeText(const descent_tensor& tensor);

/// The state block of one model.
class State {
 public:
  static Result<State> Make(const Program& program);

  std::byte* data() const { return block_.data(); }
  int64_t size() const { return block_.size(); }

  /// A slot as it lies in memory: its axes in descent_slot::order.
  std::span<std::byte> Bytes(const descent_slot& slot) const;
  /// Row-major values of a slot, from and to other memory of its size.
  void Read(const descent_slot& slot, std::span<std::byte> row_major) const;
  void Write(const descent_slot& slot, ByteView row_major);
  /// The same as a view: of the state, or, where the axes lie in another order, of a further copy.
  ByteView RowMajor(const descent_slot& slot, std::vector<std::vector<std::byte>>& copies) const;
  /// Where the element of that row-major number lies.
  std::byte* Element(const descent_slot& slot, int64_t element) const;
  /// Value of an i64 or f64 scalar slot. A model without the slot has no use for it: reads give
  /// `otherwise`, writes do nothing.
  template <typename T>
  T Scalar(const descent_slot* slot, T otherwise) const;
  template <typename T>
  void SetScalar(const descent_slot* slot, T value);

 private:
  explicit State(Block block) : block_(std::move(block)) {}
  Block block_;
};

/// One entry point with its own input, output and scratch memory.
class EntryCall {
 public:
  /// Nothing uses `guard_bytes` (a multiple of DESCENT_ALIGNMENT) before and behind each input and
  /// output.
  static Result<EntryCall> Make(const descent_entry& entry, const Executor& executor,
                                int64_t guard_bytes = 0);

  const descent_entry& entry() const { return *entry_; }
  std::byte* input(int64_t i) const { return buffers_.data() + input_offsets_[i]; }
  std::byte* output(int64_t i) const { return buffers_.data() + output_offsets_[i]; }
  std::span<std::byte> scratch() const {
    return {scratch_.data(), static_cast<size_t>(scratch_.size())};
  }

  /// Status word of the entry point. `observer` may be null.
  uint32_t Run(const State& state, int64_t valid_rows, const descent_observer* observer = nullptr);

 private:
  EntryCall(const descent_entry& entry, const Executor& executor)
      : entry_(&entry), executor_(&executor) {}
  /// Sets the offsets of inputs and outputs; gives the bytes they take.
  int64_t PlaceBuffers(int64_t guard_bytes);
  const descent_entry* entry_;
  const Executor* executor_;
  Block buffers_;
  Block scratch_;
  std::vector<int64_t> input_offsets_, output_offsets_;
  std::vector<const void*> inputs_;
  std::vector<void*> outputs_;
};

/// A state as the entry `initialize` makes it from the seed.
Result<void> Initialize(const Program& program, const Executor& executor, int64_t seed,
                        State& state);

/// A status word as a sentence.
std::string StatusText(uint32_t status);
/// With the name of the value that is not finite, where `entry` gave the status.
std::string StatusText(uint32_t status, const descent_entry& entry);

template <typename T>
T State::Scalar(const descent_slot* slot, T otherwise) const {
  if (slot) std::memcpy(&otherwise, data() + slot->offset_bytes, sizeof(T));
  return otherwise;
}
template <typename T>
void State::SetScalar(const descent_slot* slot, T value) {
  if (slot) std::memcpy(data() + slot->offset_bytes, &value, sizeof(T));
}

}  // namespace descent::runtime

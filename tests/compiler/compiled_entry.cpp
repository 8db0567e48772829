#include "tests/compiler/compiled_entry.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>

#include "ir/diagnostic.h"

namespace descent {
namespace {

/// Aligned memory whose bytes are all ones.
class Block {
 public:
  explicit Block(size_t bytes) {
    const size_t rounded =
        (bytes + 2 * DESCENT_ALIGNMENT - 1) / DESCENT_ALIGNMENT * DESCENT_ALIGNMENT;
    data_.reset(static_cast<std::byte*>(std::aligned_alloc(DESCENT_ALIGNMENT, rounded)));
    std::memset(data_.get(), 0xFF, rounded);
  }
  std::byte* data() { return data_.get(); }

 private:
  struct Free {
    void operator()(std::byte* data) const { std::free(data); }
  };
  std::unique_ptr<std::byte, Free> data_;
};

}  // namespace

ProgramRun RunCompiledEntry(const KernelProgram& program, const descent_entry& entry,
                            std::span<std::byte> state, std::span<const Tensor> inputs,
                            int64_t valid_rows) {
  const EntryProgram& lowered = program.entries[0];
  Block aligned_state(state.size());
  std::copy(state.begin(), state.end(), aligned_state.data());
  Block scratch(entry.fixed_scratch_bytes + entry.worker_scratch_bytes);
  std::vector<const void*> arguments;
  for (const Tensor& input : inputs) arguments.push_back(input.bytes().data());
  std::vector<std::vector<std::byte>> results;
  for (const EntryOutput& output : lowered.outputs)
    results.emplace_back(lowered.buffers[output.buffer].type.bytes());
  std::vector<void*> places;
  for (auto& result : results) places.push_back(result.data());
  const descent_call call{aligned_state.data(), scratch.data(), arguments.data(),
                          places.data(),        valid_rows,     nullptr};
  const uint32_t status = entry.run(&call);
  ProgramRun run{.outputs = {},
                 .bad_index = (status & DESCENT_STATUS_BAD_INDEX) != 0,
                 .not_finite = (status & DESCENT_STATUS_NOT_FINITE) != 0};
  std::copy_n(aligned_state.data(), state.size(), state.begin());
  for (size_t i = 0; i < results.size(); ++i)
    run.outputs.emplace_back(lowered.buffers[lowered.outputs[i].buffer].type, results[i]);
  return run;
}

ProgramRunner CompiledRunner() {
  auto programs = std::make_shared<std::map<const KernelProgram*, JitProgram>>();
  return [programs](const KernelProgram& program, std::span<std::byte> state,
                    std::span<const Tensor> inputs, int64_t valid_rows) {
    auto known = programs->find(&program);
    if (known == programs->end()) {
      const auto target = ResolveTarget("native");
      DESCENT_CHECK(target.has_value(), target.error().message);
      auto jit = JitProgram::Load(program, **target);
      DESCENT_CHECK(jit.has_value(), jit.error().message);
      known = programs->emplace(&program, std::move(*jit)).first;
    }
    return RunCompiledEntry(program, known->second.program().entries[0], state, inputs, valid_rows);
  };
}

}  // namespace descent

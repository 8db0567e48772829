#include "frontends/cli/run/compiled_call.h"

#include <cstring>
#include <memory>
#include <optional>

#include "compiler/codegen/jit.h"
#include "compiler/memory_check.h"
#include "frontends/cpp/runtime_result.h"
#include "runtime/executor.h"
#include "runtime/program.h"

namespace descent::cli {
namespace {

Tensor ReadBack(const descent_tensor& tensor, const std::byte* data) {
  const TensorType type = {static_cast<DType>(tensor.dtype),
                           {tensor.dims, tensor.dims + tensor.rank}};
  return Tensor(type, std::vector<std::byte>(data, data + type.bytes()));
}

Result<void> FillState(const Execution& execution, const runtime::Program& program,
                       runtime::State& state) {
  for (const descent_slot& slot : program.slots()) {
    const auto place = execution.state.find(slot.tensor.name);
    if (place == execution.state.end())
      return Error("nothing gives the state {} a first value", Quoted(slot.tensor.name));
    const auto bytes = place->second.bytes();
    DESCENT_CHECK(bytes.size() == state.Bytes(slot).size(), "a slot's type differs");
    state.Write(slot, bytes);
  }
  return {};
}

Values Collect(const Execution& execution, const Compilation& compilation,
               const runtime::Program& program, const runtime::State& state,
               const runtime::EntryCall& call) {
  Values values;
  const auto outputs = runtime::Outputs(call.entry());
  for (size_t i = 0; i < outputs.size(); ++i) {
    Tensor value = ReadBack(outputs[i].tensor, call.output(static_cast<int64_t>(i)));
    const std::string name = outputs[i].tensor.name;
    const bool traced = execution.model.graph.FindOutput(name) == nullptr;
    (traced ? values.traced : values.outputs).push_back({name, std::move(value)});
  }
  for (const NamedValue& output : compilation.entries.front().graph.outputs()) {
    if (!output.name.starts_with(kNext)) continue;
    const descent_slot* slot = program.FindSlot(std::string_view(output.name).substr(kNext.size()));
    if (slot == nullptr) continue;
    std::vector<std::byte> bytes(state.Bytes(*slot).size());
    state.Read(*slot, bytes);
    values.next.push_back({output.name, ReadBack(slot->tensor, bytes.data())});
  }
  return values;
}

/// "[1, 0]": where element `number` of a tensor stands.
std::string PlaceOf(const Shape& shape, int64_t number) {
  Shape place(shape.size());
  for (size_t axis = shape.size(); axis-- > 0; number /= shape[axis])
    place[axis] = number % shape[axis];
  return ToString(place);
}

/// Names the first index that is out of range, if it stands in an input as it is.
Result<void> CheckIndices(const Execution& execution, const Compilation& compilation) {
  for (const EntryInput& input : compilation.program.entries.front().inputs) {
    const auto given = execution.inputs.find(input.binding.name);
    if (input.index_limit == 0 || given == execution.inputs.end()) continue;
    const Tensor& tensor = given->second;
    for (int64_t i = 0; i < tensor.elements(); ++i) {
      const int64_t index = tensor.GetInt(i);
      if (index >= 0 && index < input.index_limit) continue;
      auto error =
          Error("input {} holds {} at {}; it takes whole numbers from 0 to {}",
                Quoted(given->first), index, PlaceOf(tensor.shape(), i), input.index_limit - 1);
      if (const auto file = execution.files.find(given->first); file != execution.files.end())
        error.error().location.file = file->second;
      return error;
    }
  }
  return {};
}

/// A program in this process with the memory of one call.
class CompiledCall {
 public:
  CompiledCall(const Execution& execution, Compilation compilation)
      : execution_(execution), compilation_(std::move(compilation)) {
    if (execution.check_memory) check_.emplace(compilation_.program, *compilation_.target);
  }

  Result<Values> Run() {
    DESCENT_TRY(jit, JitProgram::Load(compilation_.program, *compilation_.target,
                                      CodegenOptionsOf(execution_.options),
                                      check_ ? &check_->hooks() : nullptr));
    DESCENT_TRY(program, FromRuntime(runtime::Program::Open(&jit.program())));
    DESCENT_TRY(state, FromRuntime(runtime::State::Make(program)));
    DESCENT_TRY(executor, FromRuntime(runtime::Executor::Make(
                              static_cast<int32_t>(execution_.threads), runtime::BindCaller::kNo)));
    DESCENT_TRY(call,
                FromRuntime(runtime::EntryCall::Make(*program.Find(execution_.entry), *executor,
                                                     compilation_.program.guard_bytes)));
    DESCENT_RETURN_IF_ERROR(check_ ? CheckedRun(program, executor->threads(), state, call)
                                   : PlainRun(program, state, call));
    return Collect(execution_, compilation_, program, state, call);
  }

 private:
  Result<void> PlainRun(const runtime::Program& program, runtime::State& state,
                        runtime::EntryCall& call) {
    DESCENT_RETURN_IF_ERROR(FillState(execution_, program, state));
    const auto inputs = runtime::Inputs(call.entry());
    for (size_t i = 0; i < inputs.size(); ++i) {
      const auto bytes = execution_.inputs.at(inputs[i].tensor.name).bytes();
      std::memcpy(call.input(static_cast<int64_t>(i)), bytes.data(), bytes.size());
    }
    const uint32_t status = call.Run(state, execution_.rows);
    return CheckStatus(status, runtime::StatusText(status, call.entry()), execution_, compilation_);
  }

  Result<void> CheckedRun(const runtime::Program& program, int threads, runtime::State& state,
                          runtime::EntryCall& call) {
    CallMemory memory{.state = state.data(), .scratch = call.scratch().data(), .threads = threads};
    for (int64_t i = 0; i < call.entry().input_count; ++i) memory.inputs.push_back(call.input(i));
    for (int64_t i = 0; i < call.entry().output_count; ++i)
      memory.outputs.push_back(call.output(i));
    for (const MemoryCheck::Round round : MemoryCheck::kRounds) {
      check_->Begin(0, memory, round);
      auto done = PlainRun(program, state, call);
      check_->End();
      DESCENT_RETURN_IF_ERROR(check_->Verdict());
      if (!done) return done;
    }
    return {};
  }

  const Execution& execution_;
  const Compilation compilation_;
  std::optional<MemoryCheck> check_;
};

}  // namespace

Result<Compilation> CompileEntry(const Execution& execution, bool trace) {
  CompileOptions options = execution.options;
  options.entries = {execution.entry};
  options.full_state = true;
  options.trace_values = trace;
  if (execution.check_memory) options.guard_bytes = kGuardBytes;
  return Compile(execution.source, options);
}

Result<void> CheckStatus(uint32_t status, const std::string& text, const Execution& execution,
                         const Compilation& compilation) {
  if (status == 0) return {};
  if (status & DESCENT_STATUS_BAD_INDEX)
    DESCENT_RETURN_IF_ERROR(CheckIndices(execution, compilation));
  return Error("the entry point says: {}", text);
}

Result<Values> RunCompiled(const Execution& execution, bool trace) {
  DESCENT_TRY(compilation, CompileEntry(execution, trace));
  return CompiledCall(execution, std::move(compilation)).Run();
}

}  // namespace descent::cli

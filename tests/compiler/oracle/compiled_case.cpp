#include "tests/compiler/oracle/compiled_case.h"

#include <algorithm>
#include <cstring>
#include <mutex>
#include <random>

#include "compiler/graph/specialize.h"
#include "runtime/abi.h"
#include "runtime/dtype.h"
#include "runtime/executor.h"
#include "runtime/memory.h"
#include "tests/compiler/state_slots.h"
#include "tests/ir/samples/samples.h"

namespace descent {
namespace {

/// One tile after another in an order of its own, by workers that take turns.
struct ScrambledTiles {
  static constexpr int32_t kWorkers = 3;
  static void Run(void*, descent_tile_fn fn, void* arg, int64_t tiles) {
    std::vector<int64_t> order(tiles);
    for (int64_t i = 0; i < tiles; ++i) order[i] = i;
    std::mt19937_64 random(tiles);
    std::ranges::shuffle(order, random);
    for (int64_t i = 0; i < tiles; ++i)
      fn(arg, static_cast<int32_t>(i % kWorkers), order[i], order[i] + 1);
  }
};

/// Memory whose every byte is set: as floats, NaNs.
runtime::Block Poisoned(int64_t bytes) {
  runtime::Block block(bytes);
  std::memset(block.data(), 0xFF, bytes);
  return block;
}

/// Notes the name of a value with elements that nobody wrote: no computed number has all bits set.
void FindUnwritten(void* self, const descent_value* value, const void* elements) {
  const auto* bytes = static_cast<const unsigned char*>(elements);
  const descent_tensor& tensor = value->tensor;
  const int64_t size = runtime::SizeOf(tensor.dtype);
  for (int64_t i = 0; i < runtime::ElementCount(tensor); ++i)
    if (std::all_of(bytes + i * size, bytes + (i + 1) * size, [](auto b) { return b == 0xFF; }))
      *static_cast<std::string*>(self) = tensor.name;
}

}  // namespace

const descent_executor* ExecutorFor(int threads) {
  static const descent_executor kScrambled{ScrambledTiles::Run, nullptr, ScrambledTiles::kWorkers};
  if (threads == 0) return &kScrambled;
  if (threads == 1) return nullptr;
  // One lives at a time: oneTBB serves the smallest of the limits that are set.
  static std::unique_ptr<runtime::Executor> executor;
  if (!executor || executor->threads() != threads) {
    executor.reset();
    auto made = runtime::Executor::Make(threads, runtime::BindCaller::kNo);
    DESCENT_CHECK(made.has_value(), "threads for the oracle");
    executor = *std::move(made);
  }
  return executor->abi();
}

NamedTensors WithSystemValues(NamedTensors values) {
  const auto add = [&](std::string_view name, const Tensor& tensor) {
    values.emplace(std::string(name), tensor);
  };
  const int64_t seed[] = {kSampleValues.seed}, step[] = {kSampleValues.step};
  add(kSeedSlot, Tensor::FromInts(I64({}), seed));
  add(kStepSlot, Tensor::FromInts(I64({}), step));
  const int64_t valid_rows[] = {kSampleValues.valid_rows};
  add(kLearningRateSlot, Tensor::Scalar(DType::kF64, kSampleValues.learning_rate));
  add(kValidRowsName, Tensor::FromInts(I64({}), valid_rows));
  return values;
}

RunValues RunValuesOf(const NamedTensors& values) {
  return {.seed = values.at(std::string(kSeedSlot)).GetInt(0),
          .step = values.at(std::string(kStepSlot)).GetInt(0),
          .valid_rows = values.at(std::string(kValidRowsName)).GetInt(0),
          .learning_rate = values.at(std::string(kLearningRateSlot)).GetDouble(0)};
}

std::vector<Tensor> InputsOf(const Graph& graph, const NamedTensors& values) {
  std::vector<Tensor> inputs;
  for (const NamedValue& input : graph.inputs())
    inputs.push_back(CornerOf(values.at(input.name), graph.type(input.value).shape));
  return inputs;
}

std::vector<int64_t> PlacesInside(const Shape& whole, const Shape& corner) {
  DESCENT_CHECK(whole.size() == corner.size(), "a corner has the rank of the whole");
  for (size_t axis = 0; axis < whole.size(); ++axis)
    DESCENT_CHECK(corner[axis] <= whole[axis], "a corner lies inside");
  const Shape from = RowMajorStrides(whole), to = RowMajorStrides(corner);
  std::vector<int64_t> places(Elements(corner));
  for (int64_t i = 0; i < static_cast<int64_t>(places.size()); ++i)
    for (size_t axis = 0; axis < whole.size(); ++axis)
      places[i] += i / to[axis] % corner[axis] * from[axis];
  return places;
}

Tensor CornerOf(const Tensor& tensor, const Shape& corner) {
  if (tensor.shape() == corner) return tensor;
  const TensorType type{tensor.dtype(), corner};
  std::vector<std::byte> bytes(type.bytes());
  auto next = bytes.begin();
  for (const int64_t place : PlacesInside(tensor.shape(), corner)) {
    const auto size = static_cast<int64_t>(bytes.size()) / type.elements();
    next = std::ranges::copy(tensor.bytes().subspan(place * size, size), next).out;
  }
  return {type, std::move(bytes)};
}

Tensor WithFirstRowRepeated(const Tensor& tensor, int axis, int64_t valid_rows) {
  const TensorType& type = tensor.type();
  const auto bytes = tensor.bytes();
  const int64_t row_bytes = type.bytes() / type.elements() * RowMajorStrides(type.shape)[axis];
  std::vector<std::byte> repeated(bytes.begin(), bytes.end());
  for (int64_t at = 0; at < type.bytes(); at += row_bytes)
    if (const int64_t row = at / row_bytes % type.shape[axis]; row >= valid_rows)
      std::ranges::copy(bytes.subspan(at - row * row_bytes, row_bytes), repeated.begin() + at);
  return {type, std::move(repeated)};
}

Result<CompiledCase> CompiledCase::Make(const Model& optimized, const OptionSet& options,
                                        const Tamper& tamper) {
  DESCENT_TRY(target, TargetOf(options));
  CompiledCase made(optimized, options);
  KernelProgram& program = *made.program_;
  program.name = "oracle";
  program.prefix = "oracle";
  program.guard_bytes = options.guards ? kGuardBytes : 0;
  LayoutState(optimized, program);
  const LowerOptions lowering = LoweringOf(options, target);
  DESCENT_RETURN_IF_ERROR(OrderState({&optimized, 1}, optimized.entry, program, lowering));
  DESCENT_TRY(entry, LowerEntry(optimized, program, lowering));
  entry.observable = true;
  program.entries.push_back(std::move(entry));
  if (tamper) tamper(program);
  made.target_ = std::make_unique<Target>(target);
  if (options.guards) made.check_ = std::make_unique<MemoryCheck>(program, *made.target_);
  DESCENT_TRY(
      jit, JitProgram::Load(program, target, {}, options.guards ? &made.check_->hooks() : nullptr));
  made.jit_ = std::make_unique<JitProgram>(std::move(jit));
  return made;
}

CompiledCase::Call CompiledCase::Run(const NamedTensors& values) const {
  Call done = RunRound(values, MemoryCheck::Round::kFirst);
  if (check_ == nullptr) return done;
  RunRound(values, MemoryCheck::Round::kSecond);
  if (const auto verdict = check_->Verdict(); !verdict) done.memory = verdict.error().message;
  return done;
}

CompiledCase::Call CompiledCase::RunRound(const NamedTensors& values,
                                          MemoryCheck::Round round) const {
  const EntryProgram& lowered = program_->entries[0];
  const descent_entry& entry = jit_->program().entries[0];
  const descent_executor* executor = ExecutorFor(options_.threads);
  const int threads = executor != nullptr ? executor->threads : 1;
  const runtime::Block state = Poisoned(program_->state_bytes);
  for (const StateSlot& slot : program_->state)
    if (const auto value = values.find(slot.name); value != values.end())
      WriteSlot({state.data(), static_cast<size_t>(state.size())}, slot, value->second);
  const runtime::Block scratch =
      Poisoned(entry.fixed_scratch_bytes + threads * entry.worker_scratch_bytes);
  std::vector<GuardedBytes> inputs, results;
  CallMemory memory{.state = state.data(), .scratch = scratch.data(), .threads = threads};
  for (const EntryInput& input : lowered.inputs) {
    const auto bytes = values.at(input.binding.name).bytes();
    inputs.emplace_back(std::ssize(bytes), program_->guard_bytes);
    memory.inputs.push_back(inputs.back().data());
    std::ranges::copy(bytes, memory.inputs.back());
  }
  for (const EntryOutput& output : lowered.outputs) {
    results.emplace_back(lowered.buffers[output.buffer].type.bytes(), program_->guard_bytes);
    memory.outputs.push_back(results.back().data());
  }
  const std::vector<const void*> sources(memory.inputs.begin(), memory.inputs.end());
  const std::vector<void*> places(memory.outputs.begin(), memory.outputs.end());
  Call done;
  const descent_observer observer{FindUnwritten, &done.unwritten};
  const descent_call call{.state = state.data(),
                          .scratch = scratch.data(),
                          .inputs = sources.data(),
                          .outputs = places.data(),
                          .valid_rows = RunValuesOf(values).valid_rows,
                          .executor = executor,
                          .observer = &observer};
  if (check_) check_->Begin(0, memory, round);
  done.bad_index = (entry.run(&call) & DESCENT_STATUS_BAD_INDEX) != 0;
  if (check_) check_->End();
  size_t result = 0;
  for (const NamedValue& output : model_.graph.outputs()) {
    const TensorType& type = model_.graph.type(output.value);
    const auto slot = std::ranges::find_if(program_->state, [&](const StateSlot& candidate) {
      return output.name == NextName(candidate.name);
    });
    if (slot == program_->state.end()) {
      done.outputs.emplace_back(type, results[result++].Copy());
      continue;
    }
    done.outputs.push_back(ReadSlot({state.data(), static_cast<size_t>(state.size())}, *slot));
  }
  return done;
}

void Perturb(KernelProgram& program, uint64_t which, double relative) {
  if (program.kernels.empty()) return;
  Kernel& kernel = program.kernels[which % program.kernels.size()];
  for (Scalar& result : kernel.stages.back().results)
    if (Info(result->dtype).is_float)
      result = descent::Call(ScalarOp::kMul, {result, ConstantScalar(result->dtype, 1 + relative)});
}

}  // namespace descent

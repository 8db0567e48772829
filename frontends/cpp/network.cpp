#include "frontends/cpp/network.h"

#include <cstring>
#include <optional>
#include <utility>
#include <vector>

#include "compiler/codegen/jit.h"
#include "compiler/compile.h"
#include "frontends/cpp/runtime_result.h"
#include "runtime/dtype.h"
#include "runtime/executor.h"
#include "runtime/file.h"
#include "runtime/program.h"
#include "runtime/safetensors.h"

namespace descent::nn {
namespace {

TensorType TypeOf(const descent_tensor& tensor) {
  return {static_cast<DType>(tensor.dtype), Shape(tensor.dims, tensor.dims + tensor.rank)};
}

Tensor CopyOf(const descent_tensor& tensor, const std::byte* data) {
  return Tensor(TypeOf(tensor), std::vector<std::byte>(data, data + runtime::ByteCount(tensor)));
}

}  // namespace

struct Network::Engine {
  JitProgram jit;
  runtime::Program program;
  runtime::State state;
  std::unique_ptr<runtime::Executor> executor;
  std::map<std::string, runtime::EntryCall, std::less<>> calls;

  /// Copies the inputs, calls the entry point; its outputs stand in the call that is returned.
  Result<const runtime::EntryCall*> Run(std::string_view entry, const Tensors& inputs);
};

Network::Network(std::unique_ptr<Engine> engine) : engine_(std::move(engine)) {}
Network::Network(Network&&) noexcept = default;
Network& Network::operator=(Network&&) noexcept = default;
Network::~Network() = default;

Result<Network> Network::Compile(const Model& model, const NetworkOptions& options) {
  if (!model.has_loss())
    return Error("model {} has no loss, so it cannot be trained", Quoted(model.name));
  DESCENT_TRY(compilation, descent::Compile(model, {.target = options.target,
                                                    .evaluate_batch = options.evaluate_batch,
                                                    .predict_batch = options.predict_batch}));
  DESCENT_TRY(jit, JitProgram::Load(compilation.program, *compilation.target));
  DESCENT_TRY(program, FromRuntime(runtime::Program::Open(&jit.program())));
  DESCENT_TRY(state, FromRuntime(runtime::State::Make(program)));
  DESCENT_TRY(executor,
              FromRuntime(runtime::Executor::Make(options.threads, runtime::BindCaller::kNo)));
  DESCENT_RETURN_IF_ERROR(
      FromRuntime(runtime::Initialize(program, *executor, options.seed, state)));
  return Network(
      std::make_unique<Engine>(std::move(jit), program, std::move(state), std::move(executor)));
}

Result<const runtime::EntryCall*> Network::Engine::Run(std::string_view entry,
                                                       const Tensors& inputs) {
  auto place = calls.find(entry);
  if (place == calls.end()) {
    const descent_entry* found = program.Find(entry);
    if (found == nullptr) return Error("the model has no entry point {}", entry);
    DESCENT_TRY(made, FromRuntime(runtime::EntryCall::Make(*found, *executor)));
    place = calls.emplace(entry, std::move(made)).first;
  }
  runtime::EntryCall& call = place->second;
  const auto wanted = runtime::Inputs(call.entry());
  for (size_t i = 0; i < wanted.size(); ++i) {
    const descent_tensor& tensor = wanted[i].tensor;
    const auto given = inputs.find(tensor.name);
    if (given == inputs.end()) return Error("{}: input {} is missing", entry, Quoted(tensor.name));
    if (given->second.type() != TypeOf(tensor))
      return Error("{}: input {} must be {}, not {}", entry, Quoted(tensor.name),
                   ToString(TypeOf(tensor)), ToString(given->second.type()));
    const auto bytes = given->second.bytes();
    if (!bytes.empty())
      std::memcpy(call.input(static_cast<int64_t>(i)), bytes.data(), bytes.size());
  }
  const uint32_t status = call.Run(state, call.entry().batch);
  if (status != 0) return Error("{}: {}", entry, runtime::StatusText(status, call.entry()));
  return &call;
}

namespace {

double LossOf(const runtime::EntryCall& call) {
  const int64_t place = runtime::FindOutput(call.entry(), DESCENT_OUTPUT_LOSS);
  return runtime::NumberAt(call.entry().outputs[place].tensor.dtype, call.output(place), 0);
}

}  // namespace

Result<double> Network::TrainStep(const Tensors& inputs) {
  DESCENT_TRY(call, engine_->Run("train_step", inputs));
  return LossOf(*call);
}

Result<double> Network::Evaluate(const Tensors& inputs) {
  DESCENT_TRY(call, engine_->Run("evaluate", inputs));
  return LossOf(*call);
}

Result<Tensors> Network::Predict(const Tensors& inputs) {
  DESCENT_TRY(call, engine_->Run("predict", inputs));
  Tensors told;
  const auto outputs = runtime::Outputs(call->entry());
  for (size_t i = 0; i < outputs.size(); ++i)
    told.emplace(outputs[i].tensor.name,
                 CopyOf(outputs[i].tensor, call->output(static_cast<int64_t>(i))));
  return told;
}

Result<Tensor> Network::Get(const std::string& name) const {
  const descent_slot* slot = engine_->program.FindSlot(name);
  if (slot == nullptr) return Error("there is no state {}", Quoted(name));
  return CopyOf(slot->tensor, engine_->state.Bytes(*slot).data());
}

Result<void> Network::Save(const std::string& path) const {
  std::vector<runtime::NamedTensor> tensors;
  for (const descent_slot& slot : engine_->program.slots())
    if (slot.kind == DESCENT_SLOT_PARAMETER || slot.kind == DESCENT_SLOT_STATISTIC)
      tensors.push_back({slot.tensor.name, slot.tensor.dtype, TypeOf(slot.tensor).shape,
                         engine_->state.Bytes(slot)});
  return FromRuntime(
      runtime::WriteFileAtomically(path, runtime::WriteSafetensors({}, std::move(tensors))));
}

}  // namespace descent::nn

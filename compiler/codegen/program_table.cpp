#include "compiler/codegen/program_table.h"

#include <algorithm>

#include "compiler/codegen/table_builder.h"
#include "runtime/abi.h"

namespace descent {
namespace {

// The table's enumerations are the compiler's, by value.
static_assert(static_cast<int>(DType::kBool) == DESCENT_BOOL);
static_assert(static_cast<int>(DType::kU64) == DESCENT_U64);
static_assert(kAlignment == DESCENT_ALIGNMENT);
static_assert(static_cast<int>(Normalization::kScale) == DESCENT_NORMALIZE_SCALE);

llvm::Constant* InputRow(TableBuilder& t, const EntryProgram& entry, const EntryInput& input) {
  const TensorType& type = entry.buffers[input.buffer].type;
  return t.Struct({t.Tensor(input.binding.name, type), t.I32(input.binding.batch_axis),
                   t.I32(static_cast<int>(input.binding.normalization)), t.F64(input.binding.scale),
                   t.Text(input.binding.column), t.I64(input.index_limit),
                   t.F64(input.range.lowest), t.F64(input.range.highest)});
}

llvm::Constant* OutputRow(TableBuilder& t, const EntryProgram& entry, const EntryOutput& output) {
  return t.Struct({t.Tensor(output.name, entry.buffers[output.buffer].type), t.I32(output.kind),
                   t.I32(output.batch_axis)});
}

llvm::Constant* EntryRow(TableBuilder& t, const EmittedEntry& emitted) {
  const EntryProgram& entry = *emitted.entry;
  std::vector<llvm::Constant*> inputs, outputs;
  for (const EntryInput& input : entry.inputs) inputs.push_back(InputRow(t, entry, input));
  for (const EntryOutput& output : entry.outputs) outputs.push_back(OutputRow(t, entry, output));
  std::vector<llvm::Constant*> assertions;
  for (const std::string& name : emitted.assertions) assertions.push_back(t.Text(name));
  return t.Struct({t.Text(entry.name), emitted.function, t.I64(entry.batch),
                   t.I64(std::ssize(inputs)), t.I64(std::ssize(outputs)), t.Array(inputs),
                   t.Array(outputs), t.I64(emitted.fixed_scratch_bytes),
                   t.I64(emitted.worker_scratch_bytes), t.I64(entry.arena_bytes),
                   t.I64(emitted.kernel_calls), t.I64(emitted.flops), t.I64(std::ssize(assertions)),
                   t.Array(assertions)});
}

llvm::Constant* SlotRow(TableBuilder& t, const StateSlot& slot) {
  std::vector<llvm::Constant*> order;
  for (const int axis : slot.order) order.push_back(t.I32(axis));
  return t.Struct({t.Tensor(slot.name, slot.type), t.I32(slot.kind), t.I32(slot.trainable),
                   t.I64(slot.offset), t.I64(slot.type.bytes()), t.Array(order)});
}

/// -1: none of the slots.
int64_t NumberOf(const std::string& name, const KernelProgram& program) {
  const auto slot = std::ranges::find(program.state, name, &StateSlot::name);
  return slot == program.state.end() ? -1 : slot - program.state.begin();
}

llvm::Constant* OnnxTable(TableBuilder& t, const OnnxForm& form, const KernelProgram& program) {
  const auto bytes = [&](const std::string& text) {
    return t.Bytes(std::as_bytes(std::span(text)));
  };
  std::vector<llvm::Constant*> initializers;
  for (const OnnxForm::Initializer& each : form.initializers)
    initializers.push_back(t.Struct({bytes(each.tensor), t.I64(std::ssize(each.tensor)),
                                     t.I32(NumberOf(each.source, program)), t.I32(0) /* padding */,
                                     t.Text(each.source)}));
  return t.Struct({bytes(form.model), bytes(form.graph), t.I64(std::ssize(form.model)),
                   t.I64(std::ssize(form.graph)), t.I64(std::ssize(initializers)),
                   t.Array(initializers), t.Text(form.missing)});
}

/// What the table points to: the module's own, or with `data` another's.
llvm::Constant* Weights(TableBuilder& t, llvm::Module& module, const CodegenOptions& options,
                        const DataSymbols* data) {
  if (data == nullptr || data->weights.empty()) return t.Bytes(options.weights);
  return DeclareData(module, data->weights);
}

llvm::Constant* Onnx(TableBuilder& t, llvm::Module& module, const KernelProgram& program,
                     const CodegenOptions& options, const DataSymbols* data) {
  if (options.onnx == nullptr) return t.Null();
  if (data == nullptr) return t.Address(OnnxTable(t, *options.onnx, program));
  return DeclareData(module, data->onnx);
}

llvm::GlobalVariable* Define(llvm::Module& module, llvm::Constant* value, const std::string& symbol,
                             uint64_t alignment) {
  auto* global = new llvm::GlobalVariable(module, value->getType(), true,
                                          llvm::GlobalValue::ExternalLinkage, value, symbol);
  global->setAlignment(llvm::Align(alignment));
  return global;
}

}  // namespace

void EmitProgramTable(llvm::Module& module, const KernelProgram& program, const Target& target,
                      const CodegenOptions& options, const std::vector<EmittedEntry>& entries,
                      const DataSymbols* data) {
  TableBuilder t(module);
  std::vector<llvm::Constant*> slots, entry_rows, hyperparameters;
  for (const StateSlot& slot : program.state) slots.push_back(SlotRow(t, slot));
  for (const EmittedEntry& entry : entries) entry_rows.push_back(EntryRow(t, entry));
  for (const auto& [name, value] : program.hyperparameters)
    hyperparameters.push_back(t.Struct({t.Text(name), t.Text(value)}));

  llvm::Function* check = EmitCpuCheck(module, program.prefix + "_cpu_is_supported", target);
  llvm::Constant* table = t.Struct({t.I32(DESCENT_ABI_VERSION),
                                    t.I32(program.has_values),
                                    t.Text(program.name),
                                    t.Text(program.model_hash),
                                    t.Text(program.prediction_hash),
                                    t.Text(target.name),
                                    t.Text("descent " DESCENT_VERSION),
                                    check,
                                    t.Text(CpuNeeds(target)),
                                    t.I64(program.state_bytes),
                                    t.I64(std::ssize(slots)),
                                    t.I64(std::ssize(entry_rows)),
                                    t.I64(std::ssize(hyperparameters)),
                                    t.Array(slots),
                                    t.Array(entry_rows),
                                    t.Array(hyperparameters),
                                    t.I64(program.keep_partial_batch),
                                    Weights(t, module, options, data),
                                    t.I64(std::ssize(options.weights)),
                                    Onnx(t, module, program, options, data)});
  Define(module, table, program.prefix + "_program", 8);
}

void EmitProgramList(llvm::Module& module, std::span<const TargetedProgram> programs) {
  TableBuilder t(module);
  std::vector<llvm::Constant*> addresses;
  for (const TargetedProgram& each : programs)
    addresses.push_back(DeclareData(module, each.program->prefix + "_program"));
  addresses.push_back(t.Null());
  auto* type = llvm::ArrayType::get(addresses[0]->getType(), addresses.size());
  Define(module, llvm::ConstantArray::get(type, addresses), "descent_main_programs", 8);
}

llvm::GlobalVariable* DefineBytes(llvm::Module& module, std::span<const std::byte> bytes,
                                  const std::string& symbol) {
  const llvm::StringRef raw(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  auto* value =
      llvm::ConstantDataArray::getRaw(raw, raw.size(), llvm::Type::getInt8Ty(module.getContext()));
  llvm::GlobalVariable* global = Define(module, value, symbol, DESCENT_ALIGNMENT);
  global->setVisibility(llvm::GlobalValue::HiddenVisibility);
  return global;
}

void DefineOnnxTable(llvm::Module& module, const OnnxForm& form, const KernelProgram& program,
                     const std::string& symbol) {
  TableBuilder t(module);
  Define(module, OnnxTable(t, form, program), symbol, 8)
      ->setVisibility(llvm::GlobalValue::HiddenVisibility);
}

llvm::GlobalVariable* DeclareData(llvm::Module& module, const std::string& symbol, size_t bytes) {
  auto* type = llvm::ArrayType::get(llvm::Type::getInt8Ty(module.getContext()), bytes);
  auto* global = new llvm::GlobalVariable(module, type, true, llvm::GlobalValue::ExternalLinkage,
                                          nullptr, symbol);
  global->setVisibility(llvm::GlobalValue::HiddenVisibility);
  return global;
}

}  // namespace descent

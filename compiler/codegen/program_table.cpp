#include "compiler/codegen/program_table.h"

#include <llvm/IR/Constants.h>
#include <llvm/IR/GlobalAlias.h>
#include <llvm/IR/IRBuilder.h>

#include "runtime/abi.h"

namespace descent {
namespace {

// The table's enumerations are the compiler's, by value.
static_assert(static_cast<int>(DType::kBool) == DESCENT_BOOL);
static_assert(static_cast<int>(DType::kU64) == DESCENT_U64);
static_assert(static_cast<int>(Normalization::kScale) == DESCENT_NORMALIZE_SCALE);

class TableBuilder {
 public:
  explicit TableBuilder(llvm::Module& module) : module_(module), b_(module.getContext()) {}

  llvm::Constant* I32(int64_t value) { return b_.getInt32(static_cast<uint32_t>(value)); }
  llvm::Constant* I64(int64_t value) { return b_.getInt64(static_cast<uint64_t>(value)); }
  llvm::Constant* F64(double value) { return llvm::ConstantFP::get(b_.getDoubleTy(), value); }
  llvm::Constant* Null() { return llvm::ConstantPointerNull::get(b_.getPtrTy()); }

  llvm::Constant* Struct(std::vector<llvm::Constant*> fields) {
    return llvm::ConstantStruct::getAnon(module_.getContext(), fields);
  }
  llvm::Constant* Text(std::string_view text) {
    auto* data = llvm::ConstantDataArray::getString(module_.getContext(), text);
    return Global(data, 1);
  }
  /// Address of a private array; null when empty.
  llvm::Constant* Array(const std::vector<llvm::Constant*>& elements) {
    if (elements.empty()) return Null();
    auto* type = llvm::ArrayType::get(elements[0]->getType(), elements.size());
    return Global(llvm::ConstantArray::get(type, elements), 8);
  }
  llvm::Constant* Bytes(std::span<const std::byte> bytes) {
    if (bytes.empty()) return Null();
    const llvm::StringRef raw(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    return Global(llvm::ConstantDataArray::getRaw(raw, raw.size(), b_.getInt8Ty()),
                  DESCENT_ALIGNMENT);
  }

  /// descent_tensor
  llvm::Constant* Tensor(std::string_view name, const TensorType& type) {
    std::vector<llvm::Constant*> dims;
    for (int64_t extent : type.shape) dims.push_back(I64(extent));
    return Struct({Text(name), I32(static_cast<int>(type.dtype)), I32(type.rank()), Array(dims)});
  }
  llvm::Constant* Input(const EntryProgram& entry, const EntryInput& input) {
    const TensorType& type = entry.buffers[input.buffer].type;
    return Struct({Tensor(input.binding.name, type), I32(input.binding.batch_axis),
                   I32(static_cast<int>(input.binding.normalization)), F64(input.binding.scale),
                   Text(input.binding.column), I64(input.index_limit)});
  }
  llvm::Constant* Output(const EntryProgram& entry, const EntryOutput& output) {
    return Struct({Tensor(output.name, entry.buffers[output.buffer].type), I32(output.kind),
                   I32(output.batch_axis)});
  }
  llvm::Constant* Entry(const EmittedEntry& emitted) {
    const EntryProgram& entry = *emitted.entry;
    std::vector<llvm::Constant*> inputs, outputs;
    for (const EntryInput& input : entry.inputs) inputs.push_back(Input(entry, input));
    for (const EntryOutput& output : entry.outputs) outputs.push_back(Output(entry, output));
    std::vector<llvm::Constant*> assertions;
    for (const std::string& name : emitted.assertions) assertions.push_back(Text(name));
    return Struct({Text(entry.name), emitted.function, I64(entry.batch), I64(std::ssize(inputs)),
                   I64(std::ssize(outputs)), Array(inputs), Array(outputs),
                   I64(emitted.fixed_scratch_bytes), I64(emitted.worker_scratch_bytes),
                   I64(entry.arena_bytes), I64(emitted.kernel_calls), I64(emitted.flops),
                   I64(std::ssize(assertions)), Array(assertions)});
  }
  llvm::Constant* Slot(const StateSlot& slot) {
    return Struct({Tensor(slot.name, slot.type), I32(slot.kind), I32(slot.trainable),
                   I64(slot.offset), I64(slot.type.bytes()), I32(0), I32(0) /* padding */});
  }

 private:
  llvm::Constant* Global(llvm::Constant* value, uint64_t alignment) {
    auto* global = new llvm::GlobalVariable(module_, value->getType(), true,
                                            llvm::GlobalValue::PrivateLinkage, value);
    global->setUnnamedAddr(llvm::GlobalValue::UnnamedAddr::Global);
    global->setAlignment(llvm::Align(alignment));
    return global;
  }

  llvm::Module& module_;
  llvm::IRBuilder<> b_;
};

}  // namespace

void EmitProgramTable(llvm::Module& module, const KernelProgram& program, const Target& target,
                      const CodegenOptions& options, const std::vector<EmittedEntry>& entries) {
  TableBuilder t(module);
  std::vector<llvm::Constant*> slots, entry_rows, hyperparameters;
  for (const StateSlot& slot : program.state) slots.push_back(t.Slot(slot));
  for (const EmittedEntry& entry : entries) entry_rows.push_back(t.Entry(entry));
  for (const auto& [name, value] : program.hyperparameters)
    hyperparameters.push_back(t.Struct({t.Text(name), t.Text(value)}));

  llvm::Function* check = EmitCpuCheck(module, program.prefix + "_cpu_is_supported", target);
  llvm::Constant* table = t.Struct(
      {t.I32(DESCENT_ABI_VERSION), t.I32(0), t.Text(program.name), t.Text(program.model_hash),
       t.Text(target.name), t.Text("descent " DESCENT_VERSION), check, t.Text(CpuNeeds(target)),
       t.I64(program.state_bytes), t.I64(std::ssize(slots)), t.I64(std::ssize(entry_rows)),
       t.I64(std::ssize(hyperparameters)), t.Array(slots), t.Array(entry_rows),
       t.Array(hyperparameters), t.I64(program.keep_partial_batch), t.Bytes(options.weights),
       t.I64(std::ssize(options.weights))});
  auto* global =
      new llvm::GlobalVariable(module, table->getType(), true, llvm::GlobalValue::ExternalLinkage,
                               table, program.prefix + "_program");
  global->setAlignment(llvm::Align(8));
  if (options.main_alias)
    llvm::GlobalAlias::create(table->getType(), 0, llvm::GlobalValue::ExternalLinkage,
                              "descent_main_program", global, &module);
}

}  // namespace descent

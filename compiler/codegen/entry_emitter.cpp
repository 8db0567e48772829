#include "compiler/codegen/entry_emitter.h"

#include <algorithm>
#include <functional>
#include <map>

#include "compiler/codegen/form_code.h"
#include "compiler/codegen/kernel_frame.h"
#include "compiler/codegen/kernel_hooks.h"
#include "compiler/codegen/scratch.h"
#include "compiler/codegen/table_builder.h"
#include "compiler/kernel/computed_values.h"
#include "ir/counts.h"
#include "runtime/abi.h"

namespace descent {
namespace {

enum HookField : unsigned { kHookBefore, kHookAfter, kHookSelf };  // of KernelHooks

/// `then` with the type of an executor, if there is one that has so many threads.
void IfParallel(FunctionEmitter& f, llvm::Value* executor, llvm::Value* least_threads,
                const std::function<void(llvm::StructType*)>& then) {
  auto& b = f.b;
  auto* type = llvm::StructType::get(b.getPtrTy(), b.getPtrTy(), b.getInt32Ty());
  f.If(b.CreateIsNotNull(executor), [&] {
    llvm::Value* threads = b.CreateLoad(b.getInt32Ty(), b.CreateStructGEP(type, executor, 2));
    f.If(b.CreateICmpSGE(threads, least_threads), [&] { then(type); });
  });
}

class EntryEmitter {
 public:
  EntryEmitter(const EntryContext& context, const EntryProgram& entry)
      : program_(context.program),
        entry_(entry),
        poisons_(context.sanitizer == Sanitizer::kAddress && entry.arena_bytes > 0),
        reports_calls_(context.reports_calls),
        calls_hooks_(context.calls_hooks),
        dispatch_(context.dispatch),
        constants_(context.constants),
        table_(context.module),
        f_(context.module, context.target,
           Declare(context.module, context.program, entry, context.target)) {
    if (entry.observable) observed_ = ComputedValues(entry, program_.kernels);
  }

  EmittedEntry Emit() {
    auto& b = f_.b;
    const ScratchBytes scratch = ScratchBytesOf(program_, entry_, f_.target());
    int parameters = 0;
    VisitKernels(entry_.steps, [&](const Kernel& kernel) {
      parameters = std::max(parameters, static_cast<int>(kernel.parameters.size()));
    });

    LoadCall();
    status_ = f_.Variable(b.getInt32Ty(), "status");
    b.CreateStore(f_.I32(0), status_);
    argument_type_ = KernelArgumentType(f_.context(), parameters);
    argument_ = f_.Variable(argument_type_, "argument");
    SetField(kScratchField, f_.Element(b.getInt8Ty(), scratch_, f_.I64(scratch.fixed_bytes)));
    SetField(kWorkerBytesField, f_.I64(scratch.worker_bytes));
    SetField(kStatusField, status_);
    EmitSteps(entry_.steps, nullptr, 0);
    SetPoison(false, scratch_, entry_.arena_bytes);
    b.CreateRet(b.CreateLoad(b.getInt32Ty(), status_));

    const Totals totals = Count(entry_.steps);
    return {&entry_,      f_.function(), scratch.fixed_bytes,   scratch.worker_bytes,
            totals.calls, totals.flops,  std::move(assertions_)};
  }

 private:
  struct Totals {
    int64_t calls = 0, flops = 0;

    void Add(const Totals& more) {
      calls = SaturatingAdd(calls, more.calls);
      flops = SaturatingAdd(flops, more.flops);
    }
  };

  static llvm::Function* Declare(llvm::Module& module, const KernelProgram& program,
                                 const EntryProgram& entry, const Target& target) {
    llvm::IRBuilder<> b(module.getContext());
    auto* type = llvm::FunctionType::get(b.getInt32Ty(), {b.getPtrTy()}, false);
    auto* function = llvm::Function::Create(type, llvm::GlobalValue::ExternalLinkage,
                                            program.prefix + "_" + entry.name, module);
    SetFunctionAttributes(function, target);
    return function;
  }

  template <typename Visit>
  void VisitKernels(const std::vector<Step>& steps, const Visit& visit) {
    for (const Step& step : steps) {
      if (const auto* call = std::get_if<KernelCall>(&step.what))
        visit(program_.kernels[call->kernel]);
      for (const std::vector<Step>* inner : InnerSteps(step)) VisitKernels(*inner, visit);
    }
  }

  /// Of a branch the side that counts for more.
  Totals Count(const std::vector<Step>& steps) {
    Totals totals;
    for (const Step& step : steps) {
      if (const auto* call = std::get_if<KernelCall>(&step.what)) {
        totals.Add({1, program_.kernels[call->kernel].flops});
      } else if (const auto* branch = std::get_if<Branch>(&step.what)) {
        const Totals taken = Count(branch->then_steps), other = Count(branch->else_steps);
        totals.Add({std::max(taken.calls, other.calls), std::max(taken.flops, other.flops)});
      } else {
        const Loop& loop = std::get<Loop>(step.what);
        const Totals body = Count(loop.body);
        totals.Add({SaturatingMultiply(loop.trip_count, body.calls),
                    SaturatingMultiply(loop.trip_count, body.flops)});
      }
    }
    return totals;
  }

  void LoadCall() {
    auto& b = f_.b;
    auto* pointer = b.getPtrTy();
    call_type_ =
        llvm::StructType::get(pointer, pointer, pointer, pointer, b.getInt64Ty(), pointer, pointer);
    const auto field = [&](unsigned number) {
      return b.CreateLoad(pointer, b.CreateStructGEP(call_type_, f_.function()->getArg(0), number));
    };
    state_ = field(0);
    scratch_ = field(1);
    inputs_ = field(2);
    outputs_ = field(3);
    valid_rows_ = b.CreateStructGEP(call_type_, f_.function()->getArg(0), 4);
    executor_ = field(5);
    observer_ = field(6);
  }

  void SetField(unsigned number, llvm::Value* value) {
    f_.b.CreateStore(value, f_.b.CreateStructGEP(argument_type_, argument_, number));
  }

  llvm::Value* BufferAddress(const Buffer& buffer) {
    auto& b = f_.b;
    const auto offset_from = [&](llvm::Value* base) {
      return f_.Element(b.getInt8Ty(), base, f_.I64(buffer.offset));
    };
    const auto pointer_in = [&](llvm::Value* table) {
      return b.CreateLoad(b.getPtrTy(), f_.Element(b.getPtrTy(), table, f_.I64(buffer.offset)));
    };
    switch (buffer.space) {
      case Space::kArena:
        return offset_from(scratch_);
      case Space::kState:
        return offset_from(state_);
      case Space::kInput:
        return pointer_in(inputs_);
      case Space::kOutput:
        return pointer_in(outputs_);
      case Space::kConstant:
        return offset_from(constants_);
      case Space::kValidRows:
        return valid_rows_;
    }
    InternalError(__FILE__, __LINE__, "unknown space");
  }

  /// Makes bytes of the arena forbidden or allowed; nothing without the address sanitizer.
  void SetPoison(bool forbidden, llvm::Value* address, int64_t bytes) {
    if (!poisons_) return;
    auto& b = f_.b;
    const auto call = f_.module().getOrInsertFunction(
        forbidden ? "__asan_poison_memory_region" : "__asan_unpoison_memory_region", b.getVoidTy(),
        b.getPtrTy(), b.getInt64Ty());
    b.CreateCall(call, {address, f_.I64(bytes)});
  }

  void EmitSteps(const std::vector<Step>& steps, llvm::Value* iteration, int64_t trip_count) {
    for (const Step& step : steps) {
      if (const auto* call = std::get_if<KernelCall>(&step.what)) {
        EmitCall(*call, iteration, trip_count);
        continue;
      }
      if (const auto* branch = std::get_if<Branch>(&step.what)) {
        EmitBranch(*branch, iteration, trip_count);
        continue;
      }
      const Loop& loop = std::get<Loop>(step.what);
      f_.For(
          f_.I64(0), f_.I64(loop.trip_count), 1,
          [&](llvm::Value* i) {
            SetPoison(false, scratch_, entry_.arena_bytes);
            if (loop.counter >= 0) f_.b.CreateStore(i, BufferAddress(entry_.buffers[loop.counter]));
            EmitSteps(loop.body, i, loop.trip_count);
          },
          "loop");
    }
  }

  void EmitBranch(const Branch& branch, llvm::Value* iteration, int64_t trip_count) {
    auto& b = f_.b;
    SetPoison(false, scratch_, entry_.arena_bytes);
    llvm::Value* address = Address(branch.condition, iteration, trip_count);
    llvm::Value* condition = b.CreateIsNotNull(b.CreateLoad(b.getInt8Ty(), address));
    f_.If(condition, [&] { EmitSteps(branch.then_steps, iteration, trip_count); });
    f_.If(b.CreateNot(condition), [&] { EmitSteps(branch.else_steps, iteration, trip_count); });
  }

  /// Where an argument lies in this iteration.
  llvm::Value* Address(const Argument& argument, llvm::Value* iteration, int64_t trip_count) {
    llvm::Value* address = BufferAddress(entry_.buffers[argument.buffer]);
    if (argument.loop_stride_bytes == 0) return address;
    llvm::Value* slice =
        argument.from_end ? f_.b.CreateSub(f_.I64(trip_count - 1), iteration) : iteration;
    return f_.Element(f_.b.getInt8Ty(), address, f_.Mul(slice, argument.loop_stride_bytes));
  }

  void EmitCall(const KernelCall& call, llvm::Value* iteration, int64_t trip_count) {
    auto& b = f_.b;
    const Kernel& kernel = program_.kernels[call.kernel];
    DESCENT_CHECK(call.arguments.size() == kernel.parameters.size(),
                  "call of kernel " + kernel.name + ": number of arguments");
    llvm::Value* buffers = b.CreateStructGEP(argument_type_, argument_, kBuffersField);
    SetPoison(true, scratch_, entry_.arena_bytes);
    for (size_t i = 0; i < call.arguments.size(); ++i) {
      const Argument& argument = call.arguments[i];
      llvm::Value* address = Address(argument, iteration, trip_count);
      b.CreateStore(address, b.CreateConstGEP1_64(b.getPtrTy(), buffers, i));
      if (entry_.buffers[argument.buffer].space == Space::kArena)
        SetPoison(false, address, kernel.parameters[i].type.bytes());
    }
    llvm::Function* function = f_.module().getFunction(kernel.name);
    const int64_t tile_count = CodeOf(kernel).tiles(kernel, f_.target());
    llvm::Value* tiles = f_.I64(tile_count);
    llvm::Value* least_threads = f_.I32(kernel.schedule.least_threads);
    const auto run = [&] {
      if (kernel.schedule.parallel && tile_count > 1)
        b.CreateCall(dispatch_, {executor_, function, argument_, tiles, least_threads});
      else
        b.CreateCall(function, {argument_, f_.I32(0), f_.I64(0), tiles});
    };
    CallHook(kHookBefore, buffers);
    if (CodeOf(kernel).prepares_tiles)
      IfParallel(f_, executor_, least_threads, [&](llvm::StructType*) { run(); });
    else
      run();
    CallHook(kHookAfter, buffers);
    if (reports_calls_) {
      const auto done =
          f_.module().getOrInsertFunction("descent_kernel_done", b.getVoidTy(), b.getInt32Ty());
      b.CreateCall(done, {f_.I32(calls_)});
    }
    ++calls_;
    if (!call.asserted.empty()) NumberAssertion(call.asserted);
    Observe(call, buffers);
  }

  void CallHook(unsigned field, llvm::Value* buffers) {
    if (!calls_hooks_) return;
    auto& b = f_.b;
    auto* pointer = b.getPtrTy();
    auto* type = llvm::StructType::get(pointer, pointer, pointer);  // KernelHooks
    llvm::Constant* hooks = f_.module().getOrInsertGlobal(kKernelHooksSymbol, type);
    const auto load = [&](unsigned number) {
      return b.CreateLoad(pointer, b.CreateStructGEP(type, hooks, number));
    };
    auto* hook_type =
        llvm::FunctionType::get(b.getVoidTy(), {pointer, b.getInt32Ty(), pointer}, false);
    b.CreateCall(hook_type, load(field), {load(kHookSelf), f_.I32(calls_), buffers});
  }

  /// Shows the call's values to the observer, if there is one.
  void Observe(const KernelCall& call, llvm::Value* buffers) {
    const auto values = observed_.find(&call);
    if (values == observed_.end()) return;
    auto& b = f_.b;
    auto* pointer = b.getPtrTy();
    const auto show = [&] {
      auto* type = llvm::StructType::get(pointer, pointer);  // descent_observer
      auto* computed_type =
          llvm::FunctionType::get(b.getVoidTy(), {pointer, pointer, pointer}, false);
      llvm::Value* computed = b.CreateLoad(pointer, observer_);
      llvm::Value* self = b.CreateLoad(pointer, b.CreateStructGEP(type, observer_, 1));
      for (const ComputedValue& value : values->second) {
        llvm::Value* elements =
            b.CreateLoad(pointer, b.CreateConstGEP1_64(pointer, buffers, value.argument));
        b.CreateCall(computed_type, computed, {self, ValueRow(call, value), elements});
      }
    };
    f_.If(b.CreateIsNotNull(observer_), show, /*unlikely=*/true);
  }

  /// descent_value
  llvm::Constant* ValueRow(const KernelCall& call, const ComputedValue& value) {
    const Buffer& buffer = entry_.buffers[call.arguments[value.argument].buffer];
    const TensorType& type = program_.kernels[call.kernel].parameters[value.argument].type;
    std::string covered;
    for (const std::string& name : value.covered) covered += name + '\0';
    return table_.Address(table_.Struct(
        {table_.Tensor(buffer.name, type), table_.Text(buffer.origin), table_.Text(covered)}));
  }

  /// Adds the assertion's number to the status word if it is the first to have failed.
  void NumberAssertion(const std::string& name) {
    auto& b = f_.b;
    assertions_.push_back(name);
    const auto number = static_cast<int32_t>(assertions_.size());
    if (number >= 1 << (32 - DESCENT_STATUS_ASSERTION_SHIFT)) return;
    llvm::Value* status = b.CreateLoad(b.getInt32Ty(), status_);
    llvm::Value* failed = b.CreateIsNotNull(b.CreateAnd(status, DESCENT_STATUS_NOT_FINITE));
    llvm::Value* first =
        b.CreateIsNull(b.CreateLShr(status, uint64_t{DESCENT_STATUS_ASSERTION_SHIFT}));
    llvm::Value* numbered =
        b.CreateOr(status, static_cast<uint64_t>(number) << DESCENT_STATUS_ASSERTION_SHIFT);
    b.CreateStore(b.CreateSelect(b.CreateAnd(failed, first), numbered, status), status_);
  }

  const KernelProgram& program_;
  const EntryProgram& entry_;
  const bool poisons_, reports_calls_, calls_hooks_;
  int32_t calls_ = 0;  ///< emitted so far
  llvm::Function* dispatch_;
  llvm::GlobalVariable* constants_;
  std::map<const KernelCall*, std::vector<ComputedValue>> observed_;
  TableBuilder table_;
  FunctionEmitter f_;
  llvm::StructType* call_type_ = nullptr;
  llvm::StructType* argument_type_ = nullptr;
  llvm::Value *state_ = nullptr, *scratch_ = nullptr, *inputs_ = nullptr, *outputs_ = nullptr;
  llvm::Value *valid_rows_ = nullptr, *executor_ = nullptr, *observer_ = nullptr;
  llvm::AllocaInst *status_ = nullptr, *argument_ = nullptr;
  std::vector<std::string> assertions_;  ///< by number, from 1
};

}  // namespace

llvm::Function* EmitDispatch(llvm::Module& module, const Target& target) {
  llvm::IRBuilder<> types(module.getContext());
  auto* pointer = types.getPtrTy();
  auto* i32 = types.getInt32Ty();
  auto* i64 = types.getInt64Ty();
  auto* kernel_type = llvm::FunctionType::get(types.getVoidTy(), {pointer, i32, i64, i64}, false);
  auto* run_type =
      llvm::FunctionType::get(types.getVoidTy(), {pointer, pointer, pointer, i64}, false);
  auto* type =
      llvm::FunctionType::get(types.getVoidTy(), {pointer, pointer, pointer, i64, i32}, false);
  auto* function =
      llvm::Function::Create(type, llvm::GlobalValue::InternalLinkage, "descent.dispatch", module);
  SetFunctionAttributes(function, target);
  FunctionEmitter f(module, target, function);
  auto& b = f.b;
  llvm::Value* executor = function->getArg(0);
  llvm::Value* kernel = function->getArg(1);
  llvm::Value* argument = function->getArg(2);
  llvm::Value* tiles = function->getArg(3);
  IfParallel(f, executor, function->getArg(4), [&](llvm::StructType* executor_type) {
    llvm::Value* run = b.CreateLoad(pointer, executor);
    llvm::Value* self = b.CreateLoad(pointer, b.CreateStructGEP(executor_type, executor, 1));
    b.CreateCall(run_type, run, {self, kernel, argument, tiles});
    b.CreateRetVoid();
    b.SetInsertPoint(llvm::BasicBlock::Create(f.context(), "unreached", function));
  });
  b.CreateCall(kernel_type, kernel, {argument, f.I32(0), f.I64(0), tiles});
  b.CreateRetVoid();
  return function;
}

EmittedEntry EmitEntry(const EntryContext& context, const EntryProgram& entry) {
  return EntryEmitter(context, entry).Emit();
}

}  // namespace descent

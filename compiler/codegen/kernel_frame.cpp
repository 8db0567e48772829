#include "compiler/codegen/kernel_frame.h"

#include <llvm/IR/Intrinsics.h>
#include <llvm/IR/IntrinsicsX86.h>

namespace descent {
namespace {

constexpr uint32_t kDefaultMxcsr = 0x1f80;  // round to nearest, denormals kept, exceptions masked

}  // namespace

llvm::Function* DeclareKernel(llvm::Module& module, const Target& target, const Kernel& kernel) {
  llvm::IRBuilder<> b(module.getContext());
  auto* type = llvm::FunctionType::get(
      b.getVoidTy(), {b.getPtrTy(), b.getInt32Ty(), b.getInt64Ty(), b.getInt64Ty()}, false);
  // Hidden: the object shows the kernel's name, a shared library does not export it.
  auto* function =
      llvm::Function::Create(type, llvm::GlobalValue::ExternalLinkage, kernel.name, module);
  function->setVisibility(llvm::GlobalValue::HiddenVisibility);
  SetFunctionAttributes(function, target);
  return function;
}

void SetFunctionAttributes(llvm::Function* function, const Target& target) {
  function->addFnAttr(llvm::Attribute::NoUnwind);
  function->addFnAttr("target-cpu", target.llvm_cpu);
  function->addFnAttr("tune-cpu", target.tune_cpu);
  if (!target.needs->llvm_features.empty())
    function->addFnAttr("target-features", target.needs->llvm_features);
  const std::string bits = std::to_string(8 * target.facts.vector_bytes);
  function->addFnAttr("prefer-vector-width", bits);
  function->addFnAttr("min-legal-vector-width", bits);
  function->addFnAttr("no-builtins");
}

llvm::StructType* KernelArgumentType(llvm::LLVMContext& context, int parameters) {
  auto* pointer = llvm::PointerType::get(context, 0);
  return llvm::StructType::get(context, {pointer, llvm::Type::getInt64Ty(context), pointer,
                                         llvm::ArrayType::get(pointer, parameters)});
}

KernelFrame::KernelFrame(llvm::Module& module, const Target& target, const Kernel& k)
    : f(module, target, DeclareKernel(module, target, k)), kernel(k) {
  auto& b = f.b;
  llvm::Function* function = f.function();
  llvm::Value* argument = function->getArg(0);
  llvm::Value* worker = function->getArg(1);
  first_tile = function->getArg(2);
  last_tile = function->getArg(3);

  saved_mxcsr_ = f.Variable(b.getInt32Ty(), "saved_mxcsr");
  llvm::AllocaInst* default_mxcsr = f.Variable(b.getInt32Ty(), "default_mxcsr");
  b.CreateStore(f.I32(kDefaultMxcsr), default_mxcsr);
  b.CreateIntrinsic(llvm::Intrinsic::x86_sse_stmxcsr, {}, {saved_mxcsr_});
  b.CreateIntrinsic(llvm::Intrinsic::x86_sse_ldmxcsr, {}, {default_mxcsr});

  status = f.Variable(b.getInt32Ty(), "status");
  b.CreateStore(f.I32(0), status);

  auto* type = KernelArgumentType(f.context(), static_cast<int>(k.parameters.size()));
  const auto field = [&](unsigned number, llvm::Type* field_type) {
    return b.CreateLoad(field_type, b.CreateStructGEP(type, argument, number));
  };
  llvm::Value* worker_bytes = field(kWorkerBytesField, b.getInt64Ty());
  llvm::Value* offset = b.CreateMul(b.CreateSExt(worker, b.getInt64Ty()), worker_bytes);
  scratch = b.CreateGEP(b.getInt8Ty(), field(kScratchField, b.getPtrTy()), offset, "scratch");
  llvm::Value* buffers = b.CreateStructGEP(type, argument, kBuffersField);
  for (size_t i = 0; i < k.parameters.size(); ++i) {
    llvm::Value* slot = b.CreateConstGEP1_64(b.getPtrTy(), buffers, i);
    parameters.push_back(b.CreateLoad(b.getPtrTy(), slot, "p" + std::to_string(i)));
  }
}

std::pair<llvm::Value*, llvm::Value*> KernelFrame::OwnPart(int64_t total) {
  const int64_t extent = kernel.schedule.tile_extent;
  return {f.Mul(first_tile, extent), f.Min(f.Mul(last_tile, extent), f.I64(total))};
}

void KernelFrame::ForOwn(int64_t total, const std::function<void(llvm::Value*)>& unit,
                         const char* name) {
  const auto [low, high] = OwnPart(total);
  f.For(low, high, 1, unit, name);
}

void KernelFrame::SetStatus(uint32_t bit) {
  f.b.CreateStore(f.b.CreateOr(f.b.CreateLoad(f.b.getInt32Ty(), status), uint64_t{bit}), status);
}

llvm::Value* KernelFrame::ScratchAt(int64_t offset) {
  return f.Element(f.b.getInt8Ty(), scratch, f.I64(offset));
}

void KernelFrame::Finish() {
  auto& b = f.b;
  llvm::Value* bits = b.CreateLoad(b.getInt32Ty(), status);
  f.If(
      b.CreateICmpNE(bits, f.I32(0)),
      [&] {
        auto* type = KernelArgumentType(f.context(), static_cast<int>(kernel.parameters.size()));
        llvm::Value* slot = b.CreateStructGEP(type, f.function()->getArg(0), kStatusField);
        b.CreateAtomicRMW(llvm::AtomicRMWInst::Or, b.CreateLoad(b.getPtrTy(), slot), bits,
                          llvm::MaybeAlign(4), llvm::AtomicOrdering::Monotonic);
      },
      /*unlikely=*/true);
  b.CreateIntrinsic(llvm::Intrinsic::x86_sse_ldmxcsr, {}, {saved_mxcsr_});
  b.CreateRetVoid();
}

}  // namespace descent

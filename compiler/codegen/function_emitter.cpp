#include "compiler/codegen/function_emitter.h"

#include <llvm/IR/Intrinsics.h>
#include <llvm/IR/IntrinsicsX86.h>
#include <llvm/IR/MDBuilder.h>

#include <algorithm>
#include <vector>

#include "ir/diagnostic.h"

namespace descent {

FunctionEmitter::FunctionEmitter(llvm::Module& module, const Target& target,
                                 llvm::Function* function)
    : b(module.getContext()), module_(module), target_(target), function_(function) {
  entry_ = llvm::BasicBlock::Create(context(), "entry", function);
  llvm::BasicBlock* body = llvm::BasicBlock::Create(context(), "body", function);
  b.SetInsertPoint(entry_);
  b.CreateBr(body);
  b.SetInsertPoint(body);
}

llvm::Type* FunctionEmitter::RegisterType(DType dtype) {
  if (dtype == DType::kBool) return b.getInt1Ty();
  if (!Info(dtype).is_float) return b.getIntNTy(8 * Info(dtype).bytes);
  return dtype == DType::kF64 ? b.getDoubleTy() : b.getFloatTy();
}

llvm::Type* FunctionEmitter::MemoryType(DType dtype) {
  if (Info(dtype).is_float && dtype == ArithmeticType(dtype)) return RegisterType(dtype);
  return b.getIntNTy(8 * Info(dtype).bytes);
}

llvm::Type* FunctionEmitter::Widen(llvm::Type* scalar, int lanes) {
  return lanes == 1 ? scalar : llvm::FixedVectorType::get(scalar, lanes);
}

llvm::Constant* FunctionEmitter::Iota(int lanes, int bits) {
  std::vector<llvm::Constant*> values;
  for (int i = 0; i < lanes; ++i) values.push_back(b.getIntN(bits, i));
  return llvm::ConstantVector::get(values);
}

llvm::Constant* FunctionEmitter::FirstLanes(int64_t count, int lanes) {
  std::vector<llvm::Constant*> mask;
  for (int i = 0; i < lanes; ++i) mask.push_back(b.getInt1(i < count));
  return llvm::ConstantVector::get(mask);
}

llvm::AllocaInst* FunctionEmitter::Variable(llvm::Type* type, const char* name) {
  llvm::IRBuilder<> at_entry(entry_, entry_->begin());
  return at_entry.CreateAlloca(type, nullptr, name);
}

void FunctionEmitter::For(llvm::Value* low, llvm::Value* high, int64_t step,
                          const std::function<void(llvm::Value*)>& body, const char* name) {
  const auto first = ConstantValue(low), last = ConstantValue(high);
  if (first && last && *first >= *last) return;
  if (first && last && *first + step >= *last) return body(low);

  llvm::BasicBlock* before = b.GetInsertBlock();
  llvm::BasicBlock* loop = llvm::BasicBlock::Create(context(), name, function_);
  llvm::BasicBlock* exit = llvm::BasicBlock::Create(context(), "done", function_);
  b.CreateCondBr(b.CreateICmpSLT(low, high), loop, exit);
  b.SetInsertPoint(loop);
  llvm::PHINode* i = b.CreatePHI(b.getInt64Ty(), 2, name);
  i->addIncoming(low, before);
  body(i);
  llvm::Value* next = b.CreateNSWAdd(i, I64(step));
  i->addIncoming(next, b.GetInsertBlock());
  b.CreateCondBr(b.CreateICmpSLT(next, high), loop, exit);
  b.SetInsertPoint(exit);
}

void FunctionEmitter::While(const std::function<llvm::Value*()>& condition,
                            const std::function<void()>& body) {
  llvm::BasicBlock* check = llvm::BasicBlock::Create(context(), "while", function_);
  llvm::BasicBlock* loop = llvm::BasicBlock::Create(context(), "do", function_);
  llvm::BasicBlock* exit = llvm::BasicBlock::Create(context(), "done", function_);
  b.CreateBr(check);
  b.SetInsertPoint(check);
  b.CreateCondBr(condition(), loop, exit);
  b.SetInsertPoint(loop);
  body();
  b.CreateBr(check);
  b.SetInsertPoint(exit);
}

void FunctionEmitter::If(llvm::Value* condition, const std::function<void()>& then, bool unlikely) {
  if (auto known = ConstantValue(condition)) {
    if (*known != 0) then();
    return;
  }
  llvm::BasicBlock* taken = llvm::BasicBlock::Create(context(), "then", function_);
  llvm::BasicBlock* exit = llvm::BasicBlock::Create(context(), "end", function_);
  llvm::MDNode* weights =
      unlikely ? llvm::MDBuilder(context()).createBranchWeights(1, 2000) : nullptr;
  b.CreateCondBr(condition, taken, exit, weights);
  b.SetInsertPoint(taken);
  then();
  b.CreateBr(exit);
  b.SetInsertPoint(exit);
}

llvm::Value* FunctionEmitter::Mul(llvm::Value* a, int64_t factor) {
  return factor == 1 ? a : b.CreateNSWMul(a, I64(factor));
}

llvm::Value* FunctionEmitter::Min(llvm::Value* a, llvm::Value* c) {
  return b.CreateSelect(b.CreateICmpSLT(a, c), a, c);
}

llvm::Value* FunctionEmitter::Element(llvm::Type* type, llvm::Value* base, llvm::Value* index) {
  if (auto known = ConstantValue(index); known && *known == 0) return base;
  return b.CreateGEP(type, base, index);
}

void FunctionEmitter::Prefetch(llvm::Value* address, int locality, bool for_write) {
  b.CreateIntrinsic(llvm::Intrinsic::prefetch, {b.getPtrTy()},
                    {address, I32(for_write), I32(locality), I32(1)});
}

/// LLVM 19 takes a lane whose operands it knows to be 0 for a quotient of 0, not NaN, and drops the
/// lane from the mask of a selection that would have replaced it. What it cannot see through is
/// divided as it is.
llvm::Value* FunctionEmitter::Quotient(llvm::Value* a, llvm::Value* c) {
  if (c->getType()->isVectorTy() && !llvm::isa<llvm::Constant>(c))
    c = b.CreateUnaryIntrinsic(llvm::Intrinsic::arithmetic_fence, c);
  return b.CreateFDiv(a, c);
}

llvm::Value* FunctionEmitter::Splat(llvm::Value* value, int lanes) {
  if (lanes == 1 || value->getType()->isVectorTy()) return value;
  return b.CreateVectorSplat(lanes, value);
}

llvm::Value* FunctionEmitter::ScaleExponent(llvm::Value* x, llvm::Value* n) {
  namespace id = llvm::Intrinsic;
  struct Row {
    unsigned vector_bits;
    llvm::Intrinsic::ID of_floats, of_doubles;
  };
  static constexpr Row kRows[] = {
      {512, id::x86_avx512_mask_scalef_ps_512, id::x86_avx512_mask_scalef_pd_512},
      {256, id::x86_avx512_mask_scalef_ps_256, id::x86_avx512_mask_scalef_pd_256},
      {128, id::x86_avx512_mask_scalef_ps_128, id::x86_avx512_mask_scalef_pd_128}};
  // Vectors of 64 bytes are AVX-512, with its instructions for shorter ones (VL).
  if (target().facts.vector_bytes != 64 || LaneCount(x) == 1) return nullptr;
  const unsigned bits = x->getType()->getPrimitiveSizeInBits();
  for (const Row& row : kRows) {
    if (row.vector_bits != bits) continue;
    llvm::Type* mask = b.getIntNTy(std::max(LaneCount(x), 8));
    std::vector<llvm::Value*> arguments = {x, n, x, llvm::Constant::getAllOnesValue(mask)};
    if (bits == 512) arguments.push_back(b.getInt32(4));  // rounds as everything else does
    const bool floats = x->getType()->getScalarType()->isFloatTy();
    return b.CreateIntrinsic(floats ? row.of_floats : row.of_doubles, {}, arguments);
  }
  return nullptr;
}

llvm::Value* FunctionEmitter::Lane(llvm::Value* value, int lane) {
  return value->getType()->isVectorTy() ? b.CreateExtractElement(value, lane) : value;
}

llvm::Value* FunctionEmitter::Any(llvm::Value* mask) {
  const int lanes = LaneCount(mask);
  if (lanes == 1) return mask;
  llvm::Value* bits = b.CreateBitCast(mask, b.getIntNTy(lanes));
  return b.CreateICmpNE(bits, llvm::ConstantInt::get(bits->getType(), 0));
}

llvm::Value* FunctionEmitter::And(llvm::Value* a, llvm::Value* c) {
  if (!a) return c;
  if (!c) return a;
  const int lanes = std::max(LaneCount(a), LaneCount(c));
  return b.CreateAnd(Splat(a, lanes), Splat(c, lanes));
}

std::optional<int64_t> ConstantValue(llvm::Value* value) {
  if (auto* constant = llvm::dyn_cast<llvm::ConstantInt>(value))
    return constant->getBitWidth() == 1 ? constant->getZExtValue() : constant->getSExtValue();
  return std::nullopt;
}

int LaneCount(llvm::Value* value) {
  auto* vector = llvm::dyn_cast<llvm::FixedVectorType>(value->getType());
  return vector ? static_cast<int>(vector->getNumElements()) : 1;
}

}  // namespace descent

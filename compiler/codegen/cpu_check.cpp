#include <llvm/IR/InlineAsm.h>

#include <algorithm>
#include <map>

#include "compiler/codegen/function_emitter.h"
#include "compiler/codegen/program_table.h"

namespace descent {
namespace {

class CpuCheckEmitter {
 public:
  CpuCheckEmitter(llvm::Module& module, const Target& target, llvm::Function* function)
      : f_(module, target, function), b_(f_.b) {}

  void Emit(const InstructionSet& needs) {
    supported_ = f_.Variable(b_.getInt32Ty(), "supported");
    b_.CreateStore(f_.I32(0), supported_);
    // All bits of one (leaf, subleaf, word) are one comparison; the leaves must exist first.
    std::map<std::tuple<uint32_t, uint32_t, int>, uint32_t> masks;
    if (needs.xcr0 != 0) masks[{1, 0, 2}] |= 1u << 27;  // OSXSAVE: XGETBV may be used
    for (const CpuFeature& feature : needs.features)
      masks[{feature.leaf, feature.subleaf, feature.word}] |= 1u << feature.bit;
    uint32_t highest = 0, highest_extended = 0x80000000;
    for (const auto& [place, mask] : masks) {
      uint32_t& bound = std::get<0>(place) < 0x80000000 ? highest : highest_extended;
      bound = std::max(bound, std::get<0>(place));
    }
    llvm::Value* leaves =
        b_.CreateAnd(b_.CreateICmpUGE(CpuId(0, 0, 0), b_.getInt32(highest)),
                     b_.CreateICmpUGE(CpuId(0x80000000, 0, 0), b_.getInt32(highest_extended)));
    f_.If(leaves, [&] {
      llvm::Value* holds = b_.getTrue();
      for (const auto& [place, mask] : masks) {
        const auto [leaf, subleaf, word] = place;
        holds = b_.CreateAnd(holds, HasBits(CpuId(leaf, subleaf, word), mask));
      }
      f_.If(holds, [&] {
        llvm::Value* saved = needs.xcr0 == 0 ? b_.getTrue() : HasBits(Xcr0(), needs.xcr0);
        b_.CreateStore(b_.CreateZExt(saved, b_.getInt32Ty()), supported_);
      });
    });
    b_.CreateRet(b_.CreateLoad(b_.getInt32Ty(), supported_));
  }

 private:
  llvm::Value* CpuId(uint32_t leaf, uint32_t subleaf, unsigned word) {
    auto* i32 = b_.getInt32Ty();
    auto* words = llvm::StructType::get(i32, i32, i32, i32);
    auto* assembly = llvm::InlineAsm::get(
        llvm::FunctionType::get(words, {i32, i32}, false), "cpuid",
        "={ax},={bx},={cx},={dx},0,2,~{dirflag},~{fpsr},~{flags}", /*hasSideEffects=*/true);
    return b_.CreateExtractValue(b_.CreateCall(assembly, {b_.getInt32(leaf), b_.getInt32(subleaf)}),
                                 word);
  }
  llvm::Value* Xcr0() {
    auto* i32 = b_.getInt32Ty();
    auto* pair = llvm::StructType::get(i32, i32);
    auto* assembly = llvm::InlineAsm::get(llvm::FunctionType::get(pair, {i32}, false), "xgetbv",
                                          "={ax},={dx},{cx},~{dirflag},~{fpsr},~{flags}", true);
    return b_.CreateExtractValue(b_.CreateCall(assembly, {b_.getInt32(0)}), 0);
  }
  llvm::Value* HasBits(llvm::Value* word, uint32_t mask) {
    return b_.CreateICmpEQ(b_.CreateAnd(word, b_.getInt32(mask)), b_.getInt32(mask));
  }

  FunctionEmitter f_;
  llvm::IRBuilder<>& b_;
  llvm::AllocaInst* supported_ = nullptr;
};

}  // namespace

llvm::Function* EmitCpuCheck(llvm::Module& module, const std::string& name, const Target& target) {
  auto* type = llvm::FunctionType::get(llvm::Type::getInt32Ty(module.getContext()), false);
  auto* function = llvm::Function::Create(type, llvm::GlobalValue::InternalLinkage, name, module);
  function->addFnAttr(llvm::Attribute::NoUnwind);
  function->addFnAttr("target-cpu", "x86-64");  // it must run where the rest cannot
  CpuCheckEmitter(module, target, function).Emit(*target.needs);
  return function;
}

}  // namespace descent

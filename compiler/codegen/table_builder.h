// TableBuilder: constants of a module in the layout of C's structures. Internal to compiler/codegen
// (sees LLVM).
#pragma once

#include <llvm/IR/Constants.h>
#include <llvm/IR/IRBuilder.h>
#include <llvm/IR/Module.h>

#include <span>
#include <string_view>
#include <vector>

#include "ir/type.h"
#include "runtime/abi.h"

namespace descent {

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
  /// Address of a private copy.
  llvm::Constant* Address(llvm::Constant* value) { return Global(value, 8); }

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

}  // namespace descent

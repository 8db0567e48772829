// How each form of kernel becomes code. Internal to compiler/codegen (sees LLVM).
#pragma once

#include <llvm/IR/Module.h>

#include <cstdint>

#include "compiler/codegen/target.h"
#include "compiler/kernel/program.h"

namespace descent {

struct FormCode {
  void (*emit)(llvm::Module&, const Target&, const Kernel&);
  int64_t (*scratch_bytes)(const Kernel&, const Target&);  ///< per worker
  int64_t (*tiles)(const Kernel&, const Target&);
  bool prepares_tiles = false;  ///< of another kernel, for running them in parallel
};

const FormCode& CodeOf(const Kernel& kernel);

}  // namespace descent

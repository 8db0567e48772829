// x y + z, rounded once, on any target. Internal to compiler/codegen (sees LLVM).
#pragma once

#include "compiler/codegen/function_emitter.h"

namespace descent {

/// The instruction where the target has it. Elsewhere a sequence that gives the same wherever the
/// exact result is a float, as the error of a product is, and otherwise differs by the rounding of
/// a rounding, far less than an ulp. f64 products below 2^-960 are rounded before the sum.
llvm::Value* FusedMultiplyAdd(FunctionEmitter& f, llvm::Value* x, llvm::Value* y, llvm::Value* z);

}  // namespace descent

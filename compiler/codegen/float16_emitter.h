// Conversions of the 16-bit floats. In registers they are floats whose value is one of theirs.
// Internal to compiler/codegen (sees LLVM).
//
// bf16 is rounded by integer arithmetic on every target: AVX512_BF16's own instruction takes
// denormals for 0. f16 is converted by F16C, which every target has.
#pragma once

#include "compiler/codegen/function_emitter.h"

namespace descent {

/// A stored 16-bit float, or a vector of them, as floats.
llvm::Value* EmitFromBits16(FunctionEmitter& f, DType dtype, llvm::Value* bits);
/// The other way; `value` has been rounded.
llvm::Value* EmitToBits16(FunctionEmitter& f, DType dtype, llvm::Value* value);

/// A register of type `from` (any type) rounded once to the nearest 16-bit float, ties to even.
/// Denormals are kept, what is too large becomes infinite, a NaN stays one.
llvm::Value* EmitRoundToFloat16(FunctionEmitter& f, DType from, DType to, llvm::Value* value);

}  // namespace descent

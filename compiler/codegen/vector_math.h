// Elementary functions as straight-line IR over f32 or f64 scalars and vectors: no calls, no
// branches on data but for huge arguments of sin, cos and tan and huge quotients of fmod.
//
// Bounds over the whole range, denormals, infinities, NaN and signed zeros included: exp, log,
// tanh, sigmoid 2 ulp; the others 4 ulp; fmod is exact. All lanes compute the same bits as a scalar
// would, so results do not depend on how a loop is cut. Internal to compiler/codegen (sees LLVM).
#pragma once

#include "compiler/codegen/function_emitter.h"

namespace descent {

llvm::Value* EmitExp(FunctionEmitter& f, llvm::Value* x);
llvm::Value* EmitExp2(FunctionEmitter& f, llvm::Value* x);
llvm::Value* EmitExpm1(FunctionEmitter& f, llvm::Value* x);
llvm::Value* EmitLog(FunctionEmitter& f, llvm::Value* x);
llvm::Value* EmitLog2(FunctionEmitter& f, llvm::Value* x);
llvm::Value* EmitLog1p(FunctionEmitter& f, llvm::Value* x);
llvm::Value* EmitTanh(FunctionEmitter& f, llvm::Value* x);
llvm::Value* EmitSigmoid(FunctionEmitter& f, llvm::Value* x);
llvm::Value* EmitSin(FunctionEmitter& f, llvm::Value* x);
llvm::Value* EmitCos(FunctionEmitter& f, llvm::Value* x);
llvm::Value* EmitTan(FunctionEmitter& f, llvm::Value* x);
llvm::Value* EmitAtan2(FunctionEmitter& f, llvm::Value* y, llvm::Value* x);
llvm::Value* EmitErf(FunctionEmitter& f, llvm::Value* x);
llvm::Value* EmitErfc(FunctionEmitter& f, llvm::Value* x);
llvm::Value* EmitFmod(FunctionEmitter& f, llvm::Value* x, llvm::Value* y);
llvm::Value* EmitPow(FunctionEmitter& f, llvm::Value* x, llvm::Value* y);

}  // namespace descent

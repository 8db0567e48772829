// One scalar instruction (ScalarOp) as IR over scalars or vectors of lanes: a table with a row an
// instruction. Internal to compiler/codegen (sees LLVM).
//
// Semantics are those of ir/scalar_op: integers wrap, an integer divided by zero is 0, casts
// saturate, minimum and maximum hand on NaN. Arguments may mix scalars and vectors; a scalar stands
// for all lanes.
#pragma once

#include <span>

#include "compiler/codegen/function_emitter.h"
#include "ir/tensor_expr.h"

namespace descent {

/// `dtype` is the node's, `operand` that of its last argument.
llvm::Value* EmitScalarOp(FunctionEmitter& f, const ScalarNode& node,
                          std::span<llvm::Value* const> arguments);

/// The constant `node` as a scalar in a register.
llvm::Constant* EmitConstant(FunctionEmitter& f, const ScalarNode& node);

}  // namespace descent

// MixedPrecision: products of bf16 factors, added up in f32.
//
// A sum of products (matmul, convolution, einsum and their gradients, recognized by what they
// compute) gets its f32 operands rounded to bf16; its sum stays f32. What is rounded and computed
// in the step, an activation or a gradient of one, is rounded once, for all that read it, so that
// memory holds only the bf16 form. So are the results of such sums in the forward pass, and, for
// the backward pass alone, the other activations that it reads; not statistics (means, variances,
// sums), nor what a kernel form (attention) takes. Parameters
// keep their f32 form, the master copy that the optimizer updates; only the sums read them rounded.
// Everything else (normalization, softmax, losses, statistics, gradients of parameters, the update)
// is computed in f32.
//
//   y = matmul(x, w)     becomes     y = f32(bf16(matmul(f32(bf16(x)), f32(bf16(w)))))
//
// That is what torch.autocast(dtype=torch.bfloat16) does to matmul and convolution, but that
// gradients of parameters are not rounded.
#pragma once

#include "compiler/graph/pass_options.h"
#include "ir/diagnostic.h"
#include "ir/model.h"

namespace descent {

/// Reads PassOptions::precision; nothing changes with f32. Takes an expanded model.
Result<Model> MixedPrecision(Model model, const PassOptions& options);

}  // namespace descent

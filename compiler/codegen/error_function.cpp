// The error function and its complement.
#include "compiler/codegen/float_math.h"
#include "compiler/codegen/vector_math.h"

namespace descent {
namespace {

/// For |x| <= 0.93.
llvm::Value* ErfOfSmall(FunctionEmitter& f, Math& m, llvm::Value* x) {
  return m.Fma(x, m.Polynomial(m.format().erf, f.b.CreateFMul(x, x)), x);
}

}  // namespace

// Above 0.92, 1 - e^-p with a polynomial p, whose relative error hardly counts: e^-p < 0.2.
llvm::Value* EmitErf(FunctionEmitter& f, llvm::Value* x) {
  Math m(f, x);
  auto& b = f.b;
  llvm::Value* magnitude = m.Clamp(m.Abs(x), 0, m.format().erf_one);
  llvm::Value* exponent = b.CreateFNeg(m.Polynomial(m.format().erf_tail, magnitude));
  const auto reduced = m.ReduceExp(exponent);
  llvm::Value* scale = m.PowerOfTwo(reduced.n.integer);
  llvm::Value* tail = m.Fma(scale, reduced.expm1_of_rest, scale);
  llvm::Value* large = b.CreateFCmpOGT(magnitude, m.C(0.92));
  llvm::Value* small = ErfOfSmall(f, m, x);
  return b.CreateSelect(large, m.CopySign(b.CreateFSub(m.C(1), tail), x), small);
}

// e^-x^2 r(x) with a smooth r, a polynomial in t = 1 - 6 / (x + 3) over x + 3. What is lost by
// rounding on the way is carried along: of x^2 as a factor 1 - e, of x + 3, of the polynomial's
// last step and of the quotient as the low part of r; e^-x^2 is kept as 1 + p with |p| < 1/2.
llvm::Value* EmitErfc(FunctionEmitter& f, llvm::Value* x) {
  Math m(f, x);
  auto& b = f.b;
  llvm::Value* magnitude = m.Clamp(m.Abs(x), 0, m.format().erfc_zero);
  llvm::Value* square = b.CreateFMul(magnitude, magnitude);
  llvm::Value* lost = m.Fma(magnitude, magnitude, b.CreateFNeg(square));
  const auto reduced = m.ReduceExp(b.CreateFNeg(square));
  llvm::Value* p = reduced.expm1_of_rest;
  p = b.CreateFSub(p, m.Fma(lost, p, lost));

  llvm::Value* divisor = b.CreateFAdd(magnitude, m.C(3));
  llvm::Value* divisor_low = b.CreateFSub(magnitude, b.CreateFSub(divisor, m.C(3)));
  llvm::Value* estimate = b.CreateFDiv(m.C(1), divisor);
  llvm::Value* minus = b.CreateFNeg(estimate);
  llvm::Value* missing = m.Fma(minus, divisor_low, m.Fma(minus, divisor, m.C(1)));
  llvm::Value* inverse = m.Fma(estimate, missing, estimate);
  llvm::Value* inverse_low = m.Fma(estimate, missing, b.CreateFSub(estimate, inverse));
  llvm::Value* t = m.Fma(inverse, m.C(-6), m.C(1));
  llvm::Value* tail = m.Polynomial(m.format().erfc.subspan(1), t);
  llvm::Value* first = m.C(m.format().erfc[0]);
  llvm::Value* sum = m.Fma(tail, t, first);
  llvm::Value* sum_low =
      b.CreateFAdd(m.Fma(tail, t, b.CreateFSub(first, sum)), m.C(m.format().erfc_low));
  llvm::Value* r = b.CreateFMul(sum, inverse);
  llvm::Value* r_low =
      m.Fma(sum, inverse_low, m.Fma(sum_low, inverse, m.Fma(sum, inverse, b.CreateFNeg(r))));
  llvm::Value* of_magnitude = m.Scaled(b.CreateFAdd(r, m.Fma(r, p, r_low)), reduced.n);

  llvm::Value* small = b.CreateFSub(m.C(1), ErfOfSmall(f, m, x));
  llvm::Value* result =
      b.CreateSelect(b.CreateFCmpOLT(x, m.C(0)), b.CreateFSub(m.C(2), of_magnitude), of_magnitude);
  return b.CreateSelect(b.CreateFCmpOLT(m.Abs(x), m.C(0.75)), small, result);
}

}  // namespace descent

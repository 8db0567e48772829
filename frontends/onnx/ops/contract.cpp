// Sums of products: matrix products, Gemm, Einsum, products of integers.
#include <cmath>

#include "frontends/onnx/ops/families.h"
#include "frontends/onnx/ops/zero_point.h"

namespace descent::onnx {
namespace {

Outputs MatMul(OnnxNode& n) { return n.Add("matmul", {n.In(0), n.In(1)}); }

/// `x` times a factor that is a float whatever the type of `x`.
Value Scaled(OnnxNode& n, Value x, double factor) {
  if (factor == 1) return x;
  if (!n.IsFloat(x) && factor != std::trunc(factor))
    return n.Unsupported("integers times {} are not supported", factor);
  return n.Times(x, n.Like(x, factor));
}

/// `alpha A B + beta C`. Before version 7, C broadcast only on demand; where it need not, it has
/// the shape of the product.
Outputs Gemm(OnnxNode& n) {
  const Value a = n.In(0), b = n.In(1);
  if (n.rank(a) != 2 || n.rank(b) != 2)
    return n.Fail("its operands have {} and {} axes, not 2", n.rank(a), n.rank(b));
  const Value product = n.Add(
      "matmul", {a, b}, {{"transpose_a", n.Flag("transA")}, {"transpose_b", n.Flag("transB")}});
  const Value scaled = Scaled(n, product, n.Float("alpha", 1));
  if (!n.Has(2)) return scaled;
  return n.Plus(scaled, n.Narrower(Scaled(n, n.In(2), n.Float("beta", 1)), product));
}

Outputs Einsum(OnnxNode& n) {
  return n.Add("einsum", n.Operands(), {{"equation", n.Word("equation", "")}});
}

Outputs MatMulInteger(OnnxNode& n) {
  // Zero points of a are one for each row, of b one for each column.
  Value a = n.In(0), b = n.In(1), a_zero = OptionalIn(n, 2), b_zero = OptionalIn(n, 3);
  if (n.rank(a_zero) == 1 && n.rank(a) > 1) a_zero = n.Unsqueeze(a_zero, {1});
  return n.Add("matmul",
               {FromZero(n, a, a_zero, DType::kI32), FromZero(n, b, b_zero, DType::kI32)});
}

}  // namespace

std::span<const OpImporter> ContractImporters() {
  static const std::vector<OpImporter> kImporters = {
      {"Einsum", 12, kNewest, kVariadic, {"equation"}, Einsum},
      {"Gemm", 1, 6, 3, {"alpha", "beta", "transA", "transB", "broadcast"}, Gemm},
      {"Gemm", 7, kNewest, 3, {"alpha", "beta", "transA", "transB"}, Gemm},
      {"MatMul", 1, kNewest, 2, {}, MatMul},
      {"MatMulInteger", 10, kNewest, 4, {}, MatMulInteger},
  };
  return kImporters;
}

}  // namespace descent::onnx

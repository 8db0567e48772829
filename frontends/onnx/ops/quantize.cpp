// Floats as integers of a given step, and products of such integers.
#include <utility>

#include "frontends/onnx/ops/families.h"
#include "frontends/onnx/ops/zero_point.h"
#include "frontends/onnx/tensor_reader.h"

namespace descent::onnx {
namespace {

/// Scales or zero points as the operators take them: a scalar, or a vector along the axis.
Value Parameter(OnnxNode& n, Value v) {
  return n.rank(v) == 1 && n.shape(v)[0] == 1 ? n.Reshape(v, {}) : v;
}

/// Each block's number repeated for all its elements along `axis` of `x`.
Value OfBlocks(OnnxNode& n, Value v, Value x, int64_t axis, int64_t block) {
  if (n.failed() || n.rank(v) != n.rank(x)) return n.Fail("blocks need scales of x's rank");
  Shape shape = n.shape(v);
  const int64_t extent = n.shape(x)[axis];
  if (block <= 0 || block > kMaxElements || (extent + block - 1) / block != shape[axis])
    return n.Fail("blocks of {} do not fit {} elements", block, extent);
  Shape repeated = shape;
  repeated.insert(repeated.begin() + axis + 1, block);
  shape[axis] *= block;
  return n.Slice(n.Reshape(n.Expand(n.Unsqueeze(v, {axis + 1}), repeated), shape), axis, 0, extent);
}

DType TypeOr(OnnxNode& n, std::string_view name, DType otherwise) {
  const int64_t type = n.Int(name, 0);
  return type == 0 ? otherwise : n.Take(ReadDType(static_cast<int>(type)));
}

Outputs QuantizeLinear(OnnxNode& n) {
  Value x = n.In(0), scale = Parameter(n, n.In(1));
  const DType computed = TypeOr(n, "precision", n.dtype(scale));
  x = n.Cast(x, computed);
  scale = n.Cast(scale, computed);
  const Value zero =
      n.Has(2) ? Parameter(n, n.In(2)) : n.Scalar(TypeOr(n, "output_dtype", DType::kU8), 0);
  if (n.rank(scale) == 0) return n.Add("quantize_linear", {x, scale, n.Reshape(zero, {})});
  const int64_t axis = n.Axis(n.Int("axis", 1), n.rank(x)), block = n.Int("block_size", 0);
  if (block == 0) {
    const Value zeros = n.Expand(zero, n.shape(scale));
    return n.Add("quantize_linear", {x, scale, zeros}, {{"axis", axis}});
  }
  const DType dtype = n.dtype(zero);
  const Value number = n.Add("round", {n.Over(x, OfBlocks(n, scale, x, axis, block))});
  const Value offset = n.Has(2) ? OfBlocks(n, zero, x, axis, block) : zero;
  // The conversion saturates.
  return n.Cast(n.Plus(number, n.Cast(offset, computed)), dtype);
}

Outputs DequantizeLinear(OnnxNode& n) {
  const Value x = n.In(0), scale = Parameter(n, n.In(1));
  const DType dtype = TypeOr(n, "output_dtype", n.dtype(scale));
  std::vector<Value> operands = {x, scale};
  if (n.Has(2)) operands.push_back(Parameter(n, n.In(2)));
  if (n.rank(scale) == 0) return n.Cast(n.Add("dequantize_linear", operands), dtype);
  const int64_t axis = n.Axis(n.Int("axis", 1), n.rank(x)), block = n.Int("block_size", 0);
  if (block == 0) return n.Cast(n.Add("dequantize_linear", operands, {{"axis", axis}}), dtype);
  Value number = n.Cast(x, DType::kI32);
  if (n.Has(2)) number = FromZero(n, x, OfBlocks(n, operands[2], x, axis, block), DType::kI32);
  const Value steps = OfBlocks(n, scale, x, axis, block);
  return n.Cast(n.Times(n.Cast(number, n.dtype(scale)), steps), dtype);
}

/// The range of x, widened to hold 0, in 255 steps.
Outputs DynamicQuantizeLinear(OnnxNode& n) {
  const Value x = n.In(0), zero = n.Like(x, 0);
  const Value least = n.Add("minimum", {n.Add("min", {x}), zero});
  const Value most = n.Add("maximum", {n.Add("max", {x}), zero});
  const Value scale = n.Over(n.Minus(most, least), n.Like(x, 255));
  const Value offset = n.Cast(n.Add("round", {n.Over(n.Minus(zero, least), scale)}), DType::kU8);
  return std::vector{n.Add("quantize_linear", {x, scale, offset}), scale, offset};
}

/// Numbers of each row of the first matrix stand in a column.
Value Rows(OnnxNode& n, int i) {
  const Value v = Parameter(n, n.In(i));
  return n.rank(v) == 1 ? n.Unsqueeze(v, {1}) : v;
}

Outputs QLinearMatMul(OnnxNode& n) {
  const Value sum = n.Add("matmul", {FromZero(n, n.In(0), Rows(n, 2), DType::kI32),
                                     FromZero(n, n.In(3), Parameter(n, n.In(5)), DType::kI32)});
  const auto step = [&](Value scale) { return n.Cast(scale, DType::kF64); };
  const Value scale =
      n.Over(n.Times(step(Rows(n, 1)), step(Parameter(n, n.In(4)))), step(Rows(n, 6)));
  const Value scaled = n.Add("round", {n.Times(n.Cast(sum, DType::kF64), scale)});
  const Value zero = Rows(n, 7);
  return n.Cast(n.Plus(scaled, n.Cast(zero, DType::kF64)), n.dtype(zero));
}

}  // namespace

std::span<const OpImporter> QuantizeImporters() {
  static const std::vector<OpImporter> kImporters = {
      {"DequantizeLinear",
       10,
       kNewest,
       3,
       {"axis", "block_size", "output_dtype"},
       DequantizeLinear},
      {"DynamicQuantizeLinear", 11, kNewest, 1, {}, DynamicQuantizeLinear},
      {"QLinearMatMul", 10, kNewest, 8, {}, QLinearMatMul},
      // saturate is about the 8-bit floats alone.
      {"QuantizeLinear",
       10,
       kNewest,
       3,
       {"axis", "block_size", "output_dtype", "precision", "saturate"},
       QuantizeLinear},
  };
  return kImporters;
}

}  // namespace descent::onnx

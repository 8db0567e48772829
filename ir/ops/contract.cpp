// Contractions: sums of products. The kernel compiler recognizes them by the reducer
// acc0 + r0 * r1 from 0 and classes the axes as batch, M, N and K from the reads.

#include <algorithm>
#include <array>

#include "ir/expr.h"
#include "ir/ops/families.h"
#include "ir/ops/shapes.h"

namespace descent {
namespace {

using Values = std::vector<Value>;
using Ints = std::vector<int64_t>;

// ---- matmul ------------------------------------------------------------------------------------

/// One operand after the transposition. A vector is a row of a or a column of b, whose axis of
/// extent 1 the result lacks.
struct Matrix {
  Shape batch;  ///< extents before the last two
  int64_t rows, columns;
  bool is_vector = false;

  Shape shape() const {
    Shape shape = batch;
    shape.insert(shape.end(), {rows, columns});
    return shape;
  }
};

Matrix MatrixOf(const OpContext& op, int operand) {
  const Shape& shape = op.shape(operand);
  if (shape.size() == 1)
    return operand == 0 ? Matrix{{}, 1, shape[0], true} : Matrix{{}, shape[0], 1, true};
  Matrix matrix{{shape.begin(), shape.end() - 2}, shape[shape.size() - 2], shape.back()};
  if (op.attributes.Bool(operand == 0 ? "transpose_a" : "transpose_b"))
    std::swap(matrix.rows, matrix.columns);
  return matrix;
}

Result<std::vector<TensorType>> InferMatmul(const OpContext& op) {
  static constexpr std::string_view kNames[] = {"a", "b"};
  for (int i = 0; i < 2; ++i) {
    if (op.operands[i].rank() < 1)
      return Error("operand {} must be a vector, a matrix or a batch of matrices, not a scalar",
                   kNames[i]);
    if (op.operands[i].rank() == 1 && op.attributes.Bool(i == 0 ? "transpose_a" : "transpose_b"))
      return Error("operand {} is a vector, {}, and cannot be transposed", kNames[i],
                   ToString(op.shape(i)));
  }
  const Matrix a = MatrixOf(op, 0), b = MatrixOf(op, 1);
  if (a.columns != b.rows)
    return Error("inner extents differ: {} columns in a {}, {} rows in b {}", a.columns,
                 ToString(op.shape(0)), b.rows, ToString(op.shape(1)));
  DESCENT_TRY(shape, BroadcastShapes(a.batch, b.batch));
  if (!a.is_vector) shape.push_back(a.rows);
  if (!b.is_vector) shape.push_back(b.columns);
  return OneResult(op.dtype(0), std::move(shape));
}

/// Axes [batch..., m, n, k], without m or n for a vector.
TensorExpr DefineMatmul(const OpContext& op) {
  const Matrix a = MatrixOf(op, 0), b = MatrixOf(op, 1);
  TensorExpr expr{.axes = *BroadcastShapes(a.batch, b.batch)};
  const int batch = static_cast<int>(expr.axes.size());
  const auto add_axis = [&](int64_t extent) {
    expr.axes.push_back(extent);
    return Axis(static_cast<int>(expr.axes.size()) - 1);
  };
  const Index m = a.is_vector ? nullptr : add_axis(a.rows);
  const Index n = b.is_vector ? nullptr : add_axis(b.columns);
  expr.rank = static_cast<int>(expr.axes.size());
  const Index k = add_axis(a.columns);
  const auto read = [&](int operand, const Matrix& matrix, bool transposed, Index row,
                        Index column) {
    Read result = BroadcastRead(operand, matrix.batch, batch);
    if (transposed) std::swap(row, column);
    if (row) result.coordinates.push_back(std::move(row));
    if (column) result.coordinates.push_back(std::move(column));
    return result;
  };
  expr.reads = {read(0, a, op.attributes.Bool("transpose_a"), m, k),
                read(1, b, op.attributes.Bool("transpose_b"), k, n)};
  SumProducts(expr, op.dtype(0));
  return expr;
}

/// Axes of the result's batch along which an operand is repeated.
std::vector<int> RepeatedAxes(const Shape& operand, const Shape& batch) {
  std::vector<int> axes;
  const int missing = static_cast<int>(batch.size() - operand.size());
  for (int i = 0; i < static_cast<int>(batch.size()); ++i)
    if (batch[i] != 1 && (i < missing || operand[i - missing] == 1)) axes.push_back(i);
  return axes;
}

/// x with `axes` moved directly before axis `last` and merged into it.
Expr MergeAxes(Expr x, const std::vector<int>& axes, int last) {
  if (axes.empty()) return x;
  const Shape shape = x.shape();
  Ints permutation;
  Shape merged;
  for (int i = 0; i < static_cast<int>(shape.size()); ++i) {
    if (std::ranges::binary_search(axes, i)) continue;
    merged.push_back(shape[i]);
    if (i == last) {
      permutation.insert(permutation.end(), axes.begin(), axes.end());
      for (const int axis : axes) merged.back() *= shape[axis];
    }
    permutation.push_back(i);
  }
  return Reshape(Transpose(x, std::move(permutation)), std::move(merged));
}

/// Operands and gradient as batches of matrices of one rank: vectors have their second axis. Where
/// an operand was repeated along axes of the batch, these join the summed axis, so that each
/// gradient is one product.
Values VjpMatmul(const VjpContext& v) {
  const bool ta = v.op.attributes.Bool("transpose_a"), tb = v.op.attributes.Bool("transpose_b");
  const Matrix a = MatrixOf(v.op, 0), b = MatrixOf(v.op, 1);
  const Shape batch = *BroadcastShapes(a.batch, b.batch);
  const int rows = static_cast<int>(batch.size()), columns = rows + 1;
  const auto whole = [&](Expr x, const Matrix& matrix) {
    Shape shape = x.shape();
    if (matrix.is_vector) shape = matrix.shape();
    shape.insert(shape.begin(), batch.size() + 2 - shape.size(), 1);
    return Reshape(x, std::move(shape));
  };
  Shape result = batch;
  result.insert(result.end(), {a.rows, b.columns});
  const Expr x = whole(Operand(v, 0), a), y = whole(Operand(v, 1), b);
  const Expr g = Reshape(Gradient(v), result);
  Values gradients(2);
  if (v.wanted[0]) {
    const std::vector<int> repeated = RepeatedAxes(a.batch, batch);
    const Expr p = MergeAxes(g, repeated, columns), q = MergeAxes(y, repeated, tb ? rows : columns);
    gradients[0] = Reshape(ta ? Matmul(q, p, tb, true) : Matmul(p, q, false, !tb), v.op.shape(0));
  }
  if (v.wanted[1]) {
    const std::vector<int> repeated = RepeatedAxes(b.batch, batch);
    const Expr p = MergeAxes(g, repeated, rows), q = MergeAxes(x, repeated, ta ? columns : rows);
    gradients[1] = Reshape(tb ? Matmul(p, q, true, ta) : Matmul(q, p, !ta, false), v.op.shape(1));
  }
  return gradients;
}

// ---- linear and outer --------------------------------------------------------------------------

Result<std::vector<TensorType>> InferLinear(const OpContext& op) {
  const Shape &x = op.shape(0), &w = op.shape(1);
  if (w.size() != 2) return Error("w must be [out, in], not {}", ToString(w));
  if (x.empty() || x.back() != w[1])
    return Error("x {} must have {} elements along its last axis, as w {} takes them", ToString(x),
                 w[1], ToString(w));
  if (op.operands.size() > 2 && op.shape(2) != Shape{w[0]})
    return Error("bias must be [{}], one number per row of w {}, not {}", w[0], ToString(w),
                 ToString(op.shape(2)));
  Shape shape = x;
  shape.back() = w[0];
  return OneResult(op.dtype(0), std::move(shape));
}

Values ExpandLinear(GraphBuilder& b, const OpContext&, std::span<const Value> operands) {
  const Expr y = Matmul({b, operands[0]}, {b, operands[1]}, false, true);
  return {operands.size() > 2 ? y + Expr(b, operands[2]) : y};
}

Result<std::vector<TensorType>> InferOuter(const OpContext& op) {
  Shape shape = op.shape(0);
  shape.insert(shape.end(), op.shape(1).begin(), op.shape(1).end());
  return OneResult(op.dtype(0), std::move(shape));
}

Values ExpandOuter(GraphBuilder& b, const OpContext& op, std::span<const Value> operands) {
  Shape column = op.shape(0);
  column.insert(column.end(), op.shape(1).size(), 1);
  return {Reshape({b, operands[0]}, column) * Expr(b, operands[1])};
}

}  // namespace

std::span<const OpDef> ContractOps() {
  static const std::array kOps = {
      OpDef{.name = "matmul",
            .doc = "Matrix product.\n\n`y[..., m, n] = sum_k a[..., m, k] * b[..., k, n]`; axes "
                   "before the last two broadcast as NumPy does. A vector is a row as a, a column "
                   "as b, and its axis m or n is missing in y: of two vectors, y is a scalar. With "
                   "`transpose_a`, a is given as [..., k, m]; with `transpose_b`, b as [..., n, "
                   "k]. Gradient: `g b^T` and `a^T g`, summed over what was broadcast "
                   "(numpy.matmul).",
            .example = "matmul([[1, 2], [3, 4]], [[5, 6], [7, 8]]) = [[19, 22], [43, 50]]",
            .signature = {.operands = {{"a", DTypeClass::kNumeric}, {"b", DTypeClass::kNumeric}},
                          .attributes = {{"transpose_a", AttributeKind::kBool, Attribute(false),
                                          "a is given transposed"},
                                         {"transpose_b", AttributeKind::kBool, Attribute(false),
                                          "b is given transposed"}}},
            .infer = InferMatmul,
            .define = DefineMatmul,
            .vjp = VjpMatmul},
      OpDef{.name = "linear",
            .doc = "Affine map of the last axis.\n\n`y[..., o] = sum_i x[..., i] * w[o, i] + "
                   "bias[o]`. w is [out, in], as PyTorch's nn.Linear stores it (matmul takes [in, "
                   "out]). Gradient: `g w` to x; `g^T x` to w and the sum of `g` to the bias, over "
                   "all rows (torch.nn.functional.linear).",
            .example = "linear([[1, 2]], [[1, 1], [0, 3], [2, 0]], [10, 0, 0]) = [[13, 6, 2]]",
            .signature =
                {.operands = {{"x", DTypeClass::kNumeric},
                              {"w", DTypeClass::kNumeric},
                              {.name = "bias", .dtypes = DTypeClass::kNumeric, .optional = true}}},
            .infer = InferLinear,
            .expand = ExpandLinear},
      OpDef{.name = "outer",
            .doc = "All products of an element of a with one of b.\n\n`y[i..., j...] = a[i...] * "
                   "b[j...]`, of vectors their outer product. Gradient: `g` times the other "
                   "operand, summed over its axes (numpy.multiply.outer).",
            .example = "outer([1, 2, 3], [10, 1]) = [[10, 1], [20, 2], [30, 3]]",
            .signature = {.operands = {{"a", DTypeClass::kNumeric}, {"b", DTypeClass::kNumeric}}},
            .infer = InferOuter,
            .expand = ExpandOuter},
  };
  return kOps;
}

}  // namespace descent

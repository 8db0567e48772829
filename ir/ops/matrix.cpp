// Matrices by place: identity, triangles, diagonals, grids of coordinates.

#include <algorithm>
#include <array>

#include "ir/expr.h"
#include "ir/ops/families.h"
#include "ir/ops/shapes.h"

namespace descent {
namespace {

using Values = std::vector<Value>;
using Ints = std::vector<int64_t>;
using Operands = std::span<const Value>;

AttributeSpec DiagonalAttribute() {
  return {"diagonal", AttributeKind::kInt, Attribute(int64_t{0}),
          "which diagonal: 0 the main one, positive above it, negative below it"};
}

Result<int64_t> DiagonalOf(const OpContext& op) {
  const int64_t diagonal = op.attributes.Int("diagonal");
  if (diagonal > kMaxElements || diagonal < -kMaxElements)
    return Error("diagonal must be between -2^40 and 2^40, not {}", diagonal);
  return diagonal;
}

/// Column minus row as [rows, columns], i64: 0 on the main diagonal.
Expr AboveDiagonal(GraphBuilder& b, int64_t rows, int64_t columns) {
  const Expr row = Iota(b, {rows, 1}, 0, DType::kI64),
             column = Iota(b, {1, columns}, 1, DType::kI64);
  return column - row;
}

// ---- eye ---------------------------------------------------------------------------------------

int64_t ColumnsOf(const OpContext& op) {
  const int64_t columns = op.attributes.Int("columns");
  return columns == -1 ? op.attributes.Int("rows") : columns;
}

Result<std::vector<TensorType>> InferEye(const OpContext& op) {
  if (const auto diagonal = DiagonalOf(op); !diagonal) return std::unexpected(diagonal.error());
  const int64_t rows = op.attributes.Int("rows"), columns = ColumnsOf(op);
  if (rows < 0 || columns < 0)
    return Error("rows and columns must not be negative, not {} and {}", rows, columns);
  return OneResult(op.attributes.Type("dtype"), {rows, columns});
}

Values ExpandEye(GraphBuilder& b, const OpContext& op, Operands) {
  const Expr above = AboveDiagonal(b, op.attributes.Int("rows"), ColumnsOf(op));
  const Expr one = Equal(above, static_cast<double>(op.attributes.Int("diagonal")));
  return {CastTo(one, op.attributes.Type("dtype"))};
}

// ---- triangles ---------------------------------------------------------------------------------

Result<std::vector<TensorType>> InferTriangle(const OpContext& op) {
  if (const auto diagonal = DiagonalOf(op); !diagonal) return std::unexpected(diagonal.error());
  if (op.operands[0].rank() < 2) return Error("x must be a matrix, not {}", ToString(op.shape(0)));
  return std::vector<TensorType>{op.operands[0]};
}

template <bool upper>
Values ExpandTriangle(GraphBuilder& b, const OpContext& op, Operands x) {
  const Shape& shape = op.shape(0);
  const Expr above = AboveDiagonal(b, shape[shape.size() - 2], shape.back());
  const auto diagonal = static_cast<double>(op.attributes.Int("diagonal"));
  const Expr kept = upper ? GreaterEqual(above, diagonal) : LessEqual(above, diagonal);
  return {Where(kept, Expr(b, x[0]), 0.0)};
}

Signature TriangleSignature() {
  return {.operands = {{"x", DTypeClass::kNumeric}}, .attributes = {DiagonalAttribute()}};
}

// ---- diagonals ---------------------------------------------------------------------------------

/// First element of the diagonal and how many it has.
struct Diagonal {
  int64_t row = 0, column = 0, length = 0;
};

Diagonal DiagonalIn(int64_t rows, int64_t columns, int64_t diagonal) {
  const int64_t row = std::max<int64_t>(0, -diagonal), column = std::max<int64_t>(0, diagonal);
  return {row, column, std::max<int64_t>(0, std::min(rows - row, columns - column))};
}

/// x [..., rows, columns] flat in its last two axes: the diagonal is every columns + 1st element.
Expr LastDiagonal(Expr x, int64_t diagonal) {
  Shape shape = x.shape();
  const int64_t columns = shape.back(), rows = shape[shape.size() - 2];
  const Diagonal place = DiagonalIn(rows, columns, diagonal);
  shape.pop_back();
  shape.back() = rows * columns;
  Ints starts(shape.size(), 0), stops = shape, steps(shape.size(), 1);
  starts.back() = place.length == 0 ? 0 : place.row * columns + place.column;
  stops.back() = place.length == 0 ? 0 : starts.back() + (place.length - 1) * (columns + 1) + 1;
  steps.back() = columns + 1;
  return {x.builder(), x.builder().Add("slice", {Reshape(x, shape)},
                                       {{"starts", starts}, {"stops", stops}, {"steps", steps}})};
}

struct MatrixAxes {
  int rows = 0, columns = 1;
};

Result<MatrixAxes> MatrixAxesOf(const OpContext& op) {
  const int rank = op.operands[0].rank();
  DESCENT_TRY(rows, NormalAxis(op.attributes.Int("axis1"), rank));
  DESCENT_TRY(columns, NormalAxis(op.attributes.Int("axis2"), rank));
  if (rows == columns) return Error("axis1 and axis2 are both axis {}", rows);
  return MatrixAxes{rows, columns};
}

Result<std::vector<TensorType>> InferDiagonal(const OpContext& op) {
  DESCENT_TRY(diagonal, DiagonalOf(op));
  DESCENT_TRY(axes, MatrixAxesOf(op));
  Shape shape;
  for (int i = 0; i < op.operands[0].rank(); ++i)
    if (i != axes.rows && i != axes.columns) shape.push_back(op.shape(0)[i]);
  shape.push_back(DiagonalIn(op.shape(0)[axes.rows], op.shape(0)[axes.columns], diagonal).length);
  return OneResult(op.dtype(0), std::move(shape));
}

Values ExpandDiagonal(GraphBuilder& b, const OpContext& op, Operands x) {
  const MatrixAxes axes = *MatrixAxesOf(op);
  Ints order;
  for (int i = 0; i < op.operands[0].rank(); ++i)
    if (i != axes.rows && i != axes.columns) order.push_back(i);
  order.push_back(axes.rows);
  order.push_back(axes.columns);
  return {LastDiagonal(Transpose({b, x[0]}, order), op.attributes.Int("diagonal"))};
}

Result<std::vector<TensorType>> InferDiag(const OpContext& op) {
  DESCENT_TRY(diagonal, DiagonalOf(op));
  const Shape& x = op.shape(0);
  if (x.size() == 2) return OneResult(op.dtype(0), {DiagonalIn(x[0], x[1], diagonal).length});
  if (x.size() != 1) return Error("x must be a vector or a matrix, not {}", ToString(x));
  const int64_t extent = x[0] + std::abs(diagonal);
  return OneResult(op.dtype(0), {extent, extent});
}

/// Of a vector: element j - max(0, diagonal) in column j, where the diagonal crosses it.
Values ExpandDiag(GraphBuilder& b, const OpContext& op, Operands operands) {
  const Expr x(b, operands[0]);
  const int64_t diagonal = op.attributes.Int("diagonal");
  if (x.rank() == 2) return {LastDiagonal(x, diagonal)};
  const int64_t extent = x.shape()[0] + std::abs(diagonal);
  const Expr row(b, b.Add("pad_constant", {x},
                          {{"low", Ints{std::max<int64_t>(0, diagonal)}},
                           {"high", Ints{std::max<int64_t>(0, -diagonal)}}}));
  const Expr on = Equal(AboveDiagonal(b, extent, extent), static_cast<double>(diagonal));
  return {Where(on, Unsqueeze(row, 0), 0.0)};
}

// ---- meshgrid ----------------------------------------------------------------------------------

/// Axis of the results along which part `i` runs.
size_t AxisOfPart(const OpContext& op, size_t i) {
  return op.attributes.String("indexing") == "xy" && i < 2 && op.operands.size() > 1 ? 1 - i : i;
}

Shape GridShape(const OpContext& op) {
  Shape shape(op.operands.size());
  for (size_t i = 0; i < shape.size(); ++i)
    shape[AxisOfPart(op, i)] = op.shape(static_cast<int>(i))[0];
  return shape;
}

Result<std::vector<TensorType>> InferMeshgrid(const OpContext& op) {
  if (op.operands.empty()) return Error("needs at least one operand");
  for (const TensorType& part : op.operands)
    if (part.rank() != 1) return Error("parts must be vectors, not {}", ToString(part.shape));
  DESCENT_TRY(one, OneResult(op.dtype(0), GridShape(op)));
  return std::vector<TensorType>(op.operands.size(), one[0]);
}

Values ExpandMeshgrid(GraphBuilder& b, const OpContext& op, Operands operands) {
  Values grids;
  for (size_t i = 0; i < operands.size(); ++i) {
    Shape along(operands.size(), 1);
    along[AxisOfPart(op, i)] = op.shape(static_cast<int>(i))[0];
    grids.push_back(ExpandTo(Reshape({b, operands[i]}, along), GridShape(op)));
  }
  return grids;
}

}  // namespace

std::span<const OpDef> MatrixOps() {
  static const std::array kOps = {
      OpDef{.name = "eye",
            .doc = "Ones on a diagonal, zeros elsewhere.\n\n`y[i, j] = 1` where j - i = diagonal, "
                   "else 0 (numpy.eye).",
            .example = "eye(rows=2) = [[1, 0], [0, 1]]",
            .signature = {.operands = {},
                          .attributes = {{"rows", AttributeKind::kInt, std::nullopt,
                                          "extent of the first axis"},
                                         {"columns", AttributeKind::kInt, Attribute(int64_t{-1}),
                                          "extent of the second axis; -1: as many as rows"},
                                         DiagonalAttribute(),
                                         {"dtype", AttributeKind::kDType, Attribute(DType::kF32),
                                          "element type of the result"}}},
            .infer = InferEye,
            .expand = ExpandEye,
            .no_gradient = "it does not depend on anything"},
      OpDef{.name = "tril",
            .doc = "The lower triangle of matrices, zeros above it.\n\nKeeps `x[..., i, j]` where "
                   "j - i <= diagonal. A NaN above it does not stay (numpy.tril). Gradient: the "
                   "same triangle of `g`.",
            .example = "tril([[1, 2], [3, 4]]) = [[1, 0], [3, 4]]",
            .signature = TriangleSignature(),
            .infer = InferTriangle,
            .expand = ExpandTriangle<false>},
      OpDef{.name = "triu",
            .doc = "The upper triangle of matrices, zeros below it.\n\nKeeps `x[..., i, j]` where "
                   "j - i >= diagonal. A NaN below it does not stay (numpy.triu). Gradient: the "
                   "same triangle of `g`.",
            .example = "triu([[1, 2], [3, 4]]) = [[1, 2], [0, 4]]",
            .signature = TriangleSignature(),
            .infer = InferTriangle,
            .expand = ExpandTriangle<true>},
      OpDef{.name = "diag",
            .doc = "A vector as the diagonal of a matrix, or the diagonal of a matrix as a "
                   "vector.\n\n`y[i, i + diagonal] = x[i]`, or `y[i] = x[i, i + diagonal]` (of a "
                   "diagonal below 0, `[i - diagonal, i]`). A vector of n elements gives a square "
                   "of n + |diagonal| rows, zeros beside the diagonal. As numpy.diag. Gradient: "
                   "`g` at the diagonal.",
            .example = "diag([1, 2]) = [[1, 0], [0, 2]]",
            .signature = TriangleSignature(),
            .infer = InferDiag,
            .expand = ExpandDiag},
      OpDef{.name = "diagonal",
            .doc = "The diagonals of matrices that lie in two axes.\n\nThese axes go, and one with "
                   "the elements `x[..., i, i + diagonal, ...]` comes last, as numpy.diagonal. "
                   "Gradient: `g` at the diagonals, 0 elsewhere.",
            .example = "diagonal([[1, 2], [3, 4]]) = [1, 4]",
            .signature = {.operands = {{"x"}},
                          .attributes = {DiagonalAttribute(),
                                         {"axis1", AttributeKind::kInt, Attribute(int64_t{0}),
                                          "rows, negative ones count from the end"},
                                         {"axis2", AttributeKind::kInt, Attribute(int64_t{1}),
                                          "columns, negative ones count from the end"}}},
            .infer = InferDiagonal,
            .expand = ExpandDiagonal},
      OpDef{.name = "meshgrid",
            .doc = "The coordinates of a grid, one tensor per axis.\n\nFrom vectors of n0, n1, "
                   "... elements as many results of shape [n0, n1, ...]; `grids_k[i0, i1, ..] = "
                   "parts_k[i_k]`. Indexing xy exchanges the first two axes, as numpy.meshgrid. "
                   "Gradient: the sum of `g` over the other axes.",
            .example = "meshgrid([1, 2], [3, 4]) = [[1, 1], [2, 2]], [[3, 4], [3, 4]]",
            .signature = {.operands = {{"parts", DTypeClass::kAny, 0, false, true}},
                          .attributes = {{"indexing",
                                          AttributeKind::kString,
                                          Attribute(std::string("ij")),
                                          "order of the first two axes",
                                          {"ij", "xy"}}},
                          .results = {"grids"}},
            .infer = InferMeshgrid,
            .expand = ExpandMeshgrid},
  };
  return kOps;
}

}  // namespace descent

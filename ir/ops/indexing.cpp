// Indices that come from data. One out of range reads 0, or its update is dropped, and is reported.

#include <algorithm>
#include <array>
#include <numeric>

#include "ir/expr.h"
#include "ir/ops/families.h"
#include "ir/ops/linear_index.h"
#include "ir/ops/shapes.h"

namespace descent {
namespace {

using enum ScalarOp;
using Values = std::vector<Value>;
using Operands = std::span<const Value>;

Shape Joined(std::span<const int64_t> a, std::span<const int64_t> b,
             std::span<const int64_t> c = {}) {
  Shape shape(a.begin(), a.end());
  shape.insert(shape.end(), b.begin(), b.end());
  shape.insert(shape.end(), c.begin(), c.end());
  return shape;
}

// ---- gather ------------------------------------------------------------------------------------

int GatherAxis(const OpContext& op) {
  return KnownAxis(op.attributes.Int("axis"), op.operands[0].rank());
}

/// Extents of x before the axis, of the indices, of x behind the axis.
Shape GatheredShape(const OpContext& op) {
  const std::span<const int64_t> x = op.shape(0);
  const int axis = GatherAxis(op);
  return Joined(x.first(axis), op.shape(1), x.subspan(axis + 1));
}

Result<std::vector<TensorType>> InferGather(const OpContext& op) {
  const auto axis = NormalAxis(op.attributes.Int("axis"), op.operands[0].rank());
  if (!axis) return std::unexpected(axis.error());
  return OneResult(op.dtype(0), GatheredShape(op));
}

TensorExpr DefineGather(const OpContext& op) {
  const int axis = GatherAxis(op), indices = op.operands[1].rank();
  TensorExpr expr{.axes = GatheredShape(op)};
  expr.rank = static_cast<int>(expr.axes.size());
  Read x{.operand = 0, .coordinates = AxisRange(0, axis)};
  x.coordinates.push_back(ReadIndex(0));
  for (const Index& index : AxisRange(axis + indices, expr.rank - axis - indices))
    x.coordinates.push_back(index);
  expr.reads = {{.operand = 1, .coordinates = AxisRange(axis, indices)}, std::move(x)};
  expr.results = {ReadScalar(1, op.dtype(0))};
  return expr;
}

/// Scatters along the first axis: the indexed axis goes to the front and back.
Values VjpGather(const VjpContext& v) {
  const int axis = GatherAxis(v.op), rank = v.op.operands[0].rank();
  const int indices = v.op.operands[1].rank();
  std::vector<int64_t> to_front, axis_first = {axis}, back;
  for (int i = 0; i < indices; ++i) to_front.push_back(axis + i);
  for (int i = 0; i < rank + indices - 1; ++i)
    if (i < axis || i >= axis + indices) to_front.push_back(i);
  for (int i = 0; i < rank; ++i)
    if (i != axis) axis_first.push_back(i);
  Shape shape;
  for (const int64_t i : axis_first) shape.push_back(v.op.shape(0)[i]);
  for (int i = 0; i < rank; ++i)
    back.push_back(std::ranges::find(axis_first, i) - axis_first.begin());
  const Expr zeros = Filled(v.b, shape, v.op.dtype(0), 0);
  const Expr scattered =
      ScatterRows(zeros, Operand(v, 1), Transpose(Gradient(v), std::move(to_front)), "add");
  return {Transpose(scattered, std::move(back)), Value()};
}

// ---- gather_elements and gather_nd
// ---------------------------------------------------------------

Result<std::vector<TensorType>> InferGatherElements(const OpContext& op) {
  DESCENT_RETURN_IF_ERROR(CheckAlong(op));
  return OneResult(op.dtype(0), op.shape(1));
}

TensorExpr DefineGatherElements(const OpContext& op) {
  const int rank = op.operands[0].rank();
  TensorExpr expr{.axes = op.shape(1), .rank = rank};
  Read x{.operand = 0, .coordinates = AxisRange(0, rank)};
  x.coordinates[GatherAxis(op)] = ReadIndex(0);
  expr.reads = {{.operand = 1, .coordinates = AxisRange(0, rank)}, std::move(x)};
  expr.results = {ReadScalar(1, op.dtype(0))};
  return expr;
}

/// `g` added to rows of zeros seen as [rows, row...], in the shape of operand 0.
Values AddedAt(const VjpContext& v, Shape rows, Expr places) {
  const Expr zeros = Filled(v.b, rows, v.op.dtype(0), 0);
  return {Reshape(ScatterRows(zeros, places, Gradient(v), "add"), v.op.shape(0)), Value()};
}

Values VjpGatherElements(const VjpContext& v) {
  return AddedAt(v, {v.op.operands[0].elements()}, PlacesAlong(v.op, Operand(v, 1)));
}

Result<std::vector<TensorType>> InferGatherNd(const OpContext& op) {
  const int64_t batch = op.attributes.Int("batch_dims");
  const std::span<const int64_t> x = op.shape(0), indices = op.shape(1);
  const auto most = static_cast<int64_t>(std::min(x.size(), indices.size()));
  if (batch < 0 || batch > most || !std::ranges::equal(x.first(batch), indices.first(batch)))
    return Error("x {} and indices {} must begin with batch_dims = {} equal extents",
                 ToString(op.shape(0)), ToString(op.shape(1)), batch);
  DESCENT_TRY(tuple, TupleLength(op, static_cast<int>(batch)));
  return OneResult(op.dtype(0),
                   Joined(indices.first(indices.size() - 1), x.subspan(batch + tuple)));
}

/// Read r < tuple length is coordinate r, the last read is x.
TensorExpr DefineGatherNd(const OpContext& op) {
  const auto batch = static_cast<int>(op.attributes.Int("batch_dims"));
  const auto tuple = static_cast<int>(op.shape(1).back());
  const int tuples = op.operands[1].rank() - 1, rank = op.operands[0].rank();
  const std::span<const int64_t> x = op.shape(0), indices = op.shape(1);
  TensorExpr expr{.axes = Joined(indices.first(tuples), x.subspan(batch + tuple))};
  expr.rank = static_cast<int>(expr.axes.size());
  Read slice{.operand = 0, .coordinates = AxisRange(0, batch)};
  for (int i = 0; i < tuple; ++i) {
    expr.reads.push_back({.operand = 1, .coordinates = AxisRange(0, tuples)});
    expr.reads.back().coordinates.push_back(ConstantIndex(i));
    slice.coordinates.push_back(ReadIndex(i));
  }
  for (const Index& index : AxisRange(tuples, rank - batch - tuple))
    slice.coordinates.push_back(index);
  expr.reads.push_back(std::move(slice));
  expr.results = {ReadScalar(tuple, op.dtype(0))};
  return expr;
}

Values VjpGatherNd(const VjpContext& v) {
  const auto batch = static_cast<int>(v.op.attributes.Int("batch_dims"));
  const int named = batch + static_cast<int>(v.op.shape(1).back());
  const std::array rows = {ElementsOf(v.op.shape(0), 0, named)};
  return AddedAt(v, Joined(rows, std::span<const int64_t>(v.op.shape(0)).subspan(named)),
                 PlacesOfTuples(v.op, Operand(v, 1), batch));
}

Result<std::vector<TensorType>> InferTake(const OpContext& op) {
  return OneResult(op.dtype(0), op.shape(1));
}

Values ExpandTake(GraphBuilder& b, const OpContext& op, Operands x) {
  return {Gather(Reshape({b, x[0]}, {op.operands[0].elements()}), {b, x[1]})};
}

Result<std::vector<TensorType>> InferIndexSelect(const OpContext& op) {
  if (op.operands[1].rank() != 1)
    return Error("indices must be a vector, not {}", ToString(op.shape(1)));
  return InferGather(op);
}

Values ExpandIndexSelect(GraphBuilder& b, const OpContext& op, Operands x) {
  return {Gather({b, x[0]}, {b, x[1]}, op.attributes.Int("axis"))};
}

// ---- embedding ---------------------------------------------------------------------------------

Result<std::vector<TensorType>> InferEmbedding(const OpContext& op) {
  const Shape& table = op.shape(0);
  if (table.size() != 2) return Error("table must be [rows, columns], not {}", ToString(table));
  const int64_t padding = op.attributes.Int("padding_idx");
  if (padding < -1 || padding >= table[0])
    return Error("padding_idx must be a row of table {} or -1, not {}", ToString(table), padding);
  return OneResult(op.dtype(0), Joined(op.shape(1), std::array{table[1]}));
}

Values ExpandEmbedding(GraphBuilder& b, const OpContext&, Operands x) {
  return {Gather({b, x[0]}, {b, x[1]})};
}

Values VjpEmbedding(const VjpContext& v) {
  const Expr indices = Operand(v, 1);
  const int64_t padding = v.op.attributes.Int("padding_idx");
  const Expr is_padding = Unsqueeze(
      Equal(CastTo(indices, DType::kI64), static_cast<double>(padding)), v.op.operands[1].rank());
  const Expr g = padding < 0 ? Gradient(v) : Where(is_padding, 0.0, Gradient(v));
  return {ScatterRows(Filled(v.b, v.op.shape(0), v.op.dtype(0), 0), indices, g, "add"), Value()};
}

// ---- one_hot -----------------------------------------------------------------------------------

Result<std::vector<TensorType>> InferOneHot(const OpContext& op) {
  const int64_t depth = op.attributes.Int("depth");
  if (depth < 1 || depth > kMaxElements) return Error("depth must be at least 1, not {}", depth);
  return OneResult(op.attributes.Type("dtype"), Joined(op.shape(0), std::array{depth}));
}

/// The class number is read through a table of the numbers there are, which checks its range.
Values ExpandOneHot(GraphBuilder& b, const OpContext& op, std::span<const Value> operands) {
  const int rank = op.operands[0].rank();
  const int64_t depth = op.attributes.Int("depth");
  const Expr classes = Iota(b, {depth}, 0, DType::kI64);
  const Expr checked(b, b.Add("gather", {classes, operands[0]}));
  Shape row(rank + 1, 1);
  row[rank] = depth;
  const Expr hit = Equal(Unsqueeze(checked, rank), Reshape(classes, row));
  return {CastTo(hit, op.attributes.Type("dtype"))};
}

Signature GatherSignature(bool along_axis) {
  Signature signature{.operands = {{"x"}, {"indices", DTypeClass::kInteger, -1}}};
  if (along_axis)
    signature.attributes = {{"axis", AttributeKind::kInt, Attribute(int64_t{0}),
                             "indexed axis, negative ones count from the end"}};
  return signature;
}

}  // namespace

std::span<const OpDef> IndexingOps() {
  static const std::array kOps = {
      OpDef{
          .name = "gather",
          .doc = "Slices of x chosen by index.\n\n`y[..., u, ...] = x[..., indices[u], ...]`: the "
                 "axes of the indices replace `axis` (numpy.take, ONNX Gather). An index out of "
                 "range gives 0 and is reported. Gradient: `g` added to the chosen slices.",
          .example = "gather([1, 2, 3], i64 [2, 0]) = [3, 1]",
          .signature = GatherSignature(true),
          .infer = InferGather,
          .define = DefineGather,
          .index_limit = [](const OpContext& op,
                            int operand) { return operand == 1 ? op.shape(0)[GatherAxis(op)] : 0; },
          .vjp = VjpGather},
      OpDef{.name = "gather_elements",
            .doc = "Elements of x chosen along an axis, each by an index of its own.\n\n`y[.., i, "
                   "..] = x[.., indices[.., i, ..], ..]`; indices have x's rank and, beside the "
                   "axis, at most its extents. As PyTorch's gather and ONNX GatherElements. An "
                   "index out of range gives 0 and is reported. Gradient: `g` added to the chosen "
                   "elements.",
            .example = "gather_elements([[1, 2], [3, 4]], i64 [[1], [0]], axis=1) = [[2], [3]]",
            .signature = GatherSignature(true),
            .infer = InferGatherElements,
            .define = DefineGatherElements,
            .index_limit = [](const OpContext& op,
                              int operand) { return operand == 1 ? ExtentAlong(op) : 0; },
            .vjp = VjpGatherElements},
      OpDef{.name = "gather_nd",
            .doc = "Slices of x chosen by several coordinates.\n\n`y[b.., u.., ...] = x[b.., "
                   "indices[b.., u.., :], ...]`: the last axis of indices holds coordinates of x "
                   "behind its first batch_dims axes, which x and indices share. As ONNX GatherND. "
                   "A tuple with an index out of range gives 0 and is reported. Gradient: `g` "
                   "added to the chosen slices.",
            .example = "gather_nd([[1, 2], [3, 4]], i64 [[1, 0]]) = [3]",
            .signature = {.operands = {{"x"}, {"indices", DTypeClass::kInteger, -1}},
                          .attributes = {{"batch_dims", AttributeKind::kInt, Attribute(int64_t{0}),
                                          "leading axes that x and indices share"}}},
            .infer = InferGatherNd,
            .define = DefineGatherNd,
            .vjp = VjpGatherNd},
      OpDef{
          .name = "take",
          .doc = "Elements of x chosen by their place in row-major order.\n\n`y[..] = "
                 "flat[indices[..]]`, flat being x as a vector; the result has the shape of "
                 "indices. As PyTorch's take. An index out of range (below 0, too) gives 0 and is "
                 "reported. Gradient: `g` added to the chosen elements.",
          .example = "take([[1, 2], [3, 4]], i64 [3, 0]) = [4, 1]",
          .signature = GatherSignature(false),
          .infer = InferTake,
          .expand = ExpandTake,
          .index_limit = [](const OpContext& op,
                            int operand) { return operand == 1 ? op.operands[0].elements() : 0; }},
      OpDef{.name = "index_select",
            .doc = "Slices of x along an axis in the order of a vector of indices.\n\n`y[.., i, "
                   "..] = x[.., indices[i], ..]`: gather with a vector (torch.index_select). An "
                   "index out of range gives 0 and is reported. Gradient: `g` added to the chosen "
                   "slices.",
            .example = "index_select([[1, 2], [3, 4]], i64 [1]) = [[3, 4]]",
            .signature = GatherSignature(true),
            .infer = InferIndexSelect,
            .expand = ExpandIndexSelect,
            .index_limit = [](const OpContext& op,
                              int operand) { return operand == 1 ? ExtentAlong(op) : 0; }},
      OpDef{
          .name = "embedding",
          .doc = "Rows of a table.\n\n`y[.., :] = table[indices[..], :]` "
                 "(torch.nn.functional.embedding). An index out of range gives zeros and is "
                 "reported. Gradient: `g` added to the chosen rows, but not to row padding_idx, "
                 "as in PyTorch; its values are read like any other's.",
          .example = "embedding([[1, 2], [3, 4]], i64 [1, 0]) = [[3, 4], [1, 2]]",
          .signature = {.operands = {{"table", DTypeClass::kFloat},
                                     {"indices", DTypeClass::kInteger, -1}},
                        .attributes = {{"padding_idx", AttributeKind::kInt, Attribute(int64_t{-1}),
                                        "row that gets no gradient; -1: none"}}},
          .infer = InferEmbedding,
          .expand = ExpandEmbedding,
          .index_limit = [](const OpContext& op,
                            int operand) { return operand == 1 ? op.shape(0)[0] : 0; },
          .vjp = VjpEmbedding},
      OpDef{
          .name = "one_hot",
          .doc = "Rows with a 1 at the place of their class.\n\n`y[..., j] = 1` where j is the "
                 "index, else 0 (torch.nn.functional.one_hot). An index out of range counts as 0 "
                 "and is reported.",
          .example = "one_hot(i64 [1, 0], depth=2) = [[0, 1], [1, 0]]",
          .signature = {.operands = {{"indices", DTypeClass::kInteger}},
                        .attributes = {{"depth", AttributeKind::kInt, std::nullopt,
                                        "number of classes"},
                                       {"dtype", AttributeKind::kDType, Attribute(DType::kF32),
                                        "element type of the result"}}},
          .infer = InferOneHot,
          .expand = ExpandOneHot,
          .index_limit = [](const OpContext& op,
                            int operand) { return operand == 0 ? op.attributes.Int("depth") : 0; },
          .no_gradient = "its operand is an integer"},
  };
  return kOps;
}

}  // namespace descent

// Indices that come from data. One out of range reads 0, or its update is dropped, and is reported.

#include <algorithm>
#include <array>
#include <numeric>

#include "ir/expr.h"
#include "ir/ops/families.h"
#include "ir/ops/shapes.h"

namespace descent {
namespace {

using enum ScalarOp;
using Values = std::vector<Value>;

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

Expr ScatterAdd(Expr x, Expr indices, Expr updates) {
  return {x.builder(), x.builder().Add("scatter_add", {x, indices, updates})};
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
      ScatterAdd(zeros, Operand(v, 1), Transpose(Gradient(v), std::move(to_front)));
  return {Transpose(scattered, std::move(back)), Value()};
}

// ---- scatter_add -------------------------------------------------------------------------------

Result<std::vector<TensorType>> InferScatterAdd(const OpContext& op) {
  const std::span<const int64_t> x = op.shape(0);
  if (x.empty()) return Error("x must have an axis to index, not {}", ToString(op.operands[0]));
  const Shape expected = Joined(op.shape(1), x.subspan(1));
  if (op.shape(2) != expected)
    return Error("updates must be {}, the indices' shape and a row of x {}, not {}",
                 ToString(expected), ToString(op.shape(0)), ToString(op.shape(2)));
  return OneResult(op.dtype(0), op.shape(0));
}

/// Axes [rows, row..., | updates...]. x is also read where the update goes, which reports an index
/// out of range; that value is never added.
TensorExpr DefineScatterAdd(const OpContext& op) {
  const DType dtype = op.dtype(0), index_dtype = op.dtype(1);
  const int rank = op.operands[0].rank(), updates = op.operands[1].rank();
  TensorExpr expr{.axes = Joined(op.shape(0), op.shape(1)), .rank = rank};
  Read update{.operand = 2, .coordinates = AxisRange(rank, updates)};
  for (const Index& index : AxisRange(1, rank - 1)) update.coordinates.push_back(index);
  Read row{.operand = 0, .coordinates = {ReadIndex(1)}};
  for (const Index& index : AxisRange(1, rank - 1)) row.coordinates.push_back(index);
  expr.reads = {{.operand = 0, .coordinates = AxisRange(0, rank)},
                {.operand = 1, .coordinates = AxisRange(rank, updates)},
                std::move(update),
                std::move(row)};
  const Scalar sum = Accumulator(0, dtype), zero = ConstantScalar(dtype, 0);
  const Scalar hit =
      Call(kEq, {Cast(DType::kI64, ReadScalar(1, index_dtype)), IndexScalar(Axis(0))});
  const Scalar missed = Call(kSelect, {hit, ReadScalar(3, dtype), zero});
  expr.reducer = {.init = {zero},
                  .step = {Call(kAdd, {sum, Call(kSelect, {hit, ReadScalar(2, dtype), missed})})},
                  .combine = {Call(kAdd, {sum, Other(0, dtype)})}};
  expr.results = {Call(kAdd, {ReadScalar(0, dtype), sum})};
  return expr;
}

Values VjpScatterAdd(const VjpContext& v) {
  const Expr g = Gradient(v);
  return {g, Value(), Expr(v.b, v.b.Add("gather", {g, v.operands[1]}))};
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

}  // namespace

std::span<const OpDef> IndexingOps() {
  static const std::array kOps = {
      OpDef{
          .name = "gather",
          .doc = "Slices of x chosen by index.\n\n`y[..., u, ...] = x[..., indices[u], ...]`: "
                 "the axes of the indices replace `axis`. An embedding is gather of a table. An "
                 "index out of range gives 0 and is reported. Gradient: scatter_add of `g`.",
          .signature = {.operands = {{"x"}, {"indices", DTypeClass::kInteger, -1}},
                        .attributes = {{"axis", AttributeKind::kInt, Attribute(int64_t{0}),
                                        "indexed axis, negative ones count from the end"}}},
          .infer = InferGather,
          .define = DefineGather,
          .index_limit = [](const OpContext& op,
                            int operand) { return operand == 1 ? op.shape(0)[GatherAxis(op)] : 0; },
          .vjp = VjpGather},
      OpDef{.name = "scatter_add",
            .doc = "Updates added to chosen rows of x.\n\n`y[v] = x[v] + sum over u with "
                   "indices[u] = v of updates[u]`, in order of u. x is [rows, ...], updates "
                   "[indices..., ...]. An update whose index is out of range is dropped and "
                   "reported. Gradient: `g` to x, gather of `g` to the updates.",
            .signature = {.operands = {{"x", DTypeClass::kNumeric},
                                       {"indices", DTypeClass::kInteger, -1},
                                       {"updates", DTypeClass::kNumeric}}},
            .infer = InferScatterAdd,
            .define = DefineScatterAdd,
            .form = KernelForm::kScatter,
            .index_limit = [](const OpContext& op,
                              int operand) { return operand == 1 ? op.shape(0)[0] : 0; },
            .vjp = VjpScatterAdd},
      OpDef{
          .name = "one_hot",
          .doc = "Rows with a 1 at the place of their class.\n\n`y[..., j] = 1` where j is the "
                 "index, else 0. An index out of range counts as 0 and is reported.",
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

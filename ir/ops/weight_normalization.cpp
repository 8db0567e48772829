// Normalization by lengths: of vectors, and of weights.

#include <array>

#include "ir/expr.h"
#include "ir/ops/families.h"
#include "ir/ops/shapes.h"

namespace descent {
namespace {

using Values = std::vector<Value>;
using Ints = std::vector<int64_t>;

Expr Length(Expr x, const Ints& axes) { return Sqrt(Sum(Square(x), axes, true)); }

Result<void> CheckEpsilon(const OpContext& op) {
  const double epsilon = op.attributes.Float("epsilon");
  if (epsilon > 0 && epsilon <= 1) return {};
  return Error("epsilon must be above 0 and at most 1, not {}", epsilon);
}

AttributeSpec EpsilonAttribute() {
  return {"epsilon", AttributeKind::kFloat, Attribute(1e-12), "least length to divide by"};
}

// ---- l2_normalize ------------------------------------------------------------------------------

Result<std::vector<TensorType>> InferL2Normalize(const OpContext& op) {
  const auto axes = NormalAxes(op.attributes.Ints("axes"), op.operands[0].rank());
  if (!axes) return std::unexpected(axes.error());
  DESCENT_RETURN_IF_ERROR(CheckEpsilon(op));
  return OneResult(op.dtype(0), op.shape(0));
}

Values ExpandL2Normalize(GraphBuilder& b, const OpContext& op, std::span<const Value> operands) {
  const Expr x(b, operands[0]);
  return {x / Maximum(Length(x, op.attributes.Ints("axes")), op.attributes.Float("epsilon"))};
}

/// Where the length is below epsilon, the divisor is constant.
Values VjpL2Normalize(const VjpContext& v) {
  const Ints& axes = v.op.attributes.Ints("axes");
  const double epsilon = v.op.attributes.Float("epsilon");
  const Expr g = Gradient(v), y = ResultOf(v), length = Length(Operand(v, 0), axes);
  const Expr along = Where(GreaterEqual(length, epsilon), Sum(g * y, axes, true), 0.0);
  return {(g - y * along) / Maximum(length, epsilon)};
}

// ---- weight_norm -------------------------------------------------------------------------------

struct Rows {
  int axis;
  Ints others;
  Shape column;  ///< one number per row as it broadcasts
};

Rows RowsOf(const OpContext& op) {
  const int rank = op.operands[0].rank();
  Rows rows{KnownAxis(op.attributes.Int("axis"), rank), {}, Shape(rank, 1)};
  for (int i = 0; i < rank; ++i)
    if (i != rows.axis) rows.others.push_back(i);
  rows.column[rows.axis] = op.shape(0)[rows.axis];
  return rows;
}

Result<int> WeightAxis(const OpContext& op, std::string_view name) {
  if (op.operands[0].rank() < 2)
    return Error("{} must be a matrix or have more axes, not {}", name, ToString(op.shape(0)));
  return NormalAxis(op.attributes.Int("axis"), op.operands[0].rank());
}

Result<std::vector<TensorType>> InferWeightNorm(const OpContext& op) {
  DESCENT_TRY(axis, WeightAxis(op, "v"));
  if (op.shape(1) != Shape{op.shape(0)[axis]})
    return Error("magnitude must be [{}], one number per place along axis {} of v {}, not {}",
                 op.shape(0)[axis], axis, ToString(op.shape(0)), ToString(op.shape(1)));
  return OneResult(op.dtype(0), op.shape(0));
}

Values ExpandWeightNorm(GraphBuilder& b, const OpContext& op, std::span<const Value> operands) {
  const Rows rows = RowsOf(op);
  const Expr v(b, operands[0]);
  return {v * (Reshape({b, operands[1]}, rows.column) / Length(v, rows.others))};
}

Values VjpWeightNorm(const VjpContext& v) {
  const Rows rows = RowsOf(v.op);
  const Expr g = Gradient(v), length = Length(Operand(v, 0), rows.others);
  const Expr unit = Operand(v, 0) / length;
  const Expr along = Sum(g * unit, rows.others, true);
  const Expr magnitude = Reshape(Operand(v, 1), rows.column);
  return {magnitude / length * (g - unit * along), Reshape(along, v.op.shape(1))};
}

// ---- spectral_norm -----------------------------------------------------------------------------

/// Bounds the graph that one node becomes.
constexpr int64_t kMaxIterations = 64;

enum SpectralOperands { kW, kU, kV };

/// w as a matrix: `axis` first, the others merged.
Expr MatrixOf(const OpContext& op, Expr w) {
  const Rows rows = RowsOf(op);
  Ints permutation = {rows.axis};
  permutation.insert(permutation.end(), rows.others.begin(), rows.others.end());
  return Reshape(Transpose(w, permutation), {op.shape(kU)[0], op.shape(kV)[0]});
}

/// A matrix like that of w, back in its shape.
Expr FromMatrix(const OpContext& op, Expr matrix) {
  const Rows rows = RowsOf(op);
  Shape shape = {op.shape(kW)[rows.axis]};
  Ints permutation;
  for (const int64_t axis : rows.others) {
    permutation.push_back(axis < rows.axis ? axis + 1 : axis);
    shape.push_back(op.shape(kW)[axis]);
  }
  permutation.insert(permutation.begin() + rows.axis, 0);
  return Transpose(Reshape(matrix, shape), permutation);
}

Result<std::vector<TensorType>> InferSpectralNorm(const OpContext& op) {
  DESCENT_TRY(axis, WeightAxis(op, "w"));
  DESCENT_RETURN_IF_ERROR(CheckEpsilon(op));
  const int64_t iterations = op.attributes.Int("iterations");
  if (iterations < 1 || iterations > kMaxIterations)
    return Error("iterations must be between 1 and {}, not {}", kMaxIterations, iterations);
  int64_t columns = 1;
  for (int i = 0; i < op.operands[kW].rank(); ++i)
    if (i != axis) columns *= op.shape(kW)[i];
  if (op.shape(kU) != Shape{op.shape(kW)[axis]})
    return Error("u must be [{}], one number per place along axis {} of w {}, not {}",
                 op.shape(kW)[axis], axis, ToString(op.shape(kW)), ToString(op.shape(kU)));
  if (op.shape(kV) != Shape{columns})
    return Error("v must be [{}], the product of the other extents of w {}, not {}", columns,
                 ToString(op.shape(kW)), ToString(op.shape(kV)));
  return std::vector<TensorType>{op.operands[kW], op.operands[kU], op.operands[kV]};
}

/// u^T w v, of extent [1].
Expr Sigma(Expr matrix, Expr u, Expr v) { return Sum(u * Matmul(matrix, v), {0}, true); }

Values Divided(const OpContext& op, Expr w, Expr u, Expr v) {
  return {w / Sigma(MatrixOf(op, w), u, v), u, v};
}

Values ExpandSpectralNorm(GraphBuilder& b, const OpContext& op, std::span<const Value> operands) {
  const Expr w(b, operands[kW]), matrix = MatrixOf(op, w);
  Expr u(b, operands[kU]), v(b, operands[kV]);
  const auto unit = [&](Expr x) {
    return x / Maximum(Length(x, {0}), op.attributes.Float("epsilon"));
  };
  for (int64_t i = 0; i < op.attributes.Int("iterations"); ++i) {
    u = unit(Matmul(matrix, v));
    v = unit(Matmul(u, matrix));
  }
  return Divided(op, w, u, v);
}

Values InferenceSpectralNorm(GraphBuilder& b, const OpContext& op,
                             std::span<const Value> operands) {
  return Divided(op, {b, operands[kW]}, {b, operands[kU]}, {b, operands[kV]});
}

/// Through y alone, u and v being constants: y = w / sigma, and sigma's gradient is u v^T.
Values VjpSpectralNorm(const VjpContext& v) {
  Values gradients(3);
  if (!v.gradients[0].valid()) return gradients;
  const Expr g = Gradient(v), y = ResultOf(v), left = ResultOf(v, kU), right = ResultOf(v, kV);
  const Expr sigma = Sigma(MatrixOf(v.op, Operand(v, kW)), left, right);
  const Expr direction = FromMatrix(v.op, Reshape(left, {v.op.shape(kU)[0], 1}) * right);
  gradients[kW] = (g - Sum(g * y) * direction) / sigma;
  return gradients;
}

}  // namespace

std::span<const OpDef> WeightNormalizationOps() {
  static const std::array kOps = {
      OpDef{.name = "l2_normalize",
            .doc =
                "Vectors of length 1.\n\n`y = x / max(|x|, epsilon)`, `|x| = sqrt(sum x^2)` over "
                "`axes`. Gradient: `(g - y * sum(g y)) / |x|`, and `g / epsilon` where the "
                "length is below epsilon (torch.nn.functional.normalize).",
            .example = "l2_normalize([[3, 4], [0, 5]]) = [[0.6, 0.8], [0, 1]]",
            .signature = {.operands = {{"x", DTypeClass::kFloat}},
                          .attributes = {{"axes", AttributeKind::kInts, Attribute(Ints{-1}),
                                          "axes of a vector, negative ones count from the end; "
                                          "empty: all"},
                                         EpsilonAttribute()}},
            .infer = InferL2Normalize,
            .expand = ExpandL2Normalize,
            .vjp = VjpL2Normalize},
      OpDef{
          .name = "weight_norm",
          .doc = "Weights of given lengths.\n\n`w = magnitude * v / |v|` with the length over all "
                 "axes but `axis`, one magnitude per place along it. Gradient (v' = v / |v|): to "
                 "magnitude, `sum(g v')`; to v, `magnitude / |v| * (g - v' * sum(g v'))`. NaN "
                 "where v is 0 (Salimans and Kingma, Weight normalization, 2016).",
          .example = "weight_norm([[3, 4], [0, 2]], [10, 1]) = [[6, 8], [0, 1]]",
          .signature = {.operands = {{"v", DTypeClass::kFloat}, {"magnitude", DTypeClass::kFloat}},
                        .attributes = {{"axis", AttributeKind::kInt, Attribute(int64_t{0}),
                                        "axis along which each place has a length"}}},
          .infer = InferWeightNorm,
          .expand = ExpandWeightNorm,
          .vjp = VjpWeightNorm},
      OpDef{.name = "spectral_norm",
            .doc =
                "Weights over their largest singular value.\n\n`y = w / sigma`, `sigma = u^T W v`, "
                "where W is w as a matrix [extent of axis, product of the others] and u, v come "
                "from those of the last step by `iterations` steps of the power method: `u = W v "
                "/ |W v|`, `v = W^T u / |W^T u|`. The new vectors are results, to be kept as "
                "state; outside training they divide as they are and stay. Gradient to w, u and v "
                "being constants as in PyTorch: `(g - sum(g y) * u v^T) / sigma`; none to u and "
                "v (Miyato et al., Spectral normalization for GANs, 2018).",
            .example = "spectral_norm([[2, 0], [0, 1]], [1, 0], [1, 0]) = [[1, 0], [0, 0.5]], [1, "
                       "0], [1, 0]",
            .signature = {.operands = {{"w", DTypeClass::kFloat},
                                       {"u", DTypeClass::kFloat},
                                       {"v", DTypeClass::kFloat}},
                          .attributes = {{"axis", AttributeKind::kInt, Attribute(int64_t{0}),
                                          "axis of w that counts the rows of W"},
                                         {"iterations", AttributeKind::kInt, Attribute(int64_t{1}),
                                          "steps of the power method, at most 64"},
                                         EpsilonAttribute()},
                          .results = {"y", "next_u", "next_v"}},
            .infer = InferSpectralNorm,
            .expand = ExpandSpectralNorm,
            .vjp = VjpSpectralNorm,
            .inference = InferenceSpectralNorm},
  };
  return kOps;
}

}  // namespace descent

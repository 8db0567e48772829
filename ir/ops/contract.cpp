// Contractions: sums of products. The kernel compiler recognizes them by the reducer
// acc0 + r0 * r1 from 0 and classes the axes as batch, M, N and K from the reads.

#include <array>

#include "ir/expr.h"
#include "ir/ops/families.h"
#include "ir/ops/shapes.h"

namespace descent {
namespace {

using enum ScalarOp;
using Values = std::vector<Value>;

/// Reducer and result of a sum of products of reads 0 and 1.
void SumProducts(TensorExpr& expr, DType dtype) {
  const Scalar sum = Accumulator(0, dtype);
  const Scalar product = Call(kMul, {ReadScalar(0, dtype), ReadScalar(1, dtype)});
  expr.reducer = {.init = {ConstantScalar(dtype, 0)},
                  .step = {Call(kAdd, {sum, product})},
                  .combine = {Call(kAdd, {sum, Other(0, dtype)})}};
  expr.results = {sum};
}

// ---- matmul ------------------------------------------------------------------------------------

/// Extents of one operand: rows and columns after the transposition, and the axes before them.
struct Matrix {
  Shape batch;
  int64_t rows, columns;
};

Matrix MatrixOf(const Shape& shape, bool transposed) {
  Matrix matrix{{shape.begin(), shape.end() - 2}, shape[shape.size() - 2], shape.back()};
  if (transposed) std::swap(matrix.rows, matrix.columns);
  return matrix;
}

Result<std::vector<TensorType>> InferMatmul(const OpContext& op) {
  for (int i = 0; i < 2; ++i)
    if (op.operands[i].rank() < 2)
      return Error("operand {} must be a matrix or a batch of matrices, not {}", i == 0 ? "a" : "b",
                   ToString(op.shape(i)));
  const Matrix a = MatrixOf(op.shape(0), op.attributes.Bool("transpose_a"));
  const Matrix b = MatrixOf(op.shape(1), op.attributes.Bool("transpose_b"));
  if (a.columns != b.rows)
    return Error("inner extents differ: {} columns in a {}, {} rows in b {}", a.columns,
                 ToString(op.shape(0)), b.rows, ToString(op.shape(1)));
  DESCENT_TRY(shape, BroadcastShapes(a.batch, b.batch));
  shape.push_back(a.rows);
  shape.push_back(b.columns);
  return OneResult(op.dtype(0), std::move(shape));
}

/// Axes [batch..., m, n, k].
TensorExpr DefineMatmul(const OpContext& op) {
  const bool transpose_a = op.attributes.Bool("transpose_a");
  const bool transpose_b = op.attributes.Bool("transpose_b");
  const Matrix a = MatrixOf(op.shape(0), transpose_a), b = MatrixOf(op.shape(1), transpose_b);
  TensorExpr expr{.axes = *BroadcastShapes(a.batch, b.batch)};
  const int batch = static_cast<int>(expr.axes.size());
  expr.axes.insert(expr.axes.end(), {a.rows, b.columns, a.columns});
  expr.rank = batch + 2;
  const Index m = Axis(batch), n = Axis(batch + 1), k = Axis(batch + 2);
  const auto read = [&](int operand, const Matrix& matrix, bool transposed, Index row,
                        Index column) {
    Read result = BroadcastRead(operand, matrix.batch, batch);
    if (transposed) std::swap(row, column);
    result.coordinates.push_back(std::move(row));
    result.coordinates.push_back(std::move(column));
    return result;
  };
  expr.reads = {read(0, a, transpose_a, m, k), read(1, b, transpose_b, k, n)};
  SumProducts(expr, op.dtype(0));
  return expr;
}

Values VjpMatmul(const VjpContext& v) {
  const bool ta = v.op.attributes.Bool("transpose_a"), tb = v.op.attributes.Bool("transpose_b");
  const Expr a = Operand(v, 0), b = Operand(v, 1), g = Gradient(v);
  Values gradients(2);
  if (v.wanted[0]) gradients[0] = ta ? Matmul(b, g, tb, true) : Matmul(g, b, false, !tb);
  if (v.wanted[1]) gradients[1] = tb ? Matmul(g, a, true, ta) : Matmul(a, g, !ta, false);
  return gradients;
}

// ---- conv2d ------------------------------------------------------------------------------------

/// One spatial axis of a convolution: y[o] = sum_k x~[o * stride + k * dilation - low] w[k], where
/// x~ is x with input_dilation - 1 zeros between its elements, extended by `low` and `high` zeros.
struct ConvAxis {
  int64_t input, kernel, stride, low, high, dilation, input_dilation;

  int64_t dilated_input() const { return (input - 1) * input_dilation + 1; }
  int64_t span() const { return (kernel - 1) * dilation + 1; }
  int64_t output() const { return (dilated_input() + low + high - span()) / stride + 1; }
};

struct Conv {
  int64_t batch, channels, filters, groups;
  std::array<ConvAxis, 2> axes;

  int64_t group_channels() const { return channels / groups; }
  int64_t group_filters() const { return filters / groups; }
};

Conv ConvOf(const OpContext& op) {
  const Shape &x = op.shape(0), &w = op.shape(1);
  const auto& attributes = op.attributes;
  Conv conv{x[0], x[1], w[0], attributes.Int("groups"), {}};
  for (int i = 0; i < 2; ++i)
    conv.axes[i] = {.input = x[2 + i],
                    .kernel = w[2 + i],
                    .stride = attributes.Ints("stride")[i],
                    .low = attributes.Ints("padding")[i],
                    .high = attributes.Ints("padding")[2 + i],
                    .dilation = attributes.Ints("dilation")[i],
                    .input_dilation = attributes.Ints("input_dilation")[i]};
  return conv;
}

/// Keeps products with an extent within 64 bits.
constexpr int64_t kMaxStep = int64_t{1} << 20;

Result<void> CheckConvAttributes(const OpContext& op) {
  for (const std::string_view name : {"stride", "dilation", "input_dilation"}) {
    const auto& values = op.attributes.Ints(name);
    if (values.size() != 2) return Error("{} needs 2 numbers, not {}", name, values.size());
    for (const int64_t value : values)
      if (value < 1 || value > kMaxStep)
        return Error("{} must be between 1 and {}, not {}", name, kMaxStep, value);
  }
  const auto& padding = op.attributes.Ints("padding");
  if (padding.size() != 4)
    return Error("padding needs 4 numbers [top, left, bottom, right], not {}", padding.size());
  for (const int64_t value : padding)
    if (value > kMaxElements || value < -kMaxElements) return Error("padding is too large");
  return {};
}

Result<std::vector<TensorType>> InferConv2d(const OpContext& op) {
  if (op.operands[0].rank() != 4)
    return Error("x must be [batch, channels, height, width], not {}", ToString(op.shape(0)));
  if (op.operands[1].rank() != 4)
    return Error("w must be [filters, channels / groups, height, width], not {}",
                 ToString(op.shape(1)));
  DESCENT_RETURN_IF_ERROR(CheckConvAttributes(op));
  const Conv conv = ConvOf(op);
  if (conv.groups < 1 || conv.channels % conv.groups != 0 || conv.filters % conv.groups != 0)
    return Error("groups = {} does not divide {} channels and {} filters", conv.groups,
                 conv.channels, conv.filters);
  if (op.shape(1)[1] != conv.group_channels())
    return Error("w {} takes {} channels, but x {} has {} in each of {} groups",
                 ToString(op.shape(1)), op.shape(1)[1], ToString(op.shape(0)),
                 conv.group_channels(), conv.groups);
  Shape shape = {conv.batch, conv.filters};
  for (const ConvAxis& axis : conv.axes) {
    if (axis.input < 1 || axis.kernel < 1)
      return Error("x {} and w {} must not be empty along height and width", ToString(op.shape(0)),
                   ToString(op.shape(1)));
    if (axis.dilated_input() + axis.low + axis.high < axis.span())
      return Error("the window of {} is larger than the padded input of {}", axis.span(),
                   axis.dilated_input() + axis.low + axis.high);
    shape.push_back(axis.output());
  }
  return OneResult(op.dtype(0), std::move(shape));
}

/// Where `axis` reads its input for output `o` and kernel element `k`.
Index ConvRead(const ConvAxis& axis, const Index& o, const Index& k, std::vector<Guard>& guards) {
  const Index dilated = o * axis.stride + k * axis.dilation + ConstantIndex(-axis.low);
  const int64_t last = (axis.output() - 1) * axis.stride + axis.span() - 1 - axis.low;
  if (axis.low > 0 || last >= axis.dilated_input())
    guards.push_back({dilated, axis.dilated_input()});
  if (axis.input_dilation > 1) guards.push_back({Mod(dilated, axis.input_dilation), 1});
  return FloorDiv(dilated, axis.input_dilation);
}

/// Axes [batch, filter, oh, ow | channel of the group, kh, kw].
TensorExpr DefineConv2d(const OpContext& op) {
  const Conv conv = ConvOf(op);
  TensorExpr expr{.axes = {conv.batch, conv.filters, conv.axes[0].output(), conv.axes[1].output(),
                           conv.group_channels(), conv.axes[0].kernel, conv.axes[1].kernel},
                  .rank = 4};
  Read x{.operand = 0};
  const Index group = FloorDiv(Axis(1), conv.group_filters());
  const Index channel = conv.groups == 1 ? Axis(4) : group * conv.group_channels() + Axis(4);
  x.coordinates = {Axis(0), channel, ConvRead(conv.axes[0], Axis(2), Axis(5), x.guards),
                   ConvRead(conv.axes[1], Axis(3), Axis(6), x.guards)};
  if (!x.guards.empty()) x.outside = ConstantScalar(op.dtype(0), 0);
  expr.reads = {std::move(x), {.operand = 1, .coordinates = {Axis(1), Axis(4), Axis(5), Axis(6)}}};
  SumProducts(expr, op.dtype(0));
  return expr;
}

Expr Conv2d(Expr x, Expr w, const std::array<ConvAxis, 2>& axes, int64_t groups) {
  using Ints = std::vector<int64_t>;
  const auto& [rows, columns] = axes;
  return {x.builder(),
          x.builder().Add("conv2d", {x, w},
                          {{"stride", Ints{rows.stride, columns.stride}},
                           {"padding", Ints{rows.low, columns.low, rows.high, columns.high}},
                           {"dilation", Ints{rows.dilation, columns.dilation}},
                           {"input_dilation", Ints{rows.input_dilation, columns.input_dilation}},
                           {"groups", groups}})};
}

/// Padding above that makes the output of `axis` exactly `output` long.
ConvAxis WithOutput(ConvAxis axis, int64_t output) {
  axis.high = (output - 1) * axis.stride + axis.span() - axis.dilated_input() - axis.low;
  return axis;
}

/// dx[i] = sum over o, k with o * stride + k * dilation - low = i * input_dilation of g[o] w[k]: g
/// dilated by the stride, convolved with the flipped kernel whose two channel axes have changed
/// places.
Value ConvInputGradient(const VjpContext& v, const Conv& conv) {
  std::array<ConvAxis, 2> axes = conv.axes;
  for (ConvAxis& axis : axes) {
    const int64_t input = axis.input;
    axis = WithOutput({.input = axis.output(),
                       .kernel = axis.kernel,
                       .stride = axis.input_dilation,
                       .low = axis.span() - 1 - axis.low,
                       .high = 0,
                       .dilation = axis.dilation,
                       .input_dilation = axis.stride},
                      input);
  }
  const int64_t kh = conv.axes[0].kernel, kw = conv.axes[1].kernel;
  Expr w = Operand(v, 1);
  if (conv.groups == 1) {
    w = Transpose(w, {1, 0, 2, 3});
  } else {
    w = Reshape(w, {conv.groups, conv.group_filters(), conv.group_channels(), kh, kw});
    w = Reshape(Transpose(w, {0, 2, 1, 3, 4}), {conv.channels, conv.group_filters(), kh, kw});
  }
  return Conv2d(Gradient(v), Flip(w, {2, 3}), axes, conv.groups);
}

/// dw[k] = sum over n, o of g[n, o] x~[n, o * stride + k * dilation - low]: x convolved with g,
/// batch and channels having changed places, stride and dilation too.
Value ConvWeightGradient(const VjpContext& v, const Conv& conv) {
  std::array<ConvAxis, 2> axes = conv.axes;
  for (ConvAxis& axis : axes) {
    const int64_t kernel = axis.kernel;
    axis = WithOutput({.input = axis.input,
                       .kernel = axis.output(),
                       .stride = axis.dilation,
                       .low = axis.low,
                       .high = 0,
                       .dilation = axis.stride,
                       .input_dilation = axis.input_dilation},
                      kernel);
  }
  const int64_t height = conv.axes[0].input, width = conv.axes[1].input;
  Expr x = Operand(v, 0);
  if (conv.groups == 1) {
    x = Transpose(x, {1, 0, 2, 3});
  } else {
    x = Reshape(x, {conv.batch, conv.groups, conv.group_channels(), height, width});
    x = Reshape(Transpose(x, {2, 1, 0, 3, 4}),
                {conv.group_channels(), conv.groups * conv.batch, height, width});
  }
  const Expr g = Transpose(Gradient(v), {1, 0, 2, 3});
  return Transpose(Conv2d(x, g, axes, conv.groups), {1, 0, 2, 3});
}

Values VjpConv2d(const VjpContext& v) {
  const Conv conv = ConvOf(v.op);
  Values gradients(2);
  if (v.wanted[0]) gradients[0] = ConvInputGradient(v, conv);
  if (v.wanted[1]) gradients[1] = ConvWeightGradient(v, conv);
  return gradients;
}

}  // namespace

std::span<const OpDef> ContractOps() {
  using Ints = std::vector<int64_t>;
  static const std::array kOps = {
      OpDef{.name = "matmul",
            .doc = "Matrix product.\n\n`y[..., m, n] = sum_k a[..., m, k] * b[..., k, n]`; axes "
                   "before the last two broadcast as NumPy does. With `transpose_a`, a is given "
                   "as [..., k, m]; with `transpose_b`, b as [..., n, k]. Gradient: `g b^T` and "
                   "`a^T g`.",
            .signature = {.operands = {{"a", DTypeClass::kNumeric}, {"b", DTypeClass::kNumeric}},
                          .attributes = {{"transpose_a", AttributeKind::kBool, Attribute(false),
                                          "a is given transposed"},
                                         {"transpose_b", AttributeKind::kBool, Attribute(false),
                                          "b is given transposed"}}},
            .infer = InferMatmul,
            .define = DefineMatmul,
            .vjp = VjpMatmul},
      OpDef{.name = "conv2d",
            .doc =
                "Two-dimensional convolution (cross-correlation, as in every framework).\n\n"
                "`y[n, o, i, j] = sum_{c, k, l} x~[n, c, i*stride + k*dilation - top, j*stride + "
                "l*dilation - left] * w[o, c, k, l]`, where `x~` is x with `input_dilation - 1` "
                "zeros between neighbours, and 0 outside. x is [batch, channels, height, width], w "
                "[filters, channels / groups, kh, kw]; filter o reads the channels of its group. "
                "Extents: `floor((x~ + top + bottom - dilation*(kh-1) - 1) / stride) + 1`; "
                "negative padding crops. Gradients are conv2d again: of g dilated by the stride "
                "with the flipped kernel, and of x with g as kernel (Dumoulin and Visin, A guide "
                "to convolution arithmetic, 2016).",
            .signature = {.operands = {{"x", DTypeClass::kFloat}, {"w", DTypeClass::kFloat}},
                          .attributes = {{"stride", AttributeKind::kInts, Attribute(Ints{1, 1}),
                                          "steps of the window [vertical, horizontal]"},
                                         {"padding", AttributeKind::kInts,
                                          Attribute(Ints{0, 0, 0, 0}),
                                          "zeros around x [top, left, bottom, right]"},
                                         {"dilation", AttributeKind::kInts, Attribute(Ints{1, 1}),
                                          "distance of kernel elements"},
                                         {"input_dilation", AttributeKind::kInts,
                                          Attribute(Ints{1, 1}), "distance of input elements"},
                                         {"groups", AttributeKind::kInt, Attribute(int64_t{1}),
                                          "independent groups of channels"}}},
            .infer = InferConv2d,
            .define = DefineConv2d,
            .vjp = VjpConv2d},
  };
  return kOps;
}

}  // namespace descent

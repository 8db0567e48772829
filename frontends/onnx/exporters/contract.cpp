// Contractions: matrix products and convolutions.
#include <algorithm>
#include <utility>

#include "frontends/onnx/exporters/channels.h"
#include "frontends/onnx/exporters/families.h"
#include "ir/expr.h"
#include "ir/ops/convolution.h"

namespace descent::onnx {
namespace {

using Node = ExportedNode;
using Values = std::vector<Value>;
using Operands = std::span<const Value>;

std::string Turned(const Node& n, int operand, bool transposed) {
  if (!transposed) return n.In(operand);
  std::vector<int64_t> permutation;
  for (int axis = 0; axis < n.op.operands[operand].rank(); ++axis) permutation.push_back(axis);
  std::swap(permutation[permutation.size() - 1], permutation[permutation.size() - 2]);
  return n.w.Add("Transpose", {n.In(operand)}, {{"perm", permutation}});
}
Names Matmul(const Node& n) {
  const bool a = n.Flag("transpose_a") && n.op.operands[0].rank() > 1;
  const bool b = n.Flag("transpose_b") && n.op.operands[1].rank() > 1;
  return {n.w.Add("MatMul", {Turned(n, 0, a), Turned(n, 1, b)})};
}

// ---- convolutions ------------------------------------------------------------------------------

std::span<const int64_t> KernelOf(const OpContext& op) { return std::span(op.shape(1)).subspan(2); }

/// The node with its first operand as the image.
Names OfImage(const ImageNode& image, GraphWriter::Attributes attributes) {
  Names operands = image.n.operands;
  operands[0] = image.In();
  attributes.push_back({"group", image.n.Int("groups")});
  return image.Out(image.n.w.Add(image.n.target, std::move(operands), std::move(attributes)));
}

bool IsPlain(const SpatialAxis& axis) {
  return axis.input_dilation == 1 && axis.low >= 0 && axis.high >= 0;
}
Names Conv(const Node& n) {
  const ImageNode image{n};
  const auto axes = SpatialAxesOf(n.op.attributes, image.extents(), KernelOf(n.op));
  if (!std::ranges::all_of(axes, IsPlain)) return {};
  return OfImage(image, WindowAttributes(axes));
}
/// Gaps between elements and padding, which may crop, by themselves.
Values ExpandConv(GraphBuilder& b, const OpContext& op, Operands x) {
  const int rank = op.operands[0].rank();
  const ImageLayout layout = LayoutOf(op.attributes, rank - 2);
  auto axes = SpatialAxesOf(op.attributes, std::span(op.shape(0)).subspan(layout.spatial, rank - 2),
                            KernelOf(op));
  Shape low(rank, 0), high = low, interior = low;
  for (size_t i = 0; i < axes.size(); ++i) {
    const size_t at = layout.spatial + i;
    low[at] = std::exchange(axes[i].low, 0);
    high[at] = std::exchange(axes[i].high, 0);
    interior[at] = std::exchange(axes[i].input_dilation, 1) - 1;
  }
  const Expr padded(
      b, b.Add("pad_constant", {x[0]}, {{"low", low}, {"high", high}, {"interior", interior}}));
  const Expr y = Convolve(padded, {b, x[1]}, axes, op.attributes.Int("groups"), layout);
  if (x.size() < 3) return {y};
  Shape bias(rank, 1);
  bias[layout.channels] = op.shape(2)[0];
  return {y + Reshape({b, x[2]}, bias)};
}

/// What reaches beyond the result is a convolution of the flipped kernel.
Names ConvTranspose(const Node& n) {
  const ImageNode image{n};
  const bool same = n.op.attributes.String("auto_pad") == "same";
  Attributes explicitly = n.op.attributes;
  explicitly.Set("auto_pad", std::string("explicit"));
  auto axes = SpatialAxesOf(explicitly, image.extents(), KernelOf(n.op));
  for (SpatialAxis& axis : axes) {
    if (!same) continue;
    axis.low = std::max<int64_t>(0, axis.span() - axis.stride) / 2;
    axis.high = axis.span() - axis.stride - axis.low;
  }
  if (!std::ranges::all_of(axes, IsPlain)) return {};
  GraphWriter::Attributes attributes = WindowAttributes(axes);
  attributes.push_back({"output_padding", n.Ints("output_padding")});
  return OfImage(image, std::move(attributes));
}

}  // namespace

std::span<const OpExporter> ContractExporters() {
  static constexpr OpExporter kExporters[] = {
      {"conv1d", Conv, "Conv", ExpandConv},
      {"conv2d", Conv, "Conv", ExpandConv},
      {"conv3d", Conv, "Conv", ExpandConv},
      {"conv_transpose1d", ConvTranspose, "ConvTranspose"},
      {"conv_transpose2d", ConvTranspose, "ConvTranspose"},
      {"conv_transpose3d", ConvTranspose, "ConvTranspose"},
      {.name = "matmul", .write = Matmul, .via = RingType},
  };
  return kExporters;
}

}  // namespace descent::onnx

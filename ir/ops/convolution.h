// What the convolutions and their adjoints (transposed convolutions) share: sizes, checks,
// gradients.
#pragma once

#include <vector>

#include "ir/expr.h"
#include "ir/op_def.h"
#include "ir/ops/spatial.h"

namespace descent {

/// A convolution as its operands' shapes and attributes say: x [batch, channels, spatial...] in
/// some layout, kernel [filters, channels / groups, spatial...].
struct Conv {
  int64_t batch, channels, filters, groups;
  ImageLayout layout;
  std::vector<SpatialAxis> axes;

  int64_t group_channels() const { return channels / groups; }
  int64_t group_filters() const { return filters / groups; }
  int spatial() const { return static_cast<int>(axes.size()); }
};

/// Image with `channels` and `extents` in `layout`.
Shape ImageShape(const ImageLayout& layout, int64_t batch, int64_t channels, const Shape& extents);

/// Ranks and attributes; `w_axes` says what the first two axes of w are, `steps` which lists there
/// are.
Result<void> CheckConvOperands(const OpContext& op, int spatial, std::string_view w_axes,
                               std::initializer_list<std::string_view> steps);
/// The optional bias is one number per channel of the result.
Result<void> CheckBias(const OpContext& op, int64_t filters);

/// The padding of gradients, of any order, is within the limit of the attribute.
Result<void> CheckGradientPadding(const std::vector<SpatialAxis>& axes);

/// The node conv<N>d.
Expr Convolve(Expr x, Expr w, const std::vector<SpatialAxis>& axes, int64_t groups,
              const ImageLayout& layout);
/// Gradients of the convolution `conv` for an arriving gradient g.
Expr InputGradient(Expr g, Expr w, const Conv& conv);
Expr WeightGradient(Expr x, Expr g, const Conv& conv);
Expr BiasGradient(Expr g, const ImageLayout& layout);

std::vector<OperandSpec> ConvOperands();
AttributeSpec GroupsAttribute();

}  // namespace descent

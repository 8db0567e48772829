// Windows of convolutions and pools: what ONNX's attributes say of them.
#pragma once

#include <cstdint>
#include <vector>

#include "frontends/onnx/node.h"

namespace descent::onnx {

/// Bound of strides, dilations, paddings and kernels, so that their products with extents fit.
inline constexpr int64_t kMaxStep = int64_t{1} << 22;

struct Window {
  std::vector<int64_t> kernel, stride, dilation;
  std::vector<int64_t> padding;  ///< all low ends, then all high ends
  std::vector<int64_t> windows;  ///< numbers of them along each axis
  bool partial = false;          ///< the last ones may go beyond the padding (ceil_mode)

  size_t axes() const { return kernel.size(); }
  /// Elements from the first to the last of a window.
  int64_t Span(size_t axis) const { return dilation[axis] * (kernel[axis] - 1) + 1; }
  std::vector<int64_t> Low() const { return {padding.begin(), padding.begin() + axes()}; }
};

/// Attribute `name` with `count` numbers in [lowest, kMaxStep); each is `otherwise` where it is
/// left out, and where it is wrong.
std::vector<int64_t> PerAxis(OnnxNode& n, std::string_view name, size_t count, int64_t otherwise,
                             int64_t lowest);

/// Attribute `auto_pad`, checked.
std::string AutoPad(OnnxNode& n);

/// Attributes strides, dilations, pads, auto_pad and ceil_mode over axes with these extents.
/// `kernel` has a number of each.
Window ReadWindow(OnnxNode& n, const std::vector<int64_t>& extents, std::vector<int64_t> kernel);

/// The operator that has a form for 1 to 3 axes; empty and an error where there are more.
std::string SpatialOp(OnnxNode& n, std::string_view name, int axes);

/// The extents of `x` behind its first two axes.
std::vector<int64_t> Spatial(OnnxNode& n, Value x);

}  // namespace descent::onnx

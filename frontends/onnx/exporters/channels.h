// Images, whose channels ONNX has first.
#pragma once

#include <string>
#include <vector>

#include "frontends/onnx/exporters.h"
#include "ir/ops/spatial.h"

namespace descent::onnx {

/// An operator of windows over an image, operand 0.
struct ImageNode {
  const ExportedNode& n;
  ImageLayout layout = LayoutOf(n.op.attributes, spatial());

  int spatial() const { return n.rank() - 2; }
  Shape extents() const {
    const auto first = n.op.shape(0).begin() + layout.spatial;
    return {first, first + spatial()};
  }
  bool is_last() const { return layout.channels != 1; }
  /// The image with its channels first.
  std::string In() const {
    if (!is_last()) return n.In(0);
    return n.w.Add("Transpose", {n.In(0)}, {{"perm", ToChannelsFirst(layout, spatial())}});
  }
  /// A result with its channels where the operator has them.
  Names Out(const std::string& y) const {
    if (!is_last()) return {y};
    return {n.w.Add("Transpose", {y}, {{"perm", ToChannelsLast({1, 2}, spatial())}})};
  }
};

/// Strides, pads and dilations, as a node has them.
inline GraphWriter::Attributes WindowAttributes(const std::vector<SpatialAxis>& axes) {
  std::vector<int64_t> strides, dilations;
  for (const SpatialAxis& axis : axes) {
    strides.push_back(axis.stride);
    dilations.push_back(axis.dilation);
  }
  return {{"strides", strides}, {"pads", PaddingOf(axes)}, {"dilations", dilations}};
}

}  // namespace descent::onnx

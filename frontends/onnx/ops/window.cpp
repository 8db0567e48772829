#include "frontends/onnx/ops/window.h"

#include <algorithm>
#include <utility>

namespace descent::onnx {
namespace {

int64_t CeilDiv(int64_t a, int64_t b) { return (a + b - 1) / b; }

/// Zeros of which as many stand at either end; of an odd number one more at the far end, or, with
/// SAME_LOWER, at the near one.
void PadToSame(Window& window, const std::vector<int64_t>& extents, bool lower) {
  for (size_t i = 0; i < window.axes(); ++i) {
    window.windows[i] = CeilDiv(extents[i], window.stride[i]);
    const int64_t total = std::max<int64_t>(
        0, (window.windows[i] - 1) * window.stride[i] + window.Span(i) - extents[i]);
    window.padding[i] = lower ? total - total / 2 : total / 2;
    window.padding[window.axes() + i] = total - window.padding[i];
  }
}

int64_t CountWindows(const Window& window, size_t axis, int64_t extent) {
  const int64_t low = window.padding[axis], high = window.padding[window.axes() + axis];
  const int64_t room = extent + low + high - window.Span(axis), stride = window.stride[axis];
  if (room < 0) return room + stride > 0 && window.partial ? 1 : 0;
  int64_t count = (window.partial ? CeilDiv(room, stride) : room / stride) + 1;
  // A partial window must begin in the elements or the padding before them.
  if (window.partial && (count - 1) * stride >= extent + low) --count;
  return count;
}

}  // namespace

std::vector<int64_t> PerAxis(OnnxNode& n, std::string_view name, size_t count, int64_t otherwise,
                             int64_t lowest) {
  std::vector<int64_t> values = n.Ints(name);
  if (values.empty()) return std::vector<int64_t>(count, otherwise);
  if (values.size() != count) {
    n.Fail("attribute {} has {} numbers, not {}", name, values.size(), count);
    values.assign(count, otherwise);
  }
  for (int64_t& value : values) {
    if (value >= lowest && value < kMaxStep) continue;
    n.Fail("attribute {} has {}, which is not possible", name, value);
    value = otherwise;
  }
  return values;
}

std::string AutoPad(OnnxNode& n) {
  return n.Choice("auto_pad", {"NOTSET", "SAME_UPPER", "SAME_LOWER", "VALID"});
}

Window ReadWindow(OnnxNode& n, const std::vector<int64_t>& extents, std::vector<int64_t> kernel) {
  const size_t axes = extents.size();
  if (kernel.size() != axes) {
    n.Fail("windows have {} axes, not {}", kernel.size(), axes);
    kernel.assign(axes, 1);
  }
  for (int64_t& extent : kernel) {
    if (extent >= 1 && extent < kMaxStep) continue;
    n.Fail("a window of extent {} is not possible", extent);
    extent = 1;
  }
  const std::string auto_pad = AutoPad(n);
  Window window{.kernel = std::move(kernel),
                .stride = PerAxis(n, "strides", axes, 1, 1),
                .dilation = PerAxis(n, "dilations", axes, 1, 1),
                .padding = PerAxis(n, "pads", 2 * axes, 0, -kMaxStep),
                .windows = std::vector<int64_t>(axes, 0),
                .partial = n.Flag("ceil_mode")};
  if (auto_pad == "VALID") window.padding.assign(2 * axes, 0);
  if (auto_pad.starts_with("SAME")) {
    PadToSame(window, extents, auto_pad == "SAME_LOWER");
  } else {
    for (size_t i = 0; i < axes; ++i) window.windows[i] = CountWindows(window, i, extents[i]);
  }
  return window;
}

std::string SpatialOp(OnnxNode& n, std::string_view name, int axes) {
  if (axes >= 1 && axes <= 3) return fmt::format("{}{}d", name, axes);
  n.Unsupported("{} spatial axes are not supported, 1 to 3 are", axes);
  return {};
}

std::vector<int64_t> Spatial(OnnxNode& n, Value x) {
  Shape shape = n.shape(x);
  if (shape.size() < 2) {
    n.Fail("an operand has {} axes, at least 2 are needed", shape.size());
    return {};
  }
  shape.erase(shape.begin(), shape.begin() + 2);
  return shape;
}

}  // namespace descent::onnx

// Spatial axes: what operators share whose windows slide over N axes (convolutions, pools, unfold).
//
// Images are [batch, channels, spatial...] in layout nchw and [batch, spatial..., channels] in
// nhwc, whatever the number of spatial axes. Lists of attributes have one number per spatial axis,
// outermost first; padding has two, all the low ends before all the high ends.
#pragma once

#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "ir/diagnostic.h"
#include "ir/index_map.h"
#include "ir/op_def.h"

namespace descent {

/// One spatial axis: element k of window o lies at o * stride + k * dilation - low of the input
/// with input_dilation - 1 gaps between its elements.
struct SpatialAxis {
  int64_t input = 1, kernel = 1, stride = 1, low = 0, high = 0, dilation = 1, input_dilation = 1;

  int64_t dilated_input() const { return (input - 1) * input_dilation + 1; }
  int64_t span() const { return (kernel - 1) * dilation + 1; }
  /// Number of windows.
  int64_t output() const { return (dilated_input() + low + high - span()) / stride + 1; }
  /// The same axis with the padding above that makes room for exactly `output` windows.
  SpatialAxis WithOutput(int64_t output) const;
};

/// Largest stride, dilation or kernel: keeps products with an extent within 64 bits.
inline constexpr int64_t kMaxStep = int64_t{1} << 20;

/// Where axes of an image lie.
struct ImageLayout {
  int channels;  ///< axis of channels
  int spatial;   ///< first spatial axis
};
ImageLayout LayoutOf(const Attributes& attributes, int spatial_axes);
/// The permutations that bring an image of that layout to channels first, and last.
std::vector<int64_t> ToChannelsFirst(const ImageLayout& layout, int spatial_axes);
std::vector<int64_t> ToChannelsLast(const ImageLayout& layout, int spatial_axes);

/// "[batch, channels, 2 spatial axes]" in the order of the layout, for messages.
std::string ImageText(const Attributes& attributes, int spatial_axes);

/// `text` as a format of {0} "two spatial axes", {1} a remark on their number, {2} "[batch,
/// channels, height, width]", {3} "kernel height and width", {4} the number of axes.
std::string SpatialDoc(std::string_view text, int spatial_axes);

// ---- attributes --------------------------------------------------------------------------------

AttributeSpec IntsAttribute(std::string_view name, std::optional<Attribute> value,
                            std::string_view doc);
AttributeSpec PaddingAttribute(int spatial_axes, std::string_view doc);
AttributeSpec AutoPadAttribute();
AttributeSpec LayoutAttribute();

/// Each named list has `count` numbers in [1, kMaxStep].
Result<void> CheckSteps(const Attributes& attributes, std::initializer_list<std::string_view> names,
                        int count);
/// 2 * count numbers that no sum overflows with; all 0 unless auto_pad (if there) is explicit.
Result<void> CheckPadding(const Attributes& attributes, int count);
/// Input and kernel are not empty, and the first window fits.
Result<void> CheckWindows(std::span<const SpatialAxis> axes);

/// Of attributes that were checked: stride (empty: the kernel), padding, dilation, and if there
/// input_dilation and auto_pad.
std::vector<SpatialAxis> SpatialAxesOf(const Attributes& attributes, std::span<const int64_t> input,
                                       std::span<const int64_t> kernel);
/// low ends, then high ends.
std::vector<int64_t> PaddingOf(std::span<const SpatialAxis> axes);

/// Where window `o` has its element `k`; adds the guards that keep the read inside the input.
Index WindowRead(const SpatialAxis& axis, const Index& o, const Index& k,
                 std::vector<Guard>& guards);

}  // namespace descent

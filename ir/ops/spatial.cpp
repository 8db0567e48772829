#include "ir/ops/spatial.h"

#include <algorithm>

namespace descent {

using Ints = std::vector<int64_t>;

SpatialAxis SpatialAxis::WithOutput(int64_t output) const {
  SpatialAxis axis = *this;
  axis.high = (output - 1) * stride + span() - dilated_input() - low;
  return axis;
}

ImageLayout LayoutOf(const Attributes& attributes, int spatial_axes) {
  if (attributes.String("layout") == "nhwc") return {.channels = spatial_axes + 1, .spatial = 1};
  return {.channels = 1, .spatial = 2};
}

Ints ToChannelsFirst(const ImageLayout& layout, int spatial_axes) {
  Ints permutation = {0, layout.channels};
  for (int i = 0; i < spatial_axes; ++i) permutation.push_back(layout.spatial + i);
  return permutation;
}

Ints ToChannelsLast(const ImageLayout& layout, int spatial_axes) {
  Ints permutation = {0};
  for (int i = 0; i < spatial_axes; ++i) permutation.push_back(layout.spatial + i);
  permutation.push_back(layout.channels);
  return permutation;
}

std::string ImageText(const Attributes& attributes, int spatial_axes) {
  const std::string spatial =
      spatial_axes == 1 ? "1 spatial axis" : fmt::format("{} spatial axes", spatial_axes);
  return attributes.String("layout") == "nhwc" ? fmt::format("[batch, {}, channels]", spatial)
                                               : fmt::format("[batch, channels, {}]", spatial);
}

std::string SpatialDoc(std::string_view text, int spatial_axes) {
  static constexpr std::string_view kCounts[] = {"", "one spatial axis", "two spatial axes",
                                                 "three spatial axes"};
  static constexpr std::string_view kImages[] = {"", "[batch, channels, length]",
                                                 "[batch, channels, height, width]",
                                                 "[batch, channels, depth, height, width]"};
  static constexpr std::string_view kKernels[] = {"", "kernel length", "kernel height and width",
                                                  "kernel depth, height and width"};
  return fmt::format(
      fmt::runtime(text), kCounts[spatial_axes],
      spatial_axes == 1 ? "" : " (places and attributes have one number per spatial axis)",
      kImages[spatial_axes], kKernels[spatial_axes], spatial_axes);
}

// ---- attributes --------------------------------------------------------------------------------

AttributeSpec IntsAttribute(std::string_view name, std::optional<Attribute> value,
                            std::string_view doc) {
  return {name, AttributeKind::kInts, std::move(value), doc};
}

AttributeSpec PaddingAttribute(int spatial_axes, std::string_view doc) {
  return IntsAttribute("padding", Ints(2 * spatial_axes, 0), doc);
}

AttributeSpec AutoPadAttribute() {
  return {"auto_pad",
          AttributeKind::kString,
          Attribute(std::string("explicit")),
          "what decides the padding: the attribute, the result's extents, or none",
          {"explicit", "same", "valid"}};
}

AttributeSpec LayoutAttribute() {
  return {"layout",
          AttributeKind::kString,
          Attribute(std::string("nchw")),
          "whether channels stand before or behind the spatial axes, however many these are",
          {"nchw", "nhwc"}};
}

Result<void> CheckSteps(const Attributes& attributes, std::initializer_list<std::string_view> names,
                        int count) {
  for (const std::string_view name : names) {
    const Ints& values = attributes.Ints(name);
    if (static_cast<int>(values.size()) != count)
      return Error("{} needs {}, not {}", name, Counted(count, "number"), values.size());
    for (const int64_t value : values)
      if (value < 1 || value > kMaxStep)
        return Error("{} must be between 1 and {}, not {}", name, kMaxStep, value);
  }
  return {};
}

Result<void> CheckPadding(const Attributes& attributes, int count) {
  static constexpr std::string_view kOrders[] = {"", "[left, right]", "[top, left, bottom, right]",
                                                 "[front, top, left, back, bottom, right]"};
  const Ints& padding = attributes.Ints("padding");
  if (static_cast<int>(padding.size()) != 2 * count)
    return Error("padding needs {} numbers{}{}, not {}", 2 * count, count <= 3 ? " " : "",
                 count <= 3 ? kOrders[count] : "", padding.size());
  for (const int64_t value : padding)
    if (value > kMaxElements || value < -kMaxElements) return Error("padding is too large");
  const bool is_explicit =
      attributes.Find("auto_pad") == nullptr || attributes.String("auto_pad") == "explicit";
  if (!is_explicit && std::ranges::any_of(padding, [](int64_t value) { return value != 0; }))
    return Error("padding {} is given, so auto_pad must be explicit, not {}", ToString(padding),
                 attributes.String("auto_pad"));
  return {};
}

Result<void> CheckWindows(std::span<const SpatialAxis> axes) {
  for (const SpatialAxis& axis : axes) {
    if (axis.input < 1 || axis.kernel < 1)
      return Error("spatial axes must not be empty: input {}, window {}", axis.input, axis.kernel);
    if (axis.dilated_input() + axis.low + axis.high < axis.span())
      return Error("the window of {} is larger than the padded input of {}", axis.span(),
                   axis.dilated_input() + axis.low + axis.high);
  }
  return {};
}

namespace {

/// ceil(input / stride) windows; of an odd number of added elements the high end has one more, as
/// in TensorFlow's SAME.
void PadToSame(SpatialAxis& axis) {
  const int64_t output = (axis.dilated_input() + axis.stride - 1) / axis.stride;
  const int64_t total =
      std::max<int64_t>(0, (output - 1) * axis.stride + axis.span() - axis.dilated_input());
  axis.low = total / 2;
  axis.high = total - axis.low;
}

}  // namespace

std::vector<SpatialAxis> SpatialAxesOf(const Attributes& attributes, std::span<const int64_t> input,
                                       std::span<const int64_t> kernel) {
  const Ints &stride = attributes.Ints("stride"), &padding = attributes.Ints("padding");
  const bool spread = attributes.Find("input_dilation") != nullptr;
  const bool same =
      attributes.Find("auto_pad") != nullptr && attributes.String("auto_pad") == "same";
  std::vector<SpatialAxis> axes;
  for (size_t i = 0; i < kernel.size(); ++i) {
    axes.push_back({.input = input[i],
                    .kernel = kernel[i],
                    .stride = stride.empty() ? kernel[i] : stride[i],
                    .low = padding[i],
                    .high = padding[kernel.size() + i],
                    .dilation = attributes.Ints("dilation")[i],
                    .input_dilation = spread ? attributes.Ints("input_dilation")[i] : 1});
    if (same) PadToSame(axes.back());
  }
  return axes;
}

Ints PaddingOf(std::span<const SpatialAxis> axes) {
  Ints padding;
  for (const SpatialAxis& axis : axes) padding.push_back(axis.low);
  for (const SpatialAxis& axis : axes) padding.push_back(axis.high);
  return padding;
}

Index WindowRead(const SpatialAxis& axis, const Index& o, const Index& k,
                 std::vector<Guard>& guards) {
  const Index dilated = o * axis.stride + k * axis.dilation + ConstantIndex(-axis.low);
  const int64_t last = (axis.output() - 1) * axis.stride + axis.span() - 1 - axis.low;
  if (axis.low > 0 || last >= axis.dilated_input())
    guards.push_back({dilated, axis.dilated_input()});
  if (axis.input_dilation > 1) guards.push_back({Mod(dilated, axis.input_dilation), 1});
  return FloorDiv(dilated, axis.input_dilation);
}

}  // namespace descent

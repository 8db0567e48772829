#include "compiler/kernel/lane_axes.h"

#include <algorithm>
#include <numeric>
#include <set>

#include "compiler/kernel/remap.h"

namespace descent {
namespace {

/// Fewer channels do not fill the lanes.
constexpr int64_t kManyChannels = 8;

/// The axis that a coordinate is, but for a constant; -1 for windows, strides and quotients.
int PlainAxis(const Index& index, int axis_count) {
  const auto affine = AsAffine(index, axis_count);
  if (!affine) return -1;
  int found = -1;
  for (int axis = 0; axis < axis_count; ++axis) {
    if (affine->coefficients[axis] == 0) continue;
    if (found >= 0 || affine->coefficients[axis] != 1) return -1;
    found = axis;
  }
  return found;
}

bool Slides(const Index& index, int rank) {
  std::set<int> axes, reads;
  CollectUses(index, axes, reads);
  return !axes.empty() && *axes.begin() < rank && *axes.rbegin() >= rank;
}

/// The channel axis of coordinates that slide: of the last axis of the image that no window moves
/// along. One that stands alone and not before those of the window is the rows' of images of one
/// channel.
int ChannelAxis(const std::vector<Index>& coordinates, const Shape& image, const Shape& axes) {
  const std::vector<int> places = LongAxes(image);
  const int count = static_cast<int>(axes.size());
  int channel = -1, plain = 0, place = -1, first_sliding = -1;
  for (size_t i = 0; i < coordinates.size(); ++i) {
    if (const int axis = PlainAxis(coordinates[i], count); axis >= 0) {
      channel = axis;
      place = places[i];
      ++plain;
    } else if (first_sliding < 0) {
      first_sliding = places[i];
    }
  }
  if (channel < 0 || first_sliding < 0 || axes[channel] < kManyChannels) return -1;
  return plain > 1 || place + 1 == first_sliding ? channel : -1;
}

int ChannelOf(const TensorTable& tensors, const Computation& c, const TensorRead& image) {
  return ChannelAxis(OwnCoordinates(tensors, c, image), tensors[image.tensor].type.shape, c.axes);
}

}  // namespace

AxisOrder UnchangedOrder(size_t rank) {
  AxisOrder order(rank);
  std::iota(order.begin(), order.end(), 0);
  return order;
}

bool IsUnchanged(const AxisOrder& order) { return std::ranges::is_sorted(order); }

void PermuteAxes(Computation& c, const AxisOrder& order) {
  std::vector<int> place(c.axes.size());
  for (size_t i = 0; i < order.size(); ++i) place[order[i]] = static_cast<int>(i);
  const Mapping mapping{.axis = [&](int axis) { return Axis(place[axis]); }};
  for (TensorRead& read : c.reads) MapRead(read, mapping);
  for (Scalar* root : ScalarRoots(c)) *root = MapScalar(*root, mapping);
  c.axes = Permuted(c.axes, order);
}

Shape LongExtents(const Shape& shape) {
  Shape kept;
  for (const int64_t extent : shape)
    if (extent != 1) kept.push_back(extent);
  return kept;
}

std::vector<int> LongAxes(const Shape& shape) {
  std::vector<int> axes;
  for (size_t i = 0; i < shape.size(); ++i)
    if (shape[i] != 1) axes.push_back(static_cast<int>(i));
  return axes;
}

int LaneAxes::Rank(const Index& index) const {
  if (result >= 0 && UsesAxis(index, result)) return 2;
  return channel >= 0 && UsesAxis(index, channel) ? 1 : 0;
}

AxisOrder LaneAxes::OrderOf(const std::vector<Index>& coordinates) const {
  AxisOrder order = UnchangedOrder(coordinates.size());
  std::ranges::stable_sort(order, {}, [&](int axis) { return Rank(coordinates[axis]); });
  return order;
}

std::vector<Index> OwnCoordinates(const TensorTable& tensors, const Computation& computation,
                                  const TensorRead& read) {
  const Shape shape = LongExtents(tensors[read.tensor].type.shape);
  if (read.view == shape) return read.coordinates;
  std::vector<Index> point = Delinearize(LinearIndex(read.coordinates, read.view), shape);
  for (Index& index : point) index = Simplify(index, computation.axes);
  return point;
}

bool Slides(const std::vector<Index>& coordinates, int rank) {
  return std::ranges::any_of(coordinates, [&](const Index& i) { return Slides(i, rank); });
}

std::optional<LaneAxes> LanesOfConvolution(const TensorTable& tensors, const Computation& c,
                                           const ContractionForm& roles) {
  const auto slides = [&](int read) {
    return Slides(OwnCoordinates(tensors, c, c.reads[read]), c.rank);
  };
  const bool lhs = slides(roles.lhs);
  if (lhs == slides(roles.rhs)) return std::nullopt;
  LaneAxes lanes{.channel = ChannelOf(tensors, c, c.reads[lhs ? roles.lhs : roles.rhs]),
                 .result = (lhs ? roles.n : roles.m).back()};
  if (c.axes[lanes.result] < kManyChannels) lanes.result = -1;
  if (lanes.channel < 0 && lanes.result < 0) return std::nullopt;
  return lanes;
}

std::optional<LaneAxes> FindLanes(const TensorTable& tensors, const Computation& c) {
  if (const auto roles = FindContraction(c)) return LanesOfConvolution(tensors, c, *roles);
  if (!c.reducer) return std::nullopt;
  for (const TensorRead& read : c.reads)
    if (Slides(OwnCoordinates(tensors, c, read), c.rank))
      if (const int channel = ChannelOf(tensors, c, read); channel >= 0 && channel < c.rank)
        return LaneAxes{.channel = channel};
  return std::nullopt;
}

}  // namespace descent

// Layout: elements in other places.
#include <algorithm>
#include <functional>
#include <limits>

#include "frontends/onnx/exporters/families.h"
#include "ir/ops/shapes.h"

namespace descent::onnx {
namespace {

using Node = ExportedNode;

constexpr int64_t kEnd = std::numeric_limits<int64_t>::min();

Names Reshape(const Node& n) {
  return {n.w.Add("Reshape", {n.In(0), n.w.Ints(n.Ints("shape"))}, {{"allowzero", int64_t{1}}})};
}
Names Transpose(const Node& n) {
  return {n.w.Add("Transpose", n.operands, {{"perm", n.Ints("permutation")}})};
}
Names Expand(const Node& n) { return {n.w.Add("Expand", {n.In(0), n.w.Ints(n.Ints("shape"))})}; }
Names ExpandRows(const Node& n) {
  const std::vector<int64_t>& shape = n.Ints("shape");
  const auto rows = std::ranges::find(shape, -1);
  const std::string count =
      n.w.Add("Shape", {n.In(1)}, {{"start", int64_t{0}}, {"end", int64_t{1}}});
  const std::string to =
      n.w.Add("Concat", {n.w.Ints({shape.begin(), rows}), count, n.w.Ints({rows + 1, shape.end()})},
              {{"axis", int64_t{0}}});
  return {n.w.Add("Expand", {n.In(0), to})};
}
/// 0, 1, 2, ... in a shape of its own, which is spread over the others.
Names Iota(const Node& n) {
  const std::vector<int64_t>& shape = n.Ints("shape");
  const auto axis = static_cast<size_t>(*NormalAxis(n.Int("axis"), static_cast<int>(shape.size())));
  std::vector<int64_t> line(shape.size(), 1);
  line[axis] = shape[axis];
  const auto integer = [&](double value) { return n.w.Scalar(DType::kI64, value); };
  const std::string count =
      n.w.Constant(Tensor::FromInts({DType::kI64, {}}, std::vector{shape[axis]}));
  std::string y = n.w.Add("Range", {integer(0), count, integer(1)});
  if (shape.size() > 1)
    y = n.w.Add("Expand", {n.w.Add("Reshape", {y, n.w.Ints(line)}, {{"allowzero", int64_t{1}}}),
                           n.w.Ints(shape)});
  if (n.results[0].dtype == DType::kI64) return {y};
  return {n.w.Add("Cast", {y}, {{"to", int64_t{DTypeNumber(n.results[0].dtype)}}})};
}
Names Concat(const Node& n) { return {n.w.Add("Concat", n.operands, {{"axis", n.Int("axis")}})}; }
Names Flip(const Node& n) {
  const std::vector<int64_t> axes = n.Axes();
  if (axes.empty()) return {n.w.Add("Identity", n.operands)};
  const std::vector<int64_t> last(axes.size(), -1), end(axes.size(), kEnd);
  return {
      n.w.Add("Slice", {n.In(0), n.w.Ints(last), n.w.Ints(end), n.w.Ints(axes), n.w.Ints(last)})};
}
Names Slice(const Node& n) {
  const Shape& shape = n.op.shape(0);
  std::vector<int64_t> axes, steps = n.Ints("steps"), stops = n.Ints("stops");
  if (shape.empty()) return {n.w.Add("Identity", n.operands)};
  steps.resize(shape.size(), 1);
  for (size_t axis = 0; axis < shape.size(); ++axis) {
    axes.push_back(static_cast<int64_t>(axis));
    if (steps[axis] < 0 && stops[axis] == -shape[axis] - 1) stops[axis] = kEnd;
  }
  return {n.w.Add("Slice", {n.In(0), n.w.Ints(n.Ints("starts")), n.w.Ints(stops), n.w.Ints(axes),
                            n.w.Ints(steps)})};
}
// ---- padding -----------------------------------------------------------------------------------

std::string Padded(const Node& n, const std::string& x, std::vector<int64_t> low,
                   const std::vector<int64_t>& high) {
  if (std::ranges::all_of(low, std::logical_not()) && std::ranges::all_of(high, std::logical_not()))
    return x;
  low.insert(low.end(), high.begin(), high.end());
  return n.w.Add("Pad", {x, n.w.Ints(low), n.w.Scalar(n.dtype(), n.Float("value"))});
}

/// x of `shape` with so many constants behind every element of an axis.
std::string Spread(const Node& n, const std::string& x, Shape& shape, size_t axis, int64_t count) {
  const auto place = static_cast<int64_t>(axis) + 1;
  std::vector<int64_t> none(shape.size() + 1, 0), behind = none;
  behind[place] = count;
  const std::string apart = n.w.Add("Unsqueeze", {x, n.w.Ints({place})});
  const std::string padded = Padded(n, apart, none, behind);
  shape[axis] *= count + 1;
  return n.w.Add("Reshape", {padded, n.w.Ints(shape)}, {{"allowzero", int64_t{1}}});
}
Names PadConstant(const Node& n) {
  const std::vector<int64_t>& interior = n.Ints("interior");
  std::vector<int64_t> high = n.Ints("high");
  Shape shape = n.op.shape(0);
  std::string x = n.In(0);
  for (size_t axis = 0; axis < interior.size(); ++axis) {
    if (interior[axis] == 0 || shape[axis] < 2) continue;
    x = Spread(n, x, shape, axis, interior[axis]);
    high[axis] -= interior[axis];  // those behind the last element
  }
  x = Padded(n, x, n.Ints("low"), high);
  return {x == n.In(0) ? n.w.Add("Identity", n.operands) : x};
}
/// A constant by pad_constant, `wrap`, which operator set 18 lacks, of parts.
Names Pad(const Node& n) {
  const std::string& mode = n.op.attributes.String("mode");
  if (mode != "reflect" && mode != "edge") return {};
  std::vector<int64_t> pads = n.Ints("low");
  pads.insert(pads.end(), n.Ints("high").begin(), n.Ints("high").end());
  return {n.w.Add("Pad", {n.In(0), n.w.Ints(pads)}, {{"mode", mode}})};
}

}  // namespace

std::span<const OpExporter> LayoutExporters() {
  static constexpr OpExporter kExporters[] = {
      {"concat", Concat},
      {"expand", Expand},
      {"expand_rows", ExpandRows},
      {"flip", Flip},
      {"iota", Iota},
      {"pad", Pad},
      {"pad_constant", PadConstant},
      {"reshape", Reshape},
      {"slice", Slice},
      {"transpose", Transpose},
  };
  return kExporters;
}

}  // namespace descent::onnx

// Layout: the same elements under other shapes, joined, cut, repeated and moved.
#include <algorithm>
#include <numeric>
#include <optional>

#include "frontends/onnx/ops/families.h"
#include "ir/ops/shapes.h"

namespace descent::onnx {
namespace {

using Ints = std::vector<int64_t>;

/// A 0 stands for the operand's extent, unless `allowzero`; a -1 for what is left.
Outputs Reshape(OnnxNode& n) {
  const Value x = n.In(0);
  Shape target = n.version() < 5 ? n.Ints("shape") : n.StaticInts(1);
  const Shape from = n.shape(x);
  for (size_t i = 0; i < target.size() && !n.Flag("allowzero"); ++i) {
    if (target[i] != 0) continue;
    if (i >= from.size())
      return n.Fail("shape {} copies axis {}, which {} does not have", ToString(target), i,
                    ToString(n.type(x)));
    target[i] = from[i];
  }
  return n.Reshape(x, std::move(target));
}

Outputs Transpose(OnnxNode& n) {
  const Value x = n.In(0);
  Ints reversed(n.rank(x));
  std::iota(reversed.rbegin(), reversed.rend(), 0);
  return n.Add("transpose", {x}, {{"permutation", n.Ints("perm", reversed)}});
}

/// Without axes all of extent 1 go; with an empty list of them none.
Outputs Squeeze(OnnxNode& n) {
  const Value x = n.In(0);
  const bool given = n.HasAttribute("axes") || n.Has(1);
  const Ints axes = n.IntsOf("axes", 1);
  return given && axes.empty() ? x : n.Add("squeeze", {x}, {{"axes", axes}});
}

Outputs Unsqueeze(OnnxNode& n) { return n.Unsqueeze(n.In(0), n.IntsOf("axes", 1)); }

/// Two axes: the product of those before `axis`, and of the others.
Outputs Flatten(OnnxNode& n) {
  const Value x = n.In(0);
  const int64_t rank = n.rank(x), given = n.Int("axis", 1);
  if (given < -rank || given > rank) return n.Fail("axis {} is not one of {} axes", given, rank);
  const int axis = static_cast<int>(given < 0 ? given + rank : given);
  const Shape shape = n.shape(x);
  return n.Reshape(x,
                   {ElementsOf(shape, 0, axis), ElementsOf(shape, axis, static_cast<int>(rank))});
}

Outputs Concat(OnnxNode& n) {
  if (n.version() >= 4 && !n.HasAttribute("axis")) return n.Fail("attribute axis is missing");
  return n.Add("concat", n.Operands(), {{"axis", n.Int("axis", 1)}});
}

/// `extent` in `count` parts. Since version 18 the last one may be smaller.
Ints EqualParts(OnnxNode& n, int64_t extent, int64_t count) {
  if (count < 1 || count != n.result_count()) {
    n.Fail("num_outputs is {}, but the node has {} results", count, n.result_count());
    return {};
  }
  const int64_t part = (extent + count - 1) / count, last = extent - part * (count - 1);
  if (last < 0 || (last != part && n.version() < 18))
    n.Fail("an extent of {} is not {} equal parts", extent, count);
  Ints sizes(count, part);
  sizes.back() = last;
  return sizes;
}

Outputs Split(OnnxNode& n) {
  const Value x = n.In(0);
  const int64_t axis = n.Axis(n.Int("axis", 0), n.rank(x));
  if (n.failed()) return Value{};
  Ints sizes = n.IntsOf("split", 1);
  if (!n.HasAttribute("split") && !n.Has(1))
    sizes = EqualParts(n, n.shape(x)[axis], n.Int("num_outputs", n.result_count()));
  return n.AddMulti("split", {x}, {{"sizes", std::move(sizes)}, {"axis", axis}});
}

Outputs Tile(OnnxNode& n) {
  const Value x = n.In(0);
  return n.Add("tile", {x}, {{"repeats", n.StaticInts(1)}});
}

/// Version 1: along one axis.
Outputs TileAxis(OnnxNode& n) {
  const Value x = n.In(0);
  const Ints tiles = n.StaticInts(1), axes = n.StaticInts(2);
  if (n.failed()) return Value{};
  if (tiles.size() != 1 || axes.size() != 1) return n.Fail("tiles and axis must be scalars");
  Ints repeats(n.rank(x), 1);
  const int64_t axis = n.Axis(axes[0], n.rank(x));
  if (n.failed()) return Value{};
  repeats[axis] = tiles[0];
  return n.Add("tile", {x}, {{"repeats", std::move(repeats)}});
}

/// Both shapes broadcast: an extent of 1 leaves the operand's.
Outputs Expand(OnnxNode& n) {
  const Value x = n.In(0);
  const Shape stated = n.StaticInts(1);
  Shape to = n.Take(BroadcastShapes(n.shape(x), stated));
  std::optional<int> rows = n.RowElement(1);
  if (rows) *rows += static_cast<int>(to.size() - stated.size());
  return n.Expand(x, std::move(to), rows);
}

Outputs DepthToSpace(OnnxNode& n) {
  const std::string mode = n.Choice("mode", {"DCR", "CRD"});
  return n.Add(
      n.importer().target, {n.In(0)},
      {{"block", n.Int("blocksize", 0)}, {"order", std::string(mode == "DCR" ? "dcr" : "crd")}});
}

/// Columns that stand at least `k` to the right of their row, or at most.
Outputs Trilu(OnnxNode& n) {
  const Value x = n.In(0);
  const Shape shape = n.shape(x);
  const int64_t rank = n.rank(x);
  if (rank < 2) return n.Fail("its operand needs 2 axes, not {}", rank);
  const Shape matrix = {shape[rank - 2], shape[rank - 1]};
  const Value k = n.Reshape(n.InOr(1, DType::kI64, 0), {});
  const auto places = [&](int64_t axis) {
    return n.Add("iota", {}, {{"shape", matrix}, {"axis", axis}});
  };
  const Value distance = n.Minus(places(1), places(0));
  const Value kept = n.Add(n.Flag("upper", true) ? "greater_equal" : "less_equal", {distance, k});
  return n.Add("where", {kept, x, n.Like(x, 0)});
}

}  // namespace

std::span<const OpImporter> LayoutImporters() {
  static const std::vector<OpImporter> kImporters = {
      {"Concat", 1, kNewest, kVariadic, {"axis"}, Concat},
      {"DepthToSpace", 1, 10, 1, {"blocksize"}, DepthToSpace, "depth_to_space"},
      {"DepthToSpace", 11, kNewest, 1, {"blocksize", "mode"}, DepthToSpace, "depth_to_space"},
      {"Expand", 8, kNewest, 2, {}, Expand},
      {"Flatten", 1, kNewest, 1, {"axis"}, Flatten},
      {"Reshape", 1, 4, 1, {"shape"}, Reshape},
      {"Reshape", 5, 13, 2, {}, Reshape},
      {"Reshape", 14, kNewest, 2, {"allowzero"}, Reshape},
      {"SpaceToDepth", 1, 27, 1, {"blocksize"}, DepthToSpace, "space_to_depth"},
      {"SpaceToDepth", 28, kNewest, 1, {"blocksize", "mode"}, DepthToSpace, "space_to_depth"},
      {"Split", 1, 1, 2, {"axis", "split"}, Split},
      {"Split", 2, 12, 1, {"axis", "split"}, Split},
      {"Split", 13, 17, 2, {"axis"}, Split},
      {"Split", 18, kNewest, 2, {"axis", "num_outputs"}, Split},
      {"Squeeze", 1, 12, 1, {"axes"}, Squeeze},
      {"Squeeze", 13, kNewest, 2, {}, Squeeze},
      {"Tile", 1, 5, 3, {}, TileAxis},
      {"Tile", 6, kNewest, 2, {}, Tile},
      {"Transpose", 1, kNewest, 1, {"perm"}, Transpose},
      {"Trilu", 14, kNewest, 2, {"upper"}, Trilu},
      {"Unsqueeze", 1, 12, 1, {"axes"}, Unsqueeze},
      {"Unsqueeze", 13, kNewest, 2, {}, Unsqueeze},
  };
  return kImporters;
}

}  // namespace descent::onnx

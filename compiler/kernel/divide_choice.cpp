#include "compiler/kernel/divide_choice.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <optional>
#include <set>
#include <span>
#include <unordered_set>

#include "compiler/kernel/remap.h"
#include "ir/index_map.h"

namespace descent {
namespace {

/// Reads of one kernel that chooses among them.
constexpr size_t kManyReads = 64;

/// What the places [begin, end) of an axis take.
struct Part {
  int64_t begin = 0, end = 0;
  Scalar value;
};

/// `value` where `index >= start`, else `below`.
struct Step {
  int axis = -1;
  int64_t start = 0;
  Scalar value, below;
};

std::optional<Step> StepOf(const ScalarNode& node) {
  if (node.kind != ScalarKind::kCall || node.op != ScalarOp::kSelect) return std::nullopt;
  const ScalarNode& test = *node.arguments[0];
  if (test.kind != ScalarKind::kCall || test.op != ScalarOp::kGe) return std::nullopt;
  const ScalarNode &place = *test.arguments[0], &start = *test.arguments[1];
  if (place.kind != ScalarKind::kIndex || place.index->kind != IndexKind::kAxis ||
      start.kind != ScalarKind::kConstant)
    return std::nullopt;
  return Step{static_cast<int>(place.index->value), start.integer, node.arguments[1],
              node.arguments[2]};
}

/// The parts of an axis below `root` in their order; those without places are left out.
void CollectParts(const Scalar& root, int axis, int64_t begin, int64_t end,
                  std::vector<Part>& parts) {
  if (begin >= end) return;
  const auto step = StepOf(*root);
  if (!step || step->axis != axis) return parts.push_back({begin, end, root});
  CollectParts(step->below, axis, begin, std::min(end, step->start), parts);
  CollectParts(step->value, axis, std::max(begin, step->start), end, parts);
}

/// A tree of choices, as deep as the logarithm of their number.
Scalar Choose(std::span<const Part> parts, int axis) {
  if (parts.size() == 1) return parts[0].value;
  const size_t middle = parts.size() / 2;
  const Scalar reached =
      Call(ScalarOp::kGe, {IndexScalar(Axis(axis)), ConstantInt(DType::kI64, parts[middle].begin)});
  return Call(ScalarOp::kSelect,
              {reached, Choose(parts.subspan(middle), axis), Choose(parts.first(middle), axis)});
}

/// What `value` reads, as an index, too.
void CollectReads(const Computation& whole, const Scalar& value, std::set<int>& reads) {
  const std::function<void(int)> add = [&](int slot) {
    if (reads.insert(slot).second) VisitIndexReads(whole.reads[slot], add);
  };
  std::unordered_set<const ScalarNode*> seen;
  VisitScalars(value, seen, [&](const ScalarNode& node) {
    if (node.kind == ScalarKind::kRead) add(node.slot);
    if (node.kind == ScalarKind::kIndex) VisitReads(node.index, add);
  });
}

/// `whole` at the places of `parts` alone, as `tensor`.
Computation At(const Computation& whole, std::span<const Part> parts, int axis, int tensor) {
  Computation some{.axes = whole.axes,
                   .rank = whole.rank,
                   .reads = std::vector<TensorRead>(whole.reads.size()),
                   .results = {Choose(parts, axis)},
                   .tensors = {tensor},
                   .after = whole.after};
  some.axes[axis] = parts.back().end - parts.front().begin;
  const Index place = Axis(axis) + ConstantIndex(parts.front().begin);
  const Mapping mapping{.axis = [&](int i) { return i == axis ? place : Axis(i); }};
  std::set<int> reads;
  for (const Part& part : parts) CollectReads(whole, part.value, reads);
  for (const int slot : reads) {
    some.reads[slot] = whole.reads[slot];
    MapRead(some.reads[slot], mapping);
  }
  for (Scalar* root : ScalarRoots(some)) *root = MapScalar(*root, mapping);
  Normalize(some);
  return some;
}

class Division {
 public:
  Division(Computation whole, int axis, TensorTable& tensors)
      : whole_(std::move(whole)), axis_(axis), tensors_(tensors) {}

  std::vector<Computation> Run() {
    std::vector<Part> parts;
    CollectParts(whole_.results[0], axis_, 0, whole_.axes[axis_], parts);
    if (parts.size() <= kManyReads) return {whole_};
    Computation joined = whole_;
    joined.reads.clear();
    std::vector<Part> values;
    const auto size = static_cast<size_t>(std::ceil(std::sqrt(static_cast<double>(parts.size()))));
    for (size_t first = 0; first < parts.size(); first += size)
      values.push_back(
          Join(std::span(parts).subspan(first, std::min(size, parts.size() - first)), joined));
    joined.results = {Choose(values, axis_)};
    Normalize(joined);
    Append(std::move(joined));
    return std::move(made_);
  }

 private:
  /// Makes a tensor of neighbours, and reads it in `joined`.
  Part Join(std::span<const Part> parts, Computation& joined) {
    const int64_t begin = parts.front().begin, end = parts.back().end;
    Shape shape = whole_.axes;
    shape[axis_] = end - begin;
    const std::string name = tensors_[whole_.tensors[0]].name + ".part";
    const DType dtype = whole_.results[0]->dtype;
    const int tensor = tensors_.AddBeside(whole_.tensors[0], name, {dtype, shape});
    Computation part = At(whole_, parts, axis_, tensor);
    part.nodes = {name};
    Append(std::move(part));
    TensorRead read{.tensor = tensor,
                    .dtype = dtype,
                    .view = shape,
                    .coordinates = AxisRange(0, whole_.rank),
                    .outside = ConstantInt(dtype, 0)};
    read.coordinates[axis_] = Axis(axis_) + ConstantIndex(-begin);
    read.guards = {{read.coordinates[axis_], end - begin}};
    joined.reads.push_back(std::move(read));
    return {begin, end, ReadScalar(static_cast<int>(joined.reads.size()) - 1, dtype)};
  }

  void Append(Computation computation) {
    for (Computation& each : DivideChoice(std::move(computation), tensors_))
      made_.push_back(std::move(each));
  }

  const Computation whole_;
  const int axis_;
  TensorTable& tensors_;
  std::vector<Computation> made_;
};

}  // namespace

std::vector<Computation> DivideChoice(Computation whole, TensorTable& tensors) {
  if (!whole.reducer && whole.results.size() == 1 && whole.reads.size() > kManyReads)
    if (const auto step = StepOf(*whole.results[0]))
      return Division(std::move(whole), step->axis, tensors).Run();
  return {std::move(whole)};
}

}  // namespace descent

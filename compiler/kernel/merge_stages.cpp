#include "compiler/kernel/merge_stages.h"

#include <algorithm>

#include "compiler/kernel/remap.h"

namespace descent {
namespace {

bool Writes(const Computation& computation, int tensor) {
  return std::find(computation.tensors.begin(), computation.tensors.end(), tensor) !=
         computation.tensors.end();
}

bool IsAffine(const Computation& computation, const TensorRead& read) {
  const int axes = static_cast<int>(computation.axes.size());
  return std::all_of(read.coordinates.begin(), read.coordinates.end(),
                     [&](const Index& index) { return AsAffine(index, axes).has_value(); });
}

int NonAffineReads(const Computation& computation) {
  return static_cast<int>(
      std::count_if(computation.reads.begin(), computation.reads.end(),
                    [&](const TensorRead& read) { return !IsAffine(computation, read); }));
}

bool UsesRead(const std::vector<Scalar>& roots, int slot) {
  bool used = false;
  for (const Scalar& root : roots)
    Rewrite(root, [&](const ScalarNode& node) -> Scalar {
      used |= node.kind == ScalarKind::kRead && node.slot == slot;
      return nullptr;
    });
  return used;
}

/// `scalar` with reads and states renumbered to stand behind those of another computation.
Scalar Shifted(const Scalar& scalar, int reads, int states) {
  const auto read = [&](int slot) { return ReadIndex(slot + reads); };
  return Rewrite(scalar, [&](const ScalarNode& node) -> Scalar {
    switch (node.kind) {
      case ScalarKind::kRead:
        return ReadScalar(node.slot + reads, node.dtype);
      case ScalarKind::kIndex:
        return IndexScalar(MapIndex(node.index, {}, read));
      case ScalarKind::kAccumulator:
        return Accumulator(node.slot + states, node.dtype);
      case ScalarKind::kOther:
        return Other(node.slot + states, node.dtype);
      default:
        return nullptr;
    }
  });
}

void AppendReads(Computation& base, const Computation& added) {
  const int offset = static_cast<int>(base.reads.size());
  const Mapping shift{.read = [&](int slot) { return ReadIndex(slot + offset); }};
  for (TensorRead copy : added.reads) {
    MapRead(copy, shift);
    base.reads.push_back(std::move(copy));
  }
}

void AppendNodes(Computation& base, const Computation& added) {
  base.after.insert(base.after.end(), added.after.begin(), added.after.end());
  base.asserted.insert(base.asserted.end(), added.asserted.begin(), added.asserted.end());
  for (const std::string& node : added.nodes)
    if (std::find(base.nodes.begin(), base.nodes.end(), node) == base.nodes.end())
      base.nodes.push_back(node);
}

}  // namespace

Verdict<Computation> AtSamePoints(const Computation& base, const Computation& added) {
  const auto blocked = [](Obstacle obstacle, int tensor = -1) {
    return std::unexpected(Blocked{.obstacle = obstacle, .tensor = tensor});
  };
  if (added.reducer) return blocked(Obstacle::kReaderReduces);
  if (Elements(base.domain()) != Elements(added.domain())) return blocked(Obstacle::kPointCount);
  for (size_t slot = 0; slot < added.reads.size(); ++slot) {
    const TensorRead& read = added.reads[slot];
    if (!Writes(base, read.tensor)) continue;
    if (!IsIdentity(added, read)) return blocked(Obstacle::kOtherPoints, read.tensor);
    if (IsIndexRead(added, static_cast<int>(slot)))
      return blocked(Obstacle::kUsedAsIndex, read.tensor);
  }
  if (added.domain() == base.domain()) return added;
  Computation reshaped = Reshaped(added, base.domain());
  if (NonAffineReads(reshaped) > NonAffineReads(added)) return blocked(Obstacle::kReshapedReads);
  return reshaped;
}

void MergeStage(Computation& base, const Computation& added) {
  const int offset = static_cast<int>(base.reads.size());
  AppendReads(base, added);
  for (size_t r = 0; r < added.results.size(); ++r) {
    Scalar result = Rewrite(added.results[r], [&](const ScalarNode& node) -> Scalar {
      if (node.kind == ScalarKind::kIndex)
        return IndexScalar(
            MapIndex(node.index, {}, [&](int slot) { return ReadIndex(slot + offset); }));
      if (node.kind != ScalarKind::kRead) return nullptr;
      const int tensor = added.reads[node.slot].tensor;
      for (size_t i = 0; i < base.tensors.size(); ++i)
        if (base.tensors[i] == tensor) return base.results[i];
      return ReadScalar(node.slot + offset, node.dtype);
    });
    base.results.push_back(std::move(result));
    base.tensors.push_back(added.tensors[r]);
  }
  AppendNodes(base, added);
  Normalize(base);
}

bool CanMergeReductions(const Computation& base, const Computation& added) {
  if (!base.reducer || !added.reducer || base.axes != added.axes || base.rank != added.rank)
    return false;
  const auto reads = [](const Computation& reader, const Computation& writer) {
    return std::any_of(reader.reads.begin(), reader.reads.end(),
                       [&](const TensorRead& read) { return Writes(writer, read.tensor); });
  };
  return !reads(base, added) && !reads(added, base);
}

void MergeReductions(Computation& base, const Computation& added) {
  const int reads = static_cast<int>(base.reads.size());
  const int states = static_cast<int>(base.reducer->init.size());
  AppendReads(base, added);
  for (size_t i = 0; i < added.reducer->init.size(); ++i) {
    base.reducer->init.push_back(added.reducer->init[i]);
    base.reducer->step.push_back(Shifted(added.reducer->step[i], reads, states));
    base.reducer->combine.push_back(Shifted(added.reducer->combine[i], reads, states));
  }
  for (size_t r = 0; r < added.results.size(); ++r) {
    base.results.push_back(Shifted(added.results[r], reads, states));
    base.tensors.push_back(added.tensors[r]);
  }
  AppendNodes(base, added);
  Normalize(base);
}

bool ReadsInPlace(const Computation& computation, int tensor) {
  for (size_t slot = 0; slot < computation.reads.size(); ++slot) {
    const TensorRead& read = computation.reads[slot];
    if (read.tensor != tensor) continue;
    if (!IsIdentity(computation, read) || IsIndexRead(computation, static_cast<int>(slot)))
      return false;
    if (computation.reducer && UsesRead(computation.reducer->step, static_cast<int>(slot)))
      return false;
  }
  return true;
}

std::optional<Blocked> ForbiddenOverwrite(const Computation& a, const Computation& b,
                                          const std::vector<Overwrite>& overwrites) {
  for (const Overwrite& overwrite : overwrites) {
    if (!Writes(a, overwrite.newer) && !Writes(b, overwrite.newer)) continue;
    if (!ReadsInPlace(a, overwrite.older) || !ReadsInPlace(b, overwrite.older))
      return Blocked{.obstacle = Obstacle::kOldValue, .tensor = overwrite.older};
  }
  return std::nullopt;
}

int SharedOuterAxes(const Computation& producer, const Computation& reader) {
  int shared = std::min(producer.rank, reader.rank);
  for (int axis = 0; axis < shared; ++axis)
    if (producer.axes[axis] != reader.axes[axis]) shared = axis;
  const Shape domain = producer.domain();
  for (const TensorRead& read : reader.reads) {
    if (!Writes(producer, read.tensor)) continue;
    if (std::any_of(read.coordinates.begin(), read.coordinates.end(), UsesData)) return 0;
    std::vector<Index> point = read.view == domain
                                   ? read.coordinates
                                   : Delinearize(LinearIndex(read.coordinates, read.view), domain);
    for (int axis = 0; axis < shared; ++axis)
      if (!SameIndex(Simplify(point[axis], reader.axes), Axis(axis))) shared = axis;
  }
  return shared;
}

}  // namespace descent

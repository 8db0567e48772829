#include "compiler/kernel/computation.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <bit>
#include <functional>
#include <ranges>
#include <unordered_map>
#include <unordered_set>

#include "compiler/kernel/remap.h"
#include "compiler/kernel/widen.h"
#include "ir/diagnostic.h"

namespace descent {
namespace {

bool SameRead(const TensorRead& a, const TensorRead& b) {
  if (a.tensor != b.tensor || a.view != b.view || a.guards.size() != b.guards.size()) return false;
  for (size_t i = 0; i < a.coordinates.size(); ++i)
    if (!SameIndex(a.coordinates[i], b.coordinates[i])) return false;
  for (size_t i = 0; i < a.guards.size(); ++i)
    if (!SameIndex(a.guards[i].index, b.guards[i].index) ||
        a.guards[i].extent != b.guards[i].extent)
      return false;
  return a.guards.empty() || SameScalar(a.outside, b.outside);
}

// ---- normalization -----------------------------------------------------------------------------

void SimplifyGuards(TensorRead& read, const Shape& axes) {
  std::vector<Guard> kept;
  for (Guard& guard : read.guards) {
    guard.index = Simplify(guard.index, axes);
    const auto range = RangeOf(guard.index, axes);
    const bool holds = range && range->low >= 0 && range->high < guard.extent;
    const bool known = std::any_of(kept.begin(), kept.end(), [&](const Guard& other) {
      return other.extent == guard.extent && SameIndex(other.index, guard.index);
    });
    if (!holds && !known) kept.push_back(guard);
  }
  read.guards = std::move(kept);
  if (read.guards.empty()) read.outside = nullptr;
}

void SimplifyCoordinates(TensorRead& read, const Shape& axes) {
  std::vector<Index> coordinates;
  Shape view;
  bool affine = true, data = false;
  for (size_t i = 0; i < read.coordinates.size(); ++i) {
    const Index index = Simplify(read.coordinates[i], axes);
    const bool uses_data = UsesData(index);
    // An axis of extent 1 is always at 0, except that an index from data is still checked.
    if (read.view[i] == 1 && !uses_data) continue;
    coordinates.push_back(index);
    view.push_back(read.view[i]);
    data |= uses_data;
    affine &= uses_data || AsAffine(index, static_cast<int>(axes.size())).has_value();
  }
  if (!affine && !data) {
    const Index linear = Simplify(LinearIndex(coordinates, view), axes);
    if (AsAffine(linear, static_cast<int>(axes.size()))) {
      coordinates = {linear};
      view = {Elements(view)};
    }
  }
  read.coordinates = std::move(coordinates);
  read.view = std::move(view);
}

/// Removes axes of extent 1; simplification has already removed their uses.
void DropUnitAxes(Computation& computation) {
  std::vector<int> position(computation.axes.size(), 0);
  Shape kept;
  int rank = 0;
  for (size_t axis = 0; axis < computation.axes.size(); ++axis) {
    position[axis] = static_cast<int>(kept.size());
    if (computation.axes[axis] == 1) continue;
    kept.push_back(computation.axes[axis]);
    if (static_cast<int>(axis) < computation.rank) ++rank;
  }
  if (kept.size() == computation.axes.size()) return;
  const Mapping mapping{.axis = [&](int axis) { return Axis(position[axis]); }};
  for (TensorRead& read : computation.reads) MapRead(read, mapping);
  for (Scalar* root : ScalarRoots(computation)) *root = MapScalar(*root, mapping);
  computation.axes = std::move(kept);
  computation.rank = rank;
}

/// Keeps the reads that something uses, equal ones once; a read stands behind the reads that index
/// it.
void CompactReads(Computation& computation) {
  const size_t count = computation.reads.size();
  std::vector<bool> used(count, false);
  const std::function<void(int)> mark = [&](int slot) {
    if (used[slot]) return;
    used[slot] = true;
    VisitIndexReads(computation.reads[slot], mark);
  };
  std::unordered_set<const ScalarNode*> seen;
  for (Scalar* root : ScalarRoots(computation))
    VisitScalars(*root, seen, [&](const ScalarNode& node) {
      if (node.kind == ScalarKind::kRead) mark(node.slot);
      if (node.kind == ScalarKind::kIndex) VisitReads(node.index, mark);
    });

  std::vector<int> position(count, -1);
  std::vector<TensorRead> reads;
  const Mapping indices{.read = [&](int slot) { return ReadIndex(position[slot]); }};
  const std::function<void(int)> place = [&](int slot) {
    if (position[slot] >= 0) return;
    VisitIndexReads(computation.reads[slot], place);
    TensorRead read = computation.reads[slot];
    MapRead(read, indices);
    for (size_t i = 0; i < reads.size() && position[slot] < 0; ++i)
      if (SameRead(reads[i], read)) position[slot] = static_cast<int>(i);
    if (position[slot] >= 0) return;
    position[slot] = static_cast<int>(reads.size());
    reads.push_back(std::move(read));
  };
  for (size_t slot = 0; slot < count; ++slot)
    if (used[slot]) place(static_cast<int>(slot));
  const auto is_in_place = [&](size_t slot) { return position[slot] == static_cast<int>(slot); };
  if (reads.size() == count && std::ranges::all_of(std::views::iota(size_t{0}, count), is_in_place))
    return;
  const Mapping mapping{.read = indices.read, .value = [&](int slot) {
                          return ReadScalar(position[slot], computation.reads[slot].dtype);
                        }};
  for (Scalar* root : ScalarRoots(computation)) *root = MapScalar(*root, mapping);
  computation.reads = std::move(reads);
}

void DropUnusedResults(Computation& computation) {
  std::vector<Scalar> results;
  std::vector<int> tensors;
  for (size_t i = 0; i < computation.results.size(); ++i) {
    if (computation.tensors[i] < 0) continue;
    results.push_back(computation.results[i]);
    tensors.push_back(computation.tensors[i]);
  }
  computation.results = std::move(results);
  computation.tensors = std::move(tensors);
}

size_t Mix(size_t hash, uint64_t value) {
  return (hash ^ value) * 0x9e3779b97f4a7c15u + (hash >> 29);
}

size_t HashIndex(const Index& index) {
  if (!index) return 0;
  const size_t hash = Mix(static_cast<size_t>(index->kind), static_cast<uint64_t>(index->value));
  return Mix(Mix(hash, HashIndex(index->a)), HashIndex(index->b));
}

/// By what a node is; arguments that are equal are one node already.
struct ScalarNodeHash {
  size_t operator()(const ScalarNode* node) const {
    size_t hash = Mix(static_cast<size_t>(node->kind), static_cast<uint64_t>(node->dtype));
    hash = Mix(Mix(hash, static_cast<uint64_t>(node->op)), static_cast<uint64_t>(node->slot));
    hash =
        Mix(Mix(hash, std::bit_cast<uint64_t>(node->number)), static_cast<uint64_t>(node->integer));
    for (const Scalar& argument : node->arguments)
      hash = Mix(hash, reinterpret_cast<uintptr_t>(argument.get()));
    return Mix(hash, HashIndex(node->index));
  }
};

struct SameScalarNode {
  bool operator()(const ScalarNode* a, const ScalarNode* b) const {
    return a->kind == b->kind && a->dtype == b->dtype && a->op == b->op && a->slot == b->slot &&
           std::bit_cast<uint64_t>(a->number) == std::bit_cast<uint64_t>(b->number) &&
           a->integer == b->integer && a->arguments == b->arguments &&
           SameIndex(a->index, b->index);
  }
};

class ScalarSharer {
 public:
  Scalar Run(const Scalar& root) {
    if (root.use_count() == 1) return Share(root);  // its parent's alone, and so met once
    if (const auto found = done_.find(root.get()); found != done_.end()) return found->second;
    Scalar shared = Share(root);
    alive_.push_back(root);
    return done_[root.get()] = std::move(shared);
  }

 private:
  Scalar Share(const Scalar& root) {
    Scalar shared = root;
    std::vector<Scalar> arguments;
    for (const Scalar& argument : root->arguments) arguments.push_back(Run(argument));
    if (arguments != root->arguments) {
      ScalarNode node = *root;
      node.arguments = std::move(arguments);
      shared = std::make_shared<const ScalarNode>(std::move(node));
    }
    return nodes_.try_emplace(shared.get(), shared).first->second;
  }

  std::unordered_map<const ScalarNode*, Scalar> done_;
  /// The one node of those that are equal.
  std::unordered_map<const ScalarNode*, Scalar, ScalarNodeHash, SameScalarNode> nodes_;
  std::vector<Scalar> alive_;
};

}  // namespace

void ShareScalars(const std::vector<Scalar*>& roots) {
  ScalarSharer sharer;
  for (Scalar* root : roots) *root = sharer.Run(*root);
}

void Normalize(Computation& computation) {
  DropUnusedResults(computation);
  CompactReads(computation);  // what nothing uses may stand on axes that are gone
  const Shape& axes = computation.axes;
  for (TensorRead& read : computation.reads) {
    SimplifyGuards(read, axes);
    SimplifyCoordinates(read, axes);
  }
  for (Scalar* root : ScalarRoots(computation))
    *root = Rewrite(*root, [&](const ScalarNode& node) -> Scalar {
      if (node.kind != ScalarKind::kIndex) return nullptr;
      const Index index = Simplify(node.index, axes);
      return index->kind == IndexKind::kConstant ? ConstantInt(DType::kI64, index->value)
                                                 : IndexScalar(index);
    });
  DropUnitAxes(computation);
  CompactReads(computation);
  ShareScalars(ScalarRoots(computation));
}

Computation MakeComputation(const TensorExpr& expr, const std::vector<int>& operand_tensors,
                            const std::vector<TensorType>& operand_types,
                            const std::vector<int>& result_tensors) {
  Computation computation{.axes = expr.axes,
                          .rank = expr.rank,
                          .reads = {},
                          .reducer = expr.reducer,
                          .results = expr.results,
                          .tensors = result_tensors,
                          .nodes = {}};
  for (const Read& read : expr.reads)
    computation.reads.push_back({.tensor = operand_tensors[read.operand],
                                 .dtype = operand_types[read.operand].dtype,
                                 .view = operand_types[read.operand].shape,
                                 .coordinates = read.coordinates,
                                 .guards = read.guards,
                                 .outside = read.outside});
  WidenFloat16(computation);
  Normalize(computation);
  return computation;
}

Computation MakeCopy(int source, int target, const TensorType& type) {
  Computation copy{.axes = type.shape,
                   .rank = type.rank(),
                   .reads = {{.tensor = source,
                              .dtype = type.dtype,
                              .view = type.shape,
                              .coordinates = AxisRange(0, type.rank()),
                              .guards = {},
                              .outside = nullptr}},
                   .reducer = std::nullopt,
                   .results = {ReadScalar(0, type.dtype)},
                   .tensors = {target},
                   .nodes = {}};
  Normalize(copy);
  return copy;
}

bool Reads(const Computation& computation, int tensor) {
  return std::any_of(computation.reads.begin(), computation.reads.end(),
                     [&](const TensorRead& read) { return read.tensor == tensor; });
}

bool IsFromData(const TensorRead& read) {
  return std::ranges::any_of(read.coordinates, [](const Index& i) { return UsesData(i); });
}

bool IsIndexRead(const Computation& computation, int slot) {
  bool found = false;
  const auto check = [&](int used) { found |= used == slot; };
  for (const TensorRead& read : computation.reads) VisitIndexReads(read, check);
  std::unordered_set<const ScalarNode*> seen;
  const auto visit = [&](const ScalarNode& node) {
    if (node.kind == ScalarKind::kIndex) VisitReads(node.index, check);
  };
  for (const Scalar& result : computation.results) VisitScalars(result, seen, visit);
  if (computation.reducer)
    for (const Scalar& step : computation.reducer->step) VisitScalars(step, seen, visit);
  return found;
}

bool IsIdentity(const Computation& computation, const TensorRead& read) {
  if (!read.guards.empty() || Elements(read.view) != Elements(computation.domain())) return false;
  for (const Index& index : read.coordinates)
    if (UsesData(index)) return false;
  const Index linear = Simplify(LinearIndex(read.coordinates, read.view), computation.axes);
  const Index expected =
      Simplify(LinearIndex(AxisRange(0, computation.rank), computation.domain()), computation.axes);
  return SameIndex(linear, expected);
}

Computation Reshaped(const Computation& computation, const Shape& domain) {
  DESCENT_CHECK(!computation.reducer, "reshaping a reduction");
  if (computation.domain() == domain) return computation;
  const std::vector<Index> point = Delinearize(
      LinearIndex(AxisRange(0, static_cast<int>(domain.size())), domain), computation.domain());
  Computation reshaped = computation;
  const Mapping mapping{.axis = [&](int axis) { return point[axis]; }};
  for (TensorRead& read : reshaped.reads) MapRead(read, mapping);
  for (Scalar* root : ScalarRoots(reshaped)) *root = MapScalar(*root, mapping);
  reshaped.axes = domain;
  reshaped.rank = static_cast<int>(domain.size());
  Normalize(reshaped);
  return reshaped;
}

bool Asserts(const Computation& computation) {
  bool asserts = false;
  std::unordered_set<const ScalarNode*> seen;
  for (const Scalar& result : computation.results)
    VisitScalars(result, seen, [&](const ScalarNode& node) {
      asserts |= node.kind == ScalarKind::kCall && node.op == ScalarOp::kAssertFinite;
    });
  return asserts;
}

bool IsLayout(const Computation& computation) {
  return !computation.reducer && computation.results.size() == 1 &&
         computation.results[0]->kind == ScalarKind::kRead;
}

}  // namespace descent

#include "compiler/kernel/computation.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <bit>
#include <functional>
#include <unordered_map>
#include <unordered_set>

#include "ir/diagnostic.h"
#include "ir/index_map.h"

namespace descent {
namespace {

/// All scalars of a computation that may use reads; the outside values are constants.
std::vector<Scalar*> ScalarRoots(Computation& computation) {
  std::vector<Scalar*> roots;
  if (computation.reducer) {
    for (Scalar& step : computation.reducer->step) roots.push_back(&step);
    for (Scalar& combine : computation.reducer->combine) roots.push_back(&combine);
  }
  for (Scalar& result : computation.results) roots.push_back(&result);
  return roots;
}

/// How a rewrite maps what stands in a computation.
struct Mapping {
  std::function<Index(int)> axis;
  std::function<Index(int)> read;    ///< in indices
  std::function<Scalar(int)> value;  ///< of reads in scalars; null keeps
};

Scalar MapScalar(const Scalar& root, const Mapping& mapping) {
  return Rewrite(root, [&](const ScalarNode& node) -> Scalar {
    if (node.kind == ScalarKind::kIndex)
      return IndexScalar(MapIndex(node.index, mapping.axis, mapping.read));
    if (node.kind == ScalarKind::kRead && mapping.value) return mapping.value(node.slot);
    return nullptr;
  });
}

void MapRead(TensorRead& read, const Mapping& mapping) {
  for (Index& index : read.coordinates) index = MapIndex(index, mapping.axis, mapping.read);
  for (Guard& guard : read.guards) guard.index = MapIndex(guard.index, mapping.axis, mapping.read);
}

void VisitIndexReads(const TensorRead& read, const std::function<void(int)>& visit) {
  for (const Index& index : read.coordinates) VisitReads(index, visit);
  for (const Guard& guard : read.guards) VisitReads(guard.index, visit);
}

void VisitScalars(const Scalar& root, std::unordered_set<const ScalarNode*>& seen,
                  const std::function<void(const ScalarNode&)>& visit) {
  if (!seen.insert(root.get()).second) return;
  visit(*root);
  for (const Scalar& argument : root->arguments) VisitScalars(argument, seen, visit);
}

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

class ScalarSharer {
 public:
  Scalar Run(const Scalar& root) {
    if (auto found = done_.find(root.get()); found != done_.end()) return found->second;
    ScalarNode node = *root;
    bool changed = false;
    for (Scalar& argument : node.arguments) {
      Scalar shared = Run(argument);
      changed |= shared != argument;
      argument = std::move(shared);
    }
    Scalar& entry = nodes_[Key(node)];
    if (!entry) entry = changed ? std::make_shared<const ScalarNode>(std::move(node)) : root;
    alive_.push_back(root);
    return done_[root.get()] = entry;
  }

 private:
  static std::string Key(const ScalarNode& node) {
    std::vector<const void*> arguments;
    for (const Scalar& argument : node.arguments) arguments.push_back(argument.get());
    return fmt::format("{} {} {} {} {:x} {} {} {}", static_cast<int>(node.kind),
                       static_cast<int>(node.dtype), static_cast<int>(node.op), node.slot,
                       std::bit_cast<uint64_t>(node.number), node.integer,
                       node.index ? ToString(node.index) : "", fmt::join(arguments, " "));
  }

  std::unordered_map<const ScalarNode*, Scalar> done_;
  std::unordered_map<std::string, Scalar> nodes_;
  std::vector<Scalar> alive_;
};

// ---- costs -------------------------------------------------------------------------------------

struct OpCost {
  ScalarOp op;
  int64_t cost;
};
/// In units of an addition; what is absent costs 1.
constexpr OpCost kCosts[] = {
    {ScalarOp::kDiv, 4},      {ScalarOp::kSqrt, 4},    {ScalarOp::kPow, 40}, {ScalarOp::kExp, 12},
    {ScalarOp::kLog, 16},     {ScalarOp::kSin, 20},    {ScalarOp::kCos, 20}, {ScalarOp::kTanh, 18},
    {ScalarOp::kSigmoid, 16}, {ScalarOp::kPhilox, 60},
};
constexpr int64_t kExpensive = 12;

int64_t CostOf(ScalarOp op) {
  for (const OpCost& row : kCosts)
    if (row.op == op) return row.cost;
  return 1;
}

}  // namespace

void ShareScalars(const std::vector<Scalar*>& roots) {
  ScalarSharer sharer;
  for (Scalar* root : roots) *root = sharer.Run(*root);
}

void Normalize(Computation& computation) {
  DropUnusedResults(computation);
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

// ---- inlining ----------------------------------------------------------------------------------

Scalar InRange(const std::vector<Guard>& guards) {
  Scalar all;
  for (const Guard& guard : guards) {
    const Scalar index = IndexScalar(guard.index);
    const Scalar inside = Call(
        ScalarOp::kAnd, {Call(ScalarOp::kGe, {index, ConstantInt(DType::kI64, 0)}),
                         Call(ScalarOp::kLt, {index, ConstantInt(DType::kI64, guard.extent)})});
    all = all ? Call(ScalarOp::kAnd, {all, inside}) : inside;
  }
  return all;
}

bool Reads(const Computation& computation, int tensor) {
  return std::any_of(computation.reads.begin(), computation.reads.end(),
                     [&](const TensorRead& read) { return read.tensor == tensor; });
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

namespace {

int ResultOf(const Computation& producer, int tensor) {
  const auto found = std::find(producer.tensors.begin(), producer.tensors.end(), tensor);
  DESCENT_CHECK(found != producer.tensors.end(), "inlining a tensor of another computation");
  return static_cast<int>(found - producer.tensors.begin());
}

bool SameOutside(const Scalar& a, const Scalar& b) { return a && b && SameScalar(a, b); }

}  // namespace

bool CanInline(const Computation& consumer, int tensor, const Computation& producer) {
  if (producer.reducer) return false;
  const Scalar& value = producer.results[ResultOf(producer, tensor)];
  for (size_t slot = 0; slot < consumer.reads.size(); ++slot) {
    const TensorRead& read = consumer.reads[slot];
    if (read.tensor != tensor) continue;
    // Out of range must yield 0 of the producer's result, not of what it reads.
    for (const Index& index : read.coordinates)
      if (UsesData(index)) return false;
    if (!IsIndexRead(consumer, static_cast<int>(slot))) continue;
    // An index must stay a read: a select could not stand there.
    if (value->kind != ScalarKind::kRead) return false;
    const TensorRead& inner = producer.reads[value->slot];
    if (!read.guards.empty() && !inner.guards.empty() && !SameOutside(read.outside, inner.outside))
      return false;
  }
  return true;
}

void Inline(Computation& consumer, int tensor, const Computation& producer) {
  const Scalar& value = producer.results[ResultOf(producer, tensor)];
  const Shape domain = producer.domain();
  std::vector<TensorRead> reads = consumer.reads;
  std::vector<Scalar> values(consumer.reads.size());
  std::vector<int> index_reads(consumer.reads.size(), -1);

  for (size_t slot = 0; slot < consumer.reads.size(); ++slot) {
    const TensorRead read = consumer.reads[slot];
    if (read.tensor != tensor) continue;
    const std::vector<Index> point =
        read.view == domain ? read.coordinates
                            : Delinearize(LinearIndex(read.coordinates, read.view), domain);
    const int offset = static_cast<int>(reads.size());
    const Mapping mapping{
        .axis = [&](int axis) { return point[axis]; },
        .read = [&](int inner) { return ReadIndex(inner + offset); },
        .value =
            [&](int inner) { return ReadScalar(inner + offset, producer.reads[inner].dtype); }};
    Scalar inlined = MapScalar(value, mapping);
    const bool is_read = value->kind == ScalarKind::kRead;
    const bool merge_outside =
        is_read && (producer.reads[value->slot].guards.empty() ||
                    SameOutside(read.outside, producer.reads[value->slot].outside));
    for (const TensorRead& inner : producer.reads) {
      TensorRead& added = reads.emplace_back(inner);
      MapRead(added, mapping);
      if (read.guards.empty()) continue;
      added.guards.insert(added.guards.end(), read.guards.begin(), read.guards.end());
      if (merge_outside && inner.guards.empty() && &inner == &producer.reads[value->slot])
        added.outside = read.outside;
      else if (!added.outside)
        added.outside = ConstantInt(inner.dtype, 0);
    }
    if (is_read) index_reads[slot] = value->slot + offset;
    if (!read.guards.empty() && !merge_outside)
      inlined = Call(ScalarOp::kSelect, {InRange(read.guards), inlined, read.outside});
    values[slot] = std::move(inlined);
  }

  consumer.reads = std::move(reads);
  const Mapping mapping{.axis = {},
                        .read =
                            [&](int slot) {
                              const bool replaced = slot < static_cast<int>(index_reads.size()) &&
                                                    index_reads[slot] >= 0;
                              return ReadIndex(replaced ? index_reads[slot] : slot);
                            },
                        .value = [&](int slot) -> Scalar { return values[slot]; }};
  for (TensorRead& read : consumer.reads) MapRead(read, mapping);
  for (Scalar* root : ScalarRoots(consumer)) *root = MapScalar(*root, mapping);
  std::vector<std::string> nodes = producer.nodes;
  for (const std::string& node : consumer.nodes)
    if (std::find(nodes.begin(), nodes.end(), node) == nodes.end()) nodes.push_back(node);
  consumer.nodes = std::move(nodes);
  Normalize(consumer);
}

void InlineConstant(Computation& consumer, int tensor, const Scalar& value) {
  std::vector<Scalar> values(consumer.reads.size());
  for (size_t slot = 0; slot < consumer.reads.size(); ++slot) {
    const TensorRead& read = consumer.reads[slot];
    if (read.tensor != tensor || IsIndexRead(consumer, static_cast<int>(slot))) continue;
    // Indices from data are still checked, so such a read stays.
    if (std::any_of(read.coordinates.begin(), read.coordinates.end(), UsesData)) continue;
    values[slot] = read.guards.empty() || SameScalar(read.outside, value)
                       ? value
                       : Call(ScalarOp::kSelect, {InRange(read.guards), value, read.outside});
  }
  const Mapping mapping{.value = [&](int slot) -> Scalar { return values[slot]; }};
  for (Scalar* root : ScalarRoots(consumer)) *root = MapScalar(*root, mapping);
  Normalize(consumer);
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

bool IsLayout(const Computation& computation) {
  return !computation.reducer && computation.results.size() == 1 &&
         computation.results[0]->kind == ScalarKind::kRead;
}

int64_t ScalarCost(const std::vector<Scalar>& roots) {
  int64_t cost = 0;
  std::unordered_set<const ScalarNode*> seen;
  for (const Scalar& root : roots)
    VisitScalars(root, seen, [&](const ScalarNode& node) {
      if (node.kind == ScalarKind::kCall) cost += CostOf(node.op);
    });
  return cost;
}

int64_t PointCost(const Computation& computation) {
  std::vector<Scalar> roots = computation.results;
  if (computation.reducer)
    roots.insert(roots.end(), computation.reducer->step.begin(), computation.reducer->step.end());
  return ScalarCost(roots);
}

bool IsExpensive(const Computation& computation) {
  bool expensive = false;
  std::unordered_set<const ScalarNode*> seen;
  for (const Scalar& root : computation.results)
    VisitScalars(root, seen, [&](const ScalarNode& node) {
      expensive |= node.kind == ScalarKind::kCall && CostOf(node.op) >= kExpensive;
    });
  return expensive;
}

}  // namespace descent

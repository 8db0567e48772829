// Inlining of compiler/kernel/computation.h: a producer's expression in place of reads.
#include <algorithm>

#include "compiler/kernel/remap.h"
#include "compiler/kernel/widen.h"
#include "ir/diagnostic.h"

namespace descent {

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

namespace {

int ResultOf(const Computation& producer, int tensor) {
  const auto found = std::find(producer.tensors.begin(), producer.tensors.end(), tensor);
  DESCENT_CHECK(found != producer.tensors.end(), "inlining a tensor of another computation");
  return static_cast<int>(found - producer.tensors.begin());
}

bool SameOutside(const Scalar& a, const Scalar& b) { return a && b && SameScalar(a, b); }

/// The read that yields `outside` wherever `value`, which is it or a conversion of it between
/// floats, would be replaced by that, with what it then has outside: 0 stays 0. Slot -1: none.
struct GuardedSource {
  int slot = -1;
  Scalar outside;
};

GuardedSource SourceOf(const Scalar& value, const Scalar& outside) {
  if (value->kind == ScalarKind::kRead) return {value->slot, outside};
  const ScalarNode& source = ThroughFloatCasts(*value);
  const bool is_zero = outside && outside->kind == ScalarKind::kConstant && outside->number == 0;
  if (source.kind != ScalarKind::kRead || !is_zero) return {};
  return {source.slot, ConstantScalar(source.dtype, outside->number)};
}

}  // namespace

std::optional<Obstacle> InliningObstacle(const Computation& consumer, int tensor,
                                         const Computation& producer) {
  if (producer.reducer) return Obstacle::kReduction;
  const Scalar& value = producer.results[ResultOf(producer, tensor)];
  for (size_t slot = 0; slot < consumer.reads.size(); ++slot) {
    const TensorRead& read = consumer.reads[slot];
    if (read.tensor != tensor) continue;
    // Out of range must yield 0 of the producer's result, not of what it reads.
    for (const Index& index : read.coordinates)
      if (UsesData(index)) return Obstacle::kReadAtData;
    if (!IsIndexRead(consumer, static_cast<int>(slot))) continue;
    // An index must stay a read: a select could not stand there.
    if (value->kind != ScalarKind::kRead) return Obstacle::kIndexComputed;
    const TensorRead& inner = producer.reads[value->slot];
    if (!read.guards.empty() && !inner.guards.empty() && !SameOutside(read.outside, inner.outside))
      return Obstacle::kIndexOutside;
  }
  return std::nullopt;
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
    const GuardedSource source = SourceOf(value, read.outside);
    const bool merge_outside =
        source.slot >= 0 && (producer.reads[source.slot].guards.empty() ||
                             SameOutside(source.outside, producer.reads[source.slot].outside));
    for (const TensorRead& inner : producer.reads) {
      TensorRead& added = reads.emplace_back(inner);
      MapRead(added, mapping);
      if (read.guards.empty()) continue;
      const bool is_result = merge_outside && &inner == &producer.reads[source.slot];
      // One element can be read at every point, and stays the same at all of them.
      if (!is_result && inner.coordinates.empty()) continue;
      added.guards.insert(added.guards.end(), read.guards.begin(), read.guards.end());
      if (is_result && inner.guards.empty())
        added.outside = source.outside;
      else if (!added.outside)
        added.outside = ConstantInt(inner.dtype, 0);
    }
    if (value->kind == ScalarKind::kRead) index_reads[slot] = value->slot + offset;
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
  consumer.after.insert(consumer.after.end(), producer.after.begin(), producer.after.end());
  // Whoever waits for a value that is computed nowhere waits for what it is made of.
  if (std::erase(consumer.after, tensor) > 0)
    for (const TensorRead& read : producer.reads) consumer.after.push_back(read.tensor);
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

}  // namespace descent

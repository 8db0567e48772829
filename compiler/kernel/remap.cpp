#include "compiler/kernel/remap.h"

namespace descent {

std::vector<Scalar*> ScalarRoots(Computation& computation) {
  std::vector<Scalar*> roots;
  if (computation.reducer) {
    for (Scalar& step : computation.reducer->step) roots.push_back(&step);
    for (Scalar& combine : computation.reducer->combine) roots.push_back(&combine);
  }
  for (Scalar& result : computation.results) roots.push_back(&result);
  return roots;
}

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
  // What only its parent holds is met once.
  if (root.use_count() > 1 && !seen.insert(root.get()).second) return;
  visit(*root);
  for (const Scalar& argument : root->arguments) VisitScalars(argument, seen, visit);
}

}  // namespace descent

// TopologicalOrder of compiler/kernel/region.h.
#include <queue>

#include "compiler/kernel/region.h"

namespace descent {

std::optional<std::vector<int>> TopologicalOrder(const std::vector<std::vector<int>>& successors) {
  std::vector<int> pending(successors.size(), 0);
  for (const auto& list : successors)
    for (const int next : list) ++pending[next];
  std::priority_queue<int, std::vector<int>, std::greater<>> ready;
  for (size_t i = 0; i < pending.size(); ++i)
    if (pending[i] == 0) ready.push(static_cast<int>(i));
  std::vector<int> order;
  while (!ready.empty()) {
    const int i = ready.top();
    ready.pop();
    order.push_back(i);
    for (const int next : successors[i])
      if (--pending[next] == 0) ready.push(next);
  }
  if (order.size() != successors.size()) return std::nullopt;
  return order;
}

}  // namespace descent

#include "compiler/codegen/panels.h"

#include <set>

namespace descent {

void EmitPanels(FunctionEmitter& f, llvm::Value* low, const Panels& usual, const Panels& last,
                llvm::Value* is_last, const std::function<void(llvm::Value*, int64_t)>& body) {
  std::set<int64_t, std::greater<>> sizes;
  for (const Panels* all : {&usual, &last})
    for (const auto& [extent, number] : *all) sizes.insert(extent);
  const auto length_in = [](const Panels& panels, int64_t extent) {
    const auto found = panels.find(extent);
    return found == panels.end() ? 0 : found->second * extent;
  };
  for (const int64_t extent : sizes) {
    const int64_t length = length_in(usual, extent), last_length = length_in(last, extent);
    llvm::Value* end = f.Add(
        low, length == last_length ? f.I64(length)
                                   : f.b.CreateSelect(is_last, f.I64(last_length), f.I64(length)));
    if (length == extent && last_length == extent)
      body(low, extent);
    else
      f.For(low, end, extent, [&](llvm::Value* i) { body(i, extent); }, "panel");
    low = end;
  }
}

}  // namespace descent

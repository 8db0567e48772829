// Order: the largest elements.
#include "frontends/onnx/ops/families.h"

namespace descent::onnx {
namespace {

/// Where the order does not matter it is that of the values, too.
Outputs TopK(OnnxNode& n) {
  const Value x = n.In(0);
  const std::vector<int64_t> k = n.version() < 10 ? std::vector{n.Int("k", -1)} : n.StaticInts(1);
  if (k.size() != 1) return n.Fail("k must be one number, not {}", k.size());
  return n.AddMulti(
      "top_k", {x},
      {{"k", k[0]}, {"axis", n.Int("axis", -1)}, {"largest", n.Flag("largest", true)}});
}

}  // namespace

std::span<const OpImporter> SortImporters() {
  static const std::vector<OpImporter> kImporters = {
      {"TopK", 1, 9, 1, {"axis", "k"}, TopK},
      {"TopK", 10, 10, 2, {"axis"}, TopK},
      {"TopK", 11, kNewest, 2, {"axis", "largest", "sorted"}, TopK},
  };
  return kImporters;
}

}  // namespace descent::onnx

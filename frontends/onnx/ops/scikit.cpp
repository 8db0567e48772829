// Operators of the domain ai.onnx.ml that scikit-learn's networks and their preprocessing need.

#include "frontends/onnx/ops/families.h"

namespace descent::onnx {
namespace {

constexpr std::string_view kMl = "ai.onnx.ml";

/// Elements along the last axis; a vector is one row of a matrix.
Outputs ArrayFeatureExtractor(OnnxNode& n) {
  const Value x = n.In(0);
  const Value indices = n.Reshape(n.In(1), {n.type(n.In(1)).elements()});
  const int rank = n.rank(x);
  if (n.failed()) return Value{};
  if (rank == 0) return n.Fail("a scalar has no elements to take");
  const Value taken = n.Add("gather", {x, indices}, {{"axis", int64_t{rank - 1}}});
  return rank == 1 ? n.Unsqueeze(taken, {0}) : taken;
}

/// A number for each feature, the last axis, or one for all.
Value PerFeature(OnnxNode& n, std::string_view attribute, int64_t features, double otherwise) {
  std::vector<double> numbers = n.Floats(attribute, {otherwise});
  const auto count = static_cast<int64_t>(numbers.size());
  if (count != 1 && count != features)
    return n.Fail("{} has {} numbers for {} features", attribute, count, features);
  return n.Constant(Tensor::FromDoubles({DType::kF32, {count}}, numbers));
}

Outputs Scaler(OnnxNode& n) {
  const Value x = n.Cast(n.In(0), DType::kF32);
  if (n.failed()) return Value{};
  if (n.rank(x) == 0) return n.Fail("a scalar has no axis of features");
  const int64_t features = n.shape(x).back();
  const Value offset = PerFeature(n, "offset", features, 0);
  const Value scale = PerFeature(n, "scale", features, 1);
  return n.Times(n.Minus(x, offset), scale);
}

Outputs ZipMap(OnnxNode& n) {
  return n.Unsupported(
      "it turns probabilities into dictionaries; export with options={{'zipmap': False}}");
}

}  // namespace

std::span<const OpImporter> ScikitImporters() {
  static const std::vector<OpImporter> kImporters = {
      {"ArrayFeatureExtractor", 1, kNewest, {}, ArrayFeatureExtractor, {}, kMl},
      {"Scaler", 1, kNewest, {"offset", "scale"}, Scaler, {}, kMl},
      {"ZipMap", 1, kNewest, {"classlabels_int64s", "classlabels_strings"}, ZipMap, {}, kMl},
  };
  return kImporters;
}

}  // namespace descent::onnx

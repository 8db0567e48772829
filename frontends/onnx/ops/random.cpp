// Random numbers. Their generator is Descent's: the seed of a node only tells which nodes draw the
// same numbers.
#include <bit>

#include "frontends/onnx/graph_importer.h"
#include "frontends/onnx/ops/families.h"
#include "frontends/onnx/tensor_reader.h"

namespace descent::onnx {
namespace {

/// Nodes with equal seeds share a stream, all others have one of their own.
int64_t Stream(OnnxNode& n) {
  constexpr int64_t kSeeded = int64_t{1} << 29;
  if (!n.HasAttribute("seed")) return n.graph().NextStream();
  return kSeeded + std::bit_cast<uint32_t>(static_cast<float>(n.Float("seed", 0))) % kSeeded;
}

DType TypeOr(OnnxNode& n, DType otherwise) {
  if (!n.HasAttribute("dtype")) return otherwise;
  return n.Take(ReadDType(static_cast<int>(n.Int("dtype", 0))));
}

Value Draw(OnnxNode& n, const Shape& shape, DType dtype) {
  Attributes attributes = {{"shape", shape}, {"dtype", dtype}, {"stream", Stream(n)}};
  if (n.importer().target == "normal") {
    attributes.Set("mean", n.Float("mean", 0));
    attributes.Set("std", n.Float("scale", 1));
  } else {
    attributes.Set("low", n.Float("low", 0));
    attributes.Set("high", n.Float("high", 1));
  }
  return n.Add(n.importer().target, {}, std::move(attributes));
}

Outputs Random(OnnxNode& n) { return Draw(n, n.Ints("shape"), TypeOr(n, DType::kF32)); }
Outputs RandomLike(OnnxNode& n) {
  const Value like = n.In(0);
  return Draw(n, n.shape(like), TypeOr(n, n.dtype(like)));
}

Outputs Bernoulli(OnnxNode& n) {
  const Value x = n.In(0);
  return n.Add("bernoulli", {x}, {{"dtype", TypeOr(n, n.dtype(x))}, {"stream", Stream(n)}});
}

/// Each row of scores is drawn from sample_size times.
Outputs Multinomial(OnnxNode& n) {
  const Value x = n.In(0);
  if (n.rank(x) != 2) return n.Fail("its operand has {} axes, not 2", n.rank(x));
  const Shape shape = {n.shape(x)[0], n.Int("sample_size", 1), n.shape(x)[1]};
  const Value classes =
      n.Add("categorical", {n.Expand(n.Unsqueeze(x, {1}), shape)}, {{"stream", Stream(n)}});
  return n.Cast(classes, TypeOr(n, DType::kI32));
}

}  // namespace

std::span<const OpImporter> RandomImporters() {
  static const std::vector<OpImporter> kImporters = {
      {"Bernoulli", 15, kNewest, 1, {"dtype", "seed"}, Bernoulli},
      {"Multinomial", 7, kNewest, 1, {"dtype", "sample_size", "seed"}, Multinomial},
      {"RandomNormal",
       1,
       kNewest,
       0,
       {"shape", "dtype", "mean", "scale", "seed"},
       Random,
       "normal"},
      {"RandomNormalLike", 1, kNewest, 1, {"dtype", "mean", "scale", "seed"}, RandomLike, "normal"},
      {"RandomUniform",
       1,
       kNewest,
       0,
       {"shape", "dtype", "low", "high", "seed"},
       Random,
       "uniform"},
      {"RandomUniformLike", 1, kNewest, 1, {"dtype", "low", "high", "seed"}, RandomLike, "uniform"},
  };
  return kImporters;
}

}  // namespace descent::onnx

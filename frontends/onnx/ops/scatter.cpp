// Scatter: elements put to places.
#include <array>
#include <utility>

#include "frontends/onnx/ops/families.h"
#include "frontends/onnx/ops/indices.h"

namespace descent::onnx {
namespace {

/// ONNX's word for what becomes of an update and what stands at its place, and ours.
std::string ReduceOf(OnnxNode& n, DType dtype) {
  const std::string word = n.Word("reduction", "none");
  // Of bools a sum is whether any is true, a product whether all are.
  const bool is_bool = dtype == DType::kBool;
  const std::array<std::pair<std::string_view, std::string_view>, 5> kWords = {{
      {"none", "set"},
      {"add", is_bool ? "max" : "add"},
      {"mul", is_bool ? "min" : "mul"},
      {"max", "max"},
      {"min", "min"},
  }};
  for (const auto& [theirs, ours] : kWords)
    if (word == theirs) return std::string(ours);
  n.Fail("reduction {} is none of none, add, mul, max, min", Quoted(word));
  return "set";
}

Value Scattered(OnnxNode& n, Value x, Value indices, Attributes attributes) {
  const DType dtype = n.dtype(x);
  const std::string reduce = ReduceOf(n, dtype);
  attributes.Set("reduce", reduce);
  const DType via = dtype == DType::kBool && reduce != "set" ? DType::kU8 : dtype;
  const Value updates = n.Cast(n.In(2), via);
  return n.Cast(n.Add(n.importer().target, {n.Cast(x, via), indices, updates}, attributes), dtype);
}

Outputs ScatterElements(OnnxNode& n) {
  const Value x = n.In(0);
  const int64_t axis = n.Axis(n.Int("axis", 0), n.rank(x));
  if (n.failed()) return Value{};
  return Scattered(n, x, FromFront(n, n.In(1), n.shape(x)[axis]), {{"axis", axis}});
}

Outputs ScatterNd(OnnxNode& n) {
  const Value x = n.In(0);
  return Scattered(n, x, TuplesFromFront(n, n.In(1), n.shape(x), 0), {});
}

/// The update of each sample takes the places from its write index on.
Outputs TensorScatter(OnnxNode& n) {
  const Value cache = n.In(0), update = n.In(1);
  const int rank = n.rank(cache);
  const int64_t axis = n.Axis(n.Int("axis", -2), rank);
  const std::string mode = n.Choice("mode", {"linear", "circular"});
  if (n.rank(update) != rank)
    return n.Fail("{} and {} differ in rank", ToString(n.type(cache)), ToString(n.type(update)));
  if (axis == 0) return n.Fail("axis 0 is that of the samples");
  if (n.failed()) return Value{};
  Value place = n.Add("iota", {}, {{"shape", n.shape(update)}, {"axis", axis}});
  if (n.Has(2)) place = n.Plus(place, n.AlongAxis(n.Cast(n.In(2), DType::kI64), 0, rank));
  if (mode == "circular")
    place = n.Add("remainder", {place, n.Like(place, static_cast<double>(n.shape(cache)[axis]))});
  return n.Add("scatter", {cache, place, update}, {{"axis", axis}});
}

}  // namespace

std::span<const OpImporter> ScatterImporters() {
  static const std::vector<OpImporter> kImporters = {
      {"Scatter", 9, kNewest, 3, {"axis"}, ScatterElements, "scatter"},
      {"ScatterElements", 11, 15, 3, {"axis"}, ScatterElements, "scatter"},
      {"ScatterElements", 16, kNewest, 3, {"axis", "reduction"}, ScatterElements, "scatter"},
      {"ScatterND", 11, 15, 3, {}, ScatterNd, "scatter_nd"},
      {"ScatterND", 16, kNewest, 3, {"reduction"}, ScatterNd, "scatter_nd"},
      {"TensorScatter", 24, kNewest, 3, {"axis", "mode"}, TensorScatter},
  };
  return kImporters;
}

}  // namespace descent::onnx

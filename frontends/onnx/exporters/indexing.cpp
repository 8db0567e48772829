// Elements chosen and put by numbers, and sorting.
#include "frontends/onnx/exporters/families.h"
#include "ir/expr.h"
#include "ir/ops/shapes.h"

namespace descent::onnx {
namespace {

using Node = ExportedNode;
using Values = std::vector<Value>;
using Operands = std::span<const Value>;

std::string AsI64(const Node& n, int operand) {
  if (n.op.dtype(operand) == DType::kI64) return n.In(operand);
  return n.w.Add("Cast", {n.In(operand)}, {{"to", int64_t{DTypeNumber(DType::kI64)}}});
}
/// As numbers of elements: i32 or i64.
std::string Indices(const Node& n, int operand) {
  return n.op.dtype(operand) == DType::kI32 ? n.In(operand) : AsI64(n, operand);
}

Names Embedding(const Node& n) {
  return {n.w.Add("Gather", {n.In(0), Indices(n, 1)}, {{"axis", int64_t{0}}})};
}
/// The row's target along an axis.
Names Gather(const Node& n) {
  return {n.w.Add(n.target, {n.In(0), Indices(n, 1)}, {{"axis", n.Int("axis")}})};
}
Names GatherNd(const Node& n) {
  return {n.w.Add("GatherND", {n.In(0), AsI64(n, 1)}, {{"batch_dims", n.Int("batch_dims")}})};
}

// ---- scatter -----------------------------------------------------------------------------------

bool Combines(const OpContext& op) { return op.attributes.String("reduce") != "set"; }

/// Where updates replace what stands there ONNX leaves open which one of a place wins.
Names Scatter(const Node& n) {
  if (!Combines(n.op)) return {};
  return {n.w.Add("ScatterElements", {n.In(0), Indices(n, 1), n.In(2)},
                  {{"axis", n.Int("axis")}, {"reduction", n.op.attributes.String("reduce")}})};
}
Names ScatterNd(const Node& n) {
  if (!Combines(n.op)) return {};
  return {n.w.Add("ScatterND", {n.In(0), AsI64(n, 1), n.In(2)},
                  {{"reduction", n.op.attributes.String("reduce")}})};
}
Names ScatterRows(const Node& n) {
  if (!Combines(n.op)) return {};
  const std::string tuples = n.w.Add("Unsqueeze", {AsI64(n, 1), n.w.Ints({-1})});
  return {n.w.Add("ScatterND", {n.In(0), tuples, n.In(2)},
                  {{"reduction", n.op.attributes.String("reduce")}})};
}
/// The last update of each row is the one with the largest number.
Values ExpandScatterRows(GraphBuilder& b, const OpContext& op, Operands operands) {
  const Expr x(b, operands[0]), indices(b, operands[1]), updates(b, operands[2]);
  const int64_t count = Elements(op.shape(1));
  if (count == 0) return {x};
  Shape row(op.shape(0).begin() + 1, op.shape(0).end()), flat = row, column(op.shape(0).size(), 1);
  flat.insert(flat.begin(), count);
  column[0] = op.shape(0)[0];
  const Expr none = Filled(b, {op.shape(0)[0]}, DType::kI64, -1);
  const Expr last = descent::ScatterRows(none, Reshape(indices, {count}),
                                         Iota(b, {count}, 0, DType::kI64), "max");
  const Expr chosen = descent::Gather(Reshape(updates, flat), Maximum(last, 0.0));
  return {Where(Reshape(Less(last, 0.0), column), x, chosen)};
}

// ---- sorting -----------------------------------------------------------------------------------

/// Values and places; of equal elements the first comes first.
Names Sorted(const Node& n, const std::string& x, int64_t k, bool largest) {
  return n.w.AddMulti(
      "TopK", {x, n.w.Ints({k})}, 2,
      {{"axis", n.Int("axis")}, {"largest", int64_t{largest}}, {"sorted", int64_t{1}}});
}
int64_t ExtentAlong(const Node& n) { return n.op.shape(0)[KnownAxis(n.Int("axis"), n.rank())]; }

Names Sort(const Node& n) { return Sorted(n, n.In(0), ExtentAlong(n), n.Flag("descending")); }
Names ArgSort(const Node& n) { return {Sort(n)[1]}; }
/// The inverse of a permutation is what sorts it.
Names SortRank(const Node& n) { return {Sorted(n, ArgSort(n)[0], ExtentAlong(n), false)[1]}; }
/// Unless sorted by value, by place: ONNX leaves that order open.
Names TopK(const Node& n) {
  const Names top = Sorted(n, n.In(0), n.Int("k"), n.Flag("largest"));
  if (n.Flag("sorted")) return top;
  const std::string places = Sorted(n, top[1], n.Int("k"), false)[0];
  return {n.w.Add("GatherElements", {n.In(0), places}, {{"axis", n.Int("axis")}}), places};
}

}  // namespace

std::span<const OpExporter> IndexingExporters() {
  static constexpr OpExporter kExporters[] = {
      {"argsort", ArgSort},
      {"embedding", Embedding},
      {"gather", Gather, "Gather"},
      {"gather_elements", Gather, "GatherElements"},
      {"gather_nd", GatherNd},
      {"scatter", Scatter},
      {"scatter_nd", ScatterNd},
      {.name = "scatter_rows", .write = ScatterRows, .expand = ExpandScatterRows},
      {"sort", Sort},
      {"sort_rank", SortRank},
      {"top_k", TopK},
  };
  return kExporters;
}

}  // namespace descent::onnx

// Bags of embeddings: rows of a table chosen by indices and reduced by bag.

#include <array>
#include <limits>

#include "ir/expr.h"
#include "ir/ops/families.h"
#include "ir/ops/shapes.h"

namespace descent {
namespace {

using Values = std::vector<Value>;
using Operands = std::span<const Value>;

enum { kTable, kIndices };

/// Indices are a vector cut by offsets, or have a row per bag; weights come last.
bool IsCut(const OpContext& op) { return op.operands[kIndices].rank() == 1; }
size_t WeightsPlace(const OpContext& op) { return IsCut(op) ? 3 : 2; }
bool HasWeights(const OpContext& op) { return op.operands.size() > WeightsPlace(op); }
int64_t Bags(const OpContext& op) { return IsCut(op) ? op.shape(2)[0] : op.shape(kIndices)[0]; }

Result<void> CheckOffsets(const OpContext& op) {
  if (!IsCut(op)) {
    if (op.operands.size() > 3) return Error("indices with a row per bag have no offsets");
    return {};
  }
  if (op.operands.size() < 3) return Error("indices that are a vector need offsets");
  if (!Info(op.dtype(2)).is_integer || op.operands[2].rank() != 1)
    return Error("offsets must be a vector of integers, not {}", ToString(op.operands[2]));
  return {};
}

Result<void> CheckWeights(const OpContext& op) {
  if (!HasWeights(op)) return {};
  const TensorType expected{op.dtype(kTable), op.shape(kIndices)}, &given = op.operands.back();
  if (given != expected)
    return Error("weights must be {}, one for each index, not {}", ToString(expected),
                 ToString(given));
  if (op.attributes.String("mode") != "sum") return Error("weights are for mode sum");
  return {};
}

Result<std::vector<TensorType>> InferEmbeddingBag(const OpContext& op) {
  const Shape& table = op.shape(kTable);
  if (table.size() != 2) return Error("table must be [rows, columns], not {}", ToString(table));
  const int64_t padding = op.attributes.Int("padding_idx");
  if (padding < -1 || padding >= table[0])
    return Error("padding_idx must be a row of table {} or -1, not {}", ToString(table), padding);
  const int rank = op.operands[kIndices].rank();
  if (rank != 1 && rank != 2)
    return Error("indices must be a vector or [bags, indices], not {}",
                 ToString(op.shape(kIndices)));
  DESCENT_RETURN_IF_ERROR(CheckOffsets(op));
  DESCENT_RETURN_IF_ERROR(CheckWeights(op));
  Shape chosen = op.shape(kIndices);
  ++chosen[0];  // offsets are counted beyond the last
  chosen.push_back(table[1]);
  if (!CheckedElements(chosen)) return Error("the chosen rows {} are too large", ToString(chosen));
  return OneResult(op.dtype(kTable), {Bags(op), table[1]});
}

/// What is chosen. Bags are rows ([bags, indices, ...]), or, cut by offsets, runs of [indices,
/// ...].
struct Chosen {
  Expr rows;   ///< [..., columns]
  Expr valid;  ///< bool [..., 1]: not padding
  Expr bag;    ///< i64 [indices], of runs
};

/// The number of offsets at or before each place, less one; -1 before the first.
Expr BagOfPlaces(const OpContext& op, Expr offsets) {
  GraphBuilder& b = offsets.builder();
  const int64_t places = op.shape(kIndices)[0];
  const Expr none = Filled(b, {places + 1}, DType::kI64, 0);
  const Expr ones = Filled(b, op.shape(2), DType::kI64, 1);
  const Expr starts(b, b.Add("cumsum", {ScatterRows(none, offsets, ones, "add")}));
  return SliceAxis(starts, 0, 0, places) - 1.0;
}

Chosen Choose(GraphBuilder& b, const OpContext& op, Operands x) {
  const Expr indices(b, x[kIndices]);
  const auto padding = static_cast<double>(op.attributes.Int("padding_idx"));
  const int last = indices.rank();
  const Expr number = Unsqueeze(CastTo(indices, DType::kI64), last);
  const Expr valid = padding < 0 ? Filled(b, number.shape(), DType::kBool, 1)
                                 : NotEqual(number, number.Like(padding));
  Expr rows = Gather({b, x[kTable]}, indices);
  if (HasWeights(op)) rows = rows * Unsqueeze({b, x[WeightsPlace(op)]}, last);
  return {rows, valid, IsCut(op) ? BagOfPlaces(op, {b, x[2]}) : indices};
}

/// Sums over the bags.
Expr SumBags(const OpContext& op, const Chosen& chosen, Expr terms) {
  if (!IsCut(op)) return Sum(terms, {1});
  Shape shape = terms.shape();
  shape[0] = Bags(op);
  return ScatterRows(Filled(terms.builder(), shape, terms.dtype(), 0), chosen.bag, terms, "add");
}

/// Place of the first largest row of each bag, at each place of the bag: per column.
Expr FirstLargest(const OpContext& op, const Chosen& chosen, Expr kept) {
  GraphBuilder& b = kept.builder();
  if (!IsCut(op)) return ArgMax(kept, 1, true);
  const Shape bags = {Bags(op), kept.shape()[1]};
  const Expr lowest = Filled(b, bags, kept.dtype(), -std::numeric_limits<double>::infinity());
  const Expr top = Gather(ScatterRows(lowest, chosen.bag, kept, "max"), chosen.bag);
  const Expr is_top = And(chosen.valid, Or(Equal(kept, top), NotEqual(kept, kept)));
  const auto end = static_cast<double>(kept.shape()[0]);
  const Expr place = Where(is_top, Iota(b, kept.shape(), 0, DType::kI64), end);
  const Expr none = Filled(b, bags, DType::kI64, end);
  return Gather(ScatterRows(none, chosen.bag, place, "min"), chosen.bag);
}

Values ExpandEmbeddingBag(GraphBuilder& b, const OpContext& op, Operands x) {
  const Chosen chosen = Choose(b, op, x);
  const std::string& mode = op.attributes.String("mode");
  if (chosen.rows.shape()[chosen.rows.rank() - 2] == 0)
    return {Filled(b, {Bags(op), op.shape(kTable)[1]}, op.dtype(kTable), 0)};
  if (mode == "max") {
    const Expr kept = Where(chosen.valid, chosen.rows, -std::numeric_limits<double>::infinity());
    const Expr place = Iota(b, kept.shape(), kept.rank() - 2, DType::kI64);
    const Expr is_first = And(chosen.valid, Equal(place, FirstLargest(op, chosen, kept)));
    return {SumBags(op, chosen, Where(is_first, chosen.rows, 0.0))};
  }
  const Expr sum = SumBags(op, chosen, Where(chosen.valid, chosen.rows, 0.0));
  if (mode == "sum") return {sum};
  return {sum / Maximum(SumBags(op, chosen, CastTo(chosen.valid, op.dtype(kTable))), 1.0)};
}

}  // namespace

std::span<const OpDef> BagOps() {
  static const std::array kOps = {OpDef{
      .name = "embedding_bag",
      .doc =
          "Rows of a table, reduced by bag.\n\nThe result [bags, columns] holds the sum, mean or "
          "largest elements of `table[indices]` of each bag. Bag b are the indices of row b, or, "
          "if indices are a vector, those from `offsets[b]` on, up to the next offset; offsets "
          "rise and begin with 0. Weights (mode sum only) have the shape of indices and scale the "
          "rows; they are the last operand, the third one where indices have rows. Indices equal "
          "to padding_idx are left out and not counted; an empty bag is 0. As PyTorch's "
          "embedding_bag. An index out of range counts as a row of zeros; an offset out of range "
          "and indices before the first offset are dropped. Each is reported. Gradient: `g` (for "
          "mean divided by the count) to each row, times its weight; for max to the first largest "
          "row.",
      .example =
          "embedding_bag([[1, 2], [3, 4]], i64 [0, 1, 1], i64 [0, 2], mode=sum) = [[4, 6], [3, 4]]",
      .signature = {.operands = {{"table", DTypeClass::kFloat},
                                 {"indices", DTypeClass::kInteger, -1},
                                 {"offsets", DTypeClass::kNumeric, -1, true},
                                 {"weights", DTypeClass::kFloat, 0, true}},
                    .attributes = {{"mode",
                                    AttributeKind::kString,
                                    Attribute(std::string("mean")),
                                    "how a bag is reduced",
                                    {"sum", "mean", "max"}},
                                   {"padding_idx", AttributeKind::kInt, Attribute(int64_t{-1}),
                                    "row that is left out; -1: none"}}},
      .infer = InferEmbeddingBag,
      .expand = ExpandEmbeddingBag,
      .index_limit = [](const OpContext& op, int operand) {
        return operand == kIndices ? op.shape(kTable)[0] : 0;
      }}};
  return kOps;
}

}  // namespace descent

// Layers of transformers: attention between projections, and encodings of positions.

#include <array>
#include <cmath>
#include <numbers>

#include "ir/expr.h"
#include "ir/ops/families.h"
#include "ir/ops/shapes.h"

namespace descent {
namespace {

using Values = std::vector<Value>;

// ---- multi_head_attention ----------------------------------------------------------------------

enum MultiHeadOperands {
  kQuery,
  kKey,
  kValue,
  kWq,
  kWk,
  kWv,
  kWo,
  kBq,
  kBk,
  kBv,
  kBo,
  kMask,
  kKeyPadding
};

/// Numbers of heads; kv_heads 0 stands for as many as heads.
struct Heads {
  int64_t query, key;
  int64_t width;  ///< of each
};

Result<Heads> HeadsOf(const OpContext& op) {
  Heads heads{op.attributes.Int("heads"), op.attributes.Int("kv_heads"), 0};
  if (heads.key == 0) heads.key = heads.query;
  if (heads.query < 1 || heads.key < 1 || heads.query % heads.key != 0)
    return Error("heads = {} must be a positive multiple of kv_heads = {}", heads.query, heads.key);
  const int64_t rows = op.shape(kWq)[0];
  if (rows < 1 || rows % heads.query != 0)
    return Error("wq {} must have a multiple of {} rows, one part for each head",
                 ToString(op.shape(kWq)), heads.query);
  heads.width = rows / heads.query;
  return heads;
}

/// weight [outputs, inputs] and bias of one projection of `x`.
Result<void> CheckProjection(const OpContext& op, std::string_view name, int64_t inputs,
                             int64_t outputs, int weight, int bias) {
  if (op.shape(weight) != Shape{outputs, inputs})
    return Error("w{} must be {}, not {}", name, ToString(Shape{outputs, inputs}),
                 ToString(op.shape(weight)));
  const auto broadcast = BroadcastShapes(op.shape(bias), {outputs});
  if (!broadcast || *broadcast != Shape{outputs})
    return Error("b{} must be {} or a scalar, not {}", name, ToString(Shape{outputs}),
                 ToString(op.shape(bias)));
  return {};
}

Result<void> CheckRows(const OpContext& op) {
  const Shape &query = op.shape(kQuery), &key = op.shape(kKey), &value = op.shape(kValue);
  if (query.size() < 2) return Error("query must be [..., T, width], not {}", ToString(query));
  if (key.size() != query.size() || value.size() != query.size() ||
      !std::equal(query.begin(), query.end() - 2, key.begin()) ||
      !std::equal(key.begin(), key.end() - 1, value.begin()))
    return Error("key {} and value {} must be [..., S, width] beside query {}", ToString(key),
                 ToString(value), ToString(query));
  for (const int weight : {kWq, kWk, kWv, kWo})
    if (op.operands[weight].rank() != 2)
      return Error("weights must be [outputs, inputs], not {}", ToString(op.shape(weight)));
  return {};
}

/// [..., heads, length, width of a head]
Shape HeadShape(const Shape& rows, int64_t heads, int64_t width) {
  Shape shape(rows.begin(), rows.end() - 2);
  shape.insert(shape.end(), {heads, rows[rows.size() - 2], width});
  return shape;
}

Shape PaddingMaskShape(const OpContext& op) {
  return {op.shape(kKey).begin(), op.shape(kKey).end() - 1};
}

/// Masks against the scores [..., heads, T, S].
Result<void> CheckMasks(const OpContext& op, const Heads& heads) {
  Shape scores = HeadShape(op.shape(kQuery), heads.query, 1);
  scores.back() = op.shape(kKey)[op.shape(kKey).size() - 2];
  if (static_cast<int>(scores.size()) > kMaxRank || !CheckedElements(scores))
    return Error("the scores {} are too large", ToString(scores));
  if (op.operands.size() > kMask) {
    const DType dtype = op.dtype(kMask);
    if (dtype != DType::kBool && dtype != op.dtype(kQuery))
      return Error("mask must be bool or {}, not {}", Info(op.dtype(kQuery)).name,
                   Info(dtype).name);
    const auto broadcast = BroadcastShapes(op.shape(kMask), scores);
    if (!broadcast || *broadcast != scores)
      return Error("mask {} does not broadcast to the scores {}", ToString(op.shape(kMask)),
                   ToString(scores));
  }
  if (op.operands.size() > kKeyPadding && op.shape(kKeyPadding) != PaddingMaskShape(op))
    return Error("key_padding_mask must be {}, not {}", ToString(PaddingMaskShape(op)),
                 ToString(op.shape(kKeyPadding)));
  return {};
}

Result<std::vector<TensorType>> InferMultiHead(const OpContext& op) {
  DESCENT_RETURN_IF_ERROR(CheckRows(op));
  DESCENT_TRY(heads, HeadsOf(op));
  const int64_t kv_rows = heads.key * heads.width, outputs = op.shape(kWo)[0];
  DESCENT_RETURN_IF_ERROR(
      CheckProjection(op, "q", op.shape(kQuery).back(), heads.query * heads.width, kWq, kBq));
  DESCENT_RETURN_IF_ERROR(CheckProjection(op, "k", op.shape(kKey).back(), kv_rows, kWk, kBk));
  DESCENT_RETURN_IF_ERROR(CheckProjection(op, "v", op.shape(kValue).back(), kv_rows, kWv, kBv));
  DESCENT_RETURN_IF_ERROR(CheckProjection(op, "o", heads.query * heads.width, outputs, kWo, kBo));
  for (const auto& [rows, number] :
       {std::pair(kQuery, heads.query), std::pair(kKey, heads.key), std::pair(kValue, heads.key)}) {
    const Shape projected = HeadShape(op.shape(rows), number, heads.width);
    if (!CheckedElements(projected))
      return Error("the heads {} are too large", ToString(projected));
  }
  DESCENT_RETURN_IF_ERROR(CheckMasks(op, heads));
  Shape shape = op.shape(kQuery);
  shape.back() = outputs;
  return OneResult(op.dtype(kQuery), std::move(shape));
}

/// Axes of [..., a, b, c] with a and b exchanged.
std::vector<int64_t> HeadsExchanged(int rank) {
  std::vector<int64_t> permutation;
  for (int i = 0; i < rank; ++i) permutation.push_back(i);
  std::swap(permutation[rank - 3], permutation[rank - 2]);
  return permutation;
}

/// x w^T + b, cut into heads: [..., heads, length, width].
Expr ProjectedHeads(Expr x, Expr w, Expr bias, int64_t heads, int64_t width) {
  const Expr projected = Matmul(x, w, false, true) + bias;
  Shape cut = projected.shape();
  cut.back() = heads;
  cut.push_back(width);
  const Expr parts = Reshape(projected, cut);
  return Transpose(parts, HeadsExchanged(parts.rank()));
}

/// Mask and key padding mask as one: a key that is padding is seen by no query.
Values Masks(GraphBuilder& b, const OpContext& op, std::span<const Value> operands) {
  if (operands.size() <= kMask) return {};
  const Expr mask(b, operands[kMask]);
  if (operands.size() <= kKeyPadding) return {mask};
  Shape shape = PaddingMaskShape(op);
  shape.insert(shape.end() - 1, {1, 1});
  const Expr seen = Reshape({b, operands[kKeyPadding]}, shape);
  if (mask.dtype() == DType::kBool) return {And(mask, seen)};
  return {Where(seen, mask, -std::numeric_limits<double>::infinity())};
}

Values ExpandMultiHead(GraphBuilder& b, const OpContext& op, std::span<const Value> operands) {
  const Heads heads = *HeadsOf(op);
  const auto at = [&](int operand) { return Expr(b, operands[operand]); };
  Values attention = {ProjectedHeads(at(kQuery), at(kWq), at(kBq), heads.query, heads.width),
                      ProjectedHeads(at(kKey), at(kWk), at(kBk), heads.key, heads.width),
                      ProjectedHeads(at(kValue), at(kWv), at(kBv), heads.key, heads.width)};
  const Values masks = Masks(b, op, operands);
  attention.insert(attention.end(), masks.begin(), masks.end());
  const Expr out(b, b.Add("scaled_dot_product_attention", attention,
                          {{"causal", op.attributes.Bool("causal")}}));
  const Expr rows = Transpose(out, HeadsExchanged(out.rank()));
  Shape joined = op.shape(kQuery);
  joined.back() = heads.query * heads.width;
  return {Matmul(Reshape(rows, joined), at(kWo), false, true) + at(kBo)};
}

// ---- positions ---------------------------------------------------------------------------------

/// base^(-2i / width) for pair i, times the position: angles [..., pairs], f64.
Expr Angles(Expr positions, Expr pairs, double base, int64_t width) {
  const double rate = -2 * std::log(base) / static_cast<double>(width);
  return CastTo(positions, DType::kF64) * Exp(CastTo(pairs, DType::kF64) * rate);
}

Result<void> CheckBase(const OpContext& op) {
  const double base = op.attributes.Float("base");
  if (!(base > 0) || !std::isfinite(base))
    return Error("base must be positive and finite, not {}", base);
  return {};
}

/// Elements of a row that are rotated.
int64_t RotatedWidth(const OpContext& op) {
  const int64_t width = op.attributes.Int("width");
  return width != 0 ? width : op.shape(0).back();
}

Result<std::vector<TensorType>> InferRotary(const OpContext& op) {
  const Shape& x = op.shape(0);
  if (x.size() < 2) return Error("x must be [..., length, width], not {}", ToString(x));
  // Pairs have an axis of their own.
  if (static_cast<int>(x.size()) == kMaxRank)
    return Error("x must have fewer than {} axes, not {}", kMaxRank, x.size());
  DESCENT_RETURN_IF_ERROR(CheckBase(op));
  const int64_t width = RotatedWidth(op);
  if (width < 2 || width % 2 != 0 || width > x.back())
    return Error("width must be even, at least 2 and at most that of x {}, not {}", ToString(x),
                 width);
  if (op.operands.size() > 1) {
    const Shape rows(x.begin(), x.end() - 1);
    const auto broadcast = BroadcastShapes(op.shape(1), rows);
    if (!broadcast || *broadcast != rows)
      return Error("positions {} do not broadcast to the rows {} of x", ToString(op.shape(1)),
                   ToString(rows));
  }
  return OneResult(op.dtype(0), x);
}

/// The first `width` elements of each row as pairs: [..., 2, pairs] halves or [..., pairs, 2]
/// neighbours, and back.
struct Pairs {
  bool neighbours;
  int axis;  ///< of the two

  Expr Split(Expr x, int64_t width) const {
    Shape shape = x.shape();
    shape.back() = neighbours ? width / 2 : 2;
    shape.push_back(neighbours ? 2 : width / 2);
    return Reshape(x, shape);
  }
};

/// Each pair turned by its angle, or back.
Expr Rotated(GraphBuilder& b, const OpContext& op, std::span<const Value> positions, Expr x,
             bool back) {
  const int64_t width = RotatedWidth(op), length = op.shape(0)[op.shape(0).size() - 2];
  const int last = x.rank() - 1;
  const Pairs pairs{op.attributes.Bool("interleaved"),
                    op.attributes.Bool("interleaved") ? last + 1 : last};
  const Expr places = positions.empty() ? Iota(b, {length}, 0, DType::kI64) : Expr(b, positions[0]);
  const Expr angles = Angles(Unsqueeze(places, places.rank()), Iota(b, {width / 2}, 0, DType::kI64),
                             op.attributes.Float("base"), width);
  const int pair_axis = angles.rank() - (pairs.neighbours ? 0 : 1);
  const Expr c = Unsqueeze(CastTo(Cos(angles), x.dtype()), pair_axis);
  const Expr sine = Unsqueeze(CastTo(Sin(angles), x.dtype()), pair_axis);
  const Expr s = back ? -sine : sine;
  const Expr turned = pairs.Split(SliceAxis(x, last, 0, width), width);
  const Expr first = SliceAxis(turned, pairs.axis, 0, 1),
             second = SliceAxis(turned, pairs.axis, 1, 2);
  const std::array parts = {first * c - second * s, first * s + second * c};
  Shape shape = x.shape();
  shape.back() = width;
  const Expr rotated = Reshape(Concat(parts, pairs.axis), shape);
  if (width == x.shape().back()) return rotated;
  return Concat(std::array{rotated, SliceAxis(x, last, width, x.shape().back())}, last);
}

Values ExpandRotary(GraphBuilder& b, const OpContext& op, std::span<const Value> operands) {
  return {Rotated(b, op, operands.subspan(1), {b, operands[0]}, false)};
}

/// A rotation's adjoint is the rotation back.
Values VjpRotary(const VjpContext& v) {
  Values gradients(v.operands.size());
  gradients[0] = Rotated(v.b, v.op, v.operands.subspan(1), Gradient(v), true);
  return gradients;
}

Result<std::vector<TensorType>> InferSinusoidal(const OpContext& op) {
  if (!Info(op.attributes.Type("dtype")).is_float)
    return Error("dtype must be a float type, not {}", Info(op.attributes.Type("dtype")).name);
  DESCENT_RETURN_IF_ERROR(CheckBase(op));
  if (op.attributes.Int("width") < 1)
    return Error("width must be at least 1, not {}", op.attributes.Int("width"));
  return OneResult(op.attributes.Type("dtype"),
                   {op.attributes.Int("length"), op.attributes.Int("width")});
}

/// cos a is sin(a + pi / 2), so that each element takes one sine.
Values ExpandSinusoidal(GraphBuilder& b, const OpContext& op, std::span<const Value>) {
  const int64_t length = op.attributes.Int("length"), width = op.attributes.Int("width");
  const Expr column = Iota(b, {width}, 0, DType::kF64);
  const Expr pair = Floor(column * 0.5);
  const Expr angles =
      Angles(Iota(b, {length, 1}, 0, DType::kI64), pair, op.attributes.Float("base"), width);
  const Expr phase = (column - pair * 2.0) * (std::numbers::pi / 2);
  return {CastTo(Sin(angles + phase), op.attributes.Type("dtype"))};
}

// ---- the table ---------------------------------------------------------------------------------

Signature MultiHeadSignature() {
  constexpr auto kFloat = DTypeClass::kFloat;
  Signature signature;
  for (const std::string_view name :
       {"query", "key", "value", "wq", "wk", "wv", "wo", "bq", "bk", "bv", "bo"})
    signature.operands.push_back({name, kFloat});
  signature.operands.push_back({"mask", DTypeClass::kAny, -1, true});
  signature.operands.push_back({"key_padding_mask", DTypeClass::kBool, -1, true});
  signature.attributes = {
      {"heads", AttributeKind::kInt, std::nullopt, "number of query heads"},
      {"kv_heads", AttributeKind::kInt, Attribute(int64_t{0}),
       "number of key and value heads, a divisor of heads; 0: as many as heads"},
      {"causal", AttributeKind::kBool, Attribute(false), "row t of the query sees keys 0 to t"}};
  return signature;
}

const AttributeSpec kBase = {"base", AttributeKind::kFloat, Attribute(10000.0),
                             "wave lengths grow to 2 pi times this"};

}  // namespace

std::span<const OpDef> TransformerOps() {
  static const std::array kOps = {
      OpDef{.name = "multi_head_attention",
            .doc = "Attention of several heads between linear projections.\n\n`y = "
                   "concat(heads) wo^T + bo`, where the heads are scaled_dot_product_attention "
                   "of `query wq^T + bq`, `key wk^T + bk` and `value wv^T + bv` cut into heads. "
                   "query is [..., T, width], key and value [..., S, width], each with a width of "
                   "its own; weights are [outputs, inputs]: wq has heads * head width rows, wk and "
                   "wv kv_heads * head width. PyTorch's packed `in_proj_weight` is wq, wk and wv "
                   "one under the other. Biases broadcast: 0 leaves one out. A mask is bool (true: "
                   "may look) or added, and broadcasts to [..., heads, T, S]; key_padding_mask, "
                   "[..., S], is true for keys that are no padding (PyTorch's is the opposite) "
                   "and joins a mask; alone it is given as the mask, [..., 1, 1, S]. Dropout of "
                   "probabilities is not part of it. Gradient: that of its parts (Vaswani et al., "
                   "Attention is all you need, 2017).",
            .example = "multi_head_attention([[1]], [[0], [0]], [[2], [4]], [[1]], [[1]], [[1]], "
                       "[[10]], 0, 0, 0, 5, heads=1) = [[35]]",
            .signature = MultiHeadSignature(),
            .infer = InferMultiHead,
            .expand = ExpandMultiHead},
      OpDef{.name = "rotary_embedding",
            .doc = "Rows turned by their position, so that products of two rows depend on the "
                   "distance between them.\n\nPair i of row t turns by the angle `t * base^(-2i / "
                   "width)`: `(a, b)` becomes `(a cos - b sin, a sin + b cos)`. Pair i is elements "
                   "i and i + width/2, or 2i and 2i + 1 if `interleaved` (as in the paper). x is "
                   "[..., length, row]; positions, if given, replace 0, 1, 2, ... and broadcast "
                   "to [..., length]. Elements from `width` on stay. Angles are f64. Gradient: `g` "
                   "turned back (Su et al., RoFormer, 2021).",
            .example = "rotary_embedding([[1, 0], [1, 0]]) = [[1, 0], [0.5403, 0.8415]]",
            .signature = {.operands = {{"x", DTypeClass::kFloat},
                                       {"positions", DTypeClass::kInteger, -1, true}},
                          .attributes = {{"interleaved", AttributeKind::kBool, Attribute(false),
                                          "pairs are neighbours"},
                                         kBase,
                                         {"width", AttributeKind::kInt, Attribute(int64_t{0}),
                                          "elements of a row that turn, an even number; 0: all"}}},
            .infer = InferRotary,
            .expand = ExpandRotary,
            .vjp = VjpRotary},
      OpDef{.name = "sinusoidal_positions",
            .doc = "Sines and cosines that tell positions apart.\n\n`y[t, 2i] = sin(t * base^(-2i "
                   "/ width))`, `y[t, 2i + 1] = cos(t * base^(-2i / width))`: [length, width], to "
                   "be added to embeddings (Vaswani et al., Attention is all you need, 2017).",
            .example = "sinusoidal_positions(length=2, width=2) = [[0, 1], [0.8415, 0.5403]]",
            .signature = {.operands = {},
                          .attributes = {{"length", AttributeKind::kInt, std::nullopt,
                                          "number of positions"},
                                         {"width", AttributeKind::kInt, std::nullopt,
                                          "elements of a position"},
                                         {"dtype", AttributeKind::kDType, Attribute(DType::kF32),
                                          "a float type"},
                                         kBase}},
            .infer = InferSinusoidal,
            .expand = ExpandSinusoidal,
            .no_gradient = "it does not depend on anything"},
  };
  return kOps;
}

}  // namespace descent

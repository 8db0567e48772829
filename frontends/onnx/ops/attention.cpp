// Attention and the embedding of positions.
#include <cmath>
#include <limits>

#include "frontends/onnx/ops/families.h"
#include "frontends/onnx/ops/zero_point.h"
#include "frontends/onnx/tensor_reader.h"

namespace descent::onnx {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

/// [batch, length, heads * width] -> [batch, heads, length, width], which four axes are already.
Value SplitHeads(OnnxNode& n, Value x, std::string_view heads_attribute) {
  if (n.rank(x) == 4) return x;
  const int64_t heads = n.Int(heads_attribute, 0);
  if (n.rank(x) != 3 || heads <= 0)
    return n.Fail("{} with {} = {} is not possible", ToString(n.type(x)), heads_attribute, heads);
  const Shape shape = n.shape(x);
  if (shape[2] % heads != 0) return n.Fail("{} does not divide {}", heads, shape[2]);
  return n.Transpose(n.Reshape(x, {shape[0], shape[1], heads, shape[2] / heads}), {0, 2, 1, 3});
}

Value MergeHeads(OnnxNode& n, Value x) {
  if (n.rank(x) != 4) return n.Fail("heads are missing");
  const Shape shape = n.shape(x);
  return n.Reshape(n.Transpose(x, {0, 2, 1, 3}), {shape[0], shape[2], shape[1] * shape[3]});
}

Value And(OnnxNode& n, Value a, Value b) {
  if (!a.valid() || !b.valid()) return a.valid() ? a : b;
  return n.Add("logical_and", {a, b});
}

struct Scores {
  Value q, k, v;        ///< [batch, heads, length, width]
  Value allowed;        ///< bool, where a query may look; invalid: anywhere
  Value bias;           ///< added; invalid: 0
  bool causal = false;  ///< of a query and keys that begin at the same place
};

/// Keys by their place among all: not behind the query, within a window around it, no padding.
void AllowPlaces(OnnxNode& n, Scores& scores, int64_t past) {
  const int64_t queries = n.shape(scores.q)[2], keys = n.shape(scores.k)[2];
  const auto number = [&](int64_t value) { return n.Scalar(DType::kI64, value); };
  const Value key = n.Add("iota", {}, {{"shape", Shape{1, keys}}, {"axis", int64_t{1}}});
  const bool causal = n.Flag("is_causal");
  const int64_t left = n.Int("left_window_size", -1), right = n.Int("right_window_size", -1);
  Value length;
  if (n.Has(6)) length = n.Reshape(n.Cast(n.In(6), DType::kI64), {-1, 1, 1, 1});
  scores.causal = causal && past == 0 && !length.valid();
  const Value first = length.valid() ? n.Minus(length, number(queries)) : number(past);
  const Value query = n.Plus(n.Add("iota", {}, {{"shape", Shape{queries, 1}}}), first);
  const auto allow = [&](std::string_view relation, Value a, Value b) {
    scores.allowed = And(n, scores.allowed, n.Add(relation, {a, b}));
  };
  if (causal && !scores.causal) allow("less_equal", key, query);
  if (left >= 0) allow("greater_equal", key, n.Minus(query, number(left)));
  if (right >= 0) allow("less_equal", key, n.Plus(query, number(right)));
  if (length.valid()) allow("less", key, length);
}

/// The mask is bool, true where a query may look, or added. Keys that it lacks at the end are not
/// looked at.
void AddMask(OnnxNode& n, Scores& scores) {
  if (!n.Has(3)) return;
  Value mask = n.In(3);
  const bool choice = n.dtype(mask) == DType::kBool;
  const int64_t keys = n.shape(scores.k)[2], rank = n.rank(mask);
  const int64_t missing = rank == 0 ? 0 : keys - n.shape(mask)[rank - 1];
  if (missing > 0 && n.shape(mask)[rank - 1] != 1) {
    Shape high(rank, 0);
    high[rank - 1] = missing;
    mask = n.Add("pad_constant", {mask},
                 {{"low", Shape(rank, 0)}, {"high", high}, {"value", choice ? 0 : -kInfinity}});
  }
  if (choice) {
    scores.allowed = And(n, scores.allowed, mask);
  } else {
    scores.bias = n.Cast(mask, n.dtype(scores.q));
  }
}

/// Both kinds of mask as one; invalid where all is allowed.
Value MaskOf(OnnxNode& n, const Scores& scores) {
  if (!scores.bias.valid() || !scores.allowed.valid())
    return scores.bias.valid() ? scores.bias : scores.allowed;
  return n.Add("where", {scores.allowed, scores.bias, n.Like(scores.bias, -kInfinity)});
}

/// Each head of keys or values as often as queries share it.
Value RepeatHeads(OnnxNode& n, Value x, int64_t heads) {
  Shape shape = n.shape(x);
  if (n.failed() || shape[1] == 0 || heads % shape[1] != 0)
    return n.Fail("{} query heads cannot share {}", heads, n.failed() ? 0 : shape[1]);
  if (shape[1] == heads) return x;
  const Shape repeated = {shape[0], shape[1], heads / shape[1], shape[2], shape[3]};
  shape[1] = heads;
  return n.Reshape(n.Expand(n.Unsqueeze(x, {2}), repeated), shape);
}

/// With scores that are seen or bounded, attention is its own equation. The second result is what
/// qk_matmul_output_mode asks for: scores, bounded scores, masked ones, probabilities.
std::vector<Value> WrittenOut(OnnxNode& n, Scores scores, double scale) {
  const int64_t heads = n.shape(scores.q)[1];
  const DType dtype = n.dtype(scores.q);
  if (scores.causal) {
    const Shape square = {n.shape(scores.q)[2], n.shape(scores.k)[2]};
    const auto place = [&](int64_t axis) {
      return n.Add("iota", {}, {{"shape", square}, {"axis", axis}});
    };
    scores.allowed = And(n, scores.allowed, n.Add("less_equal", {place(1), place(0)}));
  }
  std::vector<Value> stages;
  Value s =
      n.Add("matmul", {n.Times(scores.q, n.Like(scores.q, scale)), RepeatHeads(n, scores.k, heads)},
            {{"transpose_b", true}});
  stages.push_back(s);
  if (const double cap = n.Float("softcap", 0); cap > 0)
    s = n.Times(n.Add("tanh", {n.Over(s, n.Like(s, cap))}), n.Like(s, cap));
  stages.push_back(s);
  if (scores.bias.valid()) s = n.Plus(s, scores.bias);
  if (scores.allowed.valid()) s = n.Add("where", {scores.allowed, s, n.Like(s, -kInfinity)});
  stages.push_back(s);
  if (n.HasAttribute("softmax_precision"))
    s = n.Cast(s, n.Take(ReadDType(static_cast<int>(n.Int("softmax_precision", 1)))));
  // A query that sees no key has no probabilities.
  const Value most = n.Add("max", {s}, {{"axes", std::vector<int64_t>{-1}}, {"keepdims", true}});
  const Value blind = n.Add("equal", {most, n.Like(s, -kInfinity)});
  const Value p = n.Cast(
      n.Add("where", {blind, n.Like(s, 0), n.Add("softmax", {s}, {{"axis", int64_t{-1}}})}), dtype);
  stages.push_back(p);
  const int64_t mode = n.Int("qk_matmul_output_mode", 0);
  if (mode < 0 || mode > 3) n.Fail("qk_matmul_output_mode is {}", mode);
  return {n.Add("matmul", {p, RepeatHeads(n, scores.v, heads)}), stages[mode & 3]};
}

Outputs Attention(OnnxNode& n) {
  const Value q = n.In(0);
  Scores scores{.q = SplitHeads(n, q, "q_num_heads"),
                .k = SplitHeads(n, n.In(1), "kv_num_heads"),
                .v = SplitHeads(n, n.In(2), "kv_num_heads")};
  int64_t past = 0;
  if (n.Has(4)) {
    const Value keys = n.In(4);
    if (n.rank(keys) != 4) return n.Fail("past_key has {} axes, not 4", n.rank(keys));
    past = n.shape(keys)[2];
    scores.k = n.Add("concat", {keys, scores.k}, {{"axis", int64_t{2}}});
    scores.v = n.Add("concat", {n.In(5), scores.v}, {{"axis", int64_t{2}}});
  }
  if (n.failed()) return Value{};
  for (const Value v : {scores.q, scores.k, scores.v})
    if (n.rank(v) != 4) return n.Fail("an operand has {} axes, not 3 or 4", n.rank(v));
  AllowPlaces(n, scores, past);
  AddMask(n, scores);
  const double width = static_cast<double>(n.shape(scores.q)[3]);
  const double scale = n.Float("scale", 1 / std::sqrt(width));
  std::vector<Value> results;
  if (n.Wants(3) || n.Float("softcap", 0) > 0 || scale == 0) {
    results = WrittenOut(n, scores, scale);
  } else {
    std::vector<Value> operands = {scores.q, scores.k, scores.v};
    if (const Value mask = MaskOf(n, scores); mask.valid()) operands.push_back(mask);
    results = {n.Add("scaled_dot_product_attention", std::move(operands),
                     {{"causal", scores.causal}, {"scale", scale}}),
               Value{}};
  }
  const Value y = n.rank(q) == 3 ? MergeHeads(n, results[0]) : results[0];
  return std::vector{y, scores.k, scores.v, results[1]};
}

/// Pairs of elements of each row turned by angles whose sines and cosines are given for each
/// position.
Outputs RotaryEmbedding(OnnxNode& n) {
  const Value x = n.In(0);
  Value rows = SplitHeads(n, x, "num_heads");
  if (n.failed()) return Value{};
  const Shape shape = n.shape(rows);
  const int64_t given = n.Int("rotary_embedding_dim", 0), width = given == 0 ? shape[3] : given;
  if (width < 0 || width > shape[3] || width % 2 != 0)
    return n.Fail("{} of {} elements cannot turn in pairs", width, shape[3]);
  const auto angles = [&](int i) {
    Value cache = n.In(i);
    if (n.Has(3)) cache = n.Add("gather", {cache, n.In(3)}, {{"axis", int64_t{0}}});
    // [batch, 1, length, width / 2]: the same for all heads.
    return n.Reshape(cache, {-1, 1, shape[2], width / 2});
  };
  const Value cosine = angles(1), sine = angles(2);
  const bool neighbours = n.Flag("interleaved");
  const Value turning = n.Slice(rows, 3, 0, width);
  const Shape pairs = neighbours ? Shape{shape[0], shape[1], shape[2], width / 2, 2}
                                 : Shape{shape[0], shape[1], shape[2], 2, width / 2};
  const int64_t axis = neighbours ? 4 : 3;
  const Value paired = n.Reshape(turning, pairs);
  const Shape half = {shape[0], shape[1], shape[2], width / 2};
  const Value a = n.Reshape(n.Slice(paired, axis, 0, 1), half);
  const Value b = n.Reshape(n.Slice(paired, axis, 1, 2), half);
  const Value real = n.Minus(n.Times(cosine, a), n.Times(sine, b));
  const Value imaginary = n.Plus(n.Times(sine, a), n.Times(cosine, b));
  Value turned = n.Add("stack", {real, imaginary}, {{"axis", axis}});
  turned = n.Reshape(turned, {shape[0], shape[1], shape[2], width});
  if (width < shape[3])
    turned = n.Add("concat", {turned, n.Slice(rows, 3, width, shape[3])}, {{"axis", int64_t{3}}});
  return n.rank(x) == 3 ? MergeHeads(n, turned) : turned;
}

const std::vector<std::string_view> kAttention = {
    "is_causal",
    "kv_num_heads",
    "left_window_size",
    "q_num_heads",
    "qk_matmul_output_mode",
    "right_window_size",
    "scale",
    "softcap",
    "softmax_precision",
};

}  // namespace

std::span<const OpImporter> AttentionImporters() {
  static const std::vector<OpImporter> kImporters = {
      {"Attention", 23, 23, 6, kAttention, Attention},
      {"Attention", 24, kNewest, 7, kAttention, Attention},
      {"RotaryEmbedding",
       23,
       kNewest,
       4,
       {"interleaved", "num_heads", "rotary_embedding_dim"},
       RotaryEmbedding},
  };
  return kImporters;
}

}  // namespace descent::onnx

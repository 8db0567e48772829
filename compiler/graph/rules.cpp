#include "compiler/graph/rules.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <numeric>

namespace descent {
namespace {

using enum RuleKind;
using Ints = std::vector<int64_t>;

// ---- conditions --------------------------------------------------------------------------------

bool IsFloat(Match& m) { return Info(m.root_type().dtype).is_float; }

bool SameType(Match& m) { return m.type("x") == m.root_type(); }

bool IsNoConstant(Match& m) { return !UniformConstant(m.b, m.values.at("x")); }

/// The constant K may stand for a product or quotient: nothing overflows or loses bits to
/// denormals.
bool SetConstant(Match& m, double value) {
  const DType dtype = m.root_type().dtype;
  if (!Info(dtype).is_float) return false;
  if (!(std::abs(value) <= LargestFinite(dtype)) ||
      (value != 0 && std::abs(value) < SmallestNormal(dtype)))
    return false;
  m.numbers["K"] = value;
  return true;
}

/// Nothing that the two constants do on the way may be undone by one: 0 and infinities stay as they
/// are.
bool BothOrdinary(Match& m) {
  const double a = m.Number("C1"), b = m.Number("C2");
  return std::isfinite(a) && std::isfinite(b) && a != 0 && b != 0;
}
bool Product(Match& m) {
  return BothOrdinary(m) && SetConstant(m, m.Number("C1") * m.Number("C2"));
}
bool Ratio(Match& m) { return BothOrdinary(m) && SetConstant(m, m.Number("C1") / m.Number("C2")); }
bool Total(Match& m) { return BothOrdinary(m) && SetConstant(m, m.Number("C1") + m.Number("C2")); }
bool Negative(Match& m) { return SetConstant(m, -m.Number("C")); }

/// C is a power of two whose inverse is a normal number.
bool ExactInverse(Match& m) {
  const double c = m.Number("C");
  int exponent = 0;
  if (!std::isfinite(c) || std::abs(std::frexp(c, &exponent)) != 0.5) return false;
  return std::abs(exponent) < 100 && SetConstant(m, 1 / c);
}

/// Casting x to the inner type and on gives what casting x gives: the inner type holds every value
/// of x, and an integer does not saturate on the way where it would wrap by itself.
bool InnerCastKeepsAll(Match& m) {
  const DType from = m.type("x").dtype, to = m.root_type().dtype;
  const DType inner = std::get<DType>(m.attributes.at("a"));
  const bool saturates =
      Info(from).is_integer && Info(inner).is_float && Info(to).is_integer && !HoldsAll(to, from);
  return HoldsAll(inner, from) && !saturates;
}

bool ComposePermutations(Match& m) {
  const Ints &inner = m.Ints("a"), &outer = m.Ints("b");
  Ints composed;
  for (const int64_t axis : outer) composed.push_back(inner[axis]);
  m.attributes["c"] = composed;
  return true;
}

bool IsIdentity(Match& m) {
  const Ints& permutation = m.Ints("a");
  return std::ranges::is_sorted(permutation);
}

bool UseResultShape(Match& m) {
  m.attributes["s"] = m.root_type().shape;
  return true;
}

/// Permutation `a` swaps the last two axes; `f` is the flag of that operand turned round.
bool SwapsLastTwo(Match& m) {
  Ints swapped(m.Ints("a").size());
  if (swapped.size() < 2) return false;
  std::iota(swapped.begin(), swapped.end(), 0);
  std::swap(swapped[swapped.size() - 1], swapped[swapped.size() - 2]);
  m.attributes["f"] = !m.Bool("t");
  return swapped == m.Ints("a");
}

/// The reduction runs over single elements, so it only drops axes.
bool ReducesNothing(Match& m) {
  return m.type("x").elements() == m.root_type().elements() && UseResultShape(m);
}

/// x has one element; K is how often the sum takes it.
bool SumsCopiesOfOne(Match& m) {
  const auto inner = m.Ints("s");
  const int64_t results = m.root_type().elements();
  if (m.type("x").elements() != 1 || results == 0 || !Info(m.root_type().dtype).is_float)
    return false;
  m.attributes["r"] = m.root_type().shape;
  m.attributes["one"] = Ints{};
  const int64_t copies = Elements(inner) / results;
  return SetConstant(m, static_cast<double>(copies));
}

bool TakesCopiesOfOne(Match& m) {
  m.attributes["r"] = m.root_type().shape;
  m.attributes["one"] = Ints{};
  return m.type("x").elements() == 1 && m.root_type().elements() > 0 && Elements(m.Ints("s")) > 0;
}

/// Broadcasting gives the same shape without the operand's own expand or reshape.
bool BroadcastsAnyway(Match& m) {
  Ints shape(m.root_type().shape.size(), 1);
  for (const std::string_view name : {"x", "y", "z"}) {
    if (!m.values.contains(std::string(name))) continue;
    const Shape& operand = m.type(name).shape;
    if (operand.size() > shape.size()) return false;
    const size_t skip = shape.size() - operand.size();
    for (size_t i = 0; i < operand.size(); ++i) {
      if (operand[i] == 1) continue;
      if (shape[skip + i] != 1 && shape[skip + i] != operand[i]) return false;
      shape[skip + i] = operand[i];
    }
  }
  return shape == m.root_type().shape;
}

/// The reshape only adds leading axes of extent 1, which broadcasting does by itself.
bool AddsLeadingAxes(Match& m) {
  const Shape from = m.type("x").shape;
  Ints to = m.Ints("s");
  const int64_t known = std::accumulate(to.begin(), to.end(), int64_t{1},
                                        [](int64_t a, int64_t b) { return b == -1 ? a : a * b; });
  for (int64_t& extent : to)
    if (extent == -1) extent = known == 0 ? 0 : m.type("x").elements() / known;
  if (m.type("x").elements() == 1 && from.empty()) return BroadcastsAnyway(m);
  if (to.size() < from.size()) return false;
  const size_t extra = to.size() - from.size();
  return std::ranges::all_of(to.begin(), to.begin() + static_cast<int64_t>(extra),
                             [](int64_t extent) { return extent == 1; }) &&
         std::equal(from.begin(), from.end(), to.begin() + static_cast<int64_t>(extra)) &&
         BroadcastsAnyway(m);
}

/// Doing a pointwise operation before the elements are copied is less work.
bool OneElementExpands(Match& m) {
  m.attributes["r"] = m.root_type().shape;
  return m.type("x").elements() < m.root_type().elements();
}

/// One axis, kept: the sum that softmax divides by.
bool OneKeptAxis(Match& m) {
  if (m.Ints("a").size() != 1) return false;
  m.attributes["k"] = m.Ints("a")[0];
  return true;
}

/// Axis `a` of softmax is axis `b` of classes, where axis 1 of a single row is its only one.
bool AxisOfClasses(Match& m) {
  const auto rank = static_cast<int64_t>(m.type("x").shape.size());
  const auto from_front = [&](std::string_view name) {
    const auto axis = std::get<int64_t>(m.attributes.at(std::string(name)));
    return axis < 0 ? axis + rank : axis;
  };
  return from_front("a") == std::min(from_front("b"), rank - 1);
}

/// Every element stays in its place: steps below 0 would turn an axis around.
bool SlicesAll(Match& m) {
  return SameType(m) && std::ranges::all_of(m.Ints("c"), [](int64_t step) { return step > 0; });
}

constexpr std::string_view kLogits = "|x| <= 1e30, y in [0, 1]";

constexpr std::string_view kUnary[] = {"neg",   "abs",   "square", "sqrt",    "exp",  "log",
                                       "sin",   "cos",   "tanh",   "sigmoid", "relu", "floor",
                                       "rsqrt", "expm1", "log1p",  "erf"};
constexpr std::string_view kBinary[] = {
    "add",   "sub",  "mul",        "div",     "pow",           "minimum",  "maximum",
    "equal", "less", "less_equal", "greater", "greater_equal", "not_equal"};

// ---- the table ---------------------------------------------------------------------------------

constexpr Rule kRules[] = {
    // identities
    {"add_zero", kReal, "add(x, 0)", "x"},
    {"add_negative_zero", kExact, "add(x, -0)", "x"},
    {"sub_zero", kExact, "sub(x, 0)", "x"},
    {"zero_sub", kReal, "sub(0, x)", "neg(x)"},
    {"mul_one", kExact, "mul(x, 1)", "x"},
    {"div_one", kExact, "div(x, 1)", "x"},
    {"mul_minus_one", kExact, "mul(x, -1)", "neg(x)"},
    {"pow_one", kExact, "pow(x, 1)", "x"},
    {"pow_two", kReal, "pow(x, 2)", "square(x)"},
    {"pow_minus_one", kReal, "pow(x, -1)", "div(1, x)"},
    {"mul_self", kExact, "mul(x, x)", "square(x)"},

    // signs
    {"neg_neg", kExact, "neg(neg(x))", "x"},
    {"abs_neg", kExact, "abs(neg(x))", "abs(x)"},
    {"abs_abs", kExact, "abs(abs(x))", "abs(x)"},
    {"square_neg", kExact, "square(neg(x))", "square(x)"},
    {"square_abs", kExact, "square(abs(x))", "square(x)"},
    {"add_neg", kExact, "add(x, neg(y))", "sub(x, y)"},
    {"sub_neg", kExact, "sub(x, neg(y))", "add(x, y)"},
    {"neg_sub", kReal, "neg(sub(x, y))", "sub(y, x)"},
    {"neg_mul_constant", kExact, "neg(mul(x, C))", "mul(x, K)", "", Negative},
    {"mul_neg_constant", kExact, "mul(neg(x), C)", "mul(x, K)", "", Negative},
    {"mul_neg", kExact, "mul(neg(x), y)", "neg(mul(x, y))"},
    {"div_neg", kExact, "div(neg(x), y)", "neg(div(x, y))", "", IsFloat},
    {"div_by_neg", kExact, "div(x, neg(y))", "neg(div(x, y))", "", IsFloat},
    {"sum_neg", kReal, "sum(neg(x); axes=$a, keepdims=$k)", "neg(sum(x; axes=$a, keepdims=$k))",
     "a = [1], k = false"},

    // constants; as the last operand they stand in one order
    {"add_constant_last", kExact, "add(C, x)", "add(x, C)", "", IsNoConstant},
    {"mul_constant_last", kExact, "mul(C, x)", "mul(x, C)", "", IsNoConstant},
    {"add_constants", kReal, "add(add(x, C1), C2)", "add(x, K)", "", Total},
    {"mul_constants", kReal, "mul(mul(x, C1), C2)", "mul(x, K)", "", Product},
    {"mul_div_constants", kReal, "mul(div(x, C2), C1)", "mul(x, K)", "", Ratio},
    {"div_mul_constants", kReal, "div(mul(x, C1), C2)", "mul(x, K)", "", Ratio},
    {"div_div_constants", kReal, "div(div(x, C1), C2)", "div(x, K)", "", Product},
    {"div_power_of_two", kExact, "div(x, C)", "mul(x, K)", "C = 4", ExactInverse},
    {"mul_inverse", kReal, "mul(x, div(1, y))", "div(x, y)", "", IsFloat},

    // inverse functions
    {"log_exp", kReal, "log(exp(x))", "x"},
    {"exp_log", kReal, "exp(log(x))", "x"},
    {"sqrt_square", kReal, "sqrt(square(x))", "abs(x)"},
    {"square_sqrt", kReal, "square(sqrt(x))", "x"},
    {"relu_relu", kExact, "relu(relu(x))", "relu(x)"},
    {"floor_floor", kExact, "floor(floor(x))", "floor(x)"},

    // bools and choices
    {"not_not", kExact, "logical_not(logical_not(x))", "x", "x: bool[2, 3]"},
    {"not_equal_of_equal", kExact, "logical_not(equal(x, y))", "not_equal(x, y)"},
    {"equal_of_not_equal", kExact, "logical_not(not_equal(x, y))", "equal(x, y)"},
    {"and_true", kExact, "logical_and(x, 1)", "x", "x: bool[2, 3]"},
    {"or_false", kExact, "logical_or(x, 0)", "x", "x: bool[2, 3]"},
    {"where_not", kExact, "where(logical_not(x), y, z)", "where(x, z, y)", "x: bool[2, 3]"},
    {"where_true", kExact, "where(1, x, y)", "x"},
    {"where_false", kExact, "where(0, x, y)", "y"},
    {"where_same", kExact, "where(x, y, y)", "y", "x: bool[2, 3]"},

    // layout
    {"reshape_same", kExact, "reshape(x; shape=$s)", "x", "s = [2, 3]", SameType},
    {"reshape_reshape", kExact, "reshape(reshape(x; shape=$a); shape=$b)", "reshape(x; shape=$s)",
     "a = [6], b = [3, 2] | a = [3, 2], b = [2, 3]", UseResultShape},
    {"transpose_identity", kExact, "transpose(x; permutation=$a)", "x", "a = [0, 1]", IsIdentity},
    {"transpose_transpose", kExact, "transpose(transpose(x; permutation=$a); permutation=$b)",
     "transpose(x; permutation=$c)",
     "x: f32[2, 3, 4], a = [1, 2, 0], b = [0, 2, 1] | a = [1, 0], b = [1, 0]", ComposePermutations},
    {"expand_same", kExact, "expand(x; shape=$s)", "x", "s = [2, 3]", SameType},
    {"expand_expand", kExact, "expand(expand(x; shape=$a); shape=$b)", "expand(x; shape=$b)",
     "x: f32[3], a = [2, 3], b = [4, 2, 3]"},
    {"slice_all", kExact, "slice(x; starts=$a, stops=$b, steps=$c)", "x",
     "a = [0, 0], b = [2, 3], c = [1, 1]", SlicesAll},
    {"pad_nothing", kExact, "pad(x; low=$a, high=$b)", "x", "a = [0, 0], b = [0, 0]",
     [](Match& m) {
       return SameType(m) && std::ranges::all_of(m.Ints("a"), [](int64_t n) { return n == 0; });
     }},
    {"flip_flip", kExact, "flip(flip(x; axes=$a); axes=$a)", "x", "a = [1]"},
    {"concat_one", kExact, "concat(x; axis=$a)", "x", "a = 0"},
    {"cast_same", kExact, "cast(x; to=$t)", "x", "x: i32[4], t = i32", SameType},
    {"cast_cast", kExact, "cast(cast(x; to=$a); to=$b)", "cast(x; to=$b)",
     "x: f32[4], a = f64, b = f64 | x: i32[4], a = i64, b = f32 | x: bool[4], a = f32, b = i32 | a "
     "= f64, b = "
     "i32",
     InnerCastKeepsAll},

    // broadcasting that an operator does by itself
    {"expand_left", kExact, "F(expand(x; shape=$s), y)", "F(x, y)", "x: f32[3], s = [2, 3]",
     BroadcastsAnyway, kBinary},
    {"expand_right", kExact, "F(y, expand(x; shape=$s))", "F(y, x)", "x: f32[3], s = [2, 3]",
     BroadcastsAnyway, kBinary},
    {"reshape_left", kExact, "F(reshape(x; shape=$s), y)", "F(x, y)", "x: f32[3], s = [1, 3]",
     AddsLeadingAxes, kBinary},
    {"reshape_right", kExact, "F(y, reshape(x; shape=$s))", "F(y, x)",
     "x: f32[3], s = [1, 3] | x: f32[], s = [1, 1]", AddsLeadingAxes, kBinary},
    {"where_expand_condition", kExact, "where(expand(x; shape=$s), y, z)", "where(x, y, z)",
     "x: bool[3], s = [2, 3]", BroadcastsAnyway},
    {"where_expand_then", kExact, "where(y, expand(x; shape=$s), z)", "where(y, x, z)",
     "y: bool[2, 3], x: f32[3], s = [2, 3]", BroadcastsAnyway},
    {"where_expand_else", kExact, "where(y, z, expand(x; shape=$s))", "where(y, z, x)",
     "y: bool[2, 3], x: f32[3], s = [2, 3]", BroadcastsAnyway},
    {"unary_expand", kExact, "F(expand(x; shape=$s))", "expand(F(x); shape=$r)",
     "x: f32[3], s = [2, 3]", OneElementExpands, kUnary},

    // reductions
    {"sum_of_one", kReal, "sum(x; axes=$a, keepdims=$k)", "reshape(x; shape=$s)",
     "x: f32[1, 3], a = [0], k = false", ReducesNothing},
    {"mean_of_one", kReal, "mean(x; axes=$a, keepdims=$k)", "reshape(x; shape=$s)",
     "x: f32[1, 3], a = [0], k = true", ReducesNothing},
    {"sum_expand", kReal, "sum(expand(x; shape=$s); axes=$a, keepdims=$k)",
     "expand(mul(reshape(x; shape=$one), K); shape=$r)", "x: f32[], s = [2, 3], a = [0], k = false",
     SumsCopiesOfOne},
    {"mean_expand", kReal, "mean(expand(x; shape=$s); axes=$a, keepdims=$k)",
     "expand(reshape(x; shape=$one); shape=$r)", "x: f32[], s = [2, 3], a = [0], k = false",
     TakesCopiesOfOne},
    {"matmul_transpose_a", kExact,
     "matmul(transpose(x; permutation=$a), y; transpose_a=$t, transpose_b=$u)",
     "matmul(x, y; transpose_a=$f, transpose_b=$u)",
     "x: f32[3, 2], y: f32[3, 4], a = [1, 0], t = false, u = false", SwapsLastTwo},
    {"matmul_transpose_b", kExact,
     "matmul(y, transpose(x; permutation=$a); transpose_a=$u, transpose_b=$t)",
     "matmul(y, x; transpose_a=$u, transpose_b=$f)",
     "x: f32[4, 3], y: f32[2, 3], a = [1, 0], t = false, u = false", SwapsLastTwo},

    // functions written out
    {"sigmoid_written_out", kReal, "div(1, add(exp(neg(x)), 1))", "sigmoid(x)"},
    {"softmax_written_out",
     kReal,
     "div(exp(x), sum(exp(x); axes=$a, keepdims=true))",
     "softmax(x; axis=$k)",
     "a = [1]",
     OneKeptAxis,
     {},
     "x finite"},
    {"log_softmax", kReal, "log(softmax(x; axis=$a))", "log_softmax(x; axis=$a)", "a = 1"},

    // losses on logits: the probabilities' logarithm is never taken, so its clamp at -100 goes, too
    {"sigmoid_bce",
     kReal,
     "bce(sigmoid(x), y; reduction=$r)",
     "bce_with_logits(x, y; reduction=$r)",
     "r = mean | r = none | r = sum",
     nullptr,
     {},
     kLogits},
    {"softmax_cross_entropy",
     kReal,
     "cross_entropy_probabilities(softmax(x; axis=$a), y; axis=$b, ignore_index=$i, "
     "label_smoothing=$s, reduction=$r)",
     "cross_entropy(x, y; axis=$b, ignore_index=$i, label_smoothing=$s, reduction=$r)",
     "a = -1, b = 1, i = -100, s = 0, r = mean | a = -1, b = -1, i = -100, s = 0.1, r = none | a = "
     "1, b = 1, i = -100, s = 0, r = sum | y: i64[2], a = 1, b = 1, i = 0, s = 0, r = mean",
     AxisOfClasses,
     {},
     kLogits},
    {"log_softmax_cross_entropy",
     kReal,
     "cross_entropy(log_softmax(x; axis=$a), y; axis=$b, ignore_index=$i, label_smoothing=$s, "
     "reduction=$r)",
     "cross_entropy(x, y; axis=$b, ignore_index=$i, label_smoothing=$s, reduction=$r)",
     "a = 1, b = 1, i = -100, s = 0, r = mean",
     AxisOfClasses,
     {},
     kLogits},
    {"log_softmax_nll", kExact,
     "nll(log_softmax(x; axis=$a), y; axis=$b, ignore_index=$i, reduction=$r)",
     "cross_entropy(x, y; axis=$b, ignore_index=$i, reduction=$r)",
     "y: i64[2], a = 1, b = 1, i = -100, r = mean | y: i64[2], a = 1, b = -1, i = 0, r = sum",
     AxisOfClasses},
};

}  // namespace

std::span<const Rule> Rules() { return kRules; }

}  // namespace descent

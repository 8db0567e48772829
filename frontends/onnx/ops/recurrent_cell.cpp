#include "frontends/onnx/ops/recurrent_cell.h"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <memory>
#include <optional>

namespace descent::onnx {
namespace {

Expr Op(std::string_view op, Expr x, Attributes attributes = {}) {
  return {x.builder(), x.builder().Add(op, {x}, std::move(attributes))};
}

/// By name; what they are without parameters is what ONNX's operators of these names are.
struct KnownActivation {
  Activation activation;
  int parameters = 0;  ///< 1: alpha; 2: alpha and beta
};

const KnownActivation kActivations[] = {
    {{"affine", [](Expr x, double a, double b) { return x * a + b; }, 1, 0}, 2},
    {{"elu", [](Expr x, double a, double) { return Op("elu", x, {{"alpha", a}}); }, 1}, 1},
    {{"hardsigmoid", [](Expr x, double a, double b) { return Clamp(x * a + b, 0, 1); }, 0.2f, 0.5},
     2},
    {{"leakyrelu", [](Expr x, double a, double) { return Op("leaky_relu", x, {{"slope", a}}); },
      0.01f},
     1},
    {{"relu", [](Expr x, double, double) { return Relu(x); }}},
    {{"scaledtanh", [](Expr x, double a, double b) { return Tanh(x * b) * a; }, 1, 1}, 2},
    {{"sigmoid", [](Expr x, double, double) { return Sigmoid(x); }}},
    {{"softplus", [](Expr x, double, double) { return Op("softplus", x); }}},
    {{"softsign", [](Expr x, double, double) { return Op("softsign", x); }}},
    {{"tanh", [](Expr x, double, double) { return Tanh(x); }}},
    {{"thresholdedrelu",
      [](Expr x, double a, double) { return Where(Greater(x, x.Like(a)), x, 0.0); }, 1},
     1},
};

/// The equations of one step, in the body of a scan.
class Step {
 public:
  Step(const Cell& cell, int64_t hidden) : cell_(cell), hidden_(hidden) {}

  /// The new states from the old ones; `x` is what the step's input gives to each gate.
  std::vector<Expr> Run(Expr x, Expr r, std::optional<Expr> r_bias, std::optional<Expr> peepholes,
                        const std::vector<Expr>& states) {
    const Expr h = states[0];
    Expr from_h = Matmul(h, r, false, true);
    if (r_bias) from_h = from_h + *r_bias;
    if (cell_.op == "rnn") return {Activate(0, x + from_h)};
    if (cell_.op == "lstm") return Lstm(x + from_h, peepholes, states[1]);
    const Expr z = Activate(0, Gate(x, 0) + Gate(from_h, 0));
    const Expr reset = Activate(0, Gate(x, 1) + Gate(from_h, 1));
    Expr hidden_part = reset * Gate(from_h, 2);
    if (!cell_.resets_late) {
      hidden_part = Matmul(reset * h, SliceAxis(r, 0, 2 * hidden_, 3 * hidden_), false, true);
      if (r_bias) hidden_part = hidden_part + SliceAxis(*r_bias, 0, 2 * hidden_, 3 * hidden_);
    }
    const Expr candidate = Activate(1, Gate(x, 2) + hidden_part);
    return {(1.0 - z) * candidate + z * h};
  }

 private:
  /// ONNX's gates are i, o, f, c; its peepholes i, o, f.
  std::vector<Expr> Lstm(Expr gates, std::optional<Expr> peepholes, Expr c) {
    const auto gate = [&](int number, Expr seen) {
      const Expr own = Gate(gates, number);
      if (!peepholes) return own;
      return own + SliceAxis(*peepholes, 0, number * hidden_, (number + 1) * hidden_) * seen;
    };
    const Expr in = Activate(0, gate(0, c));
    const Expr forget = cell_.couples_gates ? 1.0 - in : Activate(0, gate(2, c));
    const Expr next = forget * c + in * Activate(1, Gate(gates, 3));
    const Expr out = Activate(0, gate(1, next));
    return {out * Activate(2, next), next};
  }

  Expr Gate(Expr all, int number) {
    return SliceAxis(all, 1, number * hidden_, (number + 1) * hidden_);
  }
  Expr Activate(int which, Expr x) {
    const Activation& activation = cell_.activations[which];
    if (std::isfinite(cell_.clip)) x = Clamp(x, -cell_.clip, cell_.clip);
    return activation.of(x, activation.alpha, activation.beta);
  }

  const Cell& cell_;
  int64_t hidden_;
};

std::string LowerCase(std::string text) {
  std::ranges::transform(text, text.begin(), [](unsigned char c) { return std::tolower(c); });
  return text;
}

/// The body is built without further checks. `x` is [steps, batch, G hidden].
bool Fits(OnnxNode& n, const CellOperands& given, Value x) {
  const Shape steps = n.shape(x);
  const int64_t hidden = n.rank(given.r) == 2 ? n.shape(given.r)[1] : 0;
  const auto check = [&](Value value, Shape shape) {
    const TensorType needed{n.dtype(x), std::move(shape)};
    if (value.valid() && n.type(value) != needed)
      n.Fail("an operand is {} where {} is needed", ToString(n.type(value)), ToString(needed));
  };
  if (steps.size() != 3) n.Fail("the input must have 3 axes");
  if (n.failed()) return false;
  check(given.r, {steps[2], hidden});
  check(given.r_bias, {steps[2]});
  check(given.peepholes, {3 * hidden});
  for (const Value state : given.states) check(state, {steps[1], hidden});
  if (given.lengths.valid() && n.shape(given.lengths) != Shape{steps[1]})
    n.Fail("there are {} lengths for {} sequences", n.type(given.lengths).elements(), steps[1]);
  return !n.failed();
}

}  // namespace

std::vector<Activation> ReadActivations(OnnxNode& n, std::span<const std::string_view> usual,
                                        int64_t directions) {
  std::vector<std::string> words = n.Words("activations");
  for (int64_t d = 0; !n.HasAttribute("activations") && d < directions; ++d)
    words.insert(words.end(), usual.begin(), usual.end());
  if (words.size() != directions * usual.size())
    n.Fail("there are {} activations for {} of {} directions", words.size(), usual.size(),
           directions);
  const std::vector<double> alphas = n.Floats("activation_alpha"),
                            betas = n.Floats("activation_beta");
  for (const std::vector<double>* numbers : {&alphas, &betas})
    for (const double number : *numbers)
      if (!std::isfinite(number)) n.Fail("a parameter of an activation is {}", number);
  // Those that have the parameter take the next one.
  size_t alpha = 0, beta = 0;
  std::vector<Activation> activations;
  for (const std::string& word : words) {
    const auto* known = std::ranges::find(
        kActivations, LowerCase(word), [](const KnownActivation& k) { return k.activation.name; });
    if (known == std::end(kActivations)) {
      n.Unsupported("activation {} is not supported", Quoted(word));
      return {};
    }
    activations.push_back(known->activation);
    if (known->parameters >= 1 && alpha < alphas.size()) activations.back().alpha = alphas[alpha++];
    if (known->parameters >= 2 && beta < betas.size()) activations.back().beta = betas[beta++];
  }
  return activations;
}

std::vector<Value> RunCell(OnnxNode& n, const Cell& cell, const CellOperands& given) {
  Value x = n.Add("matmul", {given.x, given.w}, {{"transpose_b", true}});
  if (given.w_bias.valid()) x = n.Plus(x, given.w_bias);
  if (n.failed() || !Fits(n, given, x)) return {};
  const auto states = static_cast<int>(given.states.size());
  std::vector<Value> operands = given.states;
  operands.push_back(x);
  const bool has_lengths = given.lengths.valid();
  if (has_lengths) operands.push_back(n.Add("iota", {}, {{"shape", Shape{n.shape(x)[0]}}}));
  const auto sliced = static_cast<int64_t>(operands.size()) - states;

  GraphBuilder b;
  int inputs = 0;
  const auto input = [&](Value operand, bool slice) {
    TensorType type = n.type(operand);
    if (slice) type.shape.erase(type.shape.begin());
    return Expr(b, b.Input(fmt::format("x{}", inputs++), type));
  };
  std::vector<Expr> old;
  for (int i = 0; i < states; ++i) old.push_back(input(operands[i], false));
  const Expr own = input(x, true);
  std::optional<Expr> step;
  if (has_lengths) step = input(operands.back(), true);
  const auto whole = [&](Value operand) -> std::optional<Expr> {
    if (!operand.valid()) return std::nullopt;
    operands.push_back(operand);
    return input(operand, false);
  };
  const std::optional<Expr> r = whole(given.r), r_bias = whole(given.r_bias),
                            peepholes = whole(given.peepholes), lengths = whole(given.lengths);
  std::vector<Expr> next = Step(cell, n.shape(given.r)[1]).Run(own, *r, r_bias, peepholes, old);
  Expr y = next[0];
  // Behind its end a sequence gives zeros, and its state stays.
  if (has_lengths) {
    const Expr inside = Unsqueeze(Less(*step, CastTo(*lengths, DType::kI64)), 1);
    y = Where(inside, y, 0.0);
    for (int i = 0; i < states; ++i) next[i] = Where(inside, next[i], old[i]);
  }
  for (int i = 0; i < states; ++i) b.Output(fmt::format("next{}", i), next[i]);
  b.Output("y", y);
  std::vector<Value> results =
      n.AddMulti("scan", operands,
                 {{"body", std::make_shared<const Graph>(std::move(b).Build())},
                  {"carried", int64_t{states}},
                  {"sliced", sliced},
                  {"stacked", int64_t{1}}});
  if (n.failed()) return {};
  results.resize(states + 1);
  std::ranges::rotate(results, results.end() - 1);
  return results;
}

}  // namespace descent::onnx

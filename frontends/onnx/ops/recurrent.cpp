// Recurrent layers, mapped onto Descent's: gates in another order, states by direction.
#include <cmath>
#include <limits>

#include "frontends/onnx/ops/families.h"
#include "frontends/onnx/ops/recurrent_cell.h"

namespace descent::onnx {
namespace {

/// How ONNX orders what Descent's operator has.
struct Layer {
  std::string_view op;
  std::vector<int64_t> gates;                 ///< ONNX's number of each gate of ours
  std::vector<std::string_view> activations;  ///< those that it has, of one direction
  int states;
};

constexpr int kPeepholes = 7;

/// [directions, rows, ...]: rows [first, first + count) of one direction.
Value Rows(OnnxNode& n, Value w, int64_t direction, int64_t first, int64_t count) {
  Shape shape = n.shape(w);
  if (shape.size() < 2 || direction >= shape[0] || shape[1] < first + count)
    return n.Fail("weights of {} do not have rows {} to {} of direction {}", ToString(n.type(w)),
                  first, first + count, direction);
  shape.erase(shape.begin());
  return n.Slice(n.Reshape(n.Slice(w, 0, direction, direction + 1), shape), 0, first,
                 first + count);
}

/// [directions, gates * hidden, ...] of one direction, gates in our order.
Value Gates(OnnxNode& n, const Layer& layer, Value w, int64_t direction, int64_t hidden,
            int64_t skipped = 0) {
  std::vector<Value> parts;
  for (const int64_t gate : layer.gates)
    parts.push_back(Rows(n, w, direction, (skipped + gate) * hidden, hidden));
  return parts.size() == 1 ? parts[0] : n.Add("concat", std::move(parts));
}

/// x as its sequences are from their ends: step t is step length - 1 - t, what lies behind a
/// sequence stays.
Value Reversed(OnnxNode& n, Value x, Value lengths) {
  if (!lengths.valid()) return n.Add("flip", {x}, {{"axes", std::vector<int64_t>{0}}});
  if (n.rank(x) < 2) return n.Fail("an operand has {} axes", n.rank(x));
  const Shape shape = n.shape(x);
  const Value step = n.Add("iota", {}, {{"shape", Shape{shape[0], 1}}});
  const Value length = n.Reshape(n.Cast(lengths, DType::kI64), {1, -1});
  const Value back = n.Minus(n.Minus(length, n.Scalar(DType::kI64, 1)), step);
  Value from = n.Add("where", {n.Add("less", {step, length}), back, step});
  Shape laid = {shape[0], shape[1]};
  laid.resize(shape.size(), 1);
  return n.Add("gather_elements", {x, n.Expand(n.Reshape(from, laid), shape)},
               {{"axis", int64_t{0}}});
}

struct Inputs {
  Value x, lengths;
  int64_t directions, hidden;
  bool batch_first, reverse;
};

Inputs ReadInputs(OnnxNode& n) {
  const int64_t layout = n.Int("layout", 0);
  if (layout != 0 && layout != 1) n.Fail("layout must be 0 or 1, not {}", layout);
  Inputs in{.x = n.In(0), .batch_first = layout == 1};
  std::string direction = n.Word("direction", "forward");
  if (direction == "foward") direction = "forward";  // the default of GRU, version 1
  if (direction != "forward" && direction != "reverse" && direction != "bidirectional")
    n.Fail("direction must be forward, reverse or bidirectional, not {}", Quoted(direction));
  in.reverse = direction == "reverse";
  in.directions = direction == "bidirectional" ? 2 : 1;
  const Value r = n.In(2);
  in.hidden = n.rank(r) == 3 ? n.shape(r)[2] : 0;
  if (n.rank(r) != 3 || n.rank(in.x) != 3 || in.hidden == 0 ||
      n.Int("hidden_size", in.hidden) != in.hidden)
    n.Fail("{} and recurrent weights {} are no layer", ToString(n.type(in.x)), ToString(n.type(r)));
  if (in.batch_first) in.x = n.Transpose(in.x, {1, 0, 2});
  if (n.Has(4)) in.lengths = n.In(4);
  if (in.reverse) in.x = Reversed(n, in.x, in.lengths);
  return in;
}

/// The first states, [directions, batch, hidden] each; none where the file gives none.
std::vector<Value> InitialStates(OnnxNode& n, const Layer& layer, const Inputs& in) {
  std::vector<Value> states;
  const bool given = n.Has(5) || (n.Has(6) && layer.states > 1);
  if (!given || n.failed()) return states;
  const Shape shape = {in.directions, n.shape(in.x)[1], in.hidden};
  for (int i = 0; i < layer.states; ++i) {
    const bool has = n.Has(5 + i);
    const Value state = has ? n.In(5 + i) : n.Expand(n.Like(in.x, 0), shape);
    states.push_back(in.batch_first && has ? n.Transpose(state, {1, 0, 2}) : state);
  }
  return states;
}

/// Descent's operator: y [steps, batch, directions * hidden], then the last states.
std::vector<Value> UsualLayer(OnnxNode& n, const Layer& layer, const Inputs& in,
                              std::string_view nonlinearity) {
  std::vector<Value> operands = {in.x};
  const std::vector<Value> states = InitialStates(n, layer, in);
  operands.insert(operands.end(), states.begin(), states.end());
  if (in.lengths.valid()) operands.push_back(in.lengths);
  const auto gates = static_cast<int64_t>(layer.gates.size());
  for (int64_t d = 0; d < in.directions; ++d) {
    operands.push_back(Gates(n, layer, n.In(1), d, in.hidden));
    operands.push_back(Gates(n, layer, n.In(2), d, in.hidden));
    for (int64_t b = 0; n.Has(3) && b < 2; ++b)
      operands.push_back(Gates(n, layer, n.In(3), d, in.hidden, b * gates));
  }
  Attributes attributes = {{"bidirectional", in.directions == 2},
                           {"bias", n.Has(3)},
                           {"initial_state", !states.empty()},
                           {"lengths", in.lengths.valid()}};
  if (layer.op == "rnn") attributes.Set("nonlinearity", std::string(nonlinearity));
  if (layer.op == "gru") attributes.Set("linear_before_reset", n.Flag("linear_before_reset"));
  return n.AddMulti(layer.op, std::move(operands), std::move(attributes));
}

/// The same of cells that Descent's operator is not.
std::vector<Value> UnusualLayer(OnnxNode& n, const Layer& layer, const Inputs& in, Cell cell,
                                std::span<const Activation> activations) {
  const int64_t rows = static_cast<int64_t>(layer.gates.size()) * in.hidden;
  const std::vector<Value> states = InitialStates(n, layer, in);
  std::vector<std::vector<Value>> results(1 + layer.states);
  for (int64_t d = 0; d < in.directions && !n.failed(); ++d) {
    cell.activations = activations.subspan(d * layer.activations.size(), layer.activations.size());
    CellOperands operands = {.x = d == 0 ? in.x : Reversed(n, in.x, in.lengths),
                             .lengths = in.lengths,
                             .w = Rows(n, n.In(1), d, 0, rows),
                             .r = Rows(n, n.In(2), d, 0, rows)};
    if (n.Has(3)) {
      operands.w_bias = Rows(n, n.In(3), d, 0, rows);
      operands.r_bias = Rows(n, n.In(3), d, rows, rows);
    }
    if (layer.op == "lstm" && n.Has(kPeepholes))
      operands.peepholes = Rows(n, n.In(kPeepholes), d, 0, 3 * in.hidden);
    const Shape state = {n.shape(in.x)[1], in.hidden};
    for (int i = 0; i < layer.states; ++i)
      operands.states.push_back(states.empty() ? n.Expand(n.Like(in.x, 0), state)
                                               : n.Reshape(n.Slice(states[i], 0, d, d + 1), state));
    std::vector<Value> own = RunCell(n, cell, operands);
    if (n.failed()) return {};
    if (d == 1) own[0] = Reversed(n, own[0], in.lengths);
    for (size_t i = 0; i < own.size(); ++i)
      results[i].push_back(i == 0 ? own[i] : n.Unsqueeze(own[i], {0}));
  }
  std::vector<Value> joined;
  for (size_t i = 0; i < results.size() && !n.failed(); ++i)
    joined.push_back(n.Add("concat", std::move(results[i]), {{"axis", int64_t{i == 0 ? 2 : 0}}}));
  return joined;
}

/// Whether Descent's operator has these activations.
bool AreUsual(const Layer& layer, std::span<const Activation> activations) {
  const bool free = layer.op == "rnn" && !activations.empty() && activations[0].name == "relu";
  for (size_t i = 0; i < activations.size(); ++i)
    if (activations[i].name != (free ? "relu" : layer.activations[i % layer.activations.size()]))
      return false;
  return true;
}

Outputs Recurrent(OnnxNode& n, const Layer& layer) {
  const Inputs in = ReadInputs(n);
  const std::vector<Activation> activations = ReadActivations(n, layer.activations, in.directions);
  Cell cell{.op = layer.op,
            .clip = n.Float("clip", std::numeric_limits<double>::infinity()),
            .couples_gates = layer.op == "lstm" && n.Flag("input_forget"),
            .resets_late = layer.op == "gru" && n.Flag("linear_before_reset")};
  if (!(cell.clip > 0)) n.Fail("clip must be above 0, not {}", cell.clip);
  if (n.failed()) return Value{};
  const bool usual = AreUsual(layer, activations) && std::isinf(cell.clip) && !cell.couples_gates &&
                     !(layer.op == "lstm" && n.Has(kPeepholes));
  std::vector<Value> results = usual ? UsualLayer(n, layer, in, activations[0].name)
                                     : UnusualLayer(n, layer, in, cell, activations);
  if (results.empty()) return Value{};
  Value y = in.reverse ? Reversed(n, results[0], in.lengths) : results[0];
  // [steps, batch, directions * hidden] -> [steps, directions, batch, hidden]
  const Shape steps = n.shape(y);
  y = n.Reshape(y, {steps[0], steps[1], in.directions, in.hidden});
  results[0] = in.batch_first ? n.Transpose(y, {1, 0, 2, 3}) : n.Transpose(y, {0, 2, 1, 3});
  for (size_t i = 1; in.batch_first && i < results.size(); ++i)
    results[i] = n.Transpose(results[i], {1, 0, 2});
  return results;
}

Outputs Rnn(OnnxNode& n) { return Recurrent(n, {"rnn", {0}, {"tanh"}, 1}); }
// ONNX has the gates z, r, h.
Outputs Gru(OnnxNode& n) { return Recurrent(n, {"gru", {1, 0, 2}, {"sigmoid", "tanh"}, 1}); }
// ONNX has the gates i, o, f, c.
Outputs Lstm(OnnxNode& n) {
  return Recurrent(n, {"lstm", {0, 2, 3, 1}, {"sigmoid", "tanh", "tanh"}, 2});
}

std::vector<std::string_view> With(std::vector<std::string_view> more) {
  std::vector<std::string_view> names = {
      "activation_alpha", "activation_beta", "activations", "clip",
      "direction",        "hidden_size",     "layout",      "output_sequence"};
  names.insert(names.end(), more.begin(), more.end());
  return names;
}

}  // namespace

std::span<const OpImporter> RecurrentImporters() {
  static const std::vector<OpImporter> kImporters = {
      {"GRU", 1, kNewest, 6, With({"linear_before_reset"}), Gru},
      {"LSTM", 1, kNewest, 8, With({"input_forget"}), Lstm},
      {"RNN", 1, kNewest, 6, With({}), Rnn},
  };
  return kImporters;
}

}  // namespace descent::onnx

// Recurrent layers, mapped onto Descent's: gates in another order, states by direction.
#include <algorithm>
#include <cctype>

#include "frontends/onnx/ops/families.h"

namespace descent::onnx {
namespace {

/// How ONNX orders what Descent's operator has.
struct Layer {
  std::string_view op;
  std::vector<int64_t> gates;                 ///< ONNX's number of each gate of ours
  std::vector<std::string_view> activations;  ///< those that it has, of one direction
  int states;
};

/// [directions, gates * hidden, ...] of one direction, gates in our order.
Value Gates(OnnxNode& n, const Layer& layer, Value w, int64_t direction, int64_t hidden,
            int64_t skipped = 0) {
  Shape shape = n.shape(w);
  const auto gates = static_cast<int64_t>(layer.gates.size());
  if (shape.size() < 2 || direction >= shape[0] || shape[1] < (skipped + gates) * hidden)
    return n.Fail("weights of {} do not fit {} gates of {}", ToString(n.type(w)), gates, hidden);
  shape.erase(shape.begin());
  const Value own = n.Reshape(n.Slice(w, 0, direction, direction + 1), shape);
  std::vector<Value> parts;
  for (const int64_t gate : layer.gates)
    parts.push_back(n.Slice(own, 0, (skipped + gate) * hidden, (skipped + gate + 1) * hidden));
  return parts.size() == 1 ? parts[0] : n.Add("concat", std::move(parts));
}

/// Whether the file names the usual activations of every direction, or none.
std::string Nonlinearity(OnnxNode& n, const Layer& layer, int64_t directions) {
  std::vector<std::string> words = n.Words("activations");
  if (n.HasAttribute("clip") || !n.Floats("activation_alpha").empty() ||
      !n.Floats("activation_beta").empty() || n.Flag("input_forget"))
    n.Unsupported("clip, input_forget and activations with parameters are not supported");
  for (std::string& word : words)
    std::ranges::transform(word, word.begin(), [](unsigned char c) { return std::tolower(c); });
  if (words.empty()) return std::string(layer.activations[0]);
  const bool free = layer.op == "rnn";
  const std::string first = words[0];
  words.resize(std::max<size_t>(words.size(), directions * layer.activations.size()));
  for (int64_t i = 0; i < directions * static_cast<int64_t>(layer.activations.size()); ++i) {
    const std::string& word = words[i];
    const bool usual = free ? word == first && (word == "tanh" || word == "relu")
                            : word == layer.activations[i % layer.activations.size()];
    if (!usual) n.Unsupported("activation {} is not supported there", Quoted(word));
  }
  return first;
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

Inputs ReadInputs(OnnxNode& n, const Layer& layer) {
  Inputs in{.x = n.In(0), .batch_first = n.Flag("layout")};
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
  if (n.Has(7) && layer.op == "lstm") n.Unsupported("peepholes are not supported");
  if (in.batch_first) in.x = n.Transpose(in.x, {1, 0, 2});
  if (n.Has(4)) in.lengths = n.In(4);
  if (in.reverse) in.x = Reversed(n, in.x, in.lengths);
  return in;
}

Outputs Recurrent(OnnxNode& n, const Layer& layer) {
  const Inputs in = ReadInputs(n, layer);
  const std::string nonlinearity = Nonlinearity(n, layer, in.directions);
  std::vector<Value> operands = {in.x};
  const bool initial = n.Has(5) || (n.Has(6) && layer.states > 1);
  if (n.failed()) return Value{};
  const Shape state = {in.directions, n.shape(in.x)[1], in.hidden};
  for (int i = 0; initial && i < layer.states; ++i) {
    const Value given = n.Has(5 + i) ? n.In(5 + i) : n.Expand(n.Like(in.x, 0), state);
    operands.push_back(in.batch_first && n.Has(5 + i) ? n.Transpose(given, {1, 0, 2}) : given);
  }
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
                           {"initial_state", initial},
                           {"lengths", in.lengths.valid()}};
  if (layer.op == "rnn") attributes.Set("nonlinearity", nonlinearity);
  if (layer.op == "gru") attributes.Set("linear_before_reset", n.Flag("linear_before_reset"));
  std::vector<Value> results = n.AddMulti(layer.op, std::move(operands), std::move(attributes));
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
      {"GRU", 1, kNewest, With({"linear_before_reset"}), Gru},
      {"LSTM", 1, kNewest, With({"input_forget"}), Lstm},
      {"RNN", 1, kNewest, With({}), Rnn},
  };
  return kImporters;
}

}  // namespace descent::onnx

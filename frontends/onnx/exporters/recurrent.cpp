// Recurrent layers: gates in ONNX's order, directions in one tensor, layers one after another.

#include "frontends/onnx/exporters/families.h"

namespace descent::onnx {
namespace {

using Node = ExportedNode;

/// How ONNX orders what Descent's operator has.
struct Cell {
  std::vector<int64_t> gates;  ///< our number of each gate of ONNX's
  int states;
};

class Recurrence {
 public:
  Recurrence(const Node& n, Cell cell) : n_(n), w_(n.w), cell_(std::move(cell)) {
    if (n.Flag("initial_state")) weights_ += cell_.states;
    if (n.Flag("lengths")) lengths_ = n.In(weights_++);
    if (!lengths_.empty()) lengths_ = Lengths();
    hidden_ = n.op.shape(weights_ + 1)[1];
  }

  Names Run() {
    std::string x = n_.In(0);
    const bool batch_first = n_.Flag("batch_first");
    if (batch_first) x = Transposed(x, {1, 0, 2});
    finals_.resize(cell_.states);
    for (int64_t layer = 0; layer < n_.Int("num_layers"); ++layer) x = Layer(x, layer);
    Names results = {batch_first ? Transposed(x, {1, 0, 2}) : x};
    for (const Names& finals : finals_) results.push_back(Joined(finals));
    return results;
  }

 private:
  int64_t directions() const { return n_.Flag("bidirectional") ? 2 : 1; }
  int weights_each() const { return n_.Flag("bias") ? 4 : 2; }

  std::string CastTo(const std::string& x, DType dtype) {
    return w_.Add("Cast", {x}, {{"to", int64_t{DTypeNumber(dtype)}}});
  }
  /// Longer ones than all steps are these.
  std::string Lengths() {
    const int64_t steps = n_.op.shape(0)[n_.Flag("batch_first") ? 1 : 0];
    const std::string whole = CastTo(lengths_, DType::kI64);
    const std::string limit = w_.Constant(Tensor::FromInts({DType::kI64, {}}, std::vector{steps}));
    return CastTo(w_.Add("Clip", {whole, w_.Scalar(DType::kI64, 0), limit}), DType::kI32);
  }
  std::string Transposed(const std::string& x, std::vector<int64_t> permutation) {
    return w_.Add("Transpose", {x}, {{"perm", std::move(permutation)}});
  }
  std::string Joined(const Names& parts) {
    return parts.size() == 1 ? parts[0] : w_.Add("Concat", parts, {{"axis", int64_t{0}}});
  }
  std::string Rows(const std::string& x, int64_t first, int64_t last) {
    return w_.Add("Slice", {x, w_.Ints({first}), w_.Ints({last}), w_.Ints({0})});
  }

  /// The gates of a weight in ONNX's order, behind those in `parts`.
  void AddGates(const std::string& weight, Names& parts) {
    if (cell_.gates.size() == 1) return parts.push_back(weight);
    for (const int64_t gate : cell_.gates)
      parts.push_back(Rows(weight, gate * hidden_, (gate + 1) * hidden_));
  }
  /// Weights of a layer, [directions, ...]: of each direction, `count` from number `first` on.
  std::string Weights(int64_t layer, int first, int count) {
    Names all;
    for (int64_t direction = 0; direction < directions(); ++direction) {
      const int64_t cell = layer * directions() + direction;
      Names parts;
      for (int i = first; i < first + count; ++i)
        AddGates(n_.In(weights_ + static_cast<int>(cell) * weights_each() + i), parts);
      all.push_back(w_.Add("Unsqueeze", {Joined(parts), w_.Ints({0})}));
    }
    return Joined(all);
  }

  /// A sequence of no steps leaves the initial state, of which ONNX says nothing.
  std::string Final(const std::string& state, const Names& initial, int i) {
    if (initial.empty() || lengths_.empty()) return state;
    const std::string empty = w_.Add("Equal", {lengths_, w_.Scalar(DType::kI32, 0)});
    return w_.Add("Where", {w_.Add("Unsqueeze", {empty, w_.Ints({1})}), initial[i], state});
  }

  std::string Layer(const std::string& x, int64_t layer) {
    Names operands = {x, Weights(layer, 0, 1), Weights(layer, 1, 1),
                      n_.Flag("bias") ? Weights(layer, 2, 2) : "", lengths_};
    Names initial;
    for (int i = 0; n_.Flag("initial_state") && i < cell_.states; ++i)
      initial.push_back(Rows(n_.In(1 + i), layer * directions(), (layer + 1) * directions()));
    operands.insert(operands.end(), initial.begin(), initial.end());
    while (operands.back().empty()) operands.pop_back();
    const Names results =
        w_.AddMulti(n_.target, std::move(operands), 1 + cell_.states, LayerAttributes());
    for (int i = 0; i < cell_.states; ++i) finals_[i].push_back(Final(results[1 + i], initial, i));
    // [steps, directions, batch, hidden]
    const Shape& shape = n_.results[0].shape;
    const bool batch_first = n_.Flag("batch_first");
    return w_.Add("Reshape",
                  {Transposed(results[0], {0, 2, 1, 3}),
                   w_.Ints({shape[batch_first ? 1 : 0], shape[batch_first ? 0 : 1], shape[2]})},
                  {{"allowzero", int64_t{1}}});
  }

  GraphWriter::Attributes LayerAttributes() const {
    GraphWriter::Attributes attributes = {{"hidden_size", hidden_}};
    if (directions() == 2) attributes.push_back({"direction", std::string("bidirectional")});
    if (n_.target == "GRU")
      attributes.push_back({"linear_before_reset", int64_t{n_.Flag("linear_before_reset")}});
    if (n_.target == "RNN" && n_.op.attributes.String("nonlinearity") == "relu")
      attributes.push_back({"activations", Names(directions(), "Relu")});
    return attributes;
  }

  const Node& n_;
  GraphWriter& w_;
  const Cell cell_;
  int weights_ = 1;      ///< place of the first
  std::string lengths_;  ///< "" where all steps count
  int64_t hidden_ = 0;
  std::vector<Names> finals_;  ///< per state, per layer: [directions, batch, hidden]
};

Names Rnn(const Node& n) { return Recurrence(n, {{0}, 1}).Run(); }
// ONNX has the gates z, r, h; Descent r, z, n.
Names Gru(const Node& n) { return Recurrence(n, {{1, 0, 2}, 1}).Run(); }
// ONNX has the gates i, o, f, c; Descent i, f, g, o.
Names Lstm(const Node& n) { return Recurrence(n, {{0, 3, 1, 2}, 2}).Run(); }

}  // namespace

std::span<const OpExporter> RecurrentExporters() {
  static constexpr OpExporter kExporters[] = {
      {"gru", Gru, "GRU"},
      {"lstm", Lstm, "LSTM"},
      {"rnn", Rnn, "RNN"},
  };
  return kExporters;
}

}  // namespace descent::onnx

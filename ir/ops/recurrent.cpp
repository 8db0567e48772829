// Recurrent layers: rnn, lstm, gru. The inputs of all steps are projected at once, outside the
// loop; a scan over time runs the cell.

#include <array>

#include "ir/expr.h"
#include "ir/ops/families.h"
#include "ir/ops/shapes.h"

namespace descent {
namespace {

using Values = std::vector<Value>;

// ---- cells -------------------------------------------------------------------------------------

/// What one step sees: x W_ih^T + b_ih, [N, gates * H]; the states, [N, H] each; W_hh
/// [gates * H, H]; b_hh [gates * H] where the cell adds it itself.
struct Step {
  const Attributes& attributes;
  Expr input;
  std::vector<Expr> states;
  Expr weight;
  std::optional<Expr> bias;

  int64_t hidden() const { return states[0].shape()[1]; }
  /// Gates [first, last) of `x`, along `axis`.
  Expr Gates(Expr x, int axis, int64_t first, int64_t last) const {
    return SliceAxis(x, axis, first * hidden(), last * hidden());
  }
  /// h W^T + b for gates [first, last).
  Expr Recurrent(Expr h, int64_t first, int64_t last) const {
    const Expr product = Matmul(h, Gates(weight, 0, first, last), false, true);
    return bias ? product + Gates(*bias, 0, first, last) : product;
  }
};

std::vector<Expr> StepRnn(const Step& s) {
  const Expr sum = s.input + s.Recurrent(s.states[0], 0, 1);
  return {s.attributes.String("nonlinearity") == "relu" ? Relu(sum) : Tanh(sum)};
}

std::vector<Expr> StepLstm(const Step& s) {
  const Expr gates = s.input + s.Recurrent(s.states[0], 0, 4);
  const Expr i = Sigmoid(s.Gates(gates, 1, 0, 1)), f = Sigmoid(s.Gates(gates, 1, 1, 2));
  const Expr g = Tanh(s.Gates(gates, 1, 2, 3)), o = Sigmoid(s.Gates(gates, 1, 3, 4));
  const Expr c = f * s.states[1] + i * g;
  return {o * Tanh(c), c};
}

std::vector<Expr> StepGru(const Step& s) {
  const Expr h = s.states[0];
  const bool before_reset = s.attributes.Bool("linear_before_reset");
  const Expr recurrent = s.Recurrent(h, 0, before_reset ? 3 : 2);
  const Expr r = Sigmoid(s.Gates(s.input, 1, 0, 1) + s.Gates(recurrent, 1, 0, 1));
  const Expr z = Sigmoid(s.Gates(s.input, 1, 1, 2) + s.Gates(recurrent, 1, 1, 2));
  const Expr candidate = before_reset ? r * s.Gates(recurrent, 1, 2, 3) : s.Recurrent(r * h, 2, 3);
  const Expr n = Tanh(s.Gates(s.input, 1, 2, 3) + candidate);
  return {(1.0 - z) * n + z * h};
}

/// What tells the three layers apart.
struct Cell {
  int64_t gates;
  int64_t states;    ///< h; h and c
  bool bias_inside;  ///< b_hh is not simply added to what comes from x
  std::vector<Expr> (*next)(const Step&);
};
constexpr Cell kRnn = {1, 1, false, StepRnn};
constexpr Cell kLstm = {4, 2, false, StepLstm};
constexpr Cell kGru = {3, 1, true, StepGru};

// ---- types -------------------------------------------------------------------------------------

/// Where the operands stand: x, initial states, lengths, weights.
struct Layout {
  int64_t steps, batch, width, hidden;
  int64_t layers, directions, weights_each;
  int64_t states, lengths;  ///< place of the first; equal to the next place where absent
  int64_t weights;

  int64_t cells() const { return layers * directions; }
  Shape OutputShape(bool batch_first) const {
    const int64_t features = directions * hidden;
    return batch_first ? Shape{batch, steps, features} : Shape{steps, batch, features};
  }
};

Layout LayoutOf(const OpContext& op, const Cell& cell) {
  const Attributes& a = op.attributes;
  const Shape& x = op.shape(0);
  Layout layout{.steps = x[a.Bool("batch_first") ? 1 : 0],
                .batch = x[a.Bool("batch_first") ? 0 : 1]};
  layout.width = x[2];
  layout.layers = a.Int("num_layers");
  layout.directions = a.Bool("bidirectional") ? 2 : 1;
  layout.weights_each = a.Bool("bias") ? 4 : 2;
  layout.states = 1;
  layout.lengths = layout.states + (a.Bool("initial_state") ? cell.states : 0);
  layout.weights = layout.lengths + (a.Bool("lengths") ? 1 : 0);
  layout.hidden = op.shape(static_cast<int>(layout.weights) + 1)[1];
  return layout;
}

Result<void> Expect(const OpContext& op, int64_t operand, std::string_view what, Shape shape) {
  const TensorType expected{op.dtype(0), std::move(shape)};
  if (op.operands[operand] == expected) return {};
  return Error("operand {} is {} and must be {}, not {}", operand, what, ToString(expected),
               ToString(op.operands[operand]));
}

Result<void> CheckWeights(const OpContext& op, const Layout& layout, const Cell& cell) {
  const int64_t rows = cell.gates * layout.hidden;
  for (int64_t i = 0; i < layout.cells(); ++i) {
    const int64_t layer = i / layout.directions, first = layout.weights + i * layout.weights_each;
    const int64_t width = layer == 0 ? layout.width : layout.directions * layout.hidden;
    const std::string suffix =
        fmt::format("_l{}{}", layer, i % layout.directions == 1 ? "_reverse" : "");
    DESCENT_RETURN_IF_ERROR(Expect(op, first, "w_ih" + suffix, {rows, width}));
    DESCENT_RETURN_IF_ERROR(Expect(op, first + 1, "w_hh" + suffix, {rows, layout.hidden}));
    if (layout.weights_each == 2) continue;
    DESCENT_RETURN_IF_ERROR(Expect(op, first + 2, "b_ih" + suffix, {rows}));
    DESCENT_RETURN_IF_ERROR(Expect(op, first + 3, "b_hh" + suffix, {rows}));
  }
  return {};
}

Result<void> CheckCount(const OpContext& op, const Cell& cell) {
  constexpr int64_t kMaxLayers = 1024;
  const Attributes& a = op.attributes;
  const int64_t layers = a.Int("num_layers");
  if (layers < 1 || layers > kMaxLayers)
    return Error("num_layers must be between 1 and {}, not {}", kMaxLayers, layers);
  if (op.operands[0].rank() != 3)
    return Error("x must be [{}, features], not {}",
                 a.Bool("batch_first") ? "batch, steps" : "steps, batch", ToString(op.shape(0)));
  const int64_t each = (a.Bool("bias") ? 4 : 2) * (a.Bool("bidirectional") ? 2 : 1);
  const int64_t others =
      1 + (a.Bool("initial_state") ? cell.states : 0) + (a.Bool("lengths") ? 1 : 0);
  const auto operands = static_cast<int64_t>(op.operands.size());
  if (operands != others + layers * each)
    return Error(
        "takes {} operands for num_layers={} (x, states and lengths: {}, weights: {}), "
        "not {}",
        others + layers * each, layers, others, layers * each, operands);
  const TensorType& recurrent = op.operands[others + 1];
  if (recurrent.rank() != 2 || recurrent.shape[1] == 0)
    return Error("operand {} is w_hh_l0 and must be a matrix [{} * hidden, hidden], not {}",
                 others + 1, cell.gates, ToString(recurrent));
  return {};
}

template <const Cell& cell>
Result<std::vector<TensorType>> InferRecurrent(const OpContext& op) {
  DESCENT_RETURN_IF_ERROR(CheckCount(op, cell));
  const Layout layout = LayoutOf(op, cell);
  const Shape state = {layout.cells(), layout.batch, layout.hidden};
  for (int64_t i = layout.states; i < layout.lengths; ++i)
    DESCENT_RETURN_IF_ERROR(
        Expect(op, i, i == layout.states ? "the initial h" : "the initial c", state));
  if (layout.lengths < layout.weights) {
    const TensorType& lengths = op.operands[layout.lengths];
    if (!Info(lengths.dtype).is_integer || lengths.shape != Shape{layout.batch})
      return Error("operand {} is the lengths and must be integers [{}], not {}", layout.lengths,
                   layout.batch, ToString(lengths));
  }
  DESCENT_RETURN_IF_ERROR(CheckWeights(op, layout, cell));
  const Shape gates = {op.shape(0)[0], op.shape(0)[1], cell.gates * layout.hidden};
  if (!CheckedElements(gates)) return Error("the gates {} are too large", ToString(gates));
  const Shape y = layout.OutputShape(op.attributes.Bool("batch_first"));
  DESCENT_TRY(results, OneResult(op.dtype(0), y));
  for (int64_t i = 0; i < cell.states; ++i) results.push_back({op.dtype(0), state});
  return results;
}

// ---- expansion ---------------------------------------------------------------------------------

/// Expands one occurrence: layer after layer, each in its directions.
class Recurrence {
 public:
  Recurrence(GraphBuilder& b, const OpContext& op, std::span<const Value> operands,
             const Cell& cell)
      : b_(b), op_(op), operands_(operands), cell_(cell), layout_(LayoutOf(op, cell)) {}

  Values Run() {
    const bool batch_first = op_.attributes.Bool("batch_first");
    Expr x(b_, operands_[0]);
    if (batch_first) x = Transpose(x, {1, 0, 2});
    for (int64_t layer = 0; layer < layout_.layers; ++layer) {
      std::vector<Expr> outputs;
      for (int64_t direction = 0; direction < layout_.directions; ++direction)
        outputs.push_back(Direction(x, layer * layout_.directions + direction, direction == 1));
      x = outputs.size() == 1 ? outputs[0] : Concat(outputs, 2);
    }
    Values results = {batch_first ? Transpose(x, {1, 0, 2}) : x};
    for (const std::vector<Expr>& finals : finals_) results.push_back(Concat(finals, 0));
    return results;
  }

 private:
  bool bias() const { return layout_.weights_each == 4; }
  bool has_lengths() const { return layout_.lengths < layout_.weights; }
  /// w_ih, w_hh, b_ih, b_hh of a cell.
  Expr Weight(int64_t number, int64_t which) const {
    return {b_, operands_[layout_.weights + number * layout_.weights_each + which]};
  }

  Expr InitialState(int64_t number, int64_t state) const {
    const Shape shape = {layout_.batch, layout_.hidden};
    if (layout_.states == layout_.lengths) return Filled(b_, shape, op_.dtype(0), 0);
    const Expr all(b_, operands_[layout_.states + state]);
    return Reshape(SliceAxis(all, 0, number, number + 1), shape);
  }

  /// x [T, N, features] -> y [T, N, H]; keeps the final states.
  Expr Direction(Expr x, int64_t number, bool reverse) {
    Expr projected = Matmul(x, Weight(number, 0), false, true);
    if (bias()) projected = projected + Weight(number, 2);
    if (bias() && !cell_.bias_inside) projected = projected + Weight(number, 3);
    Values operands;
    for (int64_t i = 0; i < cell_.states; ++i) operands.push_back(InitialState(number, i));
    operands.push_back(projected);
    operands.push_back(Weight(number, 1));
    if (bias() && cell_.bias_inside) operands.push_back(Weight(number, 3));
    if (has_lengths()) operands.push_back(operands_[layout_.lengths]);
    const Values results = b_.AddMulti("scan", std::move(operands),
                                       {{"body", Body()},
                                        {"carried", cell_.states},
                                        {"sliced", int64_t{1}},
                                        {"stacked", int64_t{1}},
                                        {"reverse", reverse}});
    finals_.resize(cell_.states);
    for (int64_t i = 0; i < cell_.states; ++i) finals_[i].push_back(Unsqueeze({b_, results[i]}, 0));
    return {b_, results[cell_.states]};
  }

  std::shared_ptr<const Graph> Body() const {
    GraphBuilder b;
    const DType dtype = op_.dtype(0);
    const int64_t rows = cell_.gates * layout_.hidden;
    std::vector<Expr> states;
    for (int64_t i = 0; i < cell_.states; ++i)
      states.emplace_back(b, b.Input(i == 0 ? "h" : "c", {dtype, {layout_.batch, layout_.hidden}}));
    const Expr input(b, b.Input("x", {dtype, {layout_.batch, rows}}));
    const Expr weight(b, b.Input("w", {dtype, {rows, layout_.hidden}}));
    std::optional<Expr> bias_inside;
    if (bias() && cell_.bias_inside) bias_inside = Expr(b, b.Input("b", {dtype, {rows}}));
    std::vector<Expr> next = cell_.next({op_.attributes, input, states, weight, bias_inside});
    Expr y = next[0];
    if (has_lengths()) {
      const Expr valid = Valid(b);
      y = Where(valid, y, 0.0);
      for (size_t i = 0; i < next.size(); ++i) next[i] = Where(valid, next[i], states[i]);
    }
    for (size_t i = 0; i < next.size(); ++i) b.Output(i == 0 ? "h_next" : "c_next", next[i]);
    b.Output("y", y);
    return std::make_shared<const Graph>(std::move(b).Build());
  }

  /// Whether the step lies inside each sequence, [N, 1].
  Expr Valid(GraphBuilder& b) const {
    const Expr lengths(b, b.Input("lengths", op_.operands[layout_.lengths]));
    const Expr step(b, b.Add("loop_step", {}));
    return Unsqueeze(Less(step, CastTo(lengths, DType::kI64)), 1);
  }

  GraphBuilder& b_;
  const OpContext& op_;
  const std::span<const Value> operands_;
  const Cell& cell_;
  const Layout layout_;
  std::vector<std::vector<Expr>> finals_;  ///< per state, per cell: [1, N, H]
};

template <const Cell& cell>
Values ExpandRecurrent(GraphBuilder& b, const OpContext& op, std::span<const Value> operands) {
  return Recurrence(b, op, operands, cell).Run();
}

// ---- signatures --------------------------------------------------------------------------------

constexpr std::string_view kOperandsDoc =
    "\n\nOperands: x, `[steps, batch, features]`, or `[batch, steps, features]` with "
    "`batch_first`; with `initial_state` the states before the first step, `[num_layers * "
    "directions, batch, hidden]` each (else 0); with `lengths` the length of each sequence, "
    "integers `[batch]`; then the weights of every layer and direction in PyTorch's order: "
    "`w_ih_l0, w_hh_l0, b_ih_l0, b_hh_l0, w_ih_l0_reverse, ..., w_ih_l1, ...` (no `b` without "
    "`bias`), `w_ih` being `[gates * hidden, features]`, `w_hh` `[gates * hidden, hidden]`, the "
    "biases `[gates * hidden]`. A layer above the first takes what the one below gives, "
    "`directions "
    "* hidden` features. Results: y, `[steps, batch, directions * hidden]` (laid out as x): the "
    "last layer's h of every step, forward then reverse; the final states of every layer and "
    "direction, shaped as the initial ones. Behind a sequence's length y is 0 and the states stay; "
    "the reverse direction begins at a sequence's last step.";

/// Static: an OpDef's doc is a view.
std::string_view Doc(std::string& storage, std::string_view head, std::string_view tail) {
  storage = fmt::format("{}{}{}", head, kOperandsDoc, tail);
  return storage;
}

Signature RecurrentSignature(std::vector<AttributeSpec> own, bool has_cell) {
  std::vector<AttributeSpec> attributes = {
      {"num_layers", AttributeKind::kInt, Attribute(int64_t{1}), "layers on top of each other"},
      {"bidirectional", AttributeKind::kBool, Attribute(false),
       "whether each layer runs over the steps in both directions"},
      {"bias", AttributeKind::kBool, Attribute(true), "whether there are biases"},
      {"batch_first", AttributeKind::kBool, Attribute(false),
       "whether x and y have the batch as their first axis"},
      {"initial_state", AttributeKind::kBool, Attribute(false),
       "whether the initial states are given"},
      {"lengths", AttributeKind::kBool, Attribute(false), "whether the lengths are given"}};
  attributes.insert(attributes.begin(), own.begin(), own.end());
  Signature signature{
      .operands = {{"x", DTypeClass::kFloat}, {"operands", DTypeClass::kAny, -1, false, true}},
      .attributes = std::move(attributes),
      .results = {"y", "h"}};
  if (has_cell) signature.results.push_back("c");
  return signature;
}

}  // namespace

std::span<const OpDef> RecurrentOps() {
  static std::string rnn_doc, lstm_doc, gru_doc;
  static const std::array kOps = {
      OpDef{.name = "rnn",
            .doc = Doc(rnn_doc,
                       "A layer of simple recurrent units (Elman, 1990).\n\n`h' = tanh(x w_ih^T + "
                       "b_ih + h w_hh^T + b_hh)`, or relu.",
                       " As PyTorch's RNN. Gradient: through the scan that it expands to."),
            .example = "rnn([[[1]], [[2]]], [[1]], [[0.5]], [0], [0], nonlinearity=relu) = "
                       "[[[1]], [[2.5]]], [[[2.5]]]",
            .signature = RecurrentSignature({{"nonlinearity",
                                              AttributeKind::kString,
                                              Attribute(std::string("tanh")),
                                              "tanh or relu",
                                              {"tanh", "relu"}}},
                                            false),
            .infer = InferRecurrent<kRnn>,
            .expand = ExpandRecurrent<kRnn>},
      OpDef{.name = "lstm",
            .doc = Doc(lstm_doc,
                       "A layer of long short-term memory (Hochreiter and Schmidhuber, 1997; with "
                       "the forget gate of Gers et al., 2000).\n\n`[i, f, g, o] = x w_ih^T + b_ih "
                       "+ h w_hh^T + b_hh`, `c' = sigmoid(f) * c + sigmoid(i) * tanh(g)`, `h' = "
                       "sigmoid(o) * tanh(c')`.",
                       " Gates stand in PyTorch's order i, f, g, o; ONNX has i, o, f, g. The "
                       "initial states are h, c. Gradient: through the scan that it expands to."),
            .example = "lstm([[[1]], [[1]], [[1]]], [[100], [100], [100], [100]], [[0], [0], [0], "
                       "[0]], bias=false) = [[[0.7616]], [[0.964]], [[0.9951]]], [[[0.9951]]], "
                       "[[[3]]]",
            .signature = RecurrentSignature({}, true),
            .infer = InferRecurrent<kLstm>,
            .expand = ExpandRecurrent<kLstm>},
      OpDef{.name = "gru",
            .doc = Doc(gru_doc,
                       "A layer of gated recurrent units (Cho et al., 2014).\n\n`r, z = sigmoid(x "
                       "w_ih^T + b_ih + h w_hh^T + b_hh)` for their gates, `n = tanh(x w_in^T + "
                       "b_in + r * (h w_hn^T + b_hn))`, `h' = (1 - z) * n + z * h`. Without "
                       "`linear_before_reset`: `n = tanh(x w_in^T + b_in + (r * h) w_hn^T + "
                       "b_hn)`.",
                       " Gates stand in PyTorch's order r, z, n; ONNX has z, r, h. PyTorch's GRU "
                       "is the one with `linear_before_reset`. Gradient: through the scan that it "
                       "expands to."),
            .example = "gru([[[1]], [[1]], [[1]]], [[0], [0], [100]], [[0], [0], [0]], "
                       "bias=false) = [[[0.5]], [[0.75]], [[0.875]]], [[[0.875]]]",
            .signature =
                RecurrentSignature({{"linear_before_reset", AttributeKind::kBool, Attribute(true),
                                     "whether r scales the product, not h before it"}},
                                   false),
            .infer = InferRecurrent<kGru>,
            .expand = ExpandRecurrent<kGru>},
  };
  return kOps;
}

}  // namespace descent

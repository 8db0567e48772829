// Control: loops over a body graph.

#include <algorithm>
#include <array>

#include "ir/autodiff.h"
#include "ir/expr.h"
#include "ir/ops/families.h"
#include "ir/ops/shapes.h"

namespace descent {
namespace {

using Values = std::vector<Value>;

// ---- scan --------------------------------------------------------------------------------------

LoopForm FormOf(const OpContext& op) {
  const auto carried = op.attributes.Int("carried"), sliced = op.attributes.Int("sliced");
  return {.trip_count =
              sliced > 0 ? op.shape(static_cast<int>(carried))[0] : op.attributes.Int("trip_count"),
          .carried = static_cast<int>(carried),
          .sliced = static_cast<int>(sliced),
          .stacked = static_cast<int>(op.attributes.Int("stacked")),
          .reverse = op.attributes.Bool("reverse"),
          .first_step = op.attributes.Int("first_step"),
          .continues = op.attributes.Bool("continues")};
}

TensorType Stacked(const TensorType& type, int64_t trip_count) {
  TensorType stacked = type;
  stacked.shape.insert(stacked.shape.begin(), trip_count);
  return stacked;
}

Result<void> CheckCounts(const OpContext& op) {
  const Graph& body = op.attributes.Body("body");
  const auto operands = static_cast<int64_t>(op.operands.size());
  for (const std::string_view name : {"carried", "sliced", "stacked"})
    if (op.attributes.Int(name) < 0 || op.attributes.Int(name) > 1 << 20)
      return Error("{} must be a number of values, not {}", name, op.attributes.Int(name));
  const int64_t carried = op.attributes.Int("carried"), sliced = op.attributes.Int("sliced");
  if (carried + sliced > operands)
    return Error("has {} operands, fewer than carried = {} and sliced = {} together", operands,
                 carried, sliced);
  if (static_cast<int64_t>(body.inputs().size()) != operands)
    return Error("the body takes {} inputs for {} operands", body.inputs().size(), operands);
  const int64_t outputs = carried + op.attributes.Int("stacked");
  if (static_cast<int64_t>(body.outputs().size()) != outputs)
    return Error("the body has {} outputs; carried and stacked need {}", body.outputs().size(),
                 outputs);
  if (outputs == 0) return Error("has no results: neither carried nor stacked values");
  if (sliced == 0 && op.attributes.Int("trip_count") < 0)
    return Error("needs trip_count because no operand is sliced");
  for (const std::string_view name : {"trip_count", "first_step"})
    if (op.attributes.Int(name) > kMaxElements)
      return Error("{} must be at most {}, not {}", name, kMaxElements, op.attributes.Int(name));
  if (op.attributes.Int("first_step") < 0)
    return Error("first_step must not be negative, but is {}", op.attributes.Int("first_step"));
  for (int64_t i = carried; i < carried + sliced; ++i)
    if (op.operands[i].rank() == 0)
      return Error("operand {} is sliced and needs a first axis, but is a scalar", i);
  return {};
}

Result<std::vector<TensorType>> InferScan(const OpContext& op) {
  DESCENT_RETURN_IF_ERROR(CheckCounts(op));
  const LoopForm form = FormOf(op);
  const Graph& body = op.attributes.Body("body");
  for (int i = 0; i < static_cast<int>(op.operands.size()); ++i) {
    const bool sliced = i >= form.carried && i < form.carried + form.sliced;
    const TensorType& input = body.type(body.inputs()[i].value);
    const TensorType expected = sliced ? Stacked(input, form.trip_count) : input;
    if (op.operands[i] != expected)
      return Error("operand {} must be {} for the body's input {}, not {}", i, ToString(expected),
                   Quoted(body.inputs()[i].name), ToString(op.operands[i]));
  }
  std::vector<TensorType> results(op.operands.begin(), op.operands.begin() + form.carried);
  for (int i = 0; i < form.carried + form.stacked; ++i) {
    const TensorType& output = body.type(body.outputs()[i].value);
    if (i >= form.carried) {
      results.push_back(Stacked(output, form.trip_count));
    } else if (output != op.operands[i]) {
      return Error("the body's output {} is carried and must stay {}, not become {}",
                   Quoted(body.outputs()[i].name), ToString(op.operands[i]), ToString(output));
    }
  }
  for (int i = 0; i < form.carried; ++i)
    results.push_back(Stacked(op.operands[i], form.trip_count));
  return results;
}

/// Builds the scan that runs backward over the stored histories. Its carried values are the
/// gradients of the carried floats and, per wanted invariant, the sum so far; its slices are the
/// arriving gradients of stacked results and histories, the histories, and the original slices.
///
/// Where every iteration adds a product over rows to an invariant's gradient, as for the weights of
/// a recurrent layer, the factors are stacked and multiplied once, behind the loop.
class ReverseScan {
 public:
  explicit ReverseScan(const VjpContext& v)
      : v_(v), form_(FormOf(v.op)), body_(v.op.attributes.Body("body")) {}

  Values Build() {
    for (int i = 0; i < form_.carried; ++i)
      if (IsFloat(i)) AddCarried(i, GradientOf(i));
    AddSlices();
    for (int i = invariant(); i < operand_count(); ++i)
      inputs_[i] = AddInput(v_.operands[i], v_.op.operands[i], invariants_);
    auto done = BuildBody();
    if (!done) {
      *v_.error = std::move(done).error();
      return {};
    }
    return Results(next_.empty() && stacked_.empty() ? Values() : AddScan());
  }

 private:
  /// An operand of the reverse scan and the input of its body, the `number`th that was added.
  struct Input {
    Value outside, inside;
    size_t number;
  };
  /// A factor of a product, over all iterations: a slice's whole, or a stacked result.
  struct Factor {
    Value whole;
    size_t stacked = 0;  ///< where `whole` is invalid
  };
  struct Product {
    int operand;
    Factor a, b;
  };

  int operand_count() const { return static_cast<int>(v_.operands.size()); }
  int invariant() const { return form_.carried + form_.sliced; }
  bool IsFloat(int operand) const { return Info(v_.op.dtype(operand)).is_float; }
  bool Wants(int operand) const { return v_.wanted[operand]; }

  /// The arriving gradient of a result, zeros where none arrives.
  Value GradientOf(int result) const {
    return v_.gradients[result].valid() ? v_.gradients[result]
                                        : ZerosLike(v_.b, v_.results[result]);
  }

  Value AddInput(Value outside, TensorType inside, std::vector<Input>& inputs) {
    const Value value = inner_.Input(fmt::format("{}", input_count_), std::move(inside));
    inputs.push_back({outside, value, input_count_++});
    return value;
  }

  Value AddSlice(Value outside) {
    TensorType inside = v_.b.type(outside);
    inside.shape.erase(inside.shape.begin());
    return AddInput(outside, std::move(inside), slices_);
  }

  Value AddCarried(int operand, Value start) {
    carried_operands_.push_back(operand);
    return AddInput(start, v_.op.operands[operand], carried_);
  }

  void AddSlices() {
    inputs_.resize(operand_count());
    const int stacked = form_.carried, history = form_.carried + form_.stacked;
    stacked_gradients_.resize(form_.stacked);
    history_gradients_.resize(form_.carried);
    for (int i = 0; i < form_.stacked; ++i)
      if (v_.gradients[stacked + i].valid())
        stacked_gradients_[i] = AddSlice(v_.gradients[stacked + i]);
    for (int i = 0; i < form_.carried; ++i)
      if (v_.gradients[history + i].valid())
        history_gradients_[i] = AddSlice(v_.gradients[history + i]);
    for (int i = 0; i < form_.carried; ++i) inputs_[i] = AddSlice(v_.results[history + i]);
    for (int i = form_.carried; i < invariant(); ++i) inputs_[i] = AddSlice(v_.operands[i]);
  }

  /// The values of one iteration are computed again from the history, then differentiated.
  Result<void> BuildBody() {
    const Values outputs = InlineOutputs(body_, inputs_, inner_);
    std::vector<Cotangent> arriving;
    const auto seed = [&](int output, Value gradient) {
      if (gradient.valid()) arriving.push_back({outputs[output], gradient});
    };
    for (size_t i = 0; i < carried_.size(); ++i) seed(carried_operands_[i], carried_[i].inside);
    for (int i = 0; i < form_.stacked; ++i) seed(form_.carried + i, stacked_gradients_[i]);
    std::vector<int> wanted = carried_operands_;
    for (int i = form_.carried; i < operand_count(); ++i)
      if (Wants(i)) wanted.push_back(i);
    Values wanted_inputs;
    for (const int operand : wanted) wanted_inputs.push_back(inputs_[operand]);
    DESCENT_TRY(gradients, ReverseWalk(inner_, arriving, wanted_inputs));
    for (size_t i = 0; i < wanted.size(); ++i) Emit(wanted[i], gradients[i]);
    return {};
  }

  /// Carried: the gradient one iteration earlier. Sliced: a stacked result. Invariant: the factors
  /// of a product, or the sum so far.
  void Emit(int operand, Value gradient) {
    if (operand < form_.carried) {
      const Value history = history_gradients_[operand];
      next_.push_back(history.valid() ? Expr(inner_, gradient) + Expr(inner_, history)
                                      : Expr(inner_, gradient));
    } else if (operand < invariant()) {
      sliced_gradients_.emplace_back(operand, Stack(gradient));
    } else if (IsProductOverRows(gradient)) {
      const Values factors = inner_.node(gradient).operands;
      products_.push_back({operand, FactorOf(factors[0]), FactorOf(factors[1])});
    } else {
      const Value sum = AddCarried(operand, ZerosLike(v_.b, v_.operands[operand]));
      next_.push_back(Expr(inner_, sum) + Expr(inner_, gradient));
    }
  }

  /// a^T b of two matrices, one of which is in memory for all iterations anyway.
  bool IsProductOverRows(Value value) const {
    const Node& node = inner_.node(value);
    const auto is_matrix = [&](Value v) { return inner_.type(v).rank() == 2; };
    const auto is_there = [&](Value v) {
      return std::ranges::find(slices_, v, &Input::inside) != slices_.end() ||
             std::ranges::find(stacked_, v) != stacked_.end();
    };
    return node.op == FindOp("matmul") && node.attributes.Bool("transpose_a") &&
           !node.attributes.Bool("transpose_b") && std::ranges::all_of(node.operands, is_matrix) &&
           std::ranges::any_of(node.operands, is_there);
  }

  Factor FactorOf(Value value) {
    for (const Input& slice : slices_)
      if (slice.inside == value) return {slice.outside};
    return {Value(), Stack(value)};
  }

  size_t Stack(Value value) {
    const auto known = std::ranges::find(stacked_, value);
    if (known != stacked_.end()) return known - stacked_.begin();
    stacked_.push_back(value);
    return stacked_.size() - 1;
  }

  /// The body with its inputs in a scan's order: carried, sliced, invariant.
  std::shared_ptr<const Graph> Body(Values& operands) {
    for (const Value value : next_) inner_.Output("", value);
    for (const Value value : stacked_) inner_.Output("", value);
    GraphBuilder b;
    Values inputs(input_count_);
    for (const std::vector<Input>* group : {&carried_, &slices_, &invariants_})
      for (const Input& input : *group) {
        inputs[input.number] =
            b.Input(fmt::format("x{}", operands.size()), inner_.type(input.inside));
        operands.push_back(input.outside);
      }
    const Values outputs = InlineOutputs(std::move(inner_).Build(), inputs, b);
    for (size_t i = 0; i < outputs.size(); ++i) b.Output(fmt::format("y{}", i), outputs[i]);
    return std::make_shared<const Graph>(std::move(b).Build());
  }

  Values AddScan() {
    Values operands;
    auto body = Body(operands);
    return v_.b.AddMulti("scan", std::move(operands),
                         {{"body", std::move(body)},
                          {"carried", static_cast<int64_t>(carried_.size())},
                          {"sliced", static_cast<int64_t>(slices_.size())},
                          {"stacked", static_cast<int64_t>(stacked_.size())},
                          {"reverse", !form_.reverse},
                          {"trip_count", form_.trip_count},
                          {"first_step", form_.first_step},
                          {"continues", form_.continues}});
  }

  Values Results(const Values& results) const {
    Values gradients(operand_count());
    for (size_t i = 0; i < carried_operands_.size(); ++i)
      gradients[carried_operands_[i]] = results[i];
    for (const auto& [operand, stacked] : sliced_gradients_)
      gradients[operand] = results[carried_.size() + stacked];
    const auto rows = [&](const Factor& factor) {
      const Expr whole(
          v_.b, factor.whole.valid() ? factor.whole : results[carried_.size() + factor.stacked]);
      const Shape shape = whole.shape();
      return Reshape(whole, {shape[0] * shape[1], shape[2]});
    };
    for (const Product& product : products_)
      gradients[product.operand] = Matmul(rows(product.a), rows(product.b), true);
    return gradients;
  }

  const VjpContext& v_;
  const LoopForm form_;
  const Graph& body_;
  GraphBuilder inner_;
  size_t input_count_ = 0;
  std::vector<Input> carried_, slices_, invariants_;
  std::vector<int> carried_operands_;  ///< operand whose gradient each carried value is
  Values next_, stacked_;              ///< outputs of the body
  std::vector<std::pair<int, size_t>> sliced_gradients_;  ///< (operand, stacked result)
  std::vector<Product> products_;
  Values inputs_;  ///< the forward body's inputs inside the reverse body
  Values stacked_gradients_, history_gradients_;
};

Values VjpScan(const VjpContext& v) { return ReverseScan(v).Build(); }

AttributeSpec Count(std::string_view name, std::optional<Attribute> value, std::string_view doc) {
  return {name, AttributeKind::kInt, std::move(value), doc};
}

}  // namespace

std::span<const OpDef> ControlOps() {
  static const std::array kOps = {
      OpDef{
          .name = "scan",
          .doc = "A loop over the first axis of tensors, with carried state.\n\n`carried[t + 1], "
                 "stacked[t] = body(carried[t], sliced[t], whole)` for t = 0, 1, ... "
                 "(jax.lax.scan, ONNX Scan). Operands: the first values of what is carried, "
                 "tensors that are sliced along their first axis, tensors that every iteration "
                 "sees whole. The body takes the carried values, one slice of each sliced tensor "
                 "and the whole ones; it gives the next carried values and one slice of each "
                 "stacked result. Results: the last carried values, the stacked results, then for "
                 "each carried value its history: its value before every iteration. With `reverse` "
                 "the last slice comes first; slices, stacked results and histories keep their "
                 "places. Gradient: a scan the other way over the histories whose body is the "
                 "differentiated body.",
          .example = "scan(0, [1, 2, 3], carried=1, sliced=1, stacked=1) body(total: f32, x: "
                     "f32) {\n"
                     "  next = add(total, x)\n"
                     "  twice = add(x, x)\n"
                     "  return next, twice\n"
                     "} = 6, [2, 4, 6], [0, 1, 3]",
          .signature =
              {.operands = {{"operands", DTypeClass::kAny, -1, false, true}},
               .attributes = {{"body", AttributeKind::kGraph, std::nullopt,
                               "graph of one iteration"},
                              Count("carried", Attribute(int64_t{0}), "number of carried values"),
                              Count("sliced", Attribute(int64_t{0}), "number of sliced tensors"),
                              Count("stacked", Attribute(int64_t{0}), "number of stacked results"),
                              {"reverse", AttributeKind::kBool, Attribute(false),
                               "whether the last slice comes first"},
                              Count("trip_count", Attribute(int64_t{-1}),
                                    "number of iterations, where nothing is sliced"),
                              Count("first_step", Attribute(int64_t{0}),
                                    "loop_step of the iteration on the first slice"),
                              {"continues", AttributeKind::kBool, Attribute(false),
                               "whether loop_step counts on from the enclosing loop's, times the "
                               "number of iterations"}},
               .results = {"results"}},
          .infer = InferScan,
          .control = Control::kLoop,
          .loop = FormOf,
          .vjp = VjpScan},
  };
  return kOps;
}

}  // namespace descent

// Control: loops over a body graph, and the barrier that holds recomputation back.

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
          .reverse = op.attributes.Bool("reverse")};
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
class ReverseScan {
 public:
  explicit ReverseScan(const VjpContext& v)
      : v_(v), form_(FormOf(v.op)), body_(v.op.attributes.Body("body")) {}

  Values Build() {
    for (int i = 0; i < form_.carried; ++i)
      if (IsFloat(i)) AddCarried(i, GradientOf(i));
    for (int i = invariant(); i < operand_count(); ++i)
      if (Wants(i)) AddCarried(i, ZerosLike(v_.b, v_.operands[i]));
    AddSlices();
    for (int i = invariant(); i < operand_count(); ++i)
      inputs_[i] = AddInput(v_.operands[i], v_.op.operands[i], invariants_);
    auto done = BuildBody();
    if (!done) {
      *v_.error = std::move(done).error();
      return {};
    }
    return Results(AddScan());
  }

 private:
  int operand_count() const { return static_cast<int>(v_.operands.size()); }
  int invariant() const { return form_.carried + form_.sliced; }
  bool IsFloat(int operand) const { return Info(v_.op.dtype(operand)).is_float; }
  bool Wants(int operand) const { return v_.wanted[operand]; }

  /// The arriving gradient of a result, zeros where none arrives.
  Value GradientOf(int result) const {
    return v_.gradients[result].valid() ? v_.gradients[result]
                                        : ZerosLike(v_.b, v_.results[result]);
  }

  Value AddInput(Value outside, TensorType inside, Values& operands) {
    operands.push_back(outside);
    return inner_.Input(fmt::format("x{}", input_count_++), std::move(inside));
  }

  Value AddSlice(Value outside) {
    TensorType inside = v_.b.type(outside);
    inside.shape.erase(inside.shape.begin());
    return AddInput(outside, std::move(inside), slices_);
  }

  void AddCarried(int operand, Value start) {
    carried_operands_.push_back(operand);
    arriving_.push_back(AddInput(start, v_.op.operands[operand], carried_));
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
    DESCENT_TRY(values, Inline(body_, inputs_, inner_));
    std::vector<Cotangent> outputs;
    const auto seed = [&](int output, Value gradient) {
      const Value value = body_.outputs()[output].value;
      if (gradient.valid()) outputs.push_back({values[value.node][value.result], gradient});
    };
    for (size_t i = 0; i < carried_operands_.size(); ++i)
      if (carried_operands_[i] < form_.carried) seed(carried_operands_[i], arriving_[i]);
    for (int i = 0; i < form_.stacked; ++i) seed(form_.carried + i, stacked_gradients_[i]);
    std::vector<int> wanted = carried_operands_;
    for (int i = form_.carried; i < invariant(); ++i)
      if (Wants(i)) wanted.push_back(i);
    Values wanted_inputs;
    for (const int operand : wanted) wanted_inputs.push_back(inputs_[operand]);
    DESCENT_TRY(gradients, ReverseWalk(inner_, outputs, wanted_inputs));
    for (size_t i = 0; i < wanted.size(); ++i) Emit(wanted[i], i, gradients[i]);
    return {};
  }

  /// Carried: the gradient one iteration earlier. Invariant: the sum so far. Sliced: a stacked
  /// result.
  void Emit(int operand, size_t place, Value value) {
    Expr gradient(inner_, value);
    if (operand >= invariant()) gradient = Expr(inner_, arriving_[place]) + gradient;
    if (operand < form_.carried && history_gradients_[operand].valid())
      gradient = gradient + Expr(inner_, history_gradients_[operand]);
    if (place >= carried_operands_.size()) sliced_operands_.push_back(operand);
    inner_.Output(fmt::format("y{}", place), gradient);
  }

  Values AddScan() {
    Values operands = carried_;
    operands.insert(operands.end(), slices_.begin(), slices_.end());
    operands.insert(operands.end(), invariants_.begin(), invariants_.end());
    return v_.b.AddMulti("scan", std::move(operands),
                         {{"body", std::make_shared<const Graph>(std::move(inner_).Build())},
                          {"carried", static_cast<int64_t>(carried_.size())},
                          {"sliced", static_cast<int64_t>(slices_.size())},
                          {"stacked", static_cast<int64_t>(sliced_operands_.size())},
                          {"reverse", !form_.reverse},
                          {"trip_count", form_.trip_count}});
  }

  Values Results(const Values& results) const {
    Values gradients(operand_count());
    for (size_t i = 0; i < carried_operands_.size(); ++i)
      gradients[carried_operands_[i]] = results[i];
    for (size_t i = 0; i < sliced_operands_.size(); ++i)
      gradients[sliced_operands_[i]] = results[carried_operands_.size() + i];
    return gradients;
  }

  const VjpContext& v_;
  const LoopForm form_;
  const Graph& body_;
  GraphBuilder inner_;
  int input_count_ = 0;
  Values carried_, slices_, invariants_;  ///< operands of the reverse scan
  std::vector<int> carried_operands_;     ///< operand whose gradient each carried value is
  std::vector<int> sliced_operands_;      ///< operand whose gradient each stacked result is
  Values arriving_;                       ///< body inputs of the carried values
  Values inputs_;                         ///< the forward body's inputs inside the reverse body
  Values stacked_gradients_, history_gradients_;
};

Values VjpScan(const VjpContext& v) { return ReverseScan(v).Build(); }

// ---- barrier -----------------------------------------------------------------------------------

Result<std::vector<TensorType>> InferBarrier(const OpContext& op) {
  return OneResult(op.dtype(0), op.shape(0));
}

TensorExpr DefineBarrier(const OpContext& op) {
  return Moved(op, op.shape(0), AxisRange(0, op.operands[0].rank()));
}

AttributeSpec Count(std::string_view name, std::optional<Attribute> value, std::string_view doc) {
  return {name, AttributeKind::kInt, std::move(value), doc};
}

}  // namespace

std::span<const OpDef> ControlOps() {
  static const std::array kOps = {
      OpDef{.name = "scan",
            .doc =
                "A loop over the first axis of tensors, with carried state.\n\nOperands: the first "
                "values of what is carried, tensors that are sliced along their first axis, "
                "tensors that every iteration sees whole. The body takes the carried values, one "
                "slice of each sliced tensor and the whole ones; it gives the next carried values "
                "and one slice of each stacked result. Results: the last carried values, the "
                "stacked results, then for each carried value its history: its value before every "
                "iteration. With `reverse` the last slice comes first; slices, stacked results "
                "and histories keep their places. Gradient: a scan the other way over the "
                "histories whose body is the differentiated body.",
            .signature = {.operands = {{"operands", DTypeClass::kAny, -1, false, true}},
                          .attributes =
                              {{"body", AttributeKind::kGraph, std::nullopt,
                                "graph of one iteration"},
                               Count("carried", Attribute(int64_t{0}), "number of carried values"),
                               Count("sliced", Attribute(int64_t{0}), "number of sliced tensors"),
                               Count("stacked", Attribute(int64_t{0}), "number of stacked results"),
                               {"reverse", AttributeKind::kBool, Attribute(false),
                                "whether the last slice comes first"},
                               Count("trip_count", Attribute(int64_t{-1}),
                                     "number of iterations, where nothing is sliced")},
                          .results = {"results"}},
            .infer = InferScan,
            .control = Control::kLoop,
            .loop = FormOf,
            .vjp = VjpScan},
      OpDef{.name = "barrier",
            .doc = "x, not before `after` is there.\n\nKeeps a recomputed region apart from the "
                   "original: `region` tells copies apart, `after` holds them back. It computes "
                   "nothing. Gradient: `g` to x, none to `after`.",
            .signature = {.operands = {{"x"}, {"after", DTypeClass::kAny, -1}},
                          .attributes = {Count("region", std::nullopt,
                                               "number of the recomputed region")}},
            .infer = InferBarrier,
            .define = DefineBarrier,
            .vjp = [](const VjpContext& v) { return Values{v.gradient(), Value()}; }},
  };
  return kOps;
}

}  // namespace descent

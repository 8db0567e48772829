// Structured control flow: if, and loops whose length is bounded when they are compiled.

#include <algorithm>
#include <array>

#include "ir/autodiff.h"
#include "ir/expr.h"
#include "ir/ops/families.h"
#include "ir/ops/shapes.h"

namespace descent {
namespace {

using Values = std::vector<Value>;

/// The body takes `operands` and nothing else.
Result<void> CheckInputs(const Graph& body, std::string_view name,
                         std::span<const TensorType> operands, size_t first) {
  if (body.inputs().size() != operands.size())
    return Error("{} takes {} inputs, not {}", name, body.inputs().size(), operands.size());
  for (size_t i = 0; i < operands.size(); ++i)
    if (const TensorType& input = body.type(body.inputs()[i].value); input != operands[i])
      return Error("operand {} must be {} for the input {} of {}, not {}", first + i,
                   ToString(input), Quoted(body.inputs()[i].name), name, ToString(operands[i]));
  return {};
}

// ---- if ----------------------------------------------------------------------------------------

constexpr std::string_view kSides[] = {"then_body", "else_body"};

Result<std::vector<TensorType>> InferIf(const OpContext& op) {
  if (op.operands[0].rank() != 0)
    return Error("the condition must be a scalar, not {}", ToString(op.operands[0]));
  for (const std::string_view side : kSides)
    DESCENT_RETURN_IF_ERROR(CheckInputs(op.attributes.Body(side), side, op.operands.subspan(1), 1));
  const Graph &taken = op.attributes.Body(kSides[0]), &other = op.attributes.Body(kSides[1]);
  if (taken.outputs().size() != other.outputs().size())
    return Error("then_body has {} outputs and else_body {}", taken.outputs().size(),
                 other.outputs().size());
  if (taken.outputs().empty()) return Error("has no results: the bodies have no outputs");
  std::vector<TensorType> results;
  for (size_t i = 0; i < taken.outputs().size(); ++i) {
    const TensorType &a = taken.type(taken.outputs()[i].value),
                     &b = other.type(other.outputs()[i].value);
    if (a != b)
      return Error("output {} is {} in then_body and {} in else_body", i, ToString(a), ToString(b));
    results.push_back(a);
  }
  return results;
}

/// The graph that computes `body` again and differentiates it: from the body's inputs and the
/// arriving gradients of outputs `arriving` to the gradients of inputs `wanted`.
Result<Graph> DifferentiatedBody(const Graph& body, const std::vector<size_t>& arriving,
                                 const std::vector<size_t>& wanted) {
  GraphBuilder b;
  Values inputs, wanted_inputs;
  for (const NamedValue& input : body.inputs())
    inputs.push_back(b.Input(fmt::format("x{}", inputs.size()), body.type(input.value)));
  const Values outputs = InlineOutputs(body, inputs, b);
  std::vector<Cotangent> cotangents;
  for (const size_t i : arriving)
    cotangents.push_back({outputs[i], b.Input(fmt::format("g{}", i), b.type(outputs[i]))});
  for (const size_t i : wanted) wanted_inputs.push_back(inputs[i]);
  DESCENT_TRY(gradients, ReverseWalk(b, cotangents, wanted_inputs));
  for (size_t i = 0; i < wanted.size(); ++i) b.Output(fmt::format("y{}", wanted[i]), gradients[i]);
  return std::move(b).Build();
}

Values VjpIf(const VjpContext& v) {
  std::vector<size_t> arriving, wanted;
  Values operands(v.operands.begin(), v.operands.end()), gradients(v.operands.size());
  for (size_t i = 0; i < v.gradients.size(); ++i) {
    if (!v.gradients[i].valid()) continue;
    arriving.push_back(i);
    operands.push_back(v.gradients[i]);
  }
  for (size_t i = 1; i < v.operands.size(); ++i)
    if (v.wanted[i]) wanted.push_back(i - 1);
  Attributes attributes;
  for (const std::string_view side : kSides) {
    auto body = DifferentiatedBody(v.op.attributes.Body(side), arriving, wanted);
    if (!body) {
      *v.error = std::move(body).error();
      return gradients;
    }
    attributes.Set(std::string(side), std::make_shared<const Graph>(*std::move(body)));
  }
  const Values results = v.b.AddMulti("if", std::move(operands), std::move(attributes));
  for (size_t i = 0; i < wanted.size(); ++i) gradients[wanted[i] + 1] = results[i];
  return gradients;
}

// ---- for, while --------------------------------------------------------------------------------

/// The types of the first operands are those of the body's outputs, from `first` of them on.
Result<std::vector<TensorType>> InferCarried(const OpContext& op, const Graph& body,
                                             int64_t trip_count) {
  const size_t carried = body.outputs().size();
  if (carried == 0 || carried > op.operands.size())
    return Error(
        "the body must have between 1 and {} outputs, the next values of the first "
        "operands, not {}",
        op.operands.size(), carried);
  std::vector<TensorType> results(op.operands.begin(), op.operands.begin() + carried);
  for (size_t i = 0; i < carried; ++i) {
    const TensorType& output = body.type(body.outputs()[i].value);
    if (output != results[i])
      return Error("the body's output {} is carried and must stay {}, not become {}",
                   Quoted(body.outputs()[i].name), ToString(results[i]), ToString(output));
    // For the gradient its value before every iteration is kept.
    Shape history = results[i].shape;
    history.insert(history.begin(), trip_count);
    if (history.size() > kMaxRank || !CheckedElements(history))
      return Error("{} values of {} are too many", trip_count, ToString(results[i]));
  }
  return results;
}

Result<void> CheckIterations(const OpContext& op, std::string_view name) {
  const int64_t count = op.attributes.Int(name);
  if (count >= 0 && count <= kMaxElements) return {};
  return Error("{} must be between 0 and {}, not {}", name, kMaxElements, count);
}

Result<std::vector<TensorType>> InferFor(const OpContext& op) {
  const Graph& body = op.attributes.Body("body");
  DESCENT_RETURN_IF_ERROR(CheckIterations(op, "trip_count"));
  DESCENT_RETURN_IF_ERROR(CheckInputs(body, "the body", op.operands, 0));
  return InferCarried(op, body, op.attributes.Int("trip_count"));
}

Values ExpandFor(GraphBuilder& b, const OpContext& op, std::span<const Value> operands) {
  const size_t carried = op.attributes.Body("body").outputs().size();
  Values results = b.AddMulti("scan", {operands.begin(), operands.end()},
                              {{"body", *op.attributes.Find("body")},
                               {"carried", static_cast<int64_t>(carried)},
                               {"trip_count", op.attributes.Int("trip_count")}});
  results.resize(carried);
  return results;
}

Result<std::vector<TensorType>> InferWhile(const OpContext& op) {
  const Graph &body = op.attributes.Body("body"), &condition = op.attributes.Body("condition");
  DESCENT_RETURN_IF_ERROR(CheckIterations(op, "bound"));
  DESCENT_RETURN_IF_ERROR(CheckInputs(condition, "condition", op.operands, 0));
  DESCENT_RETURN_IF_ERROR(CheckInputs(body, "the body", op.operands, 0));
  if (condition.outputs().size() != 1 ||
      condition.type(condition.outputs()[0].value) != TensorType{DType::kBool, {}})
    return Error("condition must have one output, a bool scalar");
  DESCENT_TRY(results, InferCarried(op, body, op.attributes.Int("bound")));
  results.push_back({DType::kI64, {}});
  return results;
}

/// One side of an iteration: (values, count, whole operands) to (next values, next count, whether
/// to go on). Where the loop has ended nothing changes.
std::shared_ptr<const Graph> WhileSide(const OpContext& op, bool active) {
  const Graph &body = op.attributes.Body("body"), &condition = op.attributes.Body("condition");
  const size_t carried = body.outputs().size();
  GraphBuilder b;
  Values values;
  Value count;
  for (size_t i = 0; i < op.operands.size(); ++i) {
    if (i == carried) count = b.Input("count", {DType::kI64, {}});
    values.push_back(b.Input(fmt::format("x{}", i), op.operands[i]));
  }
  if (!count.valid()) count = b.Input("count", {DType::kI64, {}});
  Value again = b.Constant(Tensor::Scalar(DType::kBool, 0));
  if (active) {
    std::ranges::copy(InlineOutputs(body, values, b), values.begin());
    count = Expr(b, count) + 1.0;
    again = InlineOutputs(condition, values, b)[0];
  }
  for (size_t i = 0; i < carried; ++i) b.Output(fmt::format("y{}", i), values[i]);
  b.Output("next_count", count);
  b.Output("again", again);
  return std::make_shared<const Graph>(std::move(b).Build());
}

/// A scan over `bound` steps; one behind the end costs a branch.
Values ExpandWhile(GraphBuilder& b, const OpContext& op, std::span<const Value> operands) {
  const auto carried = static_cast<int64_t>(op.attributes.Body("body").outputs().size());
  GraphBuilder step;
  Values inside, outside(operands.begin(), operands.begin() + carried);
  for (int64_t i = 0; i < carried; ++i)
    inside.push_back(step.Input(fmt::format("x{}", i), op.operands[i]));
  inside.push_back(step.Input("count", {DType::kI64, {}}));
  outside.push_back(b.Constant(Tensor::Scalar(DType::kI64, 0)));
  const Value active = step.Input("active", {DType::kBool, {}});
  outside.push_back(InlineOutputs(op.attributes.Body("condition"), operands, b)[0]);
  for (size_t i = carried; i < operands.size(); ++i) {
    inside.push_back(step.Input(fmt::format("x{}", i), op.operands[i]));
    outside.push_back(operands[i]);
  }
  inside.insert(inside.begin(), active);
  const Values next = step.AddMulti(
      "if", inside, {{"then_body", WhileSide(op, true)}, {"else_body", WhileSide(op, false)}});
  for (const Value value : next) step.Output(fmt::format("next{}", value.result), value);
  Values results = b.AddMulti("scan", std::move(outside),
                              {{"body", std::make_shared<const Graph>(std::move(step).Build())},
                               {"carried", carried + 2},
                               {"trip_count", op.attributes.Int("bound")}});
  results.resize(carried + 1);
  return results;
}

}  // namespace

std::span<const OpDef> FlowOps() {
  static const std::array kOps = {
      OpDef{.name = "if",
            .doc = "The results of one of two bodies.\n\n`y = then_body(operands)` or `y = "
                   "else_body(operands)` (ONNX If, jax.lax.cond). The condition, a bool scalar, "
                   "chooses: `then_body` where it is true, `else_body` where it is false. The "
                   "operands behind it are the inputs of either body; both have outputs of the "
                   "same types, which are the results. Both sides are compiled, one runs (where a "
                   "choice by element is meant, see where). Gradient: an if over the "
                   "differentiated bodies; the side that was taken is computed again there. None "
                   "to the condition.",
            .example = "if(bool false, [1, 2]) then_body(x: f32[2]) {\n"
                       "  y = exp(x)\n"
                       "  return y\n"
                       "} else_body(x: f32[2]) {\n"
                       "  y = neg(x)\n"
                       "  return y\n"
                       "} = [-1, -2]",
            .signature = {.operands = {{"condition", DTypeClass::kBool, -1},
                                       {"operands", DTypeClass::kAny, -1, false, true}},
                          .attributes = {{kSides[0], AttributeKind::kGraph, std::nullopt,
                                          "graph that runs where the condition is true"},
                                         {kSides[1], AttributeKind::kGraph, std::nullopt,
                                          "graph that runs where it is false"}},
                          .results = {"results"}},
            .infer = InferIf,
            .control = Control::kBranch,
            .vjp = VjpIf},
      OpDef{.name = "for",
            .doc = "A loop with a fixed number of iterations.\n\n`x[t + 1] = body(x[t], whole)` "
                   "for t = 0, ..., trip_count - 1 (jax.lax.fori_loop). The body takes all "
                   "operands and gives the next values of the first ones, as many as it has "
                   "outputs; the others every iteration sees as they are. Results: the values "
                   "behind the last iteration. Where tensors are run through slice by slice, see "
                   "scan. Gradient: as that of scan, from the values before every iteration.",
            .example = "for(1, 3, trip_count=4) body(x: f32, factor: f32) {\n"
                       "  y = mul(x, factor)\n"
                       "  return y\n"
                       "} = 81",
            .signature = {.operands = {{"operands", DTypeClass::kAny, -1, false, true}},
                          .attributes = {{"body", AttributeKind::kGraph, std::nullopt,
                                          "graph of one iteration"},
                                         {"trip_count", AttributeKind::kInt, std::nullopt,
                                          "number of iterations"}},
                          .results = {"results"}},
            .infer = InferFor,
            .expand = ExpandFor},
      OpDef{.name = "while",
            .doc =
                "A loop that goes on as long as a condition holds, with at most `bound` "
                "iterations.\n\n`while (condition(x, whole)) x = body(x, whole)` "
                "(jax.lax.while_loop, ONNX Loop). Before each iteration `condition` takes all "
                "operands and gives a bool scalar; where it is true, the body takes them and "
                "gives the next values of the first ones, as many as it has outputs. Results: the "
                "values in the end, then the number of iterations that ran, an i64 scalar; where "
                "that is `bound`, the condition may still hold. An iteration behind the end costs "
                "a branch. Gradient: that of the iterations that ran, taking their number as it "
                "is (it is piecewise constant); memory for `bound` values of what is carried.",
            .example = "while(1, bound=10) condition(x: f32) {\n"
                       "  small = less(x, 20)\n"
                       "  return small\n"
                       "} body(x: f32) {\n"
                       "  y = mul(x, 3)\n"
                       "  return y\n"
                       "} = 27, 3",
            .signature = {.operands = {{"operands", DTypeClass::kAny, -1, false, true}},
                          .attributes = {{"condition", AttributeKind::kGraph, std::nullopt,
                                          "graph that says whether to go on"},
                                         {"body", AttributeKind::kGraph, std::nullopt,
                                          "graph of one iteration"},
                                         {"bound", AttributeKind::kInt, std::nullopt,
                                          "largest number of iterations"}},
                          .results = {"results"}},
            .infer = InferWhile,
            .expand = ExpandWhile},
      CheckpointedScanOp(),
  };
  return kOps;
}

}  // namespace descent

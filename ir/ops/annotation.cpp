// Annotations: operators that give the values they are given, and say something about them.

#include <array>

#include "ir/autodiff.h"
#include "ir/expr.h"
#include "ir/ops/families.h"
#include "ir/ops/shapes.h"

namespace descent {
namespace {

using Values = std::vector<Value>;

Result<std::vector<TensorType>> InferFirst(const OpContext& op) {
  return OneResult(op.dtype(0), op.shape(0));
}

TensorExpr DefineFirst(const OpContext& op) {
  return Moved(op, op.shape(0), AxisRange(0, op.operands[0].rank()));
}

TensorExpr DefineAssertFinite(const OpContext& op) {
  TensorExpr expr = DefineFirst(op);
  expr.results = {Call(ScalarOp::kAssertFinite, {expr.results[0]})};
  return expr;
}

// ---- checkpoint --------------------------------------------------------------------------------

Result<std::vector<TensorType>> InferCheckpoint(const OpContext& op) {
  const Graph& body = op.attributes.Body("body");
  if (body.inputs().size() != op.operands.size())
    return Error("the body takes {} inputs for {} operands", body.inputs().size(),
                 op.operands.size());
  for (size_t i = 0; i < op.operands.size(); ++i)
    if (const TensorType& input = body.type(body.inputs()[i].value); input != op.operands[i])
      return Error("operand {} must be {} for the body's input {}, not {}", i, ToString(input),
                   Quoted(body.inputs()[i].name), ToString(op.operands[i]));
  if (body.outputs().empty()) return Error("has no results: the body has no outputs");
  std::vector<TensorType> results;
  for (const NamedValue& output : body.outputs()) results.push_back(body.type(output.value));
  return results;
}

Values ExpandCheckpoint(GraphBuilder& b, const OpContext& op, std::span<const Value> operands) {
  return InlineOutputs(op.attributes.Body("body"), operands, b);
}

/// The body is computed again from operands that wait for the arriving gradients.
Values VjpCheckpoint(const VjpContext& v) {
  Values again(v.operands.begin(), v.operands.end()), wanted, gradients(v.operands.size());
  std::vector<Cotangent> arriving;
  // The operand's place keeps one that is given twice apart.
  for (size_t i = 0; i < again.size(); ++i)
    for (const Value gradient : v.gradients)
      if (gradient.valid())
        again[i] = v.b.Add("barrier", {again[i], gradient}, {{"region", static_cast<int64_t>(i)}});
  const Values outputs = InlineOutputs(v.op.attributes.Body("body"), again, v.b);
  for (size_t i = 0; i < outputs.size(); ++i)
    if (v.gradients[i].valid()) arriving.push_back({outputs[i], v.gradients[i]});
  for (size_t i = 0; i < again.size(); ++i)
    if (v.wanted[i]) wanted.push_back(again[i]);
  auto walked = ReverseWalk(v.b, arriving, wanted);
  if (!walked) {
    *v.error = std::move(walked).error();
    return gradients;
  }
  for (size_t i = 0, next = 0; i < again.size(); ++i)
    if (v.wanted[i]) gradients[i] = (*walked)[next++];
  return gradients;
}

}  // namespace

std::span<const OpDef> AnnotationOps() {
  static const std::array kOps = {
      OpDef{.name = "stop_gradient",
            .doc = "x, as a constant for differentiation.\n\nThe value is x; the gradient is 0, "
                   "whatever arrives. It costs nothing: once gradients are there it vanishes. A "
                   "parameter that reaches the loss through it alone has the gradient 0 (weight "
                   "decay still moves it). The `detach` of PyTorch.",
            .example = "stop_gradient([1, -2]) = [1, -2]",
            .signature = {.operands = {{"x"}}},
            .infer = InferFirst,
            .expand = [](GraphBuilder&, const OpContext&,
                         std::span<const Value> operands) { return Values{operands[0]}; },
            .vjp = [](const VjpContext&) { return Values{Value()}; }},
      OpDef{.name = "assert_finite",
            .doc = "x, which must be finite.\n\nThe value is x. Where an element is infinite or "
                   "NaN, the entry point reports it in its status word: a trainer stops, and its "
                   "last checkpoint stays. The value goes on unchanged "
                   "(torch.autograd.detect_anomaly, for values). What nobody reads is not "
                   "computed, so it is not checked either. Gradient: `g`, not checked.",
            .example = "assert_finite([1, -2]) = [1, -2]",
            .signature = {.operands = {{"x", DTypeClass::kFloat}}},
            .infer = InferFirst,
            .define = DefineAssertFinite,
            .vjp = [](const VjpContext& v) { return Values{v.gradient()}; }},
      OpDef{.name = "checkpoint",
            .doc = "The results of its body, computed again for the gradient.\n\nOperands and "
                   "results are those of the body. Forward it is the body and nothing else. For "
                   "the gradient the body is computed a second time, from the operands, once the "
                   "gradient of its results has arrived: of the forward pass only the operands "
                   "are kept, not what lies inside (Chen et al., Training deep nets with "
                   "sublinear memory cost, 2016). The gradients are the same to the bit, random "
                   "numbers in the body too; random bits that depend on no operand are kept, not "
                   "drawn twice.",
            .example = "checkpoint([1, 2]) body(x: f32[2]) {\n"
                       "  s = square(x)\n"
                       "  y = add(s, x)\n"
                       "  return y\n"
                       "} = [2, 6]",
            .signature = {.operands = {{"operands", DTypeClass::kAny, -1, false, true}},
                          .attributes = {{"body", AttributeKind::kGraph, std::nullopt,
                                          "graph that is computed"}},
                          .results = {"results"}},
            .infer = InferCheckpoint,
            .expand = ExpandCheckpoint,
            .vjp = VjpCheckpoint},
      OpDef{.name = "barrier",
            .doc = "x, not before `after` is there.\n\nKeeps a recomputed region apart from the "
                   "original: `region` tells copies apart, `after` holds them back. It computes "
                   "nothing (jax.lax.optimization_barrier). Gradient: `g` to x, none to `after`.",
            .example = "barrier([1, 2], 0, region=0) = [1, 2]",
            .signature = {.operands = {{"x"}, {"after", DTypeClass::kAny, -1}},
                          .attributes = {{"region", AttributeKind::kInt, std::nullopt,
                                          "number of the recomputed region"}}},
            .infer = InferFirst,
            .define = DefineFirst,
            .vjp = [](const VjpContext& v) { return Values{v.gradient(), Value()}; }},
  };
  return kOps;
}

}  // namespace descent

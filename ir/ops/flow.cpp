// Structured control flow: if, and loops whose length is bounded when they are compiled.

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

}  // namespace

std::span<const OpDef> FlowOps() {
  static const std::array kOps = {
      OpDef{.name = "if",
            .doc = "The results of one of two bodies.\n\nThe condition, a bool scalar, chooses: "
                   "`then_body` where it is true, `else_body` where it is false. The operands "
                   "behind it are the inputs of either body; both have outputs of the same types, "
                   "which are the results. Both sides are compiled, one runs (where a choice by "
                   "element is meant, see where). Gradient: an if over the differentiated bodies; "
                   "the side that was taken is computed again there. None to the condition.",
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
  };
  return kOps;
}

}  // namespace descent

#include "ir/expr.h"
#include "tests/ir/samples/samples.h"

namespace descent {
namespace {

using Body = std::shared_ptr<const Graph>;

Body Finish(GraphBuilder b) { return std::make_shared<const Graph>(std::move(b).Build()); }

/// x, w -> x w and its sum of squares; or, otherwise, sin(x) w and 3
Body Side(bool taken, DType dtype, int64_t rows, int64_t width) {
  GraphBuilder b;
  const Expr x(b, b.Input("x", {dtype, {rows, width}}));
  const Expr w(b, b.Input("w", {dtype, {width, width}}));
  const Expr y = Matmul(taken ? x : Sin(x), w);
  b.Output("y", y);
  b.Output("s", taken ? Sum(Square(y)) : w.Like(3));
  return Finish(std::move(b));
}

/// x -> x * x; or x
Body Power(bool square, Shape shape) {
  GraphBuilder b;
  const Expr x(b, b.Input("x", F32(std::move(shape))));
  b.Output("y", square ? x * x : x);
  return Finish(std::move(b));
}

/// p, x -> x if p else -x, in an if of its own; or dropout(x)
Body Nested(bool nested) {
  GraphBuilder b;
  const Value p = b.Input("p", Bool({}));
  const Expr x(b, b.Input("x", F32({9})));
  if (!nested) {
    b.Output("y", b.Add("dropout", {x}, {{"stream", int64_t{6}}}));
    return Finish(std::move(b));
  }
  GraphBuilder same, negated;
  same.Output("y", same.Input("x", F32({9})));
  negated.Output("y", -Expr(negated, negated.Input("x", F32({9}))));
  b.Output("y", b.Add("if", {p, x},
                      {{"then_body", Finish(std::move(same))},
                       {"else_body", Finish(std::move(negated))}}));
  return Finish(std::move(b));
}

Attributes If(Body taken, Body other) {
  return {{"then_body", std::move(taken)}, {"else_body", std::move(other)}};
}

void AddIfSizes(FamilySamples& family) {
  for (const DType dtype : {DType::kF32, DType::kF64})
    for (const int64_t rows : {0, 1, 3, 17})
      for (const double condition : {0, 1})
        family.samples.push_back(
            {.op = "if",
             .operands = {Bool({}), {dtype, {rows, 5}}, {dtype, {5, 5}}},
             .attributes = If(Side(true, dtype, rows, 5), Side(false, dtype, rows, 5)),
             .values = {{condition}},
             .low = -1,
             .high = 1});
}

void AddIfErrors(FamilySamples& family) {
  const Attributes square = If(Power(true, {2}), Power(false, {2}));
  GraphBuilder nothing, two, integer;
  const Value x = two.Input("x", F32({2}));
  two.Output("a", x);
  two.Output("b", Expr(two, x) + 1.0);
  const Value n = integer.Input("x", F32({2}));
  integer.Output("y", CastTo({integer, n}, DType::kI32));
  const Body empty = Finish(std::move(nothing)), pair = Finish(std::move(two)),
             ints = Finish(std::move(integer));
  for (const ErrorSample& error : std::initializer_list<ErrorSample>{
           {"if", {}, square, "takes at least 1 operand"},
           {"if", {F32({}), F32({2})}, square, "condition must have bool, not f32"},
           {"if", {Bool({1}), F32({2})}, square, "the condition must be a scalar, not bool[1]"},
           {"if", {Bool({})}, square, "then_body takes 1 inputs, not 0"},
           {"if", {Bool({}), F32({3})}, square, "operand 1 must be f32[2] for the input"},
           {"if", {Bool({}), F64({2})}, square, "operand 1 must be f32[2] for the input"},
           {"if",
            {Bool({}), F32({2})},
            If(Power(true, {2}), Power(true, {3})),
            "operand 1 must be f32[3] for the input \"x\" of else_body"},
           {"if",
            {Bool({}), F32({2})},
            If(Power(true, {2}), pair),
            "then_body has 1 outputs and else_body 2"},
           {"if",
            {Bool({}), F32({2})},
            If(Power(true, {2}), ints),
            "output 0 is f32[2] in then_body and i32[2] in else_body"},
           {"if", {Bool({})}, If(empty, empty), "has no results"},
           {"if",
            {Bool({}), F32({2})},
            {{"then_body", Power(true, {2})}},
            "needs attribute else_body"}})
    family.errors.push_back(error);
}

}  // namespace

FamilySamples FlowSamples() {
  FamilySamples family;
  for (const bool condition : {true, false}) {
    family.samples.push_back(
        {.op = "if",
         .operands = {Bool({}), F32({3})},
         .attributes = If(Power(true, {3}), Power(false, {3})),
         .values = {{condition ? 1.0 : 0.0}, {2, -3, 0.5}},
         .expected = {condition ? std::vector<double>{4, 9, 0.25}
                                : std::vector<double>{2, -3, 0.5}},
         .source = "by hand",
         .gradients = {{},
                       condition ? std::vector<double>{4, -6, 1} : std::vector<double>{1, 1, 1}}});
    for (const bool inner : {true, false})
      family.samples.push_back({.op = "if",
                                .operands = {Bool({}), Bool({}), F32({9})},
                                .attributes = If(Nested(true), Nested(false)),
                                .values = {{condition ? 1.0 : 0.0}, {inner ? 1.0 : 0.0}}});
  }
  AddIfSizes(family);
  AddIfErrors(family);
  return family;
}

}  // namespace descent

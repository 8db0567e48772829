#include "tests/ir/samples/samples.h"

#include "ir/expr.h"

namespace descent {
namespace {

using Body = std::shared_ptr<const Graph>;

/// s, x -> s * 0.5 + x, stacked: s * x
Body DecayBody(Shape shape) {
  GraphBuilder b;
  const Expr s(b, b.Input("s", F32(shape))), x(b, b.Input("x", F32(shape)));
  b.Output("next", s * 0.5 + x);
  b.Output("product", s * x);
  return std::make_shared<const Graph>(std::move(b).Build());
}

/// h, x, w -> tanh(matmul(h, w) + x), stacked: the same
Body RecurrentBody(int64_t batch, int64_t width) {
  GraphBuilder b;
  const Value h = b.Input("h", F32({batch, width})), x = b.Input("x", F32({batch, width}));
  const Value w = b.Input("w", F32({width, width}));
  const Value next = b.Add("tanh", {b.Add("add", {b.Add("matmul", {h, w}), x})});
  b.Output("next", next);
  b.Output("out", next);
  return std::make_shared<const Graph>(std::move(b).Build());
}

/// n, x -> n + 1, x * x; stacked: x * n + loop_step, with an integer that is carried and has no
/// gradient
Body CountingBody() {
  GraphBuilder b;
  const Expr n(b, b.Input("n", I64({}))), x(b, b.Input("x", F32({2})));
  b.Output("n_next", n + 1.0);
  b.Output("x_next", Sin(x));
  const Expr step(b, b.Add("loop_step", {}));
  b.Output("y", x * CastTo(n, DType::kF32) + CastTo(step, DType::kF32));
  return std::make_shared<const Graph>(std::move(b).Build());
}

/// x -> dropout(x): a random number per iteration, the same in the gradient's recomputation
Body DropoutBody() {
  GraphBuilder b;
  const Expr x(b, b.Input("x", F32({9})));
  b.Output("next", Square(Expr(b, b.Add("dropout", {x}, {{"stream", int64_t{4}}}))) * 0.5 + x);
  return std::make_shared<const Graph>(std::move(b).Build());
}

Attributes Scan(Body body, int64_t carried, int64_t sliced, int64_t stacked, bool reverse = false,
                int64_t trip_count = -1) {
  return {{"body", std::move(body)}, {"carried", carried}, {"sliced", sliced},
          {"stacked", stacked},      {"reverse", reverse}, {"trip_count", trip_count}};
}

Attributes From(Attributes scan, int64_t first_step) {
  scan.Set("first_step", first_step);
  return scan;
}

}  // namespace

FamilySamples ControlSamples() {
  FamilySamples family;
  family.samples = {
      {.op = "scan",
       .operands = {F32({}), F32({3})},
       .attributes = Scan(DecayBody({}), 1, 1, 1),
       .values = {{8}, {1, 2, 4}},
       .expected = {{6.25}, {8, 10, 18}, {8, 5, 4.5}},
       .source = "by hand: 8 -> 5 -> 4.5 -> 6.25"},
      {.op = "scan",
       .operands = {F32({}), F32({3})},
       .attributes = Scan(DecayBody({}), 1, 1, 1, true),
       .values = {{8}, {1, 2, 4}},
       .expected = {{4}, {6, 16, 32}, {6, 8, 8}},
       .source = "by hand: 8 -> 8 -> 6 -> 4, slices 2, 1, 0"},
      {.op = "scan",
       .operands = {F32({17}), F32({4, 17})},
       .attributes = Scan(DecayBody({17}), 1, 1, 1)},
      {.op = "scan",
       .operands = {F32({3}), F32({0, 3})},
       .attributes = Scan(DecayBody({3}), 1, 1, 1)},
      {.op = "scan",
       .operands = {F32({2, 3}), F32({4, 2, 3}), F32({3, 3})},
       .attributes = Scan(RecurrentBody(2, 3), 1, 1, 1),
       .low = -1,
       .high = 1},
      {.op = "scan",
       .operands = {F32({2, 3}), F32({3, 2, 3}), F32({3, 3})},
       .attributes = Scan(RecurrentBody(2, 3), 1, 1, 1, true),
       .low = -1,
       .high = 1},
      {.op = "scan",
       .operands = {I64({}), F32({2})},
       .attributes = Scan(CountingBody(), 2, 0, 1, false, 5)},
      {.op = "scan",
       .operands = {I64({}), F32({2})},
       .attributes = From(Scan(CountingBody(), 2, 0, 1, true, 3), 7),
       .values = {{0}, {0, 0}},
       .expected = {{3}, {0, 0}, {7, 7, 8, 8, 9, 9}},
       .source = "by hand: loop_step is 9, 8, 7",
       .smooth = false},
      {.op = "scan", .operands = {F32({9})}, .attributes = Scan(DropoutBody(), 1, 0, 0, false, 3)},
  };
  const Attributes decay = Scan(DecayBody({}), 1, 1, 1);
  family.errors = {
      {"scan", {F32({})}, decay, "fewer than carried = 1 and sliced = 1"},
      {"scan", {F32({}), F32({3}), F32({})}, decay, "the body takes 2 inputs for 3 operands"},
      {"scan", {F32({}), F32({})}, decay, "needs a first axis"},
      {"scan", {F32({}), F32({3, 2})}, decay, "operand 1 must be f32[3] for the body's input"},
      {"scan", {F32({}), F32({3})}, Scan(DecayBody({}), 1, 1, 0), "the body has 2 outputs"},
      {"scan", {F32({}), F32({})}, Scan(DecayBody({}), 1, 0, 1), "needs trip_count"},
      {"scan",
       {F32({}), F32({})},
       Scan(DecayBody({}), 1, 0, 1, false, INT64_MAX),
       "trip_count must be at most"},
      {"scan", {F32({}), F32({3})}, From(decay, INT64_MAX), "first_step must be at most"},
      {"scan", {F32({}), F32({3})}, From(decay, INT64_MIN), "first_step must not be negative"},
      {"scan", {F32({})}, {}, "needs attribute body"},
  };
  return family;
}

}  // namespace descent

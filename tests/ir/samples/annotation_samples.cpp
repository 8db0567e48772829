#include "ir/expr.h"
#include "tests/ir/samples/samples.h"

namespace descent {
namespace {

using Body = std::shared_ptr<const Graph>;

/// x, w -> tanh(x w), sum((x w)^2), all in `dtype`
Body LayerBody(DType dtype, int64_t rows, int64_t width) {
  GraphBuilder b;
  const Expr x(b, b.Input("x", {dtype, {rows, width}}));
  const Expr w(b, b.Input("w", {dtype, {width, width}}));
  const Expr product = Matmul(x, w);
  b.Output("y", b.Add("tanh", {product}));
  b.Output("energy", Sum(Square(product)));
  return std::make_shared<const Graph>(std::move(b).Build());
}

/// x, n -> dropout(x) * x, n + 1: random numbers, and an integer that passes through
Body DropoutBody(int64_t size) {
  GraphBuilder b;
  const Expr x(b, b.Input("x", F32({size}))), n(b, b.Input("n", I64({})));
  b.Output("y", Expr(b, b.Add("dropout", {x}, {{"stream", int64_t{3}}})) * x);
  b.Output("n_next", n + 1.0);
  return std::make_shared<const Graph>(std::move(b).Build());
}

/// x, z -> exp(y), with y = sin(x) * z computed in a checkpoint of its own
Body NestedBody(int64_t size) {
  GraphBuilder inner;
  const Expr p(inner, inner.Input("p", F32({size}))), q(inner, inner.Input("q", F32({size})));
  inner.Output("y", Sin(p) * q);
  GraphBuilder b;
  const Value x = b.Input("x", F32({size})), z = b.Input("z", F32({size}));
  const auto body = std::make_shared<const Graph>(std::move(inner).Build());
  b.Output("y", Exp({b, b.Add("checkpoint", {x, z}, {{"body", body}})}));
  return std::make_shared<const Graph>(std::move(b).Build());
}

/// x -> x
Body IdentityBody() {
  GraphBuilder b;
  b.Output("y", b.Input("x", F32({2})));
  return std::make_shared<const Graph>(std::move(b).Build());
}

void AddSizes(FamilySamples& family) {
  for (const int64_t size : kSampleSizes)
    for (const DType dtype : {DType::kF32, DType::kF64}) {
      for (const std::string_view op : {"stop_gradient", "assert_finite"})
        family.samples.push_back(
            {.op = op, .operands = {{dtype, {2, size}}}, .smooth = op == "assert_finite"});
      family.samples.push_back({.op = "barrier",
                                .operands = {{dtype, {size}}, {dtype, {3}}},
                                .attributes = {{"region", int64_t{0}}}});
    }
  for (const int64_t size : {0, 1, 3, 17})
    for (const DType dtype : {DType::kF32, DType::kF64})
      family.samples.push_back({.op = "checkpoint",
                                .operands = {{dtype, {size, 5}}, {dtype, {5, 5}}},
                                .attributes = {{"body", LayerBody(dtype, size, 5)}},
                                .low = -1,
                                .high = 1});
}

}  // namespace

FamilySamples AnnotationSamples() {
  FamilySamples family;
  family.samples = {
      {.op = "stop_gradient",
       .operands = {F32({3})},
       .values = {{1, -2, 4}},
       .expected = {{1, -2, 4}},
       .source = "by hand",
       .smooth = false,
       .gradients = {{0, 0, 0}}},
      {.op = "stop_gradient",
       .operands = {I64({2})},
       .values = {{3, -1}},
       .expected = {{3, -1}},
       .source = "by hand"},
      {.op = "stop_gradient", .operands = {Bool({3})}},
      {.op = "assert_finite",
       .operands = {F32({4})},
       .values = {{0, -0.0, 1e-40, 8}},
       .expected = {{0, -0.0, 1e-40, 8}},
       .source = "by hand"},
      {.op = "assert_finite",
       .operands = {F32({3})},
       .values = {{1, kInfinity, 2}},
       .expected = {{1, kInfinity, 2}},
       .source = "by hand",
       .smooth = false,
       .not_finite = true},
      {.op = "assert_finite",
       .operands = {F64({20})},
       .values = {{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, kNaN}},
       .smooth = false,
       .not_finite = true},
      {.op = "assert_finite",
       .operands = {F32({})},
       .values = {{-kInfinity}},
       .expected = {{-kInfinity}},
       .source = "by hand",
       .smooth = false,
       .not_finite = true},
      {.op = "checkpoint",
       .operands = {F32({1, 2}), F32({2, 2})},
       .attributes = {{"body", LayerBody(DType::kF32, 1, 2)}},
       .values = {{0.5, -1}, {1, 2, 0.25, -1}},
       .expected = {{0.2449186624, 0.9640275801}, {4.0625}},
       .source = "by hand: x w = [0.25, 2]"},
      {.op = "checkpoint",
       .operands = {F32({9}), I64({})},
       .attributes = {{"body", DropoutBody(9)}}},
      {.op = "checkpoint",
       .operands = {F32({7}), F32({7})},
       .attributes = {{"body", NestedBody(7)}}},
      {.op = "checkpoint", .operands = {F32({2})}, .attributes = {{"body", IdentityBody()}}},
      {.op = "barrier",
       .operands = {F32({2}), F32({3})},
       .attributes = {{"region", int64_t{1}}},
       .values = {{1, 2}, {}},
       .expected = {{1, 2}}},
      {.op = "barrier", .operands = {I64({17}), F32({})}, .attributes = {{"region", int64_t{0}}}},
  };
  AddSizes(family);
  GraphBuilder nothing;
  const auto empty = std::make_shared<const Graph>(std::move(nothing).Build());
  family.errors = {
      {"stop_gradient", {}, {}, "takes 1 operand, not 0"},
      {"assert_finite", {I32({2})}, {}, "must have a float type, not i32"},
      {"checkpoint", {}, {{"body", IdentityBody()}}, "the body takes 1 inputs for 0 operands"},
      {"checkpoint", {F32({3})}, {{"body", IdentityBody()}}, "must be f32[2] for the body's input"},
      {"checkpoint", {F64({2})}, {{"body", IdentityBody()}}, "must be f32[2] for the body's input"},
      {"checkpoint", {}, {{"body", empty}}, "has no results"},
      {"checkpoint", {F32({2})}, {}, "needs attribute body"},
      {"barrier", {F32({2})}, {{"region", int64_t{1}}}, "takes 2 operands, not 1"},
  };
  return family;
}

}  // namespace descent

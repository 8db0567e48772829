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
Body Power(bool square, Shape shape, DType dtype = DType::kF32) {
  GraphBuilder b;
  const Expr x(b, b.Input("x", {dtype, std::move(shape)}));
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

/// x, w -> tanh(x w) + loop_step
Body Recurrent(int64_t rows, int64_t width) {
  GraphBuilder b;
  const Expr x(b, b.Input("x", F32({rows, width}))), w(b, b.Input("w", F32({width, width})));
  const Expr step(b, b.Add("loop_step", {}));
  const Expr y(b, b.Add("tanh", {Matmul(x, w)}));
  b.Output("y", y + CastTo(step, DType::kF32) * 0.25);
  return Finish(std::move(b));
}

/// a, b -> b, a + b
Body Fibonacci() {
  GraphBuilder b;
  const Expr x(b, b.Input("a", I64({}))), y(b, b.Input("b", I64({})));
  b.Output("a_next", y);
  b.Output("b_next", x + y);
  return Finish(std::move(b));
}

/// x, limit -> x * x + x
Body Growing(Shape shape) {
  GraphBuilder b;
  const Expr x(b, b.Input("x", F32(std::move(shape))));
  b.Input("limit", F32({}));
  b.Output("y", x * x + x);
  return Finish(std::move(b));
}

/// x, limit -> sum(x) < limit
Body BelowLimit(Shape shape) {
  GraphBuilder b;
  const Expr x(b, b.Input("x", F32(std::move(shape)))), limit(b, b.Input("limit", F32({})));
  b.Output("more", Less(Sum(x), limit));
  return Finish(std::move(b));
}

Attributes While(Body condition, Body body, int64_t bound) {
  return {{"condition", std::move(condition)}, {"body", std::move(body)}, {"bound", bound}};
}

/// s, x, w -> dropout(tanh(s w)) + x; stacked: s * x
Body Step(int64_t width) {
  GraphBuilder b;
  const Expr s(b, b.Input("s", F32({2, width}))), x(b, b.Input("x", F32({2, width})));
  const Expr w(b, b.Input("w", F32({width, width})));
  const Value h = b.Add("tanh", {Matmul(s, w)});
  b.Output("next", Expr(b, b.Add("dropout", {h}, {{"stream", int64_t{8}}})) + x);
  b.Output("product", s * x);
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
            "operand 1 must be f32[3] for the input 'x' of else_body"},
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

void AddLoops(FamilySamples& family) {
  auto& samples = family.samples;
  samples.push_back({.op = "for",
                     .operands = {I64({}), I64({})},
                     .attributes = {{"body", Fibonacci()}, {"trip_count", int64_t{10}}},
                     .values = {{0}, {1}},
                     .expected = {{55}, {89}},
                     .source = "Fibonacci numbers"});
  for (const int64_t rows : {0, 1, 3, 17})
    for (const int64_t count : {0, 1, 3})
      samples.push_back({.op = "for",
                         .operands = {F32({rows, 3}), F32({3, 3})},
                         .attributes = {{"body", Recurrent(rows, 3)}, {"trip_count", count}},
                         .low = -1,
                         .high = 1});
  // Bodies keep their types.
  for (const DType dtype : {DType::kBF16, DType::kF16})
    samples.push_back(
        {.op = "for",
         .operands = {{dtype, {5}}},
         .attributes = {{"body", Power(true, {5}, dtype)}, {"trip_count", int64_t{2}}},
         .low = -1,
         .high = 1});
  // 1 -> 2 -> 6 -> 42; the gradient is 3 * 5 * 13, as far as the loop gets.
  struct Run {
    double limit;
    int64_t bound;
    double end, count, gradient;
  };
  for (const Run& run : {Run{40, 5, 42, 3, 195}, Run{40, 2, 6, 2, 15}, Run{0.5, 5, 1, 0, 1},
                         Run{40, 0, 1, 0, 1}, Run{6, 5, 6, 2, 15}})
    samples.push_back({.op = "while",
                       .operands = {F32({}), F32({})},
                       .attributes = While(BelowLimit({}), Growing({}), run.bound),
                       .values = {{1}, {run.limit}},
                       .expected = {{run.end}, {run.count}},
                       .source = "by hand",
                       .smooth = run.limit != run.end,  // else the loop is about to end
                       .gradients = {{run.gradient}, {0}}});
  for (const int64_t size : {0, 1, 3, 17})
    samples.push_back({.op = "while",
                       .operands = {F32({size}), F32({})},
                       .attributes = While(BelowLimit({size}), Growing({size}), 4),
                       .values = {{}, {9.7}},
                       .low = 0.1,
                       .high = 1});
}

void AddLoopErrors(FamilySamples& family) {
  auto& errors = family.errors;
  const Body body = Growing({2}), condition = BelowLimit({2});
  const std::vector<TensorType> types = {F32({2}), F32({})};
  const auto bad_for = [&](int64_t trip_count, std::string_view message) {
    errors.push_back({"for", types, {{"body", body}, {"trip_count", trip_count}}, message});
  };
  bad_for(-1, "trip_count must be between 0 and");
  bad_for(INT64_MIN, "trip_count must be between 0 and");
  bad_for(INT64_MAX, "trip_count must be between 0 and");
  bad_for(int64_t{1} << 40, "values of f32[2] are too many");
  errors.push_back({"for", types, {{"body", body}}, "needs attribute trip_count"});
  const Attributes twice = {{"body", body}, {"trip_count", int64_t{2}}};
  errors.push_back({"for", {F32({2})}, twice, "the body takes 2 inputs, not 1"});
  errors.push_back({"for", {F32({3}), F32({})}, twice, "operand 0 must be f32[2]"});
  GraphBuilder nothing;
  nothing.Input("x", F32({2}));
  const Body empty = Finish(std::move(nothing));
  errors.push_back({"for",
                    {F32({2})},
                    {{"body", empty}, {"trip_count", int64_t{2}}},
                    "the body must have between 1 and 1 outputs"});
  GraphBuilder sum;
  sum.Output("s", Sum({sum, sum.Input("x", F32({2}))}));
  errors.push_back({"for",
                    {F32({2})},
                    {{"body", Finish(std::move(sum))}, {"trip_count", int64_t{2}}},
                    "is carried and must stay f32[2], not become f32[]"});
  for (const int64_t bound : {int64_t{-1}, INT64_MIN, INT64_MAX})
    errors.push_back(
        {"while", types, While(condition, body, bound), "bound must be between 0 and"});
  errors.push_back(
      {"while", types, While(body, body, 3), "condition must have one output, a bool"});
  errors.push_back({"while", types, While(condition, empty, 3), "the body takes 1 inputs, not 2"});
  errors.push_back({"while", types, While(empty, body, 3), "condition takes 1 inputs, not 2"});
  errors.push_back(
      {"while", types, While(condition, body, int64_t{1} << 40), "values of f32[2] are too many"});
  errors.push_back({"while", types, {{"condition", condition}, {"body", body}}, "attribute bound"});
}

Attributes Checkpointed(int64_t width, int64_t every, bool reverse = false) {
  return {{"body", Step(width)},  {"every", every},        {"carried", int64_t{1}},
          {"sliced", int64_t{1}}, {"stacked", int64_t{1}}, {"reverse", reverse}};
}

void AddCheckpointedScans(FamilySamples& family) {
  const auto types = [](int64_t steps, int64_t width) {
    return std::vector{F32({2, width}), F32({steps, 2, width}), F32({width, width})};
  };
  // Segments that are ragged, of one step, longer than the loop; dropout tells the steps apart.
  for (const int64_t steps : {0, 1, 3, 6, 7})
    for (const int64_t every : {1, 3, 9})
      for (const bool reverse : {false, true})
        family.samples.push_back({.op = "checkpointed_scan",
                                  .operands = types(steps, 2),
                                  .attributes = Checkpointed(2, every, reverse),
                                  .low = -1,
                                  .high = 1});
  family.samples.push_back({.op = "checkpointed_scan",
                            .operands = {F32({3, 3}), F32({3, 3})},
                            .attributes = {{"body", Recurrent(3, 3)},
                                           {"every", int64_t{2}},
                                           {"carried", int64_t{1}},
                                           {"trip_count", int64_t{5}}},
                            .low = -1,
                            .high = 1});
  auto& errors = family.errors;
  for (const int64_t every : {int64_t{0}, int64_t{-1}, INT64_MIN})
    errors.push_back(
        {"checkpointed_scan", types(4, 2), Checkpointed(2, every), "every must be at least 1"});
  errors.push_back({"checkpointed_scan", types(4, 3), Checkpointed(2, 2),
                    "operand 0 must be f32[2, 2] for the body's input"});
  errors.push_back({"checkpointed_scan",
                    {F32({2, 2})},
                    Checkpointed(2, 2),
                    "fewer than carried = 1 and sliced = 1"});
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
  AddLoops(family);
  AddLoopErrors(family);
  AddCheckpointedScans(family);
  return family;
}

}  // namespace descent

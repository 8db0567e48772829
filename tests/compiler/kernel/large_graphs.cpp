#include "tests/compiler/kernel/large_graphs.h"

#include <fmt/format.h>

#include <vector>

#include "ir/expr.h"

namespace descent {

Graph WideConcat(int count, int axis) {
  constexpr int64_t kPlaces[] = {3, 1, 0, 2};
  GraphBuilder b;
  std::vector<Expr> parts;
  for (int i = 0; i < count; ++i) {
    Shape shape = {4, 4};
    shape[axis] = kPlaces[i % 4];
    parts.emplace_back(b, b.Input(fmt::format("x{}", i), {DType::kF32, shape}));
  }
  b.Output("y", Concat(parts, axis));
  return std::move(b).Build();
}

Graph DeepChain(int count) {
  GraphBuilder b;
  Expr x(b, b.Input("x", {DType::kF32, {37}}));
  for (int i = 0; i < count; ++i) x = i % 2 == 0 ? Sin(x) : Relu(x);
  b.Output("y", x);
  return std::move(b).Build();
}

Graph ManySiblings(int count, bool scalars) {
  GraphBuilder b;
  const Shape shape = scalars ? Shape{} : Shape{5};
  std::vector<Value> inputs;
  for (int i = 0; i < (scalars ? count : 1); ++i)
    inputs.push_back(b.Input(fmt::format("x{}", i), {DType::kF32, shape}));
  for (int i = 0; i < count; ++i)
    b.Output(fmt::format("y{}", i), Expr(b, inputs[scalars ? i : 0]) * (i + 1.5));
  return std::move(b).Build();
}

}  // namespace descent

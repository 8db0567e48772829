// Small source models that several tests of graph passes share, built without the text parser.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "ir/expr.h"
#include "ir/model.h"

namespace descent::testing {

inline Slot Parameter(std::string name, Shape shape) {
  return {.name = std::move(name),
          .type = {DType::kF32, std::move(shape)},
          .kind = SlotKind::kParameter,
          .initializer = {.op = "zeros"}};
}

inline InputBinding BatchedInput(std::string name, Shape shape, std::string column) {
  return {.name = std::move(name),
          .type = {DType::kF32, std::move(shape)},
          .batch_axis = 0,
          .column = std::move(column)};
}

inline Update Train(std::string loss, std::string optimizer = "sgd") {
  return {.loss = std::move(loss), .optimizer = std::move(optimizer)};
}

/// yhat = sigmoid(sigmoid(x W1) W2), loss = mean((yhat - y)^2), batch 10.
inline Model TwoThreeOne() {
  Model model{.name = "two_three_one", .batch = 10};
  model.inputs = {BatchedInput("x", {10, 2}, "features"), BatchedInput("y", {10, 1}, "label")};
  model.slots = {Parameter("W1", {2, 3}), Parameter("W2", {3, 1})};
  GraphBuilder b;
  const Expr x(b, b.Input("x", {DType::kF32, {10, 2}}));
  const Expr y(b, b.Input("y", {DType::kF32, {10, 1}}));
  const Expr w1(b, b.Input("W1", {DType::kF32, {2, 3}}));
  const Expr w2(b, b.Input("W2", {DType::kF32, {3, 1}}));
  const Expr yhat = Sigmoid(Matmul(Sigmoid(Matmul(x, w1)), w2));
  b.Output("yhat", yhat);
  b.Output("loss", Mean(Square(yhat - y)));
  model.graph = std::move(b).Build();
  model.predictions = {{.name = "yhat", .kind = PredictionKind::kProbability}};
  model.updates = {Train("loss")};
  return model;
}

/// "loss next.W1"
inline std::string Names(std::span<const NamedValue> values) {
  std::string names;
  for (const NamedValue& value : values) names += (names.empty() ? "" : " ") + value.name;
  return names;
}
inline std::string OutputNames(const Model& model) { return Names(model.graph.outputs()); }
inline std::string InputNames(const Model& model) { return Names(model.graph.inputs()); }

/// Whether `text` holds `part`; for readable expectations on messages.
inline bool Contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

}  // namespace descent::testing

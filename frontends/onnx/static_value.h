// Values that follow from constants alone, computed by the reference interpreter: the shape
// arithmetic of exporters (Shape -> Gather -> Concat -> Reshape) and everything else that an
// importer must know.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>

#include "ir/graph.h"

namespace descent::onnx {

class StaticValues {
 public:
  /// `known` tells some of the builder's inputs by name.
  using KnownInput = std::function<std::optional<Tensor>(const std::string& input)>;
  StaticValues(const GraphBuilder& builder, KnownInput known)
      : builder_(builder), input_(std::move(known)) {}

  /// Fails, saying what it depends on, where that is an unknown input, state or chance.
  Result<Tensor> Evaluate(Value value);

 private:
  Result<void> EvaluateNode(int32_t node);

  const GraphBuilder& builder_;
  KnownInput input_;
  std::map<Value, Tensor> known_;
};

}  // namespace descent::onnx

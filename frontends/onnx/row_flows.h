// Where the rows of the batch stand in what has been imported so far.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "ir/batch_axis.h"
#include "ir/graph.h"

namespace descent::onnx {

class RowFlows {
 public:
  /// `inputs` tells the axes of some of the builder's inputs by their names.
  using InputAxes = std::map<std::string, int, std::less<>>;
  RowFlows(const GraphBuilder& builder, const InputAxes& inputs)
      : builder_(builder), inputs_(inputs) {}

  /// None where the value holds no rows, or not along one axis.
  BatchAxis Of(Value value);

 private:
  RowFlow FlowOf(const Node& node) const;

  const GraphBuilder& builder_;
  const InputAxes& inputs_;
  std::vector<RowFlow> flows_;  ///< by node, as far as anybody has asked
};

}  // namespace descent::onnx

#include "frontends/onnx/row_flows.h"

#include "ir/op_def.h"

namespace descent::onnx {

BatchAxis RowFlows::Of(Value value) {
  // Operands precede their users.
  while (static_cast<int32_t>(flows_.size()) <= value.node)
    flows_.push_back(FlowOf(builder_.node({static_cast<int32_t>(flows_.size()), 0})));
  return flows_[value.node].axes[value.result];
}

RowFlow RowFlows::FlowOf(const Node& node) const {
  if (node.op->leaf == Leaf::kInput) {
    const auto input = inputs_.find(node.label.names.front());
    return {.axes = {input == inputs_.end() ? BatchAxis() : BatchAxis(input->second)}};
  }
  std::vector<TensorType> types;
  std::vector<BatchAxis> axes;
  for (const Value operand : node.operands) {
    types.push_back(builder_.type(operand));
    axes.push_back(flows_[operand.node].axes[operand.result]);
  }
  return FlowOfRows(*node.op, types, node.attributes, axes);
}

}  // namespace descent::onnx

// Operators that are made of others in Descent and are one in ONNX, and annotations.
#include "frontends/onnx/exporters/families.h"

namespace descent::onnx {
namespace {

using Node = ExportedNode;

Names AlongAxis(const Node& n) {
  return {n.w.Add(n.target, n.operands, {{"axis", n.Int("axis")}})};
}
Names LayerNorm(const Node& n) {
  if (n.operands.size() < 2) return {};
  return {n.w.Add("LayerNormalization", n.operands,
                  {{"axis", n.Int("axis")}, {"epsilon", n.Float("epsilon")}})};
}
/// Its statistics stay as they are.
Names BatchNorm(const Node& n) {
  if (n.Int("axis") != 1) return {};
  return {n.w.Add("BatchNormalization", n.operands, {{"epsilon", n.Float("epsilon")}}), n.In(3),
          n.In(4)};
}
Names First(const Node& n) { return {n.In(0)}; }
}  // namespace

std::span<const OpExporter> CompositeExporters() {
  static constexpr OpExporter kExporters[] = {
      {"assert_finite", First},          {"barrier", First},
      {"batch_norm", BatchNorm},         {"dropout", First},
      {"layer_norm", LayerNorm},         {"log_softmax", AlongAxis, "LogSoftmax"},
      {"softmax", AlongAxis, "Softmax"}, {"stop_gradient", First},
  };
  return kExporters;
}

}  // namespace descent::onnx

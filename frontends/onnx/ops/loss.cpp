// Losses of class numbers.
#include "frontends/onnx/ops/families.h"

namespace descent::onnx {
namespace {

Value LossOf(OnnxNode& n, Value scores) {
  std::vector<Value> operands = {scores, n.In(1)};
  if (n.Has(2)) operands.push_back(n.In(2));
  Attributes attributes = {{"reduction", n.Word("reduction", "mean")}, {"axis", int64_t{1}}};
  if (n.HasAttribute("ignore_index")) attributes.Set("ignore_index", n.Int("ignore_index", 0));
  return n.Add(n.importer().target, std::move(operands), std::move(attributes));
}

Outputs NegativeLogLikelihood(OnnxNode& n) { return LossOf(n, n.In(0)); }

Outputs SoftmaxCrossEntropy(OnnxNode& n) {
  const Value scores = n.In(0);
  std::vector<Value> results = {LossOf(n, scores)};
  if (n.Wants(1)) results.push_back(n.Add("log_softmax", {scores}, {{"axis", int64_t{1}}}));
  return results;
}

}  // namespace

std::span<const OpImporter> LossImporters() {
  static const std::vector<OpImporter> kImporters = {
      {"NegativeLogLikelihoodLoss",
       12,
       kNewest,
       3,
       {"reduction", "ignore_index"},
       NegativeLogLikelihood,
       "nll"},
      {"SoftmaxCrossEntropyLoss",
       12,
       kNewest,
       3,
       {"reduction", "ignore_index"},
       SoftmaxCrossEntropy,
       "cross_entropy"},
  };
  return kImporters;
}

}  // namespace descent::onnx

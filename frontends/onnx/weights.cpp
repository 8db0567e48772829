#include "frontends/onnx/weights.h"

#include <algorithm>
#include <cctype>
#include <span>
#include <vector>

#include "frontends/onnx/registry.h"
#include "ir/onnx_form.h"

namespace descent::onnx {
namespace {

using proto::AttributeProto;
using proto::GraphProto;
using proto::NodeProto;

/// Producers as files name them.
constexpr std::string_view kDescent = "descent", kTf2onnx = "tf2onnx", kSklearn = "skl2onnx";
/// Its operators are models of scikit-learn and what stands before and behind them.
constexpr std::string_view kClassicalDomain = "ai.onnx.ml";
/// These write every number of a formula as an initializer, and have no layer with a scalar weight.
constexpr std::string_view kOfVectorsOnly[] = {"keras2onnx", kSklearn, "OnnxMLTools"};
/// What TensorFlow calls the value of a variable.
constexpr std::string_view kVariable = "ReadVariableOp";

/// Operands that set how an operator works. Some were its attributes once.
struct Settings {
  std::string_view op;
  std::vector<int> operands;
};
std::span<const Settings> AllSettings() {
  static const std::vector<Settings> kSettings = {
      {"Clip", {1, 2}},
      {"DequantizeLinear", {1}},
      {"Dropout", {1}},
      {"OneHot", {2}},
      {"Pad", {2}},
      {"QLinearConv", {1, 4, 6}},
      {"QLinearMatMul", {1, 4, 6}},
      {"QuantizeLinear", {1}},
      {"Range", {0, 1, 2}},
      {"Resize", {1, 2}},
      {"Upsample", {1}},
  };
  return kSettings;
}

bool IsSetting(const NodeProto& node, int operand) {
  if (!PlainDomain(node.domain()).empty()) return false;
  const auto settings = std::ranges::find(AllSettings(), node.op_type(), &Settings::op);
  return settings != AllSettings().end() &&
         std::ranges::find(settings->operands, operand) != settings->operands.end();
}

/// The state that a recurrent layer begins with: initial_h, initial_c.
bool IsFirstState(const NodeProto& node, int operand) {
  constexpr std::string_view kRecurrent[] = {"RNN", "GRU", "LSTM"};
  return (operand == 5 || operand == 6) &&
         std::ranges::find(kRecurrent, node.op_type()) != std::end(kRecurrent);
}

bool IsZero(const Tensor& tensor) {
  return std::ranges::all_of(tensor.bytes(), [](std::byte byte) { return byte == std::byte(); });
}

using Names = std::set<std::string, std::less<>>;

/// What a scaler of skl2onnx subtracts from the features or divides them by.
bool IsScaling(const NodeProto& node, int operand) {
  return operand == 1 && (node.op_type() == "Sub" || node.op_type() == "Div");
}

void CollectReads(const GraphProto& graph, Names& read, Names& slopes, Names& states,
                  Names& scalings) {
  for (const NodeProto& node : graph.node()) {
    if (node.op_type() == "PRelu" && node.input_size() > 1) slopes.insert(node.input(1));
    for (int i = 0; i < node.input_size(); ++i) {
      if (!IsSetting(node, i)) read.insert(node.input(i));
      if (IsFirstState(node, i)) states.insert(node.input(i));
      if (IsScaling(node, i)) scalings.insert(node.input(i));
    }
    for (const AttributeProto& attribute : node.attribute())
      if (attribute.has_g()) CollectReads(attribute.g(), read, slopes, states, scalings);
  }
  for (const auto& output : graph.output()) read.insert(output.name());
}

bool IsNumber(std::string_view text) {
  return !text.empty() &&
         std::ranges::all_of(text, [](unsigned char c) { return std::isdigit(c); });
}

}  // namespace

Weights::Weights(const proto::ModelProto& model, const TorchSignature& signature)
    : signature_(signature), producer_(model.producer_name()) {
  CollectReads(model.graph(), read_, slopes_, states_, scalings_);
  is_classical_ = std::ranges::any_of(model.graph().node(), [](const NodeProto& node) {
    return node.domain() == kClassicalDomain;
  });
}

/// "onnx::Mul_12", "12", "/act/Constant_1_output_0", "val_3", "const_fold_opt__7", "Const:0"
bool Weights::IsGivenByExporter(std::string_view name) const {
  constexpr std::string_view kValue = "val_";
  const auto begins = [&](std::string_view prefix) { return name.starts_with(prefix); };
  if (name.empty() || IsNumber(name) || begins("/")) return true;
  if (name.find(':') != std::string_view::npos) return true;
  if (begins(kValue) && IsNumber(name.substr(kValue.size()))) return true;
  return begins("const") || begins("Const") || name.find("/Const") != std::string_view::npos;
}

bool Weights::HasScalar(std::string_view name) const {
  if (producer_ == kDescent) return true;  // it writes numbers as Constant nodes
  if (signature_.known())
    return signature_.IsParameter(name) || signature_.IsBuffer(name) ||
           signature_.IsComputedOfParameters(name);
  if (producer_ == kTf2onnx) return name.find(kVariable) != std::string_view::npos;
  if (std::ranges::find(kOfVectorsOnly, producer_) != std::end(kOfVectorsOnly)) return false;
  if (IsGivenByExporter(name)) return false;
  return producer_ == kTorchProducer || (!is_classical_ && read_.contains(name));
}

bool Weights::Has(std::string_view name, const Tensor& tensor) const {
  if (!Info(tensor.dtype()).is_float || tensor.elements() == 0) return false;
  if (signature_.has_all_parameters())
    return signature_.IsParameter(name) || signature_.IsBuffer(name);
  if (slopes_.contains(name)) return true;
  if (states_.contains(name) && IsGivenByExporter(name) && IsZero(tensor)) return false;
  if (producer_ == kSklearn && scalings_.contains(name)) return false;
  if (name.starts_with(kNormalizationPrefix) || signature_.IsFoldedNumber(name, tensor))
    return false;
  return tensor.shape().empty() ? HasScalar(name) : read_.contains(name);
}

}  // namespace descent::onnx

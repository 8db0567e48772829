// What PyTorch's exporters know of a model's parameters and say beside the graph, or not at all.
//
// A graph of predictions may store equal tensors once and folded ones in place of parameters. For
// training that is another model: layers that were copied from one another, and all scales and
// biases of a fresh network, would be tied.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "ir/tensor.h"
#include "onnx.pb.h"

namespace descent::onnx {

/// What both exporters of PyTorch call the producer of a file.
inline constexpr std::string_view kTorchProducer = "pytorch";

/// What torch.export tells in the graph's metadata of the tensors of the module. Empty for others.
class TorchSignature {
 public:
  explicit TorchSignature(const proto::ModelProto& model);

  bool known() const { return !targets_.empty(); }
  /// Whether the file has every parameter by its name, so that nothing else is made of one.
  bool has_all_parameters() const { return has_all_parameters_; }
  /// The tensor of the module ("fc.weight") that a node calls `name` ("p_fc_weight"), or "".
  std::string Target(std::string_view name) const;
  bool IsParameter(std::string_view target) const;
  /// A buffer or constant of the module: what its optimizer does not see.
  bool IsBuffer(std::string_view target) const;
  /// What the exporter has computed of parameters that the file therefore lacks, of
  /// exp(logit_scale) say: a value that calls read by this name, in a file where nothing tells of
  /// some parameter.
  bool IsComputedOfParameters(std::string_view name) const;
  /// A number of a formula that folding has made a tensor (a scale f32[1], the ones of a
  /// normalization without parameters, the zeros that values are scattered into): no tensor of the
  /// module, of equal elements. With two axes and more it may as well be the transposed matrix of a
  /// fresh layer where a call that reads it names a parameter.
  bool IsFoldedNumber(std::string_view name, const Tensor& tensor) const;

 private:
  bool has_all_parameters_ = false;
  std::map<std::string, std::string, std::less<>> targets_;  ///< by name
  std::map<std::string, bool, std::less<>> is_parameter_;    ///< by target
  std::set<std::string, std::less<>> read_by_calls_;         ///< where a parameter is gone
  std::set<std::string, std::less<>> beside_parameters_;     ///< inputs of nodes of such calls
};

/// The row of an embedding that gets no gradient, where the node's call in torch.export names one.
std::optional<int64_t> PaddingRow(const proto::NodeProto& node);

/// Gives parameters that were merged because they were equal an initializer each.
/// - TorchScript: the others are an Identity of the first. (A parameter that the module itself uses
///   twice is an initializer that two nodes read.)
/// - torch.export: nodes tell in their metadata what parameters they read, so that those which read
///   the same initializer for different parameters are known.
void SeparateMergedParameters(proto::ModelProto& model);

}  // namespace descent::onnx

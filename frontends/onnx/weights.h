// Which initializers of a file are parameters, and which are numbers of formulas.
//
// A learned scale (`logit_scale`, a temperature, the slope of a PReLU) is a floating-point
// initializer without axes, and so are numbers of formulas: an epsilon, 1 / sqrt(64), the limit of
// a Clip. Who wrote the file tells them apart, by the signature of torch.export or by names.
#pragma once

#include <set>
#include <string>
#include <string_view>

#include "frontends/onnx/torch_export.h"
#include "ir/tensor.h"
#include "onnx.pb.h"

namespace descent::onnx {

class Weights {
 public:
  /// `signature` is that of the model, and outlives this.
  Weights(const proto::ModelProto& model, const TorchSignature& signature);

  /// Whether initializer `name` of the model's graph is a parameter. So are floating-point tensors
  /// with axes, except what torch.export computed where all parameters are in the file, numbers
  /// that it folded, what every node takes for a setting (see below), zeros with an exporter's name
  /// that a recurrent layer begins with, what a scaler of skl2onnx subtracts or divides by, and
  /// what a file of our own normalizes its inputs by. Of scalars are:
  /// - torch.export: what its signature lists, parameter or buffer, and what it computed of them;
  /// - the TorchScript exporter: what has the name of a tensor of a module ("logit_scale",
  ///   "head.scale") rather than one that the exporter gives ("onnx::Mul_12", "/Div_output_0");
  /// - tf2onnx: what is read of a variable (".../ReadVariableOp:0");
  /// - skl2onnx, and what has nodes of ai.onnx.ml, and keras2onnx: none;
  /// - others: every one that some node takes for more than a setting (the limit of a Clip, the
  ///   value of a Pad, the ratio of a Dropout, scales of a Resize or of quantization), unless its
  ///   name is one that exporters give.
  /// The slope of a PRelu is one in any file.
  bool Has(std::string_view name, const Tensor& tensor) const;
  /// Whether a node takes the value for more than a setting, or it is an output of the graph.
  bool IsRead(std::string_view name) const { return read_.contains(name); }

 private:
  bool HasScalar(std::string_view name) const;
  bool IsGivenByExporter(std::string_view name) const;

  const TorchSignature& signature_;
  std::string producer_;
  bool is_classical_ = false;                    ///< has nodes of ai.onnx.ml
  std::set<std::string, std::less<>> read_;      ///< names that nodes take for more than a setting
  std::set<std::string, std::less<>> slopes_;    ///< of PRelu: always weights
  std::set<std::string, std::less<>> states_;    ///< that recurrent layers begin with
  std::set<std::string, std::less<>> scalings_;  ///< subtracted or divided by
};

}  // namespace descent::onnx

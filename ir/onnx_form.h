// An ONNX file without the values of a model's state: what frontends/onnx makes of a model and an
// executable holds, to write the file with the values that it has learned.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace descent {

/// What checkpoints call the numbers that an input is normalized by, y = (x - shift) * factor:
/// this, the input, "/shift" or "/factor"; f64, one for each position.
inline constexpr std::string_view kNormalizationPrefix = "descent/normalization/";

struct OnnxForm {
  struct Initializer {
    std::string source;  ///< whose value it is: a slot of the model, or numbers of a normalization
    std::string tensor;  ///< a serialized TensorProto without numbers: name, type, extents
  };
  std::string model;  ///< a serialized ModelProto without its graph
  std::string graph;  ///< its GraphProto without `initializers`
  std::vector<Initializer> initializers;
  std::string missing;  ///< why ONNX has no form for the model, or ""
};

}  // namespace descent

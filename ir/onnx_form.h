// An ONNX file without the values of a model's state: what frontends/onnx makes of a model and an
// executable holds, to write the file with the values that it has learned.
#pragma once

#include <string>
#include <vector>

namespace descent {

struct OnnxForm {
  struct Initializer {
    std::string slot;    ///< of the model, whose value it is
    std::string tensor;  ///< a serialized TensorProto without numbers: name, type, extents
  };
  std::string model;  ///< a serialized ModelProto without its graph
  std::string graph;  ///< its GraphProto without `initializers`
  std::vector<Initializer> initializers;
  std::string missing;  ///< why ONNX has no form for the model, or ""
};

}  // namespace descent

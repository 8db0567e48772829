#include "frontends/cli/model_input.h"

namespace descent::cli {

Option ModelArgument(std::string* destination, std::string name) {
  return {.names = std::move(name),
          .value = "",
          .doc = "model file (.descent, .pb, .pbtxt, .onnx), or - for standard input (not of ONNX)",
          .destination = destination,
          .required = true,
          .completion = Completion::kModel};
}

Option OutputOption(std::string* destination, std::string doc) {
  return {.names = "-o,--output",
          .value = "FILE",
          .doc = std::move(doc),
          .destination = destination,
          .completion = Completion::kFile};
}

}  // namespace descent::cli

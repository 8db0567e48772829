// Models with inputs and the outputs to expect, as make_cases.py writes them.
#pragma once

#include <string>
#include <vector>

#include "ir/tensor.h"

namespace descent::test {

struct OnnxCase {
  std::string name, model;  ///< the model's bytes
  std::vector<Tensor> inputs, outputs;
  std::string op;  ///< operator of the first node
};

/// Ends the test program where the file is damaged.
std::vector<OnnxCase> ReadCases(const std::string& path);

}  // namespace descent::test

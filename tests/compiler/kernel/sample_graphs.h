// Samples of operators as graphs to be lowered.
#pragma once

#include <vector>

#include "compiler/kernel/program.h"
#include "tests/ir/samples/samples.h"

namespace descent {

/// The sample's results and, where there is one, the gradient of the sum of result 0 for each float
/// operand.
Result<Graph> GraphWithGradients(const OpSample& sample);

/// A state block whose system slots hold kSampleValues.
std::vector<std::byte> SampleState(const KernelProgram& program);

}  // namespace descent

// Samples of losses, by table.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "tests/ir/samples/samples.h"

namespace descent {

inline Attributes Reduction(const char* word) { return {{"reduction", std::string(word)}}; }
inline constexpr const char* kReductions[] = {"mean", "sum", "none"};

// Values and gradients from PyTorch.
std::vector<OpSample> NumberLossValues();
std::vector<OpSample> ClassLossValues();

FamilySamples NumberLossSamples();
FamilySamples ClassLossSamples();
FamilySamples VectorLossSamples();
FamilySamples CtcLossSamples();

}  // namespace descent

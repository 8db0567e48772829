// Random convolutional networks that train, as the text of a model: chains with branches of
// convolutions of all kinds, pools, normalizations, activations, shared and transposed filters, a
// loss and an optimizer.
//
// Where descent-fuzz's graphs hold any operators, a few elements each, these have the shapes that
// layouts, windows and contractions are made for: many channels side by side, strides, groups, rows
// of pixels, filters in the state that several computations read.
#pragma once

#include <cstdint>
#include <string>

namespace descent {

struct NetworkOptions {
  int layers = 6;         ///< at most
  int64_t work = 300000;  ///< multiply-adds of a forward pass, about
};

/// The same on every machine for the same seed. Values called `features` and `label` are its
/// inputs.
std::string RandomNetwork(uint64_t seed, const NetworkOptions& options = {});

}  // namespace descent

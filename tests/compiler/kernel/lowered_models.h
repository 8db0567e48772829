// Models over all operator families, in text, to be lowered, compiled and compared.
#pragma once

#include <ostream>
#include <span>

namespace descent {

struct ModelSample {
  const char* name;
  const char* entry;
  int max_calls;  ///< of kernels, with fusion
  const char* text;
  double tolerance = 1e-11;
};
inline void PrintTo(const ModelSample& sample, std::ostream* out) { *out << sample.name; }

/// All, networks included.
std::span<const ModelSample> ModelSamples();
std::span<const ModelSample> NetworkSamples();

}  // namespace descent

// Data sets made from a formula and a seed: those of the TensorFlow Playground (dataset.ts), with
// label 1 (blue) or 0 (orange) where it has +1 and -1, and three of our own.
//
//   circle xor gauss spiral   two classes; features x1, x2; samples=500
//   plane multi-gauss         regression, label in [-1, 1]; samples=1200
//   sine                      x on [0, 1], label sin 2 pi x (+ normal noise of that deviation);
//   samples=500 shapes                    16x16 images of a circle, square or triangle; columns
//   image (the features), is_circle,
//                             size, class (the label: circle, square, triangle); samples=2000
//
// The samples are shuffled and cut: the first half trains, the second is held out as test data.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "runtime/data/dataset.h"
#include "runtime/philox.h"

namespace descent::runtime {

struct GeneratorOptions {
  int64_t samples = 0;  ///< 0: the generator's own default
  double noise = 0;     ///< 0 to 0.5 (the Playground's slider of 0 to 50)
  int64_t seed = 1;
};

struct Generator {
  std::string_view name;
  int64_t default_samples;
  std::string_view doc;
  Dataset (*make)(int64_t samples, double noise, RandomSequence& random);
};

std::span<const Generator> Generators();
const Generator* FindGenerator(std::string_view name);

struct GeneratedData {
  Dataset train, test;
};
Result<GeneratedData> Generate(const Generator& generator, const GeneratorOptions& options);

/// Fisher-Yates; equal `random` and equal length give the same order everywhere.
void Shuffle(std::vector<int64_t>& rows, RandomSequence random);

}  // namespace descent::runtime

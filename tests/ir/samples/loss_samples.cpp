#include "tests/ir/samples/loss_samples.h"

#include <iterator>

namespace descent {

FamilySamples LossSamples() {
  FamilySamples all;
  for (FamilySamples (*table)() :
       {NumberLossSamples, ClassLossSamples, VectorLossSamples, CtcLossSamples}) {
    FamilySamples samples = table();
    std::ranges::move(samples.samples, std::back_inserter(all.samples));
    std::ranges::move(samples.errors, std::back_inserter(all.errors));
  }
  return all;
}

}  // namespace descent

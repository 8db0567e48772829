// How much of a model training works on: frozen parameters cost no backward work.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "ir/model.h"

namespace descent {

struct TrainedPart {
  int64_t parameters = 0, trained_parameters = 0;
  int64_t elements = 0, trained_elements = 0;  ///< of the parameters
  /// Operators that the first update's loss depends on and that read parameters, directly or not;
  /// those of them that are differentiated.
  int64_t operators = 0, differentiated = 0;
  /// Parameters that this loss depends on only through integers and bools.
  std::vector<std::string> without_derivative = {};
};
TrainedPart TrainedPartOf(const Model& model);

}  // namespace descent

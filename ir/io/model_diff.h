// The differences between two models, by structure: nodes are matched by what they compute, not by
// number, and comments do not count.
//
//   DiffModels(a, b)  ->  {"value 'a1': operator sigmoid -> relu",
//                          "parameter 'W3' is only in the second"}
#pragma once

#include <string>
#include <vector>

#include "ir/model.h"

namespace descent {

/// Empty if the models are the same. At most `kMaxDifferences`, then one line that says so.
inline constexpr size_t kMaxDifferences = 100;
std::vector<std::string> DiffModels(const Model& a, const Model& b);

}  // namespace descent

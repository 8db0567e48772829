// What `trainer info` says was in force: names and values as `--set` takes them.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "ir/model.h"

namespace descent {

/// ("optimizer", "adam"), ("optimizer.beta1", "0.9"), ...; several updates have "updates[N]." in
/// front. An update of some parameters only has ("over", "W*"), which the model alone can say.
std::vector<std::pair<std::string, std::string>> HyperparameterList(const Model& source);

}  // namespace descent

// The options that name models and outputs, the same in every command.
#pragma once

#include <string>

#include "frontends/cli/command.h"

namespace descent::cli {

/// The MODEL argument of most commands.
Option ModelArgument(std::string* destination, std::string name = "MODEL");
/// "-o,--output FILE"
Option OutputOption(std::string* destination, std::string doc);

}  // namespace descent::cli

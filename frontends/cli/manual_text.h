// The prose of the manual that does not belong to one command.
#pragma once

#include <string_view>

namespace descent::cli {

inline constexpr std::string_view kManualIntroduction =
    R"(Descent compiles the training of neural networks ahead of time: from a model file to an
executable, object, library or header that trains, evaluates and predicts without any framework.

A model file is the text form (.descent), binary proto (.pb) or proto text (.pbtxt); the content
decides where the name does not. `-` is standard input. What a command prints goes to standard
output, what it has to say about errors and progress to standard error. An error is one message with
file, line, the rule that is broken and what to do.
)";

inline constexpr std::string_view kManualAppendix = "";

}  // namespace descent::cli

// Prints a model as text IR in its canonical form.
//
// For every valid model ParseText(PrintText(model)) is the same model (graph, fields, comments),
// and PrintText(ParseText(text)) is canonical: printing what was parsed from it gives the same
// bytes.
#pragma once

#include <string>

#include "ir/model.h"

namespace descent {

std::string PrintText(const Model& model);

}  // namespace descent

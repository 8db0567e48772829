// FoldConstants: evaluates nodes whose operands are all constants, as the typed interpreter does.
//
// Only results up to PassOptions::fold_limit_elems elements become constants, and none that merely
// copies elements of a smaller one (an expanded scalar stays an expanded scalar). Bodies are
// folded, too. Nor does the work exceed PassOptions::fold_limit_work: a node for which too little
// is left stays, and is computed when the program runs.
//
//   1 - 0.9 * 0.9   ->   0.19
#pragma once

#include "compiler/graph/pass_options.h"
#include "ir/model.h"

namespace descent {

Result<Model> FoldConstants(Model model, const PassOptions& options);

}  // namespace descent

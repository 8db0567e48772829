// docs/ops.md, generated from the operator definitions.
#pragma once

#include <string>
#include <string_view>

#include "ir/op_def.h"

namespace descent {

/// The whole reference as Markdown: families, then one section an operator.
std::string OpsReference();

/// One operator's section of it.
std::string OpReference(const OpDef& op);
/// The same for a terminal.
std::string OpPage(const OpDef& op);

/// A line for each kind of primitive, with their number and names, and the number of composites.
std::string OpKinds();

/// "matmul(a, b; transpose_a=false, transpose_b=false) -> result"
std::string SignatureText(const OpDef& op);

}  // namespace descent

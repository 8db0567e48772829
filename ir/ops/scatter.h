// How a scatter treats an update, shared by its definition and its kernel form.
#pragma once

#include <optional>

#include "ir/attribute.h"
#include "ir/op_def.h"

namespace descent {

/// Attribute `reduce`: set, add, mul, min or max.
AttributeSpec ScatterReduceAttribute();
/// The instruction that puts (what stands there, update) together; nullopt for set: the update
/// takes its place.
std::optional<ScalarOp> ScatterCombine(const Attributes& attributes);

}  // namespace descent

// C identifiers from names of a model, which may be any text.
//
//   SafeIdentifier("layer.1 weight") == "layer_1_weight", SafeIdentifier("int") == "int_"
#pragma once

#include <set>
#include <string>
#include <string_view>

namespace descent {

/// Letters, digits and underscores only, no digit in front, no keyword of C or C++; never empty.
std::string SafeIdentifier(std::string_view name);

/// Whether `name` is one as it stands.
bool IsSafeIdentifier(std::string_view name);

/// SafeIdentifier with "_2", "_3", ... behind it until it is not in `taken`; adds it there.
std::string UniqueIdentifier(std::string_view name, std::set<std::string>& taken);

}  // namespace descent

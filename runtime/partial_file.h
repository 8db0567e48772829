// What a file is called until it is whole and takes its name: a name that no person gives, because
// a file that bears it goes.
#pragma once

#include <string>
#include <string_view>

namespace descent::runtime {

inline constexpr std::string_view kPartialSuffix = ".descent-partial";

/// "c.safetensors.descent-partial"
inline std::string PartialPath(const std::string& path) {
  return path + std::string(kPartialSuffix);
}

}  // namespace descent::runtime

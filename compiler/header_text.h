// Texts that the build puts into the compiler.
#pragma once

#include <string_view>

namespace descent {

extern const std::string_view kAbiText;          ///< runtime/abi.h
extern const std::string_view kEmbeddingText;    ///< runtime/embedding.h
extern const std::string_view kCompilerVersion;  ///< "descent 0.1.0"

}  // namespace descent

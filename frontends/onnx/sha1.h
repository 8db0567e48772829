// What ONNX files say of their external data.
#pragma once

#include <string>
#include <string_view>

namespace descent::onnx {

/// SHA-1 (FIPS 180-4, section 6.1) in lower-case hexadecimal digits. It finds damage, no attacks.
std::string Sha1Hex(std::string_view bytes);

}  // namespace descent::onnx

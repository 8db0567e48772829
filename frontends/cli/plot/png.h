// PNG images for embedding into SVG (PNG specification, ISO/IEC 15948).
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace descent::plot {

/// 8-bit RGB, rows from top; `rgb.size()` is 3 * width * height.
std::string EncodePng(int width, int height, std::span<const unsigned char> rgb);

std::string Base64(std::string_view bytes);

}  // namespace descent::plot

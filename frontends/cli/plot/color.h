// Colours that people with colour-vision deficiencies can tell apart (Okabe and Ito 2008), and maps
// from numbers to colours.
#pragma once

#include <string>
#include <string_view>

namespace descent::plot {

struct Color {
  double red = 0, green = 0, blue = 0;  ///< 0..255
};

inline constexpr std::string_view kBlue = "#0072b2";
inline constexpr std::string_view kOrange = "#e69f00";
inline constexpr std::string_view kInk = "#222222";
inline constexpr std::string_view kGrid = "#dddddd";
inline constexpr std::string_view kPaper = "#ffffff";
inline constexpr std::string_view kDashes = "5 3";  ///< of a second line in a colour

/// Colour of line number `index`; repeats after eight.
std::string_view SeriesColor(int index);
/// 0 -> orange, 0.5 -> white, 1 -> blue.
Color Diverging(double fraction);
/// 0 -> dark, 1 -> bright; lightness is monotone (anchors of viridis).
Color Sequential(double fraction);
std::string ToHex(const Color& color);

}  // namespace descent::plot

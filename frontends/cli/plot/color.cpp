#include "frontends/cli/plot/color.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <span>

namespace descent::plot {
namespace {

Color Interpolate(std::span<const Color> anchors, double fraction) {
  if (std::isnan(fraction)) return {128, 128, 128};
  const double place = std::clamp(fraction, 0.0, 1.0) * static_cast<double>(anchors.size() - 1);
  const auto left = std::min(static_cast<size_t>(place), anchors.size() - 2);
  const double t = place - static_cast<double>(left);
  const Color &a = anchors[left], &b = anchors[left + 1];
  return {a.red + t * (b.red - a.red), a.green + t * (b.green - a.green),
          a.blue + t * (b.blue - a.blue)};
}

}  // namespace

std::string_view SeriesColor(int index) {
  static constexpr std::string_view kSeries[] = {"#0072b2", "#e69f00", "#009e73", "#cc79a7",
                                                 "#d55e00", "#56b4e9", "#222222", "#b8a800"};
  return kSeries[index % 8];
}

Color Diverging(double fraction) {
  static constexpr Color kAnchors[] = {{230, 159, 0}, {247, 247, 247}, {0, 114, 178}};
  return Interpolate(kAnchors, fraction);
}

Color Sequential(double fraction) {
  static constexpr Color kAnchors[] = {
      {68, 1, 84}, {59, 82, 139}, {33, 145, 140}, {94, 201, 98}, {253, 231, 37}};
  return Interpolate(kAnchors, fraction);
}

std::string ToHex(const Color& color) {
  const auto byte = [](double value) { return static_cast<int>(std::lround(value)); };
  return fmt::format("#{:02x}{:02x}{:02x}", byte(color.red), byte(color.green), byte(color.blue));
}

}  // namespace descent::plot

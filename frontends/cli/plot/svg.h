// SvgDocument: the few SVG elements that the plots need, written as text. Units are CSS pixels.
//
//   SvgDocument svg(640, 480);
//   svg.Line({0, 0}, {10, 10}, {.stroke = "#000000"});
//   std::string text = std::move(svg).Finish();
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace descent::plot {

struct Point {
  double x = 0, y = 0;
};

struct Rect {
  double x = 0, y = 0, width = 0, height = 0;
  double right() const { return x + width; }
  double bottom() const { return y + height; }
};

/// Empty strings and zero widths leave an attribute out.
struct Style {
  std::string_view fill = "none";
  std::string_view stroke = "";
  double stroke_width = 1;
  std::string_view dash = "";  ///< "4 2"
  double opacity = 1;
};

enum class Anchor { kStart, kMiddle, kEnd };

struct TextStyle {
  double size = 12;
  Anchor anchor = Anchor::kStart;
  double rotate = 0;  ///< degrees, clockwise, around the text's point
  bool bold = false;
  std::string_view fill = "#222222";
};

class SvgDocument {
 public:
  /// `title` is read by screen readers.
  SvgDocument(double width, double height, std::string_view title);

  void Line(Point from, Point to, const Style& style);
  void Polyline(std::span<const Point> points, const Style& style);
  void Rectangle(const Rect& rect, const Style& style);
  void Circle(Point center, double radius, const Style& style);
  /// Filled polygon.
  void Polygon(std::span<const Point> points, const Style& style);
  void Text(Point at, std::string_view text, const TextStyle& style = {});
  /// An image of `width` x `height` RGB pixels stretched over `rect`; `smooth` interpolates.
  void Image(const Rect& rect, int width, int height, std::span<const unsigned char> rgb,
             bool smooth);
  /// What is drawn until EndClip is cut off at the rectangle.
  void BeginClip(const Rect& rect);
  void EndClip();

  std::string Finish() &&;

 private:
  std::string text_;
  int clips_ = 0;
};

}  // namespace descent::plot

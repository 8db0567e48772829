#include "frontends/cli/plot/svg.h"

#include <fmt/format.h>

#include "frontends/cli/plot/png.h"

namespace descent::plot {
namespace {

std::string Escaped(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    switch (c) {
      case '<':
        escaped += "&lt;";
        break;
      case '>':
        escaped += "&gt;";
        break;
      case '&':
        escaped += "&amp;";
        break;
      case '"':
        escaped += "&quot;";
        break;
      default:
        // Other control characters are not allowed in XML 1.0.
        if (static_cast<unsigned char>(c) >= 0x20 || c == '\n' || c == '\t') escaped += c;
    }
  }
  return escaped;
}

/// At most two decimals, without trailing zeros: pixels need no more.
std::string Number(double value) {
  std::string text = fmt::format("{:.2f}", value);
  text.erase(text.find_last_not_of('0') + 1);
  if (text.ends_with('.')) text.pop_back();
  return text == "-0" ? "0" : text;
}

std::string Attributes(const Style& style) {
  std::string text = fmt::format(" fill=\"{}\"", style.fill);
  if (!style.stroke.empty())
    text +=
        fmt::format(" stroke=\"{}\" stroke-width=\"{}\"", style.stroke, Number(style.stroke_width));
  if (!style.dash.empty()) text += fmt::format(" stroke-dasharray=\"{}\"", style.dash);
  if (style.opacity < 1) text += fmt::format(" opacity=\"{}\"", Number(style.opacity));
  return text;
}

std::string PointList(std::span<const Point> points) {
  std::string text;
  for (const Point& point : points)
    text += fmt::format("{}{},{}", text.empty() ? "" : " ", Number(point.x), Number(point.y));
  return text;
}

}  // namespace

SvgDocument::SvgDocument(double width, double height, std::string_view title) {
  text_ = fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0}\" height=\"{1}\" viewBox=\"0 0 {0} "
      "{1}\" "
      "role=\"img\" font-family=\"Helvetica, Arial, sans-serif\">\n<title>{2}</title>\n"
      "<rect width=\"{0}\" height=\"{1}\" fill=\"#ffffff\"/>\n",
      Number(width), Number(height), Escaped(title));
}

void SvgDocument::Line(Point from, Point to, const Style& style) {
  text_ += fmt::format("<line x1=\"{}\" y1=\"{}\" x2=\"{}\" y2=\"{}\"{}/>\n", Number(from.x),
                       Number(from.y), Number(to.x), Number(to.y), Attributes(style));
}

void SvgDocument::Polyline(std::span<const Point> points, const Style& style) {
  text_ += fmt::format("<polyline points=\"{}\"{} stroke-linejoin=\"round\"/>\n", PointList(points),
                       Attributes(style));
}

void SvgDocument::Polygon(std::span<const Point> points, const Style& style) {
  text_ += fmt::format("<polygon points=\"{}\"{}/>\n", PointList(points), Attributes(style));
}

void SvgDocument::Rectangle(const Rect& rect, const Style& style) {
  text_ += fmt::format("<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\"{}/>\n", Number(rect.x),
                       Number(rect.y), Number(rect.width), Number(rect.height), Attributes(style));
}

void SvgDocument::Circle(Point center, double radius, const Style& style) {
  text_ += fmt::format("<circle cx=\"{}\" cy=\"{}\" r=\"{}\"{}/>\n", Number(center.x),
                       Number(center.y), Number(radius), Attributes(style));
}

void SvgDocument::Text(Point at, std::string_view text, const TextStyle& style) {
  static constexpr std::string_view kAnchors[] = {"start", "middle", "end"};
  text_ += fmt::format("<text x=\"{}\" y=\"{}\" font-size=\"{}\" fill=\"{}\" text-anchor=\"{}\"",
                       Number(at.x), Number(at.y), Number(style.size), style.fill,
                       kAnchors[static_cast<int>(style.anchor)]);
  if (style.bold) text_ += " font-weight=\"bold\"";
  if (style.rotate != 0)
    text_ += fmt::format(" transform=\"rotate({} {} {})\"", Number(style.rotate), Number(at.x),
                         Number(at.y));
  text_ += fmt::format(">{}</text>\n", Escaped(text));
}

void SvgDocument::Image(const Rect& rect, int width, int height, std::span<const unsigned char> rgb,
                        bool smooth) {
  text_ += fmt::format(
      "<image x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" preserveAspectRatio=\"none\" "
      "style=\"image-rendering:{}\" href=\"data:image/png;base64,{}\"/>\n",
      Number(rect.x), Number(rect.y), Number(rect.width), Number(rect.height),
      smooth ? "auto" : "pixelated", Base64(EncodePng(width, height, rgb)));
}

void SvgDocument::BeginClip(const Rect& rect) {
  const int id = clips_++;
  text_ += fmt::format(
      "<clipPath id=\"clip{}\"><rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\"/></clipPath>\n"
      "<g clip-path=\"url(#clip{})\">\n",
      id, Number(rect.x), Number(rect.y), Number(rect.width), Number(rect.height), id);
}

void SvgDocument::EndClip() { text_ += "</g>\n"; }

std::string SvgDocument::Finish() && { return std::move(text_) + "</svg>\n"; }

}  // namespace descent::plot

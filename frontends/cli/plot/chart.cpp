#include "frontends/cli/plot/chart.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "frontends/cli/plot/color.h"

namespace descent::plot {
namespace {

constexpr double kLeftMargin = 58, kRightMargin = 16, kTopMargin = 30, kBottomMargin = 46;

std::string TickText(double value) {
  if (std::abs(value) < 1e-12) return "0";
  return fmt::format("{:.6g}", value);
}

}  // namespace

Range Range::Of(std::span<const double> values) {
  Range range{INFINITY, -INFINITY};
  for (const double value : values) {
    if (!std::isfinite(value)) continue;
    range.low = std::min(range.low, value);
    range.high = std::max(range.high, value);
  }
  return range.low <= range.high ? range : Range{0, 1};
}

Range Range::Padded(double fraction) const {
  const double room = extent() > 0 ? fraction * extent() : std::max(1e-9, std::abs(low) * 0.1);
  return {low - room, high + room};
}

std::vector<double> Ticks(const Range& range, int count) {
  const double raw = range.extent() / std::max(count, 1);
  if (!(raw > 0) || !std::isfinite(raw)) return {range.low};
  const double power = std::pow(10.0, std::floor(std::log10(raw)));
  double step = 10 * power;
  for (const double candidate : {1.0, 2.0, 5.0})
    if (candidate * power >= raw) {
      step = candidate * power;
      break;
    }
  std::vector<double> ticks;
  const double first = std::ceil(range.low / step - 1e-9);
  for (double i = first; i * step <= range.high + 1e-9 * step; ++i) ticks.push_back(i * step);
  return ticks;
}

Chart::Chart(ChartLabels labels, Range x, Range y, const Rect& outer)
    : labels_(std::move(labels)), x_(x), y_(y) {
  if (labels_.logarithmic_y) y_ = {std::log10(y.low), std::log10(y.high)};
  plot_ = {outer.x + kLeftMargin, outer.y + kTopMargin, outer.width - kLeftMargin - kRightMargin,
           outer.height - kTopMargin - kBottomMargin};
}

Point Chart::ToPixel(Point data) const {
  const double y = labels_.logarithmic_y ? std::log10(data.y) : data.y;
  return {plot_.x + (data.x - x_.low) / x_.extent() * plot_.width,
          plot_.bottom() - (y - y_.low) / y_.extent() * plot_.height};
}

std::vector<Point> Chart::ToPixels(std::span<const Point> data) const {
  std::vector<Point> pixels;
  for (const Point& point : data)
    if (std::isfinite(point.x) && std::isfinite(point.y)) pixels.push_back(ToPixel(point));
  return pixels;
}

std::vector<double> Chart::YTicks() const {
  if (!labels_.logarithmic_y) return Ticks(y_, 5);
  std::vector<double> ticks;
  for (double power = std::ceil(y_.low); power <= y_.high; ++power)
    ticks.push_back(std::pow(10.0, power));
  // Less than a decade: linear ticks of the values themselves.
  return ticks.size() >= 2 ? ticks : Ticks({std::pow(10, y_.low), std::pow(10, y_.high)}, 5);
}

void Chart::DrawGround(SvgDocument& svg) const {
  for (const double tick : Ticks(x_, 6)) {
    const double x = ToPixel({tick, 1}).x;
    svg.Line({x, plot_.y}, {x, plot_.bottom()}, {.stroke = kGrid});
  }
  for (const double tick : YTicks()) {
    const double y = ToPixel({0, tick}).y;
    svg.Line({plot_.x, y}, {plot_.right(), y}, {.stroke = kGrid});
  }
}

void Chart::DrawFrame(SvgDocument& svg) const {
  svg.Rectangle(plot_, {.stroke = kInk});
  for (const double tick : Ticks(x_, 6)) {
    const double x = ToPixel({tick, 1}).x;
    svg.Line({x, plot_.bottom()}, {x, plot_.bottom() + 4}, {.stroke = kInk});
    svg.Text({x, plot_.bottom() + 17}, TickText(tick), {.size = 11, .anchor = Anchor::kMiddle});
  }
  for (const double tick : YTicks()) {
    const double y = ToPixel({0, tick}).y;
    svg.Line({plot_.x - 4, y}, {plot_.x, y}, {.stroke = kInk});
    svg.Text({plot_.x - 7, y + 4}, TickText(tick), {.size = 11, .anchor = Anchor::kEnd});
  }
  const double middle = plot_.x + plot_.width / 2;
  svg.Text({middle, plot_.y - 10}, labels_.title,
           {.size = 14, .anchor = Anchor::kMiddle, .bold = true});
  svg.Text({middle, plot_.bottom() + 36}, labels_.x_label, {.anchor = Anchor::kMiddle});
  svg.Text({plot_.x - 44, plot_.y + plot_.height / 2}, labels_.y_label,
           {.anchor = Anchor::kMiddle, .rotate = -90});
}

namespace {

/// How much of the lines lies in a box: samples at tenths of their segments.
int Covered(const Rect& box, std::span<const std::vector<Point>> lines) {
  int covered = 0;
  for (const std::vector<Point>& line : lines)
    for (size_t i = 1; i < line.size(); ++i)
      for (int tenth = 0; tenth < 10; ++tenth) {
        const double x = line[i - 1].x + (line[i].x - line[i - 1].x) * tenth / 10;
        const double y = line[i - 1].y + (line[i].y - line[i - 1].y) * tenth / 10;
        covered += x >= box.x && x <= box.right() && y >= box.y && y <= box.y + box.height;
      }
  return covered;
}

/// From the upper right to the left, then along the lower edge; the first of the best.
Rect LeastCovering(const Rect& plot, double width, double height,
                   std::span<const std::vector<Point>> lines) {
  constexpr double kMargin = 8;
  constexpr int kPlaces = 8;
  const double room = plot.width - width - 2 * kMargin;
  Rect best{};
  int fewest = -1;
  for (const double y : {plot.y + kMargin, plot.y + plot.height - height - kMargin})
    for (int i = kPlaces; i >= 0; --i) {
      const Rect box{plot.x + kMargin + room * i / kPlaces, y, width, height};
      const int covered = Covered(box, lines);
      if (fewest >= 0 && covered >= fewest) continue;
      fewest = covered;
      best = box;
    }
  return best;
}

}  // namespace

void Chart::DrawLegend(SvgDocument& svg, std::span<const LegendEntry> entries,
                       std::span<const std::vector<Point>> lines) const {
  if (entries.empty()) return;
  size_t longest = 0;
  for (const LegendEntry& entry : entries) longest = std::max(longest, entry.text.size());
  const double width = 44 + 6.4 * static_cast<double>(longest);
  const double height = 8 + 17 * static_cast<double>(entries.size());
  const Rect box = LeastCovering(plot_, width, height, lines);
  svg.Rectangle(box, {.fill = "#ffffff", .stroke = kGrid, .opacity = 0.92});
  for (size_t i = 0; i < entries.size(); ++i) {
    const double y = box.y + 16 + 17 * static_cast<double>(i);
    svg.Line(
        {box.x + 8, y - 4}, {box.x + 32, y - 4},
        {.stroke = entries[i].color, .stroke_width = 2.5, .dash = entries[i].dashed ? "5 3" : ""});
    svg.Text({box.x + 38, y}, entries[i].text, {.size = 12});
  }
}

}  // namespace descent::plot

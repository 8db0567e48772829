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

namespace {

/// Powers of ten: every few where they are many, with doubles and halves where they are few.
/// `range` is of logarithms.
std::vector<double> LogarithmicTicks(const Range& range, int count) {
  const bool powers_alone = range.extent() > 2.5;
  const double stride = std::max(1.0, std::ceil(range.extent() / (count + 2)));
  std::vector<double> ticks;
  for (double power = stride * std::floor(range.low / stride); power <= range.high; power += stride)
    for (const double factor : {1.0, 2.0, 5.0}) {
      const double tick = factor * std::pow(10.0, power);
      const bool inside = std::log10(tick) >= range.low && std::log10(tick) <= range.high;
      if (inside && (factor == 1 || !powers_alone)) ticks.push_back(tick);
    }
  return ticks.size() >= 2 ? ticks
                           : Ticks({std::pow(10, range.low), std::pow(10, range.high)}, count);
}

}  // namespace

double Chart::Axis::Fraction(double value) const {
  return ((logarithmic ? std::log10(value) : value) - range.low) / range.extent();
}

std::vector<double> Chart::Axis::Ticks(int count) const {
  return logarithmic ? LogarithmicTicks(range, count) : plot::Ticks(range, count);
}

Chart::Chart(ChartLabels labels, Range x, Range y, const Rect& outer)
    : labels_(std::move(labels)),
      x_{x, labels_.logarithmic_x},
      y_{y, labels_.logarithmic_y},
      plot_{outer.x + kLeftMargin, outer.y + kTopMargin, outer.width - kLeftMargin - kRightMargin,
            outer.height - kTopMargin - kBottomMargin} {
  for (Axis* axis : {&x_, &y_})
    if (axis->logarithmic)
      axis->range = {std::log10(axis->range.low), std::log10(axis->range.high)};
}

Point Chart::ToPixel(Point data) const {
  return {plot_.x + x_.Fraction(data.x) * plot_.width,
          plot_.bottom() - y_.Fraction(data.y) * plot_.height};
}

std::vector<Point> Chart::ToPixels(std::span<const Point> data) const {
  std::vector<Point> pixels;
  for (const Point& point : data)
    if (std::isfinite(point.x) && std::isfinite(point.y)) pixels.push_back(ToPixel(point));
  return pixels;
}

void Chart::DrawGround(SvgDocument& svg) const {
  for (const double tick : x_.Ticks(6)) {
    const double x = ToPixel({tick, 1}).x;
    svg.Line({x, plot_.y}, {x, plot_.bottom()}, {.stroke = kGrid});
  }
  for (const double tick : y_.Ticks(5)) {
    const double y = ToPixel({1, tick}).y;
    svg.Line({plot_.x, y}, {plot_.right(), y}, {.stroke = kGrid});
  }
}

void Chart::DrawFrame(SvgDocument& svg) const {
  svg.Rectangle(plot_, {.stroke = kInk});
  for (const double tick : x_.Ticks(6)) {
    const double x = ToPixel({tick, 1}).x;
    svg.Line({x, plot_.bottom()}, {x, plot_.bottom() + 4}, {.stroke = kInk});
    svg.Text({x, plot_.bottom() + 17}, TickText(tick), {.size = 11, .anchor = Anchor::kMiddle});
  }
  for (const double tick : y_.Ticks(5)) {
    const double y = ToPixel({1, tick}).y;
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

constexpr double kLegendRow = 18, kLegendMargin = 6;

struct LegendColumns {
  double width;
  size_t count;
};

LegendColumns ColumnsOf(std::span<const LegendEntry> entries, double width) {
  size_t longest = 0;
  for (const LegendEntry& entry : entries) longest = std::max(longest, entry.text.size());
  const double column = 56 + 6.4 * static_cast<double>(longest);
  const auto fitting = static_cast<size_t>((width - kLeftMargin) / column);
  return {column, std::clamp<size_t>(fitting, 1, std::max<size_t>(entries.size(), 1))};
}

}  // namespace

double LegendHeight(std::span<const LegendEntry> entries, double width) {
  if (entries.empty()) return 0;
  const size_t columns = ColumnsOf(entries, width).count;
  const size_t rows = (entries.size() + columns - 1) / columns;
  return kLegendRow * static_cast<double>(rows) + 2 * kLegendMargin;
}

void DrawLegend(SvgDocument& svg, std::span<const LegendEntry> entries, const Rect& area) {
  const LegendColumns columns = ColumnsOf(entries, area.width);
  for (size_t i = 0; i < entries.size(); ++i) {
    const double x = area.x + kLeftMargin + columns.width * static_cast<double>(i % columns.count);
    const double y =
        area.y + kLegendMargin + kLegendRow * (0.5 + static_cast<double>(i / columns.count));
    if (entries[i].dots)
      svg.Circle({x + 13, y}, 3.5, {.fill = entries[i].color});
    else
      svg.Line({x, y}, {x + 26, y},
               {.stroke = entries[i].color,
                .stroke_width = 2.5,
                .dash = entries[i].dashed ? kDashes : ""});
    svg.Text({x + 32, y + 4}, entries[i].text, {.size = 12});
  }
}

double PanelGrid::height() const {
  const size_t rows = count == 0 ? 0 : (count + columns() - 1) / columns();
  return panel_height * static_cast<double>(rows);
}

Rect PanelGrid::At(size_t panel) const {
  return {panel_width * static_cast<double>(panel % columns()),
          panel_height * static_cast<double>(panel / columns()), panel_width, panel_height};
}

}  // namespace descent::plot

// Chart: one panel with axes, into which a plot draws in data coordinates.
//
//   Chart chart({.title = "loss", .x_label = "epoch", .y_label = "loss"}, {0, 10}, {0, 1});
//   chart.Draw(svg, {0, 0, 400, 300});        // frame, ticks, labels
//   svg.Polyline(chart.ToPixels(points), ...);
#pragma once

#include <span>
#include <string>
#include <vector>

#include "frontends/cli/plot/svg.h"

namespace descent::plot {

struct Range {
  double low = 0, high = 1;
  double extent() const { return high - low; }
  /// The smallest range that holds all finite values; [0, 1] when there is none.
  static Range Of(std::span<const double> values);
  /// Both ends moved out by `fraction` of the extent; a single point gets some room.
  Range Padded(double fraction) const;
};

struct ChartLabels {
  std::string title, x_label, y_label;
  bool logarithmic_x = false, logarithmic_y = false;  ///< values must be positive
};

class Chart {
 public:
  Chart(ChartLabels labels, Range x, Range y, const Rect& outer);

  /// Where data is drawn.
  const Rect& plot() const { return plot_; }
  Point ToPixel(Point data) const;
  std::vector<Point> ToPixels(std::span<const Point> data) const;

  /// Grid lines and white ground: before the data.
  void DrawGround(SvgDocument& svg) const;
  /// Frame, ticks, labels, title: after the data.
  void DrawFrame(SvgDocument& svg) const;

 private:
  struct Axis {
    Range range;  ///< of logarithms where it is logarithmic
    bool logarithmic = false;
    double Fraction(double value) const;
    std::vector<double> Ticks(int count) const;
  };

  ChartLabels labels_;
  Axis x_, y_;
  Rect plot_;
};

/// About `count` round numbers (1, 2 or 5 times a power of ten apart) inside the range.
std::vector<double> Ticks(const Range& range, int count);

struct LegendEntry {
  std::string text;
  std::string color;
  bool dashed = false;
  bool dots = false;
};
/// A legend stands below its charts, where it covers nothing, in columns as wide as the longest
/// entry.
double LegendHeight(std::span<const LegendEntry> entries, double width);
void DrawLegend(SvgDocument& svg, std::span<const LegendEntry> entries, const Rect& area);

/// Places of panels of one size: rows of at most three, four as two by two.
struct PanelGrid {
  size_t count = 0;
  double panel_width = 0, panel_height = 0;

  size_t columns() const { return count == 4 ? 2 : count < 3 ? count : 3; }
  double width() const { return panel_width * static_cast<double>(columns()); }
  double height() const;
  Rect At(size_t panel) const;
};

}  // namespace descent::plot

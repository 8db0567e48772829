#include <algorithm>
#include <cmath>
#include <span>

#include "frontends/cli/plot/color.h"
#include "frontends/cli/plot/figures.h"

namespace descent::plot {
namespace {

constexpr double kPanelWidth = 460, kPanelHeight = 340;
constexpr std::string_view kArrow = "#777777";

/// Range of one coordinate over all series; only positive values on a logarithmic axis.
Range RangeOf(const LineFigure& figure, double Point::* coordinate, bool positive) {
  std::vector<double> values;
  for (const Series& series : figure.series)
    for (const Point& point : series.points)
      if (!positive || point.*coordinate > 0) values.push_back(point.*coordinate);
  return Range::Of(values);
}

std::string ColorOf(const Series& series, size_t position) {
  return std::string(SeriesColor(series.color >= 0 ? series.color : static_cast<int>(position)));
}

/// Of all figures that share a label on the y axis: panels are compared.
Range SharedYRange(const std::vector<LineFigure>& figures, const LineFigure& figure) {
  const bool logarithmic = figure.labels.logarithmic_y;
  std::vector<double> ends;
  for (const LineFigure& other : figures) {
    if (other.labels.y_label != figure.labels.y_label) continue;
    const Range range = RangeOf(other, &Point::y, logarithmic);
    ends.insert(ends.end(), {range.low, range.high});
  }
  const Range y = Range::Of(ends);
  return logarithmic ? Range{y.low / 1.2, y.high * 1.2} : y.Padded(0.05);
}

Range XRange(const LineFigure& figure) {
  const Range x = RangeOf(figure, &Point::x, figure.labels.logarithmic_x);
  return figure.labels.logarithmic_x ? Range{x.low / 1.1, x.high * 1.1} : x.Padded(0.02);
}

std::vector<LegendEntry> LegendOf(const LineFigure& figure) {
  std::vector<LegendEntry> legend;
  for (size_t i = 0; i < figure.series.size(); ++i) {
    const Series& series = figure.series[i];
    legend.push_back({series.name, ColorOf(series, i), series.dashed, series.dots});
  }
  return legend;
}

/// Lines, with a dot at each point where the points are few.
void DrawPanel(SvgDocument& svg, const LineFigure& figure, const Range& y, const Rect& outer) {
  constexpr size_t kFew = 12;
  const Chart chart(figure.labels, XRange(figure), y, outer);
  chart.DrawGround(svg);
  svg.BeginClip(chart.plot());
  for (size_t i = 0; i < figure.series.size(); ++i) {
    const Series& series = figure.series[i];
    const std::string color = ColorOf(series, i);
    std::vector<Point> points = series.points;
    std::erase_if(points, [&](const Point& p) {
      return (figure.labels.logarithmic_x && !(p.x > 0)) ||
             (figure.labels.logarithmic_y && !(p.y > 0));
    });
    const std::vector<Point> pixels = chart.ToPixels(points);
    if (series.dots) {
      for (const Point& pixel : pixels) svg.Circle(pixel, 2.6, {.fill = color, .opacity = 0.7});
      continue;
    }
    svg.Polyline(pixels,
                 {.stroke = color, .stroke_width = 2, .dash = series.dashed ? kDashes : ""});
    if (pixels.size() <= kFew)
      for (const Point& pixel : pixels) svg.Circle(pixel, 3.5, {.fill = color});
  }
  svg.EndClip();
  chart.DrawFrame(svg);
}

/// Arrows along -gradient at a coarse grid of points, all of one length: they show directions.
void DrawDescentField(SvgDocument& svg, const Chart& chart, const Grid& grid) {
  constexpr int kArrows = 14;
  constexpr double kLength = 14;
  for (int i = 1; i < kArrows; ++i) {
    for (int j = 1; j < kArrows; ++j) {
      const int column = std::clamp(i * grid.columns / kArrows, 1, grid.columns - 2);
      const int row = std::clamp(j * grid.rows / kArrows, 1, grid.rows - 2);
      const double dx = (grid.Value(column + 1, row) - grid.Value(column - 1, row)) /
                        grid.x.extent() * (grid.columns - 1);
      const double dy = (grid.Value(column, row + 1) - grid.Value(column, row - 1)) /
                        grid.y.extent() * (grid.rows - 1);
      // In pixels, y grows downwards.
      const double px = -dx * chart.plot().width / grid.x.extent();
      const double py = dy * chart.plot().height / grid.y.extent();
      const double norm = std::hypot(px, py);
      if (!(norm > 0) || !std::isfinite(norm)) continue;
      const Point from = chart.ToPixel(grid.At(column, row));
      const double ux = px / norm, uy = py / norm;
      const Point to{from.x + kLength * ux, from.y + kLength * uy};
      svg.Line(from, to, {.stroke = kArrow});
      const Point head[] = {to,
                            {to.x - 5 * ux + 2.5 * uy, to.y - 5 * uy - 2.5 * ux},
                            {to.x - 5 * ux - 2.5 * uy, to.y - 5 * uy + 2.5 * ux}};
      svg.Polygon(head, {.fill = kArrow});
    }
  }
}

}  // namespace

std::string DrawLines(const std::vector<LineFigure>& figures) {
  double legend_height = 0;
  for (const LineFigure& figure : figures)
    legend_height = std::max(legend_height, LegendHeight(LegendOf(figure), kPanelWidth));
  const PanelGrid grid{figures.size(), kPanelWidth, kPanelHeight + legend_height};
  SvgDocument svg(grid.width(), grid.height(), figures.empty() ? "" : figures[0].labels.title);
  for (size_t i = 0; i < figures.size(); ++i) {
    const Rect place = grid.At(i);
    DrawPanel(svg, figures[i], SharedYRange(figures, figures[i]),
              {place.x, place.y, kPanelWidth, kPanelHeight});
    DrawLegend(svg, LegendOf(figures[i]),
               {place.x, place.y + kPanelHeight, kPanelWidth, legend_height});
  }
  return std::move(svg).Finish();
}

namespace {

/// A way over the surface: a ring where it begins, a disc where it ends, on a white edge.
void DrawPath(SvgDocument& svg, std::span<const Point> pixels, std::string_view color) {
  svg.Polyline(pixels, {.stroke = kPaper, .stroke_width = 4.5});
  svg.Polyline(pixels, {.stroke = color, .stroke_width = 2});
  for (const Point& pixel : pixels)
    svg.Circle(pixel, 2.6, {.fill = color, .stroke = kPaper, .stroke_width = 0.6});
  svg.Circle(pixels.back(), 6, {.fill = color, .stroke = kPaper});
  svg.Circle(pixels.front(), 6, {.fill = kPaper, .stroke = kInk, .stroke_width = 2});
}

}  // namespace

std::string DrawSurface(const SurfaceFigure& figure) {
  constexpr double kSize = 520;
  std::vector<LegendEntry> legend;
  for (size_t i = 0; i < figure.paths.size(); ++i)
    legend.push_back({figure.paths[i].name, std::string(SeriesColor(static_cast<int>(i)))});
  const double legend_height = LegendHeight(legend, kSize);
  SvgDocument svg(kSize, kSize + legend_height, figure.labels.title);
  const Grid& grid = figure.loss;
  const Chart chart(figure.labels, grid.x, grid.y, {0, 0, kSize, kSize});
  svg.BeginClip(chart.plot());
  const std::vector<double> levels = ContourLevels(grid, 16);
  for (size_t i = 0; i < levels.size(); ++i) {
    const std::string color = ToHex(Sequential(0.9 * static_cast<double>(i) / 16));
    for (const auto& [from, to] : Contour(grid, levels[i]))
      svg.Line(chart.ToPixel(from), chart.ToPixel(to), {.stroke = color, .opacity = 0.7});
  }
  DrawDescentField(svg, chart, grid);
  for (size_t i = figure.paths.size(); i-- > 0;) {  // the first on top
    const std::vector<Point> pixels = chart.ToPixels(figure.paths[i].points);
    if (!pixels.empty()) DrawPath(svg, pixels, legend[i].color);
  }
  svg.EndClip();
  chart.DrawFrame(svg);
  DrawLegend(svg, legend, {0, kSize, kSize, legend_height});
  return std::move(svg).Finish();
}

}  // namespace descent::plot

#include <algorithm>
#include <cmath>

#include "frontends/cli/plot/color.h"
#include "frontends/cli/plot/figures.h"

namespace descent::plot {
namespace {

constexpr double kPanelWidth = 460, kPanelHeight = 340;

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

void DrawPanel(SvgDocument& svg, const LineFigure& figure, const Rect& outer) {
  const bool logarithmic = figure.labels.logarithmic_y;
  const Range y = RangeOf(figure, &Point::y, logarithmic);
  const Range padded = logarithmic ? Range{y.low / 1.2, y.high * 1.2} : y.Padded(0.05);
  const Chart chart(figure.labels, RangeOf(figure, &Point::x, false).Padded(0.02), padded, outer);
  chart.DrawGround(svg);
  svg.BeginClip(chart.plot());
  std::vector<LegendEntry> legend;
  std::vector<std::vector<Point>> lines;
  for (size_t i = 0; i < figure.series.size(); ++i) {
    const Series& series = figure.series[i];
    const std::string color = ColorOf(series, i);
    std::vector<Point> points = series.points;
    if (logarithmic) std::erase_if(points, [](const Point& p) { return !(p.y > 0); });
    lines.push_back(chart.ToPixels(points));
    svg.Polyline(lines.back(),
                 {.stroke = color, .stroke_width = 2, .dash = series.dashed ? "5 3" : ""});
    legend.push_back({series.name, color, series.dashed});
  }
  svg.EndClip();
  chart.DrawFrame(svg);
  chart.DrawLegend(svg, legend, lines);
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
      svg.Line(from, to, {.stroke = "#555555"});
      const Point head[] = {to,
                            {to.x - 5 * ux + 2.5 * uy, to.y - 5 * uy - 2.5 * ux},
                            {to.x - 5 * ux - 2.5 * uy, to.y - 5 * uy + 2.5 * ux}};
      svg.Polygon(head, {.fill = "#555555"});
    }
  }
}

}  // namespace

std::string DrawLines(const std::vector<LineFigure>& figures) {
  SvgDocument svg(kPanelWidth * static_cast<double>(figures.size()), kPanelHeight,
                  figures.empty() ? "" : figures[0].labels.title);
  for (size_t i = 0; i < figures.size(); ++i)
    DrawPanel(svg, figures[i],
              {kPanelWidth * static_cast<double>(i), 0, kPanelWidth, kPanelHeight});
  return std::move(svg).Finish();
}

std::string DrawSurface(const SurfaceFigure& figure) {
  constexpr double kSize = 520;
  SvgDocument svg(kSize, kSize, figure.labels.title);
  const Grid& grid = figure.loss;
  const Chart chart(figure.labels, grid.x, grid.y, {0, 0, kSize, kSize});
  const std::vector<double> levels = ContourLevels(grid, 16);
  svg.BeginClip(chart.plot());
  for (size_t i = 0; i < levels.size(); ++i) {
    const double t = static_cast<double>(i) / static_cast<double>(levels.size());
    const std::string color = ToHex(Sequential(0.9 * t));
    for (const auto& [from, to] : Contour(grid, levels[i]))
      svg.Line(chart.ToPixel(from), chart.ToPixel(to), {.stroke = color, .stroke_width = 1.3});
  }
  DrawDescentField(svg, chart, grid);
  std::vector<LegendEntry> legend;
  for (size_t i = 0; i < figure.paths.size(); ++i) {
    const auto& path = figure.paths[i];
    const std::vector<Point> pixels = chart.ToPixels(path.points);
    if (pixels.empty()) continue;
    const std::string color(SeriesColor(i == 0 ? 4 : static_cast<int>(i)));
    svg.Polyline(pixels, {.stroke = color, .stroke_width = 2.2});
    for (const Point& pixel : pixels) svg.Circle(pixel, 2, {.fill = color});
    svg.Circle(pixels.front(), 6, {.fill = "#ffffff", .stroke = color, .stroke_width = 2});
    svg.Circle(pixels.back(), 6, {.fill = color});
    legend.push_back({path.name, color});
  }
  svg.EndClip();
  chart.DrawFrame(svg);
  chart.DrawLegend(svg, legend);
  return std::move(svg).Finish();
}

}  // namespace descent::plot

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "frontends/cli/plot/color.h"
#include "frontends/cli/plot/figures.h"

namespace descent::plot {
namespace {

void AppendPixel(std::vector<unsigned char>& rgb, const Color& color) {
  for (const double channel : {color.red, color.green, color.blue})
    rgb.push_back(static_cast<unsigned char>(std::lround(channel)));
}

double Fraction(double value, const Range& range) {
  return range.extent() > 0 ? (value - range.low) / range.extent() : 0.5;
}

/// Colours under points are that much paler than theirs.
constexpr double kPale = 0.55;

/// Pixels of a grid, rows from top (the grid's first row is at the bottom).
std::vector<unsigned char> GridPixels(const Grid& grid, const Range& range) {
  std::vector<unsigned char> rgb;
  for (int row = grid.rows; row-- > 0;)
    for (int column = 0; column < grid.columns; ++column) {
      const double fraction = std::clamp(Fraction(grid.Value(column, row), range), 0.0, 1.0);
      AppendPixel(rgb, Diverging(0.5 + kPale * (fraction - 0.5)));
    }
  return rgb;
}

void DrawPoint(SvgDocument& svg, Point at, double radius, double fraction) {
  svg.Circle(at, radius,
             {.fill = ToHex(Diverging(fraction)), .stroke = kPaper, .stroke_width = radius / 3});
}

void DrawBoundaryPanel(SvgDocument& svg, const BoundaryPanel& panel, const Rect& outer) {
  const Grid& grid = panel.prediction;
  const Chart chart({.title = panel.title, .x_label = panel.x_label, .y_label = panel.y_label},
                    grid.x, grid.y, outer);
  svg.Image(chart.plot(), grid.columns, grid.rows, GridPixels(grid, panel.value_range), true);
  if (!panel.regression)
    for (const auto& [from, to] : Contour(grid, 0.5))
      svg.Line(chart.ToPixel(from), chart.ToPixel(to), {.stroke = kInk, .stroke_width = 1.6});
  svg.BeginClip(chart.plot());
  for (const LabelledPoint& point : panel.points)
    DrawPoint(svg, chart.ToPixel(point.at), 2.6, Fraction(point.label, panel.value_range));
  svg.EndClip();
  chart.DrawFrame(svg);
}

std::vector<unsigned char> TilePixels(const Tile& tile, bool diverging) {
  std::vector<unsigned char> rgb;
  for (const double value : tile.values) {
    const double fraction = std::clamp(Fraction(value, tile.range), 0.0, 1.0);
    const double strength = tile.points.empty() ? 1 : kPale;
    AppendPixel(rgb,
                diverging ? Diverging(0.5 + strength * (fraction - 0.5)) : Sequential(fraction));
  }
  return rgb;
}

/// Ink on paper.
std::vector<unsigned char> GreyPixels(const std::vector<double>& pixels) {
  std::vector<unsigned char> rgb;
  for (const double pixel : pixels) {
    const double grey = 255 * (1 - std::clamp(pixel, 0.0, 1.0));
    AppendPixel(rgb, {grey, grey, grey});
  }
  return rgb;
}

}  // namespace

std::string DrawBoundaries(const std::vector<BoundaryPanel>& panels) {
  constexpr double kSize = 400, kKey = 26, kCharacter = 6;
  const PanelGrid grid{panels.size(), kSize, kSize};
  const double y = grid.height() + 8;
  SvgDocument svg(grid.width(), grid.height() + kKey, "decision boundary");
  for (size_t i = 0; i < panels.size(); ++i) DrawBoundaryPanel(svg, panels[i], grid.At(i));
  if (!panels.empty() && !panels[0].regression) {
    double x = 64;
    for (const int label : {1, 0}) {
      const std::string& name = panels[0].classes[label];
      svg.Circle({x, y}, 5, {.fill = label == 1 ? kBlue : kOrange});
      svg.Text({x + 10, y + 4}, name);
      x += kCharacter * static_cast<double>(name.size()) + 28;
    }
    svg.Line({x, y}, {x + 24, y}, {.stroke = kInk, .stroke_width = 1.6});
    svg.Text({x + 30, y + 4}, "probability 0.5");
  }
  return std::move(svg).Finish();
}

std::string DrawTiles(const TileFigure& figure) {
  constexpr double kGap = 12, kCaption = 20, kTop = 40;
  const double size = figure.tile_size;
  const int count = static_cast<int>(figure.tiles.size());
  const int columns = std::clamp(figure.columns, 1, std::max(count, 1));
  const int rows = (count + columns - 1) / columns;
  const double width = std::max(kGap + columns * (size + kGap), 260.0);
  SvgDocument svg(width, kTop + rows * (size + kGap + kCaption), figure.title);
  svg.Text({width / 2, 24}, figure.title, {.size = 14, .anchor = Anchor::kMiddle, .bold = true});
  for (int i = 0; i < count; ++i) {
    const Tile& tile = figure.tiles[i];
    const Rect place{kGap + i % columns * (size + kGap),
                     kTop + i / columns * (size + kGap + kCaption), size, size};
    svg.Image(place, tile.width, tile.height, TilePixels(tile, figure.diverging),
              !tile.points.empty());
    for (const LabelledPoint& point : tile.points)
      DrawPoint(svg,
                {place.x + Fraction(point.at.x, tile.x) * size,
                 place.bottom() - Fraction(point.at.y, tile.y) * size},
                1.8, point.label);
    svg.Rectangle(place, {.stroke = kInk, .stroke_width = 0.6});
    svg.Text({place.x + size / 2, place.bottom() + 14}, tile.title,
             {.size = 10.5, .anchor = Anchor::kMiddle});
  }
  return std::move(svg).Finish();
}

std::string DrawPredictions(const std::string& title, const std::vector<PredictedImage>& images,
                            int columns) {
  constexpr double kImage = 84, kWidth = 112, kHeight = 128, kTop = 52;
  const int count = static_cast<int>(images.size());
  columns = std::clamp(columns, 1, std::max(count, 1));
  const double width = std::max(columns * kWidth + 16, 320.0);
  SvgDocument svg(width, kTop + (count + columns - 1) / columns * kHeight, title);
  svg.Text({width / 2, 22}, title, {.size = 14, .anchor = Anchor::kMiddle, .bold = true});
  svg.Text({width / 2, 40},
           "blue frame: right; orange, dashed frame: wrong (actual class in brackets)",
           {.size = 11, .anchor = Anchor::kMiddle});
  for (int i = 0; i < count; ++i) {
    const PredictedImage& image = images[i];
    const bool right = image.predicted == image.actual;
    const double x = 8 + i % columns * kWidth + (kWidth - kImage) / 2;
    const double y = kTop + i / columns * kHeight;
    const Rect place{x, y, kImage, kImage};
    svg.Image(place, image.width, image.height, GreyPixels(image.pixels), false);
    svg.Rectangle(
        place,
        {.stroke = right ? kBlue : kOrange, .stroke_width = 2.5, .dash = right ? "" : "6 3"});
    svg.Text({x + kImage / 2, y + kImage + 15},
             fmt::format("{} {:.0f}%", image.predicted, 100 * image.probability),
             {.size = 10.5, .anchor = Anchor::kMiddle});
    if (!right)
      svg.Text({x + kImage / 2, y + kImage + 28}, "(" + image.actual + ")",
               {.size = 10.5, .anchor = Anchor::kMiddle});
  }
  return std::move(svg).Finish();
}

std::string DrawImages(const ImageFigure& figure) {
  constexpr double kImage = 56, kGap = 4, kTop = 36;
  const int count = static_cast<int>(figure.images.size());
  const int columns = std::clamp(figure.columns, 1, std::max(count, 1));
  const int rows = (count + columns - 1) / columns;
  const double width = std::max(kGap + columns * (kImage + kGap), 260.0);
  SvgDocument svg(width, kTop + rows * (kImage + kGap), figure.title);
  svg.Text({width / 2, 22}, figure.title, {.size = 14, .anchor = Anchor::kMiddle, .bold = true});
  for (int i = 0; i < count; ++i)
    svg.Image({kGap + i % columns * (kImage + kGap), kTop + i / columns * (kImage + kGap), kImage,
               kImage},
              figure.width, figure.height, GreyPixels(figure.images[i]), false);
  return std::move(svg).Finish();
}

std::string DrawConfusion(const std::string& title, const std::vector<std::string>& classes,
                          const std::vector<std::vector<double>>& counts) {
  constexpr double kCell = 46, kLeft = 110, kTop = 110;
  const auto n = static_cast<double>(classes.size());
  SvgDocument svg(kLeft + n * kCell + 20, kTop + n * kCell + 30, title);
  svg.Text({(kLeft + n * kCell + 20) / 2, 22}, title,
           {.size = 14, .anchor = Anchor::kMiddle, .bold = true});
  for (size_t actual = 0; actual < classes.size(); ++actual) {
    const double y = kTop + static_cast<double>(actual) * kCell;
    double total = 0;
    for (const double count : counts[actual]) total += count;
    svg.Text({kLeft - 8, y + kCell / 2 + 4}, classes[actual], {.size = 11, .anchor = Anchor::kEnd});
    svg.Text({kLeft + (static_cast<double>(actual) + 0.5) * kCell, kTop - 8}, classes[actual],
             {.size = 11, .anchor = Anchor::kStart, .rotate = -45});
    for (size_t predicted = 0; predicted < classes.size(); ++predicted) {
      const double share = total > 0 ? counts[actual][predicted] / total : 0;
      const Rect cell{kLeft + static_cast<double>(predicted) * kCell, y, kCell, kCell};
      const std::string fill = ToHex(Diverging(0.5 + 0.5 * std::sqrt(share)));
      svg.Rectangle(cell, {.fill = fill, .stroke = kPaper});
      svg.Text({cell.x + kCell / 2, y + kCell / 2 + 4},
               fmt::format("{:.0f}", counts[actual][predicted]),
               {.size = 11, .anchor = Anchor::kMiddle, .fill = share > 0.4 ? kPaper : kInk});
    }
  }
  svg.Text({kLeft + n * kCell / 2, kTop + n * kCell + 20}, "columns: predicted; rows: actual",
           {.size = 11, .anchor = Anchor::kMiddle});
  return std::move(svg).Finish();
}

}  // namespace descent::plot

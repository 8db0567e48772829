// The figures that `descent plot` draws, as functions from data to SVG text. Nothing here knows
// models or files.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <vector>

#include "frontends/cli/plot/chart.h"
#include "frontends/cli/plot/contour.h"

namespace descent::plot {

/// A point of a data set with two features.
struct LabelledPoint {
  Point at;
  double label = 0;  ///< 1 is blue, 0 orange
};

/// Decision boundary of a classifier (or surface of a regression) over its data.
struct BoundaryPanel {
  std::string title;
  Grid prediction;  ///< probability of blue, or a value in `value_range`
  Range value_range = {0, 1};
  std::vector<LabelledPoint> points;
  bool regression = false;  ///< no 0.5 contour
  std::string x_label = "x1", y_label = "x2";
  std::array<std::string, 2> classes = {"label 0", "label 1"};  ///< orange, blue
};
std::string DrawBoundaries(const std::vector<BoundaryPanel>& panels);

/// Lines over a common x axis.
struct Series {
  std::string name;
  std::vector<Point> points;
  bool dashed = false;
  bool dots = false;  ///< points alone, small and pale
  int color = -1;     ///< number of the colour; -1: by position
};
struct LineFigure {
  ChartLabels labels;
  std::vector<Series> series;
};
/// Panels side by side.
std::string DrawLines(const std::vector<LineFigure>& figures);

/// Contours of a loss over two weights, the directions of steepest descent, and the way of a
/// training.
struct SurfaceFigure {
  ChartLabels labels;
  Grid loss;
  struct Path {
    std::string name;
    std::vector<Point> points;
  };
  std::vector<Path> paths;
};
std::string DrawSurface(const SurfaceFigure& figure);

/// Small pictures in a grid: activation maps of neurons, or weights as images.
struct Tile {
  std::string title;
  int width = 0, height = 0;
  std::vector<double> values;  ///< rows from top
  Range range;                 ///< shown from the low to the high end of the colour map
  std::vector<LabelledPoint> points = {};
  Range x = {0, 1}, y = {0, 1};  ///< of the points
};
struct TileFigure {
  std::string title;
  std::vector<Tile> tiles;
  int columns = 8;
  double tile_size = 104;
  bool diverging = true;  ///< orange-white-blue; else dark to bright
};
std::string DrawTiles(const TileFigure& figure);

/// Images with what was predicted; wrong predictions are marked.
struct PredictedImage {
  int width = 0, height = 0;
  std::vector<double> pixels;  ///< 0..1, rows from top
  std::string predicted, actual;
  double probability = 0;
};
std::string DrawPredictions(const std::string& title, const std::vector<PredictedImage>& images,
                            int columns);

/// Images in a grid, without words.
struct ImageFigure {
  std::string title;
  int width = 0, height = 0;                ///< of each image, in pixels
  std::vector<std::vector<double>> images;  ///< 0 (paper) to 1 (ink), rows from top
  int columns = 16;
};
std::string DrawImages(const ImageFigure& figure);

/// counts[actual][predicted]
std::string DrawConfusion(const std::string& title, const std::vector<std::string>& classes,
                          const std::vector<std::vector<double>>& counts);

}  // namespace descent::plot

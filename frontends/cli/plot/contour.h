// Contour lines of a function sampled on a grid, by marching squares.
#pragma once

#include <span>
#include <vector>

#include "frontends/cli/plot/chart.h"

namespace descent::plot {

/// Samples values[row * columns + column] at evenly spaced points, first row at y.low.
struct Grid {
  Range x, y;
  int columns = 0, rows = 0;
  std::vector<double> values;

  Point At(int column, int row) const;
  double Value(int column, int row) const { return values[row * columns + column]; }
};

/// Line segments (pairs of points, in data coordinates) where the function crosses `level`. Cells
/// with a value that is not finite have none.
std::vector<std::pair<Point, Point>> Contour(const Grid& grid, double level);

/// `count` levels between the extremes, evenly spaced in value or, where the values span decades,
/// in logarithm.
std::vector<double> ContourLevels(const Grid& grid, int count);

}  // namespace descent::plot

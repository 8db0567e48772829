#include "frontends/cli/plot/contour.h"

#include <cmath>

namespace descent::plot {
namespace {

struct Corner {
  Point at;
  double value;
};

Point Crossing(const Corner& a, const Corner& b, double level) {
  const double t = (level - a.value) / (b.value - a.value);
  return {a.at.x + t * (b.at.x - a.at.x), a.at.y + t * (b.at.y - a.at.y)};
}

void CellContour(const Corner (&corners)[4], double level,
                 std::vector<std::pair<Point, Point>>& segments) {
  std::vector<Point> crossings;
  for (int edge = 0; edge < 4; ++edge) {
    const Corner &a = corners[edge], &b = corners[(edge + 1) % 4];
    if (!std::isfinite(a.value)) return;
    if ((a.value < level) != (b.value < level)) crossings.push_back(Crossing(a, b, level));
  }
  if (crossings.size() == 2) segments.emplace_back(crossings[0], crossings[1]);
  if (crossings.size() < 4) return;
  // A saddle: the value in the middle decides which corners belong together.
  const double middle =
      (corners[0].value + corners[1].value + corners[2].value + corners[3].value) / 4;
  const bool joined = (middle < level) == (corners[0].value < level);
  segments.emplace_back(crossings[joined ? 0 : 3], crossings[joined ? 1 : 0]);
  segments.emplace_back(crossings[joined ? 2 : 1], crossings[joined ? 3 : 2]);
}

}  // namespace

Point Grid::At(int column, int row) const {
  return {x.low + x.extent() * column / (columns - 1), y.low + y.extent() * row / (rows - 1)};
}

std::vector<std::pair<Point, Point>> Contour(const Grid& grid, double level) {
  std::vector<std::pair<Point, Point>> segments;
  for (int row = 0; row + 1 < grid.rows; ++row) {
    for (int column = 0; column + 1 < grid.columns; ++column) {
      const auto corner = [&](int c, int r) {
        return Corner{grid.At(column + c, row + r), grid.Value(column + c, row + r)};
      };
      CellContour({corner(0, 0), corner(1, 0), corner(1, 1), corner(0, 1)}, level, segments);
    }
  }
  return segments;
}

std::vector<double> ContourLevels(const Grid& grid, int count) {
  const Range range = Range::Of(grid.values);
  const bool decades = range.low > 0 && range.high / range.low > 50;
  std::vector<double> levels;
  for (int i = 1; i <= count; ++i) {
    const double t = i / (count + 1.0);
    levels.push_back(decades ? range.low * std::pow(range.high / range.low, t)
                             : range.low + t * range.extent());
  }
  return levels;
}

}  // namespace descent::plot

#include "frontends/cli/plot/figures.h"

#include <gtest/gtest.h>

#include <cmath>

#include "frontends/cli/plot/color.h"
#include "frontends/cli/plot/png.h"

namespace descent::plot {
namespace {

/// x^2 + y^2 over [-2, 2]^2.
Grid Bowl(int resolution) {
  Grid grid{{-2, 2}, {-2, 2}, resolution, resolution, {}};
  for (int row = 0; row < resolution; ++row)
    for (int column = 0; column < resolution; ++column) {
      const Point at = grid.At(column, row);
      grid.values.push_back(at.x * at.x + at.y * at.y);
    }
  return grid;
}

TEST(Contour, FollowsACircle) {
  const auto segments = Contour(Bowl(81), 1.0);
  double length = 0;
  for (const auto& [from, to] : segments) {
    EXPECT_NEAR(std::hypot(from.x, from.y), 1, 1e-3);
    length += std::hypot(from.x - to.x, from.y - to.y);
  }
  EXPECT_NEAR(length, 2 * M_PI, 0.01);
}

TEST(Contour, ASaddleGivesTwoSegmentsThatDoNotCross) {
  const Grid saddle{{0, 1}, {0, 1}, 2, 2, {1, 0, 0, 1}};
  const auto segments = Contour(saddle, 0.4);
  ASSERT_EQ(segments.size(), 2u);
  // The middle (0.5) is above the level, so the corners of value 0 are cut off.
  for (const auto& [from, to] : segments)
    EXPECT_NEAR(std::hypot(from.x - to.x, from.y - to.y), 0.4 * M_SQRT2, 1e-9);
}

TEST(Contour, LeavesOutCellsThatAreNotFinite) {
  Grid grid = Bowl(3);
  grid.values.assign(9, NAN);
  EXPECT_TRUE(Contour(grid, 1).empty());
}

TEST(Chart, TicksAreRoundAndInside) {
  EXPECT_EQ(Ticks({0, 1}, 5), (std::vector<double>{0, 0.2, 0.4, 0.6000000000000001, 0.8, 1}));
  EXPECT_EQ(Ticks({-5, 5}, 5), (std::vector<double>{-4, -2, 0, 2, 4}));
  EXPECT_EQ(Ticks({3, 3}, 5), (std::vector<double>{3}));
}

TEST(Png, IsWhatTheSpecificationSays) {
  const unsigned char pixel[] = {255, 0, 0};
  const std::string png = EncodePng(1, 1, pixel);
  EXPECT_EQ(png.substr(0, 8), "\x89PNG\r\n\x1a\n");
  EXPECT_EQ(png.substr(12, 4), "IHDR");
  EXPECT_EQ(png.substr(png.size() - 8, 4), "IEND");
  // RFC 4648, section 10.
  EXPECT_EQ(Base64("foobar"), "Zm9vYmFy");
  EXPECT_EQ(Base64("fooba"), "Zm9vYmE=");
  EXPECT_EQ(Base64("foob"), "Zm9vYg==");
}

TEST(Color, DivergingEndsAreThePalettesOrangeAndBlue) {
  EXPECT_EQ(ToHex(Diverging(0)), kOrange);
  EXPECT_EQ(ToHex(Diverging(1)), kBlue);
  EXPECT_EQ(ToHex(Diverging(2)), kBlue);
}

int Count(std::string_view text, std::string_view word) {
  int count = 0;
  for (size_t at = text.find(word); at != std::string_view::npos; at = text.find(word, at + 1))
    ++count;
  return count;
}

TEST(Figures, TextIsEscaped) {
  const std::string svg = DrawTiles({.title = "a<b & \"c\"", .tiles = {}});
  EXPECT_NE(svg.find("a&lt;b &amp; &quot;c&quot;"), std::string::npos);
  EXPECT_EQ(svg.find("a<b"), std::string::npos);
}

TEST(Figures, BoundaryDrawsEveryPointAndTheContour) {
  BoundaryPanel panel{.title = "bowl", .prediction = Bowl(40), .points = {}};
  for (int i = 0; i < 25; ++i)
    panel.points.push_back({{0.1 * i - 1, 0}, static_cast<double>(i % 2)});
  const std::string svg = DrawBoundaries({panel, panel});
  EXPECT_EQ(Count(svg, "<circle"), 2 * 25 + 2);  // and two in the key
  EXPECT_EQ(Count(svg, "<image"), 2);
  EXPECT_TRUE(svg.ends_with("</svg>\n"));
}

TEST(Figures, WrongPredictionsAreMarked) {
  const PredictedImage right{2, 2, {0, 1, 0, 1}, "bag", "bag", 0.9};
  const PredictedImage wrong{2, 2, {0, 1, 0, 1}, "shirt", "coat", 0.6};
  const std::string svg = DrawPredictions("test", {right, wrong}, 2);
  EXPECT_EQ(Count(svg, "stroke-dasharray"), 1);
  EXPECT_NE(svg.find("(coat)"), std::string::npos);
  EXPECT_EQ(svg.find("(bag)"), std::string::npos);
}

TEST(Figures, ImagesStandInRows) {
  const std::vector<double> image = {0, 1, 0, 1};
  const std::string svg = DrawImages(
      {.title = "three", .width = 2, .height = 2, .images = {image, image, image}, .columns = 2});
  EXPECT_EQ(Count(svg, "<image"), 3);
  EXPECT_NE(svg.find("height=\"156\""), std::string::npos);  // two rows
}

TEST(Figures, LogarithmicLinesLeaveOutWhatIsNotPositive) {
  LineFigure figure{
      .labels = {.title = "loss", .x_label = "epoch", .y_label = "loss", .logarithmic_y = true},
      .series = {{.name = "train", .points = {{0, 1}, {1, 0}, {2, 0.01}}}}};
  const std::string svg = DrawLines({figure});
  EXPECT_EQ(svg.find("nan"), std::string::npos);
  EXPECT_EQ(svg.find("inf"), std::string::npos);
}

TEST(Figures, LogarithmicAxesHaveRoundTicks) {
  const LineFigure figure{.labels = {.title = "error",
                                     .x_label = "neurons",
                                     .y_label = "error",
                                     .logarithmic_x = true,
                                     .logarithmic_y = true},
                          .series = {{.name = "rms", .points = {{4, 0.4}, {64, 0.03}}}}};
  const std::string svg = DrawLines({figure});
  for (const char* tick : {">5<", ">10<", ">20<", ">50<", ">0.05<", ">0.1<", ">0.2<"})
    EXPECT_NE(svg.find(tick), std::string::npos) << tick;
  EXPECT_EQ(Count(svg, "<circle"), 2);  // few points are dots
}

TEST(Figures, PanelsStandInRowsAndLegendsBelow) {
  EXPECT_EQ((PanelGrid{3, 100, 50}.width()), 300);
  EXPECT_EQ((PanelGrid{4, 100, 50}.width()), 200);
  EXPECT_EQ((PanelGrid{5, 100, 50}.height()), 100);
  EXPECT_EQ((PanelGrid{4, 100, 50}.At(2).y), 50);
  const LegendEntry entries[] = {{"one", "#000000"}, {"two", "#000000"}};
  EXPECT_GT(LegendHeight(entries, 100), LegendHeight(entries, 400));  // two rows, one row
  EXPECT_EQ(LegendHeight({}, 400), 0);
}

TEST(Figures, LinesOfOneMeasureShareItsAxis) {
  const auto figure = [](const char* title, const char* measure, double high) {
    return LineFigure{.labels = {.title = title, .x_label = "epoch", .y_label = measure},
                      .series = {{.name = "net", .points = {{0, 0}, {1, high}}}}};
  };
  const auto ticks = [](const std::string& svg) { return Count(svg, ">20<"); };
  EXPECT_EQ(ticks(DrawLines({figure("training", "loss", 1), figure("validation", "loss", 20)})), 2);
  EXPECT_EQ(ticks(DrawLines({figure("loss", "loss", 1), figure("accuracy", "accuracy", 20)})), 1);
}

}  // namespace
}  // namespace descent::plot

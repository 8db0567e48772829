// Figures over the plane of two features, and of weights.
#include <algorithm>
#include <cmath>

#include "frontends/cli/plot/gather.h"
#include "frontends/cli/plot/log.h"

namespace descent::plot {
namespace {

constexpr int kResolution = 96;

/// The data of a subject, which must have two features, and points of the plane around it.
struct Plane {
  runtime::Dataset data;  ///< training rows
  std::vector<LabelledPoint> points;
  std::vector<std::string> axes;  ///< what the features are called
  Grid grid;                      ///< values are to be filled
  Table grid_features;
};

/// The names of single-valued features where the data has them, else `usual`.
std::vector<std::string> AxesOf(const runtime::Dataset& data,
                                const std::vector<std::string>& usual) {
  std::vector<std::string> names;
  for (const runtime::Column& column : data.columns)
    if (column.role == runtime::ColumnRole::kFeature) names.push_back(column.name);
  return data.named && names.size() == usual.size() ? names : usual;
}

Result<Plane> MakePlane(TrainedModel& model, const std::string& spec) {
  DESCENT_TRY(loaded, model.LoadRows(spec));
  DESCENT_TRY(features, model.Features(loaded.data));
  DESCENT_TRY(labels, model.Labels(loaded.data));
  if (features.row_elements() != 2)
    return Error("this figure needs two features; {} has {}", loaded.data.origin,
                 features.row_elements());
  std::vector<double> x, y;
  Plane plane{
      .data = std::move(loaded.data), .points = {}, .axes = {}, .grid = {}, .grid_features = {}};
  plane.axes = AxesOf(plane.data, {"x1", "x2"});
  for (int64_t row = 0; row < features.rows; ++row) {
    x.push_back(features.At(row, 0));
    y.push_back(features.At(row, 1));
    plane.points.push_back({{x.back(), y.back()}, labels.At(row, 0)});
  }
  plane.grid = {Range::Of(x).Padded(0.08), Range::Of(y).Padded(0.08), kResolution, kResolution, {}};
  plane.grid_features = {
      .rows = int64_t{kResolution} * kResolution, .row_shape = {2}, .values = {}};
  for (int row = 0; row < kResolution; ++row)
    for (int column = 0; column < kResolution; ++column) {
      const Point at = plane.grid.At(column, row);
      plane.grid_features.values.insert(plane.grid_features.values.end(), {at.x, at.y});
    }
  return plane;
}

std::string TitleOf(const Subject& subject, const TrainedModel& model) {
  return subject.title.empty() ? model.name() : subject.title;
}

Range LabelRange(const std::vector<LabelledPoint>& points) {
  std::vector<double> labels;
  for (const LabelledPoint& point : points) labels.push_back(point.label);
  return Range::Of(labels);
}

}  // namespace

Result<BoundaryPanel> GatherBoundary(const Subject& subject) {
  DESCENT_TRY(model, TrainedModel::Load(subject.source));
  if (model.model().predictions.empty()) return Error("the model predicts nothing");
  const Prediction prediction = model.model().predictions[0];
  DESCENT_TRY(plane, MakePlane(model, subject.data));
  DESCENT_TRY(table,
              model.Predict(model.WithFeatures(plane.data, plane.grid_features), prediction.name));
  const bool two_classes = prediction.kind == PredictionKind::kProbabilities;
  if (two_classes ? table.row_elements() != 2 : table.row_elements() != 1)
    return Error("a decision boundary needs one probability or value for each row; {} has {}",
                 Quoted(prediction.name), table.row_elements());
  BoundaryPanel panel{.title = TitleOf(subject, model),
                      .prediction = plane.grid,
                      .points = plane.points,
                      .regression = prediction.kind == PredictionKind::kValue};
  panel.x_label = plane.axes[0];
  panel.y_label = plane.axes[1];
  if (const runtime::Column* label = plane.data.label(); label->class_names.size() == 2)
    std::ranges::copy(label->class_names, panel.classes.begin());
  for (int64_t row = 0; row < table.rows; ++row)
    panel.prediction.values.push_back(table.At(row, two_classes ? 1 : 0));
  if (panel.regression) panel.value_range = LabelRange(plane.points);
  return panel;
}

Result<LineFigure> GatherFit(const Subject& subject) {
  constexpr int64_t kSteps = 200;
  DESCENT_TRY(model, TrainedModel::Load(subject.source));
  if (model.model().predictions.empty()) return Error("the model predicts nothing");
  const std::string prediction = model.model().predictions[0].name;
  DESCENT_TRY(loaded, model.LoadRows(subject.data));
  DESCENT_TRY(features, model.Features(loaded.data));
  DESCENT_TRY(labels, model.Labels(loaded.data));
  if (features.row_elements() != 1)
    return Error("this figure needs one feature; {} has {}", loaded.data.origin,
                 features.row_elements());
  Series data{.name = "data", .points = {}, .dots = true, .color = 1};
  Series fit{.name = prediction, .points = {}, .color = 0};
  for (int64_t row = 0; row < features.rows; ++row)
    data.points.push_back({features.At(row, 0), labels.At(row, 0)});
  const Range range = Range::Of(features.values);
  Table along{.rows = kSteps + 1, .row_shape = {1}, .values = {}};
  for (int64_t i = 0; i <= kSteps; ++i)
    along.values.push_back(range.low + range.extent() * static_cast<double>(i) / kSteps);
  DESCENT_TRY(table, model.Predict(model.WithFeatures(loaded.data, along), prediction));
  if (table.row_elements() != 1)
    return Error("{} has {} values for each row, not one", Quoted(prediction),
                 table.row_elements());
  for (int64_t i = 0; i <= kSteps; ++i) fit.points.push_back({along.values[i], table.At(i, 0)});
  const std::string& label = loaded.data.label()->name;
  return LineFigure{.labels = {.title = TitleOf(subject, model),
                               .x_label = AxesOf(loaded.data, {"x"})[0],
                               .y_label = label == "label" || !loaded.data.named ? "y" : label},
                    .series = {std::move(data), std::move(fit)}};
}

Result<TileFigure> GatherNeurons(const Subject& subject, const std::string& layer) {
  Subject with_layer = subject;
  with_layer.source.hidden = {layer};
  DESCENT_TRY(model, TrainedModel::Load(with_layer.source));
  DESCENT_TRY(plane, MakePlane(model, subject.data));
  DESCENT_TRY(table, model.Predict(model.WithFeatures(plane.data, plane.grid_features), layer));
  TileFigure figure{.title = fmt::format("{}: neurons of {}", TitleOf(subject, model), layer),
                    .tiles = {},
                    .columns = 4,
                    .tile_size = 180};
  const Range range = Range::Of(table.values);
  for (int64_t unit = 0; unit < table.row_elements(); ++unit) {
    Tile tile{.title = fmt::format("{}[{}]", layer, unit),
              .width = kResolution,
              .height = kResolution,
              .values = {},
              .range = range,
              .points = plane.points,
              .x = plane.grid.x,
              .y = plane.grid.y};
    for (int row = kResolution; row-- > 0;)  // images start at the top
      for (int column = 0; column < kResolution; ++column)
        tile.values.push_back(table.At(int64_t{row} * kResolution + column, unit));
    figure.tiles.push_back(std::move(tile));
  }
  return figure;
}

Result<TileFigure> GatherWeights(const Subject& subject, const std::string& parameter,
                                 int64_t most) {
  DESCENT_TRY(model, TrainedModel::Load(subject.source));
  DESCENT_TRY(table, model.Parameter(parameter));
  const auto side = table.row_shape.size() == 2
                        ? static_cast<int64_t>(std::lround(std::sqrt(table.row_shape[0])))
                        : 0;
  if (side * side == 0 || side * side != table.row_shape[0])
    return Error("{} is no matrix [pixels of a square image, units]", Quoted(parameter));
  const int64_t units = table.row_shape[1];
  const int64_t shown = std::min(units, most);
  TileFigure figure{.title = subject.title.empty()
                                 ? fmt::format("{}: weights {}", model.name(), parameter)
                                 : subject.title,
                    .tiles = {},
                    .columns = shown % 8 == 0 ? 8 : 5};
  for (int64_t unit = 0; unit < shown; ++unit) {
    Tile tile{.title = fmt::format("unit {}", unit),
              .width = static_cast<int>(side),
              .height = static_cast<int>(side),
              .values = {},
              .range = {}};
    double largest = 0;
    for (int64_t pixel = 0; pixel < side * side; ++pixel) {
      tile.values.push_back(table.values[pixel * units + unit]);
      largest = std::max(largest, std::abs(tile.values.back()));
    }
    tile.range = {-largest, largest};
    figure.tiles.push_back(std::move(tile));
  }
  return figure;
}

namespace {

/// Room around the paths and the center.
Range Extent(const std::vector<SurfaceFigure::Path>& paths, double Point::* coordinate,
             double center, std::optional<double> radius) {
  if (radius) return {center - *radius, center + *radius};
  std::vector<double> values = {center};
  for (const auto& path : paths)
    for (const Point& point : path.points) values.push_back(point.*coordinate);
  const Range range = Range::Of(values);
  return range.extent() > 0 ? range.Padded(0.35) : Range{center - 1, center + 1};
}

}  // namespace

Result<SurfaceFigure> GatherSurface(const Subject& subject, const SurfaceOptions& options) {
  DESCENT_TRY(model, TrainedModel::Load(subject.source));
  DESCENT_TRY(loaded, model.LoadRows(subject.data));
  DESCENT_TRY(x, model.GetElement(options.x, "--x"));
  DESCENT_TRY(y, model.GetElement(options.y, "--y"));
  SurfaceFigure figure{
      .labels = {.title = TitleOf(subject, model), .x_label = options.x, .y_label = options.y},
      .loss = {},
      .paths = {}};
  for (size_t i = 0; i < options.logs.size(); ++i) {
    DESCENT_TRY(log, ReadLog(options.logs[i]));
    DESCENT_TRY(points, log.Path(options.x, options.y));
    figure.paths.push_back(
        {i < options.names.size() ? options.names[i] : log.name, std::move(points)});
  }
  const Point center = options.center.value_or(Point{x, y});
  figure.loss = {Extent(figure.paths, &Point::x, center.x, options.radius),
                 Extent(figure.paths, &Point::y, center.y, options.radius),
                 options.resolution,
                 options.resolution,
                 {}};
  for (const Range& range : {figure.loss.x, figure.loss.y})
    if (!(range.extent() > 0) || !std::isfinite(range.extent()))
      return Error("nothing can be drawn from {} to {}: choose another --center or --radius",
                   range.low, range.high);
  for (int row = 0; row < options.resolution; ++row)
    for (int column = 0; column < options.resolution; ++column) {
      const Point at = figure.loss.At(column, row);
      DESCENT_RETURN_IF_ERROR(model.SetElement(options.x, at.x));
      DESCENT_RETURN_IF_ERROR(model.SetElement(options.y, at.y));
      DESCENT_TRY(loss, model.Loss(loaded.data));
      figure.loss.values.push_back(loss);
    }
  return figure;
}

}  // namespace descent::plot

// From models, checkpoints, data and logs to the figures of figures.h.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "frontends/cli/plot/figures.h"
#include "frontends/cli/plot/trained_model.h"

namespace descent::plot {

/// What is drawn, over which data: the SPEC of a trainer's --data.
struct Subject {
  TrainedModel::Source source;
  std::string data;
  std::string title;  ///< "" = the model's name
};

/// Needs two features. Probabilities get a contour at 0.5, values a surface in the range of the
/// labels.
Result<BoundaryPanel> GatherBoundary(const Subject& subject);

/// The data of one feature, and what the model predicts along it.
Result<LineFigure> GatherFit(const Subject& subject);

/// The activation map of every unit of the hidden value `layer` [batch, units] over two features.
Result<TileFigure> GatherNeurons(const Subject& subject, const std::string& layer);

/// The first columns of a parameter [pixels, units], at most `most`, as square images.
Result<TileFigure> GatherWeights(const Subject& subject, const std::string& parameter,
                                 int64_t most);

/// Mean loss over the data around the current values of two elements of parameters, such as "W1[0,
/// 1]". `logs` of trainings that tracked both give the paths and the extent.
struct SurfaceOptions {
  std::string x, y;
  std::vector<std::string> logs;
  std::vector<std::string> names;  ///< of the paths; "" = the log's name
  std::optional<Point> center;     ///< without it the current values
  std::optional<double> radius;    ///< half the extent; without it the paths decide
  int resolution = 48;
};
Result<SurfaceFigure> GatherSurface(const Subject& subject, const SurfaceOptions& options);

/// Lines over epochs from training logs: "loss", "validation.loss", "validation.accuracy", ... Of
/// one log, losses stand in one panel and each other name in its own; of several logs, each name
/// has a panel with a line for each log.
struct CurveOptions {
  std::vector<std::string> logs;
  std::vector<std::string> names;   ///< of the logs in the legend; "" = file name
  std::vector<std::string> series;  ///< "" = loss and validation.loss where there is one
  std::string over = "epoch";       ///< the lines of this event, and their member along x
  bool logarithmic_x = false, logarithmic_y = false;
};
Result<std::vector<LineFigure>> GatherCurves(const CurveOptions& options);

/// The outputs [n] of a model without a loss over its input [n]; a single one with its derivative.
Result<LineFigure> GatherFunction(const std::string& model, const Range& range);

/// The first `count` test images (training images where there is no test data) with the predicted
/// classes.
Result<std::vector<PredictedImage>> GatherPredictions(const Subject& subject, int count);

/// A value [batch, ...] with a square image for each of the first `most` test rows: what the model
/// predicts, or any other value of its graph. Numbers are shown from 0 to 1.
Result<ImageFigure> GatherImages(const Subject& subject, const std::string& value, int64_t most);

struct Confusion {
  std::vector<std::string> classes;
  std::vector<std::vector<double>> counts;  ///< [actual][predicted]
};
Result<Confusion> GatherConfusion(const Subject& subject);

}  // namespace descent::plot

// Figures of a classifier: images with predictions, confusion matrix.
#include <algorithm>
#include <cmath>

#include "frontends/cli/plot/gather.h"

namespace descent::plot {
namespace {

/// Test data where the source has some, else its training data.
struct Examples {
  runtime::Dataset data;
  Table labels;
  Table probabilities;
  std::vector<std::string> classes;
};

int64_t Best(const Table& table, int64_t row) {
  int64_t best = 0;
  for (int64_t i = 1; i < table.row_elements(); ++i)
    if (table.At(row, i) > table.At(row, best)) best = i;
  return best;
}

Result<Examples> Classify(TrainedModel& model, const std::string& spec, int64_t most_rows) {
  const auto prediction = std::ranges::find(model.model().predictions,
                                            PredictionKind::kProbabilities, &Prediction::kind);
  if (prediction == model.model().predictions.end())
    return Error("the model predicts no probabilities of classes");
  DESCENT_TRY(data, model.LoadTestRows(spec, most_rows));
  DESCENT_TRY(labels, model.Labels(data));
  DESCENT_TRY(probabilities, model.Predict(data, prediction->name));
  std::vector<std::string> classes = data.label()->class_names;
  for (int64_t i = static_cast<int64_t>(classes.size()); i < probabilities.row_elements(); ++i)
    classes.push_back(fmt::format("{}", i));
  return Examples{std::move(data), std::move(labels), std::move(probabilities), std::move(classes)};
}

}  // namespace

Result<std::vector<PredictedImage>> GatherPredictions(const Subject& subject, int count) {
  DESCENT_TRY(model, TrainedModel::Load(subject.source));
  DESCENT_TRY(examples, Classify(model, subject.data, count));
  DESCENT_TRY(features, model.Features(examples.data));
  DESCENT_TRY(side, SideOf(features));
  const double scale = std::max(1e-30, Range::Of(features.values).high);
  std::vector<PredictedImage> images;
  for (int64_t row = 0; row < features.rows; ++row) {
    const int64_t best = Best(examples.probabilities, row);
    PredictedImage image{
        .width = side,
        .height = side,
        .pixels = {},
        .predicted = examples.classes[best],
        .actual = examples.classes[static_cast<int64_t>(examples.labels.At(row, 0))],
        .probability = examples.probabilities.At(row, best)};
    for (int64_t pixel = 0; pixel < features.row_elements(); ++pixel)
      image.pixels.push_back(features.At(row, pixel) / scale);
    images.push_back(std::move(image));
  }
  return images;
}

Result<Confusion> GatherConfusion(const Subject& subject) {
  DESCENT_TRY(model, TrainedModel::Load(subject.source));
  DESCENT_TRY(examples, Classify(model, subject.data, INT64_MAX));
  const size_t n = examples.classes.size();
  Confusion confusion{examples.classes, std::vector(n, std::vector<double>(n, 0))};
  for (int64_t row = 0; row < examples.data.rows; ++row)
    ++confusion.counts[static_cast<size_t>(examples.labels.At(row, 0))]
                      [Best(examples.probabilities, row)];
  return confusion;
}

}  // namespace descent::plot

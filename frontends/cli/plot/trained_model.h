// TrainedModel: a model compiled into this process, with the state of a checkpoint (or a fresh
// one), asked about rows of data. What figures are drawn from.
//
//   DESCENT_TRY(model, TrainedModel::Load({.model = "m.descent", .checkpoint = "c.safetensors"}));
//   DESCENT_TRY(rows, model.LoadRows("circle"));
//   DESCENT_TRY(table, model.Predict(rows.train, "yhat"));
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "ir/diagnostic.h"
#include "ir/model.h"
#include "runtime/checkpoint.h"
#include "runtime/data/source.h"
#include "runtime/overwrite.h"
#include "runtime/program.h"

namespace descent::plot {

/// Numbers by row.
struct Table {
  int64_t rows = 0;
  std::vector<int64_t> row_shape;
  std::vector<double> values;  ///< row-major [rows, row_shape]

  int64_t row_elements() const;
  double At(int64_t row, int64_t element) const { return values[row * row_elements() + element]; }
};

/// Pixels along a side of the square image that each row is.
Result<int> SideOf(const Table& table);

class TrainedModel {
 public:
  struct Source {
    std::string model;                ///< file
    std::string checkpoint;           ///< safetensors; "": initialized from `seed`
    std::vector<std::string> hidden;  ///< graph values to predict besides the model's predictions
    int64_t seed = 1;
    std::vector<runtime::NamedFile>* files = nullptr;  ///< gets those that the model consists of
  };
  static Result<TrainedModel> Load(const Source& source);
  TrainedModel(TrainedModel&&) noexcept;
  ~TrainedModel();

  const Model& model() const;
  /// What the model is called in titles.
  const std::string& name() const { return model().name; }

  /// Data of the specification of --data.
  Result<runtime::LoadedData> LoadRows(const std::string& data) const;
  /// The first of its test rows, at most `most`; of training rows where it has no others.
  Result<runtime::Dataset> LoadTestRows(const std::string& data, int64_t most) const;
  /// The columns that feed the model's one input of features, as plain numbers.
  Result<Table> Features(const runtime::Dataset& data) const;
  /// The label column as numbers.
  Result<Table> Labels(const runtime::Dataset& data) const;
  /// A data set whose feature columns are those of `like` with the values of `features`, and whose
  /// label is 0.
  runtime::Dataset WithFeatures(const runtime::Dataset& like, const Table& features) const;

  /// Output `name` of the entry point predict, for every row.
  Result<Table> Predict(const runtime::Dataset& data, const std::string& name);
  /// The same of one call on the first rows of the data, at most a batch. Where the value does not
  /// depend on the data, as images that a model makes up, its first axis holds the rows.
  Result<Table> PredictOnce(const runtime::Dataset& data, const std::string& name);
  /// Mean loss over all rows, with the state as it is.
  Result<double> Loss(const runtime::Dataset& data);

  /// A parameter's current values.
  Result<Table> Parameter(const std::string& name) const;
  /// One element "w1" or "W1[0, 2]" of a parameter; errors name the option that asks for it.
  Result<double> GetElement(const std::string& element, std::string_view option) const;
  Result<void> SetElement(const std::string& element, double value);

 private:
  struct Parts;
  explicit TrainedModel(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace descent::plot

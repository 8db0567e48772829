// Images that a model makes.
#include <algorithm>

#include "frontends/cli/plot/gather.h"

namespace descent::plot {

Result<ImageFigure> GatherImages(const Subject& subject, const std::string& value, int64_t most) {
  TrainedModel::Source source = subject.source;
  source.hidden = {value};
  DESCENT_TRY(model, TrainedModel::Load(source));
  DESCENT_TRY(rows, model.LoadTestRows(subject.data, most));
  DESCENT_TRY(table, model.PredictOnce(rows, value));
  DESCENT_TRY(side, SideOf(table));
  ImageFigure figure{.title = subject.title.empty() ? value : subject.title,
                     .width = side,
                     .height = side,
                     .images = {}};
  const auto size = static_cast<std::ptrdiff_t>(table.row_elements());
  for (int64_t row = 0; row < std::min(table.rows, most); ++row) {
    const auto first = table.values.begin() + row * size;
    figure.images.emplace_back(first, first + size);
  }
  return figure;
}

}  // namespace descent::plot

#include "compiler/prediction_hash.h"

#include <algorithm>
#include <vector>

#include "compiler/graph/specialize.h"
#include "ir/io/model_hash.h"

namespace descent {
namespace {

/// The entry point that shows what the parameters are for.
std::string EntryOf(const Model& source) {
  const std::vector<std::string> entries = EntryPoints(source);
  for (const char* entry : {"predict", "evaluate"})
    if (std::ranges::find(entries, entry) != entries.end()) return entry;
  return "run";
}

void ForgetTraining(Model& model) {
  model.name.clear();
  model.keep_partial_batch = false;
  std::erase_if(model.slots,
                [&](const Slot& slot) { return model.graph.FindInput(slot.name) == nullptr; });
  for (Slot& slot : model.slots)
    slot = {.name = slot.name, .type = slot.type, .kind = slot.kind, .initializer = {}, .next = ""};
}

}  // namespace

Result<std::string> PredictionHash(const Model& source) {
  if (!source.entry.empty()) return ModelHash(source);
  const auto of_rows = [&](int64_t rows) {
    return Specialize(
        source,
        {.entry = EntryOf(source), .batch = rows, .evaluate_batch = rows, .predict_batch = rows});
  };
  auto model = of_rows(source.batch > 0 ? 1 : 0);
  if (!model) model = of_rows(source.batch);
  if (!model) return ModelHash(source);
  ForgetTraining(*model);
  return ModelHash(*model);
}

}  // namespace descent

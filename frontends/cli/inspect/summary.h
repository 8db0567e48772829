// `descent inspect MODEL`: one line for each value, then totals.
#pragma once

#include <string>

#include "frontends/cli/inspect/json_writer.h"
#include "ir/model.h"

namespace descent::cli {

/// What a model consists of, for the text and the JSON summary.
struct Summary {
  struct Row {
    std::string value, op, type;
    int64_t parameters = 0;  ///< elements of the parameters that it is the first to read
    int64_t flops = 0;       ///< one call of the forward graph
  };
  struct EntryCost {
    std::string name;
    int64_t batch = 0;
    int64_t nodes = 0;
    int64_t flops = 0;
  };
  const Model* model = nullptr;
  std::vector<Row> rows;
  int64_t trainable = 0, fixed = 0;  ///< elements of parameters
  int64_t parameter_bytes = 0;
  int64_t optimizer_bytes = 0;
  int64_t flops = 0;
  std::vector<EntryCost> entries;  ///< of source models
};

Result<Summary> Summarize(const Model& model);
std::string SummaryText(const Summary& summary);
void WriteSummary(const Summary& summary, JsonWriter& json);

}  // namespace descent::cli

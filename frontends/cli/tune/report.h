// What `descent tune` prints.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "frontends/cli/tune/search.h"

namespace descent::cli {

/// All contractions of a step that one line of a tuning fits.
struct TunedRow {
  std::string name;       ///< of the kernel that is called first, without the model's prefix
  std::string key;        ///< KeyOf
  int64_t calls = 0;      ///< those in loops as often as they run
  bool searched = false;  ///< else it takes too little of the time to matter
  SearchResult result;
};

/// Seconds of a whole step, the least of all turns: what else the machine does only adds.
struct StepTurns {
  double usual = 0, tuned = 0;
  int64_t turns = 0, slower = 0;  ///< those in which the tuned step took longer
};

struct TuneReport {
  std::string model, entry, target;
  int64_t batch = 0, threads = 0;
  std::vector<TunedRow> rows;      ///< the longest first
  std::optional<StepTurns> steps;  ///< where something was chosen
  bool kept = false;               ///< the choices are written
};

std::string ReportText(const TuneReport& report);

}  // namespace descent::cli

// Reading the JSONL logs that trainers write (docs/trainer.md).
#pragma once

#include <map>
#include <string>
#include <vector>

#include "frontends/cli/plot/svg.h"
#include "ir/diagnostic.h"

namespace descent::plot {

struct Log {
  /// Flat members of one line: "loss", "validation.accuracy", "parameters.W1[0,1]", without spaces.
  struct Line {
    std::string event;  ///< "step" or "epoch"
    std::map<std::string, double, std::less<>> numbers;
  };
  std::string path, name;  ///< name: the file's, without folder and suffix
  std::vector<Line> lines;

  /// (x, y) of every line of the event that has both.
  std::vector<Point> Series(std::string_view event, std::string_view x, std::string_view y) const;
  /// The way of two tracked parameters over the steps.
  Result<std::vector<Point>> Path(const std::string& x, const std::string& y) const;
};

Result<Log> ReadLog(const std::string& path);

}  // namespace descent::plot

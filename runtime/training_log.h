// TrainingLog: one JSON object a line, appended as training goes.
//
//   {"event":"step","step":12,"epoch":1,"loss":0.4312,"parameters":{"w1":0.25}}
//   {"event":"epoch","step":469,"epoch":1,"loss":0.52,"learning_rate":0.001,"validation":{"loss":0.41,"accuracy":0.85}}
//
// An epoch's loss is the mean over its training rows. A number that is not finite is null. No line
// holds a time, so equal runs write equal logs; after Resume(s) the file holds exactly the lines up
// to step s. Appending allocates nothing once the line buffer has its size.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "runtime/checkpoint.h"
#include "runtime/evaluation.h"
#include "runtime/file.h"

namespace descent::runtime {

/// A scalar of the state that each step line shows: "w1", or an element "W1[0, 2]" of a tensor.
struct Tracked {
  std::string name;
  const descent_slot* slot;
  int64_t element;  ///< its row-major number
};
/// Each of `names`, the values of `option`, may be a list, "b,W1[0,2]".
Result<std::vector<Tracked>> FindTracked(const Program& program,
                                         const std::vector<std::string>& names,
                                         std::string_view option = "--track");

class TrainingLog {
 public:
  /// Replaces what was there.
  static Result<TrainingLog> Create(const std::string& path, std::vector<Tracked> tracked);
  /// Cuts the file to the lines up to `step` and goes on after them.
  static Result<TrainingLog> Resume(const std::string& path, int64_t step,
                                    std::vector<Tracked> tracked);

  /// `loss` is absent before the first step.
  Result<void> Step(const Progress& progress, std::optional<double> loss, const State& state);
  Result<void> Epoch(const Progress& progress, double learning_rate,
                     std::span<const Metric> validation);

 private:
  TrainingLog(std::string path, Descriptor file, std::vector<Tracked> tracked)
      : path_(std::move(path)), file_(std::move(file)), tracked_(std::move(tracked)) {}
  Result<void> Write();
  void Number(double value);

  std::string path_;
  Descriptor file_;
  std::vector<Tracked> tracked_;
  fmt::memory_buffer line_;
};

}  // namespace descent::runtime

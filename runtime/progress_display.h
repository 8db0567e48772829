// ProgressDisplay: what training shows. On a terminal a bar on standard error, redrawn ten times a
// second; one line an epoch on standard output (of many epochs, about 25 evenly chosen ones).
// Allocates nothing once its buffer has its size.
#pragma once

#include <fmt/format.h>

#include <chrono>
#include <cstdint>
#include <span>
#include <string_view>

#include "runtime/checkpoint.h"
#include "runtime/evaluation.h"

namespace descent::runtime {

class ProgressDisplay {
 public:
  struct Facts {
    bool quiet = false;
    int64_t epochs = 0, batches_per_epoch = 1;
  };
  explicit ProgressDisplay(const Facts& facts);

  void Step(const Progress& progress, double loss, int64_t rows);
  /// After `progress.epoch` epochs.
  void Epoch(const Progress& progress, std::span<const Metric> validation);
  /// A line on standard output; removes the bar. Shown even when quiet if `important`.
  void Line(std::string_view text, bool important);

  /// Did all lines reach standard output?
  bool has_shown_all() const { return has_shown_all_; }
  double seconds() const;
  int64_t rows() const { return rows_; }
  int64_t steps() const { return batches_; }

 private:
  void ShowLine();
  void DrawBar(const Progress& progress, double loss);
  void ClearBar();

  Facts facts_;
  bool bar_;  ///< standard error is a terminal and we are not quiet
  bool drawn_ = false, has_shown_all_ = true;
  int64_t rows_ = 0, batches_ = 0;
  std::chrono::steady_clock::time_point start_, drawn_at_;
  double shown_metric_ = 0;
  std::string_view shown_metric_name_;
  fmt::memory_buffer text_;
};

}  // namespace descent::runtime

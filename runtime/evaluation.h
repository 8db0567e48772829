// Evaluation: the model's metrics over a set of rows.
//
// The entry `evaluate` gives sums over a batch's valid rows; they are added in f64 over all
// batches, in order, and the entry `metrics` turns them into values. So a metric does not depend on
// how the rows fall into batches beyond rounding, and a partial last batch counts only its own
// rows.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "runtime/data/feed.h"
#include "runtime/program.h"

namespace descent::runtime {

/// One metric after a Run: a scalar, or [k, k] counts of (true class, predicted class).
struct Metric {
  const descent_output* output;
  const std::byte* values;

  std::string_view name() const { return output->tensor.name; }
  int64_t elements() const;
  double At(int64_t i) const;
};

class Evaluator {
 public:
  /// `prepared` may be null when the model has no data inputs. It and `rows` must outlive the
  /// evaluator.
  static Result<std::unique_ptr<Evaluator>> Make(const Program& program, const Executor& executor,
                                                 const PreparedData* prepared,
                                                 const std::vector<int64_t>& rows);

  /// Status word, 0 when good. Allocates nothing. `observer` may be null.
  uint32_t Run(const State& state, const descent_observer* observer = nullptr);

  /// Valid after Run, in the model's order; the loss is among them.
  std::span<const Metric> metrics() const { return metrics_; }
  double loss() const { return loss_ ? loss_->At(0) : 0; }

 private:
  Evaluator(EntryCall evaluate, EntryCall metrics)
      : evaluate_(std::move(evaluate)), finish_(std::move(metrics)) {}
  void AddSums();

  EntryCall evaluate_, finish_;
  const Executor* executor_ = nullptr;
  const std::vector<int64_t>* rows_ = nullptr;
  Feed feed_;
  std::vector<int64_t>
      sums_;  ///< positions of evaluate's outputs, in the order of finish_'s inputs
  std::vector<Metric> metrics_;
  const Metric* loss_ = nullptr;
};

/// Four decimals, or three significant digits where that would show too little or too much.
void AppendNumber(fmt::memory_buffer& text, double value);

/// "accuracy 0.8912\n"; a square matrix as a table with class names (numbers where there are none).
std::string MetricText(const Metric& metric, const std::vector<std::string>& class_names);

/// {"loss": 0.32, ..., "classes": ["cat", ...]}
std::string MetricsJson(std::span<const Metric> metrics,
                        const std::vector<std::string>& class_names);

}  // namespace descent::runtime

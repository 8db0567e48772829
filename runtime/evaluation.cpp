#include "runtime/evaluation.h"

#include <algorithm>
#include <cmath>
#include <iterator>

#include "runtime/dtype.h"
#include "runtime/json.h"

namespace descent::runtime {
namespace {

constexpr size_t kMaxNameWidth = 12;

std::string ClassName(int64_t index, const std::vector<std::string>& names) {
  std::string name =
      index < static_cast<int64_t>(names.size()) ? names[index] : fmt::format("{}", index);
  return name.substr(0, kMaxNameWidth);
}

std::string MatrixText(const Metric& metric, const std::vector<std::string>& class_names) {
  int64_t size = metric.output->tensor.dims[0];
  size_t width = 6;
  for (int64_t i = 0; i < size; ++i) width = std::max(width, ClassName(i, class_names).size());
  for (int64_t i = 0; i < size * size; ++i) {
    width = std::max(width, fmt::formatted_size("{:.0f}", metric.At(i)));
  }
  std::string text =
      fmt::format("{} (rows: true class, columns: predicted)\n{:{}}", metric.name(), "", width);
  for (int64_t i = 0; i < size; ++i)
    text += fmt::format(" {:>{}}", ClassName(i, class_names), width);
  for (int64_t row = 0; row < size; ++row) {
    text += fmt::format("\n{:>{}}", ClassName(row, class_names), width);
    for (int64_t column = 0; column < size; ++column) {
      text += fmt::format(" {:>{}.0f}", metric.At(row * size + column), width);
    }
  }
  return text + "\n";
}

bool IsMatrix(const Metric& metric) {
  const descent_tensor& tensor = metric.output->tensor;
  return tensor.rank == 2 && tensor.dims[0] == tensor.dims[1];
}

std::string JsonNumber(double value) {
  return std::isfinite(value) ? fmt::format("{}", value) : "null";
}

std::string JsonValues(const Metric& metric) {
  if (metric.output->tensor.rank == 0) return JsonNumber(metric.At(0));
  int64_t columns = metric.output->tensor.dims[metric.output->tensor.rank - 1];
  bool matrix = IsMatrix(metric);
  std::string text = "[";
  for (int64_t i = 0; i < metric.elements(); ++i) {
    if (i > 0) text += ", ";
    if (matrix && i % columns == 0) text += "[";
    text += JsonNumber(metric.At(i));
    if (matrix && i % columns == columns - 1) text += "]";
  }
  return text + "]";
}

}  // namespace

void AppendNumber(fmt::memory_buffer& text, double value) {
  const double size = std::abs(value);
  const bool fixed = size == 0 || (size >= 0.001 && size < 1e6);
  // The sign of a NaN means nothing.
  fmt::format_to(std::back_inserter(text), fmt::runtime(fixed ? "{:.4f}" : "{:.3g}"),
                 std::isnan(value) ? size : value);
}

int64_t Metric::elements() const { return ElementCount(output->tensor); }
double Metric::At(int64_t i) const { return NumberAt(output->tensor.dtype, values, i); }

Result<std::unique_ptr<Evaluator>> Evaluator::Make(const Program& program, const Executor& executor,
                                                   const PreparedData* prepared,
                                                   const std::vector<int64_t>& rows) {
  const descent_entry* evaluate = program.Find("evaluate");
  const descent_entry* finish = program.Find("metrics");
  if (!evaluate || !finish) {
    return FailWith(ExitStatus::kUnsupported, "",
                    "model {} was compiled without evaluate and metrics, so it cannot be evaluated",
                    Quoted(program.name()));
  }
  auto evaluate_call = EntryCall::Make(*evaluate, executor);
  if (!evaluate_call) return std::unexpected(evaluate_call.error());
  auto finish_call = EntryCall::Make(*finish, executor);
  if (!finish_call) return std::unexpected(finish_call.error());
  std::unique_ptr<Evaluator> evaluator(
      new Evaluator(*std::move(evaluate_call), *std::move(finish_call)));
  evaluator->executor_ = &executor;
  evaluator->rows_ = &rows;
  for (int64_t i = 0; i < evaluate->output_count; ++i) {
    if (evaluate->outputs[i].kind == DESCENT_OUTPUT_METRIC_SUMS) evaluator->sums_.push_back(i);
  }
  bool match = static_cast<int64_t>(evaluator->sums_.size()) == finish->input_count;
  for (int64_t i = 0; match && i < finish->input_count; ++i) {
    const descent_tensor& sums = evaluate->outputs[evaluator->sums_[i]].tensor;
    match = sums.dtype == DESCENT_F64 && finish->inputs[i].tensor.dtype == DESCENT_F64 &&
            ElementCount(sums) == ElementCount(finish->inputs[i].tensor);
  }
  if (!match) return FailWith(ExitStatus::kInternal, "", "entries evaluate and metrics do not fit");
  if (evaluate->input_count > 0) {
    auto feed = Feed::Make(evaluator->evaluate_, *prepared, rows);
    if (!feed) return std::unexpected(feed.error());
    evaluator->feed_ = *std::move(feed);
  }
  for (int64_t i = 0; i < finish->output_count; ++i) {
    evaluator->metrics_.push_back({&finish->outputs[i], evaluator->finish_.output(i)});
  }
  for (const Metric& metric : evaluator->metrics_) {
    if (metric.name() == "loss") evaluator->loss_ = &metric;
  }
  return evaluator;
}

void Evaluator::AddSums() {
  for (size_t i = 0; i < sums_.size(); ++i) {
    auto* total = reinterpret_cast<double*>(finish_.input(static_cast<int64_t>(i)));
    auto* batch = reinterpret_cast<const double*>(evaluate_.output(sums_[i]));
    int64_t count = ElementCount(evaluate_.entry().outputs[sums_[i]].tensor);
    for (int64_t e = 0; e < count; ++e) total[e] += batch[e];
  }
}

uint32_t Evaluator::Run(const State& state, const descent_observer* observer) {
  for (size_t i = 0; i < sums_.size(); ++i) {
    std::memset(finish_.input(static_cast<int64_t>(i)), 0,
                static_cast<size_t>(ByteCount(finish_.entry().inputs[i].tensor)));
  }
  int64_t batch = evaluate_.entry().batch;
  int64_t rows = batch > 0 ? static_cast<int64_t>(rows_->size()) : 1;
  uint32_t status = 0;
  for (int64_t first = 0; first < rows; first += std::max<int64_t>(batch, 1)) {
    int64_t valid = std::min(std::max<int64_t>(batch, 1), rows - first);
    if (batch > 0) feed_.Fill(std::span(*rows_).subspan(first, valid), *executor_);
    status |= evaluate_.Run(state, valid, observer);
    AddSums();
  }
  return status | finish_.Run(state, 0);
}

std::string MetricText(const Metric& metric, const std::vector<std::string>& class_names) {
  if (IsMatrix(metric)) return MatrixText(metric, class_names);
  fmt::memory_buffer text;
  text.append(metric.name());
  for (int64_t i = 0; i < metric.elements(); ++i) {
    text.push_back(' ');
    AppendNumber(text, metric.At(i));
  }
  text.push_back('\n');
  return fmt::to_string(text);
}

std::string MetricsJson(std::span<const Metric> metrics,
                        const std::vector<std::string>& class_names) {
  std::string text = "{";
  for (const Metric& metric : metrics) {
    text += JsonString(metric.name()) + ": " + JsonValues(metric) + ", ";
  }
  return text + "\"classes\": " + JsonStrings(class_names) + "}";
}

}  // namespace descent::runtime

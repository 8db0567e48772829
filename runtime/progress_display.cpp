#include "runtime/progress_display.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <iterator>

#include "runtime/file.h"

namespace descent::runtime {
namespace {

constexpr int64_t kShownEpochs = 25;
constexpr int kBarWidth = 24, kLeastBarWidth = 8;
constexpr auto kRedraw = std::chrono::milliseconds(100);

/// What is shown is a courtesy: a full disk does not end training, only its exit status is another.
bool Show(int fd, std::string_view text) { return WriteAll(fd, BytesOf(text)); }

/// Of the terminal; it may change at any time.
int Columns() {
  winsize size = {};
  const bool known = ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 1;
  return known ? size.ws_col : 80;
}

/// The first scalar beside the loss.
const Metric* Headline(std::span<const Metric> metrics) {
  for (const Metric& metric : metrics) {
    if (metric.elements() == 1 && metric.name() != "loss") return &metric;
  }
  return nullptr;
}

}  // namespace

ProgressDisplay::ProgressDisplay(const Facts& facts)
    : facts_(facts),
      bar_(!facts.quiet && isatty(STDERR_FILENO)),
      start_(std::chrono::steady_clock::now()),
      drawn_at_(start_ - kRedraw) {}

double ProgressDisplay::seconds() const {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
}

void ProgressDisplay::Step(const Progress& progress, double loss, int64_t rows) {
  rows_ += rows;
  ++batches_;
  if (!bar_) return;
  auto now = std::chrono::steady_clock::now();
  if (now - drawn_at_ < kRedraw) return;
  drawn_at_ = now;
  DrawBar(progress, loss);
}

void ProgressDisplay::DrawBar(const Progress& progress, double loss) {
  double part = static_cast<double>(progress.batch) / static_cast<double>(facts_.batches_per_epoch);
  int64_t left = facts_.epochs * facts_.batches_per_epoch -
                 (progress.epoch * facts_.batches_per_epoch + progress.batch);
  double spent = seconds();
  auto eta = static_cast<int64_t>(spent / static_cast<double>(batches_) *
                                  static_cast<double>(std::max<int64_t>(left, 0)));
  fmt::memory_buffer facts;  // beside the bar
  fmt::format_to(std::back_inserter(facts), " loss ");
  AppendNumber(facts, loss);
  if (!shown_metric_name_.empty()) {
    fmt::format_to(std::back_inserter(facts), "  {} {:.4f}", shown_metric_name_, shown_metric_);
  }
  fmt::format_to(std::back_inserter(facts), "  {:.0f} samples/s  ETA {}:{:02}",
                 static_cast<double>(rows_) / spent, eta / 60, eta % 60);
  text_.clear();
  fmt::format_to(std::back_inserter(text_), "epoch {}/{}", progress.epoch + 1, facts_.epochs);
  const auto taken = static_cast<int>(text_.size() + facts.size()) + 4;
  const int width = std::min(kBarWidth, Columns() - taken);
  if (width >= kLeastBarWidth) {
    const auto filled = static_cast<int>(part * width);
    fmt::format_to(std::back_inserter(text_), " [{:=>{}}{:{}}]", "", filled, "", width - filled);
  }
  text_.append(facts);
  // A line that wraps could not be taken back.
  text_.resize(std::min(text_.size(), static_cast<size_t>(Columns() - 1)));
  Show(STDERR_FILENO, "\r\033[K");
  Show(STDERR_FILENO, {text_.data(), text_.size()});
  drawn_ = true;
}

void ProgressDisplay::ClearBar() {
  if (drawn_) Show(STDERR_FILENO, "\r\033[K");
  drawn_ = false;
}

void ProgressDisplay::ShowLine() {
  if (!Show(STDOUT_FILENO, {text_.data(), text_.size()})) has_shown_all_ = false;
}

void ProgressDisplay::Epoch(const Progress& progress, std::span<const Metric> validation) {
  if (const Metric* metric = Headline(validation)) {
    shown_metric_name_ = metric->name();
    shown_metric_ = metric->At(0);
  }
  int64_t stride = (facts_.epochs + kShownEpochs - 1) / kShownEpochs;
  bool shown =
      progress.epoch % std::max<int64_t>(stride, 1) == 0 || progress.epoch == facts_.epochs;
  if (facts_.quiet || !shown) return;
  text_.clear();
  auto width = static_cast<int>(fmt::formatted_size("{}", facts_.epochs));
  fmt::format_to(std::back_inserter(text_), "epoch {:{}}/{}  loss ", progress.epoch, width,
                 facts_.epochs);
  AppendNumber(text_, progress.epoch_loss);
  std::string_view separator = "  validation ";
  for (const Metric& metric : validation) {
    if (metric.elements() != 1) continue;
    fmt::format_to(std::back_inserter(text_), "{}{} ", separator, metric.name());
    AppendNumber(text_, metric.At(0));
    separator = "  ";
  }
  text_.push_back('\n');
  ClearBar();
  ShowLine();
}

void ProgressDisplay::Line(std::string_view text, bool important) {
  if (facts_.quiet && !important) return;
  ClearBar();
  text_.clear();
  fmt::format_to(std::back_inserter(text_), "{}\n", text);
  ShowLine();
}

}  // namespace descent::runtime

#include "frontends/cli/tune/report.h"

#include <fmt/format.h>

#include <algorithm>

#include "compiler/tuning.h"

namespace descent::cli {
namespace {

/// How much longer the first takes than the second, in percent.
double Percent(double usual, double tuned) { return 100 * (usual / tuned - 1); }

std::string RowText(const TunedRow& row, size_t width) {
  const SearchResult& result = row.result;
  const double calls = static_cast<double>(row.calls);
  std::string text = fmt::format("{:{}} {:6} {:10.2f} ", row.name, width, row.calls,
                                 result.usual_seconds * calls * 1e6);
  if (!row.searched) return text + fmt::format("{:>10} {:>7} {:>8}\n", "-", "-", "-");
  const double percent = Percent(result.usual_seconds, result.seconds);
  text += fmt::format("{:10.2f} {:6.1f}% {:8}", result.seconds * calls * 1e6, percent,
                      std::ssize(result.others) + 1);
  return text + (percent == 0 ? "\n" : fmt::format("  {}\n", ToString(result.choice)));
}

}  // namespace

std::string ReportText(const TuneReport& report) {
  std::string text = fmt::format("{}: {}{}, {}, {}\n\n", report.model, report.entry,
                                 report.batch > 0 ? fmt::format(" of batch {}", report.batch) : "",
                                 Counted(report.threads, "thread"), report.target);
  size_t width = 12;
  for (const TunedRow& row : report.rows) width = std::max(width, row.name.size());
  text += fmt::format("{:{}} {:>6} {:>10} {:>10} {:>7} {:>8}  choice\n", "contraction", width,
                      "calls", "us", "tuned us", "gain", "versions");
  double usual = 0, tuned = 0;
  for (const TunedRow& row : report.rows) {
    text += RowText(row, width);
    usual += row.result.usual_seconds * static_cast<double>(row.calls);
    tuned += row.result.seconds * static_cast<double>(row.calls);
  }
  if (report.rows.empty()) return text + "there are none\n";
  text += fmt::format("\ncontractions  {:.4g} ms, tuned {:.4g} ms: {:.1f}% are to gain\n",
                      usual * 1e3, tuned * 1e3, Percent(usual, tuned));
  if (!report.steps) return text + "the cost model's schedules are the fastest that were found\n";
  const StepTurns& steps = *report.steps;
  text += fmt::format("step          {:.4g} ms, tuned {:.4g} ms: {:.1f}% gained; the best of {}\n",
                      steps.usual * 1e3, steps.tuned * 1e3, Percent(steps.usual, steps.tuned),
                      Counted(steps.turns, "turn"));
  if (!report.kept) text += "the step takes longer in every turn, so no choice is kept\n";
  return text;
}

}  // namespace descent::cli

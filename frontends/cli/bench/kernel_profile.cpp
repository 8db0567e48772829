#include "frontends/cli/bench/kernel_profile.h"

#include <algorithm>
#include <map>

#include "compiler/kernel/schedule.h"

namespace descent::cli {
namespace {

/// A kernel call, and how often an entry point runs it.
struct NumberedCall {
  const KernelCall* call;
  int64_t times;
};

/// In the order of the step tree, as the compiled program numbers them.
void Collect(const std::vector<Step>& steps, int64_t times, std::vector<NumberedCall>& calls) {
  for (const Step& step : steps) {
    if (const auto* call = std::get_if<KernelCall>(&step.what)) calls.push_back({call, times});
    const auto* loop = std::get_if<Loop>(&step.what);
    for (const std::vector<Step>* inner : InnerSteps(step))
      Collect(*inner, loop == nullptr ? times : times * loop->trip_count, calls);
  }
}

std::string ValuesOf(const KernelCall& call, const Kernel& kernel) {
  std::vector<std::string> names = call.names.covered;
  if (names.empty())
    for (std::string& node : CoveredNodes(kernel))
      if (!node.starts_with('%')) names.push_back(std::move(node));
  return fmt::format("{}", fmt::join(names, " "));
}

}  // namespace

std::vector<KernelRow> KernelRows(const KernelProgram& program, const EntryProgram& entry,
                                  const CallProfile& profile) {
  std::vector<NumberedCall> calls;
  Collect(entry.steps, 1, calls);
  std::map<int, KernelRow> rows;
  for (size_t number = 0; number < calls.size(); ++number) {
    const auto [call, times] = calls[number];
    const Kernel& kernel = program.kernels[call->kernel];
    KernelRow& row = rows[call->kernel];
    if (row.calls == 0) {
      row.name = kernel.name.substr(program.prefix.size() + 1);
      row.values = ValuesOf(*call, kernel);
    }
    row.calls += times;
    row.seconds += number < profile.calls.size() ? profile.calls[number] : 0;
    row.flops += static_cast<double>(kernel.flops) * static_cast<double>(times);
    row.bytes += static_cast<double>(TrafficBytes(kernel)) * static_cast<double>(times);
  }
  std::vector<KernelRow> sorted;
  for (auto& [kernel, row] : rows) {
    const double least = std::max(row.flops / (profile.peaks.fma_gflops * 1e9),
                                  row.bytes / (profile.peaks.stream_gbytes * 1e9));
    row.roofline_share = row.seconds > 0 ? least / row.seconds : 0;
    sorted.push_back(std::move(row));
  }
  std::ranges::stable_sort(sorted, std::greater<>(), &KernelRow::seconds);
  return sorted;
}

std::string PrintProfile(const std::vector<KernelRow>& rows, const CallProfile& profile) {
  constexpr size_t kValuesWidth = 48;
  double total = profile.between;
  for (const KernelRow& row : rows) total += row.seconds;
  std::string text = fmt::format(
      "\n{} steps; roofline: {:.1f} GFLOP/s, {:.1f} GB/s\n\n{:24} {:>6} {:>10} {:>6} {:>9} {:>8} "
      "{:>9}  values\n",
      profile.steps, profile.peaks.fma_gflops, profile.peaks.stream_gbytes, "kernel", "calls", "us",
      "share", "GFLOP/s", "GB/s", "roofline");
  for (const KernelRow& row : rows) {
    const double per_nanosecond = row.seconds > 0 ? 1e-9 / row.seconds : 0;
    text += fmt::format(
        "{:24} {:6} {:10.2f} {:5.1f}% {:9.1f} {:8.1f} {:8.1f}%  {}\n", row.name, row.calls,
        row.seconds * 1e6, 100 * row.seconds / total, row.flops * per_nanosecond,
        row.bytes * per_nanosecond, 100 * row.roofline_share,
        row.values.size() <= kValuesWidth ? row.values
                                          : row.values.substr(0, kValuesWidth - 3) + "...");
  }
  return text + fmt::format("{:24} {:6} {:10.2f} {:5.1f}%\n", "between kernels", "",
                            profile.between * 1e6, 100 * profile.between / total);
}

}  // namespace descent::cli

#include "frontends/cli/bench/report.h"

#include "frontends/cli/inspect/json_writer.h"

namespace descent::cli {
namespace {

double Mebibytes(int64_t bytes) { return static_cast<double>(bytes) / (1 << 20); }

/// Of the model, so that computing a value twice makes no step look better.
double Gflops(const BenchReport& report) {
  return static_cast<double>(report.flops) / report.measured.median * 1e-9;
}

double PeakShare(const BenchReport& report) {
  return Gflops(report) / report.measured.peaks.fma_gflops;
}

/// Four significant digits.
double Rounded(double value) { return std::stod(fmt::format("{:.4g}", value)); }

void WriteKernel(JsonWriter& json, const KernelRow& row) {
  json.BeginObject();
  json.Key("kernel").String(row.name);
  json.Key("values").String(row.values);
  json.Key("calls").Integer(row.calls);
  json.Key("us").Number(Rounded(row.seconds * 1e6));
  json.Key("gflops").Number(Rounded(row.flops / row.seconds * 1e-9));
  json.Key("gbytes").Number(Rounded(row.bytes / row.seconds * 1e-9));
  json.Key("roofline_share").Number(Rounded(row.roofline_share));
  json.EndObject();
}

void WriteProfile(JsonWriter& json, const BenchReport& report) {
  json.Key("between_us").Number(Rounded(report.profile.between * 1e6));
  json.Key("stream_gbytes").Number(Rounded(report.profile.peaks.stream_gbytes));
  json.Key("kernels").BeginArray();
  for (const KernelRow& row : report.kernels) WriteKernel(json, row);
  json.EndArray();
}

}  // namespace

std::string ReportText(const BenchReport& report) {
  const Measurement& m = report.measured;
  std::string text = fmt::format("{}: {}{}, {}, {}\n", report.workload, report.entry,
                                 m.batch > 0 ? fmt::format(" of batch {}", m.batch) : "",
                                 Counted(m.threads, "thread"), report.target);
  text += fmt::format("  step     {:.4g} ms, the median of {}; the fastest took {:.4g} ms\n",
                      m.median * 1e3, m.steps, m.least * 1e3);
  text += fmt::format(
      "  rate     {:.4g} GFLOP/s, {:.1f}% of the FMA peak of {:.4g} ({:.4g} of one thread); "
      "{:.4g} GFLOP; its {} {} {:.4g}\n",
      Gflops(report), 100 * PeakShare(report), m.peaks.fma_gflops, m.peaks.fma_gflops_1,
      static_cast<double>(report.flops) * 1e-9, Counted(m.kernels, "kernel call"),
      m.kernels == 1 ? "does" : "do", static_cast<double>(m.kernel_flops) * 1e-9);
  text +=
      fmt::format("  compile  {:.2f} s, all entry points and linking\n", report.compile_seconds);
  text += fmt::format("  start    {:.1f} ms to the end of the first step\n", m.start * 1e3);
  text +=
      fmt::format("  memory   {:.1f} MiB at most: state {:.1f}, arena {:.1f}, all scratch {:.1f}\n",
                  static_cast<double>(m.rss_kib) / 1024, Mebibytes(m.state_bytes),
                  Mebibytes(m.arena_bytes), Mebibytes(m.scratch_bytes));
  text += fmt::format("  checked  {:.6g}: the first {}, as without fusion\n",
                      fmt::join(report.first, ", "),
                      report.entry == "train_step" ? "losses" : "results");
  return report.kernels.empty() ? text : text + PrintProfile(report.kernels, report.profile);
}

std::string ReportJson(const BenchReport& report) {
  const Measurement& m = report.measured;
  JsonWriter json(JsonLayout::kOneLine);
  json.BeginObject();
  json.Key("workload").String(report.workload);
  json.Key("entry").String(report.entry);
  json.Key("target").String(report.target);
  json.Key("threads").Integer(m.threads);
  json.Key("batch").Integer(m.batch);
  json.Key("ms").Number(Rounded(m.median * 1e3));
  json.Key("ms_min").Number(Rounded(m.least * 1e3));
  json.Key("steps").Integer(m.steps);
  json.Key("compile_s").Number(Rounded(report.compile_seconds));
  json.Key("start_ms").Number(Rounded(m.start * 1e3));
  json.Key("rss_mib").Number(Rounded(static_cast<double>(m.rss_kib) / 1024));
  json.Key("state_mib").Number(Rounded(Mebibytes(m.state_bytes)));
  json.Key("arena_mib").Number(Rounded(Mebibytes(m.arena_bytes)));
  json.Key("scratch_mib").Number(Rounded(Mebibytes(m.scratch_bytes)));
  json.Key("parameters").Integer(m.parameters);
  json.Key("kernel_calls").Integer(m.kernels);
  json.Key("flops").Integer(report.flops);
  json.Key("kernel_flops").Integer(m.kernel_flops);
  json.Key("gflops").Number(Rounded(Gflops(report)));
  json.Key("peak_gflops").Number(Rounded(m.peaks.fma_gflops));
  json.Key("peak_gflops_1").Number(Rounded(m.peaks.fma_gflops_1));
  json.Key("peak_share").Number(Rounded(PeakShare(report)));
  json.Key("first").BeginArray();
  for (const double figure : report.first) json.Number(figure);
  json.EndArray();
  json.Key("loss").Number(m.loss);
  if (!report.kernels.empty()) WriteProfile(json, report);
  json.EndObject();
  return std::move(json).Finish();
}

}  // namespace descent::cli

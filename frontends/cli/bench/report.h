// What `descent bench` prints.
#pragma once

#include <string>
#include <vector>

#include "frontends/cli/bench/bench_program.h"
#include "frontends/cli/bench/kernel_profile.h"

namespace descent::cli {

struct BenchReport {
  std::string workload, entry, target;
  double compile_seconds = 0;
  int64_t flops = 0;  ///< that the model means; those of its kernels are in `measured`
  Measurement measured;
  std::vector<double> first;  ///< figures of the first calls
  CallProfile profile;
  std::vector<KernelRow> kernels;  ///< empty unless asked for
};

std::string ReportText(const BenchReport& report);
/// One line. The keys are in docs/performance.md.
std::string ReportJson(const BenchReport& report);

}  // namespace descent::cli

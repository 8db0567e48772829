// Where the time of an entry point goes, kernel by kernel, and how near each comes to the roofline.
#pragma once

#include <string>
#include <vector>

#include "compiler/kernel/program.h"
#include "frontends/cli/bench/bench_program.h"

namespace descent::cli {

/// All calls of one kernel. Kernels that several layers share are one row.
struct KernelRow {
  std::string name;    ///< without the model's prefix
  std::string values;  ///< that its first call computes, as far as the model names them
  int64_t calls = 0;   ///< those in loops as often as they run
  double seconds = 0;
  double flops = 0, bytes = 0;  ///< of all calls
  /// What the roofline, the slower of all flops at the peak and all bytes at the speed of a copy,
  /// takes of the time. Data that is still in a cache may come faster.
  double roofline_share = 0;
};

/// By time, the longest first.
std::vector<KernelRow> KernelRows(const KernelProgram& program, const EntryProgram& entry,
                                  const CallProfile& profile);

std::string PrintProfile(const std::vector<KernelRow>& rows, const CallProfile& profile);

}  // namespace descent::cli

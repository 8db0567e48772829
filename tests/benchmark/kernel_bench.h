// Benchmarks of single kernels on one core, beside the measured FMA peak.
#pragma once

#include <string>
#include <vector>

#include "compiler/kernel/program.h"

namespace descent {

struct KernelCase {
  std::string name;
  Kernel kernel;  ///< scheduled when it is run
};

/// GFLOP/s of each; the command line is Google Benchmark's.
void RunKernelBenchmarks(int argc, char** argv, const std::vector<KernelCase>& cases);

}  // namespace descent

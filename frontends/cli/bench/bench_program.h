// BenchProgram: a compiled model as an executable that measures itself (runtime/bench), in a
// process of its own, so that neither LLVM's memory nor its start-up counts.
//
//   DESCENT_TRY(program, BenchProgram::Write(compilation, options, folder.File("bench")));
//   DESCENT_TRY(measurement, program.Time({"train_step", 2}, 3.0));
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "compiler/compile.h"
#include "runtime/interrupt.h"

namespace descent::cli {

/// What the machine can do with the threads of a run.
struct MachinePeaks {
  double fma_gflops = 0;     ///< multiply-adds of all threads
  double fma_gflops_1 = 0;   ///< of one
  double stream_gbytes = 0;  ///< copying a block as large as what the model works on, a second
};

struct Measurement {
  double median = 0, least = 0;  ///< seconds of a call
  int64_t steps = 0;
  double loss = 0;   ///< of the last call; NaN where there is none
  double start = 0;  ///< seconds from the start of the process to the end of its first call
  int64_t rss_kib = 0;
  int64_t threads = 0, batch = 0, kernels = 0, kernel_flops = 0;
  int64_t parameters = 0;  ///< numbers in them
  int64_t state_bytes = 0, arena_bytes = 0, scratch_bytes = 0;
  MachinePeaks peaks;
};

/// Seconds of each kernel call, by number, and between them: medians, each of its own.
struct CallProfile {
  std::vector<double> calls;
  double between = 0;
  int64_t steps = 0;
  MachinePeaks peaks;
};

/// What the first calls give, for each start: the usual one, then those that differ from it by the
/// last bits of parameters and data.
using FirstFigures = std::vector<std::vector<double>>;

class BenchProgram {
 public:
  struct Run {
    std::string entry;
    int64_t threads = 0;  ///< 0: one per core
  };

  /// `watch` ends a run early, and must outlive the program, as the file at `path` must.
  static Result<BenchProgram> Write(const Compilation& compilation, CompileOptions options,
                                    std::string path, const runtime::InterruptWatch& watch);

  Result<FirstFigures> Figures(const Run& run, int moves) const;
  Result<Measurement> Time(const Run& run, double seconds) const;
  /// The fastest step, in seconds, and nothing else.
  Result<double> FastestStep(const Run& run, double seconds) const;
  /// Of a program that was compiled with CompileOptions::reports_calls.
  Result<CallProfile> Profile(const Run& run, double seconds) const;

 private:
  BenchProgram(std::string path, const runtime::InterruptWatch& watch)
      : path_(std::move(path)), watch_(&watch) {}

  std::string path_;
  const runtime::InterruptWatch* watch_;
};

}  // namespace descent::cli

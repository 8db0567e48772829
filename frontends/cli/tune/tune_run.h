// One run of `descent tune`: all contractions of an entry point, then the whole step.
#pragma once

#include "compiler/compile.h"
#include "compiler/tuning.h"
#include "frontends/cli/bench/bench_program.h"
#include "frontends/cli/temporary_folder.h"
#include "frontends/cli/tune/report.h"
#include "runtime/interrupt.h"

namespace descent::cli {

struct TuneSetting {
  BenchProgram::Run run;
  double seconds = 0;
  bool quiet = false;           ///< no progress on standard error
  bool lists_versions = false;  ///< and there each version with its time
};

struct TuneOutcome {
  TuneReport report;
  Tuning tuning;  ///< for the target, without lines where nothing is gained
};

/// `options` are those of the compilation without a tuning. An interrupt gives a kInterrupted
/// diagnostic, a target that this CPU cannot run another one.
Result<TuneOutcome> RunTune(const Model& model, CompileOptions options, const TuneSetting& setting,
                            TemporaryFolder folder, const runtime::InterruptWatch& watch);

}  // namespace descent::cli

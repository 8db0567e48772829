#include "frontends/cli/run/execution_flags.h"

#include "frontends/cli/compile_flags.h"

namespace descent::cli {

std::vector<Option> ExecutionFlags::Options(std::string_view what) {
  return {{.names = "--compiled",
           .value = "",
           .doc = fmt::format("compile {} into this process (the default)", what),
           .destination = &compiled},
          {.names = "--interpreter",
           .value = "",
           .doc = "run the reference interpreter instead: slow, and the truth",
           .destination = &interpreter},
          SeedOption(&seed, "seed of initializers and random operators (default 1)"),
          {.names = "--threads",
           .value = "N",
           .doc = "threads of compiled code (default 1)",
           .destination = &threads,
           .minimum = 1},
          {.names = "--weights,--checkpoint",
           .value = "FILE",
           .doc = "state instead of the initializers: a safetensors file, or a trainer's "
                  "checkpoint (of a model that predicts otherwise, with a warning)",
           .destination = &weights,
           .completion = Completion::kFile}};
}

Result<void> ExecutionFlags::Check() const {
  if (!compiled || !interpreter) return {};
  return UsageError("--compiled and --interpreter exclude each other");
}

void ExecutionFlags::Fill(ExecutionRequest& request) const {
  request.weights = weights;
  request.seed = seed;
  request.threads = threads;
}

Result<Values> ExecutionFlags::Run(const Execution& execution, bool trace) const {
  return interpreter ? RunInterpreted(execution, trace) : RunCompiled(execution, trace);
}

}  // namespace descent::cli

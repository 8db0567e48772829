#include "frontends/cli/run/execution_flags.h"

#include <algorithm>
#include <iterator>

#include "frontends/cli/compile_flags.h"

namespace descent::cli {

Option CheckMemoryOption(bool* destination) {
  return {.names = "--check-memory",
          .value = "",
          .doc =
              "look for kernels that touch memory outside of their tensors: slow; what is found "
              "is a bug of Descent, exit status 70",
          .destination = destination};
}

std::vector<Option> ExecutionFlags::Options(std::string_view what) {
  std::vector<Option> options = {
      {.names = "--compiled",
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
      CheckMemoryOption(&check_memory)};
  std::ranges::move(weights.Options("--weights,--checkpoint", "state instead of the initializers"),
                    std::back_inserter(options));
  return options;
}

Result<void> ExecutionFlags::Check() const {
  if (compiled && interpreter) return UsageError("--compiled and --interpreter exclude each other");
  if (check_memory && interpreter)
    return UsageError("--check-memory checks compiled kernels, and the interpreter runs none");
  return weights.Check();
}

void ExecutionFlags::Fill(ExecutionRequest& request) const {
  request.weights = weights;
  request.seed = seed;
  request.threads = threads;
  request.check_memory = check_memory;
}

Result<Values> ExecutionFlags::Run(const Execution& execution, bool trace) const {
  return interpreter ? RunInterpreted(execution, trace) : RunCompiled(execution, trace);
}

}  // namespace descent::cli

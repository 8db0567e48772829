// Where the time of a compilation goes: graph passes, lowering, code generation, linking.
//
//   build/bin/compile_bench [MODEL [TARGET]]     (default:
//   docs/examples/fashion-mnist/model.descent)

#include <fmt/format.h>

#include <chrono>

#include "compiler/codegen/codegen.h"
#include "compiler/codegen/link.h"
#include "compiler/graph/pipeline.h"
#include "compiler/kernel/lower_model.h"
#include "ir/io/model_file.h"

namespace descent {
namespace {

class Stopwatch {
 public:
  void Report(std::string_view what) {
    const auto now = std::chrono::steady_clock::now();
    const double wall = std::chrono::duration<double>(now - wall_).count();
    const std::clock_t clock = std::clock();
    fmt::print("{:14} {:7.1f} ms, of this thread {:7.1f} ms\n", what, 1e3 * wall,
               1e3 * static_cast<double>(clock - cpu_) / CLOCKS_PER_SEC);
    wall_ = std::chrono::steady_clock::now();
    cpu_ = std::clock();
  }

 private:
  std::chrono::steady_clock::time_point wall_ = std::chrono::steady_clock::now();
  std::clock_t cpu_ = std::clock();
};

Result<void> Run(const std::string& path, std::string_view target_name) {
  Stopwatch watch;
  DESCENT_TRY(target, ResolveTarget(target_name));
  DESCENT_TRY(source, ReadModel(path));
  KernelProgram program{.name = source.name, .prefix = source.name};
  program.model_hash = program.prediction_hash = std::string(64, '0');
  std::vector<Model> optimized;
  for (const char* entry : {"train_step", "initialize", "evaluate", "predict", "metrics"}) {
    PipelineOptions options{.pass = {.entry = entry}};
    auto model = RunPasses(source, StandardPasses(source), options);
    if (!model) {
      fmt::print("{} left out: {}\n", entry, model.error().message);
      continue;
    }
    optimized.push_back(*std::move(model));
  }
  watch.Report("graph passes");
  LayoutState(optimized[0], program);
  for (const Model& model : optimized) {
    DESCENT_TRY(entry, LowerEntry(model, program, {.target = target->facts}));
    program.entries.push_back(std::move(entry));
  }
  watch.Report("lowering");
  const TargetedProgram programs[] = {{&program, target}};
  DESCENT_TRY(objects, EmitObjects(programs));
  watch.Report("objects");
  auto linked = LinkExecutable(objects, "/tmp/descent_compile_bench");
  watch.Report("link");
  fmt::print("{} kernels\n", program.kernels.size());
  for (const Kernel& kernel : program.kernels)
    fmt::print("  {} {} stages, {} parameters, {} tiles, {} flops\n", kernel.name,
               kernel.stages.size(), kernel.parameters.size(), kernel.schedule.tiles, kernel.flops);
  return linked;
}

}  // namespace
}  // namespace descent

int main(int argc, char** argv) {
  std::vector<std::string> arguments;
  for (int i = 1; i < argc; ++i)
    if (argv[i][0] != '-') arguments.emplace_back(argv[i]);  // options are other benchmarks'
  if (arguments.empty()) arguments.emplace_back(DESCENT_EXAMPLES "/fashion-mnist/model.descent");
  if (arguments.size() == 1) arguments.emplace_back("native");
  const auto result = descent::Run(arguments[0], arguments[1]);
  if (!result) fmt::print(stderr, "{}\n", result.error().ToString());
  return result ? 0 : 1;
}

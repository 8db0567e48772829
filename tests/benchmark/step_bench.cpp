// The kernels of a model's training step, each with its time, its rate and its share of the FMA
// peak, on one thread and on all; then the whole step, fused and not.
//
//   build/bin/step_bench [MODEL...]        (default: docs/examples/fashion-mnist/model.descent)
//
// Kernels are timed where they run: every call of the step is an entry point of its own over the
// step's memory, and the rounds go through all of them in order.

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <map>

#include "compiler/codegen/jit.h"
#include "compiler/compile.h"
#include "ir/io/model_file.h"
#include "runtime/executor.h"
#include "runtime/memory.h"
#include "tests/benchmark/fma_peak.h"

namespace descent {
namespace {

using runtime::BindCaller;
using runtime::Block;
using runtime::Executor;

constexpr int kRounds = 200;
constexpr const char* kStep = "train_step";

double Median(std::vector<double> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

/// Memory and data for the calls of one program.
class Bench {
 public:
  explicit Bench(const descent_program& program) : program_(program), state_(program.state_bytes) {
    for (int64_t i = 0; i < program.entry_count; ++i) {
      const descent_entry& entry = program.entries[i];
      fixed_bytes_ = std::max(fixed_bytes_, entry.fixed_scratch_bytes);
      worker_bytes_ = std::max(worker_bytes_, entry.worker_scratch_bytes);
    }
    const descent_entry& step = Find(kStep);
    for (int64_t i = 0; i < step.input_count; ++i) AddInput(step.inputs[i]);
    for (int64_t i = 0; i < step.output_count; ++i)
      AddBlock(BytesOf(step.outputs[i].tensor), outputs_);
  }

  const descent_entry& Find(std::string_view name) const {
    return *std::find_if(program_.entries, program_.entries + program_.entry_count,
                         [&](const descent_entry& entry) { return entry.name == name; });
  }

  void Initialize() {
    const descent_call call{.state = state_.data(), .scratch = scratch_.data()};
    Find("initialize").run(&call);
  }

  /// Median seconds of each entry point; a round runs all of them in order.
  std::vector<double> Time(const std::vector<const descent_entry*>& entries, Executor& executor) {
    scratch_ = Block(fixed_bytes_ + executor.threads() * worker_bytes_);
    Initialize();
    descent_call call{.state = state_.data(),
                      .scratch = scratch_.data(),
                      .inputs = inputs_.data(),
                      .outputs = outputs_.data(),
                      .valid_rows = Find(kStep).batch,
                      .executor = executor.abi()};
    std::vector<std::vector<double>> seconds(entries.size());
    for (int round = 0; round < kRounds + 3; ++round)
      for (size_t i = 0; i < entries.size(); ++i) {
        const auto start = std::chrono::steady_clock::now();
        entries[i]->run(&call);
        const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
        if (round >= 3) seconds[i].push_back(took.count());  // the first ones warm up
      }
    std::vector<double> medians;
    for (auto& times : seconds) medians.push_back(Median(std::move(times)));
    return medians;
  }

 private:
  static int64_t BytesOf(const descent_tensor& tensor) {
    int64_t elements = 1;
    for (int32_t d = 0; d < tensor.rank; ++d) elements *= tensor.dims[d];
    return elements * Info(static_cast<DType>(tensor.dtype)).bytes;
  }

  template <typename Pointer>
  Block& AddBlock(int64_t bytes, std::vector<Pointer>& pointers) {
    blocks_.emplace_back(bytes);
    pointers.push_back(blocks_.back().data());
    return blocks_.back();
  }

  /// Floats in [0, 1); zeros of every integer type are valid labels.
  void AddInput(const descent_input& input) {
    const int64_t bytes = BytesOf(input.tensor);
    Block& block = AddBlock(bytes, inputs_);
    if (input.tensor.dtype != DESCENT_F32) return;
    for (int64_t i = 0; i < bytes / 4; ++i) {
      const float value = static_cast<float>(i * 40503 % 65536) / 65536;
      std::memcpy(block.data() + 4 * i, &value, 4);
    }
  }

  const descent_program& program_;
  Block state_, scratch_;
  int64_t fixed_bytes_ = 0, worker_bytes_ = 0;
  std::vector<Block> blocks_;
  std::vector<const void*> inputs_;
  std::vector<void*> outputs_;
};

/// One call of the step, as an entry point.
struct Part {
  std::string entry, kernel;
  std::string values;  ///< that it computes
  int64_t flops = 0;
};

std::string Values(const Kernel& kernel) {
  std::string names;
  for (const Stage& stage : kernel.stages)
    for (const std::string& node : stage.nodes)
      if (!node.starts_with('%')) names += (names.empty() ? "" : " ") + node;
  return names.size() > 40 ? names.substr(0, 37) + "..." : names;
}

/// Adds an entry point for each step of the training step.
std::vector<Part> SplitStep(KernelProgram& program) {
  const EntryProgram whole =
      *std::ranges::find(program.entries, std::string(kStep), &EntryProgram::name);
  std::vector<Part> parts;
  for (const Step& step : whole.steps) {
    EntryProgram entry = whole;
    entry.name = fmt::format("part{}", parts.size());
    entry.steps = {step};
    Part part{.entry = entry.name, .kernel = "loop"};
    if (const auto* call = std::get_if<KernelCall>(&step.what)) {
      const Kernel& kernel = program.kernels[call->kernel];
      part = {entry.name, kernel.name.substr(program.prefix.size() + 1), Values(kernel),
              kernel.flops};
    }
    parts.push_back(part);
    program.entries.push_back(std::move(entry));
  }
  return parts;
}

Result<void> PrintKernels(const Model& model, double peak, Executor& one, Executor& all) {
  CompileOptions options{.entries = {"initialize", kStep}};
  DESCENT_TRY(compilation, Compile(model, options));
  const std::vector<Part> parts = SplitStep(compilation.program);
  DESCENT_TRY(jit, JitProgram::Load(compilation.program, *compilation.target));
  Bench bench(jit.program());
  std::vector<const descent_entry*> entries;
  for (const Part& part : parts) entries.push_back(&bench.Find(part.entry));
  const std::vector<double> serial = bench.Time(entries, one);
  const std::vector<double> parallel = bench.Time(entries, all);
  fmt::print("{:20} {:>8} {:>9} {:>9} {:>8} {:>9} {:>6}  values\n", "kernel", "MFLOP", "us",
             "GFLOP/s", "of peak", fmt::format("us on {}", all.threads()), "ratio");
  for (size_t i = 0; i < parts.size(); ++i) {
    const double rate = static_cast<double>(parts[i].flops) / serial[i] / 1e9;
    fmt::print("{:20} {:8.2f} {:9.1f} {:9.1f} {:7.1f}% {:9.1f} {:6.2f}  {}\n", parts[i].kernel,
               static_cast<double>(parts[i].flops) / 1e6, serial[i] * 1e6, rate, 100 * rate / peak,
               parallel[i] * 1e6, serial[i] / parallel[i], parts[i].values);
  }
  return {};
}

Result<void> PrintStep(const Model& model, bool fuse, Executor& one, Executor& all) {
  CompileOptions options{.entries = {"initialize", kStep}};
  if (!fuse) options.disabled_passes.insert(std::string(kFusePass));
  DESCENT_TRY(compilation, Compile(model, options));
  DESCENT_TRY(jit, JitProgram::Load(compilation.program, *compilation.target));
  Bench bench(jit.program());
  const descent_entry& step = bench.Find(kStep);
  const double serial = bench.Time({&step}, one)[0], parallel = bench.Time({&step}, all)[0];
  fmt::print("step {}: {} kernels, {:.3f} ms on 1 thread, {:.3f} ms on {}, ratio {:.2f}\n",
             fuse ? "fused  " : "unfused", step.kernel_count, serial * 1e3, parallel * 1e3,
             all.threads(), serial / parallel);
  return {};
}

Result<void> Run(const std::string& path) {
  DESCENT_TRY(model, ReadModel(path));
  DESCENT_TRY(target, ResolveTarget("native"));
  const double peak = MeasureFmaPeak(static_cast<int>(target->facts.vector_bytes));
  auto one = Executor::Make(1, BindCaller::kNo);
  auto all = Executor::Make(0, BindCaller::kYes);
  if (!one || !all) return Error("the system gives no threads");
  fmt::print("{}, target {}, FMA peak of one core {:.1f} GFLOP/s\n", path, target->name, peak);
  DESCENT_RETURN_IF_ERROR(PrintKernels(model, peak, **one, **all));
  for (const bool fuse : {true, false})
    DESCENT_RETURN_IF_ERROR(PrintStep(model, fuse, **one, **all));
  return {};
}

}  // namespace
}  // namespace descent

int main(int argc, char** argv) {
  std::setvbuf(stdout, nullptr, _IOLBF, 0);
  std::vector<std::string> models;
  for (int i = 1; i < argc; ++i)
    if (argv[i][0] != '-') models.emplace_back(argv[i]);  // options are other benchmarks'
  if (models.empty()) models.emplace_back(DESCENT_EXAMPLES "/fashion-mnist/model.descent");
  for (const std::string& model : models) {
    const auto result = descent::Run(model);
    if (result) continue;
    fmt::print(stderr, "{}\n", result.error().ToString());
    return 1;
  }
}

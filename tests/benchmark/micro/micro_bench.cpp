// Micro-benchmarks: see micro_bench.h.
//
//   build/bin/micro_bench --benchmark_filter=convolution
//
// The time is Descent's; counters: GFLOP/s, GB/s, the share of the FMA peak, and for each peer how
// many times longer it takes.

#include "tests/benchmark/micro/micro_bench.h"

#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <memory>

#include "compiler/codegen/jit.h"
#include "compiler/compile.h"
#include "compiler/graph/differentiate.h"
#include "compiler/graph/gradient_model.h"
#include "compiler/graph/transcribe.h"
#include "compiler/kernel/schedule.h"
#include "ir/io/model_file.h"
#include "runtime/bench/clock.h"
#include "runtime/bench/machine_peaks.h"
#include "runtime/bench/workload.h"
#include "runtime/dtype.h"
#include "tests/benchmark/micro/peers.h"

namespace descent::bench {
namespace {

constexpr double kLeastSeconds = 20e-6;  ///< of what is timed at once
constexpr double kSeconds = 0.3;         ///< of the rounds of a case
constexpr size_t kLeastRounds = 5;
/// Sums in another order, and functions with other roundings, differ by less; another function by
/// more.
constexpr double kTolerance = 1e-4;

double fma_peak = 0;  ///< of one core, in GFLOP/s

/// The model that computes only the gradient of the input `name`.
Result<Model> GradientOf(const Model& source, const std::string& name) {
  DESCENT_TRY(model, GradientModel(source));
  GraphBuilder b;
  ValueMap map = CopyInputs(model.graph, b);
  const NamedValue& output = *model.graph.FindOutput(GradientName(name));
  DESCENT_RETURN_IF_ERROR(Transcribe(model.graph, {&output.value, 1}, KeepNode, map, b));
  b.Output(output.name, map.At(output.value));
  model.graph = std::move(b).Build();
  return model;
}

/// A case compiled into this process, with data.
struct Compiled {
  JitProgram jit;
  runtime::Workload workload;
  double bytes = 0;
};

double Traffic(const KernelProgram& program, const std::string& entry) {
  const auto place = std::ranges::find(program.entries, entry, &EntryProgram::name);
  double bytes = 0;
  for (const Step& step : place->steps)
    if (const auto* call = std::get_if<KernelCall>(&step.what))
      bytes += static_cast<double>(TrafficBytes(program.kernels[call->kernel]));
  return bytes;
}

Result<std::unique_ptr<Compiled>> CompileCase(const GraphCase& c) {
  DESCENT_TRY(model, ParseModel("descent 1\nmodel f {\n" + c.body + "\n}\n", c.name));
  if (!c.gradient.empty()) {
    DESCENT_TRY(gradient, GradientOf(model, c.gradient));
    model = std::move(gradient);
  }
  const std::string entry = model.has_loss() ? "train_step" : "run";
  DESCENT_TRY(compilation, Compile(model, {}));
  DESCENT_TRY(jit, JitProgram::Load(compilation.program, *compilation.target));
  auto workload = runtime::Workload::Make(&jit.program(), entry, 1);
  if (!workload) return Error("{}", workload.error().ToString());
  if (auto begun = workload->Restart(0); !begun) return Error("{}", begun.error().ToString());
  return std::make_unique<Compiled>(
      Compiled{std::move(jit), *std::move(workload), Traffic(compilation.program, entry)});
}

std::vector<float> Floats(const descent_tensor& tensor, const std::byte* data) {
  std::vector<float> values(static_cast<size_t>(runtime::ElementCount(tensor)));
  for (size_t i = 0; i < values.size(); ++i)
    values[i] = static_cast<float>(runtime::NumberAt(tensor.dtype, data, static_cast<int64_t>(i)));
  return values;
}

Inputs InputsOf(const GraphCase& c, Compiled& compiled) {
  Inputs inputs;
  const auto all = runtime::Inputs(compiled.workload.entry());
  for (size_t i = 0; i < all.size(); ++i) {
    std::byte* data = compiled.workload.call().input(static_cast<int64_t>(i));
    if (c.positive) {
      auto* floats = reinterpret_cast<float*>(data);
      for (int64_t j = 0; j < runtime::ElementCount(all[i].tensor); ++j)
        floats[j] = std::abs(floats[j]) + 1e-3F;
    }
    inputs.emplace(all[i].tensor.name, Floats(all[i].tensor, data));
  }
  return inputs;
}

/// "" where both are the same but for rounding.
std::string Difference(const std::vector<float>& ours, const std::vector<float>& theirs) {
  if (ours.size() != theirs.size())
    return fmt::format("{} numbers, not {}", theirs.size(), ours.size());
  double largest = 0, distance = 0;
  for (size_t i = 0; i < ours.size(); ++i) {
    largest = std::max(largest, std::abs(double{ours[i]}));
    distance = std::max(distance, std::abs(double{ours[i]} - theirs[i]));
  }
  if (distance <= kTolerance * largest) return "";
  return fmt::format("a number that is off by {:.3g}; the largest is {:.3g}", distance, largest);
}

/// Calls of one function, as many as make a time that can be measured.
class Repeated {
 public:
  explicit Repeated(std::function<void()> run) : run_(std::move(run)) {
    while (Seconds() * static_cast<double>(calls_) < kLeastSeconds) calls_ *= 2;
  }
  /// Of one call.
  double Seconds() const {
    const double start = runtime::Seconds();
    for (int64_t i = 0; i < calls_; ++i) run_();
    return (runtime::Seconds() - start) / static_cast<double>(calls_);
  }

 private:
  std::function<void()> run_;
  int64_t calls_ = 1;
};

double Median(std::vector<double> values) {
  std::ranges::nth_element(values, values.begin() + std::ssize(values) / 2);
  return values[values.size() / 2];
}

/// Medians.
struct Rounds {
  double seconds = 0;          ///< of Descent
  std::vector<double> ratios;  ///< of each peer's time to Descent's
};

Rounds RunRounds(const std::function<void()>& run, const std::vector<Peer>& peers) {
  const Repeated ours(run);
  std::vector<Repeated> others;
  for (const Peer& peer : peers) others.emplace_back(peer.run);
  std::vector<double> times;
  std::vector<std::vector<double>> ratios(peers.size());
  for (const double end = runtime::Seconds() + kSeconds;
       runtime::Seconds() < end || times.size() < kLeastRounds;) {
    times.push_back(ours.Seconds());
    for (size_t i = 0; i < others.size(); ++i)
      ratios[i].push_back(others[i].Seconds() / times.back());
  }
  Rounds rounds{.seconds = Median(std::move(times))};
  for (std::vector<double>& ratio : ratios) rounds.ratios.push_back(Median(std::move(ratio)));
  return rounds;
}

/// Those that are there; an error message where one computes something else.
std::string MakePeers(const GraphCase& c, const Inputs& inputs, const std::vector<float>& ours,
                      std::vector<Peer>& peers) {
  for (const PeerMaker& make : c.peers) {
    std::optional<Peer> peer = make(inputs);
    if (!peer) continue;
    peer->run();
    const std::string difference = Difference(ours, peer->result());
    if (!difference.empty()) return fmt::format("{} gives {}", peer->name, difference);
    peers.push_back(*std::move(peer));
  }
  return "";
}

void Run(benchmark::State& state, const GraphCase& c) {
  auto compiled = CompileCase(c);
  if (!compiled) return state.SkipWithError(compiled.error().message.c_str());
  runtime::Workload& workload = (*compiled)->workload;
  const Inputs inputs = InputsOf(c, **compiled);
  if (const auto done = workload.Step(); !done)
    return state.SkipWithError(done.error().ToString().c_str());
  std::vector<Peer> peers;
  const descent_output& output = workload.entry().outputs[0];
  const std::string problem =
      MakePeers(c, inputs, Floats(output.tensor, workload.call().output(0)), peers);
  if (!problem.empty()) return state.SkipWithError(problem.c_str());

  const Rounds rounds = RunRounds([&] { benchmark::DoNotOptimize(workload.Step()); }, peers);
  for (auto _ : state) state.SetIterationTime(rounds.seconds);
  const double nanoseconds = rounds.seconds * 1e9;
  const double gflops = static_cast<double>(workload.entry().flops) / nanoseconds;
  state.counters["GFLOP/s"] = gflops;
  state.counters["GB/s"] = (*compiled)->bytes / nanoseconds;
  state.counters["of_peak"] = gflops / fma_peak;
  for (size_t i = 0; i < peers.size(); ++i) state.counters[peers[i].name] = rounds.ratios[i];
}

void Register(const std::vector<GraphCase>& cases) {
  for (const GraphCase& c : cases)
    benchmark::RegisterBenchmark(c.name.c_str(), [c](benchmark::State& state) { Run(state, c); })
        ->UseManualTime()
        ->Iterations(1)  // a case has its own rounds
        ->Unit(benchmark::kMicrosecond);
}

/// Libraries read how many threads they may use when they are loaded, so the program starts again.
void UseOneThread(char** argv) {
  if (std::getenv("OMP_NUM_THREADS") != nullptr) return;
  for (const char* name : {"OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"}) setenv(name, "1", 1);
  execv("/proc/self/exe", argv);
}

}  // namespace
}  // namespace descent::bench

int main(int argc, char** argv) {
  using namespace descent;
  bench::UseOneThread(argv);
  for (const auto& cases :
       {bench::ContractionCases(), bench::ConvolutionCases(), bench::ElementwiseCases(),
        bench::RowCases(), bench::AttentionCases(), bench::TableCases(), bench::OptimizerCases()})
    bench::Register(cases);
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  const auto one = runtime::Executor::Make(1, runtime::BindCaller::kNo);
  bench::fma_peak = runtime::MeasureFmaPeak(**one, 0.3);
  fmt::print("one thread; FMA peak {:.1f} GFLOP/s; a peer's counter is its time over Descent's\n",
             bench::fma_peak);
  benchmark::RunSpecifiedBenchmarks();
}

#include "tests/compiler/codegen/kernel_testing.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <map>
#include <thread>

#include "tests/compiler/codegen/reference_kernel.h"

namespace descent {
namespace {

/// Threads made for every call: slow, and so simple that sanitizers see through it.
class ThreadExecutor {
 public:
  explicit ThreadExecutor(int threads) : executor_{&ThreadExecutor::Run, this, threads} {}
  const descent_executor* get() const { return &executor_; }

 private:
  static void Run(void* self, descent_tile_fn function, void* argument, int64_t tiles) {
    const int threads = static_cast<ThreadExecutor*>(self)->executor_.threads;
    std::atomic<int64_t> next = 0;
    std::vector<std::thread> workers;
    for (int worker = 0; worker < threads; ++worker)
      workers.emplace_back([&, worker] {
        const int64_t chunk = 1 + worker % 2;  // uneven on purpose
        for (int64_t first; (first = next.fetch_add(chunk)) < tiles;)
          function(argument, worker, first, std::min(first + chunk, tiles));
      });
    for (std::thread& worker : workers) worker.join();
  }
  descent_executor executor_;
};

struct AlignedBytes {
  explicit AlignedBytes(int64_t bytes)
      : storage(static_cast<size_t>(bytes) + 128, std::byte{0xa5}) {}
  std::byte* data() {
    const auto address = reinterpret_cast<uintptr_t>(storage.data());
    return storage.data() + (64 - address % 64) % 64;
  }
  std::vector<std::byte> storage;
};

}  // namespace

const Target& NativeTarget() {
  static const Target* target = [] {
    const char* name = std::getenv("DESCENT_TEST_TARGET");
    auto resolved = ResolveTarget(name != nullptr ? name : "native");
    DESCENT_CHECK(resolved.has_value(), "no such target");
    return *resolved;
  }();
  return *target;
}

KernelProgram ProgramOf(const Kernel& kernel) {
  KernelProgram program{.name = "test", .prefix = "test", .kernels = {kernel}};
  program.model_hash = program.prediction_hash = std::string(64, '0');
  EntryProgram entry{.name = "run"};
  KernelCall call{.kernel = 0};
  int inputs = 0, outputs = 0;
  for (size_t i = 0; i < kernel.parameters.size(); ++i) {
    const KernelParameter& parameter = kernel.parameters[i];
    const int number = static_cast<int>(i);
    call.arguments.push_back({number, 0, false});
    for (const auto& [read, written] : kernel.in_place)
      if (read == number) call.arguments.back().buffer = written;
    Buffer buffer{.name = "p" + std::to_string(i), .type = parameter.type};
    if (parameter.written) {
      buffer.space = Space::kOutput;
      buffer.offset = outputs++;
      entry.outputs.push_back({buffer.name, number, DESCENT_OUTPUT_VALUE, -1});
    } else {
      buffer.space = Space::kInput;
      buffer.offset = inputs++;
      entry.inputs.push_back({number, {.name = buffer.name, .type = parameter.type}, 0});
    }
    entry.buffers.push_back(std::move(buffer));
  }
  entry.steps.push_back({std::move(call)});
  program.entries.push_back(std::move(entry));
  return program;
}

KernelRun RunCompiled(const descent_program& program, const Kernel& kernel,
                      const std::vector<Tensor>& values, int threads) {
  const descent_entry& entry = program.entries[0];
  AlignedBytes scratch(entry.fixed_scratch_bytes +
                       std::max(threads, 1) * entry.worker_scratch_bytes);
  // Exact sizes on the heap, so that the address sanitizer sees any overrun.
  std::vector<std::vector<std::byte>> storage;
  std::vector<const void*> inputs;
  std::vector<void*> outputs;
  for (const Tensor& value : values)
    storage.emplace_back(value.bytes().begin(), value.bytes().end());
  for (size_t i = 0; i < values.size(); ++i) {
    if (kernel.parameters[i].written)
      outputs.push_back(storage[i].data());
    else
      inputs.push_back(storage[i].data());
  }
  ThreadExecutor executor(threads);
  const descent_call call{nullptr,
                          scratch.data(),
                          inputs.data(),
                          outputs.data(),
                          0,
                          threads > 0 ? executor.get() : nullptr};
  KernelRun run{.status = entry.run(&call)};
  for (size_t i = 0; i < values.size(); ++i)
    run.values.emplace_back(values[i].type(), std::move(storage[i]));
  return run;
}

KernelRun RunCompiled(const Kernel& kernel, const std::vector<Tensor>& values, int threads) {
  auto jit = JitProgram::Load(ProgramOf(kernel), NativeTarget());
  DESCENT_CHECK(jit.has_value(), jit.error().message);
  return RunCompiled(jit->program(), kernel, values, threads);
}

KernelRun RunReference(const Kernel& kernel, const std::vector<Tensor>& values) {
  ReferenceKernel reference(kernel, values);
  KernelRun run;
  run.status = reference.Run();
  run.values = reference.values();
  return run;
}

Tensor Pattern(const TensorType& type, int seed) {
  uint64_t state = 0x9e3779b97f4a7c15u * static_cast<uint64_t>(seed + 1);
  const auto next = [&] {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return static_cast<double>(state >> 33) / static_cast<double>(uint64_t{1} << 31);
  };
  std::vector<double> values;
  for (int64_t i = 0; i < type.elements(); ++i) {
    const double x = next();
    if (Info(type.dtype).is_float)
      values.push_back(2 * x - 1);
    else if (type.dtype == DType::kBool)
      values.push_back(x < 0.5 ? 0 : 1);
    else
      values.push_back(std::floor(x * 8));
  }
  return Tensor::FromDoubles(type, values);
}

std::vector<Tensor> Patterns(const Kernel& kernel) {
  std::vector<Tensor> values;
  for (size_t i = 0; i < kernel.parameters.size(); ++i)
    values.push_back(Pattern(kernel.parameters[i].type, static_cast<int>(i)));
  return values;
}

namespace {

void ExpectClose(const Tensor& actual, const Tensor& expected, double tolerance,
                 const std::string& where) {
  for (int64_t i = 0; i < expected.elements(); ++i) {
    const double a = actual.GetDouble(i), e = expected.GetDouble(i);
    if (std::isnan(a) && std::isnan(e)) continue;
    if (a == e) continue;
    ASSERT_LE(std::abs(a - e), tolerance * std::max(1.0, std::abs(e)))
        << where << " element " << i << ": " << a << " instead of " << e;
  }
}

}  // namespace

void ExpectMatchesReference(const Kernel& kernel, const std::vector<Tensor>& values,
                            double tolerance) {
  auto jit = JitProgram::Load(ProgramOf(kernel), NativeTarget());
  ASSERT_TRUE(jit.has_value()) << jit.error().message;
  const KernelRun expected = RunReference(kernel, values);
  const KernelRun serial = RunCompiled(jit->program(), kernel, values, 0);
  EXPECT_EQ(serial.status, expected.status) << kernel.name;
  for (size_t i = 0; i < values.size(); ++i)
    ExpectClose(serial.values[i], expected.values[i], tolerance,
                kernel.name + " parameter " + std::to_string(i));
  for (int threads : {1, 2, 3, 8}) {
    const KernelRun parallel = RunCompiled(jit->program(), kernel, values, threads);
    EXPECT_EQ(parallel.status, serial.status);
    for (size_t i = 0; i < values.size(); ++i)
      EXPECT_TRUE(parallel.values[i] == serial.values[i])
          << kernel.name << ": other bits at " << threads << " threads, parameter " << i;
  }
}

StageRead ReadOf(int number, std::vector<Index> coordinates) {
  return {Source::kParameter, number, std::move(coordinates), {}, nullptr};
}

std::vector<Index> Axes(int first, int count) {
  std::vector<Index> axes;
  for (int i = 0; i < count; ++i) axes.push_back(Axis(first + i));
  return axes;
}

Kernel ElementwiseKernel(std::string name, const Shape& shape, const std::vector<DType>& inputs,
                         const std::vector<Scalar>& results) {
  Kernel kernel{.name = "test_" + std::move(name)};
  const int rank = static_cast<int>(shape.size());
  Stage stage{.axes = shape, .parallel = rank, .results = results};
  for (DType dtype : inputs) {
    stage.reads.push_back(ReadOf(static_cast<int>(kernel.parameters.size()), Axes(0, rank)));
    kernel.parameters.push_back({{dtype, shape}, false});
  }
  for (size_t i = 0; i < results.size(); ++i) {
    stage.stores.push_back(
        {static_cast<int>(i), -1, static_cast<int>(kernel.parameters.size()), Axes(0, rank)});
    kernel.parameters.push_back({{results[i]->dtype, shape}, true});
  }
  kernel.stages.push_back(std::move(stage));
  return kernel;
}

void Tile(Kernel& kernel, int64_t extent) {
  const int64_t total = kernel.outer.empty() ? kernel.stages[0].axes[0] : Elements(kernel.outer);
  kernel.schedule.tile_axis = kernel.outer.empty() ? 0 : -1;
  kernel.schedule.tile_extent = extent;
  kernel.schedule.tiles = (total + extent - 1) / extent;
  kernel.schedule.parallel = true;
}

}  // namespace descent

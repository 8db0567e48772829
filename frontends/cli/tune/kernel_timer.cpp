#include "frontends/cli/tune/kernel_timer.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <new>
#include <random>
#include <tuple>
#include <utility>

#include "compiler/codegen/jit.h"
#include "runtime/bench/clock.h"
#include "runtime/dtype.h"
#include "runtime/memory.h"

namespace descent::cli {
namespace {

constexpr int64_t kMostPlaces = 64;

/// As large as gets huge pages, since the memory of a whole model mostly does.
runtime::Block MakeBlock(int64_t bytes) {
  constexpr int64_t kHugePage = int64_t{2} << 20;
  runtime::Block block(std::max(bytes, kHugePage));
  if (!block.data()) throw std::bad_alloc();
  return block;
}

void MakeUp(DType dtype, std::minstd_rand& random, std::byte* at, int64_t bytes) {
  runtime::Visit(static_cast<int32_t>(dtype), [&]<typename T>() {
    for (std::byte* const end = at + bytes; at < end; at += sizeof(T)) {
      T value{};
      if constexpr (runtime::kIsFloat<T>)
        value = static_cast<T>(static_cast<float>(random()) * 0x1p-30F - 1);
      else
        value = static_cast<T>(1);
      std::memcpy(at, &value, sizeof(T));
    }
  });
}

/// An entry point for each version: parameters that are read are inputs, the others outputs.
KernelProgram ProgramOf(std::vector<Kernel> versions) {
  KernelProgram program{.name = "tuned", .prefix = "tuned"};
  for (size_t number = 0; number < versions.size(); ++number) {
    Kernel& kernel = versions[number];
    kernel.name = fmt::format("tuned_k{}", number);
    EntryProgram entry{.name = fmt::format("version{}", number)};
    KernelCall call{.kernel = static_cast<int>(number)};
    for (const KernelParameter& parameter : kernel.parameters) {
      const int buffer = static_cast<int>(entry.buffers.size());
      const std::string name = fmt::format("p{}", buffer);
      auto space = parameter.written ? Space::kOutput : Space::kInput;
      const int64_t place =
          parameter.written ? std::ssize(entry.outputs) : std::ssize(entry.inputs);
      entry.buffers.push_back(
          {.name = name, .type = parameter.type, .space = space, .offset = place});
      call.arguments.push_back({.buffer = buffer});
      if (parameter.written)
        entry.outputs.push_back({.name = name, .buffer = buffer});
      else
        entry.inputs.push_back({.buffer = buffer, .binding = {.name = name}});
    }
    entry.worker_scratch_bytes = kernel.scratch_bytes;
    entry.steps.push_back({std::move(call)});
    program.entries.push_back(std::move(entry));
  }
  program.kernels = std::move(versions);
  return program;
}

/// Where the operands of a call lie, one after another; those that it binds to the same bytes at
/// one place.
struct Layout {
  std::vector<int64_t> offsets;  ///< by parameter
  std::vector<size_t> first;     ///< parameter of each place
  int64_t bytes = 0;
};

Layout LayoutOf(const Kernel& kernel, const KernelCall& call) {
  Layout layout;
  std::map<std::tuple<int, int64_t, bool>, int64_t> places;
  for (size_t i = 0; i < kernel.parameters.size(); ++i) {
    const Argument& argument = call.arguments[i];
    const auto [place, is_new] = places.emplace(
        std::tuple(argument.buffer, argument.loop_stride_bytes, argument.from_end), layout.bytes);
    layout.offsets.push_back(place->second);
    if (!is_new) continue;
    layout.first.push_back(i);
    layout.bytes += Aligned(std::max<int64_t>(kernel.parameters[i].type.bytes(), 1));
  }
  return layout;
}

struct Operands {
  std::vector<const void*> inputs;
  std::vector<void*> outputs;
};

Operands OperandsAt(std::byte* base, const Kernel& kernel, const Layout& layout) {
  Operands operands;
  for (size_t i = 0; i < kernel.parameters.size(); ++i) {
    if (kernel.parameters[i].written)
      operands.outputs.push_back(base + layout.offsets[i]);
    else
      operands.inputs.push_back(base + layout.offsets[i]);
  }
  return operands;
}

}  // namespace

class KernelTimer::Program {
 public:
  Program(JitProgram jit, const Kernel& kernel, const KernelCall& call,
          const runtime::Executor& executor, int64_t working_set)
      : jit_(std::move(jit)), executor_(executor) {
    const Layout layout = LayoutOf(kernel, call);
    const int64_t places = std::clamp<int64_t>(working_set / layout.bytes, 1, kMostPlaces);
    int64_t scratch = 0;
    for (const descent_entry& entry : Entries())
      scratch = std::max(
          scratch, entry.fixed_scratch_bytes + executor.threads() * entry.worker_scratch_bytes);
    memory_ = MakeBlock(Aligned(scratch) + places * layout.bytes);
    std::byte* const base = memory_.data() + Aligned(scratch);
    std::minstd_rand random(1);
    for (const size_t i : layout.first)
      MakeUp(kernel.parameters[i].type.dtype, random, base + layout.offsets[i],
             kernel.parameters[i].type.bytes());
    for (int64_t place = 0; place < places; ++place) {
      std::byte* const at = base + place * layout.bytes;
      if (place > 0) std::memcpy(at, base, static_cast<size_t>(layout.bytes));
      places_.push_back(OperandsAt(at, kernel, layout));
    }
  }

  std::span<const descent_entry> Entries() const {
    return {jit_.program().entries, static_cast<size_t>(jit_.program().entry_count)};
  }

  double Seconds(size_t version, int64_t calls) {
    const descent_entry_fn run = Entries()[version].run;
    descent_call call{.scratch = memory_.data(), .executor = executor_.abi()};
    const double start = Now();
    for (int64_t i = 0; i < calls; ++i) {
      const Operands& operands = places_[next_++ % places_.size()];
      call.inputs = operands.inputs.data();
      call.outputs = operands.outputs.data();
      run(&call);
    }
    return (Now() - start) / static_cast<double>(calls);
  }

 private:
  double Now() const { return runtime::ComparableSeconds(executor_.threads()); }

  JitProgram jit_;
  const runtime::Executor& executor_;
  std::vector<Operands> places_;
  runtime::Block memory_;  ///< scratch, then the operands, as one block like a whole model's
  size_t next_ = 0;
};

Result<KernelTimer> KernelTimer::Make(std::vector<Kernel> versions, const KernelCall& call,
                                      const Target& target, const runtime::Executor& executor,
                                      int64_t working_set_bytes) {
  const KernelProgram program = ProgramOf(std::move(versions));
  DESCENT_TRY(jit, JitProgram::Load(program, target));
  return KernelTimer(std::make_unique<Program>(std::move(jit), program.kernels.front(), call,
                                               executor, working_set_bytes));
}

KernelTimer::KernelTimer(std::unique_ptr<Program> program) : program_(std::move(program)) {}
KernelTimer::KernelTimer(KernelTimer&&) noexcept = default;
KernelTimer::~KernelTimer() = default;
size_t KernelTimer::versions() const { return program_->Entries().size(); }
double KernelTimer::Seconds(size_t version, int64_t calls) {
  return program_->Seconds(version, calls);
}

}  // namespace descent::cli

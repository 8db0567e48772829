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

runtime::Block MakeBlock(int64_t bytes) {
  runtime::Block block(bytes);
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

/// The operands of a call, in memory of their own.
struct Operands {
  std::vector<runtime::Block> blocks;
  std::vector<int> block_of;  ///< by parameter
  std::vector<const void*> inputs;
  std::vector<void*> outputs;
};

void Bind(const Kernel& kernel, Operands& operands) {
  for (size_t i = 0; i < kernel.parameters.size(); ++i) {
    std::byte* place = operands.blocks[operands.block_of[i]].data();
    if (kernel.parameters[i].written)
      operands.outputs.push_back(place);
    else
      operands.inputs.push_back(place);
  }
}

/// Parameters that the call binds to the same bytes are one block.
Operands MakeOperands(const Kernel& kernel, const KernelCall& call, std::minstd_rand& random) {
  Operands operands;
  std::map<std::tuple<int, int64_t, bool>, int> places;
  for (size_t i = 0; i < kernel.parameters.size(); ++i) {
    const KernelParameter& parameter = kernel.parameters[i];
    const Argument& argument = call.arguments[i];
    const auto [place, is_new] =
        places.emplace(std::tuple(argument.buffer, argument.loop_stride_bytes, argument.from_end),
                       static_cast<int>(operands.blocks.size()));
    if (is_new) {
      const int64_t bytes = parameter.type.bytes();
      MakeUp(parameter.type.dtype, random, operands.blocks.emplace_back(MakeBlock(bytes)).data(),
             bytes);
    }
    operands.block_of.push_back(place->second);
  }
  Bind(kernel, operands);
  return operands;
}

Operands CopyOf(const Kernel& kernel, const Operands& operands) {
  Operands copy{.blocks = {}, .block_of = operands.block_of, .inputs = {}, .outputs = {}};
  for (const runtime::Block& block : operands.blocks) {
    copy.blocks.push_back(MakeBlock(block.size()));
    std::memcpy(copy.blocks.back().data(), block.data(), static_cast<size_t>(block.size()));
  }
  Bind(kernel, copy);
  return copy;
}

int64_t BytesOf(const Operands& operands) {
  int64_t bytes = 0;
  for (const runtime::Block& block : operands.blocks) bytes += block.size();
  return std::max<int64_t>(bytes, 1);
}

}  // namespace

class KernelTimer::Program {
 public:
  Program(JitProgram jit, const Kernel& kernel, const KernelCall& call,
          const runtime::Executor& executor, int64_t working_set)
      : jit_(std::move(jit)), executor_(executor) {
    std::minstd_rand random(1);
    places_.push_back(MakeOperands(kernel, call, random));
    const int64_t wanted = working_set / BytesOf(places_.front());
    for (int64_t i = 1; i < std::min(wanted, kMostPlaces); ++i)
      places_.push_back(CopyOf(kernel, places_.front()));
    int64_t scratch = 0;
    for (const descent_entry& entry : Entries())
      scratch = std::max(
          scratch, entry.fixed_scratch_bytes + executor.threads() * entry.worker_scratch_bytes);
    scratch_ = MakeBlock(scratch);
  }

  std::span<const descent_entry> Entries() const {
    return {jit_.program().entries, static_cast<size_t>(jit_.program().entry_count)};
  }

  double Seconds(size_t version, int64_t calls) {
    const descent_entry_fn run = Entries()[version].run;
    descent_call call{.scratch = scratch_.data(), .executor = executor_.abi()};
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
  runtime::Block scratch_;
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

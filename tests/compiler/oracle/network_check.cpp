#include "tests/compiler/oracle/network_check.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <map>
#include <random>
#include <set>

#include "compiler/graph/pipeline.h"
#include "compiler/kernel/window.h"
#include "ir/io/text_parser.h"
#include "runtime/embedding.h"
#include "runtime/memory.h"
#include "tests/compiler/kernel/program_interpreter.h"
#include "tests/compiler/state_slots.h"

namespace descent {
namespace {

const std::set<std::string> kOptimizations = {"simplify", "fold_constants"};
constexpr const char* kEntries[] = {"initialize", "train_step", "evaluate", "predict"};
/// Predictions before and after further steps, from the very state that these leave.
constexpr int kCalls[] = {0, 1, 3, 1, 2, 3};
/// Rounding of so many operations, of a tensor's largest magnitude, and what stands for 0.
constexpr double kTolerance64 = 1e-9, kFloor64 = 1e-13;
constexpr double kTolerance32 = 2e-3, kFloor32 = 1e-5;
/// Sums that differ in the last place may round to neighbouring bf16 numbers, 2^-8 apart.
constexpr double kToleranceBf16 = 2e-2;

Result<Model> Specialized(const Model& model, const std::string& entry, FactorPrecision precision,
                          bool optimize) {
  return RunPasses(model, StandardPasses(model),
                   {.pass = {.entry = entry, .precision = precision},
                    .disabled = optimize ? std::set<std::string>{} : kOptimizations});
}

/// Numbers for data inputs: labels within their limit, floats in [-1, 1].
Tensor RandomInput(const TensorType& type, int64_t limit, std::mt19937_64& random) {
  std::vector<double> values(type.elements());
  for (double& value : values)
    value = Info(type.dtype).is_float
                ? static_cast<double>(random() % 20001) / 10000 - 1
                : static_cast<double>(random() % static_cast<uint64_t>(limit > 0 ? limit : 4));
  return Tensor::FromDoubles(type, values);
}

/// All entry points of the model, compiled in one way, with a state of their own.
class CompiledNetwork {
 public:
  static Result<CompiledNetwork> Make(const Model& model, FactorPrecision precision,
                                      const OptionSet& options, bool interpret,
                                      const Tamper& tamper) {
    CompiledNetwork network(options, interpret);
    DESCENT_TRY(target, TargetOf(options));
    std::vector<Model> entries;
    for (const char* entry : kEntries) {
      DESCENT_TRY(optimized, Specialized(model, entry, precision, options.simplify));
      entries.push_back(std::move(optimized));
    }
    KernelProgram& program = *network.program_;
    program.name = program.prefix = "network";
    program.guard_bytes = options.guards && !interpret ? kGuardBytes : 0;
    LayoutState(entries[0], program);
    const LowerOptions lowering = LoweringOf(options, target);
    DESCENT_RETURN_IF_ERROR(OrderState(entries, "train_step", program, lowering));
    for (const Model& entry : entries) {
      DESCENT_TRY(lowered, LowerEntry(entry, program, lowering));
      program.entries.push_back(std::move(lowered));
    }
    if (tamper) tamper(program);
    network.Count(lowering.target);
    if (!interpret) {
      network.target_ = std::make_unique<Target>(target);
      if (options.guards) network.check_ = std::make_unique<MemoryCheck>(program, *network.target_);
      DESCENT_TRY(jit, JitProgram::Load(program, target, {},
                                        options.guards ? &network.check_->hooks() : nullptr));
      network.jit_ = std::make_unique<JitProgram>(std::move(jit));
    }
    network.state_ = runtime::Block(program.state_bytes);
    std::memset(network.state_.data(), 0xFF, program.state_bytes);
    return network;
  }

  const KernelProgram& program() const { return *program_; }
  const NetworkCounts& counts() const { return counts_; }
  /// What the memory check found, or "".
  const std::string& finding() const { return finding_; }
  std::string way() const { return (interpret_ ? "interpreted, " : "") + ToString(options_); }

  Tensor Get(const StateSlot& slot) const {
    if (interpret_) return ReadSlot(bytes(), slot);
    std::vector<std::byte> values(slot.type.bytes());
    const int status = descent_get_tensor(&jit_->program(), state_.data(), slot.name.c_str(),
                                          values.data(), slot.type.bytes());
    DESCENT_CHECK(status == DESCENT_OK, "a slot can be read");
    return {slot.type, std::move(values)};
  }

  void Set(const StateSlot& slot, const Tensor& value) {
    if (interpret_) return WriteSlot(bytes(), slot, value);
    const int status = descent_set_tensor(&jit_->program(), state_.data(), slot.name.c_str(),
                                          value.bytes().data(), slot.type.bytes());
    DESCENT_CHECK(status == DESCENT_OK, "a slot can be written");
  }

  /// Outputs of the call by their names.
  NamedTensors Run(int entry, const NamedTensors& inputs) {
    const EntryProgram& lowered = program_->entries[entry];
    std::vector<Tensor> data;
    for (const EntryInput& input : lowered.inputs) data.push_back(inputs.at(input.binding.name));
    std::vector<Tensor> outputs =
        interpret_ ? RunProgram(*program_, lowered, bytes(), data, lowered.batch).outputs
                   : RunCompiled(entry, data);
    NamedTensors named;
    for (size_t i = 0; i < outputs.size(); ++i)
      named.emplace(lowered.outputs[i].name, std::move(outputs[i]));
    return named;
  }

 private:
  CompiledNetwork(OptionSet options, bool interpret)
      : options_(std::move(options)), interpret_(interpret) {}

  std::span<std::byte> bytes() const { return {state_.data(), static_cast<size_t>(state_.size())}; }

  std::vector<Tensor> RunCompiled(int number, std::span<const Tensor> data) {
    if (check_ == nullptr) return RunRound(number, data, MemoryCheck::Round::kFirst);
    const std::vector<std::byte> before(bytes().begin(), bytes().end());
    std::vector<Tensor> outputs;
    for (const MemoryCheck::Round round : MemoryCheck::kRounds) {
      std::ranges::copy(before, state_.data());
      outputs = RunRound(number, data, round);
    }
    if (const auto verdict = check_->Verdict(); !verdict) finding_ = verdict.error().message;
    return outputs;
  }

  std::vector<Tensor> RunRound(int number, std::span<const Tensor> data, MemoryCheck::Round round) {
    const EntryProgram& lowered = program_->entries[number];
    const descent_entry& entry = jit_->program().entries[number];
    const descent_executor* executor = ExecutorFor(options_.threads);
    const int threads = executor != nullptr ? executor->threads : 1;
    const runtime::Block scratch(entry.fixed_scratch_bytes + threads * entry.worker_scratch_bytes);
    std::memset(scratch.data(), 0xFF, scratch.size());
    CallMemory memory{.state = state_.data(), .scratch = scratch.data(), .threads = threads};
    std::vector<GuardedBytes> inputs, results;
    for (const Tensor& input : data) {
      inputs.emplace_back(std::ssize(input.bytes()), program_->guard_bytes);
      memory.inputs.push_back(inputs.back().data());
      std::ranges::copy(input.bytes(), memory.inputs.back());
    }
    for (const EntryOutput& output : lowered.outputs) {
      results.emplace_back(lowered.buffers[output.buffer].type.bytes(), program_->guard_bytes);
      memory.outputs.push_back(results.back().data());
    }
    const std::vector<const void*> sources(memory.inputs.begin(), memory.inputs.end());
    const std::vector<void*> places(memory.outputs.begin(), memory.outputs.end());
    const descent_call call{.state = state_.data(),
                            .scratch = scratch.data(),
                            .inputs = sources.data(),
                            .outputs = places.data(),
                            .valid_rows = lowered.batch,
                            .executor = executor,
                            .observer = nullptr};
    if (check_) check_->Begin(number, memory, round);
    entry.run(&call);
    if (check_) check_->End();
    std::vector<Tensor> outputs;
    for (size_t i = 0; i < results.size(); ++i)
      outputs.emplace_back(lowered.buffers[lowered.outputs[i].buffer].type, results[i].Copy());
    return outputs;
  }

  void Count(const TargetFacts& facts) {
    for (const StateSlot& slot : program_->state) counts_.ordered_slots += !slot.order.empty();
    for (const EntryProgram& entry : program_->entries)
      for (const Buffer& buffer : entry.buffers) {
        counts_.operand_copies += buffer.name.ends_with(".layout");
        counts_.winograd += buffer.name.ends_with(".winograd_products");
      }
    for (const Kernel& kernel : program_->kernels)
      if (std::holds_alternative<ContractionForm>(kernel.form))
        counts_.windowed += FindWindow(kernel, facts).has_value();
  }

  OptionSet options_;
  bool interpret_;
  std::unique_ptr<KernelProgram> program_ = std::make_unique<KernelProgram>();
  std::unique_ptr<Target> target_;
  std::unique_ptr<MemoryCheck> check_;  ///< null without guards
  std::string finding_;
  std::unique_ptr<JitProgram> jit_;
  runtime::Block state_;
  NetworkCounts counts_;
};

class NetworkChecker {
 public:
  NetworkChecker(const Model& model, const Tamper& tamper) : model_(model), tamper_(tamper) {}

  NetworkReport Run(const NetworkWays& ways) {
    precision_ = ways.precision;
    report_.failure = TryRun(ways);
    return report_;
  }

 private:
  std::string TryRun(const NetworkWays& ways) {
    for (const char* entry : kEntries) {
      auto reference = Specialized(model_, entry, precision_, false);
      if (!reference) return "passes: " + reference.error().ToString();
      references_.push_back(*std::move(reference));
    }
    for (const auto& [sets, interpret] :
         {std::pair{&ways.compiled, false}, std::pair{&ways.interpreted, true}})
      for (const OptionSet& set : *sets) {
        auto network = CompiledNetwork::Make(model_, precision_, set, interpret, tamper_);
        if (!network) return "compilation: " + network.error().ToString();
        report_.counts.Add(network->counts());
        networks_.push_back(*std::move(network));
      }
    for (size_t call = 0; call < std::size(kCalls); ++call)
      if (std::string failure = Call(kCalls[call]); !failure.empty())
        return fmt::format("call {}, {} {}", call, kEntries[kCalls[call]], failure);
    return "";
  }

  /// "" or what differs.
  std::string Call(int entry) {
    CompiledNetwork& first = networks_[0];
    const auto& slots = first.program().state;
    NamedTensors values;
    if (started_) {
      for (const StateSlot& slot : slots) values.emplace(slot.name, first.Get(slot));
    } else {
      const int64_t seed[] = {11}, step[] = {0};
      for (const StateSlot& slot : slots) values.emplace(slot.name, Tensor::Full(slot.type, 0));
      values[std::string(kSeedSlot)] = Tensor::FromInts({DType::kI64, {}}, seed);
      values[std::string(kStepSlot)] = Tensor::FromInts({DType::kI64, {}}, step);
      for (const StateSlot& slot : slots) first.Set(slot, values.at(slot.name));
      started_ = true;
    }
    for (CompiledNetwork& network : networks_)
      if (&network != &first)
        for (const StateSlot& slot : network.program().state)
          network.Set(slot, values.at(slot.name));
    for (const EntryInput& input : first.program().entries[entry].inputs)
      values[input.binding.name] = RandomInput(
          first.program().entries[entry].buffers[input.buffer].type, input.index_limit, random_);
    return Compare(entry, values);
  }

  std::string Compare(int entry, const NamedTensors& values) {
    const Graph& graph = references_[entry].graph;
    std::vector<Tensor> inputs;
    for (const NamedValue& input : graph.inputs()) inputs.push_back(values.at(input.name));
    const auto exact =
        Interpret(graph, inputs,
                  {.seed = values.at(std::string(kSeedSlot)).GetInt(0),
                   .step = values.at(std::string(kStepSlot)).GetInt(0),
                   .valid_rows = references_[entry].batch,
                   .learning_rate = values.at(std::string(kLearningRateSlot)).GetDouble(0)},
                  is_narrow() ? Precision::kTyped : Precision::kExact);
    if (!exact) return "interpreter: " + exact.error().message;
    NamedTensors expected;
    for (size_t i = 0; i < graph.outputs().size(); ++i)
      expected[Named(references_[entry], graph.outputs()[i].name)] = exact->outputs[i];
    for (CompiledNetwork& network : networks_) {
      const NamedTensors outputs = network.Run(entry, values);
      if (!network.finding().empty())
        return fmt::format("{}: {}", network.way(), network.finding());
      for (const auto& [name, value] : outputs) {
        if (!expected.contains(name)) return "has another output: " + name;
        if (std::string what = Difference(value, expected.at(name), name.starts_with("metric."));
            !what.empty())
          return fmt::format("{}: {} {}", network.way(), name, what);
      }
      for (const StateSlot& slot : network.program().state) {
        const auto changed = expected.find("next." + slot.name);
        const Tensor& wanted = changed == expected.end() ? values.at(slot.name) : changed->second;
        if (std::string what = Difference(network.Get(slot), wanted, false); !what.empty())
          return fmt::format("{}: slot {} {}", network.way(), slot.name, what);
      }
    }
    return "";
  }

  /// An output, or "next." and the slot that it replaces.
  static std::string Named(const Model& model, const std::string& output) {
    for (const Slot& slot : model.slots)
      if (!slot.next.empty() && slot.next == output) return "next." + slot.name;
    return output;
  }

  bool is_narrow() const { return precision_ == FactorPrecision::kBF16; }

  /// Sums of metrics may be of another type than the model.
  std::string Difference(const Tensor& got, const Tensor& wanted, bool is_metric) const {
    if (got.shape() != wanted.shape()) return "has another shape";
    const bool wide = got.dtype() != DType::kF32 && !is_metric;
    double largest = 0;
    for (int64_t i = 0; i < wanted.elements(); ++i)
      if (std::isfinite(wanted.GetDouble(i)))
        largest = std::max(largest, std::abs(wanted.GetDouble(i)));
    const double tolerance = is_narrow() ? kToleranceBf16 : kTolerance32;
    const double allowed =
        wide ? kFloor64 + kTolerance64 * largest : kFloor32 + tolerance * largest;
    for (int64_t i = 0; i < got.elements(); ++i) {
      const double a = got.GetDouble(i), b = wanted.GetDouble(i);
      if (a == b || (std::isnan(a) && std::isnan(b)) || std::abs(a - b) <= allowed) continue;
      return fmt::format("element {}: {} for {}, {} allowed", i, a, b, allowed);
    }
    return "";
  }

  const Model& model_;
  const Tamper& tamper_;
  FactorPrecision precision_ = FactorPrecision::kF32;
  std::vector<Model> references_;
  std::vector<CompiledNetwork> networks_;
  std::mt19937_64 random_{17};
  bool started_ = false;
  NetworkReport report_;
};

}  // namespace

void NetworkCounts::Add(const NetworkCounts& other) {
  ordered_slots += other.ordered_slots;
  operand_copies += other.operand_copies;
  windowed += other.windowed;
  winograd += other.winograd;
}

NetworkReport CheckNetwork(const Model& model, const NetworkWays& ways, const Tamper& tamper) {
  return NetworkChecker(model, tamper).Run(ways);
}

}  // namespace descent

#include "compiler/kernel/lower_model.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <functional>
#include <iterator>
#include <map>
#include <set>
#include <unordered_map>
#include <unordered_set>

#include "compiler/kernel/check_plan.h"
#include "compiler/kernel/entry_metadata.h"
#include "compiler/kernel/fuse.h"
#include "compiler/kernel/fusion_report.h"
#include "compiler/kernel/layouts.h"
#include "compiler/kernel/lower.h"
#include "compiler/kernel/operand_copies.h"
#include "compiler/kernel/plan_memory.h"
#include "compiler/kernel/region.h"
#include "compiler/kernel/schedule.h"
#include "compiler/kernel/split_reductions.h"
#include "ir/batch_axis.h"

namespace descent {
namespace {

const StateSlot* FindSlot(const KernelProgram& program, std::string_view name) {
  for (const StateSlot& slot : program.state)
    if (slot.name == name) return &slot;
  return nullptr;
}

/// Lowers one entry point. Tensors get buffers when a call first names them.
class EntryLowering {
 public:
  EntryLowering(const Model& model, KernelProgram& program, const LowerOptions& options)
      : model_(model), program_(program), options_(options) {
    for (size_t i = 0; i < program.kernels.size(); ++i)
      known_kernels_.emplace(HashKernel(program.kernels[i]), static_cast<int>(i));
  }

  Result<EntryProgram> Run() {
    entry_.name = model_.entry;
    entry_.batch = model_.batch;
    entry_.observable = model_.entry == "train_step" || model_.entry == "evaluate";
    DESCENT_TRY(built, Build());
    for (auto& [tensor, value] : built.constants) constants_.emplace(tensor, std::move(value));
    for (int tensor = 0; tensor < tensors_.size(); ++tensor)
      if (const EntryTensor& info = tensors_[tensor]; Info(info.type.dtype).is_float)
        if (!info.name.starts_with('%')) float_names_.insert(info.name);
    EmitRegion(built.region, entry_.steps);
    if (options_.fusion != nullptr) options_.fusion->Sort();
    for (EntryInput& input : entry_.inputs)
      if (input.buffer < 0) input.buffer = BufferOf(input_tensors_[&input - entry_.inputs.data()]);
    PlanMemory(entry_, program_.kernels, options_.packing, program_.guard_bytes);
    for (const auto& [tensor, buffer] : initial_) meaning_.initial.push_back({buffer, tensor});
    const std::string violation = CheckPlan(entry_, program_.kernels, meaning_);
    DESCENT_CHECK(violation.empty(), "memory plan of " + entry_.name + ": " + violation);
    return std::move(entry_);
  }

  /// What an entry point has to say about the orders of the state, by the names of slots.
  struct StateOrders {
    std::map<std::string, std::vector<int>> wished;
    std::set<std::string> fixed;  ///< must lie as they are
  };
  Result<StateOrders> OrdersOfState() {
    DESCENT_TRY(built, Build());
    if (options_.fuse) InlineProducers(built.region, tensors_);
    std::set<int> slots;
    for (const auto& [name, tensor] : slots_) slots.insert(tensor);
    const auto wished = WishedOrders(built.region, tensors_, slots);
    const std::set<int> taken = TakenAsTheyLie(built.region, tensors_);
    StateOrders orders;
    for (const auto& [name, tensor] : slots_) {
      if (const auto order = wished.find(tensor); order != wished.end())
        orders.wished.emplace(name, order->second);
      if (taken.contains(tensor)) orders.fixed.insert(name);
    }
    return orders;
  }

 private:
  Result<BuiltRegion> Build() {
    DESCENT_TRY(leaves, BindLeaves());
    DESCENT_TRY(built, BuildRegion(model_.graph, leaves, tensors_, options_.target));
    DESCENT_RETURN_IF_ERROR(BindOutputs(built));
    return std::move(built);
  }

  // ---- leaves and outputs
  int AddFixed(std::string name, TensorType type, Space space, int64_t offset) {
    const int tensor = tensors_.Add({.name = name, .type = type});
    fixed_[tensor] = {.name = std::move(name), .type = type, .space = space, .offset = offset};
    return tensor;
  }

  int AddSlotTensor(std::string_view name) {
    const StateSlot& slot = *FindSlot(program_, name);
    const int tensor = AddFixed(slot.name, slot.type, Space::kState, slot.offset);
    tensors_[tensor].order = slot.order;
    return slots_[slot.name] = tensor;
  }

  Result<LeafTensors> BindLeaves() {
    LeafTensors leaves;
    const TensorType counter{DType::kI64, {}};
    leaves.seed = AddSlotTensor(kSeedSlot);
    leaves.step = AddSlotTensor(kStepSlot);
    leaves.learning_rate = AddSlotTensor(kLearningRateSlot);
    leaves.valid_rows = AddFixed("valid_rows", counter, Space::kValidRows, 0);
    // Outside loops the loop step is 0.
    leaves.loop_step =
        tensors_.Add({.name = "loop_step", .type = counter, .splat = ConstantInt(DType::kI64, 0)});
    constants_.emplace(leaves.loop_step, Tensor::Scalar(DType::kI64, 0));
    const auto inputs = model_.graph.inputs();
    for (int i = 0; i < static_cast<int>(inputs.size()); ++i) {
      const std::string& name = inputs[i].name;
      const TensorType& type = model_.graph.type(inputs[i].value);
      if (const InputBinding* binding = model_.FindInput(name)) {
        leaves.inputs.push_back(
            AddFixed(name, type, Space::kInput, static_cast<int64_t>(entry_.inputs.size())));
        input_tensors_.push_back(leaves.inputs.back());
        entry_.inputs.push_back(
            {.buffer = -1, .binding = *binding, .index_limit = FindIndexLimit(model_.graph, i)});
      } else if (FindSlot(program_, name) != nullptr) {
        leaves.inputs.push_back(slots_.contains(name) ? slots_[name] : AddSlotTensor(name));
      } else {
        return ErrorWithStatus(ExitStatus::kInternal,
                               "graph input {} of {} is neither data nor a state slot", name,
                               model_.entry);
      }
    }
    return leaves;
  }

  /// Slot that the graph output replaces, or null.
  const StateSlot* ReplacedSlot(const std::string& output) const {
    for (const Slot& slot : model_.slots)
      if (!slot.next.empty() && slot.next == output) return FindSlot(program_, slot.name);
    if (output.starts_with("next.")) return FindSlot(program_, std::string_view(output).substr(5));
    return nullptr;
  }

  Result<void> BindOutputs(BuiltRegion& built) {
    const auto batch_axes = OutputBatchAxes(model_);
    const auto outputs = model_.graph.outputs();
    for (size_t i = 0; i < outputs.size(); ++i) {
      const TensorType& type = model_.graph.type(outputs[i].value);
      if (const StateSlot* slot = ReplacedSlot(outputs[i].name)) {
        if (!slots_.contains(slot->name)) AddSlotTensor(slot->name);
        const int older = slots_[slot->name];
        built.region.deliveries.push_back({built.outputs[i], older, older});
        continue;
      }
      const int number = static_cast<int>(entry_.outputs.size());
      const int target = AddFixed(outputs[i].name, type, Space::kOutput, number);
      built.region.deliveries.push_back({built.outputs[i], target, -1});
      entry_.outputs.push_back({.name = outputs[i].name,
                                .buffer = BufferOf(target),
                                .kind = OutputKindOf(model_, outputs[i].name),
                                .batch_axis = batch_axes[i]});
    }
    return {};
  }

  // ---- buffers
  int BufferOf(int tensor) {
    const int base = tensors_.Base(tensor);
    EntryTensor& info = tensors_[base];
    if (info.buffer >= 0) return info.buffer;
    Buffer buffer{
        .name = info.name, .type = info.type, .origin = info.origin, .section = info.section};
    if (const auto fixed = fixed_.find(base); fixed != fixed_.end()) {
      buffer = fixed->second;
    } else if (const auto constant = constants_.find(base); constant != constants_.end()) {
      buffer.space = Space::kConstant;
      buffer.offset = program_.constants.Add(constant->second.bytes());
    }
    info.buffer = static_cast<int>(entry_.buffers.size());
    if (buffer.space != Space::kArena && buffer.space != Space::kOutput)
      initial_.push_back({base, info.buffer});
    entry_.buffers.push_back(std::move(buffer));
    return info.buffer;
  }

  Argument ArgumentOf(int tensor) {
    return {.buffer = BufferOf(tensor),
            .loop_stride_bytes = tensors_[tensor].slice_stride_bytes,
            .from_end = tensors_[tensor].from_end};
  }

  /// The value that stands for a tensor in the plan's proof: slices are parts of the whole.
  int MeaningOf(int tensor) const {
    if (tensors_.IsSlice(tensor)) tensor = tensors_[tensor].alias;
    const auto untouched = untouched_.find(tensor);
    return untouched == untouched_.end() ? tensor : MeaningOf(untouched->second);
  }

  // ---- steps
  void EmitRegion(Region& region, std::vector<Step>& steps);
  void EmitGroup(FusedGroup& group, Region& region, std::vector<Step>& steps,
                 const std::function<bool(int)>& read_elsewhere);
  void EmitLoop(LoopWork& loop, const Region& outer, std::vector<Step>& steps);
  void EmitBranch(BranchWork& branch, std::vector<Step>& steps);
  std::vector<std::pair<int, int>> EmitSide(Region& side, const BranchWork& branch,
                                            std::vector<Step>& steps);
  void EmitCall(LoweredKernel lowered, std::vector<Step>& steps);
  void NoteCopy(const LoweredKernel& copy, int writer, const Region& region);
  int CallCount() const { return static_cast<int>(meaning_.calls.size()); }
  int AddKernel(Kernel kernel);
  std::vector<int> IllegalOverwrites(const LoweredKernel& lowered, const Region& region) const;
  static void UpdateInstead(Region& region, int computed, int copy);

  const Model& model_;
  KernelProgram& program_;
  const LowerOptions& options_;
  EntryProgram entry_;
  TensorTable tensors_;
  std::unordered_map<int, Buffer> fixed_;
  std::unordered_map<int, Tensor> constants_;
  std::unordered_map<std::string, int> slots_;
  std::unordered_set<std::string> float_names_;  ///< that the model gives to values
  std::vector<int> input_tensors_;
  std::unordered_multimap<size_t, int> known_kernels_;  ///< of the program, by HashKernel
  std::vector<std::pair<int, int>> initial_;            ///< (tensor, buffer)
  ProgramMeaning meaning_;
  std::unordered_map<int, int>
      untouched_;  ///< results of loops that never run are their first values
};

void EntryLowering::EmitRegion(Region& region, std::vector<Step>& steps) {
  RegionFusion fusion;
  RegionFusion* const notes = options_.fusion != nullptr ? &fusion : nullptr;
  if (options_.fuse) InlineProducers(region, tensors_, notes);
  ChooseLayouts(region, tensors_);
  UseWinograd(region, tensors_, options_.winograd);
  CopyOperands(region, tensors_);
  SplitReductions(region, tensors_);
  Deliver(region, tensors_);
  DropUnread(region, tensors_);
  std::vector<FusedGroup> groups = FormGroups(region, tensors_, options_.fuse, notes);
  std::vector<FusionParty> parties;
  std::unordered_map<int, int> readers;  // number of groups that read a tensor
  for (const FusedGroup& group : groups) {
    const std::vector<int> reads = group.Reads();
    for (const int tensor : std::unordered_set<int>(reads.begin(), reads.end())) ++readers[tensor];
  }
  for (FusedGroup& group : groups) {
    const std::vector<int> reads = group.Reads();
    const std::unordered_set<int> own(reads.begin(), reads.end());
    const int first_call = CallCount();
    EmitGroup(group, region, steps, [&](int tensor) {
      const auto found = readers.find(tensor);
      return found != readers.end() && found->second > (own.contains(tensor) ? 1 : 0);
    });
    parties.push_back(PartyOf(group, first_call, CallCount()));
  }
  if (notes != nullptr) options_.fusion->Add(fusion, groups, parties, tensors_);
}

std::vector<int> EntryLowering::IllegalOverwrites(const LoweredKernel& lowered,
                                                  const Region& region) const {
  std::vector<int> illegal;
  const Kernel& kernel = lowered.kernel;
  for (size_t i = 0; i < region.overwrites.size(); ++i) {
    bool legal = true;
    for (size_t w = 0; w < lowered.tensors.size(); ++w) {
      if (!kernel.parameters[w].written || lowered.tensors[w] != region.overwrites[i].newer)
        continue;
      for (size_t r = 0; r < lowered.tensors.size(); ++r) {
        if (kernel.parameters[r].written || lowered.tensors[r] != region.overwrites[i].older)
          continue;
        const auto pair = std::pair{static_cast<int>(r), static_cast<int>(w)};
        legal &= std::find(kernel.may_alias.begin(), kernel.may_alias.end(), pair) !=
                 kernel.may_alias.end();
      }
    }
    if (!legal) illegal.push_back(static_cast<int>(i));
  }
  return illegal;
}

/// Forms that change parts of `computed` where it lies shall do so in the bytes of its copy.
void EntryLowering::UpdateInstead(Region& region, int computed, int copy) {
  for (Work& work : region.works) {
    if (!work.form) continue;
    for (const auto& [read, written] : work.form->kernel.in_place)
      if (work.form->tensors[read] == computed) work.form->tensors[read] = copy;
  }
  for (Overwrite& overwrite : region.overwrites)
    if (overwrite.older == computed) overwrite.older = copy;
}

void EntryLowering::EmitGroup(FusedGroup& group, Region& region, std::vector<Step>& steps,
                              const std::function<bool(int)>& read_elsewhere) {
  if (group.loop) return EmitLoop(*group.loop, region, steps);
  if (group.branch) return EmitBranch(*group.branch, steps);
  const auto stored = [&](int tensor) {
    return tensors_[tensor].alias >= 0 || read_elsewhere(tensor);
  };
  LoweredKernel lowered = LowerGroup(group, tensors_, stored);
  if (group.form) return EmitCall(std::move(lowered), steps);
  // Where the kernel reads the old value elsewhere than it writes the new one, the new one is
  // copied afterwards: all other readers of the old value stand before this group.
  std::vector<LoweredKernel> copies;
  for (const int i : IllegalOverwrites(lowered, region)) {
    Overwrite& overwrite = region.overwrites[i];
    const int computed = overwrite.newer;
    const int copy = tensors_.Add(tensors_[computed]);
    tensors_[computed].alias = -1;
    tensors_[computed].slice_stride_bytes = 0;
    overwrite.newer = copy;
    UpdateInstead(region, computed, copy);
    FusedGroup copying;
    copying.stages = {MakeCopy(computed, copy, tensors_[computed].type)};
    copying.stages[0].nodes = {tensors_[computed].name};
    copies.push_back(LowerGroup(copying, tensors_, stored));
  }
  const int writer = CallCount();
  EmitCall(std::move(lowered), steps);
  for (LoweredKernel& copy : copies) {
    if (options_.fusion != nullptr) NoteCopy(copy, writer, region);
    EmitCall(std::move(copy), steps);
  }
}

/// A copy that EmitGroup makes takes one tensor and gives the newer value of an overwriting.
void EntryLowering::NoteCopy(const LoweredKernel& copy, int writer, const Region& region) {
  for (const Overwrite& overwrite : region.overwrites)
    if (overwrite.newer == copy.tensors.back())
      options_.fusion->AddCopy(writer, CallCount(), tensors_[copy.tensors.front()].name,
                               tensors_[overwrite.older].name);
}

void EntryLowering::EmitLoop(LoopWork& loop, const Region& outer, std::vector<Step>& steps) {
  std::vector<std::pair<int, int>> finals;
  for (const Overwrite& overwrite : outer.overwrites)
    if (std::find(loop.writes.begin(), loop.writes.end(), overwrite.newer) != loop.writes.end())
      finals.push_back({overwrite.older, overwrite.newer});
  const auto does_nothing = [&] {
    for (const auto& [first, last] : finals) untouched_[last] = first;
  };
  if (loop.trip_count == 0) return does_nothing();
  const size_t number = meaning_.loops.size();
  meaning_.loops.emplace_back();
  Loop step{.trip_count = loop.trip_count, .counter = BufferOf(loop.counter), .body = {}};
  EmitRegion(loop.body, step.body);
  if (step.body.empty()) {  // all that it computes has no elements
    meaning_.loops.pop_back();
    return does_nothing();
  }
  LoopMeaning& means = meaning_.loops[number];
  means.counter = loop.counter;
  for (const Overwrite& overwrite : loop.body.overwrites)
    if (std::find(loop.reads.begin(), loop.reads.end(), overwrite.older) != loop.reads.end())
      means.at_end.push_back({overwrite.newer, overwrite.older});
  means.behind = std::move(finals);
  steps.push_back({std::move(step)});
}

/// Which value of the side counts as which result behind it.
std::vector<std::pair<int, int>> EntryLowering::EmitSide(Region& side, const BranchWork& branch,
                                                         std::vector<Step>& steps) {
  EmitRegion(side, steps);
  std::vector<int> written;
  for (const Work& work : side.works) std::ranges::copy(work.Writes(), std::back_inserter(written));
  for (const Overwrite& overwrite : side.overwrites) written.push_back(overwrite.newer);
  std::vector<std::pair<int, int>> results;
  std::unordered_set<int> made;
  const auto updated = [&](int tensor) {
    return std::ranges::count(side.overwrites, tensor, &Overwrite::older) > 0;
  };
  for (const int tensor : written)
    for (const int result : branch.writes)
      if (tensors_[tensor].alias == result && !updated(tensor) && made.insert(result).second)
        results.push_back({tensor, result});
  for (const Overwrite& kept : branch.in_place)
    if (!made.contains(kept.newer)) results.push_back({MeaningOf(kept.older), kept.newer});
  return results;
}

void EntryLowering::EmitBranch(BranchWork& branch, std::vector<Step>& steps) {
  const size_t number = meaning_.branches.size();
  meaning_.branches.push_back({.condition = MeaningOf(branch.condition)});
  Branch step{.condition = ArgumentOf(branch.condition)};
  auto then_end = EmitSide(branch.then_body, branch, step.then_steps);
  auto else_end = EmitSide(branch.else_body, branch, step.else_steps);
  // Results without elements are made by no kernel.
  if (step.then_steps.empty() && step.else_steps.empty()) {
    meaning_.branches.pop_back();
    return;
  }
  meaning_.branches[number].then_end = std::move(then_end);
  meaning_.branches[number].else_end = std::move(else_end);
  steps.push_back({std::move(step)});
}

void EntryLowering::EmitCall(LoweredKernel lowered, std::vector<Step>& steps) {
  const auto& parameters = lowered.kernel.parameters;
  const bool empty = std::none_of(parameters.begin(), parameters.end(), [](const auto& parameter) {
    return parameter.written && parameter.type.elements() > 0;
  });
  if (empty) return;
  KernelCall call;
  call.asserted = fmt::format("{}", fmt::join(lowered.asserted, ", "));
  CallMeaning means;
  for (const int tensor : lowered.tensors) {
    call.arguments.push_back(ArgumentOf(tensor));
    call.names.arguments.push_back(tensors_[tensor].name);
    means.values.push_back(MeaningOf(tensor));
    if (parameters[call.arguments.size() - 1].written)
      call.section = std::max(call.section, tensors_[tensor].section);
  }
  for (const int tensor : lowered.after)
    if (const int buffer = tensors_[tensors_.Base(tensor)].buffer; buffer >= 0)
      call.after.push_back(buffer);
  for (std::string& name : CoveredNodes(lowered.kernel))
    if (float_names_.contains(name)) call.names.covered.push_back(std::move(name));
  call.kernel = AddKernel(std::move(lowered.kernel));
  meaning_.calls.push_back(std::move(means));
  steps.push_back({std::move(call)});
}

int EntryLowering::AddKernel(Kernel kernel) {
  const size_t hash = HashKernel(kernel);
  const auto [first, last] = known_kernels_.equal_range(hash);
  for (auto known = first; known != last; ++known)
    if (SameKernel(program_.kernels[known->second], kernel)) return known->second;
  known_kernels_.emplace(hash, static_cast<int>(program_.kernels.size()));
  Schedule(kernel, options_.target);
  kernel.name = fmt::format("{}_k{}_{}", program_.prefix, program_.kernels.size(), kernel.name);
  program_.kernels.push_back(std::move(kernel));
  return static_cast<int>(program_.kernels.size()) - 1;
}

}  // namespace

Result<void> OrderState(std::span<const Model> optimized_entries, std::string_view main,
                        KernelProgram& program, const LowerOptions& options) {
  if (std::ranges::none_of(program.state,
                           [](const StateSlot& slot) { return MayHaveOrder(slot.type.shape); }))
    return {};
  std::map<std::string, std::vector<int>> orders;
  std::set<std::string> fixed;
  for (const Model& entry : optimized_entries)
    if (entry.entry == main) {
      DESCENT_TRY(own, EntryLowering(entry, program, options).OrdersOfState());
      orders = std::move(own.wished);
      fixed = std::move(own.fixed);
    }
  if (orders.empty()) return {};
  for (const Model& entry : optimized_entries)
    if (entry.entry != main) {
      DESCENT_TRY(own, EntryLowering(entry, program, options).OrdersOfState());
      fixed.merge(own.fixed);
    }
  for (const std::string& name : fixed) orders.erase(name);
  for (StateSlot& slot : program.state)
    if (const auto order = orders.find(slot.name); order != orders.end())
      slot.order = order->second;
  return {};
}

Result<EntryProgram> LowerEntry(const Model& optimized_entry, KernelProgram& program,
                                const LowerOptions& options) {
  if (program.state.empty()) LayoutState(optimized_entry, program);
  return EntryLowering(optimized_entry, program, options).Run();
}

}  // namespace descent

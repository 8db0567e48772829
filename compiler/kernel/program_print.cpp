#include "compiler/kernel/program_print.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>

#include "compiler/kernel/attention.h"
#include "compiler/kernel/axis_forms.h"
#include "compiler/kernel/plan_memory.h"
#include "compiler/kernel/scatter.h"

namespace descent {
namespace {

std::string_view NameOf(const LoopsForm&) { return "loops"; }
std::string_view NameOf(const ContractionForm&) { return "contraction"; }
std::string_view NameOf(const ScatterForm&) { return "scatter"; }
std::string_view NameOf(const BucketsForm&) { return "buckets"; }
std::string_view NameOf(const PrefixForm&) { return "prefix"; }
std::string_view NameOf(const SortForm&) { return "sort"; }
std::string_view NameOf(const AttentionForm&) { return "attention"; }
std::string_view NameOf(const AnyForm& form) {
  return std::visit([](const auto& each) { return NameOf(each); }, form);
}

std::string_view NameOf(Space space) {
  constexpr std::string_view kNames[] = {"arena",  "state",    "input",
                                         "output", "constant", "valid_rows"};
  return kNames[static_cast<int>(space)];
}

std::string Coordinates(const std::vector<Index>& coordinates) {
  std::vector<std::string> parts;
  for (const Index& index : coordinates) parts.push_back(ToString(index));
  return fmt::format("[{}]", fmt::join(parts, ", "));
}

std::string AxisNames(const std::vector<int>& axes) {
  std::vector<std::string> names;
  for (const int axis : axes) names.push_back(fmt::format("i{}", axis));
  return names.empty() ? "1" : fmt::format("{}", fmt::join(names, " "));
}

std::string Loops(const Shape& axes, int first, int parallel) {
  std::string text;
  for (int axis = 0; axis < static_cast<int>(axes.size()); ++axis)
    text += fmt::format("{}i{}<{}",
                        axis == parallel ? " reduce "
                        : axis > 0       ? " "
                                         : "",
                        first + axis, axes[axis]);
  return text.empty() ? "once" : "for " + text;
}

std::string PrintRead(const StageRead& read, size_t number) {
  std::string text =
      fmt::format("    r{} = {}{}{}", number, read.source == Source::kLocal ? "local" : "p",
                  read.index, Coordinates(read.coordinates));
  for (const Guard& guard : read.guards)
    text += fmt::format(" if 0 <= {} < {}", ToString(guard.index), guard.extent);
  if (read.outside) text += " else " + ToString(read.outside);
  return text + "\n";
}

std::string PrintStage(const Kernel& kernel, const Stage& stage) {
  std::string text = fmt::format(
      "  {}\n", Loops(stage.axes, static_cast<int>(kernel.outer.size()), stage.parallel));
  for (size_t i = 0; i < stage.reads.size(); ++i) text += PrintRead(stage.reads[i], i);
  if (stage.reducer)
    for (size_t i = 0; i < stage.reducer->init.size(); ++i)
      text += fmt::format("    acc{} = {}, then {}\n", i, ToString(stage.reducer->init[i]),
                          ToString(stage.reducer->step[i]));
  for (const StageStore& store : stage.stores) {
    std::string targets;
    if (store.local >= 0) targets += fmt::format("local{} = ", store.local);
    if (store.parameter >= 0)
      targets += fmt::format("p{}{} = ", store.parameter, Coordinates(store.coordinates));
    text += fmt::format("    {}{}\n", targets, ToString(stage.results[store.result]));
  }
  return text;
}

std::string PrintForm(const Kernel& kernel, const LoopsForm&) {
  std::string text;
  for (const Stage& stage : kernel.stages) text += PrintStage(kernel, stage);
  return text;
}

std::string PrintForm(const Kernel& kernel, const ContractionForm&) {
  return PrintForm(kernel, LoopsForm());
}

// How tiles cut the work; "" if there is one tile.

std::string InPieces(const Kernel& kernel, std::string_view what) {
  const KernelSchedule& schedule = kernel.schedule;
  return schedule.tiles > 1 ? fmt::format("{} in pieces of {}; ", what, schedule.tile_extent) : "";
}

std::string PrintTiles(const Kernel& kernel, const LoopsForm&) {
  const int axis = kernel.schedule.tile_axis, axes = kernel.schedule.tile_axes;
  if (axes > 0) return InPieces(kernel, fmt::format("i0 to i{}", axes - 1));
  return InPieces(kernel, axis < 0 ? "outer axes" : fmt::format("i{}", axis));
}

std::string PrintTiles(const Kernel& kernel, const ContractionForm& form) {
  const KernelSchedule& schedule = kernel.schedule;
  return fmt::format("batch {}, m {}, n {}, k {}; register tile {}x{}, blocks {}x{}x{}; ",
                     AxisNames(form.batch), AxisNames(form.m), AxisNames(form.n), AxisNames(form.k),
                     schedule.register_m, schedule.register_n, schedule.block_m, schedule.block_n,
                     schedule.block_k);
}

std::string PrintTiles(const Kernel& kernel, const ScatterForm&) {
  return InPieces(kernel, "rows");
}
std::string PrintTiles(const Kernel& kernel, const BucketsForm&) {
  return InPieces(kernel, "updates");
}
std::string PrintTiles(const Kernel& kernel, const PrefixForm&) {
  return InPieces(kernel, "units");
}
std::string PrintTiles(const Kernel& kernel, const SortForm&) { return InPieces(kernel, "units"); }
std::string PrintTiles(const Kernel&, const AttentionForm&) { return ""; }

std::string PrintSchedule(const Kernel& kernel) {
  const KernelSchedule& schedule = kernel.schedule;
  const std::string tiles =
      std::visit([&](const auto& form) { return PrintTiles(kernel, form); }, kernel.form);
  return fmt::format("  {}{}, {}\n", tiles, Counted(schedule.tiles, "tile"),
                     schedule.parallel ? "parallel" : "serial");
}

int64_t BytesOf(const Kernel& kernel) {
  int64_t bytes = 0;
  for (const KernelParameter& parameter : kernel.parameters) bytes += parameter.type.bytes();
  for (const auto& [read, written] : kernel.in_place)
    bytes -= kernel.parameters[written].type.bytes();
  return bytes;
}

std::string NameOf(const Argument& argument, const EntryProgram& entry) {
  const std::string& name = entry.buffers[argument.buffer].name;
  if (argument.loop_stride_bytes == 0) return name;
  return name + (argument.from_end ? "[-t]" : "[t]");
}

void VisitCalls(const std::vector<Step>& steps, const EntryProgram& entry,
                const KernelProgram& program, int depth, std::vector<CallSummary>& calls) {
  for (const Step& step : steps) {
    if (const auto* loop = std::get_if<Loop>(&step.what)) {
      calls.push_back({.depth = depth, .trip_count = loop->trip_count});
      VisitCalls(loop->body, entry, program, depth + 1, calls);
      continue;
    }
    if (const auto* branch = std::get_if<Branch>(&step.what)) {
      const std::string condition = NameOf(branch->condition, entry);
      calls.push_back({.depth = depth, .condition = condition});
      VisitCalls(branch->then_steps, entry, program, depth + 1, calls);
      calls.push_back({.depth = depth, .condition = condition, .otherwise = true});
      VisitCalls(branch->else_steps, entry, program, depth + 1, calls);
      continue;
    }
    const KernelCall& call = std::get<KernelCall>(step.what);
    CallSummary summary{.depth = depth, .kernel = call.kernel, .section = call.section};
    const Kernel& kernel = program.kernels[call.kernel];
    for (size_t i = 0; i < call.arguments.size(); ++i) {
      const bool written = kernel.parameters[i].written;
      const std::string name = NameOf(call.arguments[i], entry);
      auto& list = written ? summary.writes : summary.reads;
      if (std::find(list.begin(), list.end(), name) == list.end()) list.push_back(name);
    }
    calls.push_back(std::move(summary));
  }
}

}  // namespace

std::string PrintKernel(const Kernel& kernel) {
  std::string text = fmt::format("kernel {} ({})\n", kernel.name, NameOf(kernel.form));
  if (const auto nodes = CoveredNodes(kernel); !nodes.empty())
    text += fmt::format("  covers {}\n", fmt::join(nodes, ", "));
  std::vector<std::string> parameters;
  for (size_t i = 0; i < kernel.parameters.size(); ++i)
    parameters.push_back(fmt::format("p{} {}{}", i, ToString(kernel.parameters[i].type),
                                     kernel.parameters[i].written ? " written" : ""));
  text += fmt::format("  {}\n", fmt::join(parameters, ", "));
  for (size_t i = 0; i < kernel.locals.size(); ++i)
    text += fmt::format("  local{} {}\n", i,
                        ToString(TensorType{kernel.locals[i].dtype, kernel.locals[i].shape}));
  if (!kernel.outer.empty())
    text += fmt::format("  each {}\n",
                        Loops(kernel.outer, 0, static_cast<int>(kernel.outer.size())).substr(4));
  text += std::visit([&](const auto& form) { return PrintForm(kernel, form); }, kernel.form);
  text += PrintSchedule(kernel);
  return text +
         fmt::format("  {} floating-point operations, {} bytes\n", kernel.flops, BytesOf(kernel));
}

KernelSummary Summarize(const Kernel& kernel) {
  return {.name = kernel.name,
          .kind = std::string(NameOf(kernel.form)),
          .nodes = CoveredNodes(kernel),
          .flops = kernel.flops,
          .bytes = BytesOf(kernel),
          .tiles = kernel.schedule.tiles,
          .parallel = kernel.schedule.parallel,
          .text = PrintKernel(kernel)};
}

std::vector<CallSummary> SummarizeCalls(const EntryProgram& entry, const KernelProgram& program) {
  std::vector<CallSummary> calls;
  VisitCalls(entry.steps, entry, program, 0, calls);
  return calls;
}

std::vector<BufferSummary> SummarizeBuffers(const EntryProgram& entry,
                                            const KernelProgram& program) {
  const StepListing steps = ListSteps(entry, program.kernels);
  const std::vector<Life> lives = LivesOf(entry, steps);
  std::vector<BufferSummary> summaries;
  for (size_t i = 0; i < entry.buffers.size(); ++i) {
    const Buffer& buffer = entry.buffers[i];
    summaries.push_back({.name = buffer.name,
                         .type = ToString(buffer.type),
                         .space = std::string(NameOf(buffer.space)),
                         .origin = buffer.origin,
                         .section = buffer.section,
                         .offset = buffer.offset,
                         .bytes = buffer.type.bytes(),
                         .first_call = lives[i].first,
                         .last_call = lives[i].last});
  }
  for (const Access& access : steps.accesses) {
    BufferSummary& summary = summaries[access.buffer];
    summary.kept_for_backward |= access.read && access.parameter >= 0 &&
                                 steps.calls[access.call]->section == Section::kBackward &&
                                 entry.buffers[access.buffer].space == Space::kArena &&
                                 summary.section == Section::kForward;
  }
  return summaries;
}

std::string PrintKernels(const EntryProgram& entry, const KernelProgram& program) {
  const std::vector<CallSummary> calls = SummarizeCalls(entry, program);
  std::set<int> distinct;
  int kernel_calls = 0;
  int64_t flops = 0;
  for (const CallSummary& call : calls) {
    if (call.kernel < 0) continue;
    distinct.insert(call.kernel);
    ++kernel_calls;
    flops += program.kernels[call.kernel].flops;
  }
  std::string text =
      fmt::format("entry {}: {} of {}, {}\n", entry.name, Counted(kernel_calls, "call"),
                  Counted(distinct.size(), "kernel"), Counted(flops, "floating-point operation"));
  std::set<int> shown;
  for (const CallSummary& call : calls) {
    const std::string indent(2 * call.depth, ' ');
    if (call.kernel < 0) {
      text += call.condition.empty()
                  ? fmt::format("\n{}loop {} times\n", indent, call.trip_count)
                  : fmt::format("\n{}{} {}\n", indent, call.otherwise ? "if not" : "if",
                                call.condition);
      continue;
    }
    const Kernel& kernel = program.kernels[call.kernel];
    text += fmt::format("\n{}call {}({}) -> {}  # {}\n", indent, kernel.name,
                        fmt::join(call.reads, ", "), fmt::join(call.writes, ", "),
                        ToString(call.section));
    if (shown.insert(call.kernel).second) text += PrintKernel(kernel);
  }
  return text;
}

std::string PrintMemory(const EntryProgram& entry, const KernelProgram& program) {
  std::vector<BufferSummary> buffers = SummarizeBuffers(entry, program);
  int64_t sum = 0;
  size_t width = 4;
  for (const BufferSummary& buffer : buffers) {
    if (buffer.space == "arena") sum += Aligned(buffer.bytes);
    width = std::max(width, buffer.name.size());
  }
  std::stable_sort(buffers.begin(), buffers.end(),
                   [](const BufferSummary& a, const BufferSummary& b) {
                     return std::pair(a.space, -a.bytes) < std::pair(b.space, -b.bytes);
                   });
  std::string text = fmt::format(
      "entry {}: arena {} bytes ({} without reuse), worker scratch {} bytes, state {} bytes\n",
      entry.name, entry.arena_bytes, sum, entry.worker_scratch_bytes, program.state_bytes);
  text += fmt::format("{:<{}}  {:<10} {:>10} {:>10}  {:<9}  {}\n", "name", width, "space", "offset",
                      "bytes", "calls", "type");
  for (const BufferSummary& buffer : buffers) {
    const std::string life =
        buffer.first_call < 0 ? "-" : fmt::format("{}-{}", buffer.first_call, buffer.last_call);
    text += fmt::format("{:<{}}  {:<10} {:>10} {:>10}  {:<9}  {}{}{}\n", buffer.name, width,
                        buffer.space, buffer.offset, buffer.bytes, life, buffer.type,
                        buffer.kept_for_backward ? ", kept for backward" : "",
                        buffer.origin.empty() ? "" : ", from " + buffer.origin);
  }
  return text;
}

}  // namespace descent

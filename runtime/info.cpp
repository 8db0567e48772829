#include <link.h>

#include <algorithm>

#include "runtime/commands.h"
#include "runtime/dtype.h"

namespace descent::runtime {
namespace {

constexpr std::string_view kSlotKinds[] = {"parameter", "statistic", "optimizer",
                                           "seed",      "step",      "learning rate"};

/// Shared libraries in the process, by file name, in the order they were loaded.
std::vector<std::string> Dependencies() {
  std::vector<std::string> names;
  dl_iterate_phdr(
      [](dl_phdr_info* info, size_t, void* list) {
        std::string_view path = info->dlpi_name;
        std::string_view name = path.substr(path.rfind('/') + 1);
        bool own = name.empty() || name.starts_with("linux-vdso") || name.starts_with("ld-linux");
        if (!own) static_cast<std::vector<std::string>*>(list)->emplace_back(name);
        return 0;
      },
      &names);
  return names;
}

void AppendTensor(std::string_view role, const descent_tensor& tensor, std::string_view note,
                  std::string* text) {
  *text += fmt::format("    {:<7} {}: {}{}{}\n", role, tensor.name, NameOf(tensor.dtype),
                       ShapeText(tensor), note);
}

std::string EntriesText(const Program& program) {
  std::string text;
  for (const descent_entry& entry : program.entries()) {
    text += fmt::format(
        "  {}: batch {}, {}, {} arena bytes, {} scratch bytes + {} per thread, {} flops\n",
        entry.name, entry.batch, Counted(entry.kernel_count, "kernel call"), entry.arena_bytes,
        entry.fixed_scratch_bytes, entry.worker_scratch_bytes, entry.flops);
    for (const descent_input& input : Inputs(entry)) {
      std::string from = input.column && *input.column ? fmt::format(" from {}", input.column) : "";
      AppendTensor("input", input.tensor, from, &text);
    }
    for (const descent_output& output : Outputs(entry))
      AppendTensor("output", output.tensor, "", &text);
  }
  return text;
}

std::string OrderText(const descent_slot& slot) {
  if (!slot.order) return "";
  return fmt::format(", axes {} in memory",
                     fmt::join(slot.order, slot.order + slot.tensor.rank, ", "));
}

std::string SlotsText(const Program& program, int64_t* parameters) {
  std::string text;
  for (const descent_slot& slot : program.slots()) {
    int64_t elements = ElementCount(slot.tensor);
    if (slot.kind == DESCENT_SLOT_PARAMETER) *parameters += elements;
    bool frozen = slot.kind == DESCENT_SLOT_PARAMETER && !slot.trainable;
    text += fmt::format("  {}: {}{} {}{}{}\n", slot.tensor.name, NameOf(slot.tensor.dtype),
                        ShapeText(slot.tensor), kSlotKinds[slot.kind],
                        frozen ? ", not trained" : "", OrderText(slot));
  }
  return text;
}

}  // namespace

std::string InfoText(const Program& program, Programs programs) {
  const descent_program& abi = program.abi();
  int64_t parameters = 0;
  std::string slots = SlotsText(program, &parameters);
  const std::string targets =
      programs.size() > 1 ? fmt::format("targets: {}\n", TargetsText(programs, &abi)) : "";
  std::string text = fmt::format(
      "model {}\nhash {}\ncompiled by {} for {} (needs {})\n{}{} parameters, {} bytes of state\n"
      "built-in weights: {}\ndependencies: {}\n",
      abi.name, abi.model_hash, abi.compiler, abi.target, abi.cpu_needs, targets, parameters,
      abi.state_bytes, abi.weights ? fmt::format("{} bytes", abi.weights_bytes) : "none",
      Dependencies().empty() ? "none" : fmt::format("{}", fmt::join(Dependencies(), " ")));
  text += "entry points:\n" + EntriesText(program);
  text += "state:\n" + slots;
  text += "hyperparameters:\n";
  for (int64_t i = 0; i < abi.hyperparameter_count; ++i) {
    text += fmt::format("  {} = {}\n", abi.hyperparameters[i].name, abi.hyperparameters[i].value);
  }
  return text;
}

}  // namespace descent::runtime

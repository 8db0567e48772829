#include "runtime/program_choice.h"

#include <algorithm>
#include <vector>

namespace descent::runtime {
namespace {

bool CanRun(const descent_program* program) {
  return !program->cpu_is_supported || program->cpu_is_supported();
}

/// "x86-64-v4 needs AVX-512; x86-64-v3 needs AVX2"
std::string NeedsText(Programs programs) {
  std::vector<std::string> needs;
  for (const descent_program* program : programs)
    needs.push_back(fmt::format("{} needs {}", program->target, program->cpu_needs));
  return fmt::format("{}", fmt::join(needs, "; "));
}

Result<const descent_program*> FindTarget(Programs programs, std::string_view isa) {
  const auto found = std::ranges::find_if(
      programs, [&](const descent_program* program) { return isa == program->target; });
  if (found == programs.end())
    return WithHint(FailWith(ExitStatus::kUsage, "", "--isa: this program was not compiled for {}",
                             Quoted(isa)),
                    fmt::format("but for {}", TargetNames(programs)));
  if (programs.size() > 1 && !CanRun(*found) && std::ranges::any_of(programs, CanRun))
    return WithHint(Fail("", "target {} needs {}, and this CPU does not have all of it",
                         (*found)->target, (*found)->cpu_needs),
                    "without --isa the best program for this CPU runs");
  return *found;
}

}  // namespace

Programs ProgramsOf(const descent_program* const* list) {
  size_t count = 0;
  while (list[count] != nullptr) ++count;
  return {list, count};
}

Result<const descent_program*> ChooseProgram(Programs programs, std::string_view isa) {
  if (!isa.empty()) return FindTarget(programs, isa);
  if (programs.size() == 1) return programs[0];
  const auto found = std::ranges::find_if(programs, CanRun);
  if (found != programs.end()) return *found;
  return WithHint(
      Fail("", "this CPU has all that is needed for none of the targets: {}", NeedsText(programs)),
      "compile for this CPU");
}

std::string TargetNames(Programs programs) {
  std::vector<std::string_view> names;
  for (const descent_program* program : programs) names.emplace_back(program->target);
  return fmt::format("{}", fmt::join(names, ", "));
}

std::string TargetsText(Programs programs, const descent_program* used) {
  if (programs.size() == 1) return programs[0]->target;
  std::vector<std::string> targets;
  for (const descent_program* program : programs)
    targets.push_back(fmt::format("{}{}", program->target,
                                  program == used    ? " (in use)"
                                  : !CanRun(program) ? " (not for this CPU)"
                                                     : ""));
  return fmt::format("{}", fmt::join(targets, ", "));
}

}  // namespace descent::runtime

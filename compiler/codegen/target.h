// Targets: everything known about the CPUs programs are compiled for, one table row a name.
//
// `native` resolves to the best row that the running CPU can execute, by its real features (what
// the operating system or hypervisor masks does not count). Code is selected for an instruction-set
// level (`llvm_cpu`) and tuned for a core
// (`tune_cpu`), so it never uses an instruction outside `needs`.
//
//   DESCENT_TRY(target, ResolveTarget("native"));
//   fmt::print("{} needs {}\n", target->name, CpuNeeds(*target));
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "compiler/kernel/target_facts.h"
#include "ir/diagnostic.h"

namespace descent {

/// One bit of CPUID.
struct CpuFeature {
  std::string_view name;
  uint32_t leaf, subleaf;
  int word;  ///< 0 eax, 1 ebx, 2 ecx, 3 edx
  int bit;
};

/// What a group of targets requires: instructions and the register state the operating system
/// saves.
struct InstructionSet {
  std::string_view name;
  std::string_view printable;
  std::span<const CpuFeature> features;
  uint32_t xcr0;                        ///< bits that must be set in XCR0; 0: there need be no XCR0
  bool has_fma = true;                  ///< fused multiply-adds, and conversions of f16 (F16C)
  std::string_view llvm_features = "";  ///< beside those of Target::llvm_cpu
};

struct Target {
  std::string_view name;
  std::string_view llvm_cpu, tune_cpu;
  const InstructionSet* needs;
  TargetFacts facts;
};

std::span<const Target> AllTargets();
/// A row by name, or for "native" the best row of the running CPU.
Result<const Target*> ResolveTarget(std::string_view name);
/// The rows of a list, as "x86-64-v3,x86-64-v4": what needs most first, and those that need the
/// same in the list's order. A row that is named twice is an error.
Result<std::vector<const Target*>> ResolveTargets(std::string_view names);
/// "AVX2, FMA, ..."
std::string CpuNeeds(const Target& target);
bool RunningCpuSupports(const Target& target);

}  // namespace descent

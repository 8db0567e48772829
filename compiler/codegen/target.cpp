#include "compiler/codegen/target.h"

#include <cpuid.h>
#include <llvm/ADT/StringRef.h>
#include <llvm/TargetParser/Host.h>

#include <algorithm>
#include <array>
#include <ranges>
#include <utility>

namespace descent {
namespace {

// Intel SDM volume 2, CPUID; AMD APM volume 3, appendix E.
constexpr CpuFeature kV2Features[] = {{"SSE3", 1, 0, 2, 0},         {"SSSE3", 1, 0, 2, 9},
                                      {"CMPXCHG16B", 1, 0, 2, 13},  {"SSE4.1", 1, 0, 2, 19},
                                      {"SSE4.2", 1, 0, 2, 20},      {"POPCNT", 1, 0, 2, 23},
                                      {"LAHF", 0x80000001, 0, 2, 0}};
constexpr CpuFeature kV3Features[] = {
    {"SSE4.2", 1, 0, 2, 20},        {"POPCNT", 1, 0, 2, 23}, {"AVX", 1, 0, 2, 28},
    {"FMA", 1, 0, 2, 12},           {"F16C", 1, 0, 2, 29},   {"MOVBE", 1, 0, 2, 22},
    {"BMI1", 7, 0, 1, 3},           {"AVX2", 7, 0, 1, 5},    {"BMI2", 7, 0, 1, 8},
    {"LZCNT", 0x80000001, 0, 2, 5},
};
constexpr auto kV4Features = [] {
  constexpr std::array<CpuFeature, 5> kAvx512 = {{{"AVX-512F", 7, 0, 1, 16},
                                                  {"AVX-512DQ", 7, 0, 1, 17},
                                                  {"AVX-512CD", 7, 0, 1, 28},
                                                  {"AVX-512BW", 7, 0, 1, 30},
                                                  {"AVX-512VL", 7, 0, 1, 31}}};
  std::array<CpuFeature, std::size(kV3Features) + kAvx512.size()> all{};
  auto end = std::copy(std::begin(kV3Features), std::end(kV3Features), all.begin());
  std::copy(kAvx512.begin(), kAvx512.end(), end);
  return all;
}();

constexpr auto kV4Bf16Features = [] {
  std::array<CpuFeature, kV4Features.size() + 1> all{};
  auto* end = std::copy(kV4Features.begin(), kV4Features.end(), all.begin());
  *end = {"AVX512_BF16", 7, 1, 0, 5};
  return all;
}();

constexpr InstructionSet kV2 = {"x86-64-v2", "SSE4.2, SSSE3, POPCNT", kV2Features, 0, false};
constexpr InstructionSet kV3 = {"x86-64-v3", "AVX2, FMA, F16C, BMI2", kV3Features, 0x06};
constexpr InstructionSet kV4 = {"x86-64-v4", "AVX-512 (F, BW, CD, DQ, VL), FMA, BMI2", kV4Features,
                                0xe6};
constexpr InstructionSet kV4Bf16 = {"x86-64-v4 and AVX512_BF16",
                                    "AVX-512 (F, BW, CD, DQ, VL, BF16), FMA, BMI2",
                                    kV4Bf16Features,
                                    0xe6,
                                    true,
                                    "+avx512bf16"};

constexpr int64_t KiB(int64_t n) { return n << 10; }
constexpr int64_t MiB(int64_t n) { return n << 20; }

// {vector bytes, vector registers, L1, L2, L3, FMA ports, pairs of bf16}; sizes of the smallest
// part on sale of each family.
constexpr Target kTargets[] = {
    {"x86-64-v2", "x86-64-v2", "x86-64-v2", &kV2, {16, 16, KiB(32), KiB(256), MiB(4), 1}},
    {"x86-64-v3", "x86-64-v3", "x86-64-v3", &kV3, {32, 16, KiB(32), KiB(256), MiB(8), 2}},
    {"haswell", "x86-64-v3", "haswell", &kV3, {32, 16, KiB(32), KiB(256), MiB(8), 2}},
    {"skylake", "x86-64-v3", "skylake", &kV3, {32, 16, KiB(32), KiB(256), MiB(8), 2}},
    {"alderlake", "x86-64-v3", "alderlake", &kV3, {32, 16, KiB(48), KiB(1280), MiB(12), 2}},
    {"znver2", "x86-64-v3", "znver2", &kV3, {32, 16, KiB(32), KiB(512), MiB(8), 2}},
    {"znver3", "x86-64-v3", "znver3", &kV3, {32, 16, KiB(32), KiB(512), MiB(16), 2}},
    {"x86-64-v4", "x86-64-v4", "x86-64-v4", &kV4, {64, 32, KiB(32), KiB(1024), MiB(8), 2}},
    {"skylake-avx512",
     "x86-64-v4",
     "skylake-avx512",
     &kV4,
     {64, 32, KiB(32), KiB(1024), MiB(8), 2}},
    {"icelake-server",
     "x86-64-v4",
     "icelake-server",
     &kV4,
     {64, 32, KiB(48), KiB(1280), MiB(16), 2}},
    {"sapphirerapids",
     "x86-64-v4",
     "sapphirerapids",
     &kV4Bf16,
     {64, 32, KiB(48), KiB(2048), MiB(16), 2, true}},
    {"znver4", "x86-64-v4", "znver4", &kV4Bf16, {64, 32, KiB(32), KiB(1024), MiB(16), 1, true}},
    {"znver5", "x86-64-v4", "znver5", &kV4Bf16, {64, 32, KiB(48), KiB(1024), MiB(16), 2, true}},
};

/// What LLVM calls the running CPU where that is no row of the table, and cores of which a part is
/// masked off.
constexpr std::pair<std::string_view, std::string_view> kFallbacks[] = {
    {"znver5", "x86-64-v4"},
    {"znver4", "x86-64-v4"},
    {"x86-64-v4", "znver3"},
    {"znver1", "x86-64-v3"},
    {"broadwell", "haswell"},
    {"cascadelake", "skylake-avx512"},
    {"cooperlake", "skylake-avx512"},
    {"icelake-client", "icelake-server"},
    {"tigerlake", "icelake-server"},
    {"rocketlake", "icelake-server"},
    {"emeraldrapids", "sapphirerapids"},
    {"graniterapids", "sapphirerapids"},
    {"skylake-avx512", "skylake"},
    {"raptorlake", "alderlake"},
    {"meteorlake", "alderlake"},
    {"arrowlake", "alderlake"},
    {"lunarlake", "alderlake"},
};

const Target* Find(std::string_view name) {
  const auto* row = std::ranges::find(kTargets, name, &Target::name);
  return row == std::end(kTargets) ? nullptr : row;
}

uint32_t ReadXcr0() {
  uint32_t low = 0, high = 0;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return low;
}

bool RunningCpuHas(const InstructionSet& set) {
  for (const CpuFeature& feature : set.features) {
    uint32_t words[4] = {};
    if (!__get_cpuid_count(feature.leaf, feature.subleaf, &words[0], &words[1], &words[2],
                           &words[3]) ||
        !(words[feature.word] >> feature.bit & 1))
      return false;
  }
  if (set.xcr0 == 0) return true;
  uint32_t a = 0, b = 0, c = 0, d = 0;
  if (!__get_cpuid(1, &a, &b, &c, &d) || !(c >> 27 & 1)) return false;  // OSXSAVE
  return (ReadXcr0() & set.xcr0) == set.xcr0;
}

Result<const Target*> ResolveNative() {
  for (std::string name = llvm::sys::getHostCPUName().str(); !name.empty();) {
    const Target* row = Find(name);
    if (row && RunningCpuSupports(*row)) return row;
    const auto* next = std::ranges::find(kFallbacks, std::string_view(name),
                                         [](const auto& pair) { return pair.first; });
    name = next == std::end(kFallbacks) ? "" : std::string(next->second);
  }
  for (std::string_view generic : {"x86-64-v4", "x86-64-v3", "x86-64-v2"})
    if (RunningCpuSupports(*Find(generic))) return Find(generic);
  return ErrorWithStatus(ExitStatus::kUnsupported,
                         "this CPU lacks what the smallest target needs: {}", kV2.printable);
}

}  // namespace

std::span<const Target> AllTargets() { return kTargets; }

bool RunningCpuSupports(const Target& target) { return RunningCpuHas(*target.needs); }

std::string CpuNeeds(const Target& target) { return std::string(target.needs->printable); }

Result<const Target*> ResolveTarget(std::string_view name) {
  if (name == "native") return ResolveNative();
  if (const Target* row = Find(name)) return row;
  if (name.find(',') != std::string_view::npos)
    return std::unexpected(
        Diagnostic{.message = fmt::format("one target is expected here, not {}", Quoted(name)),
                   .hint = "executables of `descent compile` alone are made for several",
                   .status = ExitStatus::kUsage});
  std::string names = "native";
  for (const Target& row : kTargets) (names += ", ") += row.name;
  return std::unexpected(Diagnostic{.message = fmt::format("unknown target {}", Quoted(name)),
                                    .hint = "targets are " + names,
                                    .status = ExitStatus::kUsage});
}

Result<std::vector<const Target*>> ResolveTargets(std::string_view names) {
  std::vector<const Target*> targets;
  for (const auto word : std::views::split(names, ',')) {
    DESCENT_TRY(target, ResolveTarget(std::string_view(word)));
    if (std::ranges::find(targets, target) != targets.end())
      return ErrorWithStatus(ExitStatus::kUsage, "target {} is named twice in {}", target->name,
                             Quoted(names));
    targets.push_back(target);
  }
  // Each set of instructions has all of the smaller ones.
  std::ranges::stable_sort(targets, std::ranges::greater(),
                           [](const Target* target) { return target->needs->features.size(); });
  return targets;
}

}  // namespace descent

#include "tests/compiler/oracle/option_set.h"

#include <algorithm>
#include <charconv>
#include <random>
#include <ranges>

namespace descent {
namespace {

/// A choice by its word: fields of two values.
struct Switch {
  std::string_view name, no, yes;
  bool OptionSet::* field;
};
constexpr Switch kSwitches[] = {
    {"fuse", "off", "on", &OptionSet::fuse},
    {"simplify", "off", "on", &OptionSet::simplify},
    {"tiles", "large", "small", &OptionSet::small_tiles},
    {"packing", "smallest", "disjoint", &OptionSet::disjoint},
    {"caches", "large", "small", &OptionSet::small_caches},
    {"winograd", "off", "on", &OptionSet::winograd},
    {"guards", "off", "on", &OptionSet::guards},
};
constexpr int kThreads[] = {0, 1, 2, 3, 8};

}  // namespace

OptionSet DrawOptions(uint64_t seed) {
  std::mt19937_64 random(seed ^ 0x6F7074696F6E73);
  std::vector<std::string> targets = {"native"};
  for (const std::string_view name : {"x86-64-v2", "x86-64-v3", "x86-64-v4"})
    if (RunningCpuSupports(**ResolveTarget(name))) targets.emplace_back(name);
  OptionSet options;
  options.target = targets[random() % targets.size()];
  options.fuse = random() % 2 == 0;
  options.simplify = random() % 4 != 0;
  options.small_tiles = random() % 4 != 0;
  options.disjoint = random() % 2 == 0;
  options.threads = kThreads[random() % std::size(kThreads)];
  options.small_caches = random() % 2 == 0;
  options.guards = random() % 2 == 0;
  return options;
}

std::string ToString(const OptionSet& options) {
  std::string text = "target=" + options.target;
  for (const Switch& option : kSwitches)
    text += fmt::format(" {}={}", option.name, options.*option.field ? option.yes : option.no);
  return text + fmt::format(" threads={}", options.threads);
}

Result<OptionSet> ParseOptions(std::string_view text) {
  OptionSet options;
  for (const auto word : std::views::split(text, ' ')) {
    const std::string_view option(word.begin(), word.end());
    if (option.empty()) continue;
    const size_t equals = std::min(option.find('='), option.size());
    const std::string_view name = option.substr(0, equals);
    const std::string_view value = option.substr(std::min(equals + 1, option.size()));
    const auto* known = std::ranges::find(kSwitches, name, &Switch::name);
    if (name == "target") {
      DESCENT_RETURN_IF_ERROR(ResolveTarget(value));
      options.target = value;
    } else if (name == "threads") {
      const auto end = std::from_chars(value.data(), value.data() + value.size(), options.threads);
      if (end.ec != std::errc() || options.threads < 0 || options.threads > 64)
        return Error("{}: threads are 0 to 64", Quoted(option));
    } else if (known != std::end(kSwitches) && (value == known->no || value == known->yes)) {
      options.*known->field = value == known->yes;
    } else {
      return Error("no compile option {}", Quoted(option));
    }
  }
  return options;
}

Result<Target> TargetOf(const OptionSet& options) {
  DESCENT_TRY(named, ResolveTarget(options.target));
  Target target = *named;
  if (options.small_caches) {
    target.facts.l1_bytes = 2 << 10;
    target.facts.l2_bytes = 16 << 10;
    target.facts.l3_bytes = 64 << 10;
  }
  return target;
}

LowerOptions LoweringOf(const OptionSet& options, const Target& target) {
  LowerOptions lowering{.fuse = options.fuse,
                        .target = target.facts,
                        .packing = options.disjoint ? Packing::kDisjoint : Packing::kSmallest,
                        .winograd = options.winograd ? Winograd::kWhereverItCan : Winograd::kNever};
  if (options.small_tiles) {
    lowering.target.dispatch_work = 1;
    lowering.target.tile_work = 1;
  }
  return lowering;
}

}  // namespace descent

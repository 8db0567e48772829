// Ways to compile the same graph, none of which may change a result by more than rounding.
//
//   "target=x86-64-v3 fuse=off simplify=on tiles=small packing=disjoint winograd=on guards=on
//   threads=3"
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "compiler/codegen/target.h"
#include "compiler/kernel/lower_model.h"

namespace descent {

struct OptionSet {
  std::string target = "native";
  bool fuse = true;
  bool simplify = true;       ///< and fold constants
  bool small_tiles = false;   ///< every kernel in as many tiles as it can have
  bool disjoint = false;      ///< no two buffers share bytes
  bool small_caches = false;  ///< so that small cases have blocks and boxes in many pieces
  bool winograd = false;      ///< wherever it can; off: nowhere
  bool guards = false;        ///< around all buffers, and checked: compiler/memory_check.h
  /// 1: serial. 0: one thread that takes the tiles in an order of its own.
  int threads = 1;
};

/// One that this CPU can run; the same for the same seed on the same kind of CPU.
OptionSet DrawOptions(uint64_t seed);

std::string ToString(const OptionSet& options);
/// Unknown words are diagnosed.
Result<OptionSet> ParseOptions(std::string_view text);

/// That of the name, with caches as the options have them.
Result<Target> TargetOf(const OptionSet& options);

LowerOptions LoweringOf(const OptionSet& options, const Target& target);

}  // namespace descent

// Whether a compiled model computes what it computes without fusion: what is timed must be right.
#pragma once

#include "frontends/cli/bench/bench_program.h"

namespace descent::cli {

/// Starts from moved parameters and data that Compare needs beside the usual one.
inline constexpr int kMoves = 2;

/// Of every call: the distance may be 1e-5 of the figure, and 8 times what moving parameters and
/// data by their last bit does to it. `reference` has kMoves + 1 rows, `fused` one. A kDiffers
/// diagnostic names the first call that differs, or whose figure is not finite. `entry` is for the
/// message.
Result<void> Compare(const FirstFigures& reference, const std::vector<double>& fused,
                     std::string_view entry);

}  // namespace descent::cli

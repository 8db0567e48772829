// What the core can do at most: independent fused multiply-adds in registers.
#pragma once

namespace descent {

/// Runs for about `seconds` with vectors of `vector_bytes` (32 or 64); the best rate seen, in
/// GFLOP/s of f32.
double MeasureFmaPeak(int vector_bytes, double seconds = 0.3);

}  // namespace descent

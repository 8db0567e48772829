// TargetFacts: what scheduling needs to know of a CPU. compiler/codegen/target.h holds the one
// table of targets and fills it, so this header knows no LLVM and no target names.
#pragma once

#include <cstdint>

namespace descent {

/// Work below which cutting up costs more than it gains.
inline constexpr int64_t kSerialFlops = 500'000;

struct TargetFacts {
  int64_t vector_bytes = 32;
  int64_t vector_registers = 16;
  int64_t l1_bytes = 32 << 10;   ///< data cache of a core
  int64_t l2_bytes = 512 << 10;  ///< of a core
  int64_t l3_bytes = 8 << 20;    ///< shared
  int64_t fma_ports = 2;         ///< fused multiply-adds of full vectors that start per cycle
  /// Sums of products of bf16 pairs: twice the products of a fused multiply-add (AVX512_BF16).
  bool bf16_pairs = false;
  // In flops, or the time of so many.
  int64_t dispatch_work = kSerialFlops;  ///< kernels with less are not worth a second thread
  int64_t tile_work = 128 << 10;         ///< of a tile, at least about this much
};

}  // namespace descent

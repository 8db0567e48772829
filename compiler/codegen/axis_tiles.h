// The units of work of a tile, for kernels that run along an axis. Internal to compiler/codegen
// (sees LLVM).
#pragma once

#include <algorithm>
#include <functional>

#include "compiler/codegen/kernel_frame.h"
#include "compiler/kernel/axis_forms.h"

namespace descent {

inline void EmitAxisTiles(KernelFrame& frame, const std::function<void(llvm::Value*)>& unit) {
  FunctionEmitter& f = frame.f;
  const KernelSchedule& schedule = frame.kernel.schedule;
  const int64_t units = AxisUnits(frame.kernel);
  const int64_t extent = schedule.tiles > 1 ? schedule.tile_extent : std::max<int64_t>(units, 1);
  f.For(f.Mul(frame.first_tile, extent), f.Min(f.Mul(frame.last_tile, extent), f.I64(units)), 1,
        unit, "unit");
}

}  // namespace descent

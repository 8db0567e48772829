#include "compiler/codegen/loop_emitter.h"

#include <algorithm>

namespace descent {
namespace {

bool IsScalar(const Local& local) { return local.shape.empty(); }

class LoopKernelEmitter {
 public:
  explicit LoopKernelEmitter(KernelFrame& frame)
      : frame_(frame), f_(frame.f), kernel_(frame.kernel) {
    int64_t offset = 0;
    for (const Local& local : kernel_.locals) {
      const TensorType type{local.dtype, local.shape};
      llvm::AllocaInst* variable = nullptr;
      Memory memory;
      if (IsScalar(local)) {
        variable = f_.Variable(f_.RegisterType(local.dtype), "local");
        memory.dtype = local.dtype;
      } else {
        memory = RowMajor(frame.ScratchAt(offset), type);
        offset += Aligned(type.bytes());
      }
      locals_.push_back({variable, memory});
    }
  }

  void Emit() {
    if (const Shape outer = Outer(); !outer.empty()) {
      EmitOuterTiles(outer);
    } else {
      EmitAxisTiles();
    }
  }

 private:
  struct BoundLocal {
    llvm::AllocaInst* variable;
    Memory memory;
  };

  /// The kernel's outer axes, or those of the only stage that tiles split.
  Shape Outer() const {
    if (!kernel_.outer.empty()) return kernel_.outer;
    const Shape& axes = kernel_.stages[0].axes;
    return Shape(axes.begin(), axes.begin() + kernel_.schedule.tile_axes);
  }

  /// Tiles are ranges of the flattened outer space.
  void EmitOuterTiles(const Shape& outer) {
    frame_.ForOwn(
        Elements(outer),
        [&](llvm::Value* flat) { EmitStages(Coordinates(flat, outer), nullptr, nullptr, 1); },
        "outer");
  }

  /// Tiles are ranges of one axis that all stages have.
  void EmitAxisTiles() {
    const int axis = kernel_.schedule.tile_axis;
    if (axis < 0) {
      // One tile; every call of the function runs it if its range is not empty.
      f_.For(
          frame_.first_tile, frame_.last_tile, 1,
          [&](llvm::Value*) { EmitStages({}, nullptr, nullptr, 1); }, "tile");
      return;
    }
    const int64_t total = kernel_.stages[0].axes[axis];
    const int64_t extent = kernel_.schedule.tile_extent;
    const auto range = [&](llvm::Value* first, llvm::Value* last) {
      EmitStages({}, f_.Mul(first, extent), f_.Min(f_.Mul(last, extent), f_.I64(total)), extent);
    };
    if (kernel_.schedule.tiles <= 1) {
      f_.For(
          frame_.first_tile, frame_.last_tile, 1,
          [&](llvm::Value*) { EmitStages({}, nullptr, nullptr, 1); }, "tile");
    } else if (kernel_.stages.size() == 1) {
      range(frame_.first_tile, frame_.last_tile);  // neighbouring tiles are one range
    } else {
      f_.For(
          frame_.first_tile, frame_.last_tile, 1,
          [&](llvm::Value* tile) { range(tile, f_.Add(tile, f_.I64(1))); }, "tile");
    }
  }

  std::vector<llvm::Value*> Coordinates(llvm::Value* flat, const Shape& extents) {
    std::vector<llvm::Value*> coordinates(extents.size());
    for (size_t d = extents.size(); d-- > 1;) {
      llvm::Value* extent = f_.I64(extents[d]);
      coordinates[d] = f_.b.CreateURem(flat, extent);
      flat = f_.b.CreateUDiv(flat, extent);
    }
    coordinates[0] = flat;
    return coordinates;
  }

  void EmitStages(const std::vector<llvm::Value*>& outer, llvm::Value* low, llvm::Value* high,
                  int64_t low_multiple) {
    for (const Stage& stage : kernel_.stages) {
      const int own = stage.parallel - kernel_.schedule.tile_axes;
      Nest nest{.extents = kernel_.outer, .outer = outer, .parallel = own};
      nest.extents.insert(nest.extents.end(), stage.axes.begin(), stage.axes.end());
      nest.ranges.resize(stage.axes.size() - kernel_.schedule.tile_axes);
      if (low) nest.ranges[kernel_.schedule.tile_axis] = {low, high, low_multiple};
      for (const StageRead& read : stage.reads) nest.reads.push_back(Bind(read));
      nest.reducer = stage.reducer ? &*stage.reducer : nullptr;
      nest.results = stage.results;
      for (const StageStore& store : stage.stores) BindStore(stage, store, outer.size(), nest);
      nest.status = frame_.status;
      EmitNest(f_, nest);
    }
  }

  NestRead Bind(const StageRead& read) {
    NestRead bound{read.coordinates, read.guards, read.outside, {}, nullptr};
    if (read.source == Source::kParameter) {
      bound.memory = frame_.Parameter(read.index);
      return bound;
    }
    const BoundLocal& local = locals_[read.index];
    bound.memory = local.memory;
    if (local.variable)
      bound.scalar = f_.b.CreateLoad(local.variable->getAllocatedType(), local.variable);
    return bound;
  }

  void BindStore(const Stage& stage, const StageStore& store, size_t outer, Nest& nest) {
    if (store.parameter >= 0)
      nest.stores.push_back(
          {store.result, store.coordinates, frame_.Parameter(store.parameter), nullptr});
    if (store.local < 0) return;
    const BoundLocal& local = locals_[store.local];
    std::vector<Index> own;
    for (int axis = 0; axis < stage.parallel; ++axis)
      own.push_back(Axis(static_cast<int>(outer) + axis));
    nest.stores.push_back({store.result, own, local.memory, local.variable});
  }

  KernelFrame& frame_;
  FunctionEmitter& f_;
  const Kernel& kernel_;
  std::vector<BoundLocal> locals_;
};

}  // namespace

int64_t LocalBytes(const Kernel& kernel) {
  int64_t bytes = 0;
  for (const Local& local : kernel.locals)
    if (!IsScalar(local)) bytes += Aligned(TensorType{local.dtype, local.shape}.bytes());
  return bytes;
}

void EmitLoopKernel(llvm::Module& module, const Target& target, const Kernel& kernel) {
  KernelFrame frame(module, target, kernel);
  LoopKernelEmitter(frame).Emit();
  frame.Finish();
}

}  // namespace descent

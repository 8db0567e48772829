#include "compiler/codegen/prefix_emitter.h"

#include <algorithm>

#include "compiler/kernel/axis_forms.h"

namespace descent {
namespace {

/// Reads of a place's nest: the state, then the parameters.
Scalar OverState(const Scalar& scalar, const Scalar& state) {
  return Rewrite(scalar, [&](const ScalarNode& node) -> Scalar {
    if (node.kind == ScalarKind::kAccumulator) return state;
    if (node.kind == ScalarKind::kRead) return ReadScalar(node.slot + 1, node.dtype);
    return nullptr;
  });
}

/// One unit: up to kPrefixLanes states side by side in scratch, or one in a register.
class PrefixEmitter {
 public:
  explicit PrefixEmitter(KernelFrame& frame)
      : frame_(frame), f_(frame.f), form_(frame.kernel.as<PrefixForm>()), axis_(form_.axis) {
    const DType dtype = form_.step->dtype;
    state_ = {.base = nullptr, .dtype = dtype, .extents = {lanes()}, .strides = {1}};
    if (alone())
      variable_ = f_.Variable(f_.RegisterType(dtype), "state");
    else
      state_.base = frame.scratch;
  }

  void EmitUnit(llvm::Value* unit) {
    auto& b = f_.b;
    const int64_t runs = (axis_.inner + lanes() - 1) / lanes();
    llvm::Value* outer = runs == 1 ? unit : b.CreateUDiv(unit, f_.I64(runs));
    llvm::Value* low = runs == 1 ? f_.I64(0) : f_.Mul(b.CreateURem(unit, f_.I64(runs)), lanes());
    first_ = f_.Add(f_.Mul(outer, axis_.length * axis_.inner), low);
    count_ = runs == 1 ? f_.I64(axis_.inner)
                       : f_.Min(f_.I64(lanes()), b.CreateSub(f_.I64(axis_.inner), low));
    EmitInit();
    f_.For(
        f_.I64(0), f_.I64(axis_.length), 1,
        [&](llvm::Value* t) {
          EmitPlace(form_.reverse ? b.CreateSub(f_.I64(axis_.length - 1), t) : t);
        },
        "place");
  }

 private:
  bool alone() const { return axis_.inner == 1; }
  int64_t lanes() const { return std::min(axis_.inner, kPrefixLanes); }

  /// Axes [place, lane]; without neighbours there is no axis of lanes.
  Nest NestAt(llvm::Value* place) const {
    Nest nest{.extents = {axis_.length}, .outer = {place}};
    if (alone()) return nest;
    nest.extents.push_back(lanes());
    nest.parallel = 1;
    nest.ranges = {{.low = nullptr, .high = count_, .low_multiple = 1}};
    return nest;
  }

  std::vector<Index> StateCoordinates() const {
    return alone() ? std::vector<Index>{} : std::vector{Axis(1)};
  }
  std::vector<Index> Coordinates() const {
    return alone() ? std::vector{Axis(0)} : std::vector{Axis(0), Axis(1)};
  }

  Memory ParameterAt(int number) const {
    const DType dtype = frame_.kernel.parameters[number].type.dtype;
    Memory memory{f_.Element(f_.MemoryType(dtype), frame_.parameters[number], first_),
                  dtype,
                  {axis_.length},
                  {axis_.inner}};
    if (alone()) return memory;
    memory.extents.push_back(lanes());
    memory.strides.push_back(1);
    return memory;
  }

  void EmitInit() {
    Nest nest = NestAt(f_.I64(0));
    nest.results = {form_.init};
    nest.stores = {{0, StateCoordinates(), state_, variable_}};
    EmitNest(f_, nest);
  }

  void EmitPlace(llvm::Value* place) {
    Nest nest = NestAt(place);
    NestRead state{StateCoordinates(), {}, nullptr, state_, nullptr};
    if (alone()) state.scalar = f_.b.CreateLoad(variable_->getAllocatedType(), variable_);
    nest.reads.push_back(std::move(state));
    const int result = static_cast<int>(frame_.kernel.parameters.size()) - 1;
    for (int i = 0; i < result; ++i)
      nest.reads.push_back({Coordinates(), {}, nullptr, ParameterAt(i), nullptr});
    const Scalar old = ReadScalar(0, form_.step->dtype), next = OverState(form_.step, old);
    nest.results = {OverState(form_.result, form_.exclusive ? old : next), next};
    nest.stores = {{0, Coordinates(), ParameterAt(result), nullptr},
                   {1, StateCoordinates(), state_, variable_}};
    EmitNest(f_, nest);
  }

  KernelFrame& frame_;
  FunctionEmitter& f_;
  const PrefixForm& form_;
  const AlongAxis& axis_;
  Memory state_;
  llvm::AllocaInst* variable_ = nullptr;
  llvm::Value *first_ = nullptr, *count_ = nullptr;
};

}  // namespace

void EmitPrefixKernel(llvm::Module& module, const Target& target, const Kernel& kernel) {
  KernelFrame frame(module, target, kernel);
  PrefixEmitter emitter(frame);
  frame.ForOwn(
      AxisUnits(kernel.as<PrefixForm>()), [&](llvm::Value* unit) { emitter.EmitUnit(unit); },
      "unit");
  frame.Finish();
}

}  // namespace descent

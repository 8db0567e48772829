#include "compiler/codegen/point_emitter.h"

#include <llvm/IR/Intrinsics.h>

#include <algorithm>
#include <limits>

#include "compiler/codegen/float16_emitter.h"
#include "compiler/codegen/scalar_emitter.h"
#include "runtime/abi.h"

namespace descent {
namespace {

constexpr int kNeverHoisted = std::numeric_limits<int>::max();
constexpr int64_t kFits32 = int64_t{1} << 30;

/// Zeros that any vector of any type may be read from.
llvm::Value* ZeroBlock(llvm::Module& module) {
  constexpr const char* kName = "descent.zeros";
  if (auto* known = module.getGlobalVariable(kName, true)) return known;
  auto* type = llvm::ArrayType::get(llvm::Type::getInt8Ty(module.getContext()), 16 * 8);
  auto* zeros = new llvm::GlobalVariable(module, type, true, llvm::GlobalValue::PrivateLinkage,
                                         llvm::ConstantAggregateZero::get(type), kName);
  zeros->setAlignment(llvm::Align(64));
  return zeros;
}

}  // namespace

PointEmitter::PointEmitter(FunctionEmitter& f, const Nest& nest, const LanePlan& plan)
    : f_(f), nest_(nest), plan_(plan) {
  if (plan.axis >= 0) varying_reads_ = VaryingReads(nest, plan.axis);
  axis_level_.assign(nest.extents.size(), -1);
  for (size_t i = 0; i < plan.order.size(); ++i) axis_level_[plan.order[i]] = static_cast<int>(i);
  for (const NestRead& read : nest.reads) {
    int level = -1;
    if (!read.scalar)
      for (const Index& index : read.coordinates) level = std::max(level, Level(index));
    for (const Guard& guard : read.guards) level = std::max(level, Level(guard.index));
    read_level_.push_back(level);
  }
  std::unordered_map<const ScalarNode*, int> levels;
  for (const ScalarNode* node : NodesInOrder(nest)) {
    int level = -1;
    if (node->kind == ScalarKind::kRead) level = read_level_[node->slot];
    if (node->kind == ScalarKind::kIndex) level = Level(node->index);
    if (node->kind == ScalarKind::kAccumulator || node->kind == ScalarKind::kOther)
      level = kNeverHoisted;
    for (const Scalar& argument : node->arguments) level = std::max(level, levels[argument.get()]);
    levels[node] = level;
    node_levels_.emplace_back(node, level);
  }
  // A step that never runs must not be hoisted either: its reads may have no valid address.
  const bool empty = std::ranges::any_of(plan.order, [&](int a) { return nest.extents[a] == 0; });
  if (empty) node_levels_.clear();
}

int PointEmitter::Level(const Index& index) const {
  std::set<int> axes, reads;
  CollectUses(index, axes, reads);
  int level = -1;
  for (int axis : axes) level = std::max(level, axis_level_[axis]);
  for (int read : reads) level = std::max(level, read_level_[read]);
  return level;
}

void PointEmitter::Hoist(Point& point, int level) {
  for (const auto& [node, node_level] : node_levels_)
    if (node_level == level && node->kind != ScalarKind::kConstant) Evaluate(*node, point);
}

// ---- scalar trees ------------------------------------------------------------------------------

llvm::Value* PointEmitter::Evaluate(const ScalarNode& node, Point& point) {
  for (const Point* p = &point; p; p = p->outer)
    if (auto found = p->values.find(&node); found != p->values.end()) return found->second;
  llvm::Value* value = EvaluateNew(node, point);
  point.values.emplace(&node, value);
  return value;
}

llvm::Value* PointEmitter::EvaluateNew(const ScalarNode& node, Point& point) {
  switch (node.kind) {
    case ScalarKind::kConstant:
      return EmitConstant(f_, node);
    case ScalarKind::kIndex:
      return IndexVector(node.index, point);
    case ScalarKind::kRead:
      return Read(node.slot, point);
    case ScalarKind::kAccumulator:
      return point.accumulators[node.slot];
    case ScalarKind::kOther:
      return point.others[node.slot];
    case ScalarKind::kCall: {
      std::vector<llvm::Value*> arguments;
      for (const Scalar& argument : node.arguments) arguments.push_back(Evaluate(*argument, point));
      if (node.op == ScalarOp::kAssertFinite) ReportNotFinite(arguments[0], point);
      return EmitScalarOp(f_, node, arguments);
    }
  }
  InternalError(__FILE__, __LINE__, "unknown scalar kind");
}

// ---- indices -----------------------------------------------------------------------------------

llvm::Value* PointEmitter::IndexVector(const Index& index, Point& point) {
  const auto step = Step(index);
  if (step && *step == 0) return EmitIndex(index, point, 0);
  if (step) {
    llvm::Value* base = f_.Splat(EmitIndex(index, point, 0), plan_.lanes);
    llvm::Value* offsets =
        f_.b.CreateMul(f_.Iota(plan_.lanes, 64), f_.Splat(f_.I64(*step), plan_.lanes));
    return f_.b.CreateAdd(base, offsets);
  }
  llvm::Value* vector = llvm::PoisonValue::get(f_.Widen(f_.b.getInt64Ty(), plan_.lanes));
  for (int lane = 0; lane < plan_.lanes; ++lane)
    vector = f_.b.CreateInsertElement(vector, EmitIndex(index, point, lane), lane);
  return vector;
}

llvm::Value* PointEmitter::EmitIndex(const Index& index, Point& point, int lane) {
  auto& b = f_.b;
  const auto never_negative = [&](const Index& i) {
    const auto range = RangeOf(i, nest_.extents);
    return range && range->low >= 0;
  };
  switch (index->kind) {
    case IndexKind::kConstant:
      return f_.I64(index->value);
    case IndexKind::kAxis: {
      llvm::Value* axis = point.axes[index->value];
      return index->value == plan_.axis && lane > 0 ? f_.Add(axis, f_.I64(lane)) : axis;
    }
    case IndexKind::kAdd:
      return f_.Add(EmitIndex(index->a, point, lane), EmitIndex(index->b, point, lane));
    case IndexKind::kMul:
      return f_.Mul(EmitIndex(index->a, point, lane), index->value);
    case IndexKind::kFloorDiv: {
      llvm::Value* a = EmitIndex(index->a, point, lane);
      llvm::Value* divisor = f_.I64(index->value);
      if (never_negative(index->a)) return b.CreateUDiv(a, divisor);
      llvm::Value* below = b.CreateICmpSLT(b.CreateSRem(a, divisor), f_.I64(0));
      return b.CreateAdd(b.CreateSDiv(a, divisor), b.CreateSExt(below, b.getInt64Ty()));
    }
    case IndexKind::kMod: {
      llvm::Value* a = EmitIndex(index->a, point, lane);
      llvm::Value* divisor = f_.I64(index->value);
      if (never_negative(index->a)) return b.CreateURem(a, divisor);
      llvm::Value* rest = b.CreateSRem(a, divisor);
      return b.CreateSelect(b.CreateICmpSLT(rest, f_.I64(0)), b.CreateAdd(rest, divisor), rest);
    }
    case IndexKind::kRead: {
      const int number = static_cast<int>(index->value);
      const DType dtype = nest_.reads[number].memory.dtype;
      llvm::Value* value = f_.Lane(Read(number, point), lane);
      return b.CreateIntCast(value, b.getInt64Ty(), !Info(dtype).is_unsigned);
    }
  }
  InternalError(__FILE__, __LINE__, "unknown index kind");
}

llvm::Value* PointEmitter::Address(const std::vector<Index>& coordinates, const Memory& memory,
                                   Point& point, int lane) {
  llvm::Type* type = f_.MemoryType(memory.dtype);
  const Index flat = Flatten(coordinates, memory.strides);
  const auto affine = AsAffine(flat, static_cast<int>(nest_.extents.size()));
  if (!affine) return f_.Element(type, memory.base, EmitIndex(flat, point, lane));
  // Outer axes first, so that partial sums are invariant in the inner loops; the constant last, as
  // a displacement.
  std::vector<int> axes;
  for (int axis = 0; axis < static_cast<int>(nest_.extents.size()); ++axis)
    if (affine->coefficients[axis] != 0) axes.push_back(axis);
  std::ranges::stable_sort(axes, {}, [&](int axis) { return axis_level_[axis]; });
  llvm::Value* address = memory.base;
  for (int axis : axes)
    address = f_.Element(type, address, f_.Mul(point.axes[axis], affine->coefficients[axis]));
  const int64_t lane_offset = plan_.axis < 0 ? 0 : lane * affine->coefficients[plan_.axis];
  return f_.Element(type, address, f_.I64(affine->constant + lane_offset));
}

// ---- reads -------------------------------------------------------------------------------------

llvm::Value* PointEmitter::FromMemory(llvm::Value* value, DType dtype) {
  if (ArithmeticType(dtype) != dtype) return EmitFromBits16(f_, dtype, value);
  if (dtype != DType::kBool) return value;
  return f_.b.CreateICmpNE(value, llvm::Constant::getNullValue(value->getType()));
}

llvm::Value* PointEmitter::ToMemory(llvm::Value* value, DType dtype) {
  if (ArithmeticType(dtype) != dtype) return EmitToBits16(f_, dtype, value);
  if (dtype != DType::kBool) return value;
  return f_.b.CreateZExt(value, f_.Widen(f_.b.getInt8Ty(), LaneCount(value)));
}

llvm::Value* PointEmitter::SafeAddress(llvm::Value* condition, llvm::Value* address) {
  return condition ? f_.b.CreateSelect(condition, address, ZeroBlock(f_.module())) : address;
}

/// Adds 0 <= index < extent.
void PointEmitter::Require(Condition& condition, const Index& index, int64_t extent, Point& point) {
  auto& b = f_.b;
  const auto range = RangeOf(index, nest_.extents);
  if (range && range->low >= 0 && range->high < extent) return;
  const auto step = Step(index);
  if (step && *step == 0) {
    llvm::Value* holds = b.CreateICmpULT(EmitIndex(index, point, 0), f_.I64(extent));
    condition.uniform = f_.And(condition.uniform, holds);
    return;
  }
  llvm::Value* vector;
  const bool narrow = step && range && range->low > -kFits32 && range->high < kFits32 &&
                      extent < kFits32 && std::abs(*step) < kFits32 / 64;
  if (narrow) {  // half as many vector instructions as with 64 bits
    llvm::Value* base = b.CreateTrunc(EmitIndex(index, point, 0), b.getInt32Ty());
    vector = b.CreateAdd(f_.Splat(base, plan_.lanes),
                         b.CreateMul(f_.Iota(plan_.lanes, 32),
                                     f_.Splat(f_.I32(static_cast<int32_t>(*step)), plan_.lanes)));
  } else {
    vector = IndexVector(index, point);
  }
  llvm::Value* limit = llvm::ConstantInt::get(vector->getType(), static_cast<uint64_t>(extent));
  condition.varying = f_.And(condition.varying, b.CreateICmpULT(vector, limit));
}

void PointEmitter::ReportBadIndex(const Condition& guard, const Condition& check, Point& point) {
  llvm::Value* bad = f_.b.CreateNot(f_.And(check.uniform, check.varying));
  Report(f_.And(bad, f_.And(guard.uniform, guard.varying)), DESCENT_STATUS_BAD_INDEX, point);
}

void PointEmitter::ReportNotFinite(llvm::Value* value, Point& point) {
  auto& b = f_.b;
  llvm::Value* magnitude = b.CreateUnaryIntrinsic(llvm::Intrinsic::fabs, value);
  llvm::Value* infinity = llvm::ConstantFP::getInfinity(value->getType());
  Report(b.CreateFCmpUEQ(magnitude, infinity), DESCENT_STATUS_NOT_FINITE, point);
}

void PointEmitter::Report(llvm::Value* failed, int32_t status_bit, Point& point) {
  auto& b = f_.b;
  DESCENT_CHECK(nest_.status, "a nest that reports needs a status variable");
  llvm::Value* any = f_.Any(f_.And(failed, point.mask));
  llvm::Value* old = b.CreateLoad(b.getInt32Ty(), nest_.status);
  b.CreateStore(b.CreateOr(old, b.CreateSelect(any, f_.I32(status_bit), f_.I32(0))), nest_.status);
}

llvm::Value* PointEmitter::Read(int number, Point& point) {
  const NestRead& read = nest_.reads[number];
  if (read.scalar && read.guards.empty()) return read.scalar;
  for (const Point* p = &point; p; p = p->outer)
    if (auto found = p->reads.find(number); found != p->reads.end()) return found->second;
  llvm::Value* value = ReadNew(number, point);
  point.reads.emplace(number, value);
  return value;
}

llvm::Value* PointEmitter::ReadNew(int number, Point& point) {
  const NestRead& read = nest_.reads[number];
  Condition guard, check;
  for (const Guard& g : read.guards) Require(guard, g.index, g.extent, point);
  for (size_t d = 0; d < read.coordinates.size(); ++d) {
    std::set<int> axes, reads;
    CollectUses(read.coordinates[d], axes, reads);
    if (!reads.empty()) Require(check, read.coordinates[d], read.memory.extents[d], point);
  }
  if (!check.trivial()) ReportBadIndex(guard, check, point);

  const Condition all = {f_.And(guard.uniform, check.uniform),
                         f_.And(guard.varying, check.varying)};
  const auto step = varying_reads_.contains(number)
                        ? Step(Flatten(read.coordinates, read.memory.strides))
                        : std::optional<int64_t>(0);
  const bool wide_enough = Info(read.memory.dtype).bytes >= 4;
  llvm::Value* value;
  if (read.scalar) {
    value = read.scalar;
  } else if (step && *step == 0) {
    value = ReadUniform(read, all, point);
  } else if (step && *step == 1 && (wide_enough || (!all.varying && !point.mask))) {
    value = ReadContiguous(read, all, point);
  } else {
    value = ReadLanes(read, all, point);
  }
  if (!read.scalar) value = FromMemory(value, read.memory.dtype);
  if (guard.trivial()) return value;
  llvm::Value* holds = f_.And(guard.uniform, guard.varying);
  const int lanes = std::max(LaneCount(holds), LaneCount(value));
  llvm::Value* outside = f_.Splat(EmitConstant(f_, *read.outside), lanes);
  return f_.b.CreateSelect(holds, f_.Splat(value, lanes), outside);
}

llvm::Value* PointEmitter::ReadUniform(const NestRead& read, const Condition& condition,
                                       Point& point) {
  llvm::Value* needed = condition.uniform;
  if (condition.varying) needed = f_.And(needed, f_.Any(f_.And(condition.varying, point.mask)));
  llvm::Value* address = Address(read.coordinates, read.memory, point, 0);
  llvm::Value* value =
      f_.b.CreateLoad(f_.MemoryType(read.memory.dtype), SafeAddress(needed, address));
  if (!condition.varying) return value;
  llvm::Value* vector = f_.Splat(value, plan_.lanes);
  return f_.b.CreateSelect(condition.varying, vector,
                           llvm::Constant::getNullValue(vector->getType()));
}

llvm::Value* PointEmitter::ReadContiguous(const NestRead& read, const Condition& condition,
                                          Point& point) {
  llvm::Type* element = f_.MemoryType(read.memory.dtype);
  llvm::Type* type = f_.Widen(element, plan_.lanes);
  const llvm::Align align(Info(read.memory.dtype).bytes);
  llvm::Value* address =
      SafeAddress(condition.uniform, Address(read.coordinates, read.memory, point, 0));
  llvm::Value* mask = f_.And(condition.varying, point.mask);
  if (!mask) return f_.b.CreateAlignedLoad(type, address, align);
  return f_.b.CreateMaskedLoad(type, address, align, mask, llvm::Constant::getNullValue(type));
}

llvm::Value* PointEmitter::ReadLanes(const NestRead& read, const Condition& condition,
                                     Point& point) {
  llvm::Type* element = f_.MemoryType(read.memory.dtype);
  llvm::Value* mask = f_.And(condition.varying, point.mask);
  llvm::Value* vector = llvm::Constant::getNullValue(f_.Widen(element, plan_.lanes));
  for (int lane = 0; lane < plan_.lanes; ++lane) {
    llvm::Value* active = mask ? f_.Lane(mask, lane) : nullptr;
    if (active && ConstantValue(active) == 0) continue;
    if (active && ConstantValue(active)) active = nullptr;
    llvm::Value* address = SafeAddress(f_.And(condition.uniform, active),
                                       Address(read.coordinates, read.memory, point, lane));
    vector = f_.b.CreateInsertElement(vector, f_.b.CreateLoad(element, address), lane);
  }
  return vector;
}

// ---- stores ------------------------------------------------------------------------------------

void PointEmitter::Store(const NestStore& store, llvm::Value* value, Point& point) {
  auto& b = f_.b;
  if (store.variable) {
    b.CreateStore(value, store.variable);
    return;
  }
  const Memory& memory = store.memory;
  const bool vectors = plan_.axis >= 0 && !plan_.reduced;
  if (vectors) value = f_.Splat(value, plan_.lanes);
  value = ToMemory(value, memory.dtype);
  if (!vectors) {
    b.CreateStore(value, Address(store.coordinates, memory, point, 0));
    return;
  }
  const auto step = Step(Flatten(store.coordinates, memory.strides));
  const bool wide_enough = Info(memory.dtype).bytes >= 4;
  if (step && *step == 1 && (!point.mask || wide_enough)) {
    const llvm::Align align(Info(memory.dtype).bytes);
    llvm::Value* address = Address(store.coordinates, memory, point, 0);
    if (point.mask) {
      b.CreateMaskedStore(value, address, align, point.mask);
    } else {
      b.CreateAlignedStore(value, address, align);
    }
    return;
  }
  for (int lane = 0; lane < plan_.lanes; ++lane) {
    llvm::Value* active = point.mask ? f_.Lane(point.mask, lane) : b.getTrue();
    f_.If(active, [&] {
      b.CreateStore(f_.Lane(value, lane), Address(store.coordinates, memory, point, lane));
    });
  }
}

}  // namespace descent

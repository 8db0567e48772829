#include "compiler/codegen/contraction_plan.h"

#include <algorithm>
#include <numeric>

#include "compiler/codegen/lane_step.h"
#include "ir/counts.h"
#include "ir/diagnostic.h"

namespace descent {
namespace {

/// Packed rows end with this many unused elements when their length would map all rows to few cache
/// sets.
constexpr int64_t kRowPadding = 16;
/// A block that only this many register tiles read is not worth copying.
constexpr int64_t kWorthPacking = 4;
/// Steps of k that lie as far apart cost a page of address translation each.
constexpr int64_t kPage = 4096;

AxisGroup MakeGroup(const std::vector<int>& axes, const Shape& extents) {
  AxisGroup group;
  int long_axes = 0;
  for (int axis : axes) {
    group.axes.push_back(axis);
    group.extents.push_back(extents[axis]);
    group.extent *= extents[axis];
    if (extents[axis] > 1) {
      group.row = extents[axis];
      ++long_axes;
    }
  }
  if (long_axes < 2) group.row = group.extent;
  return group;
}

/// Of a block, in steps of the micro-kernel: pairs are transposed by whole squares.
int64_t PackedSteps(const ContractionPlan& plan) {
  return plan.pairs ? RoundUp(CeilDiv(plan.block_k, 2), plan.lanes) : plan.block_k;
}

class Planner {
 public:
  Planner(const Kernel& kernel, const TargetFacts& facts)
      : kernel_(kernel), stage_(kernel.stages[0]), facts_(facts) {}

  ContractionPlan Run() {
    Shape extents = kernel_.outer;
    extents.insert(extents.end(), stage_.axes.begin(), stage_.axes.end());
    axis_count_ = static_cast<int>(extents.size());
    const auto& roles = kernel_.as<ContractionForm>();
    plan_.groups = {MakeGroup(roles.batch, extents), MakeGroup(roles.m, extents),
                    MakeGroup(roles.n, extents), MakeGroup(roles.k, extents)};
    plan_.window = FindWindow(kernel_, facts_);
    if (!plan_.window) {
      MoveToBatch(kMAxis, extents);
      MoveToBatch(kNAxis, extents);
    }
    plan_.dtype = stage_.reducer->init[0]->dtype;
    plan_.lanes = facts_.vector_bytes / Info(plan_.dtype).bytes;
    FindFactors();
    PlanPairs();
    PlanRegisters();
    PlanBlocks();
    PlanAddresses();
    PlanLhs();
    PlanRhs();
    plan_.rhs.keeps_panels = KeepsPanels();
    PlanScratch();
    return plan_;
  }

 private:
  /// An outer axis whose steps do not continue the inner ones in the results (the image of a
  /// convolution) is better a batch axis, as long as enough of the group is left.
  void MoveToBatch(FlatAxis from, const Shape& extents) {
    constexpr int64_t kEnough = 64;
    AxisGroup& group = plan_.groups[from];
    while (group.axes.size() > 1 && group.extents[0] <= group.extent / kEnough &&
           !StoresAreFlat(group)) {
      std::vector<int> batch = plan_.groups[kBatchAxis].axes;
      batch.push_back(group.axes[0]);
      plan_.groups[kBatchAxis] = MakeGroup(batch, extents);
      group = MakeGroup({group.axes.begin() + 1, group.axes.end()}, extents);
    }
  }

  bool StoresAreFlat(const AxisGroup& group) const {
    return std::ranges::all_of(stage_.stores, [&](const StageStore& store) {
      const auto strides = RowMajorStrides(kernel_.parameters[store.parameter].type.shape);
      const auto affine = AsAffine(Flatten(store.coordinates, strides), axis_count_);
      return affine && GroupCoefficient(group, *affine);
    });
  }

  static bool Uses(const Scalar& tree, int read) {
    if (tree->kind == ScalarKind::kRead && tree->slot == read) return true;
    return std::ranges::any_of(tree->arguments, [&](const Scalar& a) { return Uses(a, read); });
  }

  /// step = accumulator + factor * factor, the accumulator on either side.
  void FindFactors() {
    const ScalarNode& step = *stage_.reducer->step[0];
    const bool first = step.arguments[0]->kind == ScalarKind::kAccumulator;
    const ScalarNode& product = *step.arguments[first ? 1 : 0];
    DESCENT_CHECK(step.op == ScalarOp::kAdd && product.kind == ScalarKind::kCall &&
                      product.op == ScalarOp::kMul && stage_.reducer->init[0]->number == 0,
                  "kernel " + kernel_.name + " is no sum of products");
    const bool lhs_first = Uses(product.arguments[0], kernel_.as<ContractionForm>().lhs);
    plan_.lhs.read = kernel_.as<ContractionForm>().lhs;
    plan_.rhs.read = kernel_.as<ContractionForm>().rhs;
    plan_.lhs.value = product.arguments[lhs_first ? 0 : 1];
    plan_.rhs.value = product.arguments[lhs_first ? 1 : 0];
  }

  /// The factor before it was widened, if it had been rounded to bf16.
  static Scalar Narrow(const Scalar& factor) {
    const bool widened = factor->kind == ScalarKind::kCall && factor->op == ScalarOp::kCast &&
                         factor->arguments[0]->dtype == DType::kBF16;
    return widened ? factor->arguments[0] : nullptr;
  }

  /// Pairs must lie side by side wherever K is cut, and rhs must come in whole vectors.
  void PlanPairs() {
    const Scalar lhs = Narrow(plan_.lhs.value), rhs = Narrow(plan_.rhs.value);
    if (!facts_.bf16_pairs || plan_.dtype != DType::kF32 || !lhs || !rhs) return;
    const AxisGroup& k = plan_.groups[kKAxis];
    if (k.extent < 2 || (k.row < k.extent && k.row % 2 != 0)) return;
    const auto address = Address(rhs, true);
    if (!address || address->k_run % 2 != 0) return;
    if (address->coefficients[kNAxis] != 1 && address->coefficients[kKAxis] != 1) return;
    if (plan_.window) {
      if (plan_.window->run % 2 != 0) return;
      plan_.box_of_pairs = plan_.window->strides[kernel_.as<ContractionForm>().k.back()] != 1;
    }
    plan_.pairs = true;
    plan_.lhs.value = lhs;
    plan_.rhs.value = rhs;
  }

  /// Address of a factor that is one unguarded, affine read in the type that the micro-kernel
  /// takes, or, of pairs, in f32, from which packing rounds it.
  std::optional<FlatAddress> Address(const Scalar& factor, bool pairs) const {
    const ScalarNode* value = factor.get();
    const bool rounds = pairs && value->kind == ScalarKind::kCall && value->op == ScalarOp::kCast &&
                        value->arguments[0]->dtype == DType::kF32;
    if (rounds) value = value->arguments[0].get();
    if (value->kind != ScalarKind::kRead) return std::nullopt;
    const StageRead& read = stage_.reads[value->slot];
    if (!read.guards.empty() || read.source != Source::kParameter) return std::nullopt;
    const std::vector<int64_t> strides = RowMajorStrides(kernel_.parameters[read.index].type.shape);
    const auto affine = AsAffine(Flatten(read.coordinates, strides), axis_count_);
    if (!affine) return std::nullopt;
    FlatAddress address{.constant = affine->constant};
    for (int axis = 0; axis < kFlatAxes; ++axis) {
      const auto coefficient = GroupCoefficient(plan_.groups[axis], *affine);
      if (coefficient)
        address.coefficients[axis] = *coefficient;
      else if (axis != kKAxis || !SplitIntoRuns(*affine, address))
        return std::nullopt;
    }
    return address;
  }

  /// The longest inner part of K that is one run, if blocks can stay within it.
  bool SplitIntoRuns(const AffineIndex& affine, FlatAddress& address) const {
    constexpr int64_t kWorthwhile = 64;
    const AxisGroup& k = plan_.groups[kKAxis];
    for (size_t split = 1; split < k.axes.size(); ++split) {
      AxisGroup outer = k, inner = k;
      for (size_t i = 0; i < k.axes.size(); ++i) (i < split ? inner : outer).extents[i] = 1;
      const auto stride = GroupCoefficient(outer, affine), step = GroupCoefficient(inner, affine);
      if (!stride || !step) continue;
      address.coefficients[kKAxis] = *step;
      address.k_run = Elements(inner.extents);
      address.k_run_stride = *stride;
      return address.k_run >= kWorthwhile;
    }
    return false;
  }

  /// Blocks of K end where runs end, or, where a box says how long they are, runs don't count. What
  /// lies in a box has no address of its own.
  void PlanAddresses() {
    if (!plan_.window) plan_.lhs.address = Address(plan_.lhs.value, plan_.pairs);
    plan_.rhs.address = Address(plan_.rhs.value, plan_.pairs);
    const auto crosses = [&](const OperandPlan& operand) {
      return operand.address && operand.address->k_run % plan_.block_k != 0;
    };
    if (plan_.window && !plan_.window->whole_k(plan_.extent(kKAxis)) && crosses(plan_.rhs))
      plan_.rhs.address.reset();
    const int64_t row = plan_.groups[kKAxis].row;  // divides every run
    while (crosses(plan_.lhs) || crosses(plan_.rhs))
      plan_.block_k -= plan_.block_k % row == 0 ? row : plan_.block_k % row;
  }

  /// rows * vectors + vectors + 1 registers: accumulators, a row of B, one broadcast of A.
  void PlanRegisters() {
    const KernelSchedule& schedule = kernel_.schedule;
    plan_.vectors = schedule.register_n > 0 ? CeilDiv(schedule.register_n, plan_.lanes) : 2;
    plan_.vectors =
        std::clamp<int64_t>(plan_.vectors, 1, CeilDiv(std::max<int64_t>(N(), 1), plan_.lanes));
    const int64_t most =
        std::max<int64_t>((facts_.vector_registers - 1 - plan_.vectors) / plan_.vectors, 1);
    const int64_t wanted =
        schedule.register_m > 0 ? schedule.register_m : std::min<int64_t>(most, 14);
    const int64_t rows = plan_.window ? plan_.window->row : M();
    plan_.register_m = std::clamp<int64_t>(std::min(wanted, most), 1, std::max<int64_t>(rows, 1));
  }

  /// Blocks of a group of several axes hold whole rows of its innermost one.
  int64_t Block(int64_t wanted, int64_t unit, FlatAxis axis) const {
    const AxisGroup& group = plan_.groups[axis];
    const int64_t extent = std::max<int64_t>(group.extent, 1);
    if (wanted <= 0 || wanted >= extent) return extent;
    if (group.row < group.extent) unit = group.row;
    return std::min(RoundUp(wanted, std::max<int64_t>(unit, 1)), extent);
  }

  void PlanBlocks() {
    const KernelSchedule& schedule = kernel_.schedule;
    constexpr int64_t kBlockK = 512, kBlockM = 192, kBlockN = 192;
    const auto or_default = [](int64_t value, int64_t otherwise) {
      return value > 0 ? value : otherwise;
    };
    plan_.block_k = Block(or_default(schedule.block_k, kBlockK), plan_.steps_at_once(), kKAxis);
    plan_.block_m = Block(or_default(schedule.block_m, kBlockM), plan_.register_m, kMAxis);
    plan_.block_n =
        Block(or_default(schedule.block_n, kBlockN), plan_.vectors * plan_.lanes, kNAxis);
    if (plan_.window) {
      plan_.block_m = plan_.window->m.length;
      if (!plan_.window->whole_k(plan_.extent(kKAxis))) plan_.block_k = plan_.window->k.length;
    }
    plan_.tiles_m = CeilDiv(M(), plan_.block_m);
    plan_.tiles_n = CeilDiv(N(), plan_.block_n);
    plan_.tiles = plan_.extent(kBatchAxis) * plan_.tiles_m * plan_.tiles_n;
  }

  /// A row stride that is no multiple of large powers of two.
  int64_t PackedStride(int64_t elements) const {
    const int64_t stride = RoundUp(elements, plan_.lanes);
    return stride * Info(plan_.dtype).bytes % 512 == 0 ? stride + kRowPadding : stride;
  }

  /// Steps of k that lie so far apart that a block's cache lines fall into few sets, on many pages.
  bool IsSpread(int64_t k_stride) const {
    return std::abs(k_stride) * plan_.block_k * Info(plan_.dtype).bytes > facts_.l1_bytes / 2;
  }

  void PlanLhs() {
    OperandPlan& lhs = plan_.lhs;
    if (plan_.window) {
      const auto& roles = kernel_.as<ContractionForm>();
      lhs.packing = Packing::kWindow;
      const int64_t scale = plan_.box_scale();
      lhs.k_stride = scale * plan_.steps_at_once() * plan_.window->strides[roles.k.back()];
      lhs.row_stride = scale * plan_.window->strides[roles.m.back()];
      return;
    }
    if (plan_.pairs) return PlanPairsOfLhs();
    const bool reused = plan_.block_n >= kWorthPacking * plan_.register_n();
    if (lhs.address) {
      lhs.k_stride = lhs.address->coefficients[kKAxis];
      lhs.row_stride = lhs.address->coefficients[kMAxis];
      const bool along_k = std::abs(lhs.k_stride) <= 1, along_m = std::abs(lhs.row_stride) <= 1;
      if ((along_k || along_m) && FitsDisplacement(lhs.row_stride)) {
        const bool far = std::abs(lhs.k_stride) * Info(plan_.dtype).bytes >= kPage;
        if (along_k || (!reused && !far) || !IsSpread(lhs.k_stride)) return;
        lhs.packing = Packing::kBlock;
        lhs.k_stride = PackedStride(plan_.block_m);
        lhs.row_stride = 1;
        return;
      }
    }
    lhs.packing = Packing::kBlock;
    lhs.k_stride = 1;
    lhs.row_stride = PackedStride(plan_.block_k);
  }

  void PlanPairsOfLhs() {
    OperandPlan& lhs = plan_.lhs;
    lhs.k_stride = 2;
    const FlatAddress* address = lhs.address ? &*lhs.address : nullptr;
    const bool as_it_lies = lhs.value->kind == ScalarKind::kRead && plan_.extent(kKAxis) % 2 == 0 &&
                            address && address->coefficients[kKAxis] == 1 &&
                            address->k_run % 2 == 0;
    if (as_it_lies && FitsDisplacement(address->coefficients[kMAxis])) {
      lhs.row_stride = address->coefficients[kMAxis];
    } else if (address && address->coefficients[kMAxis] == 1) {
      lhs.packing = Packing::kPairs;
      lhs.k_stride = 2 * PackedStride(plan_.block_m);
      lhs.row_stride = 2;
    } else {
      lhs.packing = Packing::kBlock;
      lhs.row_stride = 2 * PackedStride(CeilDiv(plan_.block_k, 2));
    }
  }

  bool FitsDisplacement(int64_t row_stride) const {
    return std::abs(row_stride) * plan_.register_m * Info(plan_.dtype).bytes < (int64_t{1} << 30);
  }

  void PlanRhs() {
    OperandPlan& rhs = plan_.rhs;
    const bool along_n = rhs.address && rhs.address->coefficients[kNAxis] == 1;
    const bool along_k = rhs.address && rhs.address->coefficients[kKAxis] == 1;
    const bool reused = plan_.block_m >= kWorthPacking * plan_.register_m;
    if (plan_.pairs) {
      rhs.packing = along_n ? Packing::kPanel : Packing::kTransposedPanel;
      rhs.k_stride = 2 * plan_.register_n();
      return;
    }
    if (along_n) {
      rhs.k_stride = rhs.address->coefficients[kKAxis];
      if (!reused || !IsSpread(rhs.k_stride)) return;
    }
    rhs.packing = along_n ? Packing::kPanel : along_k ? Packing::kTransposedPanel : Packing::kBlock;
    rhs.k_stride = rhs.panels() ? plan_.register_n()
                                : PackedStride(RoundUp(plan_.block_n, plan_.register_n()));
  }

  /// Of a block of rhs.
  int64_t PanelCount() const { return CeilDiv(plan_.block_n, plan_.register_n()); }

  /// Only tiles that come one after another share a block (those of windows lie side by side
  /// first), and only a cache is worth reading from.
  bool KeepsPanels() const {
    const int64_t bytes = PanelCount() * plan_.panel_elements() * Info(plan_.factors()).bytes;
    const bool follow = plan_.tiles_m > 1 && (!plan_.window || plan_.tiles_n == 1);
    return plan_.rhs.panels() && plan_.one_k_block() && follow && bytes <= facts_.l2_bytes * 3 / 4;
  }

  void PlanScratch() {
    int64_t offset = 0;
    const auto take = [&](int64_t elements, DType dtype) {
      const int64_t place = offset;
      offset += Aligned(elements * Info(dtype).bytes);
      return place;
    };
    const int64_t steps = PackedSteps(plan_);
    const bool rows_of_lhs = plan_.lhs.k_stride == plan_.steps_at_once();
    if (plan_.window) {
      const int64_t places = Elements(plan_.window->box);
      plan_.lhs.scratch_offset =
          take(RoundUp(places, plan_.lanes) * plan_.box_scale(), plan_.factors());
      const int64_t next = plan_.window->strides[kernel_.as<ContractionForm>().k.back()];
      if (plan_.box_of_pairs)
        plan_.box_offset = take(RoundUp(places, plan_.lanes) + next, plan_.factors());
    }
    if (!plan_.window && plan_.lhs.packed())
      plan_.lhs.scratch_offset =
          take(rows_of_lhs ? plan_.block_m * plan_.lhs.row_stride : steps * plan_.lhs.k_stride,
               plan_.factors());
    const int64_t kept = plan_.rhs.keeps_panels ? PanelCount() : 1;
    if (plan_.rhs.packed())
      plan_.rhs.scratch_offset = take(kept * plan_.panel_elements(), plan_.factors());
    const int64_t columns = plan_.register_n();
    if (plan_.one_k_block()) {
      plan_.partial_stride = columns;
      plan_.partial_offset = take(plan_.register_m * columns, plan_.dtype);
    } else {
      plan_.partial_stride = RoundUp(plan_.block_n, columns);
      plan_.partial_offset = take(plan_.block_m * plan_.partial_stride, plan_.dtype);
    }
    plan_.scratch_bytes = offset;
  }

  int64_t M() const { return plan_.extent(kMAxis); }
  int64_t N() const { return plan_.extent(kNAxis); }

  const Kernel& kernel_;
  const Stage& stage_;
  const TargetFacts& facts_;
  int axis_count_ = 0;
  ContractionPlan plan_;
};

}  // namespace

std::optional<int64_t> GroupCoefficient(const AxisGroup& group, const AffineIndex& affine) {
  std::optional<int64_t> coefficient;
  int64_t inner = 1;
  for (size_t i = group.axes.size(); i-- > 0;) {
    if (group.extents[i] == 1) continue;
    const int64_t own = affine.coefficients[group.axes[i]];
    if (!coefficient) coefficient = own;
    if (own != *coefficient * inner) return std::nullopt;
    inner *= group.extents[i];
  }
  return coefficient.value_or(0);
}

Index Unflatten(const AxisGroup& group, size_t position, const Index& flat) {
  int64_t inner = 1;
  bool outermost = true;
  for (size_t i = position + 1; i < group.extents.size(); ++i) inner *= group.extents[i];
  for (size_t i = 0; i < position; ++i) outermost &= group.extents[i] == 1;
  if (group.extents[position] == 1) return ConstantIndex(0);
  const Index quotient = FloorDiv(flat, inner);
  return outermost ? quotient : Mod(quotient, group.extents[position]);
}

Panels PanelsOf(int64_t count, int64_t size, int64_t unit) {
  Panels panels;
  const int64_t units = CeilDiv(count, unit), number = CeilDiv(units * unit, size);
  if (number == 0) return panels;
  const int64_t smaller = units / number * unit, larger = units % number;
  if (larger > 0) panels[smaller + unit] = larger;
  panels[smaller] = number - larger;
  if (const int64_t missing = units * unit - count; missing > 0) {
    if (--panels[smaller] == 0) panels.erase(smaller);
    panels[smaller - missing] = 1;
  }
  return panels;
}

int64_t ContractionPlan::panel_elements() const { return PackedSteps(*this) * rhs.k_stride; }

ContractionPlan PlanContraction(const Kernel& kernel, const TargetFacts& facts) {
  return Planner(kernel, facts).Run();
}

}  // namespace descent

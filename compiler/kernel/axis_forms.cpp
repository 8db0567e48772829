#include "compiler/kernel/axis_forms.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <span>
#include <unordered_set>

#include "compiler/kernel/computation.h"
#include "compiler/kernel/remap.h"
#include "ir/counts.h"

namespace descent {
namespace {

/// Cost of moving one entry in one pass of a sort, in that of an arithmetic operation.
constexpr int64_t kMoveCost = 16;
constexpr int64_t kMaxRuns = 64;

AlongAxis AlongOf(const OpContext& op) {
  const Shape& shape = op.shape(0);
  const int64_t given = op.attributes.Int("axis");
  const size_t axis = given < 0 ? given + shape.size() : given;
  const auto product = [&](size_t first, size_t last) {
    return Elements(Shape(shape.begin() + first, shape.begin() + last));
  };
  return {product(0, axis), shape[axis], product(axis + 1, shape.size())};
}

PrefixForm PrefixOf(const OpDef& def, const OpContext& op) {
  const TensorExpr expr = def.define(op);
  DESCENT_CHECK(expr.reducer && expr.results.size() == 1, "a prefix has one result");
  // Further states serve the combination of parts, and places are taken one after the other.
  const Scalar step = expr.reducer->step[0], result = expr.results[0];
  std::unordered_set<const ScalarNode*> seen;
  for (const Scalar& root : {step, result})
    VisitScalars(root, seen, [](const ScalarNode& node) {
      DESCENT_CHECK(node.kind != ScalarKind::kAccumulator || node.slot == 0,
                    "a prefix steps from its first state alone");
    });
  DESCENT_CHECK(expr.reads.size() == op.operands.size(), "a prefix reads each operand once");
  for (size_t i = 0; i < expr.reads.size(); ++i)
    DESCENT_CHECK(expr.reads[i].operand == static_cast<int>(i), "read i of a prefix is operand i");
  return {.axis = AlongOf(op),
          .exclusive = op.attributes.Bool("exclusive"),
          .reverse = op.attributes.Bool("reverse"),
          .init = expr.reducer->init[0],
          .step = step,
          .result = result};
}

int64_t SortPasses(int64_t length) {
  return length < 2 ? 0 : std::bit_width(static_cast<uint64_t>(length - 1));
}

int64_t PrefixRuns(const AlongAxis& axis) { return CeilDiv(axis.inner, kPrefixLanes); }

int64_t ElementsOf(const AlongAxis& axis) { return axis.outer * axis.length * axis.inner; }

Kernel KernelOf(AnyForm form, std::span<const TensorType> operands, const TensorType& result) {
  Kernel kernel;
  kernel.form = std::move(form);
  for (const TensorType& operand : operands) kernel.parameters.push_back({operand, false});
  kernel.parameters.push_back({result, true});
  kernel.stages.resize(1);
  return kernel;
}

bool IsMerge(const SortForm& form) {
  return form.part == SortPart::kMerge || form.part == SortPart::kRanks;
}

/// Elements of one unit that is sorted, not merged.
int64_t SortedAtOnce(const SortForm& form) {
  return form.part == SortPart::kWhole ? form.axis.length : form.run;
}

/// Length of the runs that the axis is sorted in; 0: whole. One pass over a run is a tile's work.
int64_t SortRun(int64_t length, const TargetFacts& target) {
  const int64_t shortest = std::max<int64_t>(target.tile_work / kMoveCost, 1);
  const int64_t runs = std::min(length / shortest, kMaxRuns);
  return runs < 2 ? 0 : CeilDiv(length, std::bit_floor(static_cast<uint64_t>(runs)));
}

std::vector<Kernel> MakeSort(const OpContext& op, const TensorType& result,
                             const TargetFacts& target) {
  SortForm form{.axis = AlongOf(op), .descending = op.attributes.Bool("descending")};
  const int64_t length = form.axis.length;
  const bool narrow = Info(op.dtype(0)).bytes <= 4 && length <= int64_t{1} << 32;
  form.entry_bits = narrow ? 64 : 128;
  form.run = SortRun(length, target);
  std::vector<Kernel> kernels;
  const auto add = [&](SortPart part, const TensorType& from, const TensorType& to) {
    form.part = part;
    kernels.push_back(KernelOf(form, std::span(&from, 1), to));
  };
  if (form.run == 0) {
    add(SortPart::kWhole, op.operands[0], result);
    return kernels;
  }
  const TensorType entries{DType::kU64, {result.elements(), form.entry_bits / 64}};
  add(SortPart::kRuns, op.operands[0], entries);
  for (; 2 * form.run < length; form.run *= 2) add(SortPart::kMerge, entries, entries);
  add(SortPart::kRanks, entries, result);
  return kernels;
}

}  // namespace

std::vector<Kernel> MakeAxisKernels(const OpDef& def, const OpContext& op, const TensorType& result,
                                    const TargetFacts& target) {
  if (def.form == KernelForm::kSort) return MakeSort(op, result, target);
  Kernel kernel = KernelOf(PrefixOf(def, op), op.operands, result);
  kernel.flops = Info(result.dtype).is_float ? result.elements() : 0;
  return {std::move(kernel)};
}

int64_t AxisUnits(const PrefixForm& form) { return form.axis.outer * PrefixRuns(form.axis); }

int64_t AxisUnits(const SortForm& form) {
  const int64_t rows = form.axis.outer * form.axis.inner;
  return IsMerge(form) ? rows * form.axis.length : rows * SortRuns(form);
}

int64_t AxisWork(const PrefixForm& form) {
  return 2 * ElementsOf(form.axis) * (2 + ScalarCost({form.step}));
}

int64_t AxisWork(const SortForm& form) {
  const int64_t moves = IsMerge(form) ? 1 : SortPasses(SortedAtOnce(form)) + 2;
  return kMoveCost * ElementsOf(form.axis) * moves;
}

int64_t SortRuns(const SortForm& form) {
  return form.run == 0 ? 1 : CeilDiv(form.axis.length, form.run);
}

int64_t SortBufferBytes(const SortForm& form) {
  return Aligned(SortedAtOnce(form) * form.entry_bits / 8);
}

int64_t AxisScratchBytes(const PrefixForm& form) {
  if (form.axis.inner == 1) return 0;
  return Aligned(std::min(form.axis.inner, kPrefixLanes) * Info(form.step->dtype).bytes);
}

int64_t AxisScratchBytes(const SortForm& form) {
  if (IsMerge(form)) return 0;
  return SortBufferBytes(form) * (form.part == SortPart::kWhole ? 2 : 1);
}

std::string PrintForm(const Kernel& kernel, const PrefixForm& form) {
  return fmt::format("  carry along {} of [{}, {}, {}]{}: acc0 = {}, then {}\n    p{} = {}{}\n",
                     form.axis.length, form.axis.outer, form.axis.length, form.axis.inner,
                     form.reverse ? " from the end" : "", ToString(form.init), ToString(form.step),
                     kernel.parameters.size() - 1, ToString(form.result),
                     form.exclusive ? " before each place" : "");
}

std::string PrintForm(const Kernel&, const SortForm& form) {
  const AlongAxis& axis = form.axis;
  const std::string along =
      fmt::format("along {} of [{}, {}, {}]", axis.length, axis.outer, axis.length, axis.inner);
  const std::string order = form.descending ? "falling" : "rising";
  switch (form.part) {
    case SortPart::kWhole:
      return fmt::format("  p1 = places of p0 in {} order {}\n", order, along);
    case SortPart::kRuns:
      return fmt::format("  p1 = entries of p0 in {} order {}, in runs of {}\n", order, along,
                         form.run);
    case SortPart::kMerge:
      return fmt::format("  p1 = entries of p0 {}, pairs of runs of {} merged\n", along, form.run);
    case SortPart::kRanks:
      return fmt::format("  p1 = places of entries in p0 {}, pairs of runs of {} merged\n", along,
                         form.run);
  }
  InternalError(__FILE__, __LINE__, "unknown part of a sort");
}

}  // namespace descent

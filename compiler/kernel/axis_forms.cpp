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

int64_t PrefixRuns(const AlongAxis& axis) { return (axis.inner + kPrefixLanes - 1) / kPrefixLanes; }

Kernel KernelOf(KernelKind kind, std::span<const TensorType> operands, const TensorType& result) {
  Kernel kernel;
  kernel.kind = kind;
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
    kernels.push_back(KernelOf(KernelKind::kSort, std::span(&from, 1), to));
    form.part = part;
    kernels.back().sort = form;
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

std::string PrintSort(const SortForm& form) {
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

}  // namespace

std::vector<Kernel> MakeAxisKernels(const OpDef& def, const OpContext& op, const TensorType& result,
                                    const TargetFacts& target) {
  if (def.form == KernelForm::kSort) return MakeSort(op, result, target);
  Kernel kernel = KernelOf(KernelKind::kPrefix, op.operands, result);
  kernel.prefix = PrefixOf(def, op);
  kernel.flops = Info(result.dtype).is_float ? result.elements() : 0;
  return {std::move(kernel)};
}

int64_t AxisUnits(const Kernel& kernel) {
  if (kernel.kind == KernelKind::kPrefix)
    return kernel.prefix.axis.outer * PrefixRuns(kernel.prefix.axis);
  const SortForm& form = kernel.sort;
  const int64_t rows = form.axis.outer * form.axis.inner;
  return IsMerge(form) ? rows * form.axis.length : rows * SortRuns(form);
}

int64_t AxisWork(const Kernel& kernel) {
  if (kernel.kind == KernelKind::kPrefix)
    return 2 * kernel.parameters.back().type.elements() * (2 + ScalarCost({kernel.prefix.step}));
  const SortForm& form = kernel.sort;
  const int64_t moves = IsMerge(form) ? 1 : SortPasses(SortedAtOnce(form)) + 2;
  return kMoveCost * form.axis.outer * form.axis.length * form.axis.inner * moves;
}

int64_t SortRuns(const SortForm& form) {
  return form.run == 0 ? 1 : CeilDiv(form.axis.length, form.run);
}

int64_t SortBufferBytes(const SortForm& form) {
  return Aligned(SortedAtOnce(form) * form.entry_bits / 8);
}

int64_t AxisScratchBytes(const Kernel& kernel) {
  if (kernel.kind == KernelKind::kSort) {
    if (IsMerge(kernel.sort)) return 0;
    return SortBufferBytes(kernel.sort) * (kernel.sort.part == SortPart::kWhole ? 2 : 1);
  }
  const PrefixForm& form = kernel.prefix;
  if (form.axis.inner == 1) return 0;
  return Aligned(std::min(form.axis.inner, kPrefixLanes) * Info(form.step->dtype).bytes);
}

std::string PrintAxisForm(const Kernel& kernel) {
  const size_t result = kernel.parameters.size() - 1;
  if (kernel.kind == KernelKind::kSort) return PrintSort(kernel.sort);
  const PrefixForm& form = kernel.prefix;
  return fmt::format("  carry along {} of [{}, {}, {}]{}: acc0 = {}, then {}\n    p{} = {}{}\n",
                     form.axis.length, form.axis.outer, form.axis.length, form.axis.inner,
                     form.reverse ? " from the end" : "", ToString(form.init), ToString(form.step),
                     result, ToString(form.result), form.exclusive ? " before each place" : "");
}

}  // namespace descent

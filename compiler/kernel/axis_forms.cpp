#include "compiler/kernel/axis_forms.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <unordered_set>

#include "compiler/kernel/computation.h"
#include "compiler/kernel/remap.h"

namespace descent {
namespace {

constexpr int64_t kAlignment = 64;
/// Cost of moving one entry in one pass of a sort, in that of an arithmetic operation.
constexpr int64_t kMoveCost = 4;

int64_t Aligned(int64_t bytes) { return (bytes + kAlignment - 1) / kAlignment * kAlignment; }

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

}  // namespace

Kernel MakeAxisKernel(const OpDef& def, const OpContext& op, const TensorType& result) {
  Kernel kernel;
  for (const TensorType& operand : op.operands) kernel.parameters.push_back({operand, false});
  kernel.parameters.push_back({result, true});
  kernel.stages.resize(1);
  if (def.form == KernelForm::kPrefix) {
    kernel.kind = KernelKind::kPrefix;
    kernel.prefix = PrefixOf(def, op);
  } else {
    kernel.kind = KernelKind::kSort;
    kernel.sort = {AlongOf(op), op.attributes.Bool("descending")};
  }
  kernel.flops = Info(result.dtype).is_float ? result.elements() : 0;
  return kernel;
}

int64_t AxisUnits(const Kernel& kernel) {
  if (kernel.kind == KernelKind::kSort) return kernel.sort.axis.outer * kernel.sort.axis.inner;
  return kernel.prefix.axis.outer * PrefixRuns(kernel.prefix.axis);
}

int64_t AxisWork(const Kernel& kernel) {
  const int64_t elements = kernel.parameters.back().type.elements();
  if (kernel.kind == KernelKind::kSort)
    return kMoveCost * elements * (SortPasses(kernel.sort.axis.length) + 2);
  return 2 * elements * (2 + ScalarCost({kernel.prefix.step}));
}

int SortEntryBits(const Kernel& kernel) {
  const bool narrow = Info(kernel.parameters[0].type.dtype).bytes <= 4 &&
                      kernel.sort.axis.length <= int64_t{1} << 32;
  return narrow ? 64 : 128;
}

int64_t SortBufferBytes(const Kernel& kernel) {
  return Aligned((kernel.sort.axis.length + 1) * SortEntryBits(kernel) / 8);
}

int64_t AxisScratchBytes(const Kernel& kernel) {
  if (kernel.kind == KernelKind::kSort) return 2 * SortBufferBytes(kernel);
  const PrefixForm& form = kernel.prefix;
  if (form.axis.inner == 1) return 0;
  return Aligned(std::min(form.axis.inner, kPrefixLanes) * Info(form.step->dtype).bytes);
}

std::string PrintAxisForm(const Kernel& kernel) {
  const size_t result = kernel.parameters.size() - 1;
  if (kernel.kind == KernelKind::kSort) {
    const AlongAxis& axis = kernel.sort.axis;
    return fmt::format("  p{} = places of p0 in {} order along {} of [{}, {}, {}]\n", result,
                       kernel.sort.descending ? "falling" : "rising", axis.length, axis.outer,
                       axis.length, axis.inner);
  }
  const PrefixForm& form = kernel.prefix;
  return fmt::format("  carry along {} of [{}, {}, {}]{}: acc0 = {}, then {}\n    p{} = {}{}\n",
                     form.axis.length, form.axis.outer, form.axis.length, form.axis.inner,
                     form.reverse ? " from the end" : "", ToString(form.init), ToString(form.step),
                     result, ToString(form.result), form.exclusive ? " before each place" : "");
}

}  // namespace descent

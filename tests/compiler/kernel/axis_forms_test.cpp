// Scatters, prefixes and sorting as kernels: what they print, and state that they replace.
#include "compiler/kernel/axis_forms.h"

#include <gtest/gtest.h>

#include "compiler/kernel/program_print.h"
#include "tests/compiler/kernel/lowering_harness.h"

namespace descent {
namespace {

/// The kernel of that kind in a graph of the one operator.
Kernel KernelOf(std::string_view op, const std::vector<TensorType>& operands, Attributes attributes,
                KernelKind kind) {
  GraphBuilder b;
  std::vector<Value> inputs;
  for (const TensorType& type : operands)
    inputs.push_back(b.Input(fmt::format("x{}", inputs.size()), type));
  b.Output("y", b.Add(op, inputs, std::move(attributes)));
  const Lowered lowered = LowerModel(RunModel(std::move(b).Build()), true);
  for (const Kernel& kernel : lowered.program.kernels)
    if (kernel.kind == kind) return kernel;
  ADD_FAILURE() << op << " has no kernel of its form";
  return {};
}

void ExpectPrints(const Kernel& kernel, std::string_view line) {
  EXPECT_NE(PrintKernel(kernel).find(line), std::string::npos) << PrintKernel(kernel);
}

const TensorType kMatrix{DType::kF32, {4, 6, 5}};

TEST(AxisForms, PrefixesPrintTheirStep) {
  const Kernel sum =
      KernelOf("cumsum", {kMatrix}, {{"axis", int64_t{1}}, {"exclusive", true}, {"reverse", true}},
               KernelKind::kPrefix);
  ExpectPrints(sum,
               "  carry along 6 of [4, 6, 5] from the end: acc0 = 0, then add(acc0, r0)\n"
               "    p1 = acc0 before each place\n");
  const Kernel recurrence = KernelOf("linear_recurrence", {kMatrix, kMatrix},
                                     {{"axis", int64_t{0}}}, KernelKind::kPrefix);
  ExpectPrints(recurrence,
               "  carry along 4 of [1, 4, 30]: acc0 = 0, then add(mul(r0, acc0), r1)\n"
               "    p2 = acc0\n");
}

TEST(AxisForms, SortsPrintTheirOrder) {
  const Kernel kernel = KernelOf("sort_rank", {kMatrix},
                                 {{"axis", int64_t{-1}}, {"descending", true}}, KernelKind::kSort);
  ExpectPrints(kernel, "  p1 = places of p0 in falling order along 5 of [24, 5, 1]\n");
  EXPECT_EQ(SortEntryBits(kernel), 64);
  EXPECT_EQ(kernel.scratch_bytes, 2 * SortBufferBytes(kernel));
}

TEST(AxisForms, ScattersPrintWhatBecomesOfUpdates) {
  const std::vector<TensorType> operands = {
      {DType::kF32, {4, 3}}, {DType::kI64, {7}}, {DType::kF32, {7, 3}}};
  const auto scatter = [&](std::string reduce) {
    return KernelOf("scatter_rows", operands, {{"reduce", std::move(reduce)}},
                    KernelKind::kScatter);
  };
  ExpectPrints(scatter("set"), "p2[p0[u], :] set to p1[u, :] for 7 updates of 3 elements, 4 rows");
  ExpectPrints(scatter("max"), "p2[p0[u], :] max with p1[u, :]");
}

TEST(AxisForms, StateIsReplacedByItsOwnPrefix) {
  for (const std::string_view op : {"cumsum", "cumprod"}) {
    GraphBuilder b;
    const Value s = b.Input("slot.s", {DType::kF64, {3, 7}});
    b.Output("next.slot.s", b.Add(op, {s}, {{"axis", int64_t{0}}}));
    b.Output("old", s);
    ExpectSameAsInterpreter(std::move(b).Build());
  }
}

TEST(AxisForms, StateIsReplacedByAScatterIntoItself) {
  for (const std::string reduce : {"set", "add", "mul", "min", "max"}) {
    GraphBuilder b;
    const Value s = b.Input("slot.s", {DType::kF64, {4, 3}});
    const Value i = b.Input("i", {DType::kI64, {6}}), u = b.Input("u", {DType::kF64, {6, 3}});
    b.Output("next.slot.s", b.Add("scatter_rows", {s, i, u}, {{"reduce", reduce}}));
    b.Output("old", b.Add("gather", {s, i}));
    ExpectSameAsInterpreter(std::move(b).Build());
  }
}

}  // namespace
}  // namespace descent

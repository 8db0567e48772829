// Scatters, prefixes and sorting as kernels: what they print, and state that they replace.
#include "compiler/kernel/axis_forms.h"

#include <gtest/gtest.h>

#include "compiler/kernel/program_print.h"
#include "compiler/kernel/scatter.h"
#include "compiler/kernel/schedule.h"
#include "tests/compiler/kernel/lowering_harness.h"

namespace descent {
namespace {

/// The kernel of that form in a graph of the one operator.
template <typename T>
Kernel KernelOf(std::string_view op, const std::vector<TensorType>& operands,
                Attributes attributes) {
  GraphBuilder b;
  std::vector<Value> inputs;
  for (const TensorType& type : operands)
    inputs.push_back(b.Input(fmt::format("x{}", inputs.size()), type));
  b.Output("y", b.Add(op, inputs, std::move(attributes)));
  const Lowered lowered = LowerModel(RunModel(std::move(b).Build()), true);
  for (const Kernel& kernel : lowered.program.kernels)
    if (kernel.is<T>()) return kernel;
  ADD_FAILURE() << op << " has no kernel of its form";
  return {};
}

void ExpectPrints(const Kernel& kernel, std::string_view line) {
  EXPECT_NE(PrintKernel(kernel).find(line), std::string::npos) << PrintKernel(kernel);
}

const TensorType kMatrix{DType::kF32, {4, 6, 5}};

TEST(AxisForms, PrefixesPrintTheirStep) {
  const Kernel sum = KernelOf<PrefixForm>(
      "cumsum", {kMatrix}, {{"axis", int64_t{1}}, {"exclusive", true}, {"reverse", true}});
  ExpectPrints(sum,
               "  carry along 6 of [4, 6, 5] from the end: acc0 = 0, then add(acc0, r0)\n"
               "    p1 = acc0 before each place\n");
  const Kernel recurrence =
      KernelOf<PrefixForm>("linear_recurrence", {kMatrix, kMatrix}, {{"axis", int64_t{0}}});
  ExpectPrints(recurrence,
               "  carry along 4 of [1, 4, 30]: acc0 = 0, then add(mul(r0, acc0), r1)\n"
               "    p2 = acc0\n");
}

TEST(AxisForms, SortsPrintTheirOrder) {
  const Kernel kernel =
      KernelOf<SortForm>("sort_rank", {kMatrix}, {{"axis", int64_t{-1}}, {"descending", true}});
  ExpectPrints(kernel, "  p1 = places of p0 in falling order along 5 of [24, 5, 1]\n");
  EXPECT_EQ(kernel.as<SortForm>().entry_bits, 64);
  EXPECT_EQ(kernel.scratch_bytes, 2 * SortBufferBytes(kernel.as<SortForm>()));
}

TEST(AxisForms, ScattersPrintWhatBecomesOfUpdates) {
  const std::vector<TensorType> operands = {
      {DType::kF32, {4, 3}}, {DType::kI64, {7}}, {DType::kF32, {7, 3}}};
  const auto scatter = [&](std::string reduce) {
    return KernelOf<ScatterForm>("scatter_rows", operands, {{"reduce", std::move(reduce)}});
  };
  ExpectPrints(scatter("set"), "p3[p0[u], :] set to p1[u, :] for 7 updates of 3 elements, 4 rows");
  ExpectPrints(scatter("max"), "p3[p0[u], :] max with p1[u, :]");
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

std::vector<Kernel> SortKernels(int64_t length, DType dtype) {
  const OpDef& op = *FindOp("sort_rank");
  const std::vector<TensorType> operands = {{dtype, {length}}};
  Attributes attributes;
  attributes.Set("axis", int64_t{0});
  attributes.Set("descending", false);
  return MakeAxisKernels(op, {operands, attributes}, {DType::kI64, {length}}, TargetFacts{});
}

TEST(AxisForms, LongSortsAreMergedFromRuns) {
  EXPECT_EQ(SortKernels(16383, DType::kF32).size(), 1U);
  EXPECT_EQ(SortKernels(16384, DType::kF32).size(), 2U);
  EXPECT_EQ(SortKernels(20'000'000, DType::kF32).size(), 7U);
  for (const DType dtype : {DType::kF32, DType::kI64}) {
    int64_t run = 0;
    const std::vector<Kernel> kernels = SortKernels(100'001, dtype);
    for (Kernel kernel : kernels) {
      Schedule(kernel, TargetFacts{});
      EXPECT_LE(kernel.scratch_bytes, 12'544 * 16);  // of one run, not of the axis
      EXPECT_GT(kernel.schedule.tiles, 1);
      EXPECT_EQ(kernel.as<SortForm>().entry_bits, dtype == DType::kF32 ? 64 : 128);
      const bool merges = kernel.as<SortForm>().part != SortPart::kRuns;
      if (merges) {
        EXPECT_EQ(kernel.as<SortForm>().run, run);
      }
      run = kernel.as<SortForm>().run * (merges ? 2 : 1);
    }
    EXPECT_GE(run, 100'001);
    EXPECT_EQ(kernels.front().as<SortForm>().part, SortPart::kRuns);
    EXPECT_EQ(kernels.back().as<SortForm>().part, SortPart::kRanks);
  }
}

ScatterKernels ScatterKernelsOf(int64_t updates, int64_t rows, int64_t width) {
  return MakeScatter({DType::kI64, {updates}}, {DType::kF32, {updates, width}},
                     {DType::kF32, {rows, width}}, ScalarOp::kAdd, TargetFacts{});
}

TEST(AxisForms, ManyNarrowUpdatesAreSortedFirst) {
  EXPECT_FALSE(ScatterKernelsOf(4096, 32'000, 64).buckets);   // wide rows
  EXPECT_FALSE(ScatterKernelsOf(16'000, 32'000, 1).buckets);  // few updates
  EXPECT_FALSE(ScatterKernelsOf(1'000'000, 1, 1).buckets);    // one row has one owner
  const ScatterKernels made = ScatterKernelsOf(400'000, 400'000, 1);
  ASSERT_TRUE(made.buckets);
  for (Kernel kernel : {*made.buckets, made.scatter}) {
    Schedule(kernel, TargetFacts{});
    EXPECT_GT(kernel.schedule.tiles, 8);
    EXPECT_TRUE(kernel.schedule.parallel);
  }
}

TEST(AxisForms, EveryTileOfAScatterOwnsRows) {
  for (int64_t rows : {0, 1, 2, 16, 17, 63, 64, 65, 127, 129, 1000}) {
    Kernel kernel = ScatterKernelsOf(4000, rows, 256).scatter;
    Schedule(kernel, TargetFacts{});
    const KernelSchedule& schedule = kernel.schedule;
    EXPECT_EQ(schedule.tiles, kernel.as<ScatterForm>().tiles());
    EXPECT_GE(schedule.tiles * schedule.tile_extent, rows);
    if (rows > 0) {
      EXPECT_LT((schedule.tiles - 1) * schedule.tile_extent, rows);
    }
  }
}

Value Scatter(GraphBuilder& b, Value x, Value indices, Value updates, std::string reduce) {
  return b.Add("scatter_rows", {x, indices, updates}, {{"reduce", std::move(reduce)}});
}

struct ScatterState {
  GraphBuilder b;
  Value s = b.Input("slot.s", {DType::kF64, {4, 4}});
  Value i = b.Input("i", {DType::kI64, {6}});
  Value u = b.Input("u", {DType::kF64, {6, 4}});
  Value last(Value next) {
    b.Output("next.slot.s", next);
    return next;
  }
};

TEST(AxisForms, StateIsReplacedByAScatterIntoItself) {
  for (const std::string reduce : {"set", "add", "mul", "min", "max"}) {
    ScatterState state;
    state.last(Scatter(state.b, state.s, state.i, state.u, reduce));
    const Value t = state.b.Input("slot.t", {DType::kF64, {3}});
    state.b.Output("next.slot.t", state.b.Add("square", {t}));
    EXPECT_EQ(ExpectSameAsInterpreter(std::move(state.b).Build()), 2);  // nothing is copied
  }
}

TEST(AxisForms, AScatterIntoStateReplacesOtherStateToo) {
  ScatterState state;
  const Value next = state.last(Scatter(state.b, state.s, state.i, state.u, "add"));
  state.b.Input("slot.t", {DType::kF64, {4, 4}});
  state.b.Output("next.slot.t", next);
  EXPECT_EQ(ExpectSameAsInterpreter(std::move(state.b).Build()), 2);
}

TEST(AxisForms, ReadersOfStateComeBeforeAScatterIntoIt) {
  ScatterState state;
  GraphBuilder& b = state.b;
  const Value next = state.last(Scatter(b, state.s, state.i, state.u, "add"));
  b.Output("old", b.Add("gather", {state.s, state.i}));
  b.Output("sum", b.Add("matmul", {state.s, next}));
  ExpectSameAsInterpreter(std::move(b).Build());
}

TEST(AxisForms, ScattersThatReadTheirStateTwice) {
  ScatterState state;
  const Value four = state.b.Input("j", {DType::kI64, {4}});
  state.last(Scatter(state.b, state.s, four, state.s, "add"));
  ExpectSameAsInterpreter(std::move(state.b).Build());
}

TEST(AxisForms, ScattersIntoWhatIsComputedFromState) {
  for (const bool sibling : {false, true})
    for (const std::string_view base : {"square", "transpose"}) {
      ScatterState state;
      GraphBuilder& b = state.b;
      const Value x = base == "square" ? b.Add("square", {state.s})
                                       : b.Add("transpose", {state.s},
                                               {{"permutation", std::vector<int64_t>{1, 0}}});
      const Value next = state.last(Scatter(b, x, state.i, state.u, "add"));
      // Reads the state elsewhere than a loop over both would write it.
      if (sibling)
        b.Output("y", b.Add("square", {b.Add("transpose", {state.s},
                                             {{"permutation", std::vector<int64_t>{1, 0}}})}));
      b.Output("z", b.Add("square", {next}));
      ExpectSameAsInterpreter(std::move(b).Build());
    }
}

TEST(AxisForms, AScatterIsComputedInTheOutput) {
  ScatterState state;
  GraphBuilder& b = state.b;
  const Value y = Scatter(b, state.s, state.i, state.u, "max");
  b.Output("y", y);
  b.Output("again", y);
  EXPECT_EQ(ExpectSameAsInterpreter(std::move(b).Build()), 3);  // copy, scatter, copy for the other
}

TEST(AxisForms, ScattersIntoCarriedAndStackedValues) {
  const Model model = OptimizedModel(R"(model m {
    input t: f64[4, 3]
    input i: i64[5, 2]
    input u: f64[5, 2, 3]
    last, all, _ = scan(t, i, u, carried=1, sliced=2, stacked=1) body(t: f64[4, 3], i: i64[2], u: f64[2, 3]) {
      n = scatter_rows(t, i, u, reduce="add")
      return n, n
    }
    output last
    output all
  })",
                                     "run");
  ExpectSameAsInterpreter(model);
}

TEST(AxisForms, ScattersInBranches) {
  const Model model = OptimizedModel(R"(model m {
    input c: bool
    input t: f64[4, 3]
    input i: i64[2]
    input u: f64[2, 3]
    y = if(c, t, i, u) then_body(t: f64[4, 3], i: i64[2], u: f64[2, 3]) {
      n = scatter_rows(t, i, u, reduce="add")
      return n
    } else_body(t: f64[4, 3], i: i64[2], u: f64[2, 3]) {
      s = square(t)
      n = scatter_rows(s, i, u)
      return n
    }
    z = tanh(y)
    output y
    output z
  })",
                                     "run");
  ExpectSameAsInterpreter(model);
}

}  // namespace
}  // namespace descent

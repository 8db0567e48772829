// Kernels that run along an axis: prefixes and sorting, against the reference, at any number of
// threads.

#include <gtest/gtest.h>

#include <cmath>

#include "compiler/kernel/axis_forms.h"
#include "compiler/kernel/schedule.h"
#include "tests/compiler/codegen/kernel_testing.h"

namespace descent {
namespace {

/// Cuts the units into `tiles` parallel tiles.
template <typename AxisForm>
void Cut(Kernel& kernel, int64_t tiles) {
  const auto& form = kernel.as<AxisForm>();
  kernel.scratch_bytes = AxisScratchBytes(form);
  kernel.schedule.tile_extent = CeilDiv(AxisUnits(form), tiles);
  kernel.schedule.tiles = CeilDiv(AxisUnits(form), kernel.schedule.tile_extent);
  kernel.schedule.parallel = kernel.schedule.tiles > 1;
}

Kernel PrefixKernel(AlongAxis axis, DType dtype, Scalar init, Scalar step, int operands) {
  Kernel kernel{.name = "test_prefix"};
  const Shape shape = {axis.outer, axis.length, axis.inner};
  for (int i = 0; i <= operands; ++i) kernel.parameters.push_back({{dtype, shape}, i == operands});
  kernel.form = PrefixForm{.axis = axis,
                           .init = std::move(init),
                           .step = std::move(step),
                           .result = Accumulator(0, dtype)};
  kernel.stages.resize(1);
  Cut<PrefixForm>(kernel, 3);
  return kernel;
}

Kernel SumKernel(AlongAxis axis, DType dtype) {
  const Scalar init = Info(dtype).is_float ? ConstantScalar(dtype, 0) : ConstantInt(dtype, 0);
  return PrefixKernel(axis, dtype, init,
                      Call(ScalarOp::kAdd, {Accumulator(0, dtype), ReadScalar(0, dtype)}), 1);
}

constexpr AlongAxis kAxes[] = {{1, 1, 1},  {1, 33, 1},   {7, 17, 1},  {1, 5, 7},   {3, 9, 16},
                               {2, 4, 19}, {1, 3, 1300}, {5, 2, 512}, {2, 3, 513}, {4, 1, 1025}};

TEST(PrefixEmitter, CarriesStatesAlongTheAxis) {
  for (const AlongAxis& axis : kAxes)
    for (const DType dtype : {DType::kF32, DType::kF64, DType::kI64})
      for (const bool exclusive : {false, true})
        for (const bool reverse : {false, true}) {
          Kernel kernel = SumKernel(axis, dtype);
          kernel.as<PrefixForm>().exclusive = exclusive;
          kernel.as<PrefixForm>().reverse = reverse;
          ExpectMatchesReference(kernel, Patterns(kernel), 1e-5);
        }
}

TEST(PrefixEmitter, StepsMayReadSeveralOperands) {
  const DType dtype = DType::kF32;
  const Scalar state = Accumulator(0, dtype);
  const Scalar step = Call(
      ScalarOp::kAdd, {Call(ScalarOp::kMul, {ReadScalar(0, dtype), state}), ReadScalar(1, dtype)});
  for (const AlongAxis& axis : kAxes) {
    Kernel kernel = PrefixKernel(axis, dtype, ConstantScalar(dtype, 0.5), step, 2);
    kernel.as<PrefixForm>().result = Call(ScalarOp::kNeg, {state});
    ExpectMatchesReference(kernel, Patterns(kernel), 1e-5);
  }
}

Kernel SortKernel(AlongAxis axis, DType dtype, bool descending) {
  Kernel kernel{.name = "test_sort"};
  const Shape shape = {axis.outer, axis.length, axis.inner};
  kernel.parameters = {{{dtype, shape}, false}, {{DType::kI64, shape}, true}};
  kernel.form = SortForm{
      .axis = axis, .descending = descending, .entry_bits = Info(dtype).bytes <= 4 ? 64 : 128};
  kernel.stages.resize(1);
  Cut<SortForm>(kernel, 3);
  return kernel;
}

/// Sorts runs of `run`, merges them and compares each step, and the places with those of the whole.
void ExpectMergesRuns(AlongAxis axis, DType dtype, bool descending, int64_t run) {
  const Kernel whole = SortKernel(axis, dtype, descending);
  const std::vector<Tensor> operands = Patterns(whole);
  const int64_t elements = operands[0].elements();
  const TensorType entries{DType::kU64, {elements, whole.as<SortForm>().entry_bits / 64}};
  Tensor from = operands[0];
  const auto step = [&](SortPart part, const TensorType& to) {
    Kernel kernel = whole;
    kernel.as<SortForm>().part = part;
    kernel.as<SortForm>().run = run;
    kernel.parameters = {{from.type(), false}, {to, true}};
    Cut<SortForm>(kernel, 5);
    std::vector<Tensor> values = Patterns(kernel);
    values[0] = from;
    ExpectMatchesReference(kernel, values, 0);
    from = RunCompiled(kernel, values, 2).values[1];
  };
  step(SortPart::kRuns, entries);
  for (; 2 * run < axis.length; run *= 2) step(SortPart::kMerge, entries);
  step(SortPart::kRanks, whole.parameters[1].type);
  EXPECT_TRUE(from == RunCompiled(whole, operands).values[1]);
}

TEST(SortEmitter, RunsAreMergedInPieces) {
  for (const AlongAxis& axis :
       {AlongAxis{1, 2, 1}, {1, 9, 1}, {3, 16, 2}, {2, 17, 1}, {1, 100, 3}, {1, 1000, 1}})
    for (const int64_t run : {1, 3})
      for (const DType dtype : {DType::kF32, DType::kI64})
        if (2 * run <= axis.length) ExpectMergesRuns(axis, dtype, /*descending=*/run == 3, run);
}

TEST(SortEmitter, RanksAreStable) {
  for (const AlongAxis& axis : {AlongAxis{1, 1, 1},
                                {1, 2, 1},
                                {2, 3, 5},
                                {1, 4, 1},
                                {5, 33, 1},
                                {1, 64, 2},
                                {1, 65, 1},
                                {1, 1000, 1}})
    for (const DType dtype : {DType::kF32, DType::kF64, DType::kI32, DType::kI64, DType::kU8})
      for (const bool descending : {false, true}) {
        const Kernel kernel = SortKernel(axis, dtype, descending);
        ExpectMatchesReference(kernel, Patterns(kernel), 0);
      }
}

TEST(SortEmitter, OrdersSpecialValues) {
  const double infinity = std::numeric_limits<double>::infinity(), nan = std::nan("");
  for (const DType dtype : {DType::kF32, DType::kF64})
    for (const bool descending : {false, true}) {
      const Kernel kernel = SortKernel({1, 12, 1}, dtype, descending);
      std::vector<Tensor> values = Patterns(kernel);
      values[0] = Tensor::FromDoubles(
          values[0].type(), std::vector<double>{0.0, nan, -0.0, infinity, -infinity, -nan, 1e-310,
                                                -1e-310, 1, -1, 0.0, infinity});
      ExpectMatchesReference(kernel, values, 0);
    }
}

TEST(SortEmitter, OrdersTheEndsOfIntegerTypes) {
  const Kernel kernel = SortKernel({1, 5, 1}, DType::kI64, false);
  std::vector<Tensor> values = Patterns(kernel);
  values[0] = Tensor::FromInts(values[0].type(),
                               std::vector<int64_t>{0, INT64_MAX, INT64_MIN, -1, INT64_MAX});
  ExpectMatchesReference(kernel, values, 0);
}

TEST(AxisForms, TilesComeFromShapesAlone) {
  Kernel small = SumKernel({3, 5, 7}, DType::kF32), large = SumKernel({4, 4096, 4096}, DType::kF32);
  Schedule(small, NativeTarget().facts);
  Schedule(large, NativeTarget().facts);
  EXPECT_FALSE(small.schedule.parallel);
  EXPECT_TRUE(large.schedule.parallel);
  EXPECT_EQ(AxisUnits(large.as<PrefixForm>()), 32);
  EXPECT_EQ(large.scratch_bytes, 2048);
}

}  // namespace
}  // namespace descent

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "runtime/abi.h"
#include "tests/compiler/codegen/kernel_testing.h"

namespace descent {
namespace {

constexpr DType kF32 = DType::kF32, kF64 = DType::kF64, kI32 = DType::kI32, kI64 = DType::kI64,
                kU8 = DType::kU8, kBool = DType::kBool;
using enum ScalarOp;

Scalar R(int slot, DType dtype = kF32) { return ReadScalar(slot, dtype); }
Scalar F(double value) { return ConstantScalar(kF32, value); }

TEST(LoopEmitter, ElementwiseAtEverySize) {
  for (int64_t n : {0, 1, 2, 3, 7, 8, 9, 15, 16, 17, 31, 33, 100}) {
    Kernel kernel = ElementwiseKernel("axpy", {n}, {kF32, kF32},
                                      {Call(kAdd, {Call(kMul, {R(0), F(0.5)}), R(1)})});
    ExpectMatchesReference(kernel, Patterns(kernel), 0);
    if (n == 0) continue;
    Tile(kernel, 8);
    ExpectMatchesReference(kernel, Patterns(kernel), 0);
  }
}

TEST(LoopEmitter, EveryElementType) {
  for (int64_t n : {1, 3, 17, 33}) {
    for (DType dtype : {kF32, kF64, kI32, kI64, kU8}) {
      const Scalar sum = Call(kAdd, {R(0, dtype), R(1, dtype)});
      const Scalar larger = Call(kMax, {R(0, dtype), R(1, dtype)});
      const Scalar less = Call(kLt, {R(0, dtype), R(1, dtype)});
      Kernel kernel = ElementwiseKernel("types", {n}, {dtype, dtype}, {sum, larger, less});
      Tile(kernel, 16);
      ExpectMatchesReference(kernel, Patterns(kernel), 0);
    }
    Kernel bools = ElementwiseKernel(
        "bools", {n}, {kBool, kBool, kF32, kF32},
        {Call(kAnd, {R(0, kBool), R(1, kBool)}), Call(kXor, {R(0, kBool), R(1, kBool)}),
         Call(kSelect, {Call(kOr, {R(0, kBool), R(1, kBool)}), R(2), R(3)})});
    ExpectMatchesReference(bools, Patterns(bools), 0);
  }
}

/// [rows, columns] + [columns] * [rows, 1] + scalar
TEST(LoopEmitter, Broadcasts) {
  for (int64_t columns : {1, 5, 8, 19}) {
    const int64_t rows = 7;
    Kernel kernel = ElementwiseKernel("broadcast", {rows, columns}, {kF32}, {R(0)});
    Stage& stage = kernel.stages[0];
    kernel.parameters.push_back({{kF32, {columns}}, false});
    kernel.parameters.push_back({{kF32, {rows, 1}}, false});
    kernel.parameters.push_back({{kF32, {}}, false});
    stage.reads.push_back(ReadOf(2, {Axis(1)}));
    stage.reads.push_back(ReadOf(3, {Axis(0), ConstantIndex(0)}));
    stage.reads.push_back(ReadOf(4, {}));
    stage.results = {
        Call(kAdd, {Call(kAdd, {R(0), Call(kMul, {R(1), R(2)})}), Call(kExp, {R(3)})})};
    ExpectMatchesReference(kernel, Patterns(kernel));
    Tile(kernel, 2);
    ExpectMatchesReference(kernel, Patterns(kernel));
  }
}

TEST(LoopEmitter, TransposesStridesAndReversal) {
  Kernel kernel = ElementwiseKernel("layout", {13, 21}, {}, {R(0), R(1), R(2)});
  Stage& stage = kernel.stages[0];
  kernel.parameters.push_back({{kF32, {21, 13}}, false});
  kernel.parameters.push_back({{kF32, {13, 42}}, false});
  stage.reads.push_back(ReadOf(3, {Axis(1), Axis(0)}));
  stage.reads.push_back(ReadOf(4, {Axis(0), Axis(1) * 2 + ConstantIndex(1)}));
  stage.reads.push_back(ReadOf(3, {Axis(1) * -1 + ConstantIndex(20), Axis(0)}));
  Tile(kernel, 5);
  ExpectMatchesReference(kernel, Patterns(kernel), 0);
}

/// A reshape that was fused away: [6, 32] seen as [12, 16] (chunks stay whole) and [64, 3] (they do
/// not).
TEST(LoopEmitter, FloorDivAndMod) {
  for (int64_t columns : {16, 3, 48}) {
    const int64_t rows = 192 / columns;
    Kernel kernel = ElementwiseKernel("reshape", {rows, columns}, {}, {R(0)});
    kernel.parameters.push_back({{kF32, {6, 32}}, false});
    const Index flat = Axis(0) * columns + Axis(1);
    kernel.stages[0].reads.push_back(ReadOf(1, {FloorDiv(flat, 32), Mod(flat, 32)}));
    Tile(kernel, 3);
    ExpectMatchesReference(kernel, Patterns(kernel), 0);
  }
}

TEST(LoopEmitter, GuardsKeepReadsInBounds) {
  for (DType dtype : {kF32, kU8, kF64}) {
    Kernel kernel = ElementwiseKernel("pad", {9, 20}, {}, {R(0, dtype), R(1, dtype), R(2, dtype)});
    kernel.parameters.push_back({{dtype, {5, 14}}, false});
    Stage& stage = kernel.stages[0];
    const Index row = Axis(0) + ConstantIndex(-2), column = Axis(1) + ConstantIndex(-3);
    StageRead read = ReadOf(3, {row, column});
    read.guards = {{row, 5}, {column, 14}};
    read.outside = ConstantScalar(dtype, 7);
    stage.reads.push_back(read);
    // Strided, with a guard on every lane; and one whose guard is the same for all lanes.
    StageRead strided = ReadOf(3, {FloorDiv(Axis(0), 2), Axis(1) * 2 + ConstantIndex(-5)});
    strided.guards = {{strided.coordinates[1], 14}};
    strided.outside = ConstantScalar(dtype, 1);
    stage.reads.push_back(strided);
    StageRead rows = ReadOf(3, {row, ConstantIndex(0)});
    rows.guards = {{row, 5}, {Axis(1), 11}};
    rows.outside = ConstantScalar(dtype, 3);
    stage.reads.push_back(rows);
    Tile(kernel, 2);
    ExpectMatchesReference(kernel, Patterns(kernel), 0);
  }
}

Kernel GatherKernel(int64_t rows, int64_t columns, bool index_per_column) {
  Kernel kernel = ElementwiseKernel("gather", {rows, columns}, {}, {R(1)});
  kernel.parameters.push_back({{kI64, {index_per_column ? columns : rows}}, false});
  kernel.parameters.push_back({{kF32, {6, columns}}, false});
  kernel.stages[0].reads.push_back(ReadOf(1, {Axis(index_per_column ? 1 : 0)}));
  kernel.stages[0].reads.push_back(ReadOf(2, {ReadIndex(0), Axis(1)}));
  kernel.reports_status = true;
  return kernel;
}

TEST(LoopEmitter, GathersRowsAndReportsBadIndices) {
  for (bool per_column : {false, true}) {
    for (int64_t columns : {1, 5, 16, 19}) {
      Kernel kernel = GatherKernel(7, columns, per_column);
      Tile(kernel, 2);
      std::vector<Tensor> values = Patterns(kernel);
      std::vector<int64_t> good, bad;
      for (int64_t i = 0; i < values[1].elements(); ++i) {
        good.push_back(i % 6);
        bad.push_back(i == 0 ? 6 : i == 2 ? -1 : i == 3 ? int64_t{1} << 62 : 3);
      }
      values[1] = Tensor::FromInts(values[1].type(), good);
      EXPECT_EQ(RunCompiled(kernel, values, 2).status, 0u);
      ExpectMatchesReference(kernel, values, 0);
      values[1] = Tensor::FromInts(values[1].type(), bad);
      EXPECT_EQ(RunCompiled(kernel, values, 2).status, DESCENT_STATUS_BAD_INDEX);
      ExpectMatchesReference(kernel, values, 0);
    }
  }
}

Reducer SumOf(Scalar value) {
  const Scalar sum = Accumulator(0, value->dtype);
  return {{ConstantScalar(value->dtype, 0)},
          {Call(kAdd, {sum, value})},
          {Call(kAdd, {sum, Other(0, value->dtype)})}};
}

Reducer MaxOf(Scalar value) {
  const Scalar best = Accumulator(0, value->dtype);
  return {{ConstantScalar(value->dtype, -std::numeric_limits<double>::infinity())},
          {Call(kMax, {best, value})},
          {Call(kMax, {best, Other(0, value->dtype)})}};
}

/// One reduction of x [rows, columns] over `axis`.
Kernel ReductionKernel(int64_t rows, int64_t columns, int axis, const Reducer& reducer,
                       DType dtype) {
  Kernel kernel{.name = "test_reduce"};
  const Shape result = {axis == 0 ? columns : rows};
  kernel.parameters = {{{dtype, {rows, columns}}, false}, {{dtype, result}, true}};
  Stage stage{.axes = {result[0], axis == 0 ? rows : columns}, .parallel = 1};
  stage.reads = {ReadOf(0, axis == 0 ? std::vector{Axis(1), Axis(0)} : Axes(0, 2))};
  stage.reducer = reducer;
  stage.results = {Accumulator(0, dtype)};
  stage.stores = {{0, -1, 1, {Axis(0)}}};
  kernel.stages = {stage};
  return kernel;
}

TEST(LoopEmitter, SumsAndMaximaOfRowsAndColumns) {
  for (int64_t rows : {1, 3, 17})
    for (int64_t columns : {0, 1, 3, 8, 17, 33, 70, 200})
      for (int axis : {0, 1})
        for (DType dtype : {kF32, kF64}) {
          Kernel sum = ReductionKernel(rows, columns, axis, SumOf(R(0, dtype)), dtype);
          ExpectMatchesReference(sum, Patterns(sum), 1e-5);
          Kernel max = ReductionKernel(rows, columns, axis, MaxOf(R(0, dtype)), dtype);
          if (max.stages[0].axes[0] > 0) Tile(max, 8);
          ExpectMatchesReference(max, Patterns(max), 0);
        }
}

TEST(LoopEmitter, NanReachesSumsAndMaxima) {
  Kernel kernel = ReductionKernel(2, 40, 1, MaxOf(R(0)), kF32);
  for (int64_t place : {0, 13, 39}) {
    std::vector<Tensor> values = Patterns(kernel);
    std::vector<double> x;
    for (int64_t i = 0; i < 80; ++i) x.push_back(i == place ? NAN : static_cast<double>(i));
    values[0] = Tensor::FromDoubles(values[0].type(), x);
    const Tensor result = RunCompiled(kernel, values).values[1];
    EXPECT_TRUE(std::isnan(result.GetDouble(0)));
    EXPECT_EQ(result.GetDouble(1), 79);
  }
}

TEST(LoopEmitter, ArgMaxTakesTheFirstOfEquals) {
  for (int64_t columns : {1, 3, 10, 37})
    for (int axis : {0, 1}) {
      const Scalar best = Accumulator(0, kF32), place = Accumulator(1, kI64);
      const auto choose = [&](const Scalar& later, const Scalar& later_place) {
        const Scalar larger = Call(kGt, {later, best});
        return std::vector{Call(kSelect, {larger, later, best}),
                           Call(kSelect, {larger, later_place, place})};
      };
      Reducer reducer{{F(-1e30), ConstantInt(kI64, 0)},
                      choose(R(0), IndexScalar(Axis(1))),
                      choose(Other(0, kF32), Other(1, kI64))};
      Kernel kernel = ReductionKernel(19, columns, axis, reducer, kF32);
      kernel.parameters[1].type.dtype = kI64;
      kernel.stages[0].results = {place};
      std::vector<Tensor> values = Patterns(kernel);
      std::vector<double> x;
      for (int64_t i = 0; i < values[0].elements(); ++i) x.push_back((i * 7) % 5);
      values[0] = Tensor::FromDoubles(values[0].type(), x);
      ExpectMatchesReference(kernel, values, 0);
    }
}

/// Softmax of rows: maximum, exponentials into a local, their sum, the quotient.
Kernel SoftmaxKernel(int64_t rows, int64_t columns) {
  Kernel kernel{.name = "test_softmax"};
  kernel.parameters = {{{kF32, {rows, columns}}, false}, {{kF32, {rows, columns}}, true}};
  kernel.outer = {rows};
  kernel.locals = {{kF32, {}}, {kF32, {columns}}, {kF32, {}}};
  const StageRead x = ReadOf(0, Axes(0, 2));
  const auto local = [](int number, std::vector<Index> coordinates) {
    return StageRead{Source::kLocal, number, std::move(coordinates), {}, nullptr};
  };
  Stage max{.axes = {columns}, .parallel = 0, .reads = {x}, .reducer = MaxOf(R(0))};
  max.results = {Accumulator(0, kF32)};
  max.stores = {{0, 0, -1, {}}};
  Stage exp{.axes = {columns}, .parallel = 1, .reads = {x, local(0, {})}};
  exp.results = {Call(kExp, {Call(kSub, {R(0), R(1)})})};
  exp.stores = {{0, 1, -1, {}}};
  Stage sum{
      .axes = {columns}, .parallel = 0, .reads = {local(1, {Axis(1)})}, .reducer = SumOf(R(0))};
  sum.results = {Accumulator(0, kF32)};
  sum.stores = {{0, 2, -1, {}}};
  Stage quotient{.axes = {columns}, .parallel = 1, .reads = {local(1, {Axis(1)}), local(2, {})}};
  quotient.results = {Call(kDiv, {R(0), R(1)})};
  quotient.stores = {{0, -1, 1, Axes(0, 2)}};
  kernel.stages = {max, exp, sum, quotient};
  return kernel;
}

TEST(LoopEmitter, SoftmaxSharesRows) {
  for (int64_t columns : {1, 3, 10, 16, 17, 100}) {
    Kernel kernel = SoftmaxKernel(13, columns);
    ExpectMatchesReference(kernel, Patterns(kernel), 1e-6);
    Tile(kernel, 4);
    ExpectMatchesReference(kernel, Patterns(kernel), 1e-6);
  }
}

TEST(LoopEmitter, OuterSpaceOfTwoAxes) {
  Kernel kernel{.name = "test_outer"};
  kernel.parameters = {{{kF32, {3, 4, 11}}, false}, {{kF32, {4, 3}}, true}};
  kernel.outer = {3, 4};
  Stage stage{
      .axes = {11}, .parallel = 0, .reads = {ReadOf(0, Axes(0, 3))}, .reducer = SumOf(R(0))};
  stage.results = {Accumulator(0, kF32)};
  stage.stores = {{0, -1, 1, {Axis(1), Axis(0)}}};
  kernel.stages = {stage};
  Tile(kernel, 5);
  ExpectMatchesReference(kernel, Patterns(kernel));
}

TEST(LoopEmitter, IntegerDivisionNeverTraps) {
  for (DType dtype : {kI32, kI64, kU8}) {
    Kernel kernel =
        ElementwiseKernel("divide", {11}, {dtype, dtype}, {Call(kDiv, {R(0, dtype), R(1, dtype)})});
    const int64_t lowest = dtype == kI32   ? std::numeric_limits<int32_t>::min()
                           : dtype == kI64 ? std::numeric_limits<int64_t>::min()
                                           : 200;
    std::vector<Tensor> values = Patterns(kernel);
    values[0] = Tensor::FromInts({dtype, {11}},
                                 std::vector<int64_t>{lowest, 7, 7, lowest, 0, 1, 9, 100, 6, 5, 4});
    values[1] = Tensor::FromInts(
        {dtype, {11}}, std::vector<int64_t>{dtype == kU8 ? 3 : -1, 0, 2, 0, 0, 1, 4, 7, 5, 2, 2});
    ExpectMatchesReference(kernel, values, 0);
  }
}

TEST(LoopEmitter, CastsSaturate) {
  const std::vector<double> x = {0,    1.9,   -1.9, 255.5,    256,       -1,  3e9,        -3e9,
                                 1e19, -1e19, NAN,  INFINITY, -INFINITY, 0.5, 2147483647, -0.0};
  for (DType from : {kF32, kF64})
    for (DType to : {kI32, kI64, kU8, kBool, kF32, kF64}) {
      Kernel kernel = ElementwiseKernel("cast", {16}, {from}, {Cast(to, R(0, from))});
      if (from == to) continue;
      std::vector<Tensor> values = Patterns(kernel);
      values[0] = Tensor::FromDoubles({from, {16}}, x);
      ExpectMatchesReference(kernel, values, 0);
    }
}

TEST(LoopEmitter, RandomWordsFollowTheDefinition) {
  for (int64_t n : {1, 70, 200}) {
    const auto constant = [](int64_t value) { return ConstantInt(kI64, value); };
    const Index element = Axis(0) * 3 + Axis(1);
    Kernel kernel = ElementwiseKernel(
        "random", {n, 3}, {},
        {Call(kPhilox, {constant(int64_t{1} << 40), constant((int64_t{5} << 33) + 7), constant(9),
                        constant(2), IndexScalar(element)})});
    Tile(kernel, 16);
    ExpectMatchesReference(kernel, Patterns(kernel), 0);
  }
}

TEST(LoopEmitter, UpdatesInPlace) {
  Kernel kernel = ElementwiseKernel("update", {50}, {kF32}, {Call(kSub, {R(1), R(0)})});
  kernel.stages[0].reads.push_back(ReadOf(1, {Axis(0)}));
  Tile(kernel, 16);
  ExpectMatchesReference(kernel, Patterns(kernel), 0);
}

}  // namespace
}  // namespace descent

#include <gtest/gtest.h>

#include "compiler/kernel/scatter.h"
#include "runtime/abi.h"
#include "tests/compiler/codegen/kernel_testing.h"

namespace descent {
namespace {

constexpr std::optional<ScalarOp> kCombines[] = {std::nullopt, ScalarOp::kAdd, ScalarOp::kMul,
                                                 ScalarOp::kMin, ScalarOp::kMax};

void CutInto(KernelSchedule& schedule, int64_t extent, int64_t piece) {
  schedule.tile_extent = piece;
  schedule.tiles = (extent + piece - 1) / piece;
  schedule.parallel = true;
}

/// In three tiles, which look at all updates. Parameter 3 is the destination; 2, its value before,
/// is bound to the same bytes.
Kernel ScatterKernel(int64_t updates, int64_t rows, int64_t columns,
                     std::optional<ScalarOp> combine, DType dtype = DType::kF32,
                     DType index = DType::kI64) {
  Kernel kernel = MakeScatter({index, {updates}}, {dtype, {updates, columns}},
                              {dtype, {rows, columns}}, combine, {})
                      .scatter;
  kernel.name = "test_scatter";
  kernel.as<ScatterForm>().tile_rows = (rows + 2) / 3;
  CutInto(kernel.schedule, rows, kernel.as<ScatterForm>().tile_rows);
  return kernel;
}

TEST(ScatterEmitter, AppliesUpdatesInOrder) {
  for (const auto combine : kCombines)
    for (const DType dtype : {DType::kF32, DType::kI32})
      for (int64_t columns : {1, 7, 16, 19}) {
        Kernel kernel = ScatterKernel(40, 8, columns, combine, dtype);
        ExpectMatchesReference(kernel, Patterns(kernel), 0);
      }
}

TEST(ScatterEmitter, DropsBadIndices) {
  for (const auto combine : kCombines) {
    Kernel kernel = ScatterKernel(5, 4, 9, combine);
    std::vector<Tensor> values = Patterns(kernel);
    values[0] =
        Tensor::FromInts(values[0].type(), std::vector<int64_t>{0, 4, -1, int64_t{1} << 60, 3});
    EXPECT_EQ(RunCompiled(kernel, values, 2).status, DESCENT_STATUS_BAD_INDEX);
    ExpectMatchesReference(kernel, values, 0);
  }
}

/// Its buckets and then the scatter; `chunk` updates are sorted at once.
struct Sorted {
  Kernel buckets, scatter;
};

Sorted SortedScatter(int64_t updates, int64_t rows, int64_t columns, int64_t chunk,
                     std::optional<ScalarOp> combine, DType index = DType::kI64) {
  TargetFacts fine;
  fine.dispatch_work = fine.tile_work = 1;
  ScatterKernels made = MakeScatter({index, {updates}}, {DType::kF32, {updates, columns}},
                                    {DType::kF32, {rows, columns}}, combine, fine);
  DESCENT_CHECK(made.buckets.has_value(), "fine tiles sort");
  Sorted sorted{*std::move(made.buckets), std::move(made.scatter)};
  sorted.buckets.name = "test_buckets";
  sorted.scatter.name = "test_scatter";
  const auto cut = [&](Kernel& kernel, ScatterForm& form) {
    form.chunk = chunk;
    kernel.parameters[form.ends].type.shape[0] = form.chunks();
  };
  auto& scatter = sorted.scatter.as<ScatterForm>();
  cut(sorted.buckets, sorted.buckets.as<BucketsForm>().scatter);
  cut(sorted.scatter, scatter);
  CutInto(sorted.buckets.schedule, updates, chunk);
  CutInto(sorted.scatter.schedule, rows, scatter.tile_rows);
  return sorted;
}

/// Sorted and applied as the compiled kernels do, at every number of threads.
void ExpectSortsAndApplies(const Sorted& sorted, const Tensor& index) {
  // A single thread goes without buckets, and so does the entry point's call of their kernel.
  std::vector<Tensor> values = Patterns(sorted.buckets);
  values[0] = index;
  const KernelRun expected = RunReference(sorted.buckets, values);
  KernelRun buckets;
  for (const int threads : {2, 3, 8}) {
    buckets = RunCompiled(sorted.buckets, values, threads);
    for (size_t i = 0; i < values.size(); ++i) EXPECT_TRUE(buckets.values[i] == expected.values[i]);
  }
  const ScatterForm& form = sorted.scatter.as<ScatterForm>();
  const std::vector<Tensor> sources = values;
  values = Patterns(sorted.scatter);
  values[form.index] = index;
  values[form.update] = sources[1];
  values[form.sorted_rows] = buckets.values[2];
  values[form.sorted_updates] = buckets.values[3];
  values[form.ends] = buckets.values[4];
  ExpectMatchesReference(sorted.scatter, values, 0);
}

TEST(ScatterEmitter, SortedUpdatesKeepTheirOrder) {
  struct Case {
    int64_t updates, rows, columns, chunk;
  };
  for (const auto combine : kCombines)
    for (const auto [updates, rows, columns, chunk] :
         {Case{1, 2, 1, 1}, {63, 9, 3, 17}, {200, 130, 1, 64}, {200, 9, 1, 1}, {64, 3, 2, 300}}) {
      const Sorted sorted = SortedScatter(updates, rows, columns, chunk, combine);
      ExpectSortsAndApplies(sorted, Pattern({DType::kI64, {updates}}, 5));
    }
}

TEST(ScatterEmitter, SortingDropsBadIndices) {
  for (const DType dtype : {DType::kI64, DType::kI32, DType::kI8, DType::kU8, DType::kU64}) {
    const Sorted sorted = SortedScatter(9, 4, 1, 4, ScalarOp::kAdd, dtype);
    const Tensor index =
        Tensor::FromInts({dtype, {9}}, std::vector<int64_t>{0, 4, -1, 3, 127, -128, 3, 1, 0});
    std::vector<Tensor> values = Patterns(sorted.scatter);
    values[0] = index;
    EXPECT_EQ(RunCompiled(sorted.scatter, values, 0).status, DESCENT_STATUS_BAD_INDEX);
    ExpectSortsAndApplies(sorted, index);
  }
}

}  // namespace
}  // namespace descent

#include <gtest/gtest.h>

#include "runtime/abi.h"
#include "tests/compiler/codegen/kernel_testing.h"

namespace descent {
namespace {

constexpr std::optional<ScalarOp> kCombines[] = {std::nullopt, ScalarOp::kAdd, ScalarOp::kMul,
                                                 ScalarOp::kMin, ScalarOp::kMax};

Kernel ScatterKernel(int64_t updates, int64_t rows, int64_t columns,
                     std::optional<ScalarOp> combine, DType dtype = DType::kF32) {
  Kernel kernel{.name = "test_scatter", .kind = KernelKind::kScatter};
  kernel.parameters = {{{DType::kI64, {updates}}, false},
                       {{dtype, {updates, columns}}, false},
                       {{dtype, {rows, columns}}, true}};
  kernel.scatter = {0, 1, 2, updates, rows, columns, combine};
  kernel.stages = {Stage{}};
  kernel.schedule.tiles = 3;
  kernel.schedule.parallel = true;
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

}  // namespace
}  // namespace descent

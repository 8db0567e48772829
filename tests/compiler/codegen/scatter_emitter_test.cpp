#include <gtest/gtest.h>

#include "runtime/abi.h"
#include "tests/compiler/codegen/kernel_testing.h"

namespace descent {
namespace {

Kernel ScatterKernel(int64_t updates, int64_t rows, int64_t columns, bool add) {
  Kernel kernel{.name = "test_scatter", .kind = KernelKind::kScatter};
  kernel.parameters = {{{DType::kI64, {updates}}, false},
                       {{DType::kF32, {updates, columns}}, false},
                       {{DType::kF32, {rows, columns}}, true}};
  kernel.scatter = {0, 1, 2, updates, rows, columns, add};
  kernel.stages = {Stage{}};
  kernel.schedule.tiles = 3;
  kernel.schedule.parallel = true;
  return kernel;
}

TEST(ScatterEmitter, AppliesUpdatesInOrder) {
  for (bool add : {true, false})
    for (int64_t columns : {1, 7, 16, 19}) {
      Kernel kernel = ScatterKernel(40, 8, columns, add);
      ExpectMatchesReference(kernel, Patterns(kernel), 0);
    }
}

TEST(ScatterEmitter, DropsBadIndices) {
  Kernel kernel = ScatterKernel(5, 4, 9, true);
  std::vector<Tensor> values = Patterns(kernel);
  values[0] =
      Tensor::FromInts(values[0].type(), std::vector<int64_t>{0, 4, -1, int64_t{1} << 60, 3});
  EXPECT_EQ(RunCompiled(kernel, values, 2).status, DESCENT_STATUS_BAD_INDEX);
  ExpectMatchesReference(kernel, values, 0);
}

}  // namespace
}  // namespace descent

// A compiled trainer that is killed, large enough that saving takes a while.
#include <gtest/gtest.h>

#include "tests/cli/shell.h"
#include "tests/runtime/killed_runs.h"

namespace descent::test {
namespace {

constexpr const char* kModel = R"(descent 1
model wide {
  batch 20
  input x: f32[batch, 2] from features
  input y: f32[batch, 1] from label
  parameter W1: f32[2, 256] = glorot_uniform
  parameter W2: f32[256, 256] = glorot_uniform
  parameter W3: f32[256, 1] = glorot_uniform
  z1 = matmul(x, W1)
  a1 = tanh(z1)
  z2 = matmul(a1, W2)
  a2 = tanh(z2)
  d2 = dropout(a2, rate=0.2)
  z3 = matmul(d2, W3)
  loss = bce_with_logits(z3, y)
  train loss with adam(learning_rate=0.01)
}
)";

TEST(Crash, KilledTrainersEndInTheSameBytes) {
  const Shell shell;
  shell.Write("wide.descent", kModel);
  const Outcome compiled = shell.Run("descent compile -q wide.descent -o trainer");
  ASSERT_EQ(compiled.status, 0) << compiled.err;
  runtime::KilledRuns runs({shell.folder() + "/trainer", "train", "--data",
                            "circle:samples=500,seed=1", "--epochs", "10", "--threads", "2",
                            "--validation-split", "0.2", "--checkpoint-every", "7"});
  const int kills = runtime::KillsAskedFor(4);
  runs.ExpectSameBytes(kills);
  std::printf("%d runs killed, %d of them while saving\n", runs.killed(), runs.killed_in_save());
  if (kills >= 20) {
    EXPECT_GT(runs.killed_in_save(), 0);
  }
}

}  // namespace
}  // namespace descent::test

// One executable for several targets: each of its programs gives what the executable for that
// target alone gives.

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "compiler/codegen/target.h"
#include "tests/cli/shell.h"

namespace descent::test {
namespace {

void ExpectGood(const Outcome& outcome) {
  EXPECT_EQ(outcome.status, 0) << outcome.out << outcome.err;
}

bool CanRun(const char* target) { return RunningCpuSupports(**ResolveTarget(target)); }

/// A convolution of so many channels that its filters lie in memory in another order than in files.
constexpr const char* kNetwork = R"(descent 1
model net {
  batch 8
  input x: f32[batch, 2] from features
  input y: f32[batch, 1] from label
  parameter W1: f32[2, 256] = glorot_uniform
  parameter F: f32[32, 16, 3, 3] = he_uniform
  parameter W2: f32[512, 1] = glorot_uniform
  z1 = matmul(x, W1)
  h = tanh(z1)
  image = reshape(h, shape=[-1, 16, 4, 4])
  c = conv2d(image, F, padding=[1, 1, 1, 1])
  r = relu(c)
  flat = reshape(r, shape=[-1, 512])
  z2 = matmul(flat, W2)
  p = sigmoid(z2)
  loss = bce(p, y)
  predict p as probability
  train loss with adam(learning_rate=0.02)
}
)";

TEST(Targets, EachProgramGivesWhatItsOwnExecutableGives) {
  const Shell shell;
  shell.Write("net.descent", kNetwork);
  ExpectGood(
      shell.Run("descent compile net.descent --target x86-64-v2,x86-64-v3,x86-64-v4 -o all &&"
                "descent compile -q net.descent --target x86-64-v2 -o x86-64-v2 &&"
                "descent compile -q net.descent --target x86-64-v3 -o x86-64-v3 &&"
                "descent compile -q net.descent --target x86-64-v4 -o x86-64-v4"));
  for (const char* target : {"x86-64-v2", "x86-64-v3", "x86-64-v4"}) {
    if (!CanRun(target)) continue;
    const std::string options = " train --data circle:samples=60 --epochs 2 --quiet --checkpoint ";
    ExpectGood(shell.Run(std::string("./all") + options + "a --isa " + target + " && ./" + target +
                         options + "b && cmp a b"));
    ExpectGood(shell.Run(std::string("printf 'x1,x2\\n1,2\\n-3,0.5\\n' > rows.csv;") +
                         "./all predict --input rows.csv -o a.npy --checkpoint a --isa " + target +
                         " && ./" + target + " predict --input rows.csv -o b.npy --checkpoint a " +
                         "&& cmp a.npy b.npy"));
  }
}

TEST(Targets, CheckpointsGoFromOneProgramToAnother) {
  const Shell shell;
  shell.Write("net.descent", kNetwork);
  ExpectGood(shell.Run("descent compile -q net.descent --target x86-64-v2,x86-64-v3 -o both"));
  const Outcome order = shell.Run("./both info --isa x86-64-v3 | grep '^  F: '");
  EXPECT_NE(order.out.find("in memory"), std::string::npos) << order.out;
  const std::string train = "./both train --data circle:samples=60 --quiet --checkpoint c ";
  ExpectGood(shell.Run(train + "--epochs 2 --isa x86-64-v3"));
  // Nothing is learned in no further epoch: only the names of the targets differ.
  ExpectGood(shell.Run("cp c first && " + train + "--epochs 2 --resume --isa x86-64-v2 && " +
                       "sed s/x86-64-v2/x86-64-v3/ c | cmp - first"));
  ExpectGood(shell.Run(train + "--epochs 4 --resume --isa x86-64-v2"));
  ExpectGood(shell.Run(train + "--epochs 5 --resume"));
}

TEST(Targets, SaysWhatItHolds) {
  const Shell shell;
  const Outcome made =
      shell.Run("descent compile orange-blue.descent --target haswell,x86-64-v4 --name net");
  ExpectGood(made);
  EXPECT_TRUE(made.out.starts_with("net: executable for x86-64-v4, haswell, ")) << made.out;
  const char* const used = CanRun("x86-64-v4") ? "x86-64-v4 (in use), haswell\n"
                                               : "x86-64-v4 (not for this CPU), haswell (in use)\n";
  EXPECT_EQ(shell.Run("./net --version | sed 's/.* for x/x/'").out, used);
  EXPECT_EQ(shell.Run("./net info | sed -n 's/^targets: //p'").out, used);
  const std::string symbols = shell.Run("nm net | cut -d' ' -f3").out;
  for (const char* symbol :
       {"net_x86_64_v4_program\n", "net_haswell_program\n", "net_haswell_train_step\n"})
    EXPECT_NE(symbols.find(symbol), std::string::npos) << symbol;
  EXPECT_EQ(symbols.find("\nkernel\n"), std::string::npos) << "kernels have names of their own";
  const Outcome other = shell.Run("./net info --isa znver5");
  EXPECT_EQ(other.status, 2);
  EXPECT_NE(other.err.find("not compiled for 'znver5' (but for x86-64-v4, haswell)"),
            std::string::npos)
      << other.err;
}

TEST(Targets, DataIsThereOnce) {
  const Shell shell;
  ExpectGood(
      shell.Run("descent compile -q orange-blue.descent -o trainer && ./trainer train --quiet "
                "--data circle:samples=50 --epochs 1 --checkpoint c && "
                "descent compile -q orange-blue.descent --weights c --name net --target "
                "x86-64-v3,x86-64-v4 -o both"));
  EXPECT_EQ(shell.Run("nm both | grep -c -E ' net_.*_(weights|onnx)$'").out, "2\n");
  ExpectGood(
      shell.Run("printf '0,0.5\\n' > new.csv;"
                "./both predict --input new.csv -o a.npy --isa x86-64-v3 &&"
                "./both export -o net.onnx --isa x86-64-v3"));
}

TEST(Targets, IsReproducible) {
  const Shell shell;
  ExpectGood(shell.Run(
      "for out in a b; do descent compile -q orange-blue.descent --target "
      "x86-64-v3,x86-64-v4 -o $out; done; cmp a b;"
      "descent compile -q orange-blue.descent --target x86-64-v4,x86-64-v3 -o b; cmp a b"));
}

TEST(Targets, Refuses) {
  const Shell shell;
  struct Refusal {
    const char* line;
    int status;
    const char* message;
  };
  const Refusal refusals[] = {
      {"compile orange-blue.descent --target haswell,haswell", 2, "named twice"},
      {"compile orange-blue.descent --target haswell,pentium", 2, "unknown target 'pentium'"},
      {"compile orange-blue.descent --emit obj --target haswell,znver4", 2,
       "several targets are for executables"},
      {"compile orange-blue.descent --emit shared --target haswell,znver4", 2,
       "several targets are for executables"},
      {"train orange-blue.descent --data circle --target haswell,znver4", 2,
       "one target is expected here, not 'haswell,znver4'"},
      {"bench orange-blue.descent --target haswell,znver4", 2, "one target is expected here"},
      {"inspect orange-blue.descent --target haswell,znver4", 2, "one target is expected here"},
  };
  for (const Refusal& refusal : refusals) {
    const Outcome outcome = shell.Run(std::string("descent ") + refusal.line);
    EXPECT_EQ(outcome.status, refusal.status) << refusal.line << "\n" << outcome.err;
    EXPECT_NE(outcome.err.find(refusal.message), std::string::npos) << refusal.line << "\n"
                                                                    << outcome.err;
    EXPECT_FALSE(shell.Exists("orange_blue")) << refusal.line;
  }
}

}  // namespace
}  // namespace descent::test

// `descent tune` and `--tuning`: what is tuned computes the same, and what cannot be used is said.

#include <gtest/gtest.h>

#include <string>
#include <tuple>

#include "compiler/compile.h"
#include "compiler/tuning.h"
#include "ir/io/model_file.h"
#include "tests/cli/shell.h"

namespace descent::test {
namespace {

constexpr const char* kNetwork = R"(descent 1
model net {
  batch 32
  input x: f32[batch, 2] from features
  input y: f32[batch, 1] from label
  parameter W1: f32[2, 96] = glorot_uniform
  parameter F: f32[32, 16, 3, 3] = he_uniform
  parameter W2: f32[192, 1] = glorot_uniform
  z1 = matmul(x, W1)
  h = tanh(z1)
  image = reshape(h, shape=[-1, 16, 2, 3])
  c = conv2d(image, F, padding=[1, 1, 1, 1])
  r = relu(c)
  flat = reshape(r, shape=[-1, 192])
  z2 = matmul(flat, W2)
  p = sigmoid(z2)
  loss = bce(p, y)
  predict p as probability
  train loss with adam(learning_rate=0.02)
}
)";

void ExpectGood(const Outcome& outcome) {
  EXPECT_EQ(outcome.status, 0) << outcome.out << outcome.err;
}

bool Has(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

/// A tuning that chooses for every contraction of the model something else than the cost model.
std::string OtherSchedules(const std::string& model, const std::string& target = "native") {
  const auto parsed = ReadModel(model);
  const auto compilation = Compile(*parsed, {.target = target});
  const TargetFacts& facts = compilation->target->facts;
  Tuning tuning;
  for (const Kernel& kernel : compilation->program.kernels) {
    if (!kernel.is<ContractionForm>()) continue;
    const auto others = DistinctKernels(kernel, TileChoices(kernel, facts, 5), facts);
    if (!others.empty())
      tuning.targets[std::string(compilation->target->name)].push_back(
          {.key = KeyOf(kernel), .choice = ChoiceOf(others.back())});
  }
  return PrintTuning(tuning);
}

class Tuned : public testing::Test {
 protected:
  Tuned() {
    shell.Write("net.descent", kNetwork);
    shell.Write("net.tune", OtherSchedules(shell.folder() + "/net.descent"));
  }
  Shell shell;
};

TEST_F(Tuned, WritesWhatCompileReads) {
  const Outcome outcome = shell.Run("descent tune net.descent --seconds 0.3 --threads 2");
  ExpectGood(outcome);
  EXPECT_TRUE(Has(outcome.out, "net: train_step of batch 32, 2 threads, ")) << outcome.out;
  EXPECT_TRUE(Has(outcome.out, "\ncontractions  ")) << outcome.out;
  EXPECT_TRUE(Has(outcome.out, "\nnet.tune: ")) << outcome.out;
  EXPECT_TRUE(shell.Read("net.tune").starts_with("descent tuning 1\ntarget "));
  const Outcome compiled = shell.Run("descent compile net.descent --tuning net.tune -o net");
  ExpectGood(compiled);
  EXPECT_TRUE(Has(compiled.out, " tuned\n")) << compiled.out;
}

TEST_F(Tuned, CheckpointsAreTheSameToTheByte) {
  ExpectGood(
      shell.Run("descent compile -q net.descent -o usual &&"
                "descent compile net.descent --tuning net.tune -o tuned | tee said &&"
                "grep -q '; [1-9][0-9]* kernels tuned' said && ! cmp -s usual tuned"));
  const std::string train = " train --data circle:samples=100 --epochs 3 --quiet --checkpoint ";
  ExpectGood(shell.Run("./usual" + train + "usual.safetensors --threads 1"));
  for (const char* threads : {"1", "2", "3"})
    ExpectGood(shell.Run("./tuned" + train + "tuned.safetensors --threads " + threads +
                         " && cmp usual.safetensors tuned.safetensors && rm tuned.safetensors*"));
  // Either goes on from the other's.
  const std::string more = " train --data circle:samples=100 --epochs 5 --quiet --resume ";
  ExpectGood(shell.Run("cp usual.safetensors a; cp usual.safetensors b; ./usual" + more +
                       "--checkpoint a && ./tuned" + more + "--checkpoint b && cmp a b"));
  ExpectGood(
      shell.Run("descent train net.descent --tuning net.tune --data circle:samples=100 "
                "--epochs 3 --quiet --checkpoint c && cmp c usual.safetensors"));
}

TEST_F(Tuned, InspectShowsTheChoices) {
  const std::string tuning = shell.Read("net.tune");
  const size_t tile = tuning.find(" on lanes, tile ") + 16;
  const std::string shown =
      "register tile " + tuning.substr(tile, tuning.find(',', tile) - tile) + ",";
  const std::string inspect = "descent inspect --stage kernels net.descent";
  EXPECT_TRUE(Has(shell.Run(inspect + " --tuning net.tune").out, shown)) << shown;
  EXPECT_NE(shell.Run(inspect + " --tuning net.tune").out, shell.Run(inspect).out);
}

TEST_F(Tuned, BenchMeasuresTunedKernels) {
  const Outcome outcome =
      shell.Run("descent bench net.descent --tuning net.tune --seconds 0.05 --profile");
  ExpectGood(outcome);
  EXPECT_TRUE(Has(outcome.out, "as without fusion")) << outcome.out;
}

TEST_F(Tuned, CachedObjectsOfOtherSchedulesAreOthers) {
  const std::string compile = "descent compile net.descent --cache cache -o made";
  ExpectGood(shell.Run(compile));
  const Outcome tuned = shell.Run(compile + " --tuning net.tune");
  EXPECT_FALSE(Has(tuned.out, "; 0 of ")) << tuned.out;
  ExpectGood(
      shell.Run("descent compile -q net.descent --tuning net.tune -o plain && "
                "cmp plain made"));
  ExpectGood(shell.Run(compile));
  ExpectGood(shell.Run("descent compile -q net.descent -o plain && cmp plain made"));
}

TEST_F(Tuned, OtherTargetsAreLeftAlone) {
  shell.Write("v3.tune", OtherSchedules(shell.folder() + "/net.descent", "x86-64-v3"));
  const std::string compile = "descent compile net.descent --tuning v3.tune -o made --target ";
  const Outcome other = shell.Run(compile + "x86-64-v2");
  ExpectGood(other);
  EXPECT_EQ(other.err, "warning: v3.tune is for x86-64-v3, so nothing is tuned for x86-64-v2\n");
  EXPECT_TRUE(Has(other.out, "; 0 kernels tuned\n")) << other.out;
  const Outcome both = shell.Run(compile + "x86-64-v2,x86-64-v3");
  ExpectGood(both);
  EXPECT_EQ(both.err, "");
  EXPECT_FALSE(Has(both.out, "; 0 kernels tuned\n")) << both.out;
}

TEST_F(Tuned, RefusesWhatItCannotUse) {
  shell.Write("old.tune", "descent tuning 9\n");
  shell.Write("bad.tune", "descent tuning 1\ntarget znver4\ncontraction = fast\n");
  std::string illegal = shell.Read("net.tune");
  illegal.replace(illegal.find(" on lanes, tile "), 17, " on lanes, tile 9");
  illegal.replace(illegal.find(" on lanes, tile 9"), 17, " on lanes, tile 99");
  shell.Write("illegal.tune", illegal);
  const std::string compile = "descent compile net.descent -o made --tuning ";
  for (const auto& [line, status, text] :
       {std::tuple(compile + "missing.tune", 4, "cannot read 'missing.tune'"),
        std::tuple(compile + ".", 4, "cannot read '.'"),
        std::tuple(compile + "net.descent", 1, "this is no tuning"),
        std::tuple(compile + "old.tune", 3, "version 1 here, not '9'"),
        std::tuple(compile + "bad.tune", 1, "bad.tune:3"),
        std::tuple(compile + "illegal.tune", 1, "illegal.tune:3"),
        std::tuple(std::string("descent compile net.descent --tuning net.tune -o net.tune"), 2,
                   "would"),
        std::tuple(std::string("descent tune net.descent -o net.descent"), 2, "net.descent"),
        std::tuple(std::string("descent tune net.descent -o net.svg"), 2, "a picture"),
        std::tuple(std::string("descent tune net.descent --seconds -1"), 2, "--seconds"),
        std::tuple(std::string("descent tune net.descent --entry run"), 1, "entry point run"),
        std::tuple(std::string("descent tune missing.descent"), 4, "missing.descent")}) {
    const Outcome outcome = shell.Run(line);
    EXPECT_EQ(outcome.status, status) << line << "\n" << outcome.err;
    EXPECT_TRUE(Has(outcome.err, text)) << line << "\n" << outcome.err;
    EXPECT_FALSE(shell.Exists("made")) << line;
  }
}

TEST_F(Tuned, AModelWithoutContractionsHasNothingToTune) {
  shell.Write("square.descent",
              "descent 1\nmodel square {\n  input x: f32[3]\n  y = mul(x, x)\n  output y\n}\n");
  const Outcome outcome = shell.Run("descent tune square.descent --seconds 0.1 -o -");
  ExpectGood(outcome);
  EXPECT_TRUE(outcome.out.starts_with("descent tuning 1\ntarget ")) << outcome.out;
  EXPECT_TRUE(Has(outcome.err, "there are none")) << outcome.err;
}

TEST_F(Tuned, AnInterruptLeavesNothing) {
  const Outcome outcome = shell.Run(
      "rm net.tune; mkdir tmp; TMPDIR=$PWD/tmp timeout --preserve-status -s INT 2 descent tune -q "
      "net.descent --seconds 600; echo $?; ls tmp; ls *.tune");
  EXPECT_TRUE(outcome.out.starts_with("130\n")) << outcome.out;
  EXPECT_FALSE(Has(outcome.out, ".tune")) << outcome.out;
  EXPECT_TRUE(Has(outcome.err, "stopped: interrupted; nothing was written\n")) << outcome.err;
}

}  // namespace
}  // namespace descent::test

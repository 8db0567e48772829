// Parameters from files: what run, diff, compile and plot take, and what they refuse.
#include <gtest/gtest.h>

#include <string>

#include "tests/cli/shell.h"

namespace descent::test {
namespace {

void ExpectGood(const Outcome& outcome) {
  EXPECT_EQ(outcome.status, 0) << outcome.out << outcome.err;
}

/// Trains `model` for an epoch; the checkpoint is NAME.safetensors.
void Train(const Shell& shell, const std::string& model, const std::string& name,
           const std::string& options = "") {
  ExpectGood(shell.Run("descent compile -q " + model + ".descent -o " + name + " " + options));
  ExpectGood(shell.Run("./" + name + " train --data circle:samples=100 --epochs 1 --quiet " +
                       "--checkpoint " + name + ".safetensors"));
}

/// Every command that takes parameters from `file` for `model`, with its outcome.
void ForEachCommand(const Shell& shell, const std::string& model, const std::string& file,
                    void (*expect)(const Outcome&, const std::string& words),
                    const std::string& words = "") {
  const std::string m = model + ".descent ";
  for (const std::string& line :
       {"descent run " + m + "'x=[[1, 2]]' --weights " + file,
        "descent run " + m + "'x=[[1, 2]]' --interpreter --weights " + file,
        "descent diff " + m + "--compiled --interpreter --weights " + file,
        "descent compile -q " + m + "--emit obj -o net.o --weights " + file,
        "descent plot " + m + "--boundary --data circle:samples=20 -o b.svg --checkpoint " +
            file}) {
    SCOPED_TRACE(line);
    expect(shell.Run(line), words);
  }
}

void ExpectTaken(const Outcome& outcome, const std::string&) { ExpectGood(outcome); }

void ExpectRefused(const Outcome& outcome, const std::string& words) {
  EXPECT_EQ(outcome.status, 1) << outcome.out << outcome.err;
  EXPECT_NE(outcome.err.find(words), std::string::npos) << outcome.err;
}

TEST(Weights, CheckpointOfTheModel) {
  const Shell shell;
  Train(shell, "orange-blue", "own");
  ForEachCommand(shell, "orange-blue", "own.safetensors", ExpectTaken);
}

/// The same network under other names.
TEST(Weights, RenamedTensors) {
  const Shell shell;
  Train(shell, "orange-blue", "own");
  ExpectGood(
      shell.Run("sed 's/\\bW\\([12]\\)\\b/layer.\\1.w/g; s/\\bb\\([12]\\)\\b/layer.\\1.b/g' "
                "orange-blue.descent > other.descent"));
  const std::string run = " 'x=[[1, 2]]' --weights own.safetensors";
  const Outcome own = shell.Run("descent run orange-blue.descent" + run);
  const std::string rules =
      " --rename W1=layer.1.w --rename 'W*=layer.*.w' --rename 'b*=layer.*.b'";
  const Outcome other = shell.Run("descent run other.descent" + run + rules);
  ExpectGood(other);
  EXPECT_EQ(other.out, own.out);
  ExpectGood(
      shell.Run("descent compile -q other.descent -o other --weights own.safetensors" + rules));
  shell.Write("x.csv", "x1,x2\n1,2\n");
  ExpectGood(shell.Run("./other predict --input x.csv --output y.csv"));

  ExpectRefused(shell.Run("descent run other.descent" + run + " --rename 'W*=w*'"),
                "it lacks 'layer.1.w'");
  ExpectRefused(shell.Run("descent run other.descent" + run + " --rename 'V=w'"),
                "own.safetensors: --rename V=w is about none of its tensors");
  ExpectRefused(shell.Run("descent run other.descent" + run + " --rename W1=W2"),
                "--rename leaves two tensors of the name 'W2'");
  for (const char* rule : {"W1", "=W1", "W1=", "'W*=w'", "'W=w*'", "'**=*'"})
    EXPECT_EQ(shell.Run("descent run other.descent" + run + " --rename " + rule).status, 2) << rule;
}

TEST(Weights, RenamesNeedAFile) {
  const Shell shell;
  for (const std::string line :
       {"descent run orange-blue.descent 'x=[[1, 2]]' --rename a=b",
        "descent diff orange-blue.descent --compiled --interpreter --rename a=b",
        "descent compile orange-blue.descent -o t --rename a=b",
        "descent export orange-blue.descent -o m.onnx --rename a=b"}) {
    const Outcome outcome = shell.Run(line);
    EXPECT_EQ(outcome.status, 2) << line << "\n" << outcome.out << outcome.err;
    EXPECT_NE(outcome.err.find("--rename is for the tensors of a file, and there is no --weights"),
              std::string::npos)
        << outcome.err;
  }
}

/// The state of an optimizer that the model file does not name, and a fitted normalization.
TEST(Weights, CheckpointOfTheModelTrainedOtherwise) {
  const Shell shell;
  for (const char* optimizer : {"adam", "momentum", "adagrad"}) {
    Train(shell, "orange-blue", optimizer, std::string("--set optimizer=") + optimizer);
    ForEachCommand(shell, "orange-blue", std::string(optimizer) + ".safetensors", ExpectTaken);
  }
  ExpectGood(
      shell.Run("sed 's/from features/from features normalize standardize/' orange-blue.descent > "
                "fitted.descent"));
  Train(shell, "fitted", "fitted");
  ForEachCommand(shell, "fitted", "fitted.safetensors", ExpectTaken);
}

void ExpectTakenSilently(const Outcome& outcome, const std::string&) {
  ExpectGood(outcome);
  EXPECT_EQ(outcome.err, "");
}

void ExpectTakenWithWarning(const Outcome& outcome, const std::string& words) {
  ExpectGood(outcome);
  EXPECT_EQ(outcome.err, words);
}

/// What training was like does not matter; what is predicted does.
TEST(Weights, CheckpointOfAModelThatPredictsOtherwise) {
  const Shell shell;
  Train(shell, "orange-blue", "adam", "--set optimizer=adam --batch 7");
  ForEachCommand(shell, "orange-blue", "adam.safetensors", ExpectTakenSilently);
  ExpectGood(
      shell.Run("sed 's/model orange_blue/model again/; s/glorot_uniform/he_normal/; s/batch 10/"
                "batch 5/; s/s1 = matmul/first = matmul/; s/add(s1/add(first/; /metric/d' "
                "orange-blue.descent > again.descent"));
  ForEachCommand(shell, "again", "adam.safetensors", ExpectTakenSilently);
  ExpectGood(
      shell.Run("sed 's/model orange_blue/model tanh/; s/sigmoid(z1)/tanh(z1)/' "
                "orange-blue.descent > tanh.descent"));
  ForEachCommand(shell, "tanh", "adam.safetensors", ExpectTakenWithWarning,
                 "warning: adam.safetensors: was trained as model 'orange_blue', which predicts "
                 "otherwise than 'tanh'; its parameters are taken all the same\n");
}

TEST(Weights, CheckpointOfAModelWithOtherNormalization) {
  const Shell shell;
  ExpectGood(
      shell.Run("sed 's/from features/from features normalize standardize/' orange-blue.descent > "
                "fitted.descent"));
  Train(shell, "fitted", "fitted");
  ForEachCommand(shell, "orange-blue", "fitted.safetensors", ExpectRefused,
                 "fitted.safetensors: its parameters were trained with input 'x' normalized, which "
                 "model 'orange_blue' takes as it is");
  Train(shell, "orange-blue", "plain");
  ForEachCommand(shell, "fitted", "plain.safetensors", ExpectRefused,
                 "plain.safetensors: its parameters were trained without a normalization of input "
                 "'x', which model 'orange_blue' normalizes");
}

TEST(Weights, CheckpointOfAModelWithMoreParameters) {
  const Shell shell;
  Train(shell, "orange-blue", "more");
  ForEachCommand(shell, "no-bias", "more.safetensors", ExpectRefused,
                 "more.safetensors: is a checkpoint of another model, 'orange_blue': it has 'b1', "
                 "'b2', which model 'no_bias' does not have");
}

TEST(Weights, CheckpointOfAModelWithFewerParameters) {
  const Shell shell;
  Train(shell, "no-bias", "less");
  ForEachCommand(shell, "orange-blue", "less.safetensors", ExpectRefused,
                 "less.safetensors: is a checkpoint of another model, 'no_bias': it lacks 'b1', "
                 "'b2', which model 'orange_blue' needs");
}

TEST(Weights, CheckpointOfTheModelBeforeAChange) {
  const Shell shell;
  Train(shell, "no-bias", "before");
  ExpectGood(shell.Run("sed 's/3\\]/4]/; s/\\[3, 1/[4, 1/' no-bias.descent > wide.descent"));
  ForEachCommand(shell, "wide", "before.safetensors", ExpectRefused,
                 "before.safetensors: is a checkpoint of another model: 'W1' is f32[2, 3], but the "
                 "model has f32[2, 4]; 'W2' is f32[3, 1], but the model has f32[4, 1]");
}

TEST(Weights, DamagedCheckpoint) {
  const Shell shell;
  Train(shell, "no-bias", "bad");
  ExpectGood(
      shell.Run("printf x | dd of=bad.safetensors bs=1 conv=notrunc status=none "
                "seek=$(($(stat -c %s bad.safetensors) - 1))"));
  ForEachCommand(shell, "no-bias", "bad.safetensors", ExpectRefused, "the file is damaged");
}

/// A file that Python wrote may hold tensors of other models, too.
TEST(Weights, FilesOfOtherOrigin) {
  const Shell shell;
  shell.Write("weights.py", R"(
import json, struct
def write(name, shapes):
    head, at = {}, 0
    for tensor, shape in shapes.items():
        size = 4
        for extent in shape: size *= extent
        head[tensor] = {"dtype": "F32", "shape": shape, "data_offsets": [at, at + size]}
        at += size
    text = json.dumps(head).encode()
    open(name, "wb").write(struct.pack("<Q", len(text)) + text + bytes(at))
write("exact.safetensors", {"W1": [2, 3], "W2": [3, 1]})
write("more.safetensors", {"W1": [2, 3], "W2": [3, 1], "decoder": [5]})
write("less.safetensors", {"W1": [2, 3], "decoder": [5]})
write("shape.safetensors", {"W1": [3, 2], "W2": [3, 1]})
)");
  ExpectGood(shell.Run("python3 weights.py"));
  ForEachCommand(shell, "no-bias", "exact.safetensors", ExpectTaken);
  ForEachCommand(shell, "no-bias", "more.safetensors", ExpectTakenWithWarning,
                 "warning: more.safetensors: it has 'decoder', which model 'no_bias' does not have "
                 "as parameters; left out\n");
  ForEachCommand(shell, "no-bias", "less.safetensors", ExpectRefused,
                 "less.safetensors: it lacks 'W2', which model 'no_bias' needs; it has 'decoder', "
                 "which model 'no_bias' does not have");
  ForEachCommand(shell, "no-bias", "shape.safetensors", ExpectRefused,
                 "shape.safetensors: 'W1' is f32[3, 2], but the model has f32[2, 3]");
}

/// One entry point's model lists the state that it reads.
TEST(Weights, StageTakesTheCheckpointOfItsModel) {
  const Shell shell;
  Train(shell, "orange-blue", "own");
  const std::string stage =
      "descent inspect orange-blue.descent --stage optimized --entry predict --predict-batch 1 | ";
  const Outcome run = shell.Run(stage + "descent run - 'x=[[1, 2]]' --weights own.safetensors");
  ExpectGood(run);
  EXPECT_EQ(
      run.out,
      shell.Run("descent run orange-blue.descent 'x=[[1, 2]]' --weights own.safetensors").out);
}

}  // namespace
}  // namespace descent::test

// ONNX files in every command that takes a model; gradients; tasks from the command line.

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <string>

#include "tests/cli/shell.h"

namespace descent::test {
namespace {

/// The commands on the models of docs/examples/onnx, which lie in the folder.
class OnnxFiles : public testing::Test {
 protected:
  OnnxFiles() {
    EXPECT_EQ(Run("cp " DESCENT_SOURCE_DIR "/docs/examples/onnx/*.onnx " DESCENT_SOURCE_DIR
                  "/docs/examples/onnx/external.bin .")
                  .status,
              0);
  }
  Outcome Run(const std::string& line) const { return shell_.Run(line); }

  void ExpectPrints(const std::string& line, const std::string& text) const {
    const Outcome outcome = Run(line);
    EXPECT_EQ(outcome.status, 0) << line << "\n" << outcome.err;
    EXPECT_NE(outcome.out.find(text), std::string::npos) << line << "\n" << outcome.out;
  }
  void ExpectRefused(const std::string& line, int status, const std::string& text) const {
    const Outcome outcome = Run(line);
    EXPECT_EQ(outcome.status, status) << line << "\n" << outcome.out << outcome.err;
    EXPECT_NE(outcome.err.find(text), std::string::npos) << line << "\n" << outcome.err;
  }

  const Shell shell_;
};

constexpr const char* kBatch = " classifier.onnx --dim batch=4 ";

TEST_F(OnnxFiles, AreTakenByEveryCommand) {
  ExpectPrints("descent check classifier.onnx --dim batch=4", "67 parameters");
  ExpectPrints(std::string("descent inspect") + kBatch, "probabilities  softmax   f32[4, 3]");
  ExpectPrints(std::string("descent opt --stage source") + kBatch, "softmax(");
  ExpectPrints(std::string("descent convert") + kBatch, "model classifier {");
  ExpectPrints(std::string("descent compile --emit obj -o c.o") + kBatch, "c.o: object");
  ExpectPrints("descent run classifier.onnx --dim batch=1 '[[[1, 2], [3, 4]]]'",
               "probabilities: f32[1, 3] = [[");
  ExpectPrints("descent diff classifier.onnx --dim batch=2 --compiled --interpreter", "agree");
  ExpectPrints("descent run function.onnx '[1, 2]'", "y: f32[2] = [3, 7]");
  ExpectPrints("descent run external.onnx '[1, 2, 3, 4]'", "y: f32[4] = [0, 2, 6, 12]");
}

TEST_F(OnnxFiles, AreWrittenAsText) {
  ExpectPrints(std::string("descent import -o c.descent") + kBatch,
               "c.descent: model classifier, 12 nodes, 67 parameters, values in c.safetensors\n");
  EXPECT_NE(shell_.Read("c.descent").find("= file \"c.safetensors\""), std::string::npos);
  const std::string input =
      " '[[[1, 2], [3, 4]], [[0, 0], [1, 1]], [[1, 1], [1, 1]], [[2, 2], [2, 2]]]'";
  EXPECT_EQ(Run("descent run c.descent" + input).out,
            Run("descent run --dim batch=4 classifier.onnx" + input).out);
  ExpectPrints(std::string("descent import -o c.pb") + kBatch, "c.pb: model classifier");
  EXPECT_EQ(Run("descent diff c.pb classifier.onnx --dim batch=4").status, 2);  // c.pb has no --dim
}

TEST_F(OnnxFiles, PredictWithTheirOwnParameters) {
  shell_.Write("x.csv", "1,2,3,4\n0,0,1,1\n");  // fewer rows than the batch
  ExpectPrints(std::string("descent compile -o whole") + kBatch, "whole: executable");
  ExpectPrints(std::string("descent compile --entry run -o bare") + kBatch, "bare: executable");
  ExpectPrints("./whole predict --input x.csv --output whole.csv", "");
  ExpectPrints("./bare predict --input x.csv --output bare.csv", "");
  EXPECT_NE(shell_.Read("whole.csv").find("0.17652"), std::string::npos)
      << shell_.Read("whole.csv");
  EXPECT_EQ(shell_.Read("whole.csv"), shell_.Read("bare.csv"));
}

TEST_F(OnnxFiles, AreWrittenWithWhatWasLearned) {
  std::string data = "a,b,c,d,label\n";
  for (int i = 0; i < 64; ++i) data += fmt::format("{},{},{},0,{}\n", i % 7, i % 5, i % 2, i % 3);
  shell_.Write("d.csv", data);
  shell_.Write("x.csv", "a,b,c,d\n1,2,1,0\n3,0,0,0\n0,4,1,0\n6,1,0,0\n");
  ExpectPrints(std::string("descent compile --loss cross_entropy -o t") + kBatch, "t: executable");
  ExpectPrints("./t train --data d.csv --epochs 3 --checkpoint c.safetensors --quiet", "stopped");
  ExpectPrints("./t export --checkpoint c.safetensors -o learned.onnx", "");
  ExpectPrints(std::string("descent export --checkpoint c.safetensors -o same.onnx") + kBatch, "");
  EXPECT_EQ(shell_.Read("learned.onnx").size(), shell_.Read("same.onnx").size());
  EXPECT_EQ(Run("descent diff learned.onnx same.onnx --dim batch=4").status, 0);
  EXPECT_NE(Run("descent diff learned.onnx classifier.onnx --dim batch=4").status, 0);
  ExpectPrints("./t predict --input x.csv --checkpoint c.safetensors --output p.npy", "");
  const std::string again = "descent run learned.onnx --dim batch=4 -o folder ";
  ExpectPrints(again + "'[[[1,2],[1,0]],[[3,0],[0,0]],[[0,4],[1,0]],[[6,1],[0,0]]]'", "");
  EXPECT_EQ(shell_.Read("folder/output_0.npy"), shell_.Read("p.npy"));
}

/// A model of Descent's takes raw data in ONNX, too.
TEST_F(OnnxFiles, NormalizeAsTheModel) {
  std::string data = "a,b,label\n", rows = "a,b\n", literal;
  for (int i = 0; i < 40; ++i) {
    data += fmt::format("{},{},{}\n", i % 7, 100 * (i % 5), i % 2);
    if (i >= 5) continue;
    rows += fmt::format("{},{}\n", i, 300 - i);
    literal += fmt::format("{}[{},{}]", i == 0 ? "" : ",", i, 300 - i);
  }
  shell_.Write("d.csv", data);
  shell_.Write("x.csv", rows);
  for (const std::string how : {"standardize", "min_max", "scale(0.01)"}) {
    shell_.Write("m.descent",
                 "descent 1\nmodel m {\n  batch 8\n  input x: f32[batch, 2] normalize " + how + R"(
  input y: f32[batch, 1] from label
  parameter W: f32[2, 1] = glorot_uniform
  p = matmul(x, W)
  loss = mse(p, y)
  predict p
  train loss with sgd(learning_rate=0.01)
}
)");
    ExpectPrints("descent compile m.descent -o m", "m: executable");
    ExpectPrints("./m train --data d.csv --epochs 2 --checkpoint c --quiet", "stopped");
    ExpectPrints("./m predict --input x.csv --checkpoint c --output p.npy", "");
    ExpectPrints("./m export --checkpoint c -o m.onnx", "");
    ExpectPrints("descent run m.onnx --dim batch=5 -o folder '[" + literal + "]'", "");
    EXPECT_EQ(shell_.Read("folder/output_0.npy"), shell_.Read("p.npy")) << how;
    ExpectPrints("descent export m.descent --checkpoint c -o same.onnx", "");
    ExpectPrints("descent run same.onnx --dim batch=5 -o same '[" + literal + "]'", "");
    EXPECT_EQ(shell_.Read("same/output_0.npy"), shell_.Read("p.npy")) << how;
    ExpectPrints("descent check m.onnx --dim batch=5", "2 parameters");
  }
  ExpectPrints("descent export m.descent -o m.onnx", "");  // of a scale
  ExpectPrints("sed -i s/scale.*/standardize/ m.descent", "");
  ExpectRefused("descent export m.descent -o m.onnx", 1, "give a checkpoint that train wrote");
}

TEST_F(OnnxFiles, AreRefusedWithEverythingThatIsWrong) {
  const Outcome outcome = Run("descent run unsupported.onnx '[1, 2]'");
  EXPECT_EQ(outcome.status, 3);
  EXPECT_EQ(outcome.err,
            "error: 3 errors\n"
            "  node 'first' (StringNormalizer, version 13): the operator is not supported\n"
            "  node 'second' (Relu, version 13): attribute 'speed' is not supported\n"
            "  node 'third' (elsewhere::Invented, version 1): the operator is not supported\n"
            " --> unsupported.onnx\n");
  ExpectRefused("descent check outside.onnx", 1, "is not inside the model's folder");
  ExpectRefused("descent check repeated.onnx", 1, "give it one: --dim steps=N");
  ExpectRefused("descent check repeated.onnx --dim step=3", 2, "these are: batch, steps");
  ExpectRefused("descent check classifier.onnx --dim batch", 2, "--dim takes NAME=N, not 'batch'");
  ExpectRefused("descent check orange-blue.descent --dim batch=3", 2, "--dim is for ONNX models");
  shell_.Write("text.onnx", "not a model");
  ExpectRefused("descent check text.onnx", 1, "is not an ONNX model");
  ExpectRefused("descent check nowhere.onnx", 4, "cannot read 'nowhere.onnx'");
}

TEST_F(OnnxFiles, HaveABatchOf32UnlessToldOtherwise) {
  ExpectPrints("descent check classifier.onnx", "67 parameters");
  ExpectPrints("descent import classifier.onnx -o -", "batch 32\n");
  ExpectPrints("descent inspect classifier.onnx --batch 5", "batch 5");
  ExpectPrints("descent export classifier.onnx -o same.onnx && descent check same.onnx",
               "67 parameters");
  ExpectPrints("descent run same.onnx '[[[1, 2], [3, 4]]]'", "probabilities: f32[1, 3] = [[");
}

TEST_F(OnnxFiles, AreTrained) {
  shell_.Write("data.csv", [] {
    std::string rows = "a,b,c,d,label\n";
    for (int i = 0; i < 60; ++i)
      rows += std::to_string(i % 3) + "," + std::to_string(i % 5) + ",0," + std::to_string(i % 3) +
              "," + std::to_string(i % 3) + "\n";
    return rows;
  }());
  ExpectPrints(std::string("descent compile -q -o trainer --loss cross_entropy --optimizer adam "
                           "--set learning_rate=0.05 --train 'head.*'") +
                   kBatch + "&& ./trainer info",
               "head.weight");
  ExpectPrints(
      "./trainer train --data data.csv --epochs 60 --seed 1 --checkpoint c --quiet && "
      "./trainer evaluate --data data.csv --split train --checkpoint c",
      "accuracy 1.0000");
  ExpectRefused(std::string("descent compile -o t --loss mse --train 'tail.*'") + kBatch, 1,
                "no parameter is called 'tail.*'");
  ExpectRefused(std::string("descent compile -o t --optimizer sgd") + kBatch, 1, "not a loss");
}

/// What skl2onnx makes of a binary classifier: [1 - p, p], and the name of the class.
TEST_F(OnnxFiles, OfScikitLearnAreTrained) {
  ExpectPrints("descent run scikit.onnx '[[1, 2], [9, 2]]'", "label: i64[2] = [0, 1]\n");
  std::string names = "a,b,label\n", numbers = names;
  for (int i = 0; i < 64; ++i) {
    names += fmt::format("{},{},{}\n", i % 7, i % 4, i % 7 > 3 ? "yes" : "no");
    numbers += fmt::format("{},{},{}\n", i % 7, i % 4, i % 7 > 3 ? 1 : 0);
  }
  shell_.Write("names.csv", names);
  shell_.Write("numbers.csv", numbers);
  shell_.Write("x.csv", "0,1\n6,3\n5,0\n");
  std::vector<std::string> losses;
  for (const std::string loss : {"cross_entropy", "bce"}) {
    ExpectPrints(
        "descent compile scikit.onnx --dim X.0=8 -o t --set learning_rate=0.05 --loss " + loss,
        "t: executable");
    for (const std::string data : {"names", "numbers"}) {
      const std::string of = " --data " + data + ".csv --checkpoint c.safetensors ";
      ExpectPrints("rm -f c.safetensors && ./t train --epochs 30 --seed 1 --quiet" + of, "stopped");
      ExpectPrints("./t evaluate --split train" + of, "accuracy 1.0000");
      losses.push_back(Run("./t evaluate --split train" + of + "| head -1").out);
      ExpectPrints("./t predict --input x.csv --checkpoint c.safetensors --output p.csv", "");
      const std::string head = data == "names" ? "class,p(no),p(yes)\nno," : "class,p(0),p(1)\n0,";
      EXPECT_EQ(shell_.Read("p.csv").substr(0, head.size()), head);
    }
  }
  for (const std::string& loss : losses) EXPECT_EQ(loss, losses[0]);
  ExpectPrints("./t export --checkpoint c.safetensors -o learned.onnx", "");
  ExpectPrints("descent run learned.onnx '[[0, 1], [6, 3], [5, 0]]'", "label: i64[3] = [0, 1, 1]");
  ExpectPrints("grep -c yes learned.onnx", "1");  // the file still has the names
}

TEST_F(OnnxFiles, HaveTheExtentsOfTheirInputs) {
  const std::string two = "y: f32[2, 1] = [[";
  ExpectPrints("descent run repeated.onnx '[[1], [2]]'", two);
  ExpectPrints("descent run repeated.onnx --dim batch=4 --dim steps=3 '[[1], [2]]'", two);
  ExpectPrints("descent run repeated.onnx --dim batch=4 --dim steps=3 'x=[[1], [2]]'", two);
  ExpectPrints("descent grad repeated.onnx '[[1, 2]]' -- '[[3, 4]]'",
               "grad.x: f32[1, 2] = [[3, 4]]\ngrad.shift: f32[1, 1] = [[7]]\n");
  ExpectPrints("descent diff repeated.onnx --compiled --interpreter '[[1], [2]]'", "agree");
  ExpectPrints("descent run classifier.onnx '[[[1, 2], [3, 4]]]'", "probabilities: f32[1, 3] = [[");
  ExpectRefused("descent run repeated.onnx '[1, 2]'", 1,
                "input 'x' must have 2 axes, but [2] was given");
  ExpectRefused("descent run classifier.onnx '[[[1, 2, 3], [3, 4, 5]]]'", 1,
                "input 'x' must have the shape [1, 2, 2], not [1, 2, 3]");
}

TEST_F(OnnxFiles, AreNotOverwritten) {
  const std::string text = "would overwrite";
  ExpectRefused("descent convert --to pb external.onnx -o external.bin", 2, text);
  ExpectRefused("descent import external.onnx -o external.bin", 2, text);
  ExpectRefused("descent compile external.onnx -o ./external.bin", 2, text);
  ExpectRefused("descent export external.onnx -o external.bin", 2, text);
  ExpectPrints("descent export external.onnx -o whole.onnx && rm external.bin", "");
  ExpectPrints("descent run whole.onnx '[1, 2, 3, 4]'", "y: f32[4] = [0, 2, 6, 12]");
}

TEST_F(OnnxFiles, AreTrainedInPart) {
  ExpectPrints(std::string("descent compile --loss cross_entropy --train 'head.*' -o t") + kBatch,
               "trains 2 of 4 parameters (27 of 67 numbers); 3 of 6 operators that read parameters "
               "are differentiated\nt: executable");
}

/// As frameworks do: the gradient of what only decides is zero.
TEST_F(OnnxFiles, AreTrainedBesideWhatHasNoGradient) {
  shell_.Write("t.descent", R"(descent 1
model t {
  input x: f32[4, 2]
  parameter W: f32[2, 1] = glorot_uniform
  parameter limit: f32[] = zeros
  z = matmul(x, W)
  fired = greater(z, limit)
  y = where(fired, z, 0.0)
  output y
}
)");
  ExpectPrints("descent compile t.descent --loss mse -o t", "trains 1 of 2 parameters (2 of 3 num");
  ExpectPrints("descent compile t.descent --loss mse -o t",
               "'limit' keeps its value: the loss depends on it only through integers and bools\n");
  shell_.Write("d.csv", "a,b,label\n1,2,3\n2,1,3\n0,1,1\n4,0,4\n");
  ExpectPrints("./t train --data d.csv --epochs 3 --quiet", "stopped");
  ExpectRefused("descent compile t.descent --loss mse --train W --train limit", 1,
                "without --train limit it keeps its value");
}

/// Each row is told from the others of its batch: evaluation, which has partial batches, has no
/// meaning.
TEST_F(OnnxFiles, AreTrainedOnPairsOfABatch) {
  shell_.Write("pairs.descent", R"(descent 1
model pairs {
  input x: f32[4, 2]
  parameter W: f32[2, 3] = glorot_uniform
  h = matmul(x, W)
  y = matmul(h, h, transpose_b=true)
  output y
}
)");
  const std::string compile = "descent compile pairs.descent --loss cross_entropy -o p ";
  ExpectRefused(compile, 1, "mixes rows of the batch");
  ExpectRefused(compile, 1, "compile training alone: --entry initialize --entry train_step");
  ExpectPrints(compile + "--entry initialize --entry train_step", "p: executable");
  ExpectPrints("./p --help", "Trains with the model 'pairs'");
  std::string data = "a,b,label\n";
  for (int i = 0; i < 20; ++i) data += fmt::format("{},{},{}\n", i % 3, i % 5, i % 4);
  shell_.Write("d.csv", data);
  ExpectPrints("./p train --data d.csv --epochs 2 --checkpoint c --quiet", "stopped: all 2 epochs");
  ExpectRefused("./p train --data d.csv --epochs 2 --validation-split 0.2", 3,
                "was compiled without evaluate and metrics, so training cannot be validated (leave "
                "out --validation-split)");
  ExpectRefused("./p evaluate --data d.csv --checkpoint c", 3, "was compiled without evaluate");
}

/// A scalar is a parameter: trained, written, read, and kept where others get fresh values.
TEST_F(OnnxFiles, HaveScalarWeights) {
  shell_.Write("scaled.descent", R"(descent 1
model scaled {
  batch 8
  input x: f32[batch, 1]
  parameter scale: f32[] = ones
  parameter shift: f32[1] = zeros
  s = mul(x, scale)
  y = add(s, shift)
  output y
}
)");
  std::string data = "x,label\n";
  for (int i = 0; i < 64; ++i) data += fmt::format("{},{}\n", i % 8 - 4, 3 * (i % 8 - 4) + 1);
  shell_.Write("d.csv", data);
  ExpectPrints("descent export scaled.descent -o scaled.onnx", "");
  ExpectPrints("descent check scaled.onnx", "2 parameters");
  ExpectPrints("descent grad scaled.onnx '[[2], [3]]' -- '[[1], [10]]'",
               "grad.scale: f32[] = 32\n");
  ExpectPrints(
      "descent compile scaled.onnx --loss mse --optimizer sgd --set learning_rate=0.05 -o t",
      "t: executable");
  ExpectPrints("./t train --data d.csv --epochs 60 --seed 1 --checkpoint c.safetensors --quiet",
               "stopped");
  ExpectPrints("./t export --checkpoint c.safetensors -o learned.onnx", "");
  ExpectPrints("descent run learned.onnx '[[10]]'", "y: f32[1, 1] = [[3");  // 31, nearly
  ExpectPrints("descent run scaled.onnx '[[10]]'", "y: f32[1, 1] = [[10]]");
  const Outcome taken = Run("descent run scaled.onnx --weights c.safetensors '[[10]]'");
  EXPECT_EQ(taken.out, Run("descent run learned.onnx '[[10]]'").out);
  EXPECT_EQ(taken.err.find("left out"), std::string::npos) << taken.err;
  ExpectPrints("descent compile learned.onnx --loss mse --reinitialize -q -o fresh", "");
  ExpectPrints("./fresh train --data d.csv --epochs 1 --learning-rate 0 --checkpoint f --quiet",
               "stopped");
  // The shift is 0 again, the scale what it was.
  ExpectPrints("descent run scaled.onnx --weights f '[[0]]'", "y: f32[1, 1] = [[0]]");
  ExpectPrints("descent run scaled.onnx --weights f '[[1]]'", "y: f32[1, 1] = [[");
  EXPECT_NE(Run("descent run scaled.onnx --weights f '[[1]]'").out, "y: f32[1, 1] = [[1]]\n");
}

TEST_F(OnnxFiles, AreRefusedWhatTrainsNothing) {
  const std::string compile = "descent compile classifier.onnx -o t ";
  for (const std::string flag :
       {"--train 'head.*'", "--freeze 'head.*'", "--reinitialize", "--learning-rate 0.1"})
    ExpectRefused(compile + flag, 2,
                  flag.substr(0, flag.find(' ')) + " is for training, and nothing trains model");
  ExpectRefused(compile + "--loss cross_entropy --train head.bias --freeze head.bias", 2,
                "parameter 'head.bias' is both trained, by --train 'head.bias', and frozen, by "
                "--freeze 'head.bias'");
  ExpectRefused(compile + "--loss cross_entropy --train 'head.*' --freeze '*'", 2,
                "is both trained");
  ExpectPrints(compile + "--loss cross_entropy --train 'head.*' --freeze '*.bias'",
               "trains 1 of 4 parameters");
}

TEST_F(OnnxFiles, AreTrainedAtARate) {
  const std::string compile = std::string("descent compile --loss cross_entropy -o t") + kBatch;
  for (const std::string rate : {"nan", "inf", "-1", "fast"})
    ExpectRefused(compile + "--learning-rate " + rate, 2,
                  "--learning-rate takes a number of at least 0, not '" + rate + "'");
  ExpectPrints(compile + "--learning-rate 1e-3", "t: executable");
}

TEST_F(OnnxFiles, HaveAnAxisOfClasses) {
  ExpectRefused("descent compile classifier.onnx --loss mse --class-axis 1 -o t", 2,
                "--class-axis is for a loss of classes");
  ExpectRefused("descent compile classifier.onnx --loss cross_entropy --class-axis 2 -o t", 2,
                "axis 2 of the first output, 'probabilities', cannot be that of the classes");
  ExpectPrints("descent compile classifier.onnx --loss cross_entropy --class-axis -1 -o t",
               "t: executable");
  shell_.Write("plain.descent", R"(descent 1
model plain {
  batch 4
  input x: f32[batch, 3, 3]
  parameter W: f32[3, 3] = ones
  y = mul(x, W)
  output y
}
)");
  const std::string plain = "descent compile plain.descent --loss cross_entropy -o t ";
  ExpectRefused(plain, 2, "which axis of the first output, 'y', holds the classes cannot be told");
  ExpectPrints(plain + "--class-axis 1", "t: executable");
}

TEST_F(OnnxFiles, HaveGradients) {
  ExpectPrints("descent grad function.onnx '[1, 2]' -- '[1, 10]'",
               "grad.x: f32[2] = [2, 30]\ngrad.scale: f32[2] = [1, 20]\n");
  ExpectPrints("descent grad function.onnx '[1, 2]' -o out -- cotangent.y='[1, 10]'",
               "out/grad_x.npy: f32[2]\nout/grad_scale.npy: f32[2]\n");
  ExpectRefused("descent grad function.onnx '[1, 2]'", 2,
                "the gradients that arrive at the outputs");
  ExpectRefused("descent grad function.onnx '[1, 2]' -- '[1, 2, 3]'", 1, "must have the shape [2]");
  ExpectRefused("descent grad function.onnx '[1, 2]' -- '[1, 2]' '[1, 2]'", 2,
                "2 cotangents given behind 1 input, but the model has 1 floating-point output");
  shell_.Write("ints.descent",
               "descent 1\nmodel m {\n  input x: f32[2]\n  y = cast(x, to=i64)\n  output y\n}\n");
  ExpectRefused("descent grad ints.descent '[1, 2]'", 1, "has no floating-point output");
  // A model of one number needs no cotangent.
  shell_.Write("loss.descent",
               "descent 1\nmodel loss {\n  input x: f32[2]\n  s = square(x)\n  y = sum(s)\n"
               "  output y\n}\n");
  ExpectPrints("descent grad loss.descent '[1, 2]'", "grad.x: f32[2] = [2, 4]\n");
  ExpectPrints("descent grad --interpreter loss.descent '[1, 2]'", "grad.x: f32[2] = [2, 4]\n");
  // The gradient of a linear function does not depend on its input, which may be given all the
  // same.
  shell_.Write("linear.descent",
               "descent 1\nmodel m {\n  input x: f32[2]\n  input b: f32[2]\n  y = add(x, b)\n"
               "  output y\n}\n");
  const std::string linear = "grad.x: f32[2] = [3, 4]\ngrad.b: f32[2] = [3, 4]\n";
  for (const char* inputs : {"'[1, 2]' '[5, 6]' -- '[3, 4]'", "x='[1, 2]' -- cotangent.y='[3, 4]'",
                             "b='[5, 6]' x='[1, 2]' -- '[3, 4]'", "-- cotangent.y='[3, 4]'"})
    ExpectPrints(std::string("descent grad linear.descent ") + inputs, linear);
  ExpectRefused("descent grad linear.descent z='[1, 2]' -- cotangent.y='[3, 4]'", 2,
                "no input 'z'");
  // What is not read must fit all the same.
  ExpectRefused("descent grad linear.descent b='[5]' -- cotangent.y='[3, 4]'", 1,
                "input 'b' must have the shape [2], not [1]");
}

TEST_F(OnnxFiles, TakeWhatTheyDoNotReadOnlyIfItFits) {
  shell_.Write("half.descent",
               "descent 1\nmodel m {\n  input x: f32[2]\n  input b: i64[3]\n  y = neg(x)\n"
               "  output y\n}\n");
  ExpectPrints("descent run half.descent '[1, 2]' '[1, 2, 3]'", "y: f32[2] = [-1, -2]");
  ExpectRefused("descent run half.descent '[1, 2]' '[1, 2]'", 1,
                "input 'b' must have the shape [3], not [2]");
  ExpectRefused("descent run half.descent x='[1, 2]' b='[1, 2, 0.5]'", 1, "0.5");
}

/// Parameters of the same network are taken without a warning, whatever it was trained for.
TEST_F(OnnxFiles, KnowTheirOwnCheckpoints) {
  std::string data = "a,b,c,d,label\n";
  for (int i = 0; i < 32; ++i) data += fmt::format("{},{},{},0,{}\n", i % 7, i % 5, i % 2, i % 3);
  shell_.Write("d.csv", data);
  ExpectPrints("descent compile classifier.onnx --loss cross_entropy -o t", "t: executable");
  ExpectPrints("./t train --data d.csv --epochs 1 --checkpoint c --quiet", "stopped");
  for (const std::string use :
       {"export classifier.onnx -o e.onnx", "run classifier.onnx '[[[1, 2], [3, 4]]]'",
        "export e.onnx -o f.onnx", "run classifier.onnx --loss mse '[[[1, 2], [3, 4]]]'"}) {
    const Outcome outcome = Run("descent " + use + " --checkpoint c");
    EXPECT_EQ(outcome.status, 0) << use << outcome.err;
    EXPECT_EQ(outcome.err, "") << use;
  }
}

TEST_F(OnnxFiles, HaveOneExtentForAnAxis) {
  ExpectRefused("descent check classifier.onnx --dim batch=2 --dim batch=3", 2,
                "--dim gives 'batch' two extents, 2 and 3");
  ExpectPrints("descent check classifier.onnx --dim batch=2 --dim batch=2", "67 parameters");
  ExpectRefused("descent inspect classifier.onnx --dim batch=2 --batch 3", 2,
                "axis 'batch' is the batch: it has 2 or 3 rows, not both");
  EXPECT_EQ(Run("descent import --operators | cut -d' ' -f1 | sort | uniq -d").out, "");
}

}  // namespace
}  // namespace descent::test

// What produced executables print, measured from outside: metrics recomputed from predictions, the
// bar on a terminal, an interruption.

#include <gtest/gtest.h>

#include <string>

#include "tests/cli/shell.h"

namespace descent::test {
namespace {

void ExpectGood(const Outcome& outcome) {
  EXPECT_EQ(outcome.status, 0) << outcome.out << outcome.err;
}

/// A model of two features with `head` behind its hidden layer h.
std::string ModelOf(const std::string& label, const std::string& units, const std::string& head) {
  return "descent 1\nmodel net {\n  batch 16\n  input x: f32[batch, 2] from features\n  input y: " +
         label +
         " from label\n  parameter W1: f32[2, 8] = glorot_uniform\n  parameter W2: f32[8, " +
         units +
         "] = glorot_uniform\n  z1 = matmul(x, W1)\n  h = tanh(z1)\n  z2 = matmul(h, W2)\n" + head +
         "  train loss with adam(learning_rate=0.02)\n}\n";
}

/// Three classes around three points, and a sum with noise, from a plain generator.
constexpr const char* kData = R"(
import random
random.seed(1)
points = [(random.gauss(0, 1), random.gauss(0, 1)) for _ in range(203)]
with open("classes.csv", "w") as file:
    print("a,b,kind", file=file)
    for a, b in points:
        print(a, b, "red" if a + random.gauss(0, .5) < -.5 else "green" if b < 0 else "blue", sep=",", file=file)
with open("numbers.csv", "w") as file:
    print("a,b,label", file=file)
    for a, b in points:
        print(a, b, a - 2 * b + random.gauss(0, .3), sep=",", file=file)
with open("binary.csv", "w") as file:
    print("a,b,label", file=file)
    for a, b in points:
        print(a, b, int(a * b + random.gauss(0, .3) > 0), sep=",", file=file)
)";

/// Recomputes metrics from the table of predictions and that of the data, and prints what differs.
constexpr const char* kCheck = R"(
import csv, json, math, sys
task, data, predictions, metrics = sys.argv[1:]
labels = [row[2] for row in list(csv.reader(open(data)))[1:]]
rows = list(csv.reader(open(predictions)))
head, rows = rows[0], rows[1:]
found = json.load(open(metrics))
mean = lambda values: sum(values) / len(values)
if task == "classes":
    names = [name[2:-1] for name in head[1:]]
    assert names == sorted(set(labels)) == found["classes"], names
    wanted = {
        "loss": mean([-math.log(float(row[1 + names.index(y)])) for row, y in zip(rows, labels)]),
        "accuracy": mean([row[0] == y for row, y in zip(rows, labels)]),
        "confusion": [[sum(row[0] == b and y == a for row, y in zip(rows, labels)) for b in names] for a in names],
    }
elif task == "binary":
    p, y = [float(row[1]) for row in rows], [int(label) for label in labels]
    hits = sum(a >= .5 and b == 1 for a, b in zip(p, y))
    wanted = {
        "loss": mean([-math.log(a if b else 1 - a) for a, b in zip(p, y)]),
        "accuracy": mean([(a >= .5) == b for a, b in zip(p, y)]),
        "precision": hits / sum(a >= .5 for a in p),
        "recall": hits / sum(y),
    }
else:
    p, y = [float(row[0]) for row in rows], [float(label) for label in labels]
    squares = sum((a - b) ** 2 for a, b in zip(p, y))
    wanted = {
        "loss": squares / len(y),
        "mae": mean([abs(a - b) for a, b in zip(p, y)]),
        "r2": 1 - squares / sum((b - mean(y)) ** 2 for b in y),
    }
assert len(labels) == len(rows) == 203
assert set(wanted) == set(found) - {"classes"}, found
for name, value in wanted.items():
    same = value == found[name] if isinstance(value, list) else abs(value - found[name]) < 1e-5
    if not same: print(name, value, found[name])
)";

TEST(Trainer, MetricsAreThoseOfThePredictions) {
  const Shell shell;
  shell.Write("data.py", kData);
  shell.Write("check.py", kCheck);
  shell.Write("classes.descent",
              ModelOf("i64[batch]", "3",
                      "  p = softmax(z2)\n  loss = cross_entropy(z2, y)\n"
                      "  predict p as probabilities\n  metric accuracy = accuracy(z2, y)\n"
                      "  metric confusion = confusion_matrix(z2, y)\n"));
  shell.Write("binary.descent",
              ModelOf("f32[batch, 1]", "1",
                      "  p = sigmoid(z2)\n  loss = bce(p, y)\n  predict p as probability\n"
                      "  metric accuracy = binary_accuracy(p, y)\n"
                      "  metric precision = precision(p, y)\n  metric recall = recall(p, y)\n"));
  shell.Write(
      "numbers.descent",
      ModelOf("f32[batch, 1]", "1",
              "  loss = mse(z2, y)\n  predict z2\n  metric mae = mean_absolute_error(z2, y)\n"
              "  metric r2 = r2(z2, y)\n"));
  ExpectGood(shell.Run("python3 data.py"));
  for (const std::string task : {"classes", "binary", "numbers"}) {
    const Outcome outcome = shell.Run("descent compile -q " + task +
                                      ".descent -o trainer &&"
                                      "./trainer train --data " +
                                      task + ".csv --epochs 3 --checkpoint " + task +
                                      ".st --quiet &&"
                                      "./trainer evaluate --split train --data " +
                                      task + ".csv --checkpoint " + task +
                                      ".st --json >metrics.json &&"
                                      "./trainer predict --input " +
                                      task + ".csv --checkpoint " + task +
                                      ".st --output y.csv &&"
                                      "python3 check.py " +
                                      task + " " + task + ".csv y.csv metrics.json");
    ExpectGood(outcome);
    EXPECT_EQ(outcome.out, "stopped: all 3 epochs done\n");
  }
}

TEST(Trainer, ShowsABarOnATerminalOnly) {
  const Shell shell;
  ExpectGood(shell.Run("descent compile -q orange-blue.descent -o trainer"));
  const std::string train = "./trainer train --data circle --epochs 2";
  const Outcome terminal =
      shell.Run("script -qefc 'stty cols 60; " + train + "' /dev/null | tr '\\r' '\\n'");
  EXPECT_NE(terminal.out.find("\033[Kepoch 1/2 loss "), std::string::npos) << terminal.out;
  EXPECT_NE(terminal.out.find(" samples/s  ETA "), std::string::npos) << terminal.out;
  const Outcome wide =
      shell.Run("script -qefc 'stty cols 120; " + train + "' /dev/null | tr '\\r' '\\n'");
  EXPECT_NE(wide.out.find("\033[Kepoch 1/2 [                        ] loss "), std::string::npos)
      << wide.out;
  const Outcome plain = shell.Run(train + " 2>&1");
  EXPECT_EQ(plain.out.find_first_of("\r\033"), std::string::npos) << plain.out;
  EXPECT_NE(plain.out.find("epoch 1/2  loss 0."), std::string::npos) << plain.out;
}

/// A weight that grows faster the larger it is: what is asserted of it fails at last.
TEST(Trainer, StopsWhereAnAssertionFails) {
  const Shell shell;
  shell.Write("grows.descent",
              "descent 1\nmodel grows {\n  batch 2\n  input x: f32[batch, 1] from features\n"
              "  input y: f32[batch, 1] from label\n  parameter w: f32[1, 1] = zeros\n"
              "  z = matmul(x, w)\n  grown = exp(z)\n  checked = assert_finite(grown)\n"
              "  gain = mul(checked, y)\n  mean_gain = mean(gain)\n  loss = neg(mean_gain)\n"
              "  predict z\n  train loss with sgd(learning_rate=0.1)\n}\n");
  shell.Write("ones.csv", "a,label\n1,1\n1,1\n");
  const Outcome trained = shell.Run(
      "descent compile -q grows.descent -o grows && "
      "./grows train --data ones.csv --epochs 1000 --checkpoint g.st --quiet");
  EXPECT_EQ(trained.status, 5);
  EXPECT_NE(trained.out.find("stopped: diverged at step "), std::string::npos) << trained.out;
  EXPECT_NE(trained.out.find("'grown'"), std::string::npos) << trained.out;
  // The checkpoint of the step before is there and good.
  const Outcome evaluated =
      shell.Run("./grows evaluate --split train --data ones.csv --checkpoint g.st");
  EXPECT_EQ(evaluated.status, 0) << evaluated.err;
  EXPECT_NE(evaluated.out.find("loss"), std::string::npos) << evaluated.out;
  EXPECT_FALSE(shell.Exists("g.st.descent-partial"));
}

TEST(Trainer, NamesTheFirstValueThatIsNotFinite) {
  const Shell shell;
  shell.Write("root.descent",
              "descent 1\nmodel root {\n  batch 2\n  input x: f32[batch, 1] from features\n"
              "  input y: f32[batch, 1] from label\n  parameter w: f32[1, 1] = ones\n"
              "  z = matmul(x, w)\n  total = sum(z)\n  root = sqrt(total)\n"
              "  spread = mul(root, y)\n  loss = mean(spread)\n"
              "  predict z\n  train loss with sgd(learning_rate=0.1)\n}\n");
  shell.Write("ones.csv", "a,label\n1,1\n1,1\n");
  const std::string train = "./root train --data ones.csv --test-split 0 --epochs 1000 --quiet";
  // w falls, step by step, below 0, where the total has no root.
  const Outcome trained = shell.Run("descent compile -q root.descent -o root && " + train);
  EXPECT_EQ(trained.status, 5);
  EXPECT_NE(trained.out.find("the loss is nan; first not finite: "), std::string::npos);
  EXPECT_NE(trained.out.find("'root'"), std::string::npos) << trained.out;
  EXPECT_EQ(trained.out.find("'loss'"), std::string::npos) << trained.out;
}

/// A mask of -inf is state, but no step has made it.
TEST(Trainer, WhatIsNotTrainedMayBeInfinite) {
  const Shell shell;
  shell.Write("masked.descent",
              "descent 1\nmodel masked {\n  batch 2\n  input x: f32[batch, 1] from features\n"
              "  input y: f32[batch, 1] from label\n  parameter w: f32[1, 2] = ones\n"
              "  parameter mask: f32[1, 2] = [[0, -inf]] {trainable=false}\n"
              "  parameter u: f32[2, 1] = ones\n  z = matmul(x, w)\n  masked = add(z, mask)\n"
              "  p = softmax(masked)\n  q = matmul(p, u)\n  loss = mse(q, y)\n  predict q\n"
              "  train loss with sgd(learning_rate=0.1)\n}\n");
  shell.Write("ones.csv", "a,label\n1,2\n1,2\n");
  const Outcome trained = shell.Run(
      "descent compile -q masked.descent -o masked && "
      "./masked train --data ones.csv --test-split 0 --epochs 2 --quiet");
  EXPECT_EQ(trained.out, "stopped: all 2 epochs done\n") << trained.err;
}

}  // namespace
}  // namespace descent::test

#include "runtime/trainer.h"

#include <signal.h>

#include "runtime/json.h"
#include "tests/runtime/run_trainer.h"

namespace descent::runtime {
namespace {

const std::string kData =
    "plane:samples=130,noise=0.1,seed=4";  // 65 rows to train on: 8 batches and 1 row

class TrainerTest : public testing::Test {
 protected:
  void TearDown() override { fake_step_hook = nullptr; }

  Ran Train(std::vector<std::string> more, const FakeOptions& options = {}) {
    more.insert(more.begin(), {"train", "--data", kData});
    return RunTrainer(std::move(more), options);
  }
  std::string File(const std::string& name) const { return folder_.File(name); }
  TrainingRecord RecordOf(const std::string& path) {
    Program program = *Program::Open(FakeProgram());
    auto bytes = ReadFile(path);
    if (!bytes) {
      ADD_FAILURE() << bytes.error().ToString();
      return {};
    }
    return *ParseWeights(*bytes, path, program)->record;
  }
  std::vector<Json> LinesOf(const std::string& path) {
    std::vector<Json> lines;
    std::string text = Contents(path);
    for (size_t at = 0; at < text.size();) {
      size_t end = text.find('\n', at);
      lines.push_back(*ParseJson(text.substr(at, end - at), path));
      at = end + 1;
    }
    return lines;
  }
  TemporaryFolder folder_;
};

TEST_F(TrainerTest, ConvergesToThePlane) {
  Ran ran = Train({"--epochs", "60", "--checkpoint", File("c")});
  ASSERT_EQ(ran.status, 0) << ran.error;
  EXPECT_EQ(LastLine(ran.out), "stopped: all 60 epochs done");
  Ran evaluated =
      RunTrainer({"evaluate", "--data", "plane:samples=130,seed=4", "--checkpoint", File("c")});
  ASSERT_EQ(evaluated.status, 0) << evaluated.error;
  // The labels of the training half carry noise of up to 0.6 in each coordinate.
  double loss = std::stod(evaluated.out.substr(evaluated.out.find("loss ") + 5));
  EXPECT_LT(loss, 0.002);
}

TEST_F(TrainerTest, SameBytesAtAnyThreadCount) {
  ASSERT_EQ(Train({"--epochs", "4", "--checkpoint", File("1"), "--threads", "1"}).status, 0);
  for (std::string threads : {"2", "3", "8"}) {
    ASSERT_EQ(Train({"--epochs", "4", "--checkpoint", File(threads), "--threads", threads}).status,
              0);
    EXPECT_EQ(Contents(File("1")), Contents(File(threads))) << threads;
  }
}

TEST_F(TrainerTest, SeedDecides) {
  auto bytes = [&](const std::string& seed) {
    EXPECT_EQ(Train({"--epochs", "2", "--seed", seed, "--checkpoint", File("s")}).status, 0);
    return Contents(File("s"));
  };
  EXPECT_EQ(bytes("1"), bytes("1"));
  EXPECT_NE(bytes("1"), bytes("2"));
}

TEST_F(TrainerTest, PartialLastBatch) {
  ASSERT_EQ(Train({"--epochs", "2", "--checkpoint", File("c")}).status, 0);
  EXPECT_EQ(RecordOf(File("c")).progress.step, 2 * 8);
  ASSERT_EQ(
      Train({"--epochs", "2", "--checkpoint", File("c")}, {.keep_partial_batch = true}).status, 0);
  EXPECT_EQ(RecordOf(File("c")).progress.step, 2 * 9);
  Ran ran = RunTrainer({"train", "--data", "plane:samples=10"});
  EXPECT_EQ(ran.status, 1);
  EXPECT_EQ(ran.error,
            "error: plane: 5 rows to train on are fewer than a batch of 8 (compile with "
            "a smaller --batch)\n");
}

TEST_F(TrainerTest, ResumeFromEveryCheckpointEndsInTheSameBytes) {
  std::vector<std::string> options = {
      "--epochs", "5", "--validation-split", "0.3", "--log-every", "1", "--track", "w[1,0]",
      "--track",  "b"};
  auto with = [&](std::vector<std::string> more) {
    more.insert(more.begin(), options.begin(), options.end());
    return Train(more);
  };
  Ran whole = with({"--checkpoint", File("whole"), "--log", File("whole.jsonl")});
  ASSERT_EQ(whole.status, 0) << whole.error;
  int64_t steps = RecordOf(File("whole")).provenance.seed;  // 1; the steps follow from the log
  steps = LinesOf(File("whole.jsonl")).back().Find("step")->Integer().value();
  ASSERT_GT(steps, 20);
  for (int64_t stop = 1; stop < steps; ++stop) {
    // Interrupted at the step, once: saved there; then to the end.
    static int64_t stop_at;
    stop_at = stop;
    fake_step_hook = [](int64_t step) {
      if (step == stop_at) raise(SIGTERM);
    };
    Ran first = with({"--checkpoint", File("part"), "--log", File("part.jsonl")});
    fake_step_hook = nullptr;
    ASSERT_EQ(first.status, 130) << first.error;
    EXPECT_EQ(RecordOf(File("part")).progress.step, stop);
    // Lines after the checkpoint, as a killed run leaves them.
    std::string log = Contents(File("part.jsonl"));
    folder_.Write("part.jsonl",
                  log + "{\"event\":\"step\",\"step\":" + std::to_string(stop + 1) + "}\n{\"ev");
    Ran second = with({"--checkpoint", File("part"), "--log", File("part.jsonl"), "--resume"});
    ASSERT_EQ(second.status, 0) << second.error;
    ASSERT_EQ(Contents(File("part")), Contents(File("whole"))) << "stopped at " << stop;
    ASSERT_EQ(Contents(File("part.jsonl")), Contents(File("whole.jsonl"))) << "stopped at " << stop;
    EXPECT_EQ(LastLine(second.out), LastLine(whole.out));
  }
}

TEST_F(TrainerTest, ResumeKeepsSettingsOfTheRun) {
  ASSERT_EQ(
      Train({"--epochs", "1", "--seed", "3", "--learning-rate", "0.01", "--checkpoint", File("c")})
          .status,
      0);
  ASSERT_EQ(Train({"--epochs", "3", "--resume", "--checkpoint", File("c")}).status, 0);
  std::string resumed = Contents(File("c"));
  ASSERT_EQ(
      Train({"--epochs", "3", "--seed", "3", "--learning-rate", "0.01", "--checkpoint", File("d")})
          .status,
      0);
  EXPECT_EQ(resumed, Contents(File("d")));
  Ran other_seed = Train({"--seed", "4", "--resume", "--checkpoint", File("c")});
  EXPECT_EQ(other_seed.status, 2);
  EXPECT_EQ(other_seed.error,
            "error: --seed is 4, but the checkpoint was trained with 3 (leave it out: the "
            "checkpoint's is taken)\n");
  Ran other_data = RunTrainer(
      {"train", "--data", "plane:samples=130,seed=5", "--resume", "--checkpoint", File("c")});
  EXPECT_EQ(other_data.status, 1);
  EXPECT_NE(other_data.error.find("is not the data that"), std::string::npos) << other_data.error;
}

TEST_F(TrainerTest, ResumeWithoutCheckpointStartsAnew) {
  Ran ran = Train({"--epochs", "1", "--resume", "--checkpoint", File("c")});
  EXPECT_EQ(ran.status, 0) << ran.error;
  EXPECT_NE(ran.out.find("starting anew"), std::string::npos);
  EXPECT_EQ(Train({"--resume"}).status, 2);
}

TEST_F(TrainerTest, DamagedCheckpointFallsBack) {
  ASSERT_EQ(
      Train({"--epochs", "4", "--checkpoint", File("whole"), "--checkpoint-every", "5"}).status, 0);
  ASSERT_EQ(Train({"--epochs", "3", "--checkpoint", File("c"), "--checkpoint-every", "5"}).status,
            0);
  std::string newest = Contents(File("c"));
  folder_.Write("c", newest.substr(0, newest.size() - 3));
  Ran ran = Train({"--epochs", "4", "--checkpoint", File("c"), "--resume"});
  EXPECT_EQ(ran.status, 0) << ran.error;
  EXPECT_NE(ran.error.find("warning: "), std::string::npos);
  EXPECT_EQ(Contents(File("c")), Contents(File("whole")));
  Ran other = Train({"--resume", "--checkpoint", File("c")}, {.other_model = true});
  EXPECT_EQ(other.status, 1);
  EXPECT_NE(other.error.find("checkpoint of another model"), std::string::npos);
}

TEST_F(TrainerTest, EarlyStoppingRestoresTheBest) {
  // A rate so large that the loss stops falling soon.
  Ran ran = Train({"--epochs", "500", "--validation-split", "0.2", "--early-stopping", "3",
                   "--learning-rate", "0.2", "--checkpoint", File("c"), "--log", File("log")});
  ASSERT_EQ(ran.status, 0) << ran.error;
  Progress best = RecordOf(File("c")).progress;
  EXPECT_EQ(best.epoch, best.best_epoch);
  EXPECT_EQ(LastLine(ran.out), fmt::format("stopped: early stopping: no better validation loss for "
                                           "3 epochs; epoch {} restored, the best",
                                           best.epoch));
  EXPECT_EQ(Contents(File("c")), Contents(File("c.best")));
  EXPECT_EQ(RecordOf(File("c.1")).progress.epoch, best.epoch + 3);
  auto lines = LinesOf(File("log"));
  EXPECT_EQ(static_cast<int64_t>(lines.size()), best.epoch + 3);
  // The log's lowest validation loss is that of the restored epoch.
  auto validation = [&](size_t i) {
    return std::stod(std::get<Json::Number>(lines[i].Find("validation")->Find("loss")->value).text);
  };
  for (size_t i = 0; i < lines.size(); ++i) EXPECT_GE(validation(i), validation(best.epoch - 1));
  // Going on from there does the same again.
  std::string bytes = Contents(File("c"));
  ASSERT_EQ(Train({"--epochs", "500", "--early-stopping", "3", "--checkpoint", File("c"),
                   "--resume", "--quiet"})
                .status,
            0);
  EXPECT_EQ(Contents(File("c")), bytes);
  Ran without = Train({"--early-stopping", "3"});
  EXPECT_EQ(without.status, 2);
}

TEST_F(TrainerTest, Tolerance) {
  Ran ran = Train({"--epochs", "1000", "--tolerance", "1e-3"});
  EXPECT_EQ(ran.status, 0) << ran.error;
  EXPECT_NE(LastLine(ran.out).find("stopped: converged: the loss changed by"), std::string::npos)
      << ran.out;
}

TEST_F(TrainerTest, DivergenceKeepsTheCheckpointAndNamesTheCause) {
  FakeOptions poisoned = {.poison_step = 13};
  Ran ran =
      Train({"--epochs", "5", "--checkpoint", File("c"), "--checkpoint-every", "4"}, poisoned);
  EXPECT_EQ(ran.status, 5);
  EXPECT_EQ(LastLine(ran.out),
            "stopped: diverged at step 14: the loss is inf; first not finite: parameter 'w', in "
            "step 13; the checkpoint of step 12 stays");
  EXPECT_EQ(RecordOf(File("c")).progress.step, 12);
  // A rate far too large: nothing is poisoned, the values grow until the loss overflows.
  Ran large = Train({"--epochs", "500", "--learning-rate", "1e4"});
  EXPECT_EQ(large.status, 5);
  EXPECT_NE(large.out.find("stopped: diverged at step"), std::string::npos) << large.out;
  EXPECT_NE(large.out.find("no checkpoint was saved"), std::string::npos) << large.out;
}

const std::string kFirstError =
    "first not finite: one of 'x.w', 'sum' and 'error' from 'loss', which one kernel computes; no "
    "checkpoint was saved";

/// A mask of -inf is what the model means, as any step that goes well tells.
TEST_F(TrainerTest, DivergenceNamesTheFirstComputedValue) {
  for (const int64_t step : {2, 8, 9, 12}) {  // epochs have 8 steps
    EXPECT_EQ(LastLine(Train({"--epochs", "5"}, {.bad_value_step = step}).out),
              fmt::format("stopped: diverged at step {}: the loss is nan; {}", step, kFirstError));
  }
  // No step goes well.
  EXPECT_EQ(LastLine(Train({"--epochs", "5"}, {.bad_value_step = 1}).out),
            "stopped: diverged at step 1: the loss is nan; first not finite: 'mask'; no checkpoint "
            "was saved");
}

TEST_F(TrainerTest, AStateThatIsNotFiniteIsNotKept) {
  const FakeOptions poisoned = {.poison_step = 8};
  const std::string text =
      "stopped: diverged at step 8: the new state is not finite; first not finite: parameter 'w'; ";
  Ran ended = Train({"--epochs", "1", "--checkpoint", File("c")}, poisoned);
  EXPECT_EQ(ended.status, 5);
  EXPECT_EQ(LastLine(ended.out), text + "no checkpoint was saved");
  Ran due =
      Train({"--epochs", "9", "--checkpoint", File("c"), "--checkpoint-every", "4"}, poisoned);
  EXPECT_EQ(LastLine(due.out), text + "the checkpoint of step 4 stays");
  EXPECT_EQ(RecordOf(File("c")).progress.step, 4);
}

TEST_F(TrainerTest, AValidationLossThatIsNotFiniteStopsTraining) {
  Ran ran = Train({"--epochs", "5", "--validation-split", "0.3"}, {.bad_validation_step = 10});
  EXPECT_EQ(ran.status, 5);
  EXPECT_EQ(LastLine(ran.out),
            "stopped: diverged at step 10: the validation loss is inf; " + kFirstError);
}

TEST_F(TrainerTest, LogOfStepsAndTrackedParameters) {
  Ran ran = Train({"--epochs", "2", "--log", File("log"), "--track", "b", "--track", "w[0,0]",
                   "--log-every", "3"});
  ASSERT_EQ(ran.status, 0) << ran.error;
  auto lines = LinesOf(File("log"));
  std::vector<int64_t> steps;
  for (const Json& line : lines) steps.push_back(*line.Find("step")->Integer());
  EXPECT_EQ(steps, (std::vector<int64_t>{0, 3, 6, 8, 9, 12, 15, 16}));
  EXPECT_EQ(lines[0].Find("loss"), nullptr);
  EXPECT_NE(lines[0].Find("parameters")->Find("w[0,0]"), nullptr);
  EXPECT_EQ(*lines[3].Find("event")->string(), "epoch");
  EXPECT_NE(lines[3].Find("learning_rate"), nullptr);
  EXPECT_EQ(Train({"--track", "b"}).status, 2);
  for (std::string bad : {"c", "w", "w[0]", "w[2,0]", "w[0,0"}) {
    EXPECT_EQ(Train({"--log", File("log"), "--track", bad}).status, 2) << bad;
  }
}

TEST_F(TrainerTest, BadLabelsAndFilesAreFoundBeforeTheFirstStep) {
  fake_step_hook = [](int64_t) { ADD_FAILURE() << "a step was done"; };
  Ran ran = RunTrainer({"train", "--data", folder_.Write("d.csv", "a,b,label\n1,2,3\n1,,3\n")});
  EXPECT_EQ(ran.status, 1);
  EXPECT_EQ(ran.error, "error: " + File("d.csv") + ": line 3: column 2 ('b'): missing value ''\n");
  EXPECT_EQ(RunTrainer({"train", "--data", File("missing.csv")}).status, 4);
  EXPECT_EQ(RunTrainer({"train"}).status, 2);
}

}  // namespace
}  // namespace descent::runtime

// Kills a training process at random moments, resumes it, and expects the bytes of a run that was
// left alone.
#include <signal.h>

#include <chrono>
#include <cstdlib>
#include <random>
#include <thread>

#include "tests/runtime/run_trainer.h"
#include "tests/runtime/spawn.h"

namespace descent::runtime {
namespace {

/// DESCENT_CRASHES asks for more.
int Crashes() {
  const char* text = std::getenv("DESCENT_CRASHES");
  return text ? std::atoi(text) : 6;
}

class CrashTest : public testing::Test {
 protected:
  std::string File(const std::string& name) const { return folder_.File(name); }

  pid_t Start(const std::string& name) {
    std::vector<std::string> arguments = {DESCENT_FAKE_TRAINER,
                                          "train",
                                          "--data",
                                          "plane:samples=200,noise=0.1",
                                          "--epochs",
                                          "8",
                                          "--validation-split",
                                          "0.3",
                                          "--checkpoint",
                                          File(name),
                                          "--checkpoint-every",
                                          "3",
                                          "--resume",
                                          "--log",
                                          File(name + ".jsonl"),
                                          "--log-every",
                                          "1",
                                          "--threads",
                                          "2"};
    return Spawn(std::move(arguments));
  }
  TemporaryFolder folder_;
};

TEST_F(CrashTest, KilledRunsEndInTheSameBytes) {
  setenv("FAKE_STEP_MICROSECONDS", "1000", 1);
  auto begin = std::chrono::steady_clock::now();
  ASSERT_EQ(WaitFor(Start("whole")), 0);
  std::chrono::duration<double> whole = std::chrono::steady_clock::now() - begin;
  std::mt19937 random(20);
  std::uniform_real_distribution<double> moment(0, 0.6 * whole.count());
  int killed = 0;
  for (int crash = 0; crash < Crashes(); ++crash) {
    pid_t child = Start("killed");
    std::this_thread::sleep_for(std::chrono::duration<double>(moment(random)));
    kill(child, SIGKILL);
    int status = WaitFor(child);
    ASSERT_TRUE(status == 0 || status == -SIGKILL) << status;
    killed += status != 0;
    if (status == 0 || crash % 2 == 1) {
      // To the end now and then, so that several whole histories are seen.
      ASSERT_EQ(WaitFor(Start("killed")), 0);
      ASSERT_EQ(Contents(File("killed")), Contents(File("whole")));
      ASSERT_EQ(Contents(File("killed.best")), Contents(File("whole.best")));
      ASSERT_EQ(Contents(File("killed.jsonl")), Contents(File("whole.jsonl")));
      for (const char* name : {"killed", "killed.1", "killed.best", "killed.jsonl"}) {
        std::filesystem::remove(File(name));
      }
    }
  }
  ASSERT_EQ(WaitFor(Start("killed")), 0);
  EXPECT_EQ(Contents(File("killed")), Contents(File("whole")));
  EXPECT_GT(killed, 0);
}

TEST_F(CrashTest, InterruptedRunSaysSoAndCanGoOn) {
  setenv("FAKE_STEP_MICROSECONDS", "1000", 1);
  ASSERT_EQ(WaitFor(Start("whole")), 0);
  pid_t child = Start("interrupted");
  while (!FileExists(File("interrupted")))
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  kill(child, SIGINT);
  int status = WaitFor(child);
  EXPECT_TRUE(status == 130 || status == 0) << status;
  ASSERT_EQ(WaitFor(Start("interrupted")), 0);
  EXPECT_EQ(Contents(File("interrupted")), Contents(File("whole")));
}

}  // namespace
}  // namespace descent::runtime

// Training processes that are killed or interrupted.
#include <signal.h>
#include <sys/stat.h>

#include <cstdlib>

#include "tests/runtime/killed_runs.h"

namespace descent::runtime {
namespace {

std::vector<std::string> Train() {
  return {DESCENT_FAKE_TRAINER,
          "train",
          "--data",
          "plane:samples=200,noise=0.1",
          "--epochs",
          "8",
          "--threads",
          "2",
          "--validation-split",
          "0.3",
          "--checkpoint-every",
          "3"};
}

TEST(Crash, KilledRunsEndInTheSameBytes) {
  setenv("FAKE_STEP_MICROSECONDS", "1000", 1);
  KilledRuns(Train()).ExpectSameBytes(KillsAskedFor(6));
}

TEST(Crash, InterruptedRunSaysSoAndCanGoOn) {
  setenv("FAKE_STEP_MICROSECONDS", "1000", 1);
  TemporaryFolder folder;
  const auto start = [&](const std::string& name) {
    std::vector<std::string> arguments = Train();
    arguments.insert(arguments.end(), {"--resume", "--checkpoint", folder.File(name)});
    return Spawn(std::move(arguments));
  };
  ASSERT_EQ(WaitFor(start("whole")), 0);
  const pid_t child = start("interrupted");
  while (!FileExists(folder.File("interrupted")))
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  kill(child, SIGINT);
  const int status = WaitFor(child);
  EXPECT_TRUE(status == 130 || status == 0) << status;
  ASSERT_EQ(WaitFor(start("interrupted")), 0);
  EXPECT_EQ(Contents(folder.File("interrupted")), Contents(folder.File("whole")));
}

TEST(Crash, InterruptedBeforeTheFirstStep) {
  TemporaryFolder folder;
  std::vector<std::string> arguments = Train();
  arguments.insert(arguments.end(), {"--checkpoint", folder.File("c"), "--quiet"});
  for (const int number : {SIGINT, SIGTERM}) {
    setenv("FAKE_INITIALIZE_SIGNAL", std::to_string(number).c_str(), 1);
    const pid_t child = Spawn(arguments, folder.File("out"));
    unsetenv("FAKE_INITIALIZE_SIGNAL");
    EXPECT_EQ(WaitFor(child), 130);
    EXPECT_EQ(Contents(folder.File("out")),
              "stopped: interrupted before the first step; no checkpoint was written\n");
    EXPECT_FALSE(FileExists(folder.File("c")));
  }
}

TEST(Crash, InterruptedBeforeTheFirstStepAnOldCheckpointStays) {
  TemporaryFolder folder;
  std::vector<std::string> arguments = Train();
  arguments.insert(arguments.end(), {"--checkpoint", folder.File("c"), "--quiet"});
  ASSERT_EQ(WaitFor(Spawn(arguments)), 0);
  const std::string before = Contents(folder.File("c"));
  setenv("FAKE_INITIALIZE_SIGNAL", std::to_string(SIGINT).c_str(), 1);
  const pid_t child = Spawn(arguments, folder.File("out"));
  unsetenv("FAKE_INITIALIZE_SIGNAL");
  EXPECT_EQ(WaitFor(child), 130);
  EXPECT_EQ(Contents(folder.File("out")),
            "stopped: interrupted before the first step; the checkpoint stays as it was\n");
  EXPECT_EQ(Contents(folder.File("c")), before);
}

// The thread sanitizer holds signals back while open() waits.
#ifndef DESCENT_SANITIZE_THREAD
/// Opening a pipe that nobody reads waits, and a signal must end that.
TEST(Crash, InterruptedWhileTheLogWaitsForAReader) {
  TemporaryFolder folder;
  ASSERT_EQ(mkfifo(folder.File("log").c_str(), 0600), 0);
  std::vector<std::string> arguments = Train();
  arguments.insert(arguments.end(),
                   {"--checkpoint", folder.File("c"), "--log", folder.File("log")});
  for (const int number : {SIGINT, SIGTERM}) {
    const pid_t child = Spawn(arguments, folder.File("out"));
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
    kill(child, number);
    EXPECT_EQ(WaitFor(child), 130);
  }
}
#endif

TEST(Crash, FullStandardOutput) {
  TemporaryFolder folder;
  std::vector<std::string> arguments = Train();
  arguments.insert(arguments.end(), {"--checkpoint", folder.File("c")});
  EXPECT_EQ(WaitFor(Spawn(arguments, "/dev/full")), 4);
  EXPECT_TRUE(FileExists(folder.File("c")));
}

}  // namespace
}  // namespace descent::runtime

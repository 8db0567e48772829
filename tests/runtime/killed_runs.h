// Kills training processes at random moments, in the middle of a step or of a save, resumes them,
// and expects the bytes of a run that was left alone.
#pragma once

#include <gtest/gtest.h>
#include <signal.h>

#include <chrono>
#include <cstdlib>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "runtime/partial_file.h"
#include "tests/runtime/run_trainer.h"
#include "tests/runtime/spawn.h"

namespace descent::runtime {

class KilledRuns {
 public:
  /// `train`: a trainer's command line without the names of files.
  explicit KilledRuns(std::vector<std::string> train) : train_(std::move(train)) {}

  void ExpectSameBytes(int kills) {
    const auto begin = std::chrono::steady_clock::now();
    ASSERT_EQ(WaitFor(Start("whole")), 0);
    const std::chrono::duration<double> whole = std::chrono::steady_clock::now() - begin;
    std::uniform_real_distribution<double> moment(0, 0.6 * whole.count());
    // A run that ends before its kill does not count.
    for (int start = 0; killed_ < kills && start < 10 * kills; ++start) {
      const bool finished = KillAfter(moment(random_), /*in_save=*/start % 2 == 1);
      // To the end now and then, so that several whole histories are seen.
      if (finished || random_() % 3 == 0) FinishAndCompare();
      if (testing::Test::HasFatalFailure()) return;
    }
    FinishAndCompare();
    EXPECT_EQ(killed_, kills);
  }

  int killed() const { return killed_; }
  int killed_in_save() const { return killed_in_save_; }

 private:
  std::string File(const std::string& name) const { return folder_.File(name); }

  pid_t Start(const std::string& name) const {
    std::vector<std::string> arguments = train_;
    arguments.insert(arguments.end(), {"--resume", "--checkpoint", File(name), "--log",
                                       File(name + ".jsonl"), "--log-every", "1"});
    return Spawn(std::move(arguments));
  }

  /// Whether the run came to its end first. `in_save`: from that moment on as soon as a save has
  /// begun.
  bool KillAfter(double seconds, bool in_save) {
    const pid_t child = Start("killed");
    std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
    const std::string begun = PartialPath(File("killed"));
    while (in_save && !FileExists(begun) && !HasEnded(child)) {
    }
    kill(child, SIGKILL);
    const int status = WaitFor(child);
    EXPECT_TRUE(status == 0 || status == -SIGKILL) << status;
    killed_ += status != 0;
    killed_in_save_ += status != 0 && FileExists(begun);
    return status == 0;
  }

  static bool HasEnded(pid_t child) {
    siginfo_t info = {};
    return waitid(P_PID, static_cast<id_t>(child), &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
           info.si_pid != 0;
  }

  void FinishAndCompare() {
    ASSERT_EQ(WaitFor(Start("killed")), 0);
    for (const std::string suffix : {"", ".1", ".best", ".jsonl"}) {
      const std::string path = File("killed" + suffix);
      ASSERT_EQ(FileExists(path), FileExists(File("whole" + suffix))) << suffix;
      if (!FileExists(path)) continue;
      // The one before the last save depends on when the run was resumed.
      if (suffix != ".1") {
        ASSERT_TRUE(Contents(path) == Contents(File("whole" + suffix))) << suffix;
      }
      std::filesystem::remove(path);
    }
  }

  std::vector<std::string> train_;
  TemporaryFolder folder_;
  std::mt19937 random_{20};
  int killed_ = 0, killed_in_save_ = 0;
};

/// How many kills a test does; DESCENT_KILLS asks for more.
inline int KillsAskedFor(int usual) {
  const char* text = std::getenv("DESCENT_KILLS");
  return text ? std::atoi(text) : usual;
}

}  // namespace descent::runtime

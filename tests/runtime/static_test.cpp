// The static, single-threaded executable: no dependency, the same bits.
#include "tests/runtime/run_trainer.h"
#include "tests/runtime/spawn.h"

namespace descent::runtime {
namespace {

TEST(Static, SameBytesAsWithOneTbb) {
  TemporaryFolder folder;
  std::vector<std::string> arguments = {"train", "--data",       "plane:noise=0.1", "--epochs",
                                        "3",     "--checkpoint", folder.File("c")};
  arguments.insert(arguments.begin(), DESCENT_STATIC_TRAINER);
  ASSERT_EQ(WaitFor(Spawn(arguments)), 0);
  std::string bytes = Contents(folder.File("c"));
  arguments[0] = DESCENT_FAKE_TRAINER;
  arguments.insert(arguments.end(), {"--threads", "2"});
  ASSERT_EQ(WaitFor(Spawn(arguments)), 0);
  EXPECT_EQ(Contents(folder.File("c")), bytes);
}

TEST(Static, RefusesThreads) {
  EXPECT_EQ(WaitFor(Spawn({DESCENT_STATIC_TRAINER, "train", "--data", "plane", "--threads", "2"})),
            2);
}

}  // namespace
}  // namespace descent::runtime

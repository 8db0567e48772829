#include "runtime/program_choice.h"

#include <gtest/gtest.h>

#include "runtime/command_line.h"
#include "tests/runtime/run_trainer.h"

namespace descent::runtime {
namespace {

/// Three programs of the same model; the CPU can run those that `supported` names.
class ProgramChoiceTest : public testing::Test {
 protected:
  void Support(bool large, bool middle, bool small) {
    constexpr const char *kNames[] = {"large", "middle", "small"}, *kNeeds[] = {"L", "M", "S"};
    const bool supported[] = {large, middle, small};
    for (int i = 0; i < 3; ++i) {
      all_[i] = *FakeProgram();
      all_[i].target = kNames[i];
      all_[i].cpu_needs = kNeeds[i];
      all_[i].cpu_is_supported = supported[i] ? [] { return 1; } : [] { return 0; };
      list_[i] = &all_[i];
    }
  }
  Programs programs() const { return ProgramsOf(list_); }
  /// The target's name, or the error.
  std::string Choice(std::string_view isa) const {
    const auto program = ChooseProgram(programs(), isa);
    return program ? (*program)->target : program.error().ToString();
  }
  Ran Run(std::vector<std::string> words) const {
    return RunPrograms(programs(), std::move(words));
  }

  descent_program all_[3];
  const descent_program* list_[4] = {};
};

TEST_F(ProgramChoiceTest, TheFirstThatTheCpuCanRun) {
  Support(true, true, true);
  EXPECT_EQ(programs().size(), 3u);
  EXPECT_EQ(Choice(""), "large");
  Support(false, true, true);
  EXPECT_EQ(Choice(""), "middle");
  Support(false, false, true);
  EXPECT_EQ(Choice(""), "small");
}

TEST_F(ProgramChoiceTest, IsaNamesOne) {
  Support(false, true, true);
  EXPECT_EQ(Choice("small"), "small");
  EXPECT_EQ(Choice("large"),
            "target large needs L, and this CPU does not have all of it (without --isa the best "
            "program for this CPU runs)");
  EXPECT_EQ(Choice("huge"),
            "--isa: this program was not compiled for 'huge' (but for large, middle, small)");
  EXPECT_EQ(ChooseProgram(programs(), "huge").error().status, ExitStatus::kUsage);
}

TEST_F(ProgramChoiceTest, NoneForThisCpu) {
  Support(false, false, false);
  const std::string error =
      "this CPU has all that is needed for none of the targets: large needs L; middle needs M; "
      "small needs S (compile for this CPU)";
  EXPECT_EQ(Choice(""), error);
  const Ran ran = Run({"info"});
  EXPECT_EQ(ran.status, 1);
  EXPECT_EQ(ran.error, "error: " + error + "\n");
  EXPECT_EQ(Run({"info", "--isa", "small"}).error,
            "error: target small needs S, and this CPU does not have all of it (compile for "
            "this CPU, or with --target x86-64-v2)\n");
  EXPECT_EQ(Run({"--version"}).out,
            "fake: by hand for large (not for this CPU), middle (not for this CPU), small (not for "
            "this CPU)\n");
  EXPECT_EQ(Run({"--help"}).status, 0);
}

TEST_F(ProgramChoiceTest, ASingleProgramIsNamedToo) {
  Support(true, true, true);
  const Programs one = programs().first(1);
  EXPECT_EQ((*ChooseProgram(one, "large"))->target, std::string("large"));
  EXPECT_FALSE(ChooseProgram(one, "small").has_value());
  EXPECT_EQ(RunPrograms(one, {"info", "--help"}).out.find("--isa"), std::string::npos);
}

TEST_F(ProgramChoiceTest, InfoAndVersionSayWhichIsInUse) {
  Support(false, true, true);
  EXPECT_EQ(Run({"--version"}).out,
            "fake: by hand for large (not for this CPU), middle (in use), small\n");
  EXPECT_NE(Run({"info"}).out.find("compiled by by hand for middle (needs M)\n"
                                   "targets: large (not for this CPU), middle (in use), small\n"),
            std::string::npos);
  EXPECT_NE(Run({"info", "--isa=small"}).out.find("middle, small (in use)\n"), std::string::npos);
  EXPECT_NE(Run({"--help"}).out.find("for large, middle, small)"), std::string::npos);
  for (const CommandSpec& command : CommandSpecs())
    EXPECT_NE(Run({std::string(command.name), "--help"}).out.find("--isa TARGET"),
              std::string::npos)
        << command.name;
}

}  // namespace
}  // namespace descent::runtime

// `descent model` from outside: every ready model is a good one, and what is wrong is said.

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <string>

#include "frontends/cpp/models/ready_models.h"
#include "tests/cli/shell.h"

namespace descent::test {
namespace {

TEST(ModelCommand, EveryModelIsListedAndGood) {
  const Shell shell;
  const Outcome list = shell.Run("descent model --list");
  EXPECT_EQ(list.status, 0);
  for (const nn::ReadyModel& ready : nn::ReadyModels()) {
    EXPECT_NE(("\n" + list.out).find(fmt::format("\n{} ", ready.name)), std::string::npos);
    const Outcome check = shell.Run(fmt::format("descent model {} | descent check -", ready.name));
    EXPECT_EQ(check.status, 0) << check.err;
  }
}

TEST(ModelCommand, SizesChangeTheModel) {
  const Shell shell;
  const Outcome made =
      shell.Run("descent model mlp --inputs 4 --width 8 --depth 1 --classes 3 -o m.pb");
  EXPECT_EQ(made.status, 0) << made.err;
  EXPECT_EQ(made.out, "m.pb: model mlp, 11 nodes, 67 parameters\n");
  const Outcome text = shell.Run("descent model mlp --inputs 4 --width 8 --depth 1 --classes 3");
  EXPECT_EQ(shell.Run("descent convert m.pb").out, text.out);
  EXPECT_NE(text.out.find("parameter \"0.weight\": f32[8, 4]"), std::string::npos);
}

TEST(ModelCommand, SaysWhatIsWrong) {
  const struct {
    const char* line;
    const char* message;
  } cases[] = {
      {"", "error: NAME is missing\n  = help: `descent model --list` shows the models\n"},
      {"lent", "error: there is no ready model 'lent'\n  = help: did you mean 'lenet'?\n"},
      {"mlp --heads 2",
       "error: mlp has no size 'heads'; it has batch, inputs, width, depth, classes\n"},
      {"mlp --width 0", "error: --width takes a number of at least 1, not '0'\n"},
      {"mlp --width 2000000", "error: width of mlp must be from 1 to 1048576, not 2000000\n"},
      {"mlp --classes 1", "error: classes of mlp must be from 2 to 1048576, not 1\n"},
      {"gpt --heads 3", "error: the heads share the width: 128 is no multiple of 3\n"},
  };
  const Shell shell;
  for (const auto& [line, message] : cases) {
    const Outcome outcome = shell.Run(std::string("descent model ") + line);
    EXPECT_EQ(outcome.status, 2) << line;
    EXPECT_EQ(outcome.err, message);
    EXPECT_EQ(outcome.out, "");
  }
}

}  // namespace
}  // namespace descent::test

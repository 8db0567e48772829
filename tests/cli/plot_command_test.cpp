// `descent plot` from outside: what it refuses, and what its pictures call things.

#include <gtest/gtest.h>

#include <string>

#include "tests/cli/shell.h"

namespace descent::test {
namespace {

TEST(PlotCommand, RefusesWithOneErrorThatNamesTheOption) {
  const struct {
    const char* options;
    int status;
    const char* message;
  } cases[] = {
      {"--surface --x 'W1[0, 0]' --y 'W1[0, 1]' --radius 0", 2,
       "error: --radius takes a number above 0, not '0'\n"},
      {"--surface --x 'W1[0, 0]' --y 'W1[0, 1]' --radius=-1", 2, "error: --radius takes"},
      {"--surface --x 'W1[0, 0]' --y 'W1[0, 1]' --center 1e300,0 --radius 1", 1,
       "error: nothing can be drawn from 1e+300 to 1e+300"},
      {"--surface --x 'W1[0, 0]' --y 'W1[9,9]'", 2, "error: --y W1[9,9]: it is "},
      {"--surface --x nothing --y 'W1[0,0]'", 2, "error: --x nothing: there is no such parameter"},
      {"--surface --x 'W1[0,0],W1[0,1]' --y 'W1[0,0]'", 2, "error: --x takes one element, not"},
      {"--predictions 0", 2, "error: --predictions takes 1 to 400 images, not 0\n"},
      {"--predictions 401", 2, "error: --predictions takes 1 to 400 images, not 401\n"},
  };
  const Shell shell;
  for (const auto& [options, status, message] : cases) {
    const Outcome outcome = shell.Run(
        std::string("descent plot orange-blue.descent --data circle:samples=40 ") + options);
    EXPECT_EQ(outcome.status, status) << options << outcome.err;
    EXPECT_TRUE(outcome.err.starts_with(message)) << outcome.err;
    EXPECT_EQ(outcome.out, "");
  }
}

TEST(PlotCommand, SaysWhichDataDoesNotFit) {
  const Shell shell;
  const Outcome outcome = shell.Run("descent plot --fit orange-blue.descent --data sine");
  EXPECT_EQ(outcome.status, 1);
  EXPECT_TRUE(outcome.err.starts_with("error: sine")) << outcome.err;
  EXPECT_EQ(outcome.err.find("grid"), std::string::npos) << outcome.err;
}

TEST(PlotCommand, AxesAndClassesHaveTheNamesOfTheData) {
  const Shell shell;
  std::string csv = "height,weight,kind\n";
  for (int i = 0; i < 20; ++i)
    csv += std::to_string(i) + "," + std::to_string(i % 3) + (i % 2 != 0 ? ",dog\n" : ",cat\n");
  shell.Write("pets.csv", csv);
  const std::string plot = "descent plot orange-blue.descent --data ";
  const std::string named = shell.Run(plot + "pets.csv:label=kind").out;
  for (const char* name : {">height<", ">weight<", ">cat<", ">dog<"})
    EXPECT_NE(named.find(name), std::string::npos) << name;
  const std::string generated = shell.Run(plot + "circle:samples=20").out;
  for (const char* name : {">x1<", ">x2<", ">label 1<", ">label 0<"})
    EXPECT_NE(generated.find(name), std::string::npos) << name;
}

}  // namespace
}  // namespace descent::test

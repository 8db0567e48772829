#include "tests/compiler/oracle/case_file.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "tests/compiler/oracle/random_case.h"

namespace descent {
namespace {

TEST(CaseFile, GivesBackWhatWasWritten) {
  for (uint64_t seed = 0; seed < 40; ++seed) {
    SCOPED_TRACE(seed);
    const CaseFile written{RandomCase(seed), DrawOptions(seed)};
    const std::string text = PrintCase(written);
    const auto read = ParseCase(text, "case");
    ASSERT_TRUE(read) << read.error().ToString() << text;
    EXPECT_TRUE(SameGraph(read->one.model.graph, written.one.model.graph)) << text;
    EXPECT_EQ(read->one.entry, written.one.entry);
    EXPECT_EQ(read->one.calls, written.one.calls);
    EXPECT_EQ(read->one.values, written.one.values);
    EXPECT_EQ(read->one.model.slots.size(), written.one.model.slots.size());
    EXPECT_EQ(PrintCase(*read), text);
  }
}

TEST(CaseFile, RefusesOtherModels) {
  const auto read = ParseCase("descent 1\n\nmodel m {\n  input x: f32[2]\n  output x\n}\n", "m");
  ASSERT_FALSE(read);
  EXPECT_NE(read.error().message.find("no case of descent-fuzz"), std::string::npos);
}

/// What descent-fuzz has found and reduced, under a name that says what was wrong.
TEST(CaseFile, FoundCasesStayRight) {
  int cases = 0;
  for (const auto& entry :
       std::filesystem::directory_iterator(DESCENT_SOURCE_DIR "/tests/compiler/oracle/found")) {
    SCOPED_TRACE(entry.path().filename());
    std::ifstream file(entry.path());
    std::stringstream text;
    text << file.rdbuf();
    const auto found = ParseCase(text.str(), entry.path().filename());
    ASSERT_TRUE(found) << found.error().ToString();
    EXPECT_EQ(Check(found->one, {&found->options, 1}).failure, "");
    ++cases;
  }
  EXPECT_GE(cases, 3);
}

TEST(OptionSets, AreReadAsTheyArePrinted) {
  for (uint64_t seed = 0; seed < 40; ++seed) {
    const std::string text = ToString(DrawOptions(seed));
    const auto read = ParseOptions(text);
    ASSERT_TRUE(read) << read.error().message;
    EXPECT_EQ(ToString(*read), text);
  }
  EXPECT_FALSE(ParseOptions("fuse=maybe"));
  EXPECT_FALSE(ParseOptions("speed=high"));
}

}  // namespace
}  // namespace descent

#include "compiler/c_identifier.h"

#include <gtest/gtest.h>

namespace descent {
namespace {

TEST(CIdentifier, MakesNamesSafe) {
  EXPECT_EQ(SafeIdentifier("orange_blue"), "orange_blue");
  EXPECT_EQ(SafeIdentifier("layer.1 weight"), "layer_1_weight");
  EXPECT_EQ(SafeIdentifier("2fast"), "m2fast");
  EXPECT_EQ(SafeIdentifier("_hidden"), "m_hidden");
  EXPECT_EQ(SafeIdentifier(""), "m");
  EXPECT_EQ(SafeIdentifier("int"), "int_");
  EXPECT_EQ(SafeIdentifier("template"), "template_");
  EXPECT_EQ(SafeIdentifier("\xc3\xa9t\xc3\xa9"), "m__t__");
}

TEST(CIdentifier, SafeNamesStay) {
  for (const char* name : {"x", "W1", "a_b_c", "Int"}) EXPECT_TRUE(IsSafeIdentifier(name)) << name;
  for (const char* name : {"", "1", "a.b", "for", "_a", "a-b"})
    EXPECT_FALSE(IsSafeIdentifier(name)) << name;
}

TEST(CIdentifier, UniqueNames) {
  std::set<std::string> taken;
  EXPECT_EQ(UniqueIdentifier("a.b", taken), "a_b");
  EXPECT_EQ(UniqueIdentifier("a_b", taken), "a_b_2");
  EXPECT_EQ(UniqueIdentifier("a b", taken), "a_b_3");
  EXPECT_EQ(UniqueIdentifier("a_b_2", taken), "a_b_2_2");
}

}  // namespace
}  // namespace descent

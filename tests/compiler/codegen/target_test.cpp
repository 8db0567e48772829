#include "compiler/codegen/target.h"

#include <gtest/gtest.h>

#include <set>

namespace descent {
namespace {

TEST(Target, NativeIsARowThatThisCpuSupports) {
  const auto native = ResolveTarget("native");
  ASSERT_TRUE(native.has_value()) << native.error().message;
  EXPECT_TRUE(RunningCpuSupports(**native));
  const auto by_name = ResolveTarget((*native)->name);
  ASSERT_TRUE(by_name.has_value());
  EXPECT_EQ(*by_name, *native);
}

TEST(Target, NativeUsesAvx512WhereItIsAvailable) {
  const Target& v4 = **ResolveTarget("x86-64-v4");
  const Target& native = **ResolveTarget("native");
  EXPECT_EQ(native.facts.vector_bytes, RunningCpuSupports(v4) ? 64 : 32);
}

TEST(Target, RowsAreUniqueAndComplete) {
  std::set<std::string_view> names;
  for (const Target& target : AllTargets()) {
    EXPECT_TRUE(names.insert(target.name).second) << target.name;
    EXPECT_GT(target.facts.l2_bytes, target.facts.l1_bytes) << target.name;
    EXPECT_EQ(target.facts.vector_bytes == 64, target.facts.vector_registers == 32) << target.name;
    EXPECT_FALSE(CpuNeeds(target).empty());
  }
}

TEST(Target, UnknownNamesListTheKnownOnes) {
  const auto unknown = ResolveTarget("pentium");
  ASSERT_FALSE(unknown.has_value());
  EXPECT_EQ(unknown.error().status, ExitStatus::kUsage);
  EXPECT_NE(unknown.error().hint.find("native, x86-64-v2, x86-64-v3"), std::string::npos);
}

TEST(Target, ListsAreOrderedByWhatIsNeeded) {
  const auto names = [](std::string_view list) {
    std::string text;
    const auto targets = ResolveTargets(list);
    if (!targets) return targets.error().message;
    for (const Target* target : *targets) (text += text.empty() ? "" : " ") += target->name;
    return text;
  };
  EXPECT_EQ(names("x86-64-v3"), "x86-64-v3");
  EXPECT_EQ(names("x86-64-v2,x86-64-v3,x86-64-v4"), "x86-64-v4 x86-64-v3 x86-64-v2");
  EXPECT_EQ(names("znver2,znver5,haswell,x86-64-v4"), "znver5 x86-64-v4 znver2 haswell");
  EXPECT_EQ(names("native"), (*ResolveTarget("native"))->name);
  EXPECT_EQ(names("znver4,haswell,znver4"),
            "target znver4 is named twice in 'znver4,haswell,znver4'");
  EXPECT_EQ(names("znver4,"), "unknown target ''");
  EXPECT_EQ(ResolveTarget("znver4,znver5").error().message,
            "one target is expected here, not 'znver4,znver5'");
}

}  // namespace
}  // namespace descent

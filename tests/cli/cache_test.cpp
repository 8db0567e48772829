// `--cache`: what comes from it is what would have been made, and what is damaged in it is made
// again.

#include <gtest/gtest.h>

#include <string>

#include "tests/cli/shell.h"

namespace descent::test {
namespace {

void ExpectGood(const Outcome& outcome) {
  EXPECT_EQ(outcome.status, 0) << outcome.out << outcome.err;
}

/// What a compilation says of the cache: "3 of 9 objects from the cache".
std::string Report(const Shell& shell, const std::string& options) {
  const Outcome made = shell.Run("descent compile --cache cache -o made " + options);
  ExpectGood(made);
  const size_t at = made.out.find("; ");
  return at == std::string::npos ? made.out : made.out.substr(at + 2);
}

/// "9" of "0 of 9 objects from the cache".
std::string Total(const std::string& report) { return report.substr(5, report.find(' ', 5) - 5); }

TEST(Cache, GivesTheSameBytes) {
  const Shell shell;
  ExpectGood(shell.Run("descent compile -q mlp.descent -o plain"));
  const std::string first = Report(shell, "mlp.descent"), total = Total(first);
  EXPECT_EQ(first, "0 of " + total + " objects from the cache\n");
  ExpectGood(shell.Run("cmp plain made"));
  EXPECT_EQ(Report(shell, "mlp.descent"), total + " of " + total + " objects from the cache\n");
  ExpectGood(shell.Run("cmp plain made"));
}

TEST(Cache, KernelsAreSharedBetweenModels) {
  const Shell shell;
  Report(shell, "orange-blue.descent --entry predict --name one");
  // Another program with other names: its table and entry point are made, all its kernels found.
  const std::string report = Report(shell, "orange-blue.descent --entry predict --name two");
  const int total = std::stoi(report.substr(report.find("of ") + 3));
  EXPECT_EQ(report, std::to_string(total - 1) + " of " + std::to_string(total) +
                        " objects from the cache\n");
  ExpectGood(
      shell.Run("descent compile -q orange-blue.descent --entry predict --name two -o plain "
                "&& cmp plain made"));
}

TEST(Cache, WhatDecidesBytesDecidesTheKey) {
  const Shell shell;
  const std::string first = Report(shell, "orange-blue.descent --target x86-64-v3");
  EXPECT_EQ(Report(shell, "orange-blue.descent --target haswell"), first) << "none is reused";
  EXPECT_EQ(Report(shell, "orange-blue.descent --target x86-64-v4"), first) << "none is reused";
  const std::string other =
      Report(shell, "orange-blue.descent --target x86-64-v3 --set learning_rate=0.125");
  EXPECT_NE(other, first) << "kernels are the same";
  EXPECT_FALSE(other.starts_with(Total(first) + " of")) << other << "but the table is not";
}

TEST(Cache, DamagedEntriesAreMadeAgain) {
  const Shell shell;
  const std::string total = Total(Report(shell, "orange-blue.descent"));
  ExpectGood(shell.Run("cp made plain; set -- cache/*; truncate -s 500 $1; printf x >> $2"));
  EXPECT_EQ(Report(shell, "orange-blue.descent"),
            std::to_string(std::stoi(total) - 2) + " of " + total +
                " objects from the cache, 2 objects there damaged and replaced\n");
  ExpectGood(shell.Run("cmp plain made"));
  EXPECT_EQ(Report(shell, "orange-blue.descent"),
            total + " of " + total + " objects from the cache\n");
}

TEST(Cache, IsSafeUnderConcurrentUse) {
  const Shell shell;
  ExpectGood(shell.Run(
      "for i in 1 2 3; do descent compile -q orange-blue.descent --cache cache -o made$i & "
      "done; for job in $(jobs -p); do wait $job || exit 1; done;"
      "cmp made1 made2 && cmp made1 made3 && ls cache | grep -v 'object$'; [ $? = 1 ]"));
}

TEST(Cache, ServesObjectsAndTraining) {
  const Shell shell;
  for (const char* kind : {"obj", "static", "shared"}) {
    const std::string line =
        std::string("descent compile orange-blue.descent --cache cache --emit ") + kind;
    ExpectGood(shell.Run(line));
  }
  // The three hold the same object.
  EXPECT_EQ(shell.Run("ls cache | wc -l").out, "1\n");
  const std::string train =
      "descent train orange-blue.descent --cache cache --data circle:samples=50 --epochs 1 --quiet";
  ExpectGood(
      shell.Run(train + " && ls cache > before && " + train + " && ls cache | cmp - before"));
}

TEST(Cache, Refuses) {
  const Shell shell;
  const Outcome listing =
      shell.Run("descent compile orange-blue.descent --emit header --cache cache -o net.h");
  EXPECT_EQ(listing.status, 2);
  EXPECT_NE(listing.err.find("--emit header makes no object"), std::string::npos) << listing.err;
  EXPECT_FALSE(shell.Exists("cache"));
  const Outcome file = shell.Run("descent compile orange-blue.descent --cache mlp.descent");
  EXPECT_EQ(file.status, 4);
  EXPECT_NE(file.err.find("cannot make the folder 'mlp.descent'"), std::string::npos) << file.err;
}

}  // namespace
}  // namespace descent::test

// The option --check-memory of commands that compute values in this process.

#include <gtest/gtest.h>

#include <string>

#include "tests/cli/shell.h"

namespace descent::test {
namespace {

TEST(CheckMemory, ChangesNoValue) {
  const Shell shell;
  shell.Write("square.descent",
              "descent 1\nmodel square {\n  input x: f32[3]\n  y = square(x)\n"
              "  s = sum(y, axes=[0])\n  output s\n}\n");
  for (const std::string line :
       {"run orange-blue.descent 'x=[[1, 2], [3, 4]]'",
        "run --entry train_step --threads 2 orange-blue.descent 'x=[[1, 2]]' 'y=[[1]]'",
        "run --trace orange-blue.descent 'x=[[1, 2]]'", "grad square.descent '[1, 2, 3]'",
        "diff orange-blue.descent --compiled --interpreter"}) {
    const Outcome plain = shell.Run("descent " + line);
    EXPECT_EQ(plain.status, 0) << line << plain.err;
    const Outcome checked = shell.Run("descent " + line + " --check-memory");
    EXPECT_EQ(checked.status, 0) << line << checked.err;
    EXPECT_EQ(checked.out, plain.out) << line;
  }
}

TEST(CheckMemory, ReportsWhatTheCallReports) {
  const Shell shell;
  shell.Write("m.descent",
              "descent 1\nmodel m {\n  input ids: i64[2]\n  parameter w: f32[5, 2] = ones\n"
              "  y = embedding(w, ids)\n  output y\n}\n");
  const Outcome outcome = shell.Run("descent run --check-memory m.descent '[1, 7]'");
  EXPECT_EQ(outcome.status, 1);
  EXPECT_NE(outcome.err.find("input 'ids' holds 7 at [1]"), std::string::npos) << outcome.err;
}

TEST(CheckMemory, IsForCompiledValues) {
  const Shell shell;
  for (const std::string line : {"run --interpreter orange-blue.descent 'x=[[1, 2]]'",
                                 "diff orange-blue.descent orange-blue.descent"}) {
    const Outcome outcome = shell.Run("descent " + line + " --check-memory");
    EXPECT_EQ(outcome.status, 2) << line;
    EXPECT_NE(outcome.err.find("--check-memory"), std::string::npos) << outcome.err;
  }
}

}  // namespace
}  // namespace descent::test

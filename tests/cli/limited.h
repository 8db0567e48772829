// Commands in little memory and time, and what a refusal of bad input looks like.
//
//   const Shell shell;
//   shell.Write("m.descent", "descent 1\n...");
//   EXPECT_EQ(WhyNotRefused(shell, "descent check m.descent", {"m.descent:4:7", "is too large"}),
//   "");
#pragma once

#include <string>
#include <vector>

#include "tests/cli/shell.h"

namespace descent::test {

/// Runs `line` with an address space of 2 GiB and 60 seconds of processor time: the status is 128
/// and more if they pass, as of a crash. Sanitizers reserve terabytes of shadow, so there only the
/// time is limited.
Outcome RunLimited(const Shell& shell, const std::string& line);

/// Files in the shell's folder and their sizes: "net/a.o 4096".
std::vector<std::string> FilesIn(const Shell& shell);

/// "" if `line` is refused as it must be: exit status 1, nothing on standard output, one diagnostic
/// with each of `words` (file, place, rule), no file made or changed; else what was seen instead.
std::string WhyNotRefused(const Shell& shell, const std::string& line,
                          const std::vector<std::string>& words);

/// A model of these statements.
std::string ModelText(const std::string& statements);

}  // namespace descent::test

// No output of a command is one of its inputs or another output: writing it would destroy that.
//
//   CheckOutputs({{"--log", "d.csv"}}, {{"--data", "d.csv"}})   // "--log would overwrite d.csv,
//   ..."
#pragma once

#include <string>
#include <vector>

#include "runtime/status.h"

namespace descent::runtime {

struct NamedFile {
  std::string option;  ///< as the command line calls it: "--log"
  std::string path;    ///< "": not given
};

/// One regular file by two names, links included; or one that would be made.
bool SameFile(const std::string& a, const std::string& b);

/// The running program is an input, too, an output's partial file an output. Status kUsage.
Result<void> CheckOutputs(const std::vector<NamedFile>& outputs,
                          const std::vector<NamedFile>& inputs);

}  // namespace descent::runtime

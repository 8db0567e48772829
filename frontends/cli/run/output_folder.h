// Values that a call computed, as NPY files in a folder or as text.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "frontends/cli/run/execution.h"
#include "runtime/overwrite.h"

namespace descent::cli {

struct OutputFile {
  std::string path;
  const NamedTensor* value;
  std::string name;  ///< to print; "" where the path says it
};

/// "FOLDER/name.npy", in which a slash of the name would be a folder.
std::string FileOf(const std::string& folder, std::string name);

/// Makes the folder where it is missing; refuses, before anything is written, to replace a file
/// that was read (`read`, and the files of `inputs`). Prints a line for each file.
Result<void> WriteFiles(const std::string& folder, std::vector<runtime::NamedFile> read,
                        const std::vector<InputArgument>& inputs,
                        const std::vector<OutputFile>& files);

/// "y: f32[2] = [0.1, 0.2]"; long ones are cut.
void PrintTensor(const NamedTensor& value);

}  // namespace descent::cli

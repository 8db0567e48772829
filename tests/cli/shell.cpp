#include "tests/cli/shell.h"

#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace descent::test {
namespace {

namespace fs = std::filesystem;

std::string Content(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream content;
  content << file.rdbuf();
  return content.str();
}

}  // namespace

Shell::Shell() {
  std::string path = fs::temp_directory_path() / "descent-cli-XXXXXX";
  if (mkdtemp(path.data()) == nullptr) std::abort();
  folder_ = path;
  const fs::path examples = fs::path(DESCENT_SOURCE_DIR) / "docs/examples";
  fs::copy_file(examples / "orange-blue/model.descent", folder_ + "/orange-blue.descent");
  fs::copy_file(examples / "orange-blue/no-bias.descent", folder_ + "/no-bias.descent");
  fs::copy_file(examples / "fashion-mnist/model.descent", folder_ + "/mlp.descent");
}

Shell::~Shell() {
  std::error_code ignored;
  fs::remove_all(folder_, ignored);
}

void Shell::Write(const std::string& name, std::string_view content) const {
  std::ofstream(fs::path(folder_) / name, std::ios::binary) << content;
}

std::string Shell::Read(const std::string& name) const { return Content(fs::path(folder_) / name); }

bool Shell::Exists(const std::string& name) const { return fs::exists(fs::path(folder_) / name); }

Outcome Shell::Run(const std::string& line) const {
  // The streams go to files outside the folder, so that a test can list what a command left behind.
  const std::string out = folder_ + ".out", err = folder_ + ".err";
  Write("../" + fs::path(folder_).filename().string() + ".sh",
        "set -o pipefail\nexport PATH=" DESCENT_BINARY_DIR "/bin:$PATH\ncd " + folder_ + "\n" +
            line + "\n");
  const std::string command = "bash " + folder_ + ".sh >" + out + " 2>" + err + " </dev/null";
  const int status = std::system(command.c_str());
  Outcome outcome{.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status),
                  .out = Content(out),
                  .err = Content(err)};
  for (const std::string& file : {out, err, folder_ + ".sh"}) fs::remove(file);
  return outcome;
}

}  // namespace descent::test

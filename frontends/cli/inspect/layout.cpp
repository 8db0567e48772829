// Runs Graphviz' `dot`; the only process the command starts besides the linker and a trainer.

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "frontends/cli/files.h"
#include "frontends/cli/inspect/graph_view.h"

extern char** environ;

namespace descent::cli {
namespace {

/// An unnamed file that holds `content`, at its start.
class TemporaryFile {
 public:
  TemporaryFile() : file_(std::tmpfile()) {}
  ~TemporaryFile() {
    if (file_ != nullptr) std::fclose(file_);
  }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;

  bool good() const { return file_ != nullptr; }
  int descriptor() const { return fileno(file_); }
  bool Write(std::string_view content) {
    const bool written = std::fwrite(content.data(), 1, content.size(), file_) == content.size();
    return written && std::fflush(file_) == 0 && std::fseek(file_, 0, SEEK_SET) == 0;
  }
  std::string Read() {
    std::string content;
    char block[1 << 16];
    lseek(descriptor(), 0, SEEK_SET);
    for (ssize_t count; (count = read(descriptor(), block, sizeof block)) > 0;)
      content.append(block, static_cast<size_t>(count));
    return content;
  }

 private:
  std::FILE* file_;
};

}  // namespace

Result<std::string> LayOut(const std::string& dot) {
  TemporaryFile input, output;
  if (!input.good() || !output.good() || !input.Write(dot))
    return FileError("write", "a temporary file");
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, input.descriptor(), 0);
  posix_spawn_file_actions_adddup2(&actions, output.descriptor(), 1);
  char program[] = "dot", format[] = "-Tsvg";
  char* const arguments[] = {program, format, nullptr};
  pid_t child = 0;
  const int error = posix_spawnp(&child, program, &actions, nullptr, arguments, environ);
  posix_spawn_file_actions_destroy(&actions);
  if (error == ENOENT) {
    auto missing = ErrorWithStatus(ExitStatus::kIo,
                                   "SVG of a graph needs Graphviz' `dot`, which is not installed");
    missing.error().hint = "apt-get install graphviz, or --format dot";
    return missing;
  }
  if (error != 0)
    return ErrorWithStatus(ExitStatus::kIo, "cannot run dot: {}", std::strerror(error));
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
    return ErrorWithStatus(ExitStatus::kIo, "dot failed (wait status {})", status);
  return output.Read();
}

}  // namespace descent::cli

#include "frontends/cli/bench/child.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

#include "frontends/cli/files.h"
#include "runtime/file.h"

namespace descent::cli {
namespace {

constexpr int kPollMilliseconds = 100;  ///< how often an interrupt is looked for

Result<pid_t> Spawn(const std::vector<std::string>& words, int output) {
  std::vector<char*> arguments;
  for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
  pid_t child = 0;
  const int failure =
      posix_spawn(&child, arguments[0], &actions, nullptr, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (failure == 0) return child;
  errno = failure;
  return FileError("run", words[0]);
}

/// All that comes until the other end closes, or an interrupt.
std::string ReadUntilClosed(int input, const runtime::InterruptWatch& watch) {
  std::string text;
  while (!watch.interrupted()) {
    pollfd ready = {.fd = input, .events = POLLIN, .revents = 0};
    if (poll(&ready, 1, kPollMilliseconds) <= 0) continue;
    char buffer[1 << 12];
    const ssize_t count = read(input, buffer, sizeof buffer);
    if (count == 0) break;
    if (count > 0) text.append(buffer, static_cast<size_t>(count));
  }
  return text;
}

int StatusOf(pid_t child) {
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace

Result<ChildOutcome> RunChild(const std::vector<std::string>& words,
                              const runtime::InterruptWatch& watch) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return FileError("make a pipe for", words[0]);
  const runtime::Descriptor input(ends[0]);
  std::fflush(stdout);
  auto child = Spawn(words, ends[1]);
  close(ends[1]);
  if (!child) return std::unexpected(child.error());
  ChildOutcome outcome{.out = ReadUntilClosed(input.get(), watch)};
  if (watch.interrupted()) kill(*child, SIGKILL);
  outcome.status = StatusOf(*child);
  if (watch.interrupted()) return ErrorWithStatus(ExitStatus::kInterrupted, "interrupted");
  return outcome;
}

}  // namespace descent::cli

#include "compiler/codegen/link.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <optional>
#include <vector>

#include "compiler/codegen/archive.h"

extern char** environ;

namespace descent {
namespace {

namespace fs = std::filesystem;

std::unexpected<Diagnostic> IoError(std::string_view what, const std::string& path) {
  return ErrorWithStatus(ExitStatus::kIo, "cannot {} {}: {}", what, Quoted(path),
                         std::strerror(errno));
}

/// A folder that disappears with everything in it.
class TemporaryFolder {
 public:
  static Result<TemporaryFolder> Make() {
    const char* base = std::getenv("TMPDIR");
    std::string pattern = (fs::path(base && *base ? base : "/tmp") / "descent-XXXXXX").string();
    if (!mkdtemp(pattern.data())) return IoError("create temporary folder", pattern);
    return TemporaryFolder(pattern);
  }
  TemporaryFolder(TemporaryFolder&& other) noexcept : path_(std::move(other.path_)) {
    other.path_.clear();
  }
  TemporaryFolder& operator=(TemporaryFolder&&) = delete;
  ~TemporaryFolder() {
    std::error_code ignored;
    if (!path_.empty()) fs::remove_all(path_, ignored);
  }
  std::string File(std::string_view name) const { return (fs::path(path_) / name).string(); }

 private:
  explicit TemporaryFolder(std::string path) : path_(std::move(path)) {}
  std::string path_;
};

/// False with errno set when something failed.
bool WriteBytes(std::span<const char> bytes, const std::string& path, mode_t mode) {
  const int file = open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
  if (file < 0) return false;
  for (size_t done = 0; done < bytes.size();) {
    const ssize_t count = write(file, bytes.data() + done, bytes.size() - done);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) {
      const int failure = errno;
      close(file);
      errno = failure;
      return false;
    }
    done += static_cast<size_t>(count);
  }
  return close(file) == 0;
}

/// The first of these programs that PATH has.
std::optional<std::string> FindProgram(std::span<const std::string_view> names) {
  const char* variable = std::getenv("PATH");
  const std::string path = variable ? variable : "/usr/bin:/bin";
  for (std::string_view name : names) {
    for (size_t begin = 0; begin <= path.size();) {
      const size_t end = std::min(path.find(':', begin), path.size());
      const fs::path candidate = fs::path(path.substr(begin, end - begin)) / name;
      if (end > begin && access(candidate.c_str(), X_OK) == 0) return candidate.string();
      begin = end + 1;
    }
  }
  return std::nullopt;
}

/// First of the usual drivers. Sanitizers are LLVM's, so its own driver comes first.
Result<std::string> FindDriver(Sanitizer sanitizer) {
  std::vector<std::string_view> names = {"cc", "gcc", "clang"};
  if (sanitizer != Sanitizer::kNone) names.insert(names.begin(), "clang-19");
  if (auto driver = FindProgram(names)) return *driver;
  return std::unexpected(
      Diagnostic{.message = "no C compiler driver (cc, gcc or clang) is in PATH to link with",
                 .hint = "install one, on Debian: apt install gcc libc6-dev libstdc++-12-dev "
                         "libtbb-dev zlib1g-dev; or "
                         "compile with --emit obj, which needs none",
                 .status = ExitStatus::kIo});
}

Result<std::string> ReadAll(const std::string& path) {
  const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return IoError("read", path);
  std::string bytes;
  char buffer[1 << 16];
  ssize_t count = 0;
  while ((count = read(file, buffer, sizeof buffer)) > 0)
    bytes.append(buffer, static_cast<size_t>(count));
  close(file);
  if (count < 0) return IoError("read", path);
  return bytes;
}

/// Runs a command; its output becomes part of the error.
Result<void> Run(const std::vector<std::string>& command, const std::string& log_path) {
  std::vector<char*> arguments;
  for (const std::string& word : command) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, 1, log_path.c_str(), O_WRONLY | O_CREAT | O_TRUNC,
                                   0600);
  posix_spawn_file_actions_adddup2(&actions, 1, 2);
  pid_t child = 0;
  const int failure =
      posix_spawn(&child, arguments[0], &actions, nullptr, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (failure != 0) {
    errno = failure;
    return IoError("run", command[0]);
  }
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return {};
  std::string log = ReadAll(log_path).value_or("");
  if (log.size() > 2000) log.resize(2000);
  return std::unexpected(Diagnostic{
      .message = fmt::format("linking with {} failed:\n{}", command[0], log),
      .hint =
          "on Debian, apt install gcc libstdc++-12-dev libtbb-dev zlib1g-dev brings all that is "
          "linked",
      .status = ExitStatus::kIo});
}

bool Exists(const fs::path& path) {
  std::error_code ignored;
  return fs::exists(path, ignored);
}

/// "descent_runtime" -> its archive. Archives of a build tree and of an installation lie in one
/// folder each.
Result<std::string> FindArchive(const LinkOptions& options, const std::string& library) {
  const std::string file = "lib" + library + ".a";
  std::vector<fs::path> folders;
  if (!options.runtime_directory.empty()) {
    folders = {options.runtime_directory};
  } else {
    std::error_code error;
    const fs::path program = fs::read_symlink("/proc/self/exe", error);
    const fs::path root = program.parent_path().parent_path();
    folders = {root / "lib", root / "runtime"};
  }
  for (const fs::path& folder : folders)
    if (Exists(folder / file)) return (folder / file).string();
  std::string searched;
  for (const fs::path& folder : folders)
    searched += (searched.empty() ? "" : ", ") + folder.string();
  return std::unexpected(
      Diagnostic{.message = fmt::format("cannot find the runtime {} in {}", file, searched),
                 .hint = "run the descent command from its build tree or installation",
                 .status = ExitStatus::kIo});
}

/// By Sanitizer.
constexpr const char* kSanitizerFlags[] = {nullptr, "-fsanitize=address,undefined",
                                           "-fsanitize=thread"};

/// Chooses a fast linker, as the driver's option.
std::optional<std::string> LinkerFlag() {
  constexpr std::string_view kLinkers[] = {"ld.lld", "ld.gold"};
  const auto linker = FindProgram(kLinkers);
  if (!linker) return std::nullopt;
  return "-fuse-ld=" + fs::path(*linker).extension().string().substr(1);
}

/// Links `objects` with `inputs` into `path`.
Result<void> Link(std::span<const std::vector<char>> objects, const std::string& path,
                  Sanitizer sanitizer, const std::vector<std::string>& flags,
                  const std::vector<std::string>& inputs) {
  DESCENT_TRY(driver, FindDriver(sanitizer));
  DESCENT_TRY(folder, TemporaryFolder::Make());
  const std::string linked_path = folder.File("linked");
  std::vector<std::string> command = {driver, "-o", linked_path, "-Wl,--build-id=none"};
  command.insert(command.end(), flags.begin(), flags.end());
  if (sanitizer != Sanitizer::kNone)
    command.push_back(kSanitizerFlags[static_cast<size_t>(sanitizer)]);
  if (auto linker = LinkerFlag()) command.push_back(*linker);
  for (const std::vector<char>& object : objects) {
    command.push_back(folder.File("model" + std::to_string(&object - objects.data()) + ".o"));
    if (!WriteBytes(object, command.back(), 0600)) return IoError("write", command.back());
  }
  command.insert(command.end(), inputs.begin(), inputs.end());
  DESCENT_RETURN_IF_ERROR(Run(command, folder.File("log")));
  DESCENT_TRY(linked, ReadAll(linked_path));
  return WriteFileAtomically(linked, path, /*executable=*/true);
}

}  // namespace

Result<void> LinkExecutable(std::span<const std::vector<char>> objects, const std::string& path,
                            const LinkOptions& options) {
  DESCENT_TRY(main, FindArchive(options, options.main_archive));
  DESCENT_TRY(runtime, FindArchive(options, options.fully_static ? "descent_runtime_serial"
                                                                 : "descent_runtime"));
  std::vector<std::string> flags = {"-Wl,--gc-sections", "-Wl,--as-needed"};
  std::vector<std::string> inputs = {main, runtime};
  if (options.fully_static) {
    flags.push_back("-static");
  } else {
    flags.push_back("-pie");
    inputs.push_back("-ltbb");
  }
  for (const char* library : {"-lz", "-lstdc++", "-lm"}) inputs.push_back(library);
  return Link(objects, path, options.sanitizer, flags, inputs);
}

Result<void> LinkSharedLibrary(const std::vector<char>& object, const std::string& path,
                               const LinkOptions& options) {
  const std::string name = fs::path(path).filename().string();
  std::vector<std::string> flags = {"-shared", "-Wl,-soname," + name, "-Wl,--as-needed"};
  // Instrumented code leaves its sanitizer to whoever loads it.
  if (options.sanitizer == Sanitizer::kNone) flags.push_back("-Wl,-z,defs");
  return Link({&object, 1}, path, options.sanitizer, flags, {});
}

Result<void> WriteStaticArchive(std::span<const char> object, const std::string& path,
                                const std::string& member) {
  DESCENT_TRY(archive, MakeArchive(object, member));
  return WriteFileAtomically(archive, path);
}

Result<void> WriteFileAtomically(std::span<const char> bytes, const std::string& path,
                                 bool executable) {
  struct stat facts;
  const bool exists = stat(path.c_str(), &facts) == 0;
  std::error_code ignored;
  // A device stays one, and so does /dev/stdout where the shell leads it into a file.
  const bool is_device =
      exists && (!S_ISREG(facts.st_mode) ||
                 (path.starts_with("/dev/") && fs::is_symlink(fs::path(path), ignored)));
  const mode_t mode = executable ? 0777 : exists && !is_device ? facts.st_mode & 0777 : 0666;
  const std::string partial =
      is_device ? path : fmt::format("{}{}-{}", path, kPartialSuffix, getpid());
  bool written = WriteBytes(bytes, partial, mode);
  if (!is_device) written = written && rename(partial.c_str(), path.c_str()) == 0;
  if (written) return {};
  auto error = IoError("write", path);
  if (!is_device) unlink(partial.c_str());
  return error;
}

}  // namespace descent

#include "runtime/memory_limit.h"

#include <sys/resource.h>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <limits>
#include <string>
#include <string_view>

namespace descent::runtime {
namespace {

constexpr int64_t kUnknown = std::numeric_limits<int64_t>::max();

/// One part in so many is left alone: what the system calls available is an estimate, and it
/// crawls before nothing is left.
constexpr int64_t kReserve = 16;

/// "" if there is none. Such files are short, and have no size until they are read.
std::string SystemFile(const char* path) {
  std::string text(size_t{1} << 14, '\0');
  std::FILE* file = std::fopen(path, "re");
  text.resize(file == nullptr ? 0 : std::fread(text.data(), 1, text.size(), file));
  if (file != nullptr) std::fclose(file);
  return text;
}

/// The number behind `name` at the start of a line: "MemAvailable:   12345 kB" has 12345.
int64_t NumberBehind(std::string_view text, std::string_view name, int64_t otherwise) {
  for (size_t line = 0; line < text.size();) {
    const std::string_view rest = text.substr(line);
    if (rest.starts_with(name)) {
      const size_t digits = std::min(rest.find_first_not_of(" \t", name.size()), rest.size());
      int64_t number = otherwise;
      std::from_chars(rest.data() + digits, rest.data() + rest.size(), number);
      return number;
    }
    line += std::min(rest.find('\n'), rest.size() - 1) + 1;
  }
  return otherwise;
}

int64_t LeftInControlGroup() {
  const int64_t limit = NumberBehind(SystemFile("/sys/fs/cgroup/memory.max"), "", kUnknown);
  if (limit == kUnknown) return kUnknown;
  const int64_t used = NumberBehind(SystemFile("/sys/fs/cgroup/memory.current"), "", 0);
  // What is used counts the page cache, which gives way.
  const std::string parts = SystemFile("/sys/fs/cgroup/memory.stat");
  const int64_t cached =
      NumberBehind(parts, "inactive_file ", 0) + NumberBehind(parts, "active_file ", 0);
  return std::max<int64_t>(limit - used + cached, 0);
}

}  // namespace

int64_t AvailableMemory() {
  const std::string memory = SystemFile("/proc/meminfo");
  const int64_t kilobytes = NumberBehind(memory, "MemAvailable:", kUnknown);
  int64_t available = LeftInControlGroup();
  if (kilobytes != kUnknown)
    available = std::min(available, (kilobytes + NumberBehind(memory, "SwapFree:", 0)) * 1024);
  return available - available / kReserve;
}

int64_t PeakMemoryKib() { return NumberBehind(SystemFile("/proc/self/status"), "VmHWM:", 0); }

void LimitMemory(int64_t more_bytes) {
  const int64_t kilobytes = NumberBehind(SystemFile("/proc/self/status"), "VmData:", kUnknown);
  rlimit limit;
  if (kilobytes == kUnknown || getrlimit(RLIMIT_DATA, &limit) != 0) return;
  const int64_t used = kilobytes * 1024;
  const int64_t most = more_bytes < kUnknown - used ? used + more_bytes : kUnknown;
  limit.rlim_cur = std::min(limit.rlim_cur, static_cast<rlim_t>(most));
  setrlimit(RLIMIT_DATA, &limit);
}

}  // namespace descent::runtime

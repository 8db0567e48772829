// Memory that the system can still give, and that this process has had.
//
// Linux grants more memory than it has, and ends a process that then uses it. Below a limit an
// allocation too large fails instead: std::bad_alloc, or a Block without data.
#pragma once

#include <cstdint>

namespace descent::runtime {

/// Bytes that new allocations may use without displacing other processes: free memory, what the
/// page cache can give back and free swap, within the limit of the control group (version 2) that
/// /sys/fs/cgroup shows, less a reserve.
int64_t AvailableMemory();

/// The most memory that this process had at once, in KiB (VmHWM); 0 where the system does not say.
/// getrusage would give that of the process that started it where it is larger.
int64_t PeakMemoryKib();

/// From now on this process gets at most `more_bytes` of private memory beyond what it has
/// (RLIMIT_DATA; a lower limit that was set before stays). Its children inherit the limit.
void LimitMemory(int64_t more_bytes);

}  // namespace descent::runtime

// Crew: hands the tiles of a kernel to whichever threads are there. It owns no thread; an executor
// brings them (oneTBB's or std::thread's) and lets each call Work.
//
// Invariants
// - Each worker begins with its own range of the tiles, the same in every step, so that what it
//   updates stays in its core's caches; a worker without tiles takes those of others. Who runs what
//   varies; kernels write disjoint outputs, so results do not.
// - Run never depends on a worker's arrival: the caller takes all tiles that nobody else does, and
//   waits only for claimed ones.
// - A claim is a compare-and-swap on (generation, next tile) of one range. Its bounds come from the
//   same word as the generation, so it succeeds only while a tile of that job is unclaimed; until
//   that tile has run, the job's other fields stay: a late worker cannot claim a tile of another
//   job.
// - Nothing allocates. Idle threads spin for a while when every thread has a core, then sleep on a
//   futex.
// - A second Run while one is under way (another thread, or a nested one) runs serially on its
//   caller.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>

#include "runtime/abi.h"
#include "runtime/cores.h"

namespace descent::runtime {

class Crew {
 public:
  /// `threads` counts the caller of Run, which is worker 0. The cores are those of the calling
  /// thread; with as many threads as cores each worker is bound to its own while it works.
  explicit Crew(int32_t threads);

  void Run(descent_tile_fn fn, void* arg, int64_t tiles);

  /// Claims tiles as worker `worker` in [1, threads) until Stop.
  void Work(int32_t worker);
  /// Waits until all workers are in Work, at most a second: starting a thread allocates, and steps
  /// must not. Training is right, if slower, with those that come later or never.
  void AwaitWorkers() const;
  void Stop();
  /// Stop, then wait until every Work that began has returned.
  void StopAndWait();

  int32_t threads() const { return threads_; }
  const CoreSet& cores() const { return cores_; }
  bool binds_threads() const { return threads_ > 1 && threads_ == cores_.count(); }

 private:
  void RunSlice(descent_tile_fn fn, void* arg, uint32_t tiles, int64_t first);
  /// Runs tiles of `job` while there are unclaimed ones.
  void ClaimTiles(uint64_t job, int32_t worker);
  /// Runs unclaimed tiles of the range of `owner`; how many.
  uint32_t ClaimRange(uint64_t job, int32_t owner, int32_t worker);
  void WaitUntilDone(uint32_t tiles);

  const int32_t threads_;
  const CoreSet cores_;
  const int spins_;  ///< polls before sleeping; few when threads outnumber cores

  // The job. Written by Run only while no tile is claimed; read by workers that may come late,
  // hence atomic.
  std::atomic<descent_tile_fn> fn_ = nullptr;
  std::atomic<void*> arg_ = nullptr;
  std::atomic<int64_t> first_ = 0;  ///< number of the slice's tile 0
  std::atomic<uint64_t> job_ = 0;   ///< generation << 32 | tiles

  /// Of a worker's range: generation << 32 | next unclaimed tile. One of an older generation means
  /// that the range is untouched.
  struct alignas(64) Ticket {
    std::atomic<uint64_t> value = 0;
  };
  const std::unique_ptr<Ticket[]> tickets_;
  alignas(64) std::atomic<uint32_t> done_ = 0;        ///< finished tiles of the job
  alignas(64) std::atomic<uint32_t> generation_ = 0;  ///< futex of idle workers
  std::atomic<uint32_t> working_ = 0;                 ///< threads inside Work
  std::atomic<bool> stop_ = false;
  std::atomic<bool> busy_ = false;
};

}  // namespace descent::runtime

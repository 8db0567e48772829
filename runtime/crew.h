// Crew: hands the tiles of a kernel to whichever threads are there. It owns no thread; an executor
// brings them (oneTBB's or std::thread's) and lets each call Work.
//
// Invariants
// - Tiles are claimed dynamically from one counter, so who runs what varies; kernels write disjoint
//   outputs, so results do not.
// - Run never depends on a worker's arrival: the caller claims tiles, too, and waits only for
// claimed ones.
// - A claim is a compare-and-swap on (generation, next tile) in one word: a worker that read the
// fields of
//   an older job cannot claim a tile of a newer one.
// - Nothing allocates. Idle threads spin for a while when every thread has a core, then sleep on a
// futex.
// - A second Run while one is under way (another thread, or a nested one) runs serially on its
// caller.
#pragma once

#include <atomic>
#include <cstdint>

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
  /// Runs tiles of job `generation` while there are unclaimed ones.
  void ClaimTiles(uint32_t generation, int32_t worker);
  void WaitUntilDone(uint32_t tiles);

  const int32_t threads_;
  const CoreSet cores_;
  const int spins_;  ///< polls before sleeping; few when threads outnumber cores

  // The job. Written by Run only while no tile is claimed; read by workers that may come late,
  // hence atomic.
  std::atomic<descent_tile_fn> fn_ = nullptr;
  std::atomic<void*> arg_ = nullptr;
  std::atomic<int64_t> first_ = 0;  ///< number of the slice's tile 0
  std::atomic<uint32_t> tiles_ = 0;
  std::atomic<uint32_t> chunk_ = 1;  ///< tiles per claim

  alignas(64) std::atomic<uint64_t> ticket_ = 0;      ///< generation << 32 | next unclaimed tile
  alignas(64) std::atomic<uint32_t> done_ = 0;        ///< finished tiles of the job
  alignas(64) std::atomic<uint32_t> generation_ = 0;  ///< futex of idle workers
  std::atomic<uint32_t> working_ = 0;                 ///< threads inside Work
  std::atomic<bool> stop_ = false;
  std::atomic<bool> busy_ = false;
};

}  // namespace descent::runtime

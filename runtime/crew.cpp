#include "runtime/crew.h"

#include <algorithm>
#include <cfenv>
#include <chrono>
#include <thread>

namespace descent::runtime {
namespace {

constexpr int kPatientSpins = 20000;  // about 300 us: what lies between two kernels of a step
constexpr int64_t kSliceTiles = int64_t{1} << 30;

void Pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

}  // namespace

Crew::Crew(int32_t threads)
    : threads_(threads),
      cores_(CoreSet::OfThisThread()),
      spins_(threads <= cores_.count() ? kPatientSpins : 0) {}

void Crew::Run(descent_tile_fn fn, void* arg, int64_t tiles) {
  if (tiles <= 0) return;
  if (tiles == 1 || threads_ == 1 || busy_.exchange(true, std::memory_order_acquire)) {
    fn(arg, 0, 0, tiles);
    return;
  }
  for (int64_t first = 0; first < tiles; first += kSliceTiles) {
    RunSlice(fn, arg, static_cast<uint32_t>(std::min(kSliceTiles, tiles - first)), first);
  }
  busy_.store(false, std::memory_order_release);
}

void Crew::RunSlice(descent_tile_fn fn, void* arg, uint32_t tiles, int64_t first) {
  fn_.store(fn, std::memory_order_relaxed);
  arg_.store(arg, std::memory_order_relaxed);
  first_.store(first, std::memory_order_relaxed);
  tiles_.store(tiles, std::memory_order_relaxed);
  chunk_.store(std::max<uint32_t>(1, tiles / (8 * static_cast<uint32_t>(threads_))),
               std::memory_order_relaxed);
  done_.store(0, std::memory_order_relaxed);
  uint32_t generation = generation_.load(std::memory_order_relaxed) + 1;
  ticket_.store(uint64_t{generation} << 32, std::memory_order_release);
  generation_.store(generation, std::memory_order_seq_cst);
  generation_.notify_all();
  ClaimTiles(generation, 0);
  WaitUntilDone(tiles);
}

void Crew::ClaimTiles(uint32_t generation, int32_t worker) {
  uint64_t ticket = ticket_.load(std::memory_order_acquire);
  while (static_cast<uint32_t>(ticket >> 32) == generation) {
    descent_tile_fn fn = fn_.load(std::memory_order_relaxed);
    void* arg = arg_.load(std::memory_order_relaxed);
    int64_t first = first_.load(std::memory_order_relaxed);
    uint32_t tiles = tiles_.load(std::memory_order_relaxed);
    uint32_t chunk = chunk_.load(std::memory_order_relaxed);
    uint32_t begin = static_cast<uint32_t>(ticket);
    if (begin >= tiles) return;
    uint32_t end = begin + std::min(chunk, tiles - begin);
    // Success proves that the generation is still current, hence that the fields belong to it.
    if (!ticket_.compare_exchange_weak(ticket, uint64_t{generation} << 32 | end,
                                       std::memory_order_acq_rel, std::memory_order_acquire)) {
      continue;
    }
    fn(arg, worker, first + begin, first + end);
    uint32_t finished = done_.fetch_add(end - begin, std::memory_order_acq_rel) + (end - begin);
    if (finished == tiles && worker != 0) done_.notify_one();
    ticket = ticket_.load(std::memory_order_acquire);
  }
}

void Crew::WaitUntilDone(uint32_t tiles) {
  for (int spin = 0; spin < spins_; ++spin) {
    if (done_.load(std::memory_order_acquire) == tiles) return;
    Pause();
  }
  for (uint32_t done; (done = done_.load(std::memory_order_acquire)) != tiles;) done_.wait(done);
}

void Crew::Work(int32_t worker) {
  working_.fetch_add(1, std::memory_order_acq_rel);
  std::fenv_t caller_environment;
  std::fegetenv(&caller_environment);
  std::fesetenv(FE_DFL_ENV);
  CoreSet caller_cores = CoreSet::OfThisThread();
  if (binds_threads()) cores_.Only(worker).Bind();
  uint32_t seen = 0;
  while (!stop_.load(std::memory_order_acquire)) {
    uint32_t generation = generation_.load(std::memory_order_acquire);
    for (int spin = 0; generation == seen && spin < spins_; ++spin) {
      Pause();
      generation = generation_.load(std::memory_order_acquire);
    }
    if (generation == seen) {
      generation_.wait(seen, std::memory_order_acquire);
      continue;
    }
    seen = generation;
    ClaimTiles(generation, worker);
  }
  if (binds_threads()) caller_cores.Bind();
  std::fesetenv(&caller_environment);
  working_.fetch_sub(1, std::memory_order_acq_rel);
  working_.notify_all();
}

void Crew::AwaitWorkers() const {
  using std::chrono::microseconds;
  for (microseconds waited(0), nap(50); waited < std::chrono::seconds(1); waited += nap) {
    if (working_.load(std::memory_order_acquire) + 1 >= static_cast<uint32_t>(threads_)) return;
    std::this_thread::sleep_for(nap);
  }
}

void Crew::Stop() {
  stop_.store(true, std::memory_order_release);
  generation_.fetch_add(1, std::memory_order_seq_cst);
  generation_.notify_all();
}

void Crew::StopAndWait() {
  Stop();
  for (uint32_t working; (working = working_.load(std::memory_order_acquire)) != 0;) {
    working_.wait(working);
  }
}

}  // namespace descent::runtime

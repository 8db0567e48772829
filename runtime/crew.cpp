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
      spins_(threads <= cores_.count() ? kPatientSpins : 0),
      tickets_(std::make_unique<Ticket[]>(threads)) {}

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
  done_.store(0, std::memory_order_relaxed);
  uint32_t generation = generation_.load(std::memory_order_relaxed) + 1;
  uint64_t job = uint64_t{generation} << 32 | tiles;
  job_.store(job, std::memory_order_release);
  generation_.store(generation, std::memory_order_seq_cst);
  generation_.notify_all();
  ClaimTiles(job, 0);
  WaitUntilDone(tiles);
}

void Crew::ClaimTiles(uint64_t job, int32_t worker) {
  for (int32_t i = 0; i < threads_; ++i) {
    uint32_t ran = ClaimRange(job, (worker + i) % threads_, worker);
    if (ran == 0) continue;
    uint32_t done = done_.fetch_add(ran, std::memory_order_acq_rel) + ran;
    if (worker != 0 && done == static_cast<uint32_t>(job)) done_.notify_one();
  }
}

uint32_t Crew::ClaimRange(uint64_t job, int32_t owner, int32_t worker) {
  const uint64_t generation = job >> 32, tiles = static_cast<uint32_t>(job);
  const auto low = static_cast<uint32_t>(tiles * owner / threads_);
  const auto high = static_cast<uint32_t>(tiles * (owner + 1) / threads_);
  std::atomic<uint64_t>& next = tickets_[owner].value;
  uint32_t ran = 0;
  for (uint64_t ticket = next.load(std::memory_order_acquire);;) {
    auto age = static_cast<int32_t>(static_cast<uint32_t>(generation - (ticket >> 32)));
    uint32_t begin = age == 0 ? static_cast<uint32_t>(ticket) : low;
    if (age < 0 || begin >= high) return ran;
    // Neighbouring tiles share what they have packed; what is left can be taken over.
    uint32_t end = begin + std::max((high - begin) / 2, 1u);
    descent_tile_fn fn = fn_.load(std::memory_order_relaxed);
    void* arg = arg_.load(std::memory_order_relaxed);
    int64_t first = first_.load(std::memory_order_relaxed);
    if (!next.compare_exchange_weak(ticket, generation << 32 | end, std::memory_order_acq_rel,
                                    std::memory_order_acquire)) {
      continue;
    }
    fn(arg, worker, first + begin, first + end);
    ran += end - begin;
    ticket = next.load(std::memory_order_acquire);
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
    ClaimTiles(job_.load(std::memory_order_acquire), worker);
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

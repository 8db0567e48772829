#include "tests/compiler/oracle/fuzz_run.h"

#include <fmt/ranges.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <memory>
#include <new>

#include "tests/compiler/oracle/case_file.h"
#include "tests/compiler/oracle/random_case.h"
#include "tests/compiler/oracle/random_graph.h"
#include "tests/ir/samples/samples.h"

namespace descent {
namespace {

constexpr int64_t kBatch = 50;
constexpr unsigned kSecondsPerGraph = 60;  ///< of computation; ten times as many on the clock
constexpr int64_t kLeastUses = 20;
constexpr size_t kMaxOperators = 1024;
constexpr size_t kMaxFindings = 64;  ///< of a batch

/// Text of bounded length in shared memory.
template <size_t kSize>
struct SharedText {
  std::array<char, kSize> data{};
  void Set(std::string_view text) {
    const size_t length = std::min(text.size(), kSize - 1);
    std::copy_n(text.data(), length, data.data());
    data[length] = 0;
  }
};

struct Finding {
  uint64_t seed = 0;
  SharedText<160> options;
  SharedText<600> what;
};

/// What children report. One child runs at a time.
struct Shared {
  int64_t next = 0;  ///< graphs that are done, or being done
  int64_t trained = 0, gradients = 0, second = 0, padded = 0, refused = 0;
  int64_t elements = 0, decided = 0, floats = 0, finite = 0;
  std::array<int64_t, 48>
      bounds{};  ///< tensors by -log10 of their median relative bound, in halves
  std::array<int64_t, kMaxOperators> uses{};
  size_t findings = 0;
  std::array<Finding, kMaxFindings> found;
};

class SharedMemory {
 public:
  SharedMemory() {
    void* place =
        mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    DESCENT_CHECK(place != MAP_FAILED, "shared memory");
    shared_ = new (place) Shared;
  }
  ~SharedMemory() { munmap(shared_, sizeof(Shared)); }
  Shared& operator*() { return *shared_; }
  Shared* operator->() { return shared_; }

 private:
  Shared* shared_;
};

/// In a child: ends it with a signal when the graph takes too long, on a busy machine, too.
void LimitTime() {
  const itimerval limit{.it_interval = {}, .it_value = {.tv_sec = kSecondsPerGraph, .tv_usec = 0}};
  setitimer(ITIMER_PROF, &limit, nullptr);
  alarm(10 * kSecondsPerGraph);
}

/// Runs `work` in a child; its exit status, or -1 if it did not end by itself.
template <typename Work>
int InChild(Work work) {
  std::fflush(nullptr);
  const pid_t child = fork();
  DESCENT_CHECK(child >= 0, "fork");
  if (child == 0) {
    work();
    std::fflush(nullptr);
    _exit(0);
  }
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

std::vector<const OpDef*> Registry() {
  std::vector<const OpDef*> ops;
  for (const OpFamily& family : OpFamilies())
    for (const OpDef& op : family.ops) ops.push_back(&op);
  DESCENT_CHECK(ops.size() <= kMaxOperators, "more operators than are counted");
  return ops;
}

Tamper Injection(double relative, uint64_t seed) {
  if (relative == 0) return {};
  return [=](KernelProgram& program) { Perturb(program, seed, relative); };
}

class FuzzRun {
 public:
  explicit FuzzRun(const FuzzOptions& options) : options_(options) {}

  FuzzResult Run() {
    while (shared_->next < options_.graphs && !OutOfTime()) RunBatch();
    result_.graphs = shared_->next;
    Report();
    fmt::print("{} graphs, {} mismatches, {} crashes\n", result_.graphs, result_.mismatches,
               result_.crashes);
    return result_;
  }

 private:
  double Seconds() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  }
  bool OutOfTime() const { return options_.minutes > 0 && Seconds() > 60 * options_.minutes; }

  void RunBatch() {
    shared_->findings = 0;
    const int64_t end = std::min(shared_->next + kBatch, options_.graphs);
    const int status = InChild([&] {
      while (shared_->next < end && shared_->findings < kMaxFindings) {
        LimitTime();
        CheckSeed(options_.seed + static_cast<uint64_t>(shared_->next++));
      }
    });
    for (size_t i = 0; i < shared_->findings; ++i) ReportMismatch(shared_->found[i]);
    if (status != 0) ReportCrash(options_.seed + static_cast<uint64_t>(shared_->next) - 1);
  }

  /// In the child.
  void CheckSeed(uint64_t seed) {
    const OracleCase one = RandomCase(seed);
    Count(one);
    const OptionSet sets[] = {OptionSet(), DrawOptions(seed)};
    const CheckReport report = Check(one, sets, Injection(options_.injected, seed));
    shared_->refused += !report.refused.empty();
    const Sharpness& sharpness = report.sharpness;
    shared_->elements += sharpness.elements, shared_->decided += sharpness.decided;
    shared_->floats += sharpness.floats, shared_->finite += sharpness.finite;
    for (const double bound : sharpness.relative) {
      const double place = bound > 0 ? std::clamp(-2 * std::log10(bound), 0.0, 47.0) : 47;
      ++shared_->bounds[static_cast<size_t>(place)];
    }
    if (report.failure.empty()) return;
    Finding& finding = shared_->found[shared_->findings++];
    finding.seed = seed;
    finding.options.Set(ToString(report.options));
    finding.what.Set(report.failure);
  }

  void Count(const OracleCase& one) {
    shared_->trained += one.model.has_loss();
    shared_->padded += one.model.batch > 0;
    shared_->second += std::ranges::any_of(one.model.graph.outputs(), [](const NamedValue& output) {
      return output.name.starts_with(kSecondPrefix);
    });
    std::vector<bool> used(registry_.size());
    bool backward = false;
    for (const Node& node : one.model.graph.nodes()) {
      used[std::ranges::find(registry_, node.op) - registry_.begin()] = true;
      backward |= node.label.section == Section::kBackward;
    }
    shared_->gradients += backward;
    for (size_t i = 0; i < used.size(); ++i) shared_->uses[i] += used[i];
  }

  void ReportMismatch(const Finding& finding) {
    ++result_.mismatches;
    fmt::print("mismatch: seed {}, {}: {}\n", finding.seed, finding.options.data.data(),
               finding.what.data.data());
    WriteReduced(finding.seed, *ParseOptions(finding.options.data.data()));
  }

  void ReportCrash(uint64_t seed) {
    ++result_.crashes;
    fmt::print("crash or hang: seed {}\n", seed);
    for (const OptionSet& set : {OptionSet(), DrawOptions(seed)})
      if (WriteReduced(seed, set)) return;
  }

  /// Whether the case fails with these options.
  bool WriteReduced(uint64_t seed, const OptionSet& options) {
    std::fflush(stdout);
    if (++reductions_ > options_.reduced) return true;
    const std::string path = fmt::format("{}/descent-fuzz-{}.descent", options_.folder, seed);
    // The generator itself may be what crashes: it runs apart, too.
    const int status = InChild([&] {
      const OracleCase one = RandomCase(seed);
      const Tamper tamper = Injection(options_.injected, seed);
      const Fails fails = [&](const OracleCase& smaller, const OptionSet& set) {
        return !CheckApart(smaller, set, tamper).empty();
      };
      if (!fails(one, options)) _exit(1);
      const ReducedCase reduced = Reduce(one, options, fails);
      std::ofstream(path) << PrintCase({reduced.one, reduced.options});
      fmt::print("  reduced to {} nodes in {}, {}: {}\n", reduced.one.model.graph.nodes().size(),
                 path, ToString(reduced.options), CheckApart(reduced.one, reduced.options, tamper));
    });
    if (status > 1 || status < 0) fmt::print("  it cannot be reduced: the generator crashes\n");
    return status == 0;
  }

  void Report() {
    const auto percent = [](int64_t part, int64_t whole) {
      return whole == 0 ? 100.0 : 100.0 * static_cast<double>(part) / static_cast<double>(whole);
    };
    fmt::print("graphs     {} with gradients, {} with second ones, {} trained, {:.1f} a second\n",
               shared_->gradients, shared_->second, shared_->trained,
               static_cast<double>(shared_->next) / Seconds());
    fmt::print("batches    {} with padded rows, {} of them refused\n", shared_->padded,
               shared_->refused);
    fmt::print("elements   {}, {:.2f} % decided\n", shared_->elements,
               percent(shared_->decided, shared_->elements));
    fmt::print("finite     {:.2f} % of {} floats\n", percent(shared_->finite, shared_->floats),
               shared_->floats);
    fmt::print("bounds     median 1e-{:.1f} of a tensor's magnitude\n", MedianBound());
    std::vector<std::string> rare;
    int64_t often = 0;
    for (size_t i = 0; i < registry_.size(); ++i) {
      if (shared_->uses[i] >= kLeastUses)
        ++often;
      else
        rare.push_back(fmt::format("{} {}", registry_[i]->name, shared_->uses[i]));
    }
    fmt::print("operators  {} of {} in at least {} graphs{}{}\n", often, registry_.size(),
               kLeastUses, rare.empty() ? "" : "; fewer: ", fmt::join(rare, ", "));
  }

  double MedianBound() {
    int64_t all = 0, below = 0;
    for (const int64_t count : shared_->bounds) all += count;
    for (size_t i = 0; i < shared_->bounds.size(); ++i)
      if ((below += shared_->bounds[i]) * 2 >= all) return static_cast<double>(i) / 2;
    return 0;
  }

  const FuzzOptions options_;
  const std::vector<const OpDef*> registry_ = Registry();
  const std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  SharedMemory shared_;
  FuzzResult result_;
  int64_t reductions_ = 0;
};

}  // namespace

std::string CheckApart(const OracleCase& one, const OptionSet& options, const Tamper& tamper) {
  SharedMemory shared;
  const int status = InChild([&] {
    LimitTime();
    shared->found[0].what.Set(Check(one, {&options, 1}, tamper).failure);
  });
  return status == 0 ? shared->found[0].what.data.data() : "crashes or hangs";
}

FuzzResult RunFuzz(const FuzzOptions& options) { return FuzzRun(options).Run(); }

}  // namespace descent

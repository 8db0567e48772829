#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <chrono>
#include "ir/io/text_parser.h"
#include "tests/compiler/oracle/network_check.h"
#include "tests/compiler/oracle/random_network.h"
using namespace descent;
int main(int argc, char** argv) {
  const uint64_t from = std::atoll(argv[1]), to = std::atoll(argv[2]);
  NetworkOptions o; if (argc > 3) o.work = std::atoll(argv[3]); if (argc > 4) o.layers = std::atoll(argv[4]);
  NetworkCounts counts; int bad = 0, refused = 0;
  const auto start = std::chrono::steady_clock::now();
  for (uint64_t seed = from; seed < to; ++seed) {
    const std::string text = RandomNetwork(seed, o);
    if (argc > 5) { printf("%s", text.c_str()); fflush(stdout); }
    auto model = ParseText(text, "n.descent");
    if (!model) { ++refused; printf("REFUSED %lu %s\n", seed, model.error().ToString().c_str()); continue; }
    NetworkWays ways;
    const int jits = getenv("JITS") ? std::atoi(getenv("JITS")) : 1;
    if (jits > 0) ways.compiled = {OptionSet()}; if (getenv("SMALL")) ways.compiled[0].small_caches = true;
    for (int i = 1; i < jits; ++i) { ways.compiled.push_back(DrawOptions(seed + i * 1000000)); if (i == 1) ways.compiled.back().small_caches = true; }
    ways.interpreted = {OptionSet()};
    if (seed % 2) { ways.interpreted.push_back(OptionSet()); ways.interpreted[1].fuse = false; }
    const auto report = CheckNetwork(*model, ways);
    counts.Add(report.counts);
    if (seed % 50 == 0) { fprintf(stderr, "at %lu: programs %d ordered %d copies %d windowed %d contractions %d\n", seed, counts.programs, counts.ordered_slots, counts.operand_copies, counts.windowed, counts.contractions); }
    if (!report.failure.empty()) { ++bad; printf("BAD seed %lu: %s\n", seed, report.failure.c_str()); fflush(stdout); }
  }
  printf("%lu..%lu bad %d refused %d programs %d ordered %d copies %d windowed %d contractions %d, %.1f s\n", from, to, bad, refused, counts.programs, counts.ordered_slots, counts.operand_copies, counts.windowed, counts.contractions, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
}

// Random convolutional networks, trained, evaluated and asked for predictions over one state:
// lowered and interpreted, and compiled in two ways, against the interpreter.
#include <gtest/gtest.h>

#include "ir/io/text_parser.h"
#include "tests/compiler/oracle/network_check.h"
#include "tests/compiler/oracle/random_network.h"

namespace descent {
namespace {

Model NetworkOf(uint64_t seed, const NetworkOptions& options = {.layers = 4, .work = 50000}) {
  auto model = ParseText(RandomNetwork(seed, options), "network.descent");
  DESCENT_CHECK(model.has_value(), model.error().ToString());
  return *std::move(model);
}

OptionSet SmallCaches(uint64_t seed) {
  OptionSet options = DrawOptions(seed);
  options.small_caches = options.winograd = options.guards = true;
  return options;
}

TEST(RandomNetworks, GiveTheInterpretersValues) {
  NetworkCounts counts;
  for (uint64_t seed = 52; seed < 60; ++seed) {
    const NetworkReport report =
        CheckNetwork(NetworkOf(seed, {.layers = 4, .work = 150000}),
                     {.compiled = {OptionSet(), SmallCaches(seed)}, .interpreted = {{}}});
    EXPECT_EQ(report.failure, "") << "seed " << seed;
    counts.Add(report.counts);
  }
  // What the networks are for.
  EXPECT_GE(counts.ordered_slots, 15);
  EXPECT_GE(counts.operand_copies, 10);
  EXPECT_GE(counts.windowed, 5);
  EXPECT_GE(counts.winograd, 5);
}

/// Of networks that only the program interpreter runs there can be more.
TEST(RandomNetworks, LoweredGiveTheInterpretersValues) {
  OptionSet unfused, winograd;
  unfused.fuse = false;
  winograd.winograd = true;
  for (uint64_t seed = 100; seed < 115; ++seed) {
    const NetworkReport report = CheckNetwork(NetworkOf(seed, {.layers = 5, .work = 20000}),
                                              {{}, {OptionSet(), unfused, winograd}});
    EXPECT_EQ(report.failure, "") << "seed " << seed;
  }
}

/// Of f32 networks, the others stay as they are.
TEST(RandomNetworks, InBf16GiveTheRoundingInterpretersValues) {
  OptionSet unfused;
  unfused.fuse = false;
  for (uint64_t seed = 200; seed < 212; ++seed) {
    const NetworkReport report = CheckNetwork(NetworkOf(seed, {.layers = 4, .work = 50000}),
                                              {.compiled = {OptionSet(), SmallCaches(seed)},
                                               .interpreted = {unfused},
                                               .precision = FactorPrecision::kBF16});
    EXPECT_EQ(report.failure, "") << "seed " << seed;
  }
}

/// A network whose filters have an order of their own.
Model OrderedNetwork() {
  for (uint64_t seed = 0;; ++seed)
    if (CheckNetwork(NetworkOf(seed), {{}, {OptionSet()}}).counts.ordered_slots > 0)
      return NetworkOf(seed);
}

TEST(RandomNetworks, WrongKernelsAreFound) {
  const Model network = OrderedNetwork();
  const NetworkWays ways{{}, {OptionSet()}};
  const auto perturbed = [](KernelProgram& program) {
    for (uint64_t kernel = 0; kernel < program.kernels.size(); ++kernel)
      Perturb(program, kernel, 0.1);
  };
  EXPECT_EQ(CheckNetwork(network, ways).failure, "");
  EXPECT_NE(CheckNetwork(network, ways, perturbed).failure, "");
}

TEST(RandomNetworks, SlotsThatLieOtherwiseThanTheySayAreFound) {
  const auto row_major = [](KernelProgram& program) {
    for (StateSlot& slot : program.state) slot.order.clear();
  };
  const NetworkReport report = CheckNetwork(OrderedNetwork(), {{OptionSet()}, {}}, row_major);
  EXPECT_NE(report.failure, "");
}

/// Networks differ, and are the same for the same seed.
TEST(RandomNetworks, FollowFromTheirSeeds) {
  EXPECT_EQ(RandomNetwork(3), RandomNetwork(3));
  EXPECT_NE(RandomNetwork(3), RandomNetwork(4));
}

}  // namespace
}  // namespace descent

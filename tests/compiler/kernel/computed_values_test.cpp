#include "compiler/kernel/computed_values.h"

#include <gtest/gtest.h>

namespace descent {
namespace {

const TensorType kVector{DType::kF32, {4}};

/// Kernel 0 writes a float, kernel 1 an integer, kernel 2 two floats, kernel 3 no element.
std::vector<Kernel> Kernels() {
  const KernelParameter read{kVector, false}, written{kVector, true};
  std::vector<Kernel> kernels(4);
  kernels[0].parameters = {read, written};
  kernels[1].parameters = {read, {{DType::kI64, {4}}, true}};
  kernels[2].parameters = {read, written, written};
  kernels[3].parameters = {read, {{DType::kF32, {0}}, true}};
  return kernels;
}

Step Call(int kernel, std::vector<int> buffers) {
  KernelCall call{.kernel = kernel};
  for (const int buffer : buffers) call.arguments.push_back({buffer});
  call.names.arguments.resize(buffers.size());
  return {call};
}

using Arguments = std::map<const KernelCall*, std::vector<int>>;

Arguments ArgumentsOf(const EntryProgram& entry) {
  Arguments arguments;
  for (const auto& [call, values] : ComputedValues(entry, Kernels()))
    for (const ComputedValue& value : values) arguments[call].push_back(value.argument);
  return arguments;
}

const KernelCall* CallOf(const Step& step) { return &std::get<KernelCall>(step.what); }

TEST(ComputedValues, TheLastOfSeveralWritersCompletesABuffer) {
  EntryProgram entry{.steps = {Call(0, {0, 1}), Call(2, {0, 1, 2}), Call(0, {2, 3})}};
  const Arguments expected = {{CallOf(entry.steps[1]), {1, 2}}, {CallOf(entry.steps[2]), {1}}};
  EXPECT_EQ(ArgumentsOf(entry), expected);
}

TEST(ComputedValues, IntegersAndEmptyBuffersAreNoValuesToShow) {
  EntryProgram entry{.steps = {Call(1, {0, 1}), Call(3, {0, 2})}};
  EXPECT_EQ(ArgumentsOf(entry), Arguments());
}

TEST(ComputedValues, BothSidesOfABranchCompleteItsResult) {
  const Branch branch{.then_steps = {Call(0, {0, 1})}, .else_steps = {Call(0, {2, 1})}};
  EntryProgram entry{.steps = {{branch}, Call(0, {1, 3})}};
  const auto& sides = std::get<Branch>(entry.steps[0].what);
  EXPECT_EQ(ArgumentsOf(entry), (Arguments{{CallOf(sides.then_steps[0]), {1}},
                                           {CallOf(sides.else_steps[0]), {1}},
                                           {CallOf(entry.steps[1]), {1}}}));
}

TEST(ComputedValues, WhatIsWrittenBehindALoopIsNotWholeInIt) {
  const Loop loop{.trip_count = 3, .body = {Call(0, {0, 1}), Call(0, {0, 2})}};
  EntryProgram entry{.steps = {{loop}, Call(0, {2, 1})}};
  const auto& body = std::get<Loop>(entry.steps[0].what).body;
  EXPECT_EQ(ArgumentsOf(entry), (Arguments{{CallOf(body[1]), {1}}, {CallOf(entry.steps[1]), {1}}}));
}

/// Of what is computed in the order a, b, c, next.W the second and the last are stored.
TEST(ComputedValues, NamesTellTheOrderAndWhatStaysUnseen) {
  EntryProgram entry{.steps = {Call(2, {0, 1, 2})}};
  ValueNames& names = std::get<KernelCall>(entry.steps[0].what).names;
  names = {.arguments = {"x", "next.W", "b"}, .covered = {"a", "b", "c", "next.W"}};
  const std::vector<ComputedValue> expected = {{2, {"a"}}, {1, {"a", "c"}}};
  EXPECT_EQ(ComputedValues(entry, Kernels()).at(CallOf(entry.steps[0])), expected);
  // What has no name of its own, as gradients have, comes last.
  names.arguments[1] = "%31";
  const std::vector<ComputedValue> unnamed = {{2, {"a"}}, {1, {"a", "c", "next.W"}}};
  EXPECT_EQ(ComputedValues(entry, Kernels()).at(CallOf(entry.steps[0])), unnamed);
}

}  // namespace
}  // namespace descent

#include <gtest/gtest.h>

#include "compiler/kernel/attention.h"
#include "compiler/kernel/schedule.h"
#include "tests/compiler/codegen/kernel_testing.h"

namespace descent {
namespace {

struct Case {
  Shape q, k, v;
  bool causal = false;
  std::optional<TensorType> mask = std::nullopt;
  DType dtype = DType::kF32;
};

/// The three kernels of one case, scheduled for this machine.
std::vector<Kernel> KernelsOf(const Case& c) {
  const auto type = [&](Shape shape) { return TensorType{c.dtype, std::move(shape)}; };
  Shape out = c.q;
  out.back() = c.v.back();
  const TensorType row = type({c.q.begin(), c.q.end() - 1});
  std::vector<TensorType> forward = {type(c.q), type(c.k), type(c.v)};
  std::vector<TensorType> backward = forward;
  backward.insert(backward.end(), {row, type(out), row});
  std::vector<int> few = {0, 1, 2}, many = {0, 1, 2, 3, 4, 5};
  if (c.mask) {
    forward.push_back(*c.mask);
    backward.push_back(*c.mask);
    few.push_back(3);
    many.push_back(6);
  }
  const Attributes attributes = {{"causal", c.causal}, {"scale", 0.0}};
  std::vector<Kernel> kernels = {
      MakeAttention({forward, attributes}, few, {10, 11}).kernel,
      MakeAttentionGradient({backward, attributes}, AttentionSweep::kQueryGradient, many, {10})
          .kernel,
      MakeAttentionGradient({backward, attributes}, AttentionSweep::kKeyGradient, many, {10, 11})
          .kernel};
  for (Kernel& kernel : kernels) {
    Schedule(kernel, NativeTarget().facts);
    kernel.schedule.parallel = true;
    kernel.name = "test_attention";
  }
  return kernels;
}

void Check(const Case& c) {
  for (const Kernel& kernel : KernelsOf(c)) {
    SCOPED_TRACE(fmt::format("q {} k {} sweep {}", ToString(c.q), ToString(c.k),
                             static_cast<int>(kernel.as<AttentionForm>().sweep)));
    ExpectMatchesReference(kernel, Patterns(kernel), c.dtype == DType::kF32 ? 2e-5 : 1e-12);
  }
}

TEST(AttentionEmitter, LengthsAroundTheBlocks) {
  for (const int64_t queries : {1, 15, 16, 17, 64, 65, 130})
    for (const int64_t keys : {1, 16, 65, 131})
      Check({{2, queries, 16}, {2, keys, 16}, {2, keys, 16}});
}

TEST(AttentionEmitter, CausalLengthsAroundTheBlocks) {
  for (const int64_t queries : {1, 17, 65, 130})
    for (const int64_t keys : {1, 16, 65, 131})
      Check({{2, queries, 8}, {2, keys, 8}, {2, keys, 8}, true});
}

TEST(AttentionEmitter, Widths) {
  for (const int64_t width : {1, 3, 16, 33})
    for (const int64_t value_width : {1, 7, 48})
      Check({{1, 33, width}, {1, 40, width}, {1, 40, value_width}});
}

TEST(AttentionEmitter, GroupsMasksAndDoubles) {
  for (const DType dtype : {DType::kF32, DType::kF64}) {
    Check({{2, 6, 70, 8}, {2, 2, 90, 8}, {2, 2, 90, 12}, true, std::nullopt, dtype});
    for (const DType mask : {DType::kBool, dtype})
      for (const Shape& shape : std::vector<Shape>{
               {}, {70, 90}, {90}, {70, 1}, {2, 1, 1, 90}, {6, 1, 1}, {2, 6, 70, 90}})
        Check({{2, 6, 70, 4}, {2, 3, 90, 4}, {2, 3, 90, 4}, false, TensorType{mask, shape}, dtype});
  }
}

TEST(AttentionEmitter, ScratchHoldsBlocksOnly) {
  for (const int64_t length : {1024, 1 << 20})
    for (const Kernel& kernel : KernelsOf({{4, length, 64}, {4, length, 64}, {4, length, 64}}))
      EXPECT_LE(kernel.scratch_bytes, 128 << 10);
}

}  // namespace
}  // namespace descent

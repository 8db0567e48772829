// Every operator's samples in the other element types: compiled values lie within their error
// bounds.

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <random>

#include "compiler/graph/expand.h"
#include "ir/float16.h"
#include "runtime/float16.h"
#include "tests/compiler/compiled_entry.h"
#include "tests/compiler/oracle/error_bounds.h"
#include "tests/compiler/kernel/sample_graphs.h"
#include "tests/ir/samples/parameters.h"

namespace descent {
namespace {

/// The sample with operands and attributes of type `from` as `to`.
OpSample Retyped(OpSample sample, DType from, DType to) {
  for (TensorType& type : sample.operands)
    if (type.dtype == from) type.dtype = to;
  Attributes attributes;
  for (const auto& [name, value] : sample.attributes) {
    const DType* dtype = std::get_if<DType>(&value);
    attributes.Set(name, dtype != nullptr && *dtype == from ? Attribute(to) : value);
  }
  sample.attributes = std::move(attributes);
  return sample;
}

bool Has(const OpSample& sample, DType dtype) {
  return std::ranges::any_of(sample.operands,
                             [&](const TensorType& type) { return type.dtype == dtype; });
}

struct Counts {
  int64_t elements = 0, decided = 0;
};

void CheckTensor(const Tensor& got, const BoundedArray& bounds, const std::string& what,
                 Counts& counts) {
  ASSERT_EQ(got.type(), bounds.type) << what;
  for (int64_t i = 0; i < got.elements(); ++i) {
    const Bounded& cell = bounds.cells[i];
    ++counts.elements;
    if (cell.undecided) continue;
    ++counts.decided;
    if (!Info(got.dtype()).is_float)
      ASSERT_EQ(got.GetInt(i), cell.integer) << what << " element " << i;
    else if (std::isfinite(cell.value))
      ASSERT_LE(std::abs(got.GetDouble(i) - cell.value), cell.error)
          << what << " element " << i << ": " << got.GetDouble(i) << " for " << cell.value;
    else
      ASSERT_EQ(got.GetDouble(i), cell.value) << what << " element " << i;
  }
}

void CheckSample(const OpSample& sample, Counts& counts) {
  SCOPED_TRACE(Describe(sample));
  const auto graph = GraphWithGradients(sample);
  ASSERT_TRUE(graph) << graph.error().message;
  const auto expanded = ExpandGraph(*graph);
  ASSERT_TRUE(expanded) << expanded.error().message;
  const std::vector<Tensor> inputs = SampleOperands(sample);
  const auto bounds = BoundErrors(*expanded, inputs, kSampleValues);
  const Lowered lowered = LowerModel(RunModel(*expanded), true);
  std::vector<std::byte> state = SampleState(lowered.program);
  const ProgramRun run = CompiledRunner()(lowered.program, state, inputs, kSampleValues.valid_rows);
  EXPECT_EQ(run.bad_index, sample.bad_index);
  ASSERT_EQ(run.outputs.size(), bounds.size());
  for (size_t i = 0; i < bounds.size(); ++i)
    CheckTensor(run.outputs[i], bounds[i], expanded->outputs()[i].name, counts);
}

class DTypes : public testing::TestWithParam<Operator> {
 protected:
  /// Bodies have types of their own.
  bool HasBody() const { return GetParam().op->control != Control::kNone; }

  /// Each sample with operands of `from` in one of the other types, in turn.
  void CheckSamples(DType from, std::span<const DType> types) {
    if (HasBody()) return;
    Counts counts;
    size_t number = 0;
    for (const OpSample& sample : SamplesOf(*GetParam().op))
      if (Has(sample, from))
        CheckSample(Retyped(sample, from, types[number++ % types.size()]), counts);
    EXPECT_GE(counts.decided, counts.elements / 2);
  }
};
INSTANTIATE_TEST_SUITE_P(All, DTypes, testing::ValuesIn(AllOperators()), OperatorName());

TEST_P(DTypes, SamplesOfFloatsIn16Bits) {
  CheckSamples(DType::kF32, std::array{DType::kBF16, DType::kF16});
}

TEST_P(DTypes, SamplesOfIntegersInEveryWidth) {
  constexpr std::array kTypes = {DType::kI8, DType::kU64, DType::kI16, DType::kU32, DType::kU16};
  CheckSamples(DType::kI32, kTypes);
  CheckSamples(DType::kI64, kTypes);
}

/// The compiler's and the runtime's conversions share no code.
TEST(Float16, RuntimeAndCompilerConvertAlike) {
  const auto same = [](uint16_t a, uint16_t b) { return a == b; };
  for (int i = 0; i < 0x10000; ++i) {
    const auto bits = static_cast<uint16_t>(i);
    const runtime::BFloat16 b = std::bit_cast<runtime::BFloat16>(bits);
    const runtime::Half h = std::bit_cast<runtime::Half>(bits);
    const double as_b = FromBits16(DType::kBF16, bits), as_h = FromBits16(DType::kF16, bits);
    ASSERT_TRUE(b.Number() == as_b || (std::isnan(b.Number()) && std::isnan(as_b))) << bits;
    ASSERT_TRUE(h.Number() == as_h || (std::isnan(h.Number()) && std::isnan(as_h))) << bits;
  }
  std::mt19937_64 random(3);
  for (int i = 0; i < 100000; ++i) {
    const auto value = std::bit_cast<double>(random());
    const double near = std::ldexp(static_cast<double>(static_cast<int64_t>(random())),
                                   static_cast<int>(random() % 64) - 80);
    for (const double x : {value, near}) {
      ASSERT_PRED2(same, runtime::BFloat16(x).bits, ToBits16(DType::kBF16, x)) << x;
      ASSERT_PRED2(same, runtime::Half(x).bits, ToBits16(DType::kF16, x)) << x;
    }
  }
}

}  // namespace
}  // namespace descent

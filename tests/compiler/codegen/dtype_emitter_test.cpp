// Arithmetic and casts of every element type, compiled, on the values at their limits: bit for bit
// what the reference gives.

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>

#include "compiler/codegen/codegen.h"
#include "ir/float16.h"
#include "tests/compiler/codegen/kernel_testing.h"

namespace descent {
namespace {

using enum ScalarOp;

/// Values at the limits of every integer type, wrapped to the type's own.
std::vector<int64_t> SpecialIntegers(DType dtype) {
  std::vector<int64_t> values = {LowestInteger(dtype), HighestInteger(dtype), 0, 1, -1, 2, 3, -7};
  for (int bits : {7, 8, 15, 16, 24, 31, 32, 53, 63})
    for (int64_t beside : {-1, 0, 1})
      values.push_back(static_cast<int64_t>((uint64_t{1} << bits) + static_cast<uint64_t>(beside)));
  for (int64_t& value : values) value = WrapInteger(dtype, value);
  return values;
}

std::vector<double> SpecialFloats() {
  std::vector<double> values = {0.0,   -0.0,   0.5,    -0.5, 0.1,      1.9,
                                -1.9,  255.5,  3e9,    -3e9, 1e19,     -1e19,
                                1e300, -1e300, 1e-300, NAN,  INFINITY, -INFINITY};
  for (int bits : {7, 8, 11, 15, 16, 31, 32, 63, 64})
    for (double beside : {-1.0, -0.5, 0.0, 0.5, 1.0})
      values.push_back(std::ldexp(1, bits) + beside);
  for (const DType dtype : {DType::kF32, DType::kBF16, DType::kF16})
    for (const double value :
         {LargestFinite(dtype), SmallestNormal(dtype), SmallestDenormal(dtype)})
      for (const double factor : {0.5, 0.5000001, 0.99, 1.0, 1.001, 1.5, 3.0, -1.0})
        values.push_back(value * factor);
  // Ties of the 16-bit floats, and neighbours that only f32 or f64 tells from them.
  for (const double unit : {0x1p-8, 0x1p-11})
    for (const double n : {1.0, 3.0})
      for (const double beside : {0.0, 0x1p-20, -0x1p-20, 0x1p-40, -0x1p-40})
        values.push_back(1 + n * unit + beside);
  return values;
}

/// Every pair of values once, as two operands.
std::pair<std::vector<int64_t>, std::vector<int64_t>> Pairs(const std::vector<int64_t>& values) {
  std::pair<std::vector<int64_t>, std::vector<int64_t>> pairs;
  for (const int64_t a : values)
    for (const int64_t b : values) {
      pairs.first.push_back(a);
      pairs.second.push_back(b);
    }
  return pairs;
}

TEST(DTypeEmitter, IntegerArithmeticWrapsAndNeverTraps) {
  for (const DTypeInfo& info : AllDTypes()) {
    if (!info.is_integer) continue;
    SCOPED_TRACE(info.name);
    const auto [a, b] = Pairs(SpecialIntegers(info.dtype));
    const TensorType type{info.dtype, {static_cast<int64_t>(a.size())}};
    const Scalar x = ReadScalar(0, info.dtype), y = ReadScalar(1, info.dtype);
    std::vector<Scalar> results = {Call(kNeg, {x}), Call(kAbs, {x})};
    for (const ScalarOp op : {kAdd, kSub, kMul, kDiv, kMin, kMax, kEq, kNe, kLt, kLe, kGt, kGe})
      results.push_back(Call(op, {x, y}));
    const Kernel kernel =
        ElementwiseKernel("integers", type.shape, {info.dtype, info.dtype}, results);
    std::vector<Tensor> values = Patterns(kernel);
    values[0] = Tensor::FromInts(type, a);
    values[1] = Tensor::FromInts(type, b);
    ExpectMatchesReference(kernel, values, 0);
  }
}

TEST(DTypeEmitter, CastsOfEveryPairOfTypes) {
  for (const DTypeInfo& from : AllDTypes()) {
    SCOPED_TRACE(from.name);
    std::vector<Scalar> results;
    for (const DTypeInfo& to : AllDTypes())
      if (to.dtype != from.dtype) results.push_back(Cast(to.dtype, ReadScalar(0, from.dtype)));
    const std::vector<double> floats = SpecialFloats();
    const std::vector<int64_t> integers = SpecialIntegers(from.dtype);
    const TensorType type{from.dtype,
                          {static_cast<int64_t>(from.is_float ? floats.size() : integers.size())}};
    const Kernel kernel = ElementwiseKernel("casts", type.shape, {from.dtype}, results);
    std::vector<Tensor> values = Patterns(kernel);
    values[0] =
        from.is_float ? Tensor::FromDoubles(type, floats) : Tensor::FromInts(type, integers);
    ExpectMatchesReference(kernel, values, 0);
  }
}

/// All 2^16 values there and back, and each size around the vector width.
TEST(DTypeEmitter, Float16SurvivesLoadsAndStores) {
  for (const DType dtype : {DType::kBF16, DType::kF16})
    for (const int64_t count : {1, 3, 7, 8, 9, 15, 16, 17, 31, 33, 65536}) {
      const TensorType type{dtype, {count}};
      const Kernel kernel = ElementwiseKernel("copy", type.shape, {dtype}, {ReadScalar(0, dtype)});
      std::vector<std::byte> bytes(type.bytes());
      for (int64_t i = 0; i < count; ++i) {
        auto bits = static_cast<uint16_t>(i);
        // Signaling NaNs become quiet in f16's conversion; they are not of interest.
        if (std::isnan(FromBits16(dtype, bits))) bits = ToBits16(dtype, NAN);
        std::memcpy(bytes.data() + 2 * i, &bits, 2);
      }
      std::vector<Tensor> values = Patterns(kernel);
      values[0] = Tensor(type, bytes);
      EXPECT_EQ(RunCompiled(kernel, values).values[1], values[0]) << count;
    }
}

TEST(DTypeEmitter, ConversionsCallNothing) {
  for (const char* target : {"x86-64-v2", "x86-64-v3", "x86-64-v4", "sapphirerapids"}) {
    for (const DTypeInfo& from : AllDTypes()) {
      std::vector<Scalar> results;
      for (const DTypeInfo& to : AllDTypes())
        if (to.dtype != from.dtype) results.push_back(Cast(to.dtype, ReadScalar(0, from.dtype)));
      const Kernel kernel = ElementwiseKernel("casts", {1003}, {from.dtype}, results);
      const auto assembly =
          EmitAssembly(ProgramOf(kernel), **ResolveTarget(target), {.sanitizer = Sanitizer::kNone});
      ASSERT_TRUE(assembly.has_value());
      for (const char* name : {"__trunc", "__extend", "__float", "__fix", "@PLT", "@GOTPCREL"})
        EXPECT_EQ(assembly->find(name), std::string::npos)
            << name << " for " << target << ", from " << from.name;
    }
  }
}

}  // namespace
}  // namespace descent

#include "tests/compiler/oracle/bounded.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "tests/compiler/oracle/error_bounds.h"

namespace descent {
namespace {

Bounded Number(double value, double error = 0) { return {.value = value, .error = error}; }

struct FloatCase {
  ScalarOp op;
  double low, high;  ///< of the operands
};

/// What single precision makes of operands inside their errors lies inside the result's error.
TEST(Bounded, HoldsEveryResultOfSinglePrecision) {
  constexpr FloatCase kCases[] = {
      {ScalarOp::kAdd, -5, 5},   {ScalarOp::kSub, -5, 5},     {ScalarOp::kMul, -5, 5},
      {ScalarOp::kDiv, 0.5, 5},  {ScalarOp::kNeg, -5, 5},     {ScalarOp::kAbs, -5, 5},
      {ScalarOp::kMin, -5, 5},   {ScalarOp::kMax, -5, 5},     {ScalarOp::kSqrt, 0.5, 5},
      {ScalarOp::kPow, 0.5, 5},  {ScalarOp::kExp, -5, 5},     {ScalarOp::kLog, 0.5, 5},
      {ScalarOp::kSin, -5, 5},   {ScalarOp::kCos, -5, 5},     {ScalarOp::kTanh, -5, 5},
      {ScalarOp::kFloor, -5, 5}, {ScalarOp::kSigmoid, -5, 5}, {ScalarOp::kFmod, -5, 5},
      {ScalarOp::kRound, -5, 5}, {ScalarOp::kExp2, -5, 5},    {ScalarOp::kExpm1, -5, 5},
      {ScalarOp::kLog2, 0.5, 5}, {ScalarOp::kLog1p, -0.9, 5}, {ScalarOp::kTan, -5, 5},
      {ScalarOp::kAtan2, -5, 5}, {ScalarOp::kErf, -5, 5},     {ScalarOp::kErfc, -5, 5}};
  std::mt19937_64 random(5);
  std::uniform_real_distribution<double> unit(-1, 1);
  for (const FloatCase& c : kCases)
    for (int round = 0; round < 500; ++round) {
      Bounded bounded[2];
      Cell moved[2];
      for (int i = 0; i < 2; ++i) {
        bounded[i] = Number(c.low + (c.high - c.low) * (unit(random) + 1) / 2,
                            round % 2 == 0 ? 0 : std::exp2(-10 * std::abs(unit(random)) - 4));
        if (round % 2 == 0) bounded[i].value = static_cast<float>(bounded[i].value);
        moved[i] = NumberCell(bounded[i].value + unit(random) * bounded[i].error);
      }
      const auto arity = static_cast<size_t>(Info(c.op).arity);
      const Bounded result = Apply(c.op, DType::kF32, {bounded, arity});
      if (result.undecided) continue;
      const auto computed =
          static_cast<float>(EvaluateCall(c.op, DType::kF32, {moved, arity}).number);
      EXPECT_LE(std::abs(computed - result.value), result.error)
          << Info(c.op).name << "(" << bounded[0].value << ", " << bounded[1].value << ")";
    }
}

TEST(Bounded, StraddledDiscontinuitiesAreUndecided) {
  const DType f = DType::kF32;
  const auto undecided = [&](ScalarOp op, std::vector<Bounded> x) {
    return Apply(op, f, x).undecided;
  };
  EXPECT_TRUE(undecided(ScalarOp::kLt, {Number(1, 0.2), Number(1.1, 0.1)}));
  EXPECT_FALSE(undecided(ScalarOp::kLt, {Number(1, 0.2), Number(1.5, 0.1)}));
  EXPECT_FALSE(undecided(ScalarOp::kLe, {Number(1), Number(1)}));
  EXPECT_TRUE(undecided(ScalarOp::kFloor, {Number(2, 0.1)}));
  EXPECT_TRUE(undecided(ScalarOp::kRound, {Number(2.5, 0.1)}));
  EXPECT_FALSE(undecided(ScalarOp::kRound, {Number(2.25, 0.1)}));
  EXPECT_TRUE(undecided(ScalarOp::kFmod, {Number(6, 0.1), Number(2)}));
  EXPECT_FALSE(undecided(ScalarOp::kFmod, {Number(5, 0.1), Number(2)}));
  EXPECT_TRUE(undecided(ScalarOp::kTan, {Number(1.5, 0.1)}));
  EXPECT_TRUE(undecided(ScalarOp::kAtan2, {Number(0, 0.1), Number(-1)}));
  EXPECT_FALSE(undecided(ScalarOp::kAtan2, {Number(0, 0.1), Number(1)}));
  EXPECT_TRUE(undecided(ScalarOp::kDiv, {Number(1), Number(0.1, 0.2)}));
  EXPECT_TRUE(undecided(ScalarOp::kLog, {Number(0.1, 0.2)}));
  EXPECT_TRUE(ApplyCast(f, DType::kI32, Number(2, 0.1)).undecided);
  EXPECT_FALSE(ApplyCast(f, DType::kI32, Number(2.5, 0.1)).undecided);
}

TEST(Bounded, AnUndecidedChoiceCoversBothFloats) {
  const Bounded unknown{.undecided = true};
  const Bounded chosen =
      Apply(ScalarOp::kSelect, DType::kF32, std::vector{unknown, Number(1, 0.1), Number(3, 0.2)});
  EXPECT_FALSE(chosen.undecided);
  EXPECT_DOUBLE_EQ(chosen.error, 2.2);
  EXPECT_TRUE(
      Apply(ScalarOp::kSelect, DType::kI64, std::vector{unknown, Bounded{}, Bounded{}}).undecided);
}

TEST(Bounded, CopiesOfOneValueAreEqual) {
  Bounded x = Number(1, 0.1);
  x.identity = 7;
  EXPECT_EQ(Apply(ScalarOp::kEq, DType::kF32, std::vector{x, x}).integer, 1);
  EXPECT_FALSE(Apply(ScalarOp::kEq, DType::kF32, std::vector{x, x}).undecided);
}

/// gather(x, [0, 9]) of three elements: the second result is read out of range.
TEST(BadReads, ShowWhatDependsOnThem) {
  const auto undecided = [](int64_t element, BadRead bad_read) {
    GraphBuilder b;
    const Value x = b.Input("x", {DType::kF32, {3}}), i = b.Input("i", {DType::kI64, {2}});
    const Value y = b.Add("gather", {x, i});
    b.Output("y", b.Add("slice", {y}, {{"starts", Shape{element}}, {"stops", Shape{element + 1}}}));
    const std::vector<Tensor> inputs = {
        Tensor::FromDoubles({DType::kF32, {3}}, std::vector<double>{1, 2, 3}),
        Tensor::FromInts({DType::kI64, {2}}, std::vector<int64_t>{0, 9})};
    return BoundErrors(std::move(b).Build(), inputs, {}, Precision::kTyped, nullptr, bad_read)[0]
        .cells[0]
        .undecided;
  };
  EXPECT_FALSE(undecided(0, BadRead::kUndecided));
  EXPECT_TRUE(undecided(1, BadRead::kUndecided));
  EXPECT_FALSE(undecided(1, BadRead::kZero));
}

}  // namespace
}  // namespace descent

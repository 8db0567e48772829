// Scalar expressions that share nodes.
#include <gtest/gtest.h>

#include "ir/tensor_expr.h"

namespace descent {
namespace {

/// sin(x) * x, over and over: as many nodes as `depth`, a tree of more than 2^depth.
Scalar SharedChain(int depth, Scalar x) {
  for (int i = 0; i < depth; ++i) x = Call(ScalarOp::kMul, {Call(ScalarOp::kSin, {x}), x});
  return x;
}

TEST(Scalar, ComparingWalksSharedNodesOnce) {
  const Scalar a = SharedChain(200, ReadScalar(0, DType::kF32));
  EXPECT_TRUE(SameScalar(a, SharedChain(200, ReadScalar(0, DType::kF32))));
  EXPECT_FALSE(SameScalar(a, SharedChain(200, ReadScalar(1, DType::kF32))));
  EXPECT_FALSE(SameScalar(a, SharedChain(201, ReadScalar(0, DType::kF32))));
}

TEST(Scalar, ComparingDoesNotDependOnWhatIsShared) {
  const auto leaf = [] { return ReadScalar(0, DType::kF32); };
  const Scalar shared = SharedChain(1, leaf());
  const Scalar apart = Call(ScalarOp::kMul, {Call(ScalarOp::kSin, {leaf()}), leaf()});
  EXPECT_TRUE(SameScalar(shared, apart));
  EXPECT_TRUE(SameScalar(Call(ScalarOp::kAdd, {shared, shared}),
                         Call(ScalarOp::kAdd, {apart, SharedChain(1, leaf())})));
  const Scalar other = Call(ScalarOp::kMul, {Call(ScalarOp::kCos, {leaf()}), leaf()});
  EXPECT_FALSE(
      SameScalar(Call(ScalarOp::kAdd, {shared, shared}), Call(ScalarOp::kAdd, {apart, other})));
}

TEST(Scalar, SmallTreesPrintWhole) {
  EXPECT_EQ(ToString(SharedChain(2, ReadScalar(0, DType::kF32))),
            "mul(sin(mul(sin(r0), r0)), mul(sin(r0), r0))");
}

TEST(Scalar, LargeTreesNameWhatTheyShare) {
  const std::string text = ToString(SharedChain(8, ReadScalar(0, DType::kF32)));
  EXPECT_EQ(text,
            "mul(sin(t6), t6) where t0 = mul(sin(r0), r0), t1 = mul(sin(t0), t0), "
            "t2 = mul(sin(t1), t1), t3 = mul(sin(t2), t2), t4 = mul(sin(t3), t3), "
            "t5 = mul(sin(t4), t4), t6 = mul(sin(t5), t5)");
  EXPECT_LT(ToString(SharedChain(200, ReadScalar(0, DType::kF32))).size(), 200 * 40);
}

TEST(Scalar, LargeTreesWithoutSharedNodesPrintWhole) {
  Scalar sum = ReadScalar(0, DType::kF32);
  for (int i = 0; i < 300; ++i) sum = Call(ScalarOp::kAdd, {sum, ConstantScalar(DType::kF32, i)});
  EXPECT_EQ(ToString(sum).find(" where "), std::string::npos);
}

}  // namespace
}  // namespace descent

#include "ir/io/text_syntax.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>

#include "ir/suggest.h"
#include "ir/utf8.h"

namespace descent {
namespace {

TEST(PrintName, QuotesWhatIsNoIdentifier) {
  EXPECT_EQ(PrintName("next.W1"), "next.W1");
  EXPECT_EQ(PrintName("layers.0.weight"), "layers.0.weight");
  EXPECT_EQ(PrintName("_a"), "_a");
  for (const std::string_view name : {"", "_", "nan", "1a", "a.", "a..b", ".a", "a b", "%3", "é"})
    EXPECT_EQ(PrintName(name), fmt::format("\"{}\"", name));
  EXPECT_EQ(PrintName("a\"\\\n\t\r\x01"), R"("a\"\\\n\t\r\x01")");
}

TEST(PrintFloat, IsShortAndExact) {
  EXPECT_EQ(PrintFloat(0.1), "0.1");
  EXPECT_EQ(PrintFloat(1), "1.0");
  EXPECT_EQ(PrintFloat(-0.0), "-0.0");
  EXPECT_EQ(PrintFloat(1e300), "1e+300");
  EXPECT_EQ(PrintFloat(-std::numeric_limits<double>::infinity()), "-inf");
  EXPECT_EQ(PrintFloat(std::numeric_limits<double>::quiet_NaN()), "nan");
  EXPECT_EQ(PrintFloat(std::bit_cast<double>(0xfff8000000000001)), "nan(0xfff8000000000001)");
  const Tensor tenth = Tensor::Scalar(DType::kF32, 0.1f);
  EXPECT_EQ(PrintElement(tenth, 0), "0.1");
}

TEST(ClosestName, FindsTyposOnly) {
  const std::vector<std::string_view> names = {"sigmoid", "softmax", "sub", "add", "mul"};
  EXPECT_EQ(ClosestName("sigmiod", names), "sigmoid");
  EXPECT_EQ(ClosestName("softmx", names), "softmax");
  EXPECT_EQ(ClosestName("ad", names), "add");
  EXPECT_EQ(ClosestName("convolution", names), "");
  EXPECT_EQ(ClosestName("", names), "");
  EXPECT_EQ(DidYouMean("mull", names), "did you mean 'mul'?");
}

TEST(Utf8, DiagnosticsEscapeWhatIsNone) {
  EXPECT_EQ(Diagnostic{.message = "no größe \xff\xe6\xbc!"}.ToString(),
            "error: no größe \\xff\\xe6\\xbc!\n");
}

TEST(FirstInvalidUtf8, FollowsTheStandard) {
  EXPECT_EQ(FirstInvalidUtf8("plain, größe, 漢字, 😀"), std::nullopt);
  EXPECT_EQ(FirstInvalidUtf8("ab\xff"), 2u);
  EXPECT_EQ(FirstInvalidUtf8("\xc0\xaf"), 0u);          // overlong
  EXPECT_EQ(FirstInvalidUtf8("a\xed\xa0\x80"), 1u);     // a surrogate
  EXPECT_EQ(FirstInvalidUtf8("\xf4\x90\x80\x80"), 0u);  // above 10FFFF
  EXPECT_EQ(FirstInvalidUtf8("\xe6\xbc"), 0u);          // cut off
  EXPECT_EQ(FirstInvalidUtf8("\x80"), 0u);              // a continuation alone
}

// A constant shared by uses that fix its dtype stays in place; one use that does not makes it a
// statement, and then it fixes the dtype of its neighbours.
TEST(OrderStatements, ConstantsStandInPlaceWhereTheirTypeFollows) {
  GraphBuilder b;
  const Value constant = b.Constant(Tensor::Scalar(DType::kF32, 0.5));
  const Value number = b.Constant(Tensor::Scalar(DType::kF32, 2));
  const Value product = b.Add("mul", {b.Input("x", {DType::kF32, {3}}), constant});
  const Value minus = b.Add("neg", {number});  // nothing else fixes the dtype
  b.Output("y", b.Add("add", {product, minus}));
  const Graph graph = std::move(b).Build();
  const auto& operands = graph.node(graph.outputs()[0].value).operands;
  const Value y = operands[0], z = operands[1];
  const Value x = graph.node(y).operands[0], half = graph.node(y).operands[1];
  const Value alone = graph.node(z).operands[0];
  const StatementOrder order = OrderStatements(graph);
  EXPECT_TRUE(order.in_place[half.node]);
  EXPECT_FALSE(order.in_place[alone.node]);
  EXPECT_EQ(order.position[x.node], 0);     // inputs first
  EXPECT_EQ(order.position[half.node], 1);  // just before its use
  EXPECT_EQ(order.position[y.node], 2);
  EXPECT_EQ(order.position[alone.node], 3);
  EXPECT_EQ(order.position[z.node], 4);
}

TEST(LiteralDType, FollowsTheGroup) {
  const OpDef& where = *FindOp("where");
  const std::vector<std::optional<DType>> operands = {std::nullopt, std::nullopt, DType::kF64};
  EXPECT_EQ(LiteralDType(where, 0, operands), DType::kBool);
  EXPECT_EQ(LiteralDType(where, 1, operands), DType::kF64);
  const std::vector<std::optional<DType>> literals = {std::nullopt, std::nullopt};
  EXPECT_EQ(LiteralDType(*FindOp("add"), 0, literals), std::nullopt);
}

}  // namespace
}  // namespace descent

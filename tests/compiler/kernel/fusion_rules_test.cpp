// Verdicts on regions built by hand: what models come to seldom or never.
#include "compiler/kernel/fusion_rules.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>

#include "compiler/kernel/fuse.h"
#include "compiler/kernel/merge_stages.h"
#include "compiler/kernel/share_rows.h"
#include "ir/tensor_expr.h"

namespace descent {
namespace {

constexpr DType kF64 = DType::kF64;

/// A region over matrices of one shape, a work at a time.
class Matrices {
 public:
  explicit Matrices(int64_t rows = 4, int64_t columns = 4) : shape_{rows, columns} {}

  int Value(std::string name) { return tensors.Add({.name = std::move(name), .type = Type()}); }

  struct Operand {
    int tensor;
    bool transposed = false;
  };

  /// The sine of the sum of the operands.
  int Add(std::string name, const std::vector<Operand>& operands) {
    const int result = Value(std::move(name));
    TensorExpr expr{.axes = shape_, .rank = 2, .reads = {}, .reducer = std::nullopt, .results = {}};
    Scalar sum;
    for (const auto& [tensor, transposed] : operands) {
      const int slot = static_cast<int>(expr.reads.size());
      expr.reads.push_back(
          {.operand = slot, .coordinates = {Axis(transposed ? 1 : 0), Axis(transposed ? 0 : 1)}});
      const Scalar read = ReadScalar(slot, kF64);
      sum = sum ? Call(ScalarOp::kAdd, {sum, read}) : read;
    }
    expr.results = {Call(ScalarOp::kSin, {sum})};
    AddWork(expr, operands, {result});
    return result;
  }

  /// A loop that takes one value and gives another.
  int AddLoop(std::string name, int tensor) {
    const int result = Value(std::move(name));
    auto loop = std::make_shared<LoopWork>();
    loop->reads = {tensor};
    loop->writes = {result};
    region.works.emplace_back().loop = std::move(loop);
    return result;
  }

  int AddProduct(std::string name, int a, int b) {
    const int result = Value(std::move(name));
    TensorExpr expr{
        .axes = {shape_[0], shape_[1], shape_[1]},
        .rank = 2,
        .reads = {{.operand = 0, .coordinates = {Axis(0), Axis(2)}},
                  {.operand = 1, .coordinates = {Axis(2), Axis(1)}}},
        .reducer = SumReducer(Call(ScalarOp::kMul, {ReadScalar(0, kF64), ReadScalar(1, kF64)})),
        .results = {Accumulator(0, kF64)}};
    AddWork(expr, {{a}, {b}}, {result});
    return result;
  }

  void AddWork(const TensorExpr& expr, const std::vector<Operand>& operands,
               const std::vector<int>& results) {
    std::vector<int> read;
    for (const Operand& operand : operands) read.push_back(operand.tensor);
    region.works.emplace_back().computation =
        MakeComputation(expr, read, std::vector<TensorType>(read.size(), Type()), results);
  }

  TensorType Type() const { return {kF64, shape_}; }

  /// The verdict on one loop for the pair that hands on `tensor` to the writer of `result`.
  Blocked OneLoop(int tensor, int result) {
    RegionFusion notes;
    const auto groups = FormGroups(region, tensors, true, &notes);
    for (const GroupPair& pair : notes.pairs)
      if (std::ranges::count(pair.tensors, tensor) > 0 &&
          std::ranges::count(groups[pair.reader].Writes(), result) > 0)
        return pair.one_loop;
    ADD_FAILURE() << "they are one";
    return {};
  }

  Region region;
  TensorTable tensors;

 private:
  static Reducer SumReducer(Scalar term) {
    return {.init = {ConstantScalar(kF64, 0)},
            .step = {Call(ScalarOp::kAdd, {Accumulator(0, kF64), std::move(term)})},
            .combine = {Call(ScalarOp::kAdd, {Accumulator(0, kF64), Other(0, kF64)})}};
  }

  Shape shape_;
};

TEST(FusionRules, OldValueReadElsewhereThanOverwritten) {
  Matrices m;
  const int x = m.Value("x"), s = m.Value("s");
  const int p = m.Add("p", {{x}, {s, true}});
  const int next = m.Add("next", {{p}, {s}});
  m.region.overwrites = {{s, next}};
  const Blocked blocked = m.OneLoop(p, next);
  EXPECT_EQ(blocked.obstacle, Obstacle::kOldValue);
  EXPECT_EQ(blocked.tensor, s);
}

/// A product p, two long chains of which one begins with p and the other one ends in y, which reads
/// p. Chains of loops stay chains; others become few kernels.
Blocked BetweenLongChains(bool loops) {
  constexpr int kLength = 2200;
  Matrices m;
  const int x = m.Value("x"), w = m.Value("w");
  const int p = m.AddProduct("p", x, w);
  int a = m.Add("a", {{p, true}}), b = m.Add("b", {{x, true}});
  for (int i = 0; i < kLength; ++i)
    for (int* last : {&a, &b}) *last = loops ? m.AddLoop("c", *last) : m.Add("c", {{*last}});
  const int y = m.Add("y", {{p}, {b, true}});
  return m.OneLoop(p, y);
}

TEST(FusionRules, LongSearchForAPathIsGivenUp) {
  const Blocked blocked = BetweenLongChains(true);
  EXPECT_EQ(blocked.obstacle, Obstacle::kLongSearch);
  EXPECT_EQ(blocked.limit, 4096);
}

TEST(FusionRules, WhatWasRefusedMayBeAllowedInTheEnd) {
  EXPECT_EQ(BetweenLongChains(false).obstacle, Obstacle::kNotTried);
}

TEST(FusionRules, UnreadResultKeepsAValueFromBeingInlined) {
  Matrices m;
  const int x = m.Value("x"), read = m.Value("read"), unread = m.Value("unread");
  const Scalar value = ReadScalar(0, kF64);
  m.AddWork({.axes = m.Type().shape,
             .rank = 2,
             .reads = {{.operand = 0, .coordinates = {Axis(0), Axis(1)}}},
             .reducer = std::nullopt,
             .results = {Call(ScalarOp::kNeg, {value}), Call(ScalarOp::kSin, {value})}},
            {{x}}, {read, unread});
  m.Add("y", {{read}});
  RegionFusion notes;
  InlineProducers(m.region, m.tensors, &notes);
  EXPECT_EQ(notes.stored.at(read).obstacle, Obstacle::kUnread);
  EXPECT_EQ(notes.stored.at(read).tensor, unread);
}

TEST(FusionRules, RowsWithoutElementsAreNotShared) {
  Matrices m(0, 4);
  const int x = m.Value("x");
  m.Add("e", {{x}});
  m.Add("y", {{x}});
  FusedGroup producer, reader;
  producer.stages = {m.region.works[0].computation};
  reader.stages = {m.region.works[1].computation};
  const auto rows = SharedRows(producer, reader, m.tensors);
  ASSERT_FALSE(rows);
  EXPECT_EQ(rows.error().obstacle, Obstacle::kNoElements);
}

/// x[i[p]], where both i and what it is read from are guarded, with `inner` and `outer` outside.
std::optional<Obstacle> OfGuardedIndex(int64_t inner, int64_t outer) {
  constexpr DType kI64 = DType::kI64;
  TensorTable tensors;
  const int i = tensors.Add({.name = "i", .type = {kI64, {4}}});
  const int j = tensors.Add({.name = "j", .type = {kI64, {6}}});
  const int x = tensors.Add({.name = "x", .type = {kF64, {4}}});
  const int y = tensors.Add({.name = "y", .type = {kF64, {8}}});
  const auto padded = [](int64_t extent, int64_t value) {
    return Read{.operand = 0,
                .coordinates = {Axis(0)},
                .guards = {{Axis(0), extent}},
                .outside = ConstantInt(kI64, value)};
  };
  const Computation producer = MakeComputation({.axes = {6},
                                                .rank = 1,
                                                .reads = {padded(4, inner)},
                                                .reducer = std::nullopt,
                                                .results = {ReadScalar(0, kI64)}},
                                               {i}, {{kI64, {4}}}, {j});
  const Computation reader =
      MakeComputation({.axes = {8},
                       .rank = 1,
                       .reads = {padded(6, outer), {.operand = 1, .coordinates = {ReadIndex(0)}}},
                       .reducer = std::nullopt,
                       .results = {ReadScalar(1, kF64)}},
                      {j, x}, {{kI64, {6}}, {kF64, {4}}}, {y});
  return InliningObstacle(reader, j, producer);
}

TEST(FusionRules, IndexHasOneValueOutside) {
  EXPECT_EQ(OfGuardedIndex(0, 0), std::nullopt);
  EXPECT_EQ(OfGuardedIndex(1, 0), Obstacle::kIndexOutside);
}

TEST(FusionRules, SentencesNameWhatTheyAreAbout) {
  EXPECT_EQ(Explain(Obstacle::kResults, "12"), "the loop would have more than 12 results");
  EXPECT_EQ(Explain(Obstacle::kPath, "t_k3_m"), "a path through t_k3_m lies between them");
}

}  // namespace
}  // namespace descent

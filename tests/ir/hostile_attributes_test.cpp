// Every operator with attributes and shapes that nobody means: refused with a diagnostic, or a
// node whose definition, expansion and gradients can be built. Each operator runs in a process of
// its own, with little time.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <limits>
#include <ranges>

#include "ir/autodiff.h"
#include "ir/expansion.h"
#include "tests/ir/samples/parameters.h"

namespace descent {
namespace {

constexpr int64_t kLowest = std::numeric_limits<int64_t>::min();
constexpr int64_t kHighest = std::numeric_limits<int64_t>::max();
constexpr int64_t kIntegers[] = {kLowest,
                                 kLowest + 1,
                                 -kMaxElements,
                                 -17,
                                 -2,
                                 -1,
                                 0,
                                 1,
                                 2,
                                 17,
                                 int64_t{1} << 20,
                                 int64_t{1} << 31,
                                 int64_t{1} << 32,
                                 kMaxElements,
                                 int64_t{1} << 62,
                                 kHighest};
constexpr double kNumbers[] = {kInfinity, -kInfinity, kNaN, -1, -0.0, 0, 1, 1e-310, 1e308};

/// Samples of one operator that are varied: the others differ in sizes.
constexpr int kVariedSamples = 4;
/// What an operator may be made of, whatever its attributes.
constexpr size_t kMostNodes = 20000;
constexpr unsigned kSeconds = 60;

std::vector<Attribute> Variations(const Attribute& value) {
  std::vector<Attribute> all;
  if (std::holds_alternative<bool>(value)) all = {!std::get<bool>(value)};
  if (std::holds_alternative<int64_t>(value))
    all.assign(std::begin(kIntegers), std::end(kIntegers));
  if (std::holds_alternative<double>(value)) all.assign(std::begin(kNumbers), std::end(kNumbers));
  if (std::holds_alternative<std::string>(value))
    all = {"", std::string("a\0b", 3), std::string(1000, ','), "...", "ij,jk->ik", "->", "%n"};
  if (std::holds_alternative<DType>(value))
    for (size_t i = 0; i < AllDTypes().size(); ++i) all.emplace_back(static_cast<DType>(i));
  if (const auto* list = std::get_if<Ints>(&value)) {
    all = {Ints{}, Ints(20, 0), Ints(20, 1), Ints(100000, -1)};
    for (const int64_t integer : kIntegers) {
      all.emplace_back(Ints(std::max<size_t>(list->size(), 1), integer));
      for (const bool last : {false, true}) {
        if (list->empty()) continue;
        Ints changed = *list;
        (last ? changed.back() : changed.front()) = integer;
        all.emplace_back(std::move(changed));
      }
    }
  }
  if (std::holds_alternative<std::vector<double>>(value))
    for (const double number : kNumbers) {
      all.emplace_back(std::vector<double>{number});
      all.emplace_back(std::vector<double>(100000, number));
    }
  return all;
}

std::vector<Shape> Variations(const Shape& shape) {
  std::vector<Shape> all = {{}, Shape(kMaxRank, 1), Shape(kMaxRank, 2)};
  for (size_t axis = 0; axis < shape.size(); ++axis) {
    int64_t others = 1;
    for (size_t i = 0; i < shape.size(); ++i)
      if (i != axis) others *= std::max<int64_t>(shape[i], 1);
    for (const int64_t extent : {int64_t{0}, int64_t{1} << 20, kMaxElements / others}) {
      Shape changed = shape;
      changed[axis] = extent;
      if (CheckedElements(changed)) all.push_back(std::move(changed));
    }
  }
  return all;
}

/// One operator on operands of these types, built as far as it is accepted.
class Build {
 public:
  Build(const OpDef& op, std::vector<TensorType> types, const Attributes& attributes) : op_(op) {
    std::vector<Value> operands;
    for (const TensorType& type : types)
      operands.push_back(b_.Input(fmt::format("x{}", operands.size()), type));
    const auto results = b_.TryAdd(op.name, operands, attributes);
    if (!results) {
      EXPECT_FALSE(results.error().message.empty());
      return;
    }
    const Node node = b_.node((*results)[0]);
    const OpContext context{types, node.attributes};
    if (op.define != nullptr) {
      EXPECT_EQ(Violation(op.define(context), types), "");
    }
    if (op.index_limit != nullptr)
      for (size_t i = 0; i < types.size(); ++i) op.index_limit(context, static_cast<int>(i));
    if (op.expand != nullptr) ExpandOperator(b_, op, context, operands);
    Differentiate(*results, operands);
    EXPECT_LT(Size(), kMostNodes);
  }

 private:
  void Differentiate(const std::vector<Value>& results, const std::vector<Value>& operands) {
    std::vector<Cotangent> arriving;
    std::vector<Value> wanted;
    for (const Value result : results)
      if (Info(b_.dtype(result)).is_float)
        arriving.push_back(
            {result, b_.Input(fmt::format("g{}", arriving.size()), b_.type(result))});
    for (const Value operand : operands)
      if (Info(b_.dtype(operand)).is_float) wanted.push_back(operand);
    if (const auto gradients = ReverseWalk(b_, arriving, wanted)) {
      for (size_t i = 0; i < wanted.size(); ++i)
        EXPECT_EQ(b_.type((*gradients)[i]), b_.type(wanted[i]));
    } else {
      EXPECT_FALSE(gradients.error().message.empty());
    }
  }

  /// Number of nodes: that of a new one.
  size_t Size() { return static_cast<size_t>(b_.Input("last", {DType::kF32, {}}).node); }

  const OpDef& op_;
  GraphBuilder b_;
};

/// All variations of a sample, each announced on `report` before it is tried.
void Vary(const OpSample& sample, int report) {
  const OpDef& op = *FindOp(sample.op);
  const auto run = [&](std::vector<TensorType> types, const Attributes& attributes,
                       std::string_view what) {
    std::string line = fmt::format("{}, with {}\n", Describe(sample), what);
    if (write(report, line.data(), line.size()) < 0) return;
    SCOPED_TRACE(line);
    Build(op, std::move(types), attributes);
  };
  Attributes complete = sample.attributes;
  if (!InferTypes(op, sample.operands, complete)) return;
  for (const auto& [name, value] : complete) {
    int number = 0;
    for (Attribute& variation : Variations(value)) {
      Attributes changed = complete;
      changed.Set(name, std::move(variation));
      run(sample.operands, changed, fmt::format("variation {} of {}", number++, name));
    }
  }
  for (size_t operand = 0; operand < sample.operands.size(); ++operand)
    for (const Shape& shape : Variations(sample.operands[operand].shape)) {
      std::vector<TensorType> types = sample.operands;
      types[operand].shape = shape;
      run(std::move(types), complete, fmt::format("operand {} of {}", operand, ToString(shape)));
    }
}

/// Runs `work` in a child; its last line on the pipe where it does not end well.
template <typename Work>
std::string LastLineOfFailure(Work work) {
  int ends[2];
  if (pipe(ends) != 0) return "no pipe";
  std::fflush(nullptr);
  const pid_t child = fork();
  if (child == 0) {
    close(ends[0]);
    alarm(kSeconds);
    work(ends[1]);
    std::fflush(nullptr);
    _exit(testing::Test::HasFailure() ? 1 : 0);
  }
  close(ends[1]);
  std::string text;
  char buffer[4096];
  for (ssize_t got; (got = read(ends[0], buffer, sizeof(buffer))) > 0;) {
    text.append(buffer, static_cast<size_t>(got));
    if (text.size() > 1 << 20) text.erase(0, text.size() / 2);
  }
  close(ends[0]);
  int status = 0;
  waitpid(child, &status, 0);
  if (status == 0) return "";
  if (!text.empty()) text.pop_back();
  return fmt::format("status {:#x} at {}", status, text.substr(text.rfind('\n') + 1));
}

class HostileAttributes : public testing::TestWithParam<OpFamily> {};
INSTANTIATE_TEST_SUITE_P(All, HostileAttributes, testing::ValuesIn(OpFamilies()), FamilyName());

TEST_P(HostileAttributes, AreRefusedOrBuilt) {
  for (const OpDef& op : GetParam().ops)
    EXPECT_EQ(LastLineOfFailure([&](int report) {
                for (const OpSample& sample : SamplesOf(op) | std::views::take(kVariedSamples))
                  Vary(sample, report);
              }),
              "")
        << op.name;
}

}  // namespace
}  // namespace descent

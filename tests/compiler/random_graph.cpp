#include "tests/compiler/random_graph.h"

#include <algorithm>
#include <cmath>
#include <random>
#include <set>

#include "ir/autodiff.h"
#include "ir/expr.h"
#include "tests/ir/samples/samples.h"

namespace descent {
namespace {

constexpr int kOperators = 8;
constexpr int64_t kMaxElements = 400;

/// Where a sample's operand may lie.
struct Range {
  double low, high;
  bool Holds(const Range& other) const { return low <= other.low && other.high <= high; }
};

Range RangeOf(const Tensor& tensor) {
  Range range{0, 0};
  for (int64_t i = 0; i < tensor.elements(); ++i) {
    const double value = tensor.GetDouble(i);
    range = i == 0 ? Range{value, value}
                   : Range{std::min(range.low, value), std::max(range.high, value)};
  }
  return range;
}

Range RangeOf(const OpSample& sample, size_t operand) {
  const bool stated = operand < sample.values.size() && !sample.values[operand].empty();
  if (!stated) return {sample.low, sample.high};
  const auto [low, high] = std::ranges::minmax(sample.values[operand]);
  return {low, high};
}

bool IsOrdinary(const OpSample& sample) {
  const Leaf leaf = FindOp(sample.op)->leaf;
  if (leaf == Leaf::kInput || leaf == Leaf::kConstant || sample.bad_index ||
      sample.not_finite)
    return false;
  for (const auto& values : sample.values)
    if (!std::ranges::all_of(values, [](double v) { return std::isfinite(v); })) return false;
  const auto graph = SampleGraph(sample);
  const auto fits = [](const TensorType& type) {
    return type.elements() > 0 && type.elements() <= kMaxElements;
  };
  return std::ranges::all_of(sample.operands, fits) &&
         std::ranges::all_of(graph->nodes(), [&](const Node& node) {
           return std::ranges::all_of(node.types, fits);
         });
}

const std::vector<OpSample>& OrdinarySamples() {
  static const std::vector<OpSample> kSamples = [] {
    std::vector<OpSample> samples = AllSamples();
    std::erase_if(samples, [](const OpSample& sample) { return !IsOrdinary(sample); });
    return samples;
  }();
  return kSamples;
}

class Generator {
 public:
  explicit Generator(uint64_t seed) : random_(seed) {}

  RandomGraph Run() {
    while (added_ < kOperators) Add(Pick(OrdinarySamples()));
    std::vector<Value> results;
    for (const Value value : pool_)
      if (!read_.contains(value)) results.push_back(value);
    AddGradients(results);
    for (size_t i = 0; i < results.size(); ++i) b_.Output(fmt::format("y{}", i), results[i]);
    return {std::move(b_).Build(), inputs_};
  }

 private:
  template <typename T>
  const T& Pick(const std::vector<T>& list) {
    return list[random_() % list.size()];
  }

  void Add(const OpSample& sample) {
    const std::vector<Tensor> generated = SampleOperands(sample);
    std::vector<Value> operands;
    for (size_t i = 0; i < sample.operands.size(); ++i)
      operands.push_back(OperandFor(sample, i, generated[i]));
    const auto results = b_.TryAdd(sample.op, operands, sample.attributes);
    DESCENT_CHECK(results.has_value(), "a sample's operator takes operands of its types");
    for (const Value result : *results) pool_.push_back(result);
    ++added_;
  }

  /// An earlier float, or a new input with the sample's own values.
  Value OperandFor(const OpSample& sample, size_t operand, const Tensor& generated) {
    const TensorType& type = sample.operands[operand];
    std::vector<Value> candidates;
    for (const Value value : pool_)
      if (b_.dtype(value) == type.dtype && b_.type(value).elements() > 0)
        candidates.push_back(value);
    if (!Info(type.dtype).is_float || candidates.empty() || random_() % 4 == 0)
      return NewInput(generated);
    const Value source = Pick(candidates);
    const auto moved = Into(source, RangeOf(sample, operand));
    if (!moved) return NewInput(generated);
    read_.insert(source);
    return Shaped({b_, *moved}, type.shape);
  }

  Value NewInput(const Tensor& value) {
    inputs_.push_back(value);
    const Value input = b_.Input(fmt::format("x{}", inputs_.size()), value.type());
    if (Info(value.dtype()).is_float) float_inputs_.push_back(input);
    return input;
  }

  /// The value as it is where it lies in the range already, else moved linearly.
  std::optional<Value> Into(Value value, const Range& wanted) {
    const Range range = RangeOf(Run(value));
    if (!std::isfinite(range.low) || !std::isfinite(range.high)) return std::nullopt;
    if (wanted.Holds(range)) return value;
    const double factor = (wanted.high - wanted.low) / (range.high - range.low);
    if (!(std::abs(factor) < 1e3) || factor < 1e-3) return std::nullopt;
    return (Expr(b_, value) - range.low) * factor + wanted.low;
  }

  Tensor Run(Value value) {
    GraphBuilder copy = b_;
    copy.Output("y", value);
    return Interpret(std::move(copy).Build(), inputs_, kSampleValues)->outputs[0];
  }

  /// The elements in row-major order, cut off or repeated.
  Value Shaped(Expr x, const Shape& shape) {
    const int64_t have = Elements(x.shape()), want = Elements(shape);
    if (x.shape() == shape) return x;
    if (have < want) {
      const int64_t copies = (want + have - 1) / have;
      x = ExpandTo(Reshape(x, {1, have}), {copies, have});
    }
    x = Reshape(x, {Elements(x.shape())});
    if (Elements(x.shape()) > want) x = SliceAxis(x, 0, 0, want);
    return Reshape(x, shape);
  }

  /// Of the sum of all float results, for all float inputs.
  void AddGradients(std::vector<Value>& results) {
    std::vector<Cotangent> cotangents;
    for (const Value result : results)
      if (Info(b_.dtype(result)).is_float)
        cotangents.push_back(
            {result, ExpandTo({b_, b_.ConstantLike(result, 1)}, b_.shape(result))});
    if (cotangents.empty() || float_inputs_.empty()) return;
    const auto gradients = ReverseWalk(b_, cotangents, float_inputs_);
    if (gradients) results.insert(results.end(), gradients->begin(), gradients->end());
  }

  std::mt19937_64 random_;
  GraphBuilder b_;
  std::vector<Tensor> inputs_;
  std::vector<Value> float_inputs_;
  std::vector<Value> pool_;  ///< results of the operators so far
  std::set<Value> read_;
  int added_ = 0;
};

}  // namespace

RandomGraph MakeRandomGraph(uint64_t seed) { return Generator(seed).Run(); }

}  // namespace descent

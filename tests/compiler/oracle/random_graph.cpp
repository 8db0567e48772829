#include "tests/compiler/oracle/random_graph.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "ir/autodiff.h"
#include "ir/expr.h"

namespace descent {
namespace {

/// Where a sample's operand may lie.
struct Range {
  double low, high;
  bool Holds(const Range& other) const { return low <= other.low && other.high <= high; }
};

Range RangeOf(const Tensor& tensor) {
  Range range{0, 0};
  for (int64_t i = 0; i < tensor.elements(); ++i) {
    const double value = tensor.GetDouble(i);
    if (!std::isfinite(value)) return {-kInfinity, kInfinity};
    range = i == 0 ? Range{value, value}
                   : Range{std::min(range.low, value), std::max(range.high, value)};
  }
  return range;
}

Range RangeOf(const OpSample& sample, size_t operand) {
  const bool stated = operand < sample.values.size() && !sample.values[operand].empty();
  if (stated) {
    const auto [low, high] = std::ranges::minmax(sample.values[operand]);
    return {low, high};
  }
  if (Info(sample.operands[operand].dtype).is_float) return {sample.low, sample.high};
  return {0, static_cast<double>(sample.integers - 1)};
}

bool IsOrdinary(const OpSample& sample) {
  const Leaf leaf = FindOp(sample.op)->leaf;
  if (leaf == Leaf::kInput || leaf == Leaf::kConstant || sample.bad_index || sample.not_finite)
    return false;
  for (const auto& values : sample.values)
    if (!std::ranges::all_of(values, [](double v) { return std::isfinite(v); })) return false;
  return SmallResults(sample).has_value();
}

struct SampledOperator {
  const OpDef* op;
  std::vector<const OpSample*> samples;
};

std::vector<SampledOperator> Collect(bool smooth) {
  std::vector<SampledOperator> all;
  std::map<std::string_view, size_t> places;
  for (const OpSample& sample : AllSamples()) {
    if ((smooth && !sample.smooth) || !IsOrdinary(sample)) continue;
    const auto [place, is_new] = places.emplace(sample.op, all.size());
    if (is_new) all.push_back({FindOp(sample.op), {}});
    all[place->second].samples.push_back(&sample);
  }
  return all;
}

const std::vector<SampledOperator>& SampledOperators(bool smooth) {
  static const std::vector<SampledOperator> kAll = Collect(false), kSmooth = Collect(true);
  return smooth ? kSmooth : kAll;
}

/// Whether some operand's gradient goes through the node.
bool HasGradient(const OpDef& op) {
  return op.no_gradient.empty() && (op.vjp != nullptr || op.expand != nullptr);
}

}  // namespace

const std::vector<const OpDef*>& RandomOperators() {
  static const std::vector<const OpDef*> kOperators = [] {
    std::vector<const OpDef*> operators;
    for (const SampledOperator& sampled : SampledOperators(false)) operators.push_back(sampled.op);
    return operators;
  }();
  return kOperators;
}

GraphGrower::GraphGrower(uint64_t seed, const RandomGraphOptions& options)
    : random_(seed * 0x9E3779B97F4A7C15 + 1), options_(options) {}

void GraphGrower::Grow(uint64_t first_operator) {
  const auto& operators = SampledOperators(options_.smooth);
  const int wanted = 1 + static_cast<int>(random_() % options_.operators);
  for (uint64_t next = first_operator; added_ < wanted; next = random_()) {
    const auto& samples = operators[next % operators.size()].samples;
    const OpSample& sample = *samples[random_() % samples.size()];
    const bool keep = options_.smooth || random_() % 3 == 0;
    Add(keep ? sample : Varied(sample, random_));
  }
}

void GraphGrower::Add(const OpSample& sample) {
  const std::vector<Tensor> generated = SampleOperands(sample);
  std::vector<Value> operands;
  for (size_t i = 0; i < sample.operands.size(); ++i)
    operands.push_back(OperandFor(sample, i, generated[i]));
  const auto results = b_.TryAdd(sample.op, operands, sample.attributes);
  DESCENT_CHECK(results.has_value(), "a sample's operator takes operands of its types");
  const int differentiated = options_.smooth ? sample.differentiated_result : -1;
  for (const Value result : *results)
    if (differentiated < 0 || differentiated == result.result) pool_.push_back(result);
  ++added_;
}

/// An earlier value, or a new input with the sample's own values.
Value GraphGrower::OperandFor(const OpSample& sample, size_t operand, const Tensor& generated) {
  const TensorType& type = sample.operands[operand];
  const bool is_float = Info(type.dtype).is_float;
  std::vector<Value> candidates;
  for (const Value value : pool_) {
    const bool fits = is_float ? Info(b_.dtype(value)).is_float : b_.dtype(value) == type.dtype;
    if (fits && b_.type(value).elements() > 0) candidates.push_back(value);
  }
  if (candidates.empty() || random_() % 4 == 0) return NewInput(generated);
  const Value source = candidates[random_() % candidates.size()];
  const auto moved = Into(source, sample, operand);
  if (!moved) return NewInput(generated);
  read_.push_back(source);
  return Shaped(*moved, type.shape);
}

Value GraphGrower::NewInput(const Tensor& value) {
  inputs_.push_back(value);
  const Value input = b_.Input(fmt::format("x{}", inputs_.size()), value.type());
  known_[input] = value;
  input_values_.push_back(input);
  if (Info(value.dtype()).is_float) float_inputs_.push_back(input);
  return input;
}

/// The value in the sample's element type: as it is where it lies in the range already, else, if it
/// is a float, moved linearly.
std::optional<Value> GraphGrower::Into(Value value, const OpSample& sample, size_t operand) {
  const DType dtype = sample.operands[operand].dtype;
  const Range wanted = RangeOf(sample, operand), range = RangeOf(ValueOf(value));
  if (!std::isfinite(range.low)) return std::nullopt;
  Expr moved(b_, value);
  if (!wanted.Holds(range)) {
    const double factor = (wanted.high - wanted.low) / (range.high - range.low);
    if (!Info(dtype).is_float || !(std::abs(factor) < 1e3) || factor < 1e-3) return std::nullopt;
    moved = (moved - range.low) * factor + wanted.low;
  }
  if (moved.dtype() == dtype) return moved;
  return b_.Add("cast", {moved}, {{"to", dtype}});
}

/// What the interpreter makes of it.
const Tensor& GraphGrower::ValueOf(Value value) {
  if (const auto known = known_.find(value); known != known_.end()) return known->second;
  const Node& node = b_.node(value);
  GraphBuilder single;
  std::vector<Tensor> values;
  std::vector<Value> operands;
  for (const Value operand : node.operands) {
    values.push_back(ValueOf(operand));
    operands.push_back(single.Input(fmt::format("x{}", operands.size()), values.back().type()));
  }
  const auto results = single.Copy(node, operands);
  DESCENT_CHECK(results.has_value(), "a node can be copied");
  for (const Value result : *results) single.Output("", result);
  const auto run = Interpret(std::move(single).Build(), values, kSampleValues);
  DESCENT_CHECK(run.has_value(), "a valid node can be interpreted");
  for (size_t i = 0; i < run->outputs.size(); ++i)
    known_[{value.node, static_cast<int32_t>(i)}] = run->outputs[i];
  return known_.at(value);
}

/// The elements in row-major order, cut off or repeated.
Value GraphGrower::Shaped(Value value, const Shape& shape) {
  Expr x(b_, value);
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

std::vector<Value> GraphGrower::Results() const {
  std::vector<Value> results;
  for (const Value value : pool_)
    if (std::ranges::find(read_, value) == read_.end()) results.push_back(value);
  return results;
}

std::vector<Value> GraphGrower::Differentiable() const {
  int32_t last = -1;
  for (const Value value : pool_) last = std::max(last, value.node);
  // By node: whether it depends on a float input, and whether by differentiable operators only.
  std::vector<bool> depends(last + 1), smooth(last + 1, true), read(last + 1);
  for (const Value input : float_inputs_)
    if (input.node <= last) depends[input.node] = true;
  for (int32_t number = 0; number <= last; ++number) {
    const Node& node = b_.node({number, 0});
    for (const Value operand : node.operands) {
      if (!Info(b_.dtype(operand)).is_float || !depends[operand.node]) continue;
      depends[number] = true;
      smooth[number] = smooth[number] && smooth[operand.node];
    }
    if (depends[number] && !node.operands.empty() && !HasGradient(*node.op)) smooth[number] = false;
    if (!smooth[number]) continue;
    for (const Value operand : node.operands) read[operand.node] = true;
  }
  std::vector<Value> values;
  for (const Value value : pool_)
    if (Info(b_.dtype(value)).is_float && depends[value.node] && smooth[value.node] &&
        !read[value.node])
      values.push_back(value);
  return values;
}

RandomGraph MakeRandomGraph(uint64_t seed, const RandomGraphOptions& options) {
  GraphGrower grower(seed, options);
  grower.Grow(seed);
  GraphBuilder& b = grower.builder();
  std::vector<Value> outputs = grower.Results();
  RandomGraph random{.graph = {}, .inputs = grower.inputs()};
  if (options.gradients) {
    std::vector<Cotangent> cotangents;
    for (const Value value : grower.Differentiable())
      cotangents.push_back({value, ExpandTo({b, b.ConstantLike(value, 1)}, b.shape(value))});
    if (!cotangents.empty()) {
      const auto gradients = ReverseWalk(b, cotangents, grower.float_inputs());
      // A body may hold an operator without gradient.
      if (gradients) {
        random.gradients = static_cast<int>(gradients->size());
        outputs.insert(outputs.end(), gradients->begin(), gradients->end());
      }
    }
  }
  for (size_t i = 0; i < outputs.size(); ++i) b.Output(fmt::format("y{}", i), outputs[i]);
  random.graph = std::move(b).Build();
  return random;
}

}  // namespace descent

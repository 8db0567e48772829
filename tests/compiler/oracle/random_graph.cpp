#include "tests/compiler/oracle/random_graph.h"

#include <algorithm>
#include <cmath>

#include "ir/autodiff.h"
#include "ir/batch_axis.h"
#include "ir/expr.h"
#include "tests/compiler/oracle/constant_operands.h"
#include "tests/compiler/oracle/operator_deck.h"

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

/// Whether some operand's gradient goes through the node.
bool HasGradient(const OpDef& op) {
  return op.no_gradient.empty() && (op.vjp != nullptr || op.expand != nullptr);
}

std::vector<bool> ConstantsOf(const OpSample& sample) {
  Attributes attributes = sample.attributes;
  const OpDef& op = *FindOp(sample.op);
  DESCENT_CHECK(InferTypes(op, sample.operands, attributes).has_value(), "samples are valid");
  return ConstantOperands(op, {sample.operands, attributes}, sample.differentiated_result);
}

}  // namespace

GraphGrower::GraphGrower(uint64_t seed, const RandomGraphOptions& options)
    : seed_(seed), random_(seed * 0x9E3779B97F4A7C15 + 1), options_(options) {}

void GraphGrower::Grow() {
  for (const SampledOperator* next : Deal(seed_, options_.operators, options_.smooth)) {
    const OpSample& sample = *next->samples[random_() % next->samples.size()];
    // Constants of gradients are rounded to their type: that must not blur derivatives.
    if (options_.smooth)
      Add(InDouble(sample));
    else
      Add(random_() % 3 == 0 ? sample : Varied(sample, random_));
  }
}

void GraphGrower::Add(const OpSample& sample) {
  if (options_.batch.rows > 0)
    if (const auto placed = WithRows(sample, options_.batch, random_)) return Add(*placed);
  Add(RowSample{sample, std::vector<int>(sample.operands.size(), kNoBatchAxis), {}});
}

void GraphGrower::Add(const RowSample& placed) {
  const OpSample& sample = placed.sample;
  const std::vector<Tensor> generated = SampleOperands(sample);
  std::vector<Value> operands;
  sources_.clear();
  read_constants_.clear();
  for (size_t i = 0; i < sample.operands.size(); ++i)
    operands.push_back(OperandFor(placed, i, generated[i]));
  const auto results = b_.TryAdd(sample.op, operands, sample.attributes);
  DESCENT_CHECK(results.has_value(), "a sample's operator takes operands of its types");
  const int differentiated = options_.smooth ? sample.differentiated_result : -1;
  for (const Value result : *results) {
    if (!placed.result_axes.empty() && placed.result_axes[result.result] != kNoBatchAxis)
      row_axes_[result] = placed.result_axes[result.result];
    if (differentiated < 0 || differentiated == result.result) pool_.push_back(result);
  }
}

int GraphGrower::RowAxis(Value value) const {
  const auto place = row_axes_.find(value);
  return place == row_axes_.end() ? kNoBatchAxis : place->second;
}

/// An earlier value, or a new input with the sample's own values. Where derivatives are to be
/// compared, what is a constant for them is one, and stands with the sample's other values: in
/// truth these may change it, and are chosen so that it does not count.
Value GraphGrower::OperandFor(const RowSample& placed, size_t operand, const Tensor& generated) {
  const OpSample& sample = placed.sample;
  const TensorType& type = sample.operands[operand];
  const int row_axis = placed.operand_axes[operand];
  if (options_.smooth) {
    const std::vector<bool> constants = ConstantsOf(sample);
    const bool any = std::ranges::find(constants, true) != constants.end();
    takes_constants_ |= any;
    if (any) return constants[operand] ? b_.Constant(generated) : NewInput(generated, row_axis);
  }
  const bool is_float = Info(type.dtype).is_float;
  std::vector<Value> candidates;
  for (const Value value : pool_) {
    const bool fits = is_float ? Info(b_.dtype(value)).is_float : b_.dtype(value) == type.dtype;
    const bool same_kind = (RowAxis(value) == kNoBatchAxis) == (row_axis == kNoBatchAxis);
    // Of one value with itself, too much is a tie or 0.
    const bool fresh = std::ranges::find(sources_, value) == sources_.end() || random_() % 8 == 0;
    if (fits && same_kind && fresh && b_.type(value).elements() > 0 && type.elements() > 0)
      candidates.push_back(value);
  }
  if (candidates.empty() || random_() % 4 == 0)
    return !options_.smooth && row_axis == kNoBatchAxis && random_() % 6 == 0
               ? NewConstant(sample, operand, generated)
               : NewInput(generated, row_axis);
  const Value source = candidates[random_() % candidates.size()];
  const auto moved = Into(source, sample, operand);
  if (!moved) return NewInput(generated, row_axis);
  read_.push_back(source);
  sources_.push_back(source);
  return row_axis == kNoBatchAxis ? Shaped(*moved, type.shape)
                                  : ShapedRows(*moved, RowAxis(source), type.shape, row_axis);
}

Value GraphGrower::NewInput(const Tensor& value, int row_axis) {
  inputs_.push_back(value);
  input_axes_.push_back(row_axis);
  const Value input = b_.Input(fmt::format("x{}", inputs_.size()), value.type());
  known_[input] = value;
  if (row_axis != kNoBatchAxis) row_axes_[input] = row_axis;
  if (Info(value.dtype()).is_float) float_inputs_.push_back(input);
  return input;
}

/// A constant with these values, or, where they lie in the range, with the first ones of an earlier
/// constant: its bytes are then the beginning of the other's, or the same in another shape.
Value GraphGrower::NewConstant(const OpSample& sample, size_t operand, const Tensor& value) {
  const Range range = RangeOf(sample, operand);
  const size_t bytes = value.bytes().size();
  for (size_t i = 0; i < constants_.size(); ++i) {
    const Tensor& earlier = constants_[i];
    // One operator reads the same numbers once, as it does of values.
    if (std::ranges::find(read_constants_, i) != read_constants_.end()) continue;
    if (earlier.dtype() != value.dtype() || earlier.bytes().size() < bytes) continue;
    const auto first = earlier.bytes().first(bytes);
    const Tensor again(value.type(), {first.begin(), first.end()});
    if (!range.Holds(RangeOf(again))) continue;
    read_constants_.push_back(i);
    return b_.Constant(again);
  }
  read_constants_.push_back(constants_.size());
  constants_.push_back(value);
  return b_.Constant(value);
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

/// The same, row by row; nothing of it says how many rows there are.
Value GraphGrower::ShapedRows(Value value, int row_axis, const Shape& shape, int new_axis) {
  Expr x(b_, value);
  if (x.shape() == shape && row_axis == new_axis) return x;
  std::vector<int64_t> outermost = {row_axis}, back(shape.size());
  for (int axis = 0; axis < x.rank(); ++axis)
    if (axis != row_axis) outermost.push_back(axis);
  const int64_t rows = options_.batch.rows;
  const int64_t have = Elements(x.shape()) / rows, want = Elements(shape) / rows;
  x = Reshape(Transpose(x, outermost), {-1, have});
  if (have < want) x = {b_, b_.Add("tile", {x}, {{"repeats", Shape{1, (want + have - 1) / have}}})};
  if (const int64_t rest = x.shape()[1] - want; rest > 0)
    x = {b_, b_.Add("split", {x}, {{"sizes", Shape{want, rest}}, {"axis", int64_t{1}}})};
  Shape apart = {-1};
  int64_t next = 1;
  for (size_t axis = 0; axis < shape.size(); ++axis) {
    const bool is_rows = static_cast<int>(axis) == new_axis;
    back[axis] = is_rows ? 0 : next++;
    if (!is_rows) apart.push_back(shape[axis]);
  }
  return Transpose(Reshape(x, apart), back);
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

std::optional<std::vector<Value>> GradientsOfSum(GraphBuilder& b, std::span<const Value> values,
                                                 std::span<const Value> wanted) {
  if (values.empty() || wanted.empty()) return std::nullopt;
  std::vector<Cotangent> cotangents;
  for (const Value value : values)
    cotangents.push_back({value, ExpandTo({b, b.ConstantLike(value, 1)}, b.shape(value))});
  auto gradients = ReverseWalk(b, cotangents, wanted);
  if (!gradients) return std::nullopt;  // e.g. a body holds an operator without gradient
  return *std::move(gradients);
}

RandomGraph MakeRandomGraph(uint64_t seed, const RandomGraphOptions& options) {
  GraphGrower grower(seed, options);
  grower.Grow();
  GraphBuilder& b = grower.builder();
  int number = 0;
  const auto output = [&](std::string_view prefix, std::span<const Value> values) {
    for (const Value value : values) b.Output(fmt::format("{}{}", prefix, number++), value);
  };
  output("y", grower.Results());
  if (options.gradients)
    if (const auto first = GradientsOfSum(b, grower.Differentiable(), grower.float_inputs())) {
      output(kFirstPrefix, *first);
      if (options.second)
        if (const auto second = GradientsOfSum(b, *first, grower.float_inputs()))
          output(kSecondPrefix, *second);
    }
  return {std::move(b).Build(), grower.inputs()};
}

}  // namespace descent
